//! `/v1/me…`.

use common::error::ErrorCode::{
    Conflict, InvalidCredentials, NotFound, RateLimited, ValidationFailed,
};

use super::users::PICTURES;
use crate::http::openapi::entry::{Entry, entry};

pub(super) fn entries() -> Vec<Entry> {
    vec![
        entry("GET /v1/me", "Show one's account").fails(&[NotFound]),
        entry("PATCH /v1/me", "Change one's account")
            .says("Members that are absent stay, null takes away.")
            .example(
                r#"{"name":{"given":"Ada","family":"Achieng","display":"Ada A."},"phone":"+254700123456","address":{"line1":"Moi Avenue 1","line2":"Floor 2","city":"Nairobi","region":"Nairobi","postal_code":"00100","country":"KE"},"locale":"sw-KE"}"#,
            ),
        entry("POST /v1/me/email", "Ask for another address")
            .says("Accepted, whoever has it: the new address must be verified, the old one is told.")
            .empty(202)
            .fails(&[
                ValidationFailed,
                InvalidCredentials,
                Conflict,
                RateLimited,
            ])
            .example(
                r#"{"new_email":"ada@example.com","current_password":"seven blue herons walk home"}"#,
            ),
        entry("PUT /v1/me/picture", "Set one's picture")
            .says("JPEG, PNG or WebP up to 5 MiB and 40 megapixels.")
            .fails(&[NotFound]),
        entry("GET /v1/me/picture", "Fetch one's picture")
            .content(PICTURES)
            .fails(&[NotFound]),
        entry("DELETE /v1/me/picture", "Remove one's picture")
            .empty(204)
            .fails(&[NotFound]),
        entry("GET /v1/me/login-attempts", "List attempts to sign in as oneself"),
        entry("GET /v1/me/permissions", "List what one may do")
            .says("Names of permissions; `ALL_PERMISSIONS` alone for who may do everything."),
        entry("GET /v1/me/sessions", "List one's live sessions"),
        entry("DELETE /v1/me/sessions/{id}", "End one of one's sessions").empty(204),
    ]
}
