//! `/v1/auth/…`.

use common::error::ErrorCode::{
    AccountDisabled, Conflict, InvalidCredentials, InvalidToken, LinkExpired, LoginLocked,
    MissingToken, PasswordChangeRequired, PasswordRejected, PermissionDenied, RateLimited,
    RefreshTokenReused, RegistrationClosed, SessionExpired, SessionRevoked, SessionSuperseded,
    SubscriptionEnded, TenantSuspended, TokenExpired, UnknownPermission, UserLimitReached,
    ValidationFailed,
};

use crate::http::check::CheckView;
use crate::http::openapi::entry::{Entry, entry};

pub(super) fn entries() -> Vec<Entry> {
    let mut entries = sessions();
    entries.push(check());
    entries.extend(passwords());
    entries.extend(registration());
    entries
}

fn sessions() -> Vec<Entry> {
    vec![
        entry("POST /v1/auth/login", "Sign in")
            .says(
                "Failures of every name are counted and answered alike. With \
                 `password_change_required` there is no refresh token, and the access token is good \
                 for changing the password alone.",
            )
            .fails(&[
                ValidationFailed,
                InvalidCredentials,
                AccountDisabled,
                TenantSuspended,
                SubscriptionEnded,
                LoginLocked,
                RateLimited,
            ])
            .example(
                r#"{"tenant":"acme","email":"ada@acme.test","password":"seven blue herons walk home","device":{"id":"till-3","type":"terminal"}}"#,
            ),
        entry("POST /v1/auth/refresh", "Get new tokens")
            .says("Each refresh token is good for once.")
            .fails(&[
                InvalidToken,
                RefreshTokenReused,
                SessionExpired,
                SessionRevoked,
                SessionSuperseded,
                TenantSuspended,
                SubscriptionEnded,
            ])
            .example(r#"{"refresh_token":"authd_rt_example"}"#),
        entry("POST /v1/auth/logout", "Sign out")
            .says(
                "By access token, or by the refresh token in the body where that has expired. Both are \
                 dead when it answers.",
            )
            .empty(204)
            .bearing("Clear-Site-Data", "What a browser is to forget.")
            .fails(&[RefreshTokenReused])
            .example(r#"{"scope":"this"}"#),
    ]
}

fn check() -> Entry {
    entry("GET /v1/auth/check", "Check a token, and permissions")
        .says(
            "Made for forward authentication by proxies: it answers 200, 401, 403 or 503 only, \
                 and always sends every X-Auth header. `permission` may repeat: all are needed; of \
                 `any_permission` one is.",
        )
        .json::<CheckView>(200)
        .bearing(
            "X-Auth-User-Id",
            "Id of the user; empty for a service client.",
        )
        .bearing("X-Auth-Tenant-Id", "Id of the tenant.")
        .bearing("X-Auth-Tenant", "Slug of the tenant.")
        .bearing("X-Auth-Session-Id", "Id of the session.")
        .bearing("X-Auth-Roles", "Names of the roles, separated by commas.")
        .bearing("X-Auth-Subscription", "`active`, `grace` or `ended`.")
        .bearing("X-Auth-Error", "The code of a refusal.")
        .fails(&[
            MissingToken,
            InvalidToken,
            TokenExpired,
            SessionExpired,
            SessionRevoked,
            SessionSuperseded,
            PermissionDenied,
            PasswordChangeRequired,
            TenantSuspended,
            SubscriptionEnded,
            UnknownPermission,
        ])
}

fn passwords() -> Vec<Entry> {
    vec![
        entry("POST /v1/auth/password/change", "Change one's password")
            .says(
                "A wrong current password counts on the session's own counter, whose fifth failure ends \
                 the session. Success ends the other sessions.",
            )
            .empty(204)
            .fails(&[
                ValidationFailed,
                PasswordRejected,
                InvalidCredentials,
                Conflict,
            ])
            .example(
                r#"{"current_password":"seven blue herons walk home","new_password":"nine grey herons swim away"}"#,
            ),
        entry("POST /v1/auth/password/forgot", "Ask for a link that sets a new password")
            .says("Accepted, whoever has the name.")
            .empty(202)
            .fails(&[ValidationFailed])
            .example(r#"{"tenant":"acme","email":"ada@acme.test"}"#),
        entry("POST /v1/auth/password/reset", "Set a new password by a mailed link")
            .says("Ends all sessions and clears the lock; the owner is told by mail.")
            .empty(204)
            .fails(&[
                PasswordRejected,
                LinkExpired,
                TenantSuspended,
                SubscriptionEnded,
            ])
            .example(r#"{"token":"authd_pr_example","new_password":"nine grey herons swim away"}"#),
    ]
}

fn registration() -> Vec<Entry> {
    vec![
        entry("POST /v1/auth/register", "Register")
            .says("Accepted, whoever has the address; its owner gets a mail.")
            .empty(202)
            .fails(&[
                ValidationFailed,
                PasswordRejected,
                RegistrationClosed,
            ])
            .example(
                r#"{"tenant":"acme","email":"grace@example.com","password":"nine grey herons swim away","name":{"given":"Grace","family":"Otieno","display":"Grace O."},"phone":"+254700123456","address":{"line1":"Moi Avenue 1","line2":"Floor 2","city":"Nairobi","region":"Nairobi","postal_code":"00100","country":"KE"},"locale":"en-KE"}"#,
            ),
        entry("POST /v1/auth/verify-email", "Complete a registration")
            .says(
                "By the token of its mail and its password; the fifth wrong password kills the token. No \
                 tokens: sign in.",
            )
            .fails(&[
                ValidationFailed,
                InvalidCredentials,
                LinkExpired,
                UserLimitReached,
                RegistrationClosed,
                TenantSuspended,
                SubscriptionEnded,
            ])
            .example(r#"{"token":"authd_ev_example","password":"nine grey herons swim away"}"#),
        entry("POST /v1/auth/verify-email/resend", "Ask for the mail of a registration again")
            .says("Accepted, whether there is one.")
            .empty(202)
            .fails(&[ValidationFailed])
            .example(r#"{"tenant":"acme","email":"grace@example.com"}"#),
        entry("POST /v1/auth/confirm-email", "Confirm a changed address")
            .empty(204)
            .fails(&[LinkExpired, TenantSuspended, SubscriptionEnded])
            .example(r#"{"token":"authd_ec_example"}"#),
    ]
}
