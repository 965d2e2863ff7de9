//! What a user may do by its roles.

use std::collections::BTreeSet;
use std::sync::Arc;

use common::call::role::RoleRef;
use common::call::user::{Grant, Revoke};
use common::call::{Change, UserRef};
use common::id::UserId;
use common::view::{HeldRole, Page};
use domain::rights::Right;
use domain::role::{ROLES_OF_USER_LIMIT, Role, RoleName};
use domain::tenant::Tenant;
use domain::user::User;
use serde_json::{Value, json};
use store::{ReadTx, Scope, StoreError};

use crate::app::audit::Record;
use crate::app::last_admin::Admins;
use crate::app::user::{act, again, by_id, find};
use crate::app::{Administrator, App, By, Error, blast, role, target};

/// Grants roles: of the user's tenant, or system roles.
///
/// # Errors
/// Those of [`crate::app::names::user`] and [`role::role`]; `validation_failed` for too many.
pub async fn grant(app: &Arc<App>, by: impl Into<By<'_>>, request: Grant) -> Result<Change, Error> {
    let (by, now) = (by.into(), app.now());
    let record = Record::draw(app, by, now, None)?;
    let found = find(app, by.reach(), request.user).await?;
    let act = act("user.grant", &found);
    let rehearses = by.claim().is_rehearsal();
    record
        .write(app, move |tx, permit| {
            let user = again(tx, permit, &act, found.user.id)?;
            let roles = roles(tx, &act.tenant, &request.roles)?;
            permit.may_grant(roles.iter().flat_map(|role| &role.rights))?;
            let tenant = tx.tenant_mut(act.tenant.id);
            let before = if rehearses {
                held_by(tx, &user)?
            } else {
                Vec::new()
            };
            let mut changed = false;
            for role in &roles {
                changed |= tenant.grants_mut().grant(user.id, role.id, now)?;
            }
            if !changed {
                return Ok(act.unchanged());
            }
            let after = by_id(tx, &act, user.id)?;
            few_enough(after.roles.len())?;
            tx.invalidate(Scope::User(user.id));
            let mut change = permit.append(tx, &act, &told(&user), &told(&after))?;
            if rehearses {
                tell_of(tx, &mut change, &after, &before)?;
            }
            Ok(change)
        })
        .await
}

/// What a user's roles grant, and the flag.
fn held_by(tx: &dyn ReadTx, user: &User) -> Result<Vec<Right>, StoreError> {
    let mut held = tx.tenant(user.tenant_id).grants().rights_of(user.id)?;
    if user.is_tenant_admin {
        held.push(Right::All);
    }
    Ok(held)
}

/// Tells in a rehearsal what it would take from the user, or give.
fn tell_of(
    tx: &dyn ReadTx,
    change: &mut Change,
    user: &User,
    before: &[Right],
) -> Result<(), StoreError> {
    let after = held_by(tx, user)?;
    let touched = blast::of_user(tx, user.tenant_id, user.id, [before, &after])?;
    blast::put(change, touched);
    Ok(())
}

/// Takes roles away.
///
/// # Errors
/// Those of [`crate::app::names::user`] and [`role::role`]; `last_admin`.
pub async fn revoke(
    app: &Arc<App>,
    by: impl Into<By<'_>>,
    request: Revoke,
) -> Result<Change, Error> {
    let by = by.into();
    let record = Record::draw(app, by, app.now(), None)?;
    let found = find(app, by.reach(), request.user).await?;
    let act = act("user.revoke", &found);
    let rehearses = by.claim().is_rehearsal();
    record
        .write(app, move |tx, permit| {
            let user = again(tx, permit, &act, found.user.id)?;
            let roles = roles(tx, &act.tenant, &request.roles)?;
            let admins = Admins::of_tenant(tx, act.tenant.id)?;
            let tenant = tx.tenant_mut(act.tenant.id);
            let before = if rehearses {
                held_by(tx, &user)?
            } else {
                Vec::new()
            };
            let mut changed = false;
            for role in &roles {
                changed |= tenant.grants_mut().revoke(user.id, role.id)?;
            }
            if !changed {
                return Ok(act.unchanged());
            }
            admins.remain(tx)?;
            tx.invalidate(Scope::User(user.id));
            let after = by_id(tx, &act, user.id)?;
            let mut change = permit.append(tx, &act, &told(&user), &told(&after))?;
            if rehearses {
                tell_of(tx, &mut change, &after, &before)?;
            }
            Ok(change)
        })
        .await
}

/// The roles of a user: a handful of rows, so they are one page.
///
/// # Errors
/// `not_found`.
pub async fn held(
    app: &App,
    administrator: &Administrator,
    reference: UserRef,
) -> Result<Page<HeldRole>, Error> {
    let reach = By::Administrator(administrator).reach();
    app.store
        .read(move |tx| {
            let found = target::user(tx, reach, &reference)?;
            page(tx, &found.tenant, found.user.id)
        })
        .await
}

/// Gives a user these roles and no others, in one act. Who lacks a right that a role grants can neither
/// give nor take it.
///
/// # Errors
/// Those of [`grant`] and [`revoke`].
pub async fn replace(
    app: &Arc<App>,
    administrator: &Administrator,
    reference: UserRef,
    names: Vec<String>,
) -> Result<Page<HeldRole>, Error> {
    let (by, now) = (By::Administrator(administrator), app.now());
    let record = Record::draw(app, by, now, None)?;
    let found = find(app, by.reach(), reference).await?;
    let act = act("user.roles", &found);
    record
        .write(app, move |tx, permit| {
            let user = again(tx, permit, &act, found.user.id)?;
            let wanted = roles(tx, &act.tenant, &names)?;
            let rows = tx.tenant_mut(act.tenant.id);
            let held = rows.grants().of(user.id)?;
            let new = |role: &&Role| !held.contains(role);
            permit.may_grant(wanted.iter().filter(new).flat_map(|role| &role.rights))?;
            let admins = Admins::of_tenant(tx, act.tenant.id)?;
            for role in wanted.iter().filter(new) {
                rows.grants_mut().grant(user.id, role.id, now)?;
            }
            for role in held.iter().filter(|role| !wanted.contains(role)) {
                rows.grants_mut().revoke(user.id, role.id)?;
            }
            let after = by_id(tx, &act, user.id)?;
            if after.roles != user.roles {
                few_enough(after.roles.len())?;
                admins.remain(tx)?;
                tx.invalidate(Scope::User(user.id));
                permit.append(tx, &act, &told(&user), &told(&after))?;
            }
            page(tx, &act.tenant, user.id)
        })
        .await
}

fn page(tx: &dyn ReadTx, tenant: &Tenant, user: UserId) -> Result<Page<HeldRole>, Error> {
    let roles = tx.tenant(tenant.id).grants().of(user)?;
    let items = roles.into_iter().map(|role| HeldRole {
        id: role.id,
        name: role.name.to_string(),
        description: role.description,
    });
    Ok(Page {
        items: items.collect(),
        next_cursor: None,
    })
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
