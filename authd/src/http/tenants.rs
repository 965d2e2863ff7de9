//! `/v1/tenants…`: all tenants, for administrators of `system`.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use common::call::tenant as call;
use common::view::{Page, TenantStatus, TenantView};
use schemars::JsonSchema;
use serde::Deserialize;

use super::users::without_post;
use crate::app::tenant::{self, Edit, Establish, Subscription};
use crate::app::{App, Error};
use crate::http::authenticated::Administering;
use crate::http::body::{EntityAnswer, JsonAnswer, JsonBody, PatchBody};
use crate::http::conditional::IfMatch;
use crate::http::error::Refusal;
use crate::http::extract::{NoQuery, QueryParams};

/// What a list is narrowed to.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Filters {
    status: Option<TenantStatus>,
    plan: Option<String>,
    ending_seconds: Option<u64>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// Lists them by slug.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    by: Administering,
    QueryParams(filters): QueryParams<Filters>,
) -> Result<JsonAnswer<Page<TenantView>>, Refusal> {
    let request = call::List {
        status: filters.status,
        plan: filters.plan,
        ending_seconds: filters.ending_seconds,
        limit: filters.limit,
        cursor: filters.cursor,
    };
    Ok(JsonAnswer(tenant::list(&app, &by.0, request).await?))
}

/// Makes one.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    by: Administering,
    _: NoQuery,
    JsonBody(wanted): JsonBody<Establish>,
) -> Result<Response, Refusal> {
    let made = tenant::establish(&app, &by.0, wanted).await;
    let made = made.map_err(without_post)?;
    let place = format!("/v1/tenants/{}", made.id);
    Ok((StatusCode::CREATED, [(LOCATION, place)], EntityAnswer(made)).into_response())
}

/// Shows one.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    by: Administering,
    Path(id): Path<String>,
    _: NoQuery,
) -> Result<EntityAnswer<TenantView>, Refusal> {
    Ok(EntityAnswer(tenant::one(&app, &by.0, id).await?))
}

/// Changes name and time zone of one.
pub(super) async fn edit(
    State(app): State<Arc<App>>,
    by: Administering,
    Path(id): Path<String>,
    _: NoQuery,
    IfMatch(expected): IfMatch,
    PatchBody(edit): PatchBody<Edit>,
) -> Result<EntityAnswer<TenantView>, Refusal> {
    let view = tenant::edit(&app, &by.0, id, edit, expected).await?;
    Ok(EntityAnswer(view))
}

/// Gives one another subscription.
pub(super) async fn subscribe(
    State(app): State<Arc<App>>,
    by: Administering,
    Path(id): Path<String>,
    _: NoQuery,
    IfMatch(expected): IfMatch,
    JsonBody(subscription): JsonBody<Subscription>,
) -> Result<EntityAnswer<TenantView>, Refusal> {
    let view = tenant::subscribe(&app, &by.0, id, subscription, expected).await?;
    Ok(EntityAnswer(view))
}

/// Closes one.
pub(super) async fn suspend(
    State(app): State<Arc<App>>,
    by: Administering,
    Path(tenant): Path<String>,
    _: NoQuery,
) -> Result<StatusCode, Refusal> {
    let request = call::Suspend {
        tenant,
        reason: None,
    };
    let done = tenant::suspend(&app, &by.0, request).await;
    answered(done)
}

/// Opens one again.
pub(super) async fn resume(
    State(app): State<Arc<App>>,
    by: Administering,
    Path(tenant): Path<String>,
    _: NoQuery,
) -> Result<StatusCode, Refusal> {
    let request = call::Resume {
        tenant,
        reason: None,
    };
    let done = tenant::resume(&app, &by.0, request).await;
    answered(done)
}

/// Deletes one.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    by: Administering,
    Path(tenant): Path<String>,
    _: NoQuery,
) -> Result<StatusCode, Refusal> {
    let request = call::Delete {
        tenant,
        confirm: None,
        reason: None,
    };
    let done = tenant::delete(&app, &by.0, request).await;
    answered(done)
}

fn answered<T>(done: Result<T, Error>) -> Result<StatusCode, Refusal> {
    done?;
    Ok(StatusCode::NO_CONTENT)
}
