//! Roles, as the operator makes, changes and removes them. Every change of what a role grants is one
//! invalidation, of its tenant or of everything, whatever the number of its members.

mod find;

use std::collections::BTreeSet;
use std::sync::Arc;

use common::call::Change;
use common::call::role::{Allow, Create, Delete, Deny, List, RoleRef, Set, Show};
use common::error::ErrorCode;
use common::id::TenantId;
use common::text;
use common::view::{Page, RoleView};
use domain::rights::Right;
use domain::role::{DESCRIPTION_LIMIT, ROLE_LIMIT, Role, RoleName};
use domain::tenant::Tenant;
use serde_json::{Value, json};
use store::{Priority, RoleFilter, RoleRow, Roles, Scope, StoreError, WriteTx};

pub use find::{Found, role, role_filter};

use crate::app::audit::{Record, WideAct};
use crate::app::cursor::Place;
use crate::app::last_admin::Admins;
use crate::app::{App, Error, Operator, names, permission};

/// Lists roles by tenant and name, the system roles first.
///
/// # Errors
/// `not_found` for the tenant, those of the page.
pub async fn list(
    app: &Arc<App>,
    _operator: &Operator,
    request: List,
) -> Result<Page<RoleView>, Error> {
    let place = Place::of(&app.keys, &request, &request.paging())?;
    app.store
        .read(move |tx| {
            let filter = RoleFilter {
                tenant: names::tenant_filter(tx, request.tenant.as_deref())?,
                system: request.system,
            };
            let (rows, next) = place.collect(
                |row: &RoleRow| {
                    let slug = row.tenant.as_ref().map_or("", |slug| slug.as_str());
                    format!("{slug}/{}", row.role.name.bare())
                },
                |_| true,
                |page| tx.operator().roles(&filter, page),
            )?;
            Ok(place.page(rows.iter().map(view).collect(), next.as_deref()))
        })
        .await
}

/// Shows one role.
///
/// # Errors
/// Those of [`role`].
pub async fn show(app: &Arc<App>, _operator: &Operator, request: Show) -> Result<RoleView, Error> {
    app.store
        .read(move |tx| {
            let reference = RoleRef {
                tenant: request.tenant,
                name: request.role,
            };
            let found = role(tx, &reference)?;
            let row = tx.operator().role(found.role.id)?;
            Ok(view(&row.ok_or_else(Error::not_found)?))
        })
        .await
}

/// Makes a role. One of the same name that was removed leaves it nothing (rule 19).
///
/// # Errors
/// `not_found` for the tenant; `validation_failed`, `unknown_permission`, `name_taken`.
pub async fn create(app: &Arc<App>, operator: &Operator, request: Create) -> Result<Change, Error> {
    let now = app.now();
    let name = parse_name(&request.name)?;
    let description = parse_description(request.description.as_deref())?;
    let record = Record::draw(app, operator, now, None)?;
    let id = app.new_id(now)?;
    app.store
        .write(Priority::Urgent, operator.claim.clone(), move |tx| {
            let tenant = find::home(tx, &name, request.tenant.as_deref())?;
            let owner = tenant.as_ref().map(|tenant| tenant.id);
            let rights = permission::rights(tx, tenant.as_ref(), &request.permissions)?;
            let made = Role {
                id,
                tenant_id: owner,
                name: name.clone(),
                description: description.clone(),
                rights: rights.into_iter().collect(),
                created_at: now,
                updated_at: now,
            };
            let (taken, count) = with_roles(tx, owner, |roles| {
                Ok((roles.by_name(&name)?.is_some(), roles.count()?))
            })?;
            if taken {
                return Err(name_taken(&made));
            }
            if count >= ROLE_LIMIT {
                return Err(Error::field(
                    "/name",
                    "too_many",
                    format!("there are {count} roles already, which is the most"),
                ));
            }
            with_roles(tx, owner, |roles| roles.insert(&made))?;
            record.append_wide(
                tx,
                &act("role.create", &made, tenant.as_ref()),
                &Value::Null,
                &told(&made),
            )
        })
        .await
}

/// Sets description or permissions of a role.
///
/// # Errors
/// Those of [`role`]; `validation_failed`, `unknown_permission`; `permission_denied` for a built-in
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

/// Removes a role; its members lose it, or get another one for it.
///
/// # Errors
/// Those of [`role`], for both; `permission_denied` for a built-in role; `validation_failed` at
/// `/confirm` where a system role is not named again; `last_admin`.
pub async fn delete(app: &Arc<App>, operator: &Operator, request: Delete) -> Result<Change, Error> {
    let now = app.now();
    let record = Record::draw(app, operator, now, None)?;
    app.store
        .write(Priority::Urgent, operator.claim.clone(), move |tx| {
            let found = role(tx, &request.role)?;
            refuse_built_in(&found.role)?;
            confirmed(&found.role, request.confirm.as_deref())?;
            let heir = heir(tx, &found, request.reassign.as_deref())?;
            let owner = found.role.tenant_id;
            let admins = Admins::of_role(tx, &found)?;
            let members = with_roles(tx, owner, |roles| {
                let members = match &heir {
                    Some(heir) => roles.reassign(found.role.id, heir.id, now)?,
                    None => roles.members(found.role.id)?,
                };
                roles.delete(found.role.id)?;
                Ok(members)
            })?;
            admins.remain(tx)?;
            tx.invalidate(scope(owner));
            let after = json!({
                "members": members,
                "reassigned_to": heir.as_ref().map(|heir| heir.name.as_str()),
            });
            let act = act("role.delete", &found.role, found.tenant.as_ref());
            let mut change = record.append_wide(tx, &act, &told(&found.role), &after)?;
            change.notes.extend(fate(members, heir.as_ref()));
            Ok(change)
        })
        .await
}

