//! `/v1/users…`.

use common::error::ErrorCode::{
    Conflict, EmailTaken, LastAdmin, RateLimited, ReauthenticationRequired, UserLimitReached,
    ValidationFailed,
};

use super::roles::TAG;
use crate::http::openapi::entry::{Entry, entry};
use crate::http::users::MadeView;

/// What pictures are, whatever was uploaded.
pub(super) const PICTURES: &[&str] = &["image/jpeg", "image/png"];

pub(super) fn entries() -> Vec<Entry> {
    let mut entries = accounts();
    entries.extend(acts());
    entries.extend(rights());
    entries
}

fn accounts() -> Vec<Entry> {
    vec![
        entry("GET /v1/users", "List users").says("By address."),
        entry("POST /v1/users", "Make an employee")
            .says(
                "A generated password goes out in the welcome mail. Where the setting \
                 `employees.show_password` is on, the answer has it instead, once.",
            )
            .json::<MadeView>(201)
            .makes()
            .bearing("ETag", TAG)
            .fails(&[
                ValidationFailed,
                EmailTaken,
                Conflict,
                UserLimitReached,
                ReauthenticationRequired,
            ])
            .example(
                r#"{"email":"grace@acme.test","name":{"given":"Grace","family":"Otieno","display":"Grace O."},"phone":"+254700123456","address":{"line1":"Moi Avenue 1","line2":"Floor 2","city":"Nairobi","region":"Nairobi","postal_code":"00100","country":"KE"},"locale":"en-KE","employee":{"employee_id":"E-17","kra_pin":"A123456789X"},"external_refs":{},"roles":[],"is_tenant_admin":false}"#,
            ),
        entry("GET /v1/users/{id}", "Show a user"),
        entry("PATCH /v1/users/{id}", "Change a user")
            .says(
                "Another address waits until its owner confirms it, and the present one is told. \
                 One's own is changed by `POST /v1/me/email`.",
            )
            .fails(&[
                ReauthenticationRequired,
                LastAdmin,
                EmailTaken,
                Conflict,
                RateLimited,
            ])
            .example(
                r#"{"name":{"given":"Grace","family":"Otieno","display":"Grace O."},"phone":"+254700123456","address":{"line1":"Moi Avenue 1","line2":"Floor 2","city":"Nairobi","region":"Nairobi","postal_code":"00100","country":"KE"},"locale":"en-KE","employee":{"employee_id":"E-17","kra_pin":"A123456789X"},"external_refs":{},"is_tenant_admin":false}"#,
            ),
        entry("DELETE /v1/users/{id}", "Delete a user")
            .empty(204)
            .fails(&[LastAdmin]),
        entry("PUT /v1/users/{id}/picture", "Set a user's picture")
            .says("JPEG, PNG or WebP up to 5 MiB and 40 megapixels."),
        entry("DELETE /v1/users/{id}/picture", "Remove a user's picture").empty(204),
    ]
}

fn acts() -> Vec<Entry> {
    vec![
        entry("POST /v1/users/{id}/disable", "Close a user")
            .says("Ends its sessions.")
            .empty(204)
            .fails(&[LastAdmin]),
        entry("POST /v1/users/{id}/enable", "Open a user again").empty(204),
        entry(
            "POST /v1/users/{id}/unlock",
            "End the lock of a user's name",
        )
        .empty(204),
        entry(
            "POST /v1/users/{id}/password-reset",
            "Mail a user a link for a new password",
        )
        .empty(202)
        .fails(&[Conflict]),
        entry(
            "POST /v1/users/{id}/resend-invitation",
            "Mail an invited user a new password",
        )
        .empty(202)
        .fails(&[Conflict]),
    ]
}

fn rights() -> Vec<Entry> {
    vec![
        entry("GET /v1/users/{id}/roles", "List a user's roles"),
        entry("PUT /v1/users/{id}/roles", "Replace a user's roles")
            .fails(&[ValidationFailed, ReauthenticationRequired, LastAdmin])
            .example(r#"{"roles":["cashier"]}"#),
        entry("POST /v1/users/{id}/roles", "Give a user a role")
            .empty(204)
            .fails(&[ValidationFailed, ReauthenticationRequired])
            .example(r#"{"role":"cashier"}"#),
        entry(
            "DELETE /v1/users/{id}/roles/{role}",
            "Take a role from a user",
        )
        .empty(204)
        .fails(&[LastAdmin]),
        entry("GET /v1/users/{id}/permissions", "List what a user may do"),
    ]
}
