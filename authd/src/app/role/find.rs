//! Which role is meant: the operator names it by id, `system:<name>`, or a name within a tenant; an
//! administrator by id, among those that its route is about.

use common::call::role::RoleRef;
use common::error::ErrorCode;
use common::id::{RoleId, TenantId};
use common::suggest::nearest;
use common::text::visible;
use domain::role::{Role, RoleName};
use domain::tenant::Tenant;
use store::ReadTx;

use crate::app::permit::Permit;
use crate::app::{By, Error, names};

/// Characters of an unknown name that an answer repeats.
const ECHO_LIMIT: usize = 100;

/// A role with its tenant; none for a system role.
#[derive(Debug, Clone)]
pub struct Found {
    /// The role.
    pub role: Role,
    /// The tenant that it lives in.
    pub tenant: Option<Tenant>,
}

/// What the permissions on system roles begin with.
const ON_SYSTEM_ROLES: &str = "system_roles:";

/// The roles that somebody has before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Among {
    /// All of them: the operator.
    All,
    /// Those of one tenant to change, and the system roles to read.
    Tenant(TenantId),
    /// The system roles.
    System,
}

impl Among {
    /// What an administrator's act is about, its route's permission says.
    pub(super) fn of(by: By<'_>) -> Self {
        let Some(administrator) = by.administrator() else {
            return Self::All;
        };
        let on_system = administrator
            .needs
            .first()
            .is_some_and(|needed| needed.as_str().starts_with(ON_SYSTEM_ROLES));
        if on_system {
            Self::System
        } else {
            Self::Tenant(administrator.tenant_id)
        }
    }

    /// Finds a role to read: the operator's by id or name, an administrator's by id, and what is
    /// foreign, gone or no id at all is not there.
    ///
    /// # Errors
    /// `not_found`; those of [`role`] for the operator.
    pub(super) fn find(self, tx: &dyn ReadTx, reference: &RoleRef) -> Result<Found, Error> {
        if self == Self::All {
            return role(tx, reference);
        }
        let id: RoleId = reference.name.parse().map_err(|_| Error::not_found())?;
        if let Self::Tenant(within) = self
            && let Some(role) = tx.tenant(within).roles().by_id(id)?
        {
            let tenant = tx.tenants().by_id(within)?;
            return Ok(Found {
                role,
                tenant: Some(tenant.ok_or_else(Error::not_found)?),
            });
        }
        let found = tx.system_roles().by_id(id)?;
        Ok(Found {
            role: found.ok_or_else(Error::not_found)?,
            tenant: None,
        })
    }

    /// Finds a role to change or to remove, which the actor may.
    ///
    /// # Errors
    /// As [`Among::find`]; `permission_denied` for a system role within a tenant, and those of
    /// [`Permit::may_change`].
    pub(super) fn find_own(
        self,
        tx: &dyn ReadTx,
        permit: &Permit<'_>,
        reference: &RoleRef,
    ) -> Result<Found, Error> {
        let found = self.find(tx, reference)?;
        if matches!(self, Self::Tenant(_)) && found.tenant.is_none() {
            return Err(Error::new(
                ErrorCode::PermissionDenied,
                "a system role is the same for all tenants and cannot be changed within one",
            ));
        }
        permit.may_change(tx, &found.role)?;
        Ok(found)
    }
}

/// Finds a role. A role of another tenant than the one given is not there.
///
/// # Errors
/// `not_found` with the nearest name; `validation_failed` at `/role` for a name that needs a tenant.
pub fn role(tx: &dyn ReadTx, reference: &RoleRef) -> Result<Found, Error> {
    let name = reference.name.as_str();
    if let Ok(id) = name.parse::<RoleId>() {
        return by_id(tx, id, reference);
    }
    let parsed = name.parse::<RoleName>();
    if let Ok(parsed) = &parsed
        && parsed.is_system()
    {
        let found = tx.system_roles().by_name(parsed)?;
        return match found {
            Some(role) => Ok(Found { role, tenant: None }),
            None => Err(unknown(tx, name, None)?),
        };
    }
    let Some(within) = &reference.tenant else {
        return Err(Error::field(
            "/role",
            "tenant_needed",
            "a role of a tenant is named together with the tenant",
        )
        .with_hint("Name it with -t TENANT, or write system:NAME for a system role."));
    };
    let tenant = names::tenant(tx, within)?;
    let found = match &parsed {
        Ok(parsed) => tx.tenant(tenant.id).roles().by_name(parsed)?,
        Err(_) => None,
    };
    match found {
        Some(role) => Ok(Found {
            role,
            tenant: Some(tenant),
        }),
        None => Err(unknown(tx, name, Some(&tenant))?),
    }
}

/// Finds the role that a list is narrowed to, if it is.
///
/// # Errors
/// As [`role`].
pub fn role_filter(
    tx: &dyn ReadTx,
    tenant: Option<TenantId>,
    name: Option<&str>,
) -> Result<Option<RoleId>, Error> {
    let Some(name) = name else {
        return Ok(None);
    };
    let reference = RoleRef {
        tenant: tenant.map(|id| id.to_string()),
        name: name.to_owned(),
    };
    Ok(Some(role(tx, &reference)?.role.id))
}

/// The tenant in which a role of this name is made; none for a system role.
pub(super) fn home(
    tx: &dyn ReadTx,
    name: &RoleName,
    tenant: Option<&str>,
) -> Result<Option<Tenant>, Error> {
    match tenant {
        _ if name.is_system() => Ok(None),
        Some(tenant) => names::tenant(tx, tenant).map(Some),
        None => Err(Error::field(
            "/tenant",
            "tenant_needed",
            "expected a tenant, or a name that begins with system:",
        )),
    }
}

fn by_id(tx: &dyn ReadTx, id: RoleId, reference: &RoleRef) -> Result<Found, Error> {
    let within = names::tenant_filter(tx, reference.tenant.as_deref())?;
    let row = tx.operator().role(id)?;
    let found = row.filter(|row| {
        row.role.tenant_id.is_none() || within.is_none() || row.role.tenant_id == within
    });
    let Some(row) = found else {
        return Err(unknown(tx, &reference.name, None)?);
    };
    let tenant = match row.role.tenant_id {
        Some(id) => tx.tenants().by_id(id)?,
        None => None,
    };
    Ok(Found {
        role: row.role,
        tenant,
    })
}

fn unknown(tx: &dyn ReadTx, name: &str, tenant: Option<&Tenant>) -> Result<Error, Error> {
    let start: String = name.chars().take(ECHO_LIMIT).collect();
    let mut known = tx.system_roles().names()?;
    if let Some(tenant) = tenant {
        known.extend(tx.tenant(tenant.id).roles().names()?);
    }
    let place = tenant.map(|tenant| format!(" in tenant {}", tenant.slug));
    let list = match tenant {
        Some(tenant) => format!("List: authctl -t {} role list", tenant.slug),
        None => "List: authctl role list".to_owned(),
    };
    let mut error = Error::not_found();
    error.developer_message = format!(
        "no role \"{}\"{}",
        visible(&start),
        place.unwrap_or_default()
    )
    .into();
    let near = nearest(&start, known.iter().map(RoleName::as_str));
    Ok(error.with_hint(match near {
        Some(near) => format!("Did you mean {near}? {list}"),
        None => list,
    }))
}
