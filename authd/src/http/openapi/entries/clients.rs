//! `/v1/clients…`.

use common::error::ErrorCode::{Conflict, NameTaken, ReauthenticationRequired, ValidationFailed};

use crate::http::clients::MadeView;
use crate::http::openapi::entry::{Entry, entry};

pub(super) fn entries() -> Vec<Entry> {
    vec![
        entry("GET /v1/clients", "List service clients").says("By name."),
        entry("POST /v1/clients", "Make a service client")
            .says("The answer has its secret, shown this once.")
            .json::<MadeView>(201)
            .makes()
            .fails(&[
                ValidationFailed,
                NameTaken,
                Conflict,
                ReauthenticationRequired,
            ])
            .example(r#"{"name":"till","scopes":["introspect"],"roles":[],"expires_at":null}"#),
        entry("GET /v1/clients/{id}", "Show a service client"),
        entry("PATCH /v1/clients/{id}", "Change a service client")
            .says("Its tag does not move by use: `last_used_at` is no part of it.")
            .fails(&[
                ValidationFailed,
                NameTaken,
                Conflict,
                ReauthenticationRequired,
            ])
            .example(r#"{"name":"till","scopes":["introspect","revoke"],"roles":[]}"#),
        entry("DELETE /v1/clients/{id}", "Remove a service client")
            .says("Its tokens and secrets are dead when this is answered.")
            .empty(204),
        entry("POST /v1/clients/{id}/rotate", "Make another secret")
            .says("Shown this once. The one before stays good, unless `now` ends it.")
            .json::<MadeView>(200)
            .fails(&[Conflict, ReauthenticationRequired])
            .example(r#"{"now":false}"#),
    ]
}
