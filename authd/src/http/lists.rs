//! What happened in a tenant and what is open in it: attempts, locks, sessions and changes, as its
//! administrators read them; and the sessions and attempts of one user.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use common::call::session as sessions_of;
use common::call::{Paging, attempt as attempts, audit as changes, lockout as locks};
use common::time::Time;
use common::view::{AttemptView, AuditView, LockoutView, Page, SessionView};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::app::{App, attempt, audit, lockout, session};
use crate::http::authenticated::Administering;
use crate::http::body::JsonAnswer;
use crate::http::error::Refusal;
use crate::http::extract::{NoQuery, QueryParams};

/// What attempts are narrowed to.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AttemptFilters {
    user: Option<String>,
    ip: Option<String>,
    failed: bool,
    since: Option<Time>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// What locks are narrowed to.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LockoutFilters {
    include_unknown: bool,
    ip: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// What sessions are narrowed to.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SessionFilters {
    user: Option<String>,
    device: Option<String>,
    ip: Option<String>,
    idle_seconds: Option<u64>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// What changes are narrowed to.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AuditFilters {
    actor: Option<String>,
    action: Option<String>,
    object: Option<String>,
    since: Option<Time>,
    until: Option<Time>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// Attempts to sign in, the newest first.
pub(super) async fn login_attempts(
    State(app): State<Arc<App>>,
    by: Administering,
    QueryParams(filters): QueryParams<AttemptFilters>,
) -> Result<JsonAnswer<Page<AttemptView>>, Refusal> {
    let request = attempts::List {
        tenant: None,
        user: filters.user,
        ip: filters.ip,
        failed: filters.failed,
        since: filters.since,
        limit: filters.limit,
        cursor: filters.cursor,
    };
    Ok(JsonAnswer(attempt::list(&app, &by.0, request).await?))
}

/// Those of one user.
pub(super) async fn login_attempts_of(
    State(app): State<Arc<App>>,
    by: Administering,
    Path(id): Path<String>,
    QueryParams(paging): QueryParams<Paging>,
) -> Result<JsonAnswer<Page<AttemptView>>, Refusal> {
    let request = attempts::List {
        user: Some(id),
        limit: paging.limit,
        cursor: paging.cursor,
        ..attempts::List::default()
    };
    Ok(JsonAnswer(attempt::list(&app, &by.0, request).await?))
}

/// Names that are locked now.
pub(super) async fn lockouts(
    State(app): State<Arc<App>>,
    by: Administering,
    QueryParams(filters): QueryParams<LockoutFilters>,
) -> Result<JsonAnswer<Page<LockoutView>>, Refusal> {
    let request = locks::List {
        tenant: None,
        include_unknown: filters.include_unknown,
        ip: filters.ip,
        limit: filters.limit,
        cursor: filters.cursor,
    };
    Ok(JsonAnswer(lockout::list(&app, &by.0, request).await?))
}

/// Sessions that are alive, the newest first.
pub(super) async fn sessions(
    State(app): State<Arc<App>>,
    by: Administering,
    QueryParams(filters): QueryParams<SessionFilters>,
) -> Result<JsonAnswer<Page<SessionView>>, Refusal> {
    let request = sessions_of::List {
        tenant: None,
        user: filters.user,
        device: filters.device,
        ip: filters.ip,
        idle_seconds: filters.idle_seconds,
        limit: filters.limit,
        cursor: filters.cursor,
    };
    Ok(JsonAnswer(session::list(&app, &by.0, request).await?))
}

/// Those of one user.
pub(super) async fn sessions_of_user(
    State(app): State<Arc<App>>,
    by: Administering,
    Path(id): Path<String>,
    QueryParams(paging): QueryParams<Paging>,
) -> Result<JsonAnswer<Page<SessionView>>, Refusal> {
    let request = sessions_of::List {
        user: Some(id),
        limit: paging.limit,
        cursor: paging.cursor,
        ..sessions_of::List::default()
    };
    Ok(JsonAnswer(session::list(&app, &by.0, request).await?))
}

/// Ends all of them.
pub(super) async fn end_sessions(
    State(app): State<Arc<App>>,
    by: Administering,
    Path(id): Path<String>,
    _: NoQuery,
) -> Result<StatusCode, Refusal> {
    session::end_all(&app, &by.0, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends one of them.
pub(super) async fn end_session(
    State(app): State<Arc<App>>,
    by: Administering,
    Path((id, session_id)): Path<(String, String)>,
    _: NoQuery,
) -> Result<StatusCode, Refusal> {
    session::end_one(&app, &by.0, id, &session_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Changes, the newest first.
pub(super) async fn changes(
    State(app): State<Arc<App>>,
    by: Administering,
    QueryParams(filters): QueryParams<AuditFilters>,
) -> Result<JsonAnswer<Page<AuditView>>, Refusal> {
    let request = changes::List {
        tenant: None,
        actor: filters.actor,
        action: filters.action,
        object: filters.object,
        since: filters.since,
        until: filters.until,
        limit: filters.limit,
        cursor: filters.cursor,
    };
    Ok(JsonAnswer(audit::list(&app, &by.0, request).await?))
}
