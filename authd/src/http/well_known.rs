//! What verifiers and clients discover: the keys (RFC 7517) and the metadata (RFC 8414).

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::app::{App, key};
use crate::http::body::JsonAnswer;
use crate::http::extract::NoQuery;

/// How a service client proves itself.
const BASIC: [&str; 1] = ["client_secret_basic"];

/// The public halves of the signing keys.
pub(super) async fn jwks(State(app): State<Arc<App>>, _: NoQuery) -> Response {
    let mut response = JsonAnswer(app.keys.jwks()).into_response();
    let seconds = key::jwks_max_age(&app.settings().keys).as_secs();
    if let Ok(value) = HeaderValue::from_str(&format!("public, max-age={seconds}")) {
        response.headers_mut().insert(header::CACHE_CONTROL, value);
    }
    response
}

/// The metadata of the issuer; it names only what exists.
pub(super) async fn metadata(State(app): State<Arc<App>>, _: NoQuery) -> Response {
    let settings = app.settings();
    let issuer = &settings.issuer;
    JsonAnswer(json!({
        "issuer": issuer,
        "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
        "response_types_supported": [],
        "grant_types_supported": ["client_credentials"],
        "token_endpoint": format!("{issuer}/oauth2/token"),
        "token_endpoint_auth_methods_supported": BASIC,
        "introspection_endpoint": format!("{issuer}/oauth2/introspect"),
        "introspection_endpoint_auth_methods_supported": BASIC,
        "revocation_endpoint": format!("{issuer}/oauth2/revoke"),
        "revocation_endpoint_auth_methods_supported": BASIC,
    }))
    .into_response()
}
