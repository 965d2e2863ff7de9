//! The catalogue: what is built in, what is system-wide, and what a tenant has defined for itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use common::call::permission::List;
use common::view::{GrantedPermission, Page, PermissionScope, PermissionView};
use domain::permission::{BUILT_IN, Permission};
use domain::rights::Right;
use domain::tenant::Tenant;
use store::{PageRequest, ReadTx, StoreError};

use crate::app::cursor::Place;
use crate::app::{App, By, Error, Reach, target};

/// Lists the catalogue by name. Without a tenant, those that no tenant defined.
///
/// # Errors
/// `not_found` for the tenant, those of the page.
pub async fn list(
    app: &Arc<App>,
    by: impl Into<By<'_>>,
    request: List,
) -> Result<Page<PermissionView>, Error> {
    let by = by.into();
    let place = Place::by(&app.keys, by, &request, &request.paging())?;
    let reach = by.reach();
    app.store
        .read(move |tx| {
            let tenant = home(tx, reach, request.tenant.as_deref())?;
            let mut all = catalogue(tx, tenant.as_ref())?;
            if let Some(resource) = &request.resource {
                all.retain(|_, view| {
                    let parts = view.permission.split_once(':');
                    parts.is_some_and(|(before, _)| before == resource)
                });
            }
            let (rows, next) = place.collect(key, |_| true, |page| Ok(part(&all, page)))?;
            Ok(place.page(rows, next.as_deref()))
        })
        .await
}

/// What a role grants, each with where it exists.
///
/// # Errors
/// Those of the store.
pub(in crate::app) fn granted(
    tx: &dyn ReadTx,
    tenant: Option<&Tenant>,
    rights: &[Right],
) -> Result<Page<GrantedPermission>, Error> {
    let mut described = BTreeMap::new();
    for defined in tx.system_permissions().all()? {
        described.insert(defined.name, (PermissionScope::System, defined.description));
    }
    if let Some(tenant) = tenant {
        for defined in tx.tenant(tenant.id).permissions().all()? {
            described.insert(defined.name, (PermissionScope::Tenant, defined.description));
        }
    }
    let items = rights.iter().map(|right| {
        let defined = match right {
            Right::All => None,
            Right::One(name) => described.remove(name),
        };
        let (scope, description) = defined.unwrap_or((PermissionScope::BuiltIn, None));
        GrantedPermission {
            permission: right.to_string(),
            scope,
            description,
        }
    });
    Ok(Page {
        items: items.collect(),
        next_cursor: None,
    })
}

/// The tenant whose catalogue is meant; none for what is system-wide, which is the operator's alone.
pub(super) fn home(
    tx: &dyn ReadTx,
    reach: Reach,
    tenant: Option<&str>,
) -> Result<Option<Tenant>, Error> {
    match (reach, tenant) {
        (reach, Some(name)) => target::tenant(tx, reach, name).map(Some),
        (Reach::Within(id), None) => target::tenant(tx, reach, &id.to_string()).map(Some),
        (Reach::Everywhere | Reach::Shielded, None) => Ok(None),
    }
}

/// Whether a built-in permission exists there: some do in the tenant `system` only (rule 16); a
/// system role may name them, and then acts with them there.
pub(in crate::app) fn exists_in(permission: &Permission, tenant: Option<&Tenant>) -> bool {
    !permission.is_system_only() || tenant.is_none_or(|tenant| tenant.slug.is_system())
}

/// The whole catalogue by [`key`]; its size is bounded by
/// [`domain::permission::PERMISSION_LIMIT`].
pub(super) fn catalogue(
    tx: &dyn ReadTx,
    tenant: Option<&Tenant>,
) -> Result<BTreeMap<String, PermissionView>, StoreError> {
    let counted = tx
        .operator()
        .roles_by_right(tenant.map(|tenant| tenant.id))?;
    let counted: BTreeMap<Right, u64> = counted.into_iter().collect();
    let mut views = Vec::new();
    for name in BUILT_IN.iter().filter_map(|name| name.parse().ok()) {
        if exists_in(&name, tenant) {
            views.push((name, PermissionScope::BuiltIn, None));
        }
    }
    for defined in tx.system_permissions().all()? {
        views.push((defined.name.clone(), PermissionScope::System, Some(defined)));
    }
    if let Some(tenant) = tenant {
        for defined in tx.tenant(tenant.id).permissions().all()? {
            views.push((defined.name.clone(), PermissionScope::Tenant, Some(defined)));
        }
    }
    let views = views.into_iter().map(|(name, scope, defined)| {
        let (description, created_at) = match defined {
            Some(defined) => (defined.description, Some(defined.created_at)),
            None => (None, None),
        };
        let view = PermissionView {
            permission: name.to_string(),
            scope,
            description,
            roles: counted.get(&Right::One(name)).copied().unwrap_or(0),
            created_at,
            updated_at: created_at,
        };
        (key(&view), view)
    });
    Ok(views.collect())
}

/// Place of a permission in the list: a name may be defined for a tenant and system-wide later.
fn key(view: &PermissionView) -> String {
    format!("{}/{}", view.permission, view.scope.as_str())
}

fn part(all: &BTreeMap<String, PermissionView>, page: &PageRequest) -> Vec<PermissionView> {
    let after = page.after.clone().unwrap_or_default();
    all.iter()
        .filter(|(key, _)| **key > after)
        .take(usize::try_from(page.limit).unwrap_or(usize::MAX))
        .map(|(_, view)| view.clone())
        .collect()
}
