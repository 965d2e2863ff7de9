//! The last administrator of a tenant stays (rule 18): what an act may take is looked at before it,
//! and again at the end of its transaction, so that the way in which it is taken does not matter.

use common::error::ErrorCode;
use common::id::TenantId;
use domain::rights::Right;
use store::{ReadTx, StoreError};

use crate::app::Error;
use crate::app::role::Found;

/// Tenants that have a working administrator, before the act.
#[must_use = "they have to be looked at again after the act"]
pub struct Admins(Vec<TenantId>);

impl Admins {
    /// Before an act on users or roles of one tenant.
    ///
    /// # Errors
    /// Those of the store.
    pub fn of_tenant(tx: &dyn ReadTx, tenant: TenantId) -> Result<Self, StoreError> {
        Self::among(tx, vec![tenant])
    }

    /// Before an act on a role; a system role may be held in any tenant.
    ///
    /// # Errors
    /// Those of the store.
    pub fn of_role(tx: &dyn ReadTx, found: &Found) -> Result<Self, StoreError> {
        // Nobody administers by any other role, however many hold it and in however many tenants.
        if !found.role.rights.contains(&Right::All) {
            return Ok(Self(Vec::new()));
        }
        match &found.tenant {
            Some(tenant) => Self::of_tenant(tx, tenant.id),
            None => Self::among(tx, tx.system_roles().tenants_of_members(found.role.id)?),
        }
    }

    fn among(tx: &dyn ReadTx, tenants: Vec<TenantId>) -> Result<Self, StoreError> {
        let mut administered = Vec::new();
        for id in tenants {
            if tx.tenant(id).grants().has_working_admin()? {
                administered.push(id);
            }
        }
        Ok(Self(administered))
    }

    /// After the act: each of them must still have one, or the transaction is refused.
    ///
    /// # Errors
    /// `last_admin`; those of the store.
    pub fn remain(self, tx: &dyn ReadTx) -> Result<(), Error> {
        for id in self.0 {
            if !tx.tenant(id).grants().has_working_admin()? {
                // A deleted one has nobody to miss an administrator.
                if let Some(tenant) = tx.tenants().by_id(id)? {
                    return Err(last_admin(tenant.slug.as_str()));
                }
            }
        }
        Ok(())
    }
}

fn last_admin(slug: &str) -> Error {
    Error::new(
        ErrorCode::LastAdmin,
        format!("tenant {slug} would be left without an administrator who is active and has signed in"),
    )
    .with_hint(format!(
        "Let another one sign in first: authctl -t {slug} user create --email ADDRESS --tenant-admin --generate"
    ))
}
