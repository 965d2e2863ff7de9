//! `/v1/permissions…`: the catalogue of a tenant, for those who administer it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use common::call::permission::{List, Undefine};
use common::view::{Page, PermissionView};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::app::{App, permission};
use crate::http::authenticated::Administering;
use crate::http::body::{JsonAnswer, JsonBody};
use crate::http::error::Refusal;
use crate::http::extract::{NoQuery, QueryParams};

/// What a list is narrowed to.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Filters {
    resource: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// Body of a new permission.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PermissionBody {
    #[schemars(regex(pattern = domain::permission::PERMISSION_PATTERN))]
    name: String,
    #[schemars(length(max = domain::role::DESCRIPTION_LIMIT))]
    description: Option<String>,
}

/// Lists them by name: the built-in ones, the system-wide ones and the tenant's own.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    by: Administering,
    QueryParams(filters): QueryParams<Filters>,
) -> Result<JsonAnswer<Page<PermissionView>>, Refusal> {
    let request = List {
        tenant: None,
        resource: filters.resource,
        limit: filters.limit,
        cursor: filters.cursor,
    };
    Ok(JsonAnswer(permission::list(&app, &by.0, request).await?))
}

/// Defines one.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    by: Administering,
    _: NoQuery,
    JsonBody(body): JsonBody<PermissionBody>,
) -> Result<Response, Refusal> {
    let made = permission::make(&app, &by.0, body.name, body.description).await?;
    let place = format!("/v1/permissions/{}", made.permission);
    Ok((StatusCode::CREATED, [(LOCATION, place)], JsonAnswer(made)).into_response())
}

/// Removes one, from the roles that grant it too.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    by: Administering,
    Path(name): Path<String>,
    _: NoQuery,
) -> Result<StatusCode, Refusal> {
    let request = Undefine { tenant: None, name };
    permission::undefine(&app, &by.0, request).await?;
    Ok(StatusCode::NO_CONTENT)
}
