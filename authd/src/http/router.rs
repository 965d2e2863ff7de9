//! Every route of the HTTP API on one page.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, post};

use crate::app::App;
use crate::http::{auth, check, health, maintenance, me, oauth, pages, revocations, well_known};

/// Routes that authenticate nobody; a test holds this list against the router.
pub const PUBLIC_ROUTES: &[(&str, &str)] = &[
    ("POST", "/v1/auth/login"),
    ("POST", "/v1/auth/refresh"),
    ("POST", "/v1/auth/logout"),
    ("POST", "/v1/auth/password/forgot"),
    ("POST", "/v1/auth/password/reset"),
    ("GET", "/.well-known/jwks.json"),
    ("GET", "/.well-known/oauth-authorization-server"),
    ("GET", "/reset-password"),
    ("GET", "/pages/reset-password.js"),
    ("GET", "/pages/pages.css"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
];

/// Routes that prove who asks.
pub const SIGNED_IN_ROUTES: &[(&str, &str)] = &[
    ("POST", "/v1/auth/password/change"),
    ("GET", "/v1/auth/check"),
    ("GET", "/v1/me"),
    ("GET", "/v1/me/permissions"),
    ("GET", "/v1/me/sessions"),
    ("DELETE", "/v1/me/sessions/{id}"),
];

/// Routes that a service client proves itself for, by its secret.
pub const CLIENT_ROUTES: &[(&str, &str)] = &[
    ("POST", "/oauth2/token"),
    ("POST", "/oauth2/introspect"),
    ("POST", "/oauth2/revoke"),
    ("GET", "/v1/revocations"),
];

/// Routes that answer while the API is closed for maintenance: other services go on checking tokens.
pub const OPEN_IN_MAINTENANCE: &[&str] = &[
    "/healthz",
    "/readyz",
    "/.well-known/jwks.json",
    "/v1/auth/check",
    "/oauth2/introspect",
    "/v1/revocations",
];

/// The API behind its guard, without the layers that [`crate::http::edge`] puts around it.
pub fn api(app: &Arc<App>) -> Router {
    let guard = from_fn_with_state(Arc::clone(app), maintenance::guard);
    routes().route_layer(guard).with_state(Arc::clone(app))
}

/// The API's routes.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/auth/login", post(auth::sign_in))
        .route("/v1/auth/refresh", post(auth::refresh))
        .route("/v1/auth/logout", post(auth::sign_out))
        .route("/v1/auth/check", get(check::check))
        .route("/v1/auth/password/change", post(auth::change_password))
        .route("/v1/auth/password/forgot", post(auth::forgot_password))
        .route("/v1/auth/password/reset", post(auth::reset_password))
        .route("/v1/me", get(me::show))
        .route("/v1/me/permissions", get(me::permissions))
        .route("/v1/me/sessions", get(me::sessions))
        .route("/v1/me/sessions/{id}", delete(me::end_session))
        .route("/oauth2/token", post(oauth::token))
        .route("/oauth2/introspect", post(oauth::introspect))
        .route("/oauth2/revoke", post(oauth::revoke))
        .route("/v1/revocations", get(revocations::page))
        .route("/.well-known/jwks.json", get(well_known::jwks))
        .route(
            "/.well-known/oauth-authorization-server",
            get(well_known::metadata),
        )
        .route("/reset-password", get(pages::reset_password))
        .route(
            "/pages/reset-password.js",
            get(pages::reset_password_script),
        )
        .route("/pages/pages.css", get(pages::style))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
}
