//! What an administrative act is about, found for whoever does it: the operator's names with their
//! suggestions, or ids within the one tenant that an administrator reaches, where what is foreign, gone
//! or no id at all is not there, and nothing more is said.

use common::call::UserRef;
use common::id::{TenantId, UserId};
use domain::tenant::Tenant;
use store::ReadTx;

use crate::app::names::{self, Found, Subject};
use crate::app::{Error, Reach, helpdesk};

/// Finds a tenant.
///
/// # Errors
/// `not_found`; those of [`names::tenant`] for the operator.
pub fn tenant(tx: &dyn ReadTx, reach: Reach, name: &str) -> Result<Tenant, Error> {
    let Reach::Within(id) = reach else {
        return names::tenant(tx, name);
    };
    let tenant = tx.tenants().by_id(id)?.ok_or_else(Error::not_found)?;
    if name == id.to_string() || name == tenant.slug.as_str() {
        return Ok(tenant);
    }
    Err(Error::not_found())
}

/// The tenant that an administrator's act is about.
///
/// # Errors
/// `not_found`; `internal` for the operator, who names one.
pub fn own(tx: &dyn ReadTx, reach: Reach) -> Result<Tenant, Error> {
    match reach {
        Reach::Within(id) => tx.tenants().by_id(id)?.ok_or_else(Error::not_found),
        Reach::Everywhere | Reach::Shielded => Err(Error::internal("a tenant that nobody named")),
    }
}

/// Finds the tenant that a list is narrowed to: an administrator's always is.
///
/// # Errors
/// As [`tenant`].
pub fn tenant_filter(
    tx: &dyn ReadTx,
    reach: Reach,
    name: Option<&str>,
) -> Result<Option<TenantId>, Error> {
    match (reach, name) {
        (reach, Some(name)) => tenant(tx, reach, name).map(|tenant| Some(tenant.id)),
        (Reach::Within(id), None) => Ok(Some(id)),
        (Reach::Everywhere | Reach::Shielded, None) => Ok(None),
    }
}

/// Finds a user: the operator's and the helpdesk's by id or address, an administrator's by id.
///
/// # Errors
/// `not_found`; those of [`names::user`] for the operator; `permission_denied` for whom the helpdesk
/// does not reach.
pub fn user(tx: &dyn ReadTx, reach: Reach, reference: &UserRef) -> Result<Found, Error> {
    let within = match reach {
        Reach::Within(within) => within,
        Reach::Everywhere => return names::user(tx, reference),
        Reach::Shielded => return helpdesk::user(tx, reference),
    };
    let id: UserId = reference.name.parse().map_err(|_| Error::not_found())?;
    let tenant = tx.tenants().by_id(within)?;
    let user = tx.tenant(within).users().by_id(id)?;
    match (tenant, user) {
        (Some(tenant), Some(user)) => Ok(Found { tenant, user }),
        _ => Err(Error::not_found()),
    }
}

/// Finds the user that a list is narrowed to, if it is, and the tenant.
///
/// # Errors
/// As [`user`] and [`tenant_filter`].
pub fn user_filter(
    tx: &dyn ReadTx,
    reach: Reach,
    tenant: Option<String>,
    name: Option<String>,
) -> Result<(Option<TenantId>, Option<UserId>), Error> {
    let Some(name) = name else {
        return Ok((tenant_filter(tx, reach, tenant.as_deref())?, None));
    };
    let found = user(tx, reach, &UserRef { tenant, name })?;
    Ok((Some(found.tenant.id), Some(found.user.id)))
}

/// Finds a name that can be locked: an administrator's is a user's, by id.
///
/// # Errors
/// As [`user`]; those of [`names::subject`] for the operator.
pub fn subject(tx: &dyn ReadTx, reach: Reach, reference: &UserRef) -> Result<Subject, Error> {
    match reach {
        Reach::Everywhere => names::subject(tx, reference),
        Reach::Shielded => helpdesk::subject(tx, reference),
        Reach::Within(_) => {
            let found = user(tx, reach, reference)?;
            Ok(Subject::Known(Box::new(found)))
        }
    }
}
