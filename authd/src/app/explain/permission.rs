//! `explain permission`: the chain by which a user holds a permission, with who granted it and when; or
//! which roles would give it.

use std::collections::BTreeMap;
use std::sync::Arc;

use common::call::UserRef;
use common::call::explain::Permission as Call;
use common::id::RoleId;
use common::time::Time;
use common::view::{ActorView, PermissionExplanation, ViaExplanation};
use domain::audit::AuditRow;
use domain::permission::ALL_PERMISSIONS;
use domain::rights::Right;
use domain::role::{ROLE_LIMIT, Role};
use domain::tenant::Standing;
use store::{AuditFilter, PageRequest, ReadTx, RoleFilter};

use super::login::is_closed;
use crate::app::names::{self, Found};
use crate::app::{App, Error, Operator, access, audit, permission as permissions};

/// Changes of a user that are looked through for the one that set the flag.
const CHANGES_LOOKED_AT: u32 = 200;

/// Explains whether a user holds a permission, and by what.
///
/// # Errors
/// Those of [`names::user`]; `validation_failed`, `unknown_permission`.
pub async fn permission(
    app: &Arc<App>,
    _operator: &Operator,
    request: Call,
) -> Result<PermissionExplanation, Error> {
    let (now, grace) = (app.now(), app.settings().expiry_grace);
    app.store
        .read(move |tx| {
            let reference = UserRef {
                tenant: request.tenant,
                name: request.user,
            };
            let found = names::user(tx, &reference)?;
            let right = permissions::right(tx, Some(&found.tenant), &request.permission)?;
            let via = chain(tx, &found, &right)?;
            let roles_that_would = if via.is_empty() {
                roles_that_would(tx, &found, &right)?
            } else {
                Vec::new()
            };
            let hindered_by = match found.tenant.standing(now, grace) {
                Standing::Suspended => Some("tenant_suspended"),
                Standing::Ended => Some("subscription_ended"),
                Standing::Active | Standing::Grace => {
                    is_closed(found.user.status).then_some("disabled")
                }
            };
            Ok(PermissionExplanation {
                allowed: !via.is_empty(),
                via,
                permission: right.as_str().to_owned(),
                user_id: found.user.id,
                email: found.user.email.to_string(),
                tenant: found.tenant.slug.to_string(),
                roles_that_would,
                hindered_by: hindered_by.map(str::to_owned),
            })
        })
        .await
}

fn chain(tx: &dyn ReadTx, found: &Found, right: &Right) -> Result<Vec<ViaExplanation>, Error> {
    if !permissions::is_effective(right, access::realm(&found.tenant)) {
        return Ok(Vec::new());
    }
    let mut via = Vec::new();
    if found.user.is_tenant_admin {
        via.push(by_flag(tx, found)?);
    }
    let grants = tx.tenant(found.tenant.id);
    let since: BTreeMap<RoleId, Time> = grants.grants().since(found.user.id)?.into_iter().collect();
    for role in grants.grants().of(found.user.id)? {
        if let Some(by) = giving(&role, right) {
            let at = since.get(&role.id).copied();
            via.push(ViaExplanation {
                role: Some(role.name.to_string()),
                tenant_admin: false,
                by: by.as_str().to_owned(),
                granted_at: at,
                granted_by: at.map(|at| granter(tx, found, at)).transpose()?.flatten(),
            });
        }
    }
    Ok(via)
}

/// What of a role gives a right.
fn giving<'a>(role: &'a Role, right: &Right) -> Option<&'a Right> {
    let named = role.rights.iter().find(|held| *held == right);
    named.or_else(|| role.rights.iter().find(|held| **held == Right::All))
}

/// Who made the change of the user at that moment: a grant has the time of its audit row.
fn granter(tx: &dyn ReadTx, found: &Found, at: Time) -> Result<Option<ActorView>, Error> {
    let filter = AuditFilter {
        since: Some(at),
        until: Some(Time::from_millis(at.millis().saturating_add(1))),
        ..changes_of(found)
    };
    let page = PageRequest {
        limit: 1,
        after: None,
    };
    let rows = tx.audit().list(&filter, &page)?;
    Ok(rows.first().map(audit::who))
}

fn changes_of(found: &Found) -> AuditFilter {
    AuditFilter {
        tenant: Some(found.tenant.id),
        object: Some(found.user.id.to_string()),
        ..AuditFilter::default()
    }
}

/// The flag has no time of its own: the last change that set it does.
fn by_flag(tx: &dyn ReadTx, found: &Found) -> Result<ViaExplanation, Error> {
    let page = PageRequest {
        limit: CHANGES_LOOKED_AT,
        after: None,
    };
    let rows = tx.audit().list(&changes_of(found), &page)?;
    let setter = rows.iter().find(|row| sets_flag(row));
    Ok(ViaExplanation {
        role: None,
        tenant_admin: true,
        by: ALL_PERMISSIONS.to_owned(),
        granted_at: setter.map(|row| row.entry.at),
        granted_by: setter.map(audit::who),
    })
}

fn sets_flag(row: &AuditRow) -> bool {
    let says = |part: &str| {
        let part = row.entry.payload.get(part)?;
        let flag = part.get("is_tenant_admin").or(part.get("tenant_admin"))?;
        flag.as_bool()
    };
    says("after") == Some(true) && says("before") != Some(true)
}

fn roles_that_would(tx: &dyn ReadTx, found: &Found, right: &Right) -> Result<Vec<String>, Error> {
    if !permissions::is_effective(right, access::realm(&found.tenant)) {
        return Ok(Vec::new());
    }
    let filter = RoleFilter {
        tenant: Some(found.tenant.id),
        ..RoleFilter::default()
    };
    let page = PageRequest {
        limit: ROLE_LIMIT.saturating_mul(2),
        after: None,
    };
    let rows = tx.operator().roles(&filter, &page)?;
    let giving = rows.iter().filter(|row| giving(&row.role, right).is_some());
    Ok(giving.map(|row| row.role.name.to_string()).collect())
}
