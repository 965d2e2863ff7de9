//! `/v1/roles…`, `/v1/system-roles…`, `/v1/permissions…`.

use common::error::ErrorCode::{
    LastAdmin, NameTaken, ReauthenticationRequired, UnknownPermission, ValidationFailed,
};
use common::view::{PermissionView, RoleView};

use crate::http::openapi::entry::{Entry, entry};

pub(super) fn entries() -> Vec<Entry> {
    let mut entries = of_tenants();
    entries.extend(of_system());
    entries.extend(permissions());
    entries
}

fn of_tenants() -> Vec<Entry> {
    vec![
        entry("GET /v1/roles", "List roles").says("By name, the system roles first."),
        made(entry("POST /v1/roles", "Make a role")).example(
            r#"{"name":"cashier","description":"At the till","permissions":["users:view"]}"#,
        ),
        entry("GET /v1/roles/{id}", "Show a role"),
        changed(entry("PATCH /v1/roles/{id}", "Change a role")).example(
            r#"{"name":"cashier","description":"At the till","permissions":["users:view"]}"#,
        ),
        entry("DELETE /v1/roles/{id}", "Delete a role")
            .says("Whoever holds it loses it.")
            .empty(204)
            .fails(&[ReauthenticationRequired, LastAdmin]),
        entry("GET /v1/roles/{id}/permissions", "List what a role grants"),
        changed(entry(
            "PUT /v1/roles/{id}/permissions",
            "Replace what a role grants",
        ))
        .example(r#"{"permissions":["users:view"]}"#),
        entry("GET /v1/roles/{id}/members", "List who holds a role"),
    ]
}

fn of_system() -> Vec<Entry> {
    vec![
        entry("GET /v1/system-roles", "List system roles"),
        made(entry("POST /v1/system-roles", "Make a system role")).example(
            r#"{"name":"system:auditor","description":"Reads","permissions":["audit:view"]}"#,
        ),
        entry("GET /v1/system-roles/{id}", "Show a system role"),
        changed(entry("PATCH /v1/system-roles/{id}", "Change a system role")).example(
            r#"{"name":"system:auditor","description":"Reads","permissions":["audit:view"]}"#,
        ),
        entry("DELETE /v1/system-roles/{id}", "Delete a system role")
            .empty(204)
            .fails(&[ReauthenticationRequired, LastAdmin]),
        entry(
            "GET /v1/system-roles/{id}/permissions",
            "List what a system role grants",
        ),
        changed(entry(
            "PUT /v1/system-roles/{id}/permissions",
            "Replace what a system role grants",
        ))
        .example(r#"{"permissions":["audit:view"]}"#),
        entry(
            "GET /v1/system-roles/{id}/members",
            "List who holds a system role",
        ),
    ]
}

fn permissions() -> Vec<Entry> {
    vec![
        entry("GET /v1/permissions", "List the catalogue of permissions"),
        entry("POST /v1/permissions", "Define a permission")
            .json::<PermissionView>(201)
            .makes()
            .fails(&[ValidationFailed, NameTaken])
            .example(r#"{"name":"orders:edit","description":"Change orders"}"#),
        entry("DELETE /v1/permissions/{name}", "Remove a permission")
            .says("From the roles that grant it, too.")
            .empty(204)
            .fails(&[ValidationFailed, LastAdmin]),
    ]
}

fn made(entry: Entry) -> Entry {
    let entry = entry.json::<RoleView>(201).makes().bearing("ETag", TAG);
    entry.fails(&[
        ValidationFailed,
        UnknownPermission,
        NameTaken,
        ReauthenticationRequired,
    ])
}

/// What a tag is for.
pub(in crate::http::openapi) const TAG: &str = "Tag of the entity as it is, for `If-Match`.";

fn changed(entry: Entry) -> Entry {
    entry.fails(&[
        ValidationFailed,
        UnknownPermission,
        NameTaken,
        ReauthenticationRequired,
        LastAdmin,
    ])
}
