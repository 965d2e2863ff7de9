//! `/v1/users…`: the users of a tenant, for those who administer it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use common::call::UserRef;
use common::call::lockout::Clear;
use common::call::user as call;
use common::error::ErrorCode;
use common::secret::RevealedSecret;
use common::view::{
    Address, EmployeeView, HeldPermission, HeldRole, Name, Page, UserStatus, UserView,
};
use domain::profile::REFERENCE_PATTERN;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::app::user::{Edit, Employed, Employee};
use crate::app::{App, Error, lockout, password_reset, permission, user};
use crate::http::authenticated::Administering;
use crate::http::body::{EntityAnswer, JsonAnswer, JsonBody, PatchBody};
use crate::http::conditional::IfMatch;
use crate::http::error::Refusal;
use crate::http::extract::{NoQuery, QueryParams};

/// What a list is narrowed to.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Filters {
    status: Option<UserStatus>,
    role: Option<String>,
    locked: Option<bool>,
    is_tenant_admin: Option<bool>,
    email_contains: Option<String>,
    external_ref: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// Body of a new user.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EmployeeBody {
    #[schemars(length(min = 3, max = common::email::LIMIT_BYTES))]
    #[schemars(extend("format" = "email"))]
    email: String,
    #[serde(default)]
    name: Name,
    #[schemars(regex(pattern = domain::profile::PHONE_PATTERN))]
    phone: Option<String>,
    address: Option<Address>,
    #[schemars(regex(pattern = domain::profile::LOCALE_PATTERN))]
    locale: Option<String>,
    #[serde(default)]
    employee: EmployeeView,
    #[serde(default)]
    #[schemars(
        extend("maxProperties" = domain::profile::REFS_LIMIT),
        extend("additionalProperties" = references())
    )]
    external_refs: BTreeMap<String, String>,
    #[serde(default)]
    #[schemars(length(max = domain::role::ROLES_OF_USER_LIMIT))]
    #[schemars(extend("x-rule" = 14))]
    roles: Vec<String>,
    #[serde(default)]
    #[schemars(extend("x-rule" = 14))]
    is_tenant_admin: bool,
}

/// A user that was just made, with what is shown once.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "UserMade")]
pub(super) struct MadeView {
    #[serde(flatten)]
    user: UserView,
    #[schemars(extend("x-setting" = "employees.show_password"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    generated_password: Option<RevealedSecret>,
}

/// Body of all roles of a user.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RolesBody {
    #[schemars(length(max = domain::role::ROLES_OF_USER_LIMIT))]
    roles: Vec<String>,
}

/// Body of one role more.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "GrantBody")]
pub(super) struct RoleBody {
    role: String,
}

/// What the values of references look like.
fn references() -> Value {
    json!({"type": "string", "pattern": REFERENCE_PATTERN})
}

fn named(id: String) -> UserRef {
    UserRef {
        tenant: None,
        name: id,
    }
}

/// Where no mail leaves, what needs one is not available.
pub(super) fn without_post(error: Error) -> Error {
    match error.code {
        ErrorCode::NoMailTransport => Error::new(
            ErrorCode::Unavailable,
            "no mail is sent here, and this needs one; nothing was done",
        ),
        _ => error,
    }
}

/// Lists them by address.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    by: Administering,
    QueryParams(filters): QueryParams<Filters>,
) -> Result<JsonAnswer<Page<UserView>>, Refusal> {
    let request = call::List {
        tenant: None,
        status: filters.status,
        locked: filters.locked,
        tenant_admin: filters.is_tenant_admin,
        role: filters.role,
        inactive_seconds: None,
        email_contains: filters.email_contains,
        external_ref: filters.external_ref,
        limit: filters.limit,
        cursor: filters.cursor,
    };
    Ok(JsonAnswer(user::list(&app, &by.0, request).await?))
}

/// Makes one.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    by: Administering,
    _: NoQuery,
    JsonBody(body): JsonBody<EmployeeBody>,
) -> Result<Response, Refusal> {
    let employee = Employee {
        email: body.email,
        name: body.name,
        phone: body.phone,
        address: body.address,
        locale: body.locale,
        employee: body.employee,
        external_refs: body.external_refs,
        roles: body.roles,
        is_tenant_admin: body.is_tenant_admin,
    };
    let made = user::employ(&app, &by.0, employee).await;
    let Employed {
        user,
        generated_password,
    } = made.map_err(without_post)?;
    let place = [(LOCATION, format!("/v1/users/{}", user.id))];
    if generated_password.is_none() {
        return Ok((StatusCode::CREATED, place, EntityAnswer(user)).into_response());
    }
    // Without a tag: it would be one of the password, and of nothing that is there afterwards.
    let made = MadeView {
        user,
        generated_password,
    };
    Ok((StatusCode::CREATED, place, JsonAnswer(made)).into_response())
}

