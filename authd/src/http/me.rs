//! `/v1/me…`: the signed-in user's own account and sessions.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use common::call::Paging;
use common::view::{AttemptView, Page, SessionView, UserView};

use crate::app::me::ProfilePatch;
use crate::app::{App, Error, attempt, me, session, user};
use crate::http::authenticated::Authenticated;
use crate::http::body::{EntityAnswer, JsonAnswer, PatchBody};
use crate::http::conditional::IfMatch;
use crate::http::error::Refusal;
use crate::http::extract::{NoQuery, QueryParams};
use crate::http::view;

/// The user.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    caller: Authenticated,
    _: NoQuery,
) -> Result<EntityAnswer<UserView>, Refusal> {
    Ok(EntityAnswer(user::own(&me::show(&app, &caller.0).await?)))
}

/// Changes what a user may change of it.
pub(super) async fn update(
    State(app): State<Arc<App>>,
    caller: Authenticated,
    _: NoQuery,
    IfMatch(expected): IfMatch,
    PatchBody(patch): PatchBody<ProfilePatch>,
) -> Result<EntityAnswer<UserView>, Refusal> {
    let changed = me::update(&app, &caller.0, patch, expected).await?;
    Ok(EntityAnswer(user::own(&changed)))
}

/// Attempts to sign in as the user, the newest first.
pub(super) async fn login_attempts(
    State(app): State<Arc<App>>,
    caller: Authenticated,
    QueryParams(paging): QueryParams<Paging>,
) -> Result<JsonAnswer<Page<AttemptView>>, Refusal> {
    Ok(JsonAnswer(attempt::own(&app, &caller.0, &paging).await?))
}

/// What the user may do: names of permissions, `ALL_PERMISSIONS` alone for who may everything.
pub(super) async fn permissions(caller: Authenticated, _: NoQuery) -> JsonAnswer<Page<String>> {
    JsonAnswer(Page {
        items: caller.0.access.rights.names(),
        next_cursor: None,
    })
}

/// The user's live sessions, the newest first.
pub(super) async fn sessions(
    State(app): State<Arc<App>>,
    caller: Authenticated,
    QueryParams(paging): QueryParams<Paging>,
) -> Result<JsonAnswer<Page<SessionView>>, Refusal> {
    let (page, limits) = session::own(&app, &caller.0, &paging).await?;
    let current = caller.0.session_id;
    let items = page
        .items
        .iter()
        .map(|session| view::session(session, &limits, current))
        .collect();
    Ok(JsonAnswer(Page {
        items,
        next_cursor: page.next_cursor,
    }))
}

/// Ends one of them.
pub(super) async fn end_session(
    State(app): State<Arc<App>>,
    caller: Authenticated,
    Path(id): Path<String>,
    _: NoQuery,
) -> Result<StatusCode, Refusal> {
    let id = id.parse().map_err(|_| Error::not_found())?;
    session::end_own(&app, &caller.0, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
