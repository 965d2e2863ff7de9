//! Who holds a permission, and by which role or flag.

use std::collections::BTreeMap;
use std::sync::Arc;

use common::call::UserRef;
use common::call::permission::{Check, Verdict, WhoCan};
use common::call::user::Permissions;
use common::view::{HeldPermission, HolderView, Page, UserStatus, Via};
use domain::permission::{ALL_PERMISSIONS, Permission};
use domain::rights::{Realm, Right};
use domain::role::Role;
use domain::tenant::{Slug, Tenant};
use domain::user::User;
use store::{ReadTx, UserFilter, UserRow};

use super::{exists_in, malformed, unknown};
use crate::app::cursor::{self, Place};
use crate::app::{App, By, Error, Operator, access, names, target};

/// Shows what a user may do and by which role: a handful of rows, so they are one page.
///
/// # Errors
/// Those of [`names::user`].
pub async fn of_user(
    app: &Arc<App>,
    by: impl Into<By<'_>>,
    request: Permissions,
) -> Result<Page<HeldPermission>, Error> {
    let reach = by.into().reach();
    app.store
        .read(move |tx| {
            let reference = UserRef {
                tenant: request.tenant,
                name: request.user,
            };
            let found = target::user(tx, reach, &reference)?;
            let roles = tx.tenant(found.tenant.id).grants().of(found.user.id)?;
            Ok(Page {
                items: held(&found.user, &roles, access::realm(&found.tenant)),
                next_cursor: None,
            })
        })
        .await
}

/// Says whether a user holds a permission, and by what. Where a user stands is not asked: a disabled
/// one holds what it holds, and can do nothing with it.
///
/// # Errors
/// Those of [`names::user`]; `validation_failed`, `unknown_permission`.
pub async fn check(app: &Arc<App>, _operator: &Operator, request: Check) -> Result<Verdict, Error> {
    app.store
        .read(move |tx| {
            let reference = UserRef {
                tenant: request.tenant,
                name: request.user,
            };
            let found = names::user(tx, &reference)?;
            let right = right(tx, Some(&found.tenant), &request.permission)?;
            let roles = tx.tenant(found.tenant.id).grants().of(found.user.id)?;
            let via = via(&found.user, &roles, access::realm(&found.tenant), &right);
            Ok(Verdict {
                allowed: !via.is_empty(),
                via,
            })
        })
        .await
}

/// Lists users who hold a permission, by tenant and address; disabled ones can do nothing.
///
/// # Errors
/// `not_found` for the tenant; `validation_failed`, `unknown_permission`; those of the page.
pub async fn who_can(
    app: &Arc<App>,
    _operator: &Operator,
    request: WhoCan,
) -> Result<Page<HolderView>, Error> {
    let place = Place::of(&app.keys, &request, &request.paging())?;
    app.store
        .read(move |tx| {
            let tenant = request
                .tenant
                .as_deref()
                .map(|name| names::tenant(tx, name))
                .transpose()?;
            let right = right(tx, tenant.as_ref(), &request.permission)?;
            let filter = UserFilter {
                tenant: narrowed(tx, tenant, &right)?.map(|tenant| tenant.id),
                may: Some(right.clone()),
                ..UserFilter::default()
            };
            let (rows, next) = place.collect(
                cursor::user_key,
                |row: &UserRow| row.user.status != UserStatus::Disabled && knows(tx, row, &right),
                |page| tx.operator().users(&filter, page),
            )?;
            let items = rows
                .iter()
                .map(|row| holder(tx, row, &right))
                .collect::<Result<_, _>>()?;
            Ok(place.page(items, next.as_deref()))
        })
        .await
}

