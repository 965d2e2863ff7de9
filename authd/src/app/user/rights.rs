//! What a user may do by its roles.

use std::collections::BTreeSet;
use std::sync::Arc;

use common::call::Change;
use common::call::role::RoleRef;
use common::call::user::{Grant, Revoke};
use domain::role::{ROLES_OF_USER_LIMIT, Role, RoleName};
use domain::tenant::Tenant;
use domain::user::User;
use serde_json::{Value, json};
use store::{Priority, ReadTx, Scope};

use crate::app::audit::Record;
use crate::app::last_admin::Admins;
use crate::app::user::{act, again, find};
use crate::app::{App, Error, Operator, role};

/// Grants roles: of the user's tenant, or system roles.
///
/// # Errors
/// Those of [`crate::app::names::user`] and [`role::role`]; `validation_failed` for too many.
pub async fn grant(app: &Arc<App>, operator: &Operator, request: Grant) -> Result<Change, Error> {
    let now = app.now();
    let record = Record::draw(app, operator, now, None)?;
    let found = find(app, request.user).await?;
    let act = act("user.grant", &found);
    app.store
        .write(Priority::Urgent, operator.claim.clone(), move |tx| {
            let user = again(tx, &act, found.user.id)?;
            let roles = roles(tx, &act.tenant, &request.roles)?;
            let tenant = tx.tenant_mut(act.tenant.id);
            let mut changed = false;
            for role in &roles {
                changed |= tenant.grants_mut().grant(user.id, role.id, now)?;
            }
            if !changed {
                return Ok(act.unchanged());
            }
            let after = again(tx, &act, user.id)?;
            few_enough(after.roles.len())?;
            tx.invalidate(Scope::User(user.id));
            record.append(tx, &act, &told(&user), &told(&after))
        })
        .await
}

/// Takes roles away.
///
/// # Errors
/// Those of [`crate::app::names::user`] and [`role::role`]; `last_admin`.
pub async fn revoke(app: &Arc<App>, operator: &Operator, request: Revoke) -> Result<Change, Error> {
    let record = Record::draw(app, operator, app.now(), None)?;
    let found = find(app, request.user).await?;
    let act = act("user.revoke", &found);
    app.store
        .write(Priority::Urgent, operator.claim.clone(), move |tx| {
            let user = again(tx, &act, found.user.id)?;
            let roles = roles(tx, &act.tenant, &request.roles)?;
            let admins = Admins::of_tenant(tx, act.tenant.id)?;
            let tenant = tx.tenant_mut(act.tenant.id);
            let mut changed = false;
            for role in &roles {
                changed |= tenant.grants_mut().revoke(user.id, role.id)?;
            }
            if !changed {
                return Ok(act.unchanged());
            }
            admins.remain(tx)?;
            tx.invalidate(Scope::User(user.id));
            let after = again(tx, &act, user.id)?;
            record.append(tx, &act, &told(&user), &told(&after))
        })
        .await
}

/// Finds the roles that a user of this tenant is given or loses.
///
/// # Errors
/// Those of [`role::role`].
pub(in crate::app) fn roles(
    tx: &dyn ReadTx,
    tenant: &Tenant,
    names: &[String],
) -> Result<Vec<Role>, Error> {
    let within = tenant.id.to_string();
    names
        .iter()
        .map(|name| {
            let reference = RoleRef {
                tenant: Some(within.clone()),
                name: name.clone(),
            };
            role::role(tx, &reference).map(|found| found.role)
        })
        .collect()
}

/// Names of roles, each once.
pub(super) fn names(roles: &[Role]) -> Vec<RoleName> {
    let names: BTreeSet<&RoleName> = roles.iter().map(|role| &role.name).collect();
    names.into_iter().cloned().collect()
}

/// Refuses more roles than a token has room for.
pub(super) fn few_enough(count: usize) -> Result<(), Error> {
    if count <= ROLES_OF_USER_LIMIT {
        return Ok(());
    }
    Err(Error::field(
        "/roles",
        "too_many",
        format!("a user has at most {ROLES_OF_USER_LIMIT} roles"),
    ))
}

fn told(user: &User) -> Value {
    let names: Vec<&str> = user.roles.iter().map(RoleName::as_str).collect();
    json!({"roles": names})
}
