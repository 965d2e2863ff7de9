//! Changing a role: what it grants, and what it is called. Whoever changes it, the whole change is one
//! transaction, and all that it grants is effective with the next request.

use std::collections::BTreeSet;
use std::sync::Arc;

use common::call::Change;
use common::call::role::{Allow, Deny, RoleRef, Set};
use domain::rights::Right;
use domain::role::Role;
use store::WriteTx;

use super::find::{Among, Found};
use super::{act, name_taken, parse_description, refuse_built_in, scope, told, with_roles};
use crate::app::audit::Record;
use crate::app::blast::{self, Plan};
use crate::app::last_admin::Admins;
use crate::app::permit::Permit;
use crate::app::{App, Error, Operator, permission};

/// Sets description or permissions of a role.
///
/// # Errors
/// Those of [`super::role`]; `validation_failed`, `unknown_permission`; `permission_denied` for a built-in
/// role; `last_admin`.
pub async fn set(app: &Arc<App>, operator: &Operator, request: Set) -> Result<Change, Error> {
    let description = request
        .description
        .as_deref()
        .map(|text| parse_description(Some(text)))
        .transpose()?;
    edit(app, operator, "role.set", request.role, move |tx, found| {
        let mut edited = found.role.clone();
        if let Some(description) = &description {
            edited.description.clone_from(description);
        }
        if let Some(names) = &request.permissions {
            let rights = permission::rights(tx, found.tenant.as_ref(), names)?;
            edited.rights = rights.into_iter().collect();
        }
        Ok(edited)
    })
    .await
}

/// Adds permissions to a role.
///
/// # Errors
/// Those of [`set`].
pub async fn allow(app: &Arc<App>, operator: &Operator, request: Allow) -> Result<Change, Error> {
    edit(
        app,
        operator,
        "role.allow",
        request.role,
        move |tx, found| {
            let added = permission::rights(tx, found.tenant.as_ref(), &request.permissions)?;
            let mut rights: BTreeSet<Right> = found.role.rights.iter().cloned().collect();
            rights.extend(added);
            Ok(Role {
                rights: rights.into_iter().collect(),
                ..found.role.clone()
            })
        },
    )
    .await
}

/// Removes permissions from a role.
///
/// # Errors
/// Those of [`set`].
pub async fn deny(app: &Arc<App>, operator: &Operator, request: Deny) -> Result<Change, Error> {
    edit(
        app,
        operator,
        "role.deny",
        request.role,
        move |tx, found| {
            let removed = permission::rights(tx, found.tenant.as_ref(), &request.permissions)?;
            let mut rights = found.role.rights.clone();
            rights.retain(|right| !removed.contains(right));
            Ok(Role {
                rights,
                ..found.role.clone()
            })
        },
    )
    .await
}

/// Changes a role as the operator names it.
async fn edit(
    app: &Arc<App>,
    operator: &Operator,
    action: &'static str,
    reference: RoleRef,
    apply: impl Fn(&dyn WriteTx, &Found) -> Result<Role, Error> + Send + 'static,
) -> Result<Change, Error> {
    let record = Record::draw(app, operator, app.now(), None)?;
    let rehearses = operator.is_rehearsal();
    let inner = Arc::clone(app);
    let written = record
        .write(app, move |tx, permit| {
            let found = Among::All.find_own(tx, permit, &reference)?;
            let edited = apply(tx, &found)?;
            let rights = edited.rights.clone();
            let mut change = change(tx, permit, action, &found, edited)?;
            let left = if rehearses && change.changed {
                let members = with_roles(tx, found.role.tenant_id, |roles| {
                    roles.members(found.role.id)
                })?;
                let plan = Plan::of(&inner, permit.at(), (&found.role, members), &rights);
                blast::at_once(tx, &mut change, plan)?
            } else {
                None
            };
            Ok((change, left))
        })
        .await?;
    blast::later(app, written).await
}

/// Makes of the role that was found to be changed what it is to be.
///
/// # Errors
/// `permission_denied`, `reauthentication_required` for what is added; `name_taken`; `last_admin`; those of the store.
pub(in crate::app) fn change(
    tx: &dyn WriteTx,
    permit: &Permit<'_>,
    action: &'static str,
    found: &Found,
    edited: Role,
) -> Result<Change, Error> {
    let act = act(action, &found.role, found.tenant.as_ref());
    if edited == found.role {
        return Ok(act.unchanged());
    }
    refuse_built_in(&found.role)?;
    let held = &found.role.rights;
    permit.may_grant(edited.rights.iter().filter(|right| !held.contains(right)))?;
    if edited.name != found.role.name
        && with_roles(tx, edited.tenant_id, |roles| roles.by_name(&edited.name))?.is_some()
    {
        return Err(name_taken(&edited));
    }
    let edited = Role {
        updated_at: permit.at(),
        ..edited
    };
    let admins = Admins::of_role(tx, found)?;
    with_roles(tx, edited.tenant_id, |roles| roles.update(&edited))?;
    admins.remain(tx)?;
    tx.invalidate(scope(edited.tenant_id));
    permit.append_wide(tx, &act, &told(&found.role), &told(&edited))
}
