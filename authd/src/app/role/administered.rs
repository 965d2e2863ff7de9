//! Roles over the API: those of a tenant for who administers it, and the system roles for whom the
//! tenant `system` lets. Which of the two, the permission of the route says.

use std::sync::Arc;

use common::call::Paging;
use common::call::role::RoleRef;
use common::view::{GrantedPermission, Page, RoleView, UserView};
use domain::rights::Right;
use domain::role::{Role, RoleName, SYSTEM_PREFIX};
use domain::tenant::Tenant;
use schemars::JsonSchema;
use serde::Deserialize;
use store::{ReadTx, RoleFilter, RoleRow};

use super::edit::change;
use super::find::{Among, Found};
use super::{Draft, bad_name, insert, parse_description, view};
use crate::app::audit::Record;
use crate::app::cursor::Place;
use crate::app::entity::Expected;
use crate::app::patch::Patch;
use crate::app::permit::missing_permission;
use crate::app::{Administrator, App, By, Error, permission, user};

/// What the members of a system role are shown for, beside the right to see it: they are users, of any
/// tenant.
const SEES_MEMBERS: [&str; 2] = ["users:view", "tenants:view"];

/// What a list of roles is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Narrowed {
    /// Only system roles, or only the tenant's own.
    pub system: Option<bool>,
    /// Only those that grant this by its name.
    pub permission: Option<String>,
}

/// A role that somebody wants.
#[derive(Debug, Clone)]
pub struct New {
    /// Its name; of a system role with or without the prefix.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// What it grants.
    pub permissions: Vec<String>,
}

/// A merge patch of a role.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "RolePatch")]
pub struct Edit {
    #[schemars(regex(pattern = domain::role::ROLE_PATTERN))]
    name: Patch<String>,
    #[schemars(length(max = domain::role::DESCRIPTION_LIMIT))]
    description: Patch<String>,
    permissions: Patch<Vec<String>>,
}

/// Lists roles by name, the system roles first; members are counted in the tenant alone.
///
/// # Errors
/// `validation_failed` for a permission that is none; those of the page.
pub async fn page(
    app: &Arc<App>,
    administrator: &Administrator,
    narrowed: Narrowed,
    paging: Paging,
) -> Result<Page<RoleView>, Error> {
    let among = Among::of(By::Administrator(administrator));
    let granting = narrowed.permission.as_deref().map(permission::asked);
    let granting = granting.transpose()?;
    let filter = match among {
        Among::System => RoleFilter {
            tenant: None,
            system: Some(true),
            granting,
        },
        Among::All | Among::Tenant(_) => RoleFilter {
            tenant: Some(administrator.tenant_id),
            system: narrowed.system,
            granting,
        },
    };
    let list = format!("roles {filter:?}");
    let place = Place::of_administrator(&app.keys, &list, administrator, &paging)?;
    app.store
        .read(move |tx| {
            let (rows, next) = place.collect(
                |row: &RoleRow| {
                    let slug = row.tenant.as_ref().map_or("", |slug| slug.as_str());
                    format!("{slug}/{}", row.role.name.bare())
                },
                |_| true,
                |page| tx.operator().roles(&filter, page),
            )?;
            let items = rows.into_iter().map(|row| {
                view(&RoleRow {
                    tenant: None,
                    ..row
                })
            });
            Ok(place.page(items.collect(), next.as_deref()))
        })
        .await
}

/// Shows one role.
///
/// # Errors
/// `not_found`.
pub async fn one(
    app: &App,
    administrator: &Administrator,
    reference: RoleRef,
) -> Result<RoleView, Error> {
    let among = Among::of(By::Administrator(administrator));
    app.store
        .read(move |tx| {
            let found = among.find(tx, &reference)?;
            shown(tx, among, found.role)
        })
        .await
}

/// Makes a role. One of the same name that was removed leaves it nothing (rule 19).
///
/// # Errors
/// `validation_failed`, `unknown_permission`, `name_taken`; `permission_denied`,
/// `reauthentication_required` for what it would grant.
pub async fn make(app: &App, administrator: &Administrator, new: New) -> Result<RoleView, Error> {
    let by = By::Administrator(administrator);
    let among = Among::of(by);
    let name = among.name(&new.name)?;
    let draft = Draft::new(app, name, new.description.as_deref(), new.permissions)?;
    let record = Record::draw(app, by, draft.at, None)?;
    record
        .write(app, move |tx, permit| {
            let tenant = among.tenant(tx)?;
            let (made, _) = insert(tx, permit, &draft, tenant.as_ref())?;
            shown(tx, among, made)
        })
        .await
}

/// Changes what a patch names of a role.
///
/// # Errors
/// `not_found`; `precondition_failed`; `validation_failed`, `unknown_permission`, `name_taken`;
/// `permission_denied`, `reauthentication_required`; `last_admin`.
pub async fn edit(
    app: &App,
    administrator: &Administrator,
    reference: RoleRef,
    edit: Edit,
    expected: Expected,
) -> Result<RoleView, Error> {
    let by = By::Administrator(administrator);
    let among = Among::of(by);
    let record = Record::draw(app, by, app.now(), None)?;
    record
        .write(app, move |tx, permit| {
            let found = among.find_own(tx, permit, &reference)?;
            expected.check(&shown(tx, among, found.role.clone())?)?;
            let edited = edit.applied(tx, among, &found)?;
            change(tx, permit, "role.set", &found, edited)?;
            shown(tx, among, among.find(tx, &reference)?.role)
        })
        .await
}

