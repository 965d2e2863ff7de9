//! `/v1/auth/check`: the hottest path, made for forward authentication by proxies.
//!
//! It answers 200, 401, 403 or 503 only, reads no body, and always sends every `X-Auth-*` header, so
//! that a client's own never survive a proxy that copies them.

use std::ops::Range;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use common::error::ErrorCode;
use common::id::{ClientId, SessionId, TenantId, UserId};
use common::time::Time;
use domain::tenant::Standing;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::app::authenticate::{self, Proof, Who};
use crate::app::check::{self, Wanted};
use crate::app::{App, Error};
use crate::http::cors::{self, Grant};
use crate::http::error::Refusal;
use crate::http::extract::{Bearer, BearerFault, BearerOutcome, QueryParams};
use crate::http::headers;
use crate::serve::Head;

/// Where it is asked.
pub(super) const PATH: &str = "/v1/auth/check";

const USER_ID: HeaderName = HeaderName::from_static("x-auth-user-id");
const TENANT_ID: HeaderName = HeaderName::from_static("x-auth-tenant-id");
const TENANT: HeaderName = HeaderName::from_static("x-auth-tenant");
const SESSION_ID: HeaderName = HeaderName::from_static("x-auth-session-id");
const ROLES: HeaderName = HeaderName::from_static("x-auth-roles");
const SUBSCRIPTION: HeaderName = HeaderName::from_static("x-auth-subscription");
const ERROR: HeaderName = HeaderName::from_static("x-auth-error");

