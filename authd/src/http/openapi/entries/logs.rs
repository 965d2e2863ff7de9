//! Attempts, locks, sessions and changes.

use crate::http::openapi::entry::{Entry, entry};

pub(super) fn entries() -> Vec<Entry> {
    vec![
        entry("GET /v1/login-attempts", "List attempts to sign in").says("The newest first."),
        entry(
            "GET /v1/users/{id}/login-attempts",
            "List attempts to sign in as a user",
        ),
        entry("GET /v1/lockouts", "List names that are locked"),
        entry("GET /v1/sessions", "List live sessions").says("The newest first."),
        entry("GET /v1/users/{id}/sessions", "List a user's live sessions"),
        entry(
            "DELETE /v1/users/{id}/sessions",
            "End all sessions of a user",
        )
        .empty(204),
        entry(
            "DELETE /v1/users/{id}/sessions/{session}",
            "End a session of a user",
        )
        .empty(204),
        entry("GET /v1/audit", "List changes").says("The newest first."),
    ]
}
