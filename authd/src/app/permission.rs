//! Permissions: the catalogue that operator and tenants add to, and who holds what by which role.

mod catalogue;
mod holders;

use std::collections::BTreeSet;
use std::sync::Arc;

use common::call::Change;
use common::call::permission::{Define, Undefine};
use common::error::ErrorCode;
use common::suggest::nearest;
use common::text::visible;
use common::view::{PermissionScope, PermissionView};
use domain::permission::{ALL_PERMISSIONS, DefinedPermission, PERMISSION_LIMIT, Permission};
use domain::rights::Right;
use domain::role::ROLE_LIMIT;
use domain::tenant::Tenant;
use serde_json::{Value, json};
use store::{PageRequest, Permissions, ReadTx, RoleFilter, StoreError, WriteTx};

pub use catalogue::list;
pub(super) use catalogue::{exists_in, granted};
pub use holders::{check, of_user, who_can};
pub(in crate::app) use holders::{is_effective, right};

use self::catalogue::{catalogue, home};

use crate::app::audit::{Record, WideAct};
use crate::app::last_admin::Admins;
use crate::app::permit::Permit;
use crate::app::{Administrator, App, By, Error, Reach, access, role};

/// Characters of an unknown name that an answer repeats.
const ECHO_LIMIT: usize = 100;

/// Defines a permission, for one tenant or system-wide. One of the same name that was removed leaves
/// it nothing (rule 19), and whoever defines it does not hold it by that.
///
/// # Errors
/// `not_found` for the tenant; `validation_failed`; `name_taken` for one that the catalogue has.
pub async fn define(
    app: &Arc<App>,
    by: impl Into<By<'_>>,
    request: Define,
) -> Result<Change, Error> {
    let by = by.into();
    let name = parse(&request.name)?;
    let description = role::parse_description(request.description.as_deref())?;
    let record = Record::draw(app, by, app.now(), None)?;
    let reach = by.reach();
    record
        .write(app, move |tx, permit| {
            let tenant = home(tx, reach, request.tenant.as_deref())?;
            let defined = DefinedPermission {
                tenant_id: tenant.as_ref().map(|tenant| tenant.id),
                name: name.clone(),
                description: description.clone(),
                created_at: permit.at(),
            };
            insert(tx, permit, &defined, tenant.as_ref())
        })
        .await
}

/// Defines a permission for an administrator's tenant, and shows it.
///
/// # Errors
/// Those of [`define`].
pub async fn make(
    app: &Arc<App>,
    administrator: &Administrator,
    name: String,
    description: Option<String>,
) -> Result<PermissionView, Error> {
    let (by, now) = (By::Administrator(administrator), app.now());
    let defined = DefinedPermission {
        tenant_id: Some(administrator.tenant_id),
        name: parse(&name)?,
        description: role::parse_description(description.as_deref())?,
        created_at: now,
    };
    let record = Record::draw(app, by, now, None)?;
    let reach = by.reach();
    record
        .write(app, move |tx, permit| {
            let tenant = home(tx, reach, None)?;
            insert(tx, permit, &defined, tenant.as_ref())?;
            Ok(PermissionView {
                permission: defined.name.to_string(),
                scope: PermissionScope::Tenant,
                description: defined.description.clone(),
                roles: 0,
                created_at: Some(defined.created_at),
                updated_at: Some(defined.created_at),
            })
        })
        .await
}

/// Defines a permission for a tenant, or system-wide.
///
/// # Errors
/// `name_taken`; `validation_failed` for one too many.
pub(super) fn insert(
    tx: &dyn WriteTx,
    permit: &Permit<'_>,
    defined: &DefinedPermission,
    tenant: Option<&Tenant>,
) -> Result<Change, Error> {
    let name = &defined.name;
    if access::catalogue(tx, tenant)?.contains(name) {
        return Err(name_taken(name));
    }
    let count = with_permissions(tx, tenant, |rows| Ok(rows.all()?.len()))?;
    if u32::try_from(count).unwrap_or(u32::MAX) >= PERMISSION_LIMIT {
        return Err(Error::field(
            "/name",
            "too_many",
            format!("there are {count} permissions already, which is the most"),
        ));
    }
    with_permissions(tx, tenant, |rows| rows.insert(defined))?;
    // It was unknown to warm caches.
    tx.invalidate(role::scope(defined.tenant_id));
    let act = act("permission.define", name, tenant);
    let after = json!({"name": name.as_str(), "description": defined.description});
    permit.append_wide(tx, &act, &Value::Null, &after)
}