/// Changes a role in one transaction: all that it grants is effective with the next request.
async fn edit(
    app: &Arc<App>,
    operator: &Operator,
    action: &'static str,
    reference: RoleRef,
    apply: impl Fn(&dyn WriteTx, &Found) -> Result<Role, Error> + Send + 'static,
) -> Result<Change, Error> {
    let now = app.now();
    let record = Record::draw(app, operator, now, None)?;
    app.store
        .write(Priority::Urgent, operator.claim.clone(), move |tx| {
            let found = role(tx, &reference)?;
            let act = act(action, &found.role, found.tenant.as_ref());
            let edited = apply(tx, &found)?;
            if edited == found.role {
                return Ok(act.unchanged());
            }
            refuse_built_in(&found.role)?;
            let edited = Role {
                updated_at: now,
                ..edited
            };
            let admins = Admins::of_role(tx, &found)?;
            with_roles(tx, edited.tenant_id, |roles| roles.update(&edited))?;
            admins.remain(tx)?;
            tx.invalidate(scope(edited.tenant_id));
            record.append_wide(tx, &act, &told(&found.role), &told(&edited))
        })
        .await
}

/// Works on the roles of a tenant, or on the system roles.
fn with_roles<T>(
    tx: &dyn WriteTx,
    owner: Option<TenantId>,
    work: impl FnOnce(&dyn Roles) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    match owner {
        Some(id) => work(tx.tenant_mut(id).roles_mut().as_ref()),
        None => work(tx.system_roles_mut().as_ref()),
    }
}

/// What forgets the rights that rest on something of this owner.
pub(super) fn scope(owner: Option<TenantId>) -> Scope {
    owner.map_or(Scope::Global, Scope::Tenant)
}

fn parse_name(text: &str) -> Result<RoleName, Error> {
    text.parse()
        .map_err(|error: domain::role::InvalidRoleName| {
            Error::field("/name", "invalid_role_name", error.to_string())
        })
}

/// A description for people; the empty text is none.
pub(super) fn parse_description(given: Option<&str>) -> Result<Option<String>, Error> {
    let text = given
        .filter(|text| !text.trim().is_empty())
        .map(|text| text::sanitize(text, DESCRIPTION_LIMIT))
        .transpose();
    text.map_err(|error| Error::field("/description", "invalid_text", error.to_string()))
}

fn refuse_built_in(role: &Role) -> Result<(), Error> {
    if !role.is_built_in() {
        return Ok(());
    }
    Err(Error::new(
        ErrorCode::PermissionDenied,
        format!("{} is built in and stays as it is", role.name),
    )
    .with_hint("Make another system role: authctl role create system:NAME --permission PERM"))
}

fn name_taken(role: &Role) -> Error {
    Error::new(
        ErrorCode::NameTaken,
        format!("there is a role {} already", role.name),
    )
}

fn confirmed(role: &Role, typed: Option<&str>) -> Result<(), Error> {
    if !role.name.is_system() || typed == Some(role.name.as_str()) {
        return Ok(());
    }
    Err(Error::field(
        "/confirm",
        "not_confirmed",
        format!("deleting a system role needs its name again: {}", role.name),
    ))
}

/// The role that members get instead: one that all of them may hold.
fn heir(tx: &dyn WriteTx, found: &Found, named: Option<&str>) -> Result<Option<Role>, Error> {
    let Some(name) = named else {
        return Ok(None);
    };
    let reference = RoleRef {
        tenant: found.tenant.as_ref().map(|tenant| tenant.id.to_string()),
        name: name.to_owned(),
    };
    let heir = role(tx, &reference)?.role;
    let fits = heir.id != found.role.id
        && (heir.tenant_id.is_none() || heir.tenant_id == found.role.tenant_id);
    if fits {
        return Ok(Some(heir));
    }
    Err(Error::field(
        "/reassign",
        "unfit_role",
        "expected another role that all members may hold",
    ))
}

fn fate(members: u64, heir: Option<&Role>) -> Option<String> {
    let users = match members {
        0 => return None,
        1 => "1 user".to_owned(),
        many => format!("{many} users"),
    };
    Some(match heir {
        Some(heir) => format!("{users} got {} instead.", heir.name),
        None => format!("{users} lost it."),
    })
}

fn act(action: &'static str, role: &Role, tenant: Option<&Tenant>) -> WideAct {
    WideAct {
        action,
        tenant: tenant.cloned(),
        object: role.id.to_string(),
        subject: role.name.to_string(),
    }
}

/// The role for the audit row.
fn told(role: &Role) -> Value {
    json!({
        "name": role.name.as_str(),
        "description": role.description,
        "permissions": permissions(role),
    })
}

fn permissions(role: &Role) -> Vec<String> {
    role.rights.iter().map(ToString::to_string).collect()
}

fn view(row: &RoleRow) -> RoleView {
    let role = &row.role;
    RoleView {
        id: role.id,
        name: role.name.to_string(),
        tenant: row.tenant.as_ref().map(ToString::to_string),
        description: role.description.clone(),
        permissions: permissions(role),
        members: row.members,
        created_at: role.created_at,
        updated_at: role.updated_at,
    }
}