/// Shows one.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    by: Administering,
    Path(id): Path<String>,
    _: NoQuery,
) -> Result<EntityAnswer<UserView>, Refusal> {
    Ok(EntityAnswer(user::one(&app, &by.0, named(id)).await?))
}

/// Changes one.
pub(super) async fn edit(
    State(app): State<Arc<App>>,
    by: Administering,
    Path(id): Path<String>,
    _: NoQuery,
    IfMatch(expected): IfMatch,
    PatchBody(edit): PatchBody<Edit>,
) -> Result<EntityAnswer<UserView>, Refusal> {
    let view = user::edit(&app, &by.0, named(id), edit, expected).await;
    Ok(EntityAnswer(view.map_err(without_post)?))
}

/// Deletes one.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    by: Administering,
    Path(id): Path<String>,
    _: NoQuery,
) -> Result<StatusCode, Refusal> {
    let request = call::Delete {
        user: named(id),
        hard: false,
        confirm: None,
        reason: None,
    };
    user::delete(&app, &by.0, request).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Closes one.
pub(super) async fn disable(
    State(app): State<Arc<App>>,
    by: Administering,
    Path(id): Path<String>,
    _: NoQuery,
) -> Result<StatusCode, Refusal> {
    let request = call::Disable {
        user: named(id),
        reason: None,
    };
    user::disable(&app, &by.0, request).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Opens one again.
pub(super) async fn enable(
    State(app): State<Arc<App>>,
    by: Administering,
    Path(id): Path<String>,
    _: NoQuery,
) -> Result<StatusCode, Refusal> {
    let request = call::Enable {
        user: named(id),
        reason: None,
    };
    user::enable(&app, &by.0, request).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends the lock of one's name.
pub(super) async fn unlock(
    State(app): State<Arc<App>>,
    by: Administering,
    Path(id): Path<String>,
    _: NoQuery,
) -> Result<StatusCode, Refusal> {
    let request = Clear {
        user: named(id),
        reason: None,
    };
    lockout::clear(&app, &by.0, request).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Mails one a link for a new password.
pub(super) async fn reset_password(
    State(app): State<Arc<App>>,
    by: Administering,
    Path(id): Path<String>,
    _: NoQuery,
) -> Result<StatusCode, Refusal> {
    let request = call::ResetPassword {
        user: named(id),
        expires_seconds: None,
        print_link: false,
        reason: None,
    };
    let sent = password_reset::send_or_print(&app, &by.0, request).await;
    sent.map_err(without_post)?;
    Ok(StatusCode::ACCEPTED)
}

/// Mails an invited one a new password.
pub(super) async fn resend_invitation(
    State(app): State<Arc<App>>,
    by: Administering,
    Path(id): Path<String>,
    _: NoQuery,
) -> Result<StatusCode, Refusal> {
    let request = call::ResendInvitation {
        user: named(id),
        reason: None,
    };
    let sent = user::resend_invitation(&app, &by.0, request).await;
    sent.map_err(without_post)?;
    Ok(StatusCode::ACCEPTED)
}

/// The roles of one.
pub(super) async fn roles(
    State(app): State<Arc<App>>,
    by: Administering,
    Path(id): Path<String>,
    _: NoQuery,
) -> Result<JsonAnswer<Page<HeldRole>>, Refusal> {
    Ok(JsonAnswer(user::held(&app, &by.0, named(id)).await?))
}

/// Gives one these roles and no others.
pub(super) async fn replace_roles(
    State(app): State<Arc<App>>,
    by: Administering,
    Path(id): Path<String>,
    _: NoQuery,
    JsonBody(body): JsonBody<RolesBody>,
) -> Result<JsonAnswer<Page<HeldRole>>, Refusal> {
    let held = user::replace(&app, &by.0, named(id), body.roles).await?;
    Ok(JsonAnswer(held))
}

/// Gives one a role.
pub(super) async fn grant(
    State(app): State<Arc<App>>,
    by: Administering,
    Path(id): Path<String>,
    _: NoQuery,
    JsonBody(body): JsonBody<RoleBody>,
) -> Result<StatusCode, Refusal> {
    let request = call::Grant {
        user: named(id),
        roles: vec![body.role],
    };
    user::grant(&app, &by.0, request).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a role from one.
pub(super) async fn revoke(
    State(app): State<Arc<App>>,
    by: Administering,
    Path((id, role)): Path<(String, String)>,
    _: NoQuery,
) -> Result<StatusCode, Refusal> {
    let request = call::Revoke {
        user: named(id),
        roles: vec![role],
    };
    user::revoke(&app, &by.0, request).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What one may do, and by which role.
pub(super) async fn permissions(
    State(app): State<Arc<App>>,
    by: Administering,
    Path(id): Path<String>,
    _: NoQuery,
) -> Result<JsonAnswer<Page<HeldPermission>>, Refusal> {
    let request = call::Permissions {
        tenant: None,
        user: id,
    };
    let held = permission::of_user(&app, &by.0, request).await?;
    Ok(JsonAnswer(held))
}