/// Removes a defined permission, and takes it from the roles that grant it.
///
/// # Errors
/// `not_found`, `validation_failed`; `permission_denied` for one that is not the actor's to remove,
/// and where a role that grants it may not be changed; `last_admin`.
pub async fn undefine(
    app: &Arc<App>,
    by: impl Into<By<'_>>,
    request: Undefine,
) -> Result<Change, Error> {
    let by = by.into();
    let record = Record::draw(app, by, app.now(), None)?;
    let reach = by.reach();
    let name = parse(&request.name).map_err(|error| match reach {
        Reach::Everywhere | Reach::Shielded => error,
        Reach::Within(_) => Error::not_found(),
    })?;
    record
        .write(app, move |tx, permit| {
            if name.is_built_in() {
                return Err(built_in(&name));
            }
            let tenant = home(tx, reach, request.tenant.as_deref())?;
            if with_permissions(tx, tenant.as_ref(), |rows| rows.by_name(&name))?.is_none() {
                return Err(undefined(tx, reach, &name, tenant.as_ref())?);
            }
            remove(tx, permit, &name, tenant.as_ref())
        })
        .await
}

/// Removes a permission of a tenant, or a system-wide one.
///
/// # Errors
/// `not_found`; `permission_denied` where a role that grants it may not be changed; `last_admin`.
pub(super) fn remove(
    tx: &dyn WriteTx,
    permit: &Permit<'_>,
    name: &Permission,
    tenant: Option<&Tenant>,
) -> Result<Change, Error> {
    let found = with_permissions(tx, tenant, |rows| rows.by_name(name))?;
    let found = found.ok_or_else(Error::not_found)?;
    let admins = tenant.map(|tenant| loses(tx, permit, name, tenant));
    let admins = admins.transpose()?;
    let roles = with_permissions(tx, tenant, |rows| rows.delete(name))?;
    if let Some(admins) = admins {
        admins.remain(tx)?;
    }
    tx.invalidate(role::scope(found.tenant_id));
    let act = act("permission.undefine", name, tenant);
    let before = json!({"name": name.as_str(), "description": found.description});
    let mut change = permit.append_wide(tx, &act, &before, &json!({"roles": roles}))?;
    match roles {
        0 => {}
        1 => change.notes.push("1 role lost it.".to_owned()),
        many => change.notes.push(format!("{many} roles lost it.")),
    }
    Ok(change)
}

/// The roles of a tenant that grant a permission are about to lose it: each has to be one that the
/// actor may change (rule 18).
fn loses(
    tx: &dyn WriteTx,
    permit: &Permit<'_>,
    name: &Permission,
    tenant: &Tenant,
) -> Result<Admins, Error> {
    let filter = RoleFilter {
        tenant: Some(tenant.id),
        system: Some(false),
        granting: Some(Right::One(name.clone())),
    };
    let page = PageRequest {
        limit: ROLE_LIMIT,
        after: None,
    };
    for row in tx.operator().roles(&filter, &page)? {
        permit.may_change(tx, &row.role)?;
    }
    Ok(Admins::of_tenant(tx, tenant.id)?)
}

/// Reads the right that a list is narrowed to.
///
/// # Errors
/// `validation_failed` at `/permission`.
pub(super) fn asked(name: &str) -> Result<Right, Error> {
    name.parse()
        .map_err(|error| malformed("/permission", &error))
}

/// Reads the name of a permission.
///
/// # Errors
/// `validation_failed` at `/name`.
pub(super) fn parse(name: &str) -> Result<Permission, Error> {
    name.parse().map_err(|error| malformed("/name", &error))
}

