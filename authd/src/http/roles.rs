//! `/v1/roles…` and `/v1/system-roles…`: the roles of a tenant for those who administer it, and those
//! that are the same for all tenants. The permission that the table of routes names tells the use case
//! which of the two a request is about.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use common::call::Paging;
use common::call::role::{Delete, RoleRef};
use common::view::{GrantedPermission, Page, RoleView, UserView};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::app::role::{self, Edit, Narrowed, New};
use crate::app::{Administrator, App};
use crate::http::authenticated::Administering;
use crate::http::body::{EntityAnswer, JsonAnswer, JsonBody, PatchBody};
use crate::http::conditional::IfMatch;
use crate::http::error::Refusal;
use crate::http::extract::{NoQuery, QueryParams};

/// What a list is narrowed to.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Filters {
    system: Option<bool>,
    permission: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// What a list of system roles is narrowed to.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SystemFilters {
    permission: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// The part of a list that is wanted.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Part {
    limit: Option<u32>,
    cursor: Option<String>,
}

/// Body of a new role.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RoleBody {
    #[schemars(regex(pattern = domain::role::ROLE_PATTERN))]
    name: String,
    #[schemars(length(max = domain::role::DESCRIPTION_LIMIT))]
    description: Option<String>,
    #[serde(default)]
    #[schemars(inner(regex(pattern = domain::permission::RIGHT_PATTERN)))]
    permissions: Vec<String>,
}

/// Body of all that a role grants.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PermissionsBody {
    #[schemars(inner(regex(pattern = domain::permission::RIGHT_PATTERN)))]
    permissions: Vec<String>,
}

fn named(id: String) -> RoleRef {
    RoleRef {
        tenant: None,
        name: id,
    }
}

/// Lists them by name, the system roles first.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    by: Administering,
    QueryParams(filters): QueryParams<Filters>,
) -> Result<JsonAnswer<Page<RoleView>>, Refusal> {
    let narrowed = Narrowed {
        system: filters.system,
        permission: filters.permission,
    };
    let paging = Paging {
        limit: filters.limit,
        cursor: filters.cursor,
    };
    Ok(JsonAnswer(role::page(&app, &by.0, narrowed, paging).await?))
}

/// Lists the system roles by name.
pub(super) async fn list_system(
    State(app): State<Arc<App>>,
    by: Administering,
    QueryParams(filters): QueryParams<SystemFilters>,
) -> Result<JsonAnswer<Page<RoleView>>, Refusal> {
    let narrowed = Narrowed {
        system: None,
        permission: filters.permission,
    };
    let paging = Paging {
        limit: filters.limit,
        cursor: filters.cursor,
    };
    Ok(JsonAnswer(role::page(&app, &by.0, narrowed, paging).await?))
}

/// Makes one.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    by: Administering,
    _: NoQuery,
    JsonBody(body): JsonBody<RoleBody>,
) -> Result<Response, Refusal> {
    made(&app, &by.0, body, "/v1/roles").await
}

/// Makes a system role.
pub(super) async fn create_system(
    State(app): State<Arc<App>>,
    by: Administering,
    _: NoQuery,
    JsonBody(body): JsonBody<RoleBody>,
) -> Result<Response, Refusal> {
    made(&app, &by.0, body, "/v1/system-roles").await
}

async fn made(
    app: &App,
    administrator: &Administrator,
    body: RoleBody,
    list: &str,
) -> Result<Response, Refusal> {
    let new = New {
        name: body.name,
        description: body.description,
        permissions: body.permissions,
    };
    let made = role::make(app, administrator, new).await?;
    let place = format!("{list}/{}", made.id);
    Ok((StatusCode::CREATED, [(LOCATION, place)], EntityAnswer(made)).into_response())
}

/// Shows one.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    by: Administering,
    Path(id): Path<String>,
    _: NoQuery,
) -> Result<EntityAnswer<RoleView>, Refusal> {
    Ok(EntityAnswer(role::one(&app, &by.0, named(id)).await?))
}

/// Changes one.
pub(super) async fn edit(
    State(app): State<Arc<App>>,
    by: Administering,
    Path(id): Path<String>,
    _: NoQuery,
    IfMatch(expected): IfMatch,
    PatchBody(edit): PatchBody<Edit>,
) -> Result<EntityAnswer<RoleView>, Refusal> {
    let view = role::edit(&app, &by.0, named(id), edit, expected).await?;
    Ok(EntityAnswer(view))
}

/// Deletes one: whoever holds it loses it.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    by: Administering,
    Path(id): Path<String>,
    _: NoQuery,
) -> Result<StatusCode, Refusal> {
    let request = Delete {
        role: named(id),
        reassign: None,
        confirm: None,
    };
    role::delete(&app, &by.0, request).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What one grants.
pub(super) async fn permissions(
    State(app): State<Arc<App>>,
    by: Administering,
    Path(id): Path<String>,
    _: NoQuery,
) -> Result<EntityAnswer<Page<GrantedPermission>>, Refusal> {
    Ok(EntityAnswer(role::granted(&app, &by.0, named(id)).await?))
}

/// Lets one grant these permissions and no others.
pub(super) async fn replace_permissions(
    State(app): State<Arc<App>>,
    by: Administering,
    Path(id): Path<String>,
    _: NoQuery,
    IfMatch(expected): IfMatch,
    JsonBody(body): JsonBody<PermissionsBody>,
) -> Result<EntityAnswer<Page<GrantedPermission>>, Refusal> {
    let granted = role::replace(&app, &by.0, named(id), body.permissions, expected).await?;
    Ok(EntityAnswer(granted))
}

/// Who holds one.
pub(super) async fn members(
    State(app): State<Arc<App>>,
    by: Administering,
    Path(id): Path<String>,
    QueryParams(part): QueryParams<Part>,
) -> Result<JsonAnswer<Page<UserView>>, Refusal> {
    let paging = Paging {
        limit: part.limit,
        cursor: part.cursor,
    };
    let members = role::members(&app, &by.0, named(id), paging).await?;
    Ok(JsonAnswer(members))
}
