//! `/oauth2/…`: the endpoints of the standards for service clients: tokens by client credentials
//! (RFC 6749 4.4), introspection (RFC 7662), revocation (RFC 7009).

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse, Response};
use common::secret::{RevealedSecret, Secret};
use domain::token::Audience;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::app::client::token;
use crate::app::introspect::{Active, introspect as look_at};
use crate::app::{App, Error, revoke as revocation};
use crate::http::basic::ProvedClient;
use crate::http::body::JsonAnswer;
use crate::http::error::Refusal;
use crate::http::extract::NoQuery;
use crate::http::form::FormBody;

/// What is said of every token that is not active, whatever the reason.
const INACTIVE: &str = "{\"active\":false}";

/// Form of a token request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenForm {
    #[schemars(extend("const" = "client_credentials"))]
    grant_type: String,
    #[schemars(skip)]
    scope: Option<String>,
}

/// Form of an introspection or a revocation. The hint is of no use: tokens tell their kind.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenOf {
    token: Secret<String>,
    #[serde(rename = "token_type_hint")]
    _hint: Option<String>,
}

/// Answer to a token request.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct TokenAnswer {
    access_token: RevealedSecret,
    #[schemars(extend("const" = "Bearer"))]
    token_type: &'static str,
    expires_in: u64,
}

/// Gives a client a token of its own.
pub(super) async fn token(
    State(app): State<Arc<App>>,
    client: ProvedClient,
    _: NoQuery,
    form: FormBody<TokenForm>,
) -> Result<JsonAnswer<TokenAnswer>, Refusal> {
    if form.0.grant_type != "client_credentials" {
        let what = "expected client_credentials";
        return Err(Error::field("/grant_type", "unsupported_grant_type", what).into());
    }
    if form.0.scope.is_some() {
        let what = "tokens of clients carry roles and no scopes; leave it out";
        return Err(Error::field("/scope", "invalid_scope", what).into());
    }
    let made = token::issue(&app, &client.0)?;
    Ok(JsonAnswer(TokenAnswer {
        access_token: RevealedSecret::new(&made.token),
        token_type: "Bearer",
        expires_in: made.expires_in.as_secs(),
    }))
}

/// One name or several.
#[expect(dead_code, reason = "a shape for the document alone")]
#[derive(JsonSchema)]
#[serde(untagged)]
enum Names {
    One(String),
    Many(Vec<String>),
}

/// What is said of an active token (RFC 7662 2.2).
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Introspection<'a> {
    active: bool,
    #[schemars(extend("const" = "Bearer"))]
    token_type: &'static str,
    iss: &'a str,
    #[schemars(with = "Names")]
    aud: &'a Audience,
    sub: String,
    client_id: String,
    jti: &'a str,
    iat: i64,
    nbf: i64,
    exp: i64,
    tid: String,
    tenant: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    roles: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    adm: Option<bool>,
}

impl<'a> Introspection<'a> {
    fn of(active: &'a Active) -> Option<Self> {
        if let Some(claims) = active.user() {
            return Some(Self {
                active: true,
                token_type: "Bearer",
                iss: &claims.iss,
                aud: &claims.aud,
                sub: claims.sub.to_string(),
                client_id: claims.client_id.clone(),
                jti: &claims.jti,
                iat: claims.iat,
                nbf: claims.nbf,
                exp: claims.exp,
                tid: claims.tid.to_string(),
                tenant: &claims.tenant,
                sid: Some(claims.sid.to_string()),
                auth_time: Some(claims.auth_time),
                roles: &active.roles,
                adm: Some(active.is_tenant_admin),
            });
        }
        let claims = active.client()?;
        Some(Self {
            active: true,
            token_type: "Bearer",
            iss: &claims.iss,
            aud: &claims.aud,
            sub: claims.sub.to_string(),
            client_id: claims.client_id.to_string(),
            jti: &claims.jti,
            iat: claims.iat,
            nbf: claims.nbf,
            exp: claims.exp,
            tid: claims.tid.to_string(),
            tenant: &claims.tenant,
            sid: None,
            auth_time: None,
            roles: &active.roles,
            adm: None,
        })
    }
}

/// Tells a client about a token of its tenant.
pub(super) async fn introspect(
    State(app): State<Arc<App>>,
    client: ProvedClient,
    _: NoQuery,
    form: FormBody<TokenOf>,
) -> Result<Response, Refusal> {
    let active = look_at(&app, &client.0, form.0.token.expose()).await?;
    Ok(match active.as_ref().and_then(Introspection::of) {
        Some(told) => JsonAnswer(told).into_response(),
        None => inactive(),
    })
}

fn inactive() -> Response {
    let kind = HeaderValue::from_static("application/json");
    ([(CONTENT_TYPE, kind)], INACTIVE).into_response()
}

/// Revokes a token of the client's tenant; what is unknown is revoked enough.
pub(super) async fn revoke(
    State(app): State<Arc<App>>,
    client: ProvedClient,
    _: NoQuery,
    form: FormBody<TokenOf>,
) -> Result<StatusCode, Refusal> {
    revocation::revoke(&app, &client.0, form.0.token).await?;
    Ok(StatusCode::OK)
}
