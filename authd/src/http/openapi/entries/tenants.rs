//! `/v1/tenant…` and `/v1/tenants…`.

use common::error::ErrorCode::{
    Conflict, NameTaken, ReauthenticationRequired, UnknownField, UserLimitReached, ValidationFailed,
};
use common::view::TenantView;
use domain::setting::Setting;
use serde_json::{Map, Value, json};

use super::roles::TAG;
use crate::http::openapi::entry::{Entry, entry};

pub(super) fn entries() -> Vec<Entry> {
    let mut entries = own();
    entries.extend(all());
    entries
}

fn own() -> Vec<Entry> {
    vec![
        entry("GET /v1/tenant", "Show one's tenant"),
        entry("PATCH /v1/tenant", "Rename one's tenant").example(r#"{"name":"Acme Ltd"}"#),
        entry(
            "GET /v1/tenant/settings",
            "List the settings of one's tenant",
        )
        .says("With the value that holds, where it comes from, and who may set it."),
        entry(
            "PATCH /v1/tenant/settings",
            "Change settings of one's tenant",
        )
        .says(
            "Values are in the spelling of the configuration; null goes back to what it says. A \
                 tenant may become stricter than the operator, never looser.",
        )
        .body("SettingsPatch", settings)
        .fails(&[UnknownField, ReauthenticationRequired])
        .example(r#"{"lockout.threshold":"4"}"#),
        entry(
            "GET /v1/tenant/subscription",
            "Show one's tenant's subscription",
        ),
    ]
}

fn all() -> Vec<Entry> {
    vec![
        entry("GET /v1/tenants", "List tenants").says("By slug."),
        entry("POST /v1/tenants", "Make a tenant")
            .says("With its first administrator, where an address for one is given.")
            .json::<TenantView>(201)
            .makes()
            .bearing("ETag", TAG)
            .fails(&[
                ValidationFailed,
                NameTaken,
                UserLimitReached,
                ReauthenticationRequired,
            ])
            .example(
                r#"{"slug":"initech","name":"Initech","time_zone":"Africa/Nairobi","subscription":{"plan":"pro","ends_at":null,"max_users":20},"admin_email":null}"#,
            ),
        entry("GET /v1/tenants/{id}", "Show a tenant"),
        entry("PATCH /v1/tenants/{id}", "Change a tenant")
            .example(r#"{"name":"Acme Ltd","time_zone":"Africa/Nairobi"}"#),
        entry("DELETE /v1/tenants/{id}", "Delete a tenant")
            .says("Its data stay until they are purged.")
            .empty(204)
            .fails(&[ValidationFailed, ReauthenticationRequired]),
        entry(
            "PUT /v1/tenants/{id}/subscription",
            "Replace a tenant's subscription",
        )
        .fails(&[ValidationFailed])
        .example(r#"{"plan":"pro","ends_at":null,"max_users":null}"#),
        entry("POST /v1/tenants/{id}/suspend", "Close a tenant")
            .empty(204)
            .fails(&[Conflict]),
        entry("POST /v1/tenants/{id}/resume", "Open a tenant again")
            .empty(204)
            .fails(&[Conflict]),
    ]
}

/// A member for each key that tenants may have values for.
fn settings() -> Value {
    let member = |setting: Setting| {
        let schema = json!({"type": ["string", "null"]});
        (setting.name().to_owned(), schema)
    };
    let properties: Map<String, Value> = Setting::ALL.into_iter().map(member).collect();
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}