/// Reads what a role of a tenant, or a system role, is to grant.
///
/// # Errors
/// `validation_failed` for a malformed name, `unknown_permission` for one that is in no catalogue of
/// the role.
pub fn rights(
    tx: &dyn ReadTx,
    tenant: Option<&Tenant>,
    names: &[String],
) -> Result<BTreeSet<Right>, Error> {
    let catalogue = access::catalogue(tx, tenant)?;
    let mut rights = BTreeSet::new();
    for name in names {
        let right: Right = name
            .parse()
            .map_err(|error| malformed("/permissions", &error))?;
        if let Right::One(permission) = &right
            && !(catalogue.contains(permission) && exists_in(permission, tenant))
        {
            return Err(unknown(tx, tenant, name)?);
        }
        rights.insert(right);
    }
    Ok(rights)
}

fn malformed(path: &'static str, error: &domain::permission::InvalidPermission) -> Error {
    Error::field(path, "invalid_permission", error.to_string())
}

/// The refusal of a permission that is in no catalogue.
///
/// # Errors
/// Those of the store.
pub(super) fn unknown(
    tx: &dyn ReadTx,
    tenant: Option<&Tenant>,
    name: &str,
) -> Result<Error, Error> {
    let start: String = name.chars().take(ECHO_LIMIT).collect();
    let known = catalogue(tx, tenant)?;
    let names = known.values().map(|view| view.permission.as_str());
    let near = nearest(&start, names.chain([ALL_PERMISSIONS]));
    let place = tenant
        .map(|tenant| format!(" -t {}", tenant.slug))
        .unwrap_or_default();
    let list = format!("List: authctl{place} permission list");
    let error = Error::new(
        ErrorCode::UnknownPermission,
        format!("the permission {} is in no catalogue", visible(&start)),
    );
    Ok(error.with_hint(match near {
        Some(near) => format!("Did you mean {near}? {list}"),
        None => list,
    }))
}

fn name_taken(name: &Permission) -> Error {
    Error::new(
        ErrorCode::NameTaken,
        format!("the catalogue has {name} already"),
    )
}

/// The refusal of a change of what is built in.
pub(super) fn built_in(name: &Permission) -> Error {
    Error::new(
        ErrorCode::PermissionDenied,
        format!("{name} is built in: authd itself asks for it"),
    )
}

fn undefined(
    tx: &dyn ReadTx,
    reach: Reach,
    name: &Permission,
    tenant: Option<&Tenant>,
) -> Result<Error, Error> {
    let is_system_wide = tx.system_permissions().by_name(name)?.is_some();
    if reach != Reach::Everywhere {
        return Ok(if is_system_wide {
            Error::new(
                ErrorCode::PermissionDenied,
                format!("{name} is the same for all tenants and cannot be removed within one"),
            )
        } else {
            Error::not_found()
        });
    }
    let mut error = Error::not_found();
    let Some(tenant) = tenant else {
        error.developer_message = format!("no system-wide permission {name}").into();
        return Ok(error.with_hint("One of a tenant is named with -t TENANT."));
    };
    error.developer_message = format!("tenant {} has not defined {name}", tenant.slug).into();
    if is_system_wide {
        return Ok(error.with_hint("It is system-wide: leave out -t and AUTHCTL_TENANT."));
    }
    Ok(error.with_hint(format!("List: authctl -t {} permission list", tenant.slug)))
}

/// Works on the permissions of a tenant, or on the system-wide ones.
fn with_permissions<T>(
    tx: &dyn WriteTx,
    tenant: Option<&Tenant>,
    work: impl FnOnce(&dyn Permissions) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    match tenant {
        Some(tenant) => work(tx.tenant_mut(tenant.id).permissions_mut().as_ref()),
        None => work(tx.system_permissions_mut().as_ref()),
    }
}

fn act(action: &'static str, name: &Permission, tenant: Option<&Tenant>) -> WideAct {
    WideAct {
        action,
        tenant: tenant.cloned(),
        object: name.to_string(),
        subject: name.to_string(),
    }
}