/// Shows what a role grants: a handful of rows, so they are one page.
///
/// # Errors
/// `not_found`.
pub async fn granted(
    app: &App,
    administrator: &Administrator,
    reference: RoleRef,
) -> Result<Page<GrantedPermission>, Error> {
    let among = Among::of(By::Administrator(administrator));
    app.store
        .read(move |tx| {
            let found = among.find(tx, &reference)?;
            permission::granted(tx, among.tenant(tx)?.as_ref(), &found.role.rights)
        })
        .await
}

/// Lets a role grant these permissions and no others.
///
/// # Errors
/// Those of [`edit`].
pub async fn replace(
    app: &App,
    administrator: &Administrator,
    reference: RoleRef,
    permissions: Vec<String>,
    expected: Expected,
) -> Result<Page<GrantedPermission>, Error> {
    let by = By::Administrator(administrator);
    let among = Among::of(by);
    let record = Record::draw(app, by, app.now(), None)?;
    record
        .write(app, move |tx, permit| {
            let found = among.find_own(tx, permit, &reference)?;
            let tenant = found.tenant.as_ref();
            expected.check(&permission::granted(tx, tenant, &found.role.rights)?)?;
            let edited = Role {
                rights: rights(tx, &found, &permissions)?,
                ..found.role.clone()
            };
            change(tx, permit, "role.set", &found, edited)?;
            let after = among.find(tx, &reference)?;
            permission::granted(tx, tenant, &after.role.rights)
        })
        .await
}

/// Lists who holds a role by address: of the tenant, or of all tenants for a system role among the
/// system roles.
///
/// # Errors
/// `permission_denied`; `not_found`; those of the page.
pub async fn members(
    app: &Arc<App>,
    administrator: &Administrator,
    reference: RoleRef,
    paging: Paging,
) -> Result<Page<UserView>, Error> {
    let among = Among::of(By::Administrator(administrator));
    if among == Among::System
        && let Some(missing) = SEES_MEMBERS.iter().find(|name| !administrator.may(name))
    {
        return Err(missing_permission(missing));
    }
    let found = app.store.read(move |tx| among.find(tx, &reference)).await?;
    let within = match among {
        Among::All | Among::System => None,
        Among::Tenant(id) => Some(id),
    };
    user::members(app, administrator, found.role.id, within, &paging).await
}

impl Among {
    /// The tenant whose catalogue counts; none for system roles.
    fn tenant(self, tx: &dyn ReadTx) -> Result<Option<Tenant>, Error> {
        match self {
            Self::All | Self::System => Ok(None),
            Self::Tenant(id) => {
                let tenant = tx.tenants().by_id(id)?;
                tenant.ok_or_else(Error::not_found).map(Some)
            }
        }
    }

    /// Reads the name of a role that is to be here.
    fn name(self, text: &str) -> Result<RoleName, Error> {
        let name = match self {
            Self::System => RoleName::of_system(text.strip_prefix(SYSTEM_PREFIX).unwrap_or(text)),
            Self::All | Self::Tenant(_) => RoleName::of_tenant(text),
        };
        name.map_err(|error| bad_name(&error))
    }
}

impl Edit {
    fn applied(&self, tx: &dyn ReadTx, among: Among, found: &Found) -> Result<Role, Error> {
        let mut edited = found.role.clone();
        match &self.name {
            Patch::Keep => {}
            Patch::Unset => {
                return Err(Error::field("/name", "required", "a role has a name"));
            }
            Patch::Set(name) => edited.name = among.name(name)?,
        }
        match &self.description {
            Patch::Keep => {}
            Patch::Unset => edited.description = None,
            Patch::Set(text) => edited.description = parse_description(Some(text))?,
        }
        match &self.permissions {
            Patch::Keep => {}
            Patch::Unset => edited.rights = Vec::new(),
            Patch::Set(names) => edited.rights = rights(tx, found, names)?,
        }
        Ok(edited)
    }
}

fn rights(tx: &dyn ReadTx, found: &Found, names: &[String]) -> Result<Vec<Right>, Error> {
    let rights = permission::rights(tx, found.tenant.as_ref(), names)?;
    Ok(rights.into_iter().collect())
}

/// The role as an administrator sees it: of a system role, the members in the own tenant alone.
fn shown(tx: &dyn ReadTx, among: Among, role: Role) -> Result<RoleView, Error> {
    let members = match among {
        Among::Tenant(id) => tx.tenant(id).grants().members(role.id)?,
        Among::All | Among::System => tx.system_roles().members(role.id)?,
    };
    Ok(view(&RoleRow {
        role,
        tenant: None,
        members,
    }))
}