/// Answer to a check that holds.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CheckView {
    active: bool,
    user_id: Option<UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<ClientId>,
    tenant_id: TenantId,
    tenant: String,
    session_id: Option<SessionId>,
    is_tenant_admin: bool,
    roles: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions: Option<Vec<String>>,
    expires_at: Time,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Query {
    #[schemars(inner(regex(pattern = domain::permission::PERMISSION_PATTERN)))]
    permission: Vec<String>,
    #[schemars(inner(regex(pattern = domain::permission::PERMISSION_PATTERN)))]
    any_permission: Vec<String>,
    include: Option<Include>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Include {
    Permissions,
}

/// Checks a token, and permissions if any are asked for.
pub(super) async fn check(
    State(app): State<Arc<App>>,
    bearer: BearerOutcome,
    query: Result<QueryParams<Query>, Refusal>,
) -> Response {
    match decide(&app, bearer, query).await {
        Ok((proof, shows_permissions)) => allowed(&proof, shows_permissions),
        Err(error) => refused(error),
    }
}

async fn decide(
    app: &Arc<App>,
    bearer: BearerOutcome,
    query: Result<QueryParams<Query>, Refusal>,
) -> Result<(Proof, bool), Error> {
    let token = bearer.0.map_err(|fault| match fault {
        BearerFault::Missing => fault.into(),
        // 400 elsewhere; a proxy would turn that into an error of its own.
        BearerFault::Ambiguous => Error::new(ErrorCode::InvalidToken, "send one bearer token"),
    })?;
    let query = query.map_err(|refusal| Error {
        code: ErrorCode::PermissionDenied,
        ..refusal.0
    })?;
    let wanted = Wanted {
        all: query.0.permission,
        any: query.0.any_permission,
    };
    let proof = check::check(app, token.0.expose(), &wanted).await?;
    Ok((proof, query.0.include.is_some()))
}

/// Values are ids, slugs and names of a fixed alphabet, so they always are header values.
fn value(text: &Bytes, part: Range<usize>) -> HeaderValue {
    HeaderValue::from_maybe_shared(text.slice(part))
        .unwrap_or_else(|_| HeaderValue::from_static(""))
}

fn allowed(proof: &Proof, shows_permissions: bool) -> Response {
    match Shown::of(proof, shows_permissions) {
        Ok(shown) => {
            let mut response = Response::new(Body::from(shown.body.clone()));
            shown.put(proof.standing, response.headers_mut());
            response
        }
        Err(error) => Refusal(Error::internal(error)).into_response(),
    }
}

/// What is shown of whoever stands behind the token: a service client is no user, so its id stands in
/// no header that an application takes for a user's.
fn view(proof: &Proof, shows_permissions: bool) -> CheckView {
    let (tenant, access) = (proof.who.tenant(), proof.who.access());
    let view = CheckView {
        active: true,
        user_id: None,
        client_id: None,
        tenant_id: tenant.id,
        tenant: tenant.slug.to_string(),
        session_id: None,
        is_tenant_admin: false,
        roles: access.roles.iter().map(ToString::to_string).collect(),
        permissions: shows_permissions.then(|| access.rights.names()),
        expires_at: proof.expires_at,
    };
    match &proof.who {
        Who::User(state) => CheckView {
            user_id: Some(state.session.user_id),
            session_id: Some(state.session.id),
            is_tenant_admin: state.is_tenant_admin,
            ..view
        },
        Who::Client(state) => CheckView {
            client_id: Some(state.client.id),
            ..view
        },
    }
}

/// What an answer says of a token and whose it is; only the subscription moves on with time.
struct Shown {
    body: Bytes,
    user_id: HeaderValue,
    tenant_id: HeaderValue,
    tenant: HeaderValue,
    session_id: HeaderValue,
    roles: HeaderValue,
}

impl Shown {
    /// All of it is in one piece of memory, which an answer takes a share of at once.
    fn of(proof: &Proof, shows_permissions: bool) -> Result<Self, serde_json::Error> {
        let view = view(proof, shows_permissions);
        let mut text = serde_json::to_vec(&view)?;
        let body = 0..text.len();
        let mut put = |part: &str| {
            let begin = text.len();
            text.extend_from_slice(part.as_bytes());
            begin..text.len()
        };
        let user_id = put(&optional(view.user_id));
        let tenant_id = put(&view.tenant_id.to_string());
        let tenant = put(&view.tenant);
        let session_id = put(&optional(view.session_id));
        let roles = put(&view.roles.join(","));
        let text = Bytes::from(text.into_boxed_slice());
        let value = |part: Range<usize>| value(&text, part);
        Ok(Self {
            body: text.slice(body),
            user_id: value(user_id),
            tenant_id: value(tenant_id),
            tenant: value(tenant),
            session_id: value(session_id),
            roles: value(roles),
        })
    }

    fn put(&self, standing: Standing, headers: &mut HeaderMap) {
        let subscription = match standing {
            Standing::Grace => "grace",
            Standing::Active | Standing::Suspended | Standing::Ended => "active",
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(USER_ID, self.user_id.clone());
        headers.insert(TENANT_ID, self.tenant_id.clone());
        headers.insert(TENANT, self.tenant.clone());
        headers.insert(SESSION_ID, self.session_id.clone());
        headers.insert(ROLES, self.roles.clone());
        headers.insert(SUBSCRIPTION, HeaderValue::from_static(subscription));
        headers.insert(ERROR, HeaderValue::from_static(""));
    }
}

/// The headers of an answer that is ready, in the order of one that went through the router; what
/// differs between two such answers is put in its place by [`ready`].
pub(super) fn pattern() -> HeaderMap {
    let nothing = HeaderValue::from_static("");
    let shown = Shown {
        body: Bytes::new(),
        user_id: nothing.clone(),
        tenant_id: nothing.clone(),
        tenant: nothing.clone(),
        session_id: nothing.clone(),
        roles: nothing,
    };
    let mut headers = HeaderMap::new();
    shown.put(Standing::Active, &mut headers);
    cors::vary(&mut headers);
    headers::prepare(&mut headers);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(0));
    headers
}

/// The answer to a warm check of a live session, but for the ids of the request and what the page
/// that asks is granted; none where the router has to give it. [`check`] gives the same answer.
pub(super) fn ready(
    app: &App,
    pattern: &HeaderMap,
    head: &Head<'_>,
) -> Option<(Response, Option<Grant>)> {
    let is_plain = head.method == Method::GET && head.uri.query().is_none() && !head.has_body;
    if !is_plain || head.uri.path() != PATH {
        return None;
    }
    let token = Bearer::text_of(head.headers).ok()?;
    let (remembered, proof) = authenticate::at_once(app, token)?;
    let shown: &Option<Shown> = remembered.shown(|_| Shown::of(&proof, false).ok())?;
    let shown = shown.as_ref()?;
    let mut response = Response::new(Body::from(shown.body.clone()));
    let headers = response.headers_mut();
    headers.clone_from(pattern);
    shown.put(proof.standing, headers);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(shown.body.len()));
    let grant = Grant::of(
        &app.settings.peek().cors,
        &remembered.state.settings,
        head.headers,
    );
    Some((response, grant))
}

fn optional(id: Option<impl ToString>) -> String {
    id.map(|id| id.to_string()).unwrap_or_default()
}

fn refused(error: Error) -> Response {
    // Only these three leave this endpoint.
    let status = match error.code.status() {
        401 => StatusCode::UNAUTHORIZED,
        403 => StatusCode::FORBIDDEN,
        _ if error.code == ErrorCode::UnknownPermission => StatusCode::FORBIDDEN,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    let code = error.code;
    let mut response = Refusal(error).answered_with(status);
    let headers = response.headers_mut();
    for name in [USER_ID, TENANT_ID, TENANT, SESSION_ID, ROLES, SUBSCRIPTION] {
        headers.insert(name, HeaderValue::from_static(""));
    }
    if code == ErrorCode::SubscriptionEnded {
        headers.insert(SUBSCRIPTION, HeaderValue::from_static("ended"));
    }
    headers.insert(ERROR, HeaderValue::from_static(code.as_str()));
    response
}
