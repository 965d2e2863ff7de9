//! `/v1/auth/check`: the hottest path, made for forward authentication by proxies.
//!
//! It answers 200, 401, 403 or 503 only, reads no body, and always sends every `X-Auth-*` header, so
//! that a client's own never survive a proxy that copies them.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use common::error::ErrorCode;
use common::id::{ClientId, SessionId, TenantId, UserId};
use common::time::Time;
use domain::tenant::Standing;
use serde::{Deserialize, Serialize};

use crate::app::authenticate::{Looked, Proof};
use crate::app::check::{self, Wanted};
use crate::app::{App, Client, Error};
use crate::http::body::JsonAnswer;
use crate::http::error::Refusal;
use crate::http::extract::{BearerFault, BearerOutcome, QueryParams};

const USER_ID: HeaderName = HeaderName::from_static("x-auth-user-id");
const TENANT_ID: HeaderName = HeaderName::from_static("x-auth-tenant-id");
const TENANT: HeaderName = HeaderName::from_static("x-auth-tenant");
const SESSION_ID: HeaderName = HeaderName::from_static("x-auth-session-id");
const ROLES: HeaderName = HeaderName::from_static("x-auth-roles");
const SUBSCRIPTION: HeaderName = HeaderName::from_static("x-auth-subscription");
const ERROR: HeaderName = HeaderName::from_static("x-auth-error");

/// Answer to a check that holds.
#[derive(Debug, Serialize)]
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

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Query {
    permission: Vec<String>,
    any_permission: Vec<String>,
    include: Option<Include>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Include {
    Permissions,
}

/// Checks a token, and permissions if any are asked for.
pub(super) async fn check(
    State(app): State<Arc<App>>,
    client: Client,
    bearer: BearerOutcome,
    query: Result<QueryParams<Query>, Refusal>,
) -> Response {
    match decide(&app, client, bearer, query).await {
        Ok((checked, shows_permissions)) => allowed(&checked, shows_permissions),
        Err(error) => refused(error),
    }
}

async fn decide(
    app: &Arc<App>,
    client: Client,
    bearer: BearerOutcome,
    query: Result<QueryParams<Query>, Refusal>,
) -> Result<(Looked, bool), Error> {
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
    let checked = check::check(app, client, token.0.expose(), &wanted).await?;
    Ok((checked, query.0.include.is_some()))
}

/// Values are ids, slugs and names of a fixed alphabet, so they always are header values.
fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// What is shown of whoever stands behind the token: a service client is no user, so its id stands in
/// no header that an application takes for a user's.
fn view(looked: &Looked, shows_permissions: bool) -> CheckView {
    let (tenant, access) = match &looked.proof {
        Proof::User(state) => (&state.tenant, &state.access),
        Proof::Client(state) => (&state.tenant, &state.access),
    };
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
        expires_at: looked.expires_at(),
    };
    match &looked.proof {
        Proof::User(state) => CheckView {
            user_id: Some(state.session.user_id),
            session_id: Some(state.session.id),
            is_tenant_admin: state.is_tenant_admin,
            ..view
        },
        Proof::Client(state) => CheckView {
            client_id: Some(state.client.id),
            ..view
        },
    }
}

fn allowed(looked: &Looked, shows_permissions: bool) -> Response {
    let view = view(looked, shows_permissions);
    let roles = value(&view.roles.join(","));
    let (user, session) = (optional(view.user_id), optional(view.session_id));
    let (tenant_id, tenant) = (value(&view.tenant_id.to_string()), value(&view.tenant));
    let mut response = JsonAnswer(view).into_response();
    let subscription = match looked.standing {
        Standing::Grace => "grace",
        Standing::Active | Standing::Suspended | Standing::Ended => "active",
    };
    let headers = response.headers_mut();
    headers.insert(USER_ID, user);
    headers.insert(TENANT_ID, tenant_id);
    headers.insert(TENANT, tenant);
    headers.insert(SESSION_ID, session);
    headers.insert(ROLES, roles);
    headers.insert(SUBSCRIPTION, HeaderValue::from_static(subscription));
    headers.insert(ERROR, HeaderValue::from_static(""));
    response
}

fn optional(id: Option<impl ToString>) -> HeaderValue {
    value(&id.map(|id| id.to_string()).unwrap_or_default())
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