/// Reads the right that is asked about.
///
/// # Errors
/// `validation_failed`, `unknown_permission`.
pub(in crate::app) fn right(
    tx: &dyn ReadTx,
    tenant: Option<&Tenant>,
    name: &str,
) -> Result<Right, Error> {
    let right: Right = name
        .parse()
        .map_err(|error| malformed("/permission", &error))?;
    let Right::One(permission) = &right else {
        return Ok(right);
    };
    let is_known = match tenant {
        Some(tenant) => {
            access::catalogue(tx, Some(tenant))?.contains(permission)
                && exists_in(permission, Some(tenant))
        }
        // Some tenant may have defined it; a name that nothing grants is taken for a slip.
        None => {
            access::catalogue(tx, None)?.contains(permission)
                || tx
                    .operator()
                    .roles_by_right(None)?
                    .iter()
                    .any(|(granted, _)| *granted == right)
        }
    };
    if is_known {
        Ok(right)
    } else {
        Err(unknown(tx, tenant, name)?)
    }
}

/// What exists in `system` only is held there only.
fn narrowed(
    tx: &dyn ReadTx,
    tenant: Option<Tenant>,
    right: &Right,
) -> Result<Option<Tenant>, Error> {
    match right {
        Right::One(permission) if tenant.is_none() && permission.is_system_only() => {
            let system = tx.tenants().by_slug(&Slug::system())?;
            Ok(Some(system.ok_or_else(Error::not_found)?))
        }
        _ => Ok(tenant),
    }
}

/// Whether the row's tenant has the permission at all: an administrator holds no other.
fn knows(tx: &dyn ReadTx, row: &UserRow, right: &Right) -> bool {
    let Right::One(permission) = right else {
        return row.user.is_tenant_admin || !row.user.roles.is_empty();
    };
    let is_defined = |permission: &Permission| -> Result<bool, store::StoreError> {
        let own = tx
            .tenant(row.user.tenant_id)
            .permissions()
            .by_name(permission)?;
        Ok(own.is_some() || tx.system_permissions().by_name(permission)?.is_some())
    };
    permission.is_built_in() || is_defined(permission).unwrap_or(false)
}

fn holder(tx: &dyn ReadTx, row: &UserRow, right: &Right) -> Result<HolderView, Error> {
    let roles = tx.tenant(row.user.tenant_id).grants().of(row.user.id)?;
    let realm = if row.tenant.is_system() {
        Realm::System
    } else {
        Realm::Tenant
    };
    Ok(HolderView {
        user_id: row.user.id,
        email: row.user.email.to_string(),
        tenant: row.tenant.to_string(),
        via: via(&row.user, &roles, realm, right),
    })
}

/// Whether a right says anything where it is held.
pub(in crate::app) fn is_effective(right: &Right, realm: Realm) -> bool {
    match right {
        Right::All => true,
        Right::One(permission) => realm == Realm::System || !permission.is_system_only(),
    }
}

/// What a right comes from; nothing where it is not held.
fn via(user: &User, roles: &[Role], realm: Realm, right: &Right) -> Vec<Via> {
    if !is_effective(right, realm) {
        return Vec::new();
    }
    let by_role = roles
        .iter()
        .filter(|role| role.rights.contains(right) || role.rights.contains(&Right::All))
        .map(by_role);
    by_flag(user).into_iter().chain(by_role).collect()
}

fn by_flag(user: &User) -> Option<Via> {
    user.is_tenant_admin.then_some(Via {
        role: None,
        tenant_admin: true,
    })
}

fn by_role(role: &Role) -> Via {
    Via {
        role: Some(role.name.to_string()),
        tenant_admin: false,
    }
}

/// What is granted by name, each with the roles that name it.
fn held(user: &User, roles: &[Role], realm: Realm) -> Vec<HeldPermission> {
    let mut found: BTreeMap<&Right, Vec<Via>> = BTreeMap::new();
    if let Some(flag) = by_flag(user) {
        found.entry(&Right::All).or_default().push(flag);
    }
    for role in roles {
        for right in role
            .rights
            .iter()
            .filter(|right| is_effective(right, realm))
        {
            found.entry(right).or_default().push(by_role(role));
        }
    }
    found
        .into_iter()
        .map(|(right, via)| HeldPermission {
            permission: match right {
                Right::All => ALL_PERMISSIONS.to_owned(),
                Right::One(permission) => permission.to_string(),
            },
            via,
        })
        .collect()
}
