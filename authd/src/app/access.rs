//! What the roles of a user or a service client come to, read in the snapshot of what else is decided.

use domain::client::ServiceClient;
use domain::permission::Permission;
use domain::rights::{Access, Catalogue, Realm, Rights};
use domain::tenant::Tenant;
use domain::user::User;
use store::{ReadTx, StoreError};

/// Where the rights of a tenant's users act.
pub fn realm(tenant: &Tenant) -> Realm {
    if tenant.slug.is_system() {
        Realm::System
    } else {
        Realm::Tenant
    }
}

/// What a user may do.
///
/// # Errors
/// Those of the store.
pub fn rights(tx: &dyn ReadTx, tenant: &Tenant, user: &User) -> Result<Rights, StoreError> {
    let granted = tx.tenant(tenant.id).grants().rights_of(user.id)?;
    Ok(Rights::new(realm(tenant), user.is_tenant_admin, granted))
}

/// The permissions that exist in a tenant, or with none the system-wide ones.
///
/// # Errors
/// Those of the store.
pub fn catalogue(tx: &dyn ReadTx, tenant: Option<&Tenant>) -> Result<Catalogue, StoreError> {
    let mut defined = tx.system_permissions().all()?;
    if let Some(tenant) = tenant {
        defined.extend(tx.tenant(tenant.id).permissions().all()?);
    }
    let names = defined
        .into_iter()
        .map(|defined| -> Permission { defined.name });
    Ok(Catalogue::new(names))
}

/// What a service client may do by its roles.
///
/// # Errors
/// Those of the store.
pub fn rights_of_client(
    tx: &dyn ReadTx,
    tenant: &Tenant,
    client: &ServiceClient,
) -> Result<Rights, StoreError> {
    let granted = tx.tenant(tenant.id).clients().rights_of(client.id)?;
    Ok(Rights::new(realm(tenant), false, granted))
}

/// All that decides on permissions of a service client.
///
/// # Errors
/// Those of the store.
pub fn of_client(
    tx: &dyn ReadTx,
    tenant: &Tenant,
    client: &ServiceClient,
) -> Result<Access, StoreError> {
    Ok(Access {
        roles: client.roles.clone(),
        rights: rights_of_client(tx, tenant, client)?,
        catalogue: catalogue(tx, Some(tenant))?,
    })
}

/// All that decides on permissions of a user.
///
/// # Errors
/// Those of the store.
pub fn of(tx: &dyn ReadTx, tenant: &Tenant, user: &User) -> Result<Access, StoreError> {
    Ok(Access {
        roles: user.roles.clone(),
        rights: rights(tx, tenant, user)?,
        catalogue: catalogue(tx, Some(tenant))?,
    })
}
