//! Roles, as the operator sees, makes and removes them; what administrators do over the API and every
//! change of what a role grants are in files of their own below. Such a change is one invalidation, of
//! its tenant or of everything, whatever the number of its members.

mod administered;
mod edit;
mod find;

use std::sync::Arc;

use common::call::Change;
use common::call::role::{Create, Delete, List, RoleRef, Show};
use common::error::ErrorCode;
use common::id::{RoleId, TenantId};
use common::text;
use common::time::Time;
use common::view::{Page, RoleView};
use domain::role::{DESCRIPTION_LIMIT, InvalidRoleName, ROLE_LIMIT, Role, RoleName};
use domain::tenant::Tenant;
use serde_json::{Value, json};
use store::{RoleFilter, RoleRow, Roles, Scope, StoreError, WriteTx};

pub use administered::{Edit, Narrowed, New, edit, granted, make, members, one, page, replace};
pub(in crate::app) use edit::change;
pub use edit::{allow, deny, set};
pub use find::{Found, role, role_filter};

use self::find::Among;

use crate::app::audit::{Record, WideAct};
use crate::app::blast::{self, Plan};
use crate::app::cursor::Place;
use crate::app::last_admin::Admins;
use crate::app::permit::Permit;
use crate::app::{App, By, Error, Operator, names, permission};

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
                system: request.system.then_some(true),
                granting: None,
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
    let name: RoleName = request.name.parse().map_err(|error| bad_name(&error))?;
    let draft = Draft::new(
        app,
        name,
        request.description.as_deref(),
        request.permissions,
    )?;
    let record = Record::draw(app, operator, draft.at, None)?;
    record
        .write(app, move |tx, permit| {
            let tenant = find::home(tx, &draft.name, request.tenant.as_deref())?;
            insert(tx, permit, &draft, tenant.as_ref()).map(|(_, change)| change)
        })
        .await
}

/// A role that is to be made.
pub(super) struct Draft {
    /// Its id.
    pub(super) id: RoleId,
    /// When.
    pub(super) at: Time,
    /// Its name.
    pub(super) name: RoleName,
    /// For people.
    pub(super) description: Option<String>,
    /// What it grants.
    pub(super) permissions: Vec<String>,
}

impl Draft {
    fn new(
        app: &App,
        name: RoleName,
        description: Option<&str>,
        permissions: Vec<String>,
    ) -> Result<Self, Error> {
        let at = app.now();
        Ok(Self {
            id: app.new_id(at)?,
            at,
            name,
            description: parse_description(description)?,
            permissions,
        })
    }
}

/// Makes a role of a tenant, or a system role.
///
/// # Errors
/// `unknown_permission`, `name_taken`; `validation_failed` for one too many.
pub(super) fn insert(
    tx: &dyn WriteTx,
    permit: &Permit<'_>,
    draft: &Draft,
    tenant: Option<&Tenant>,
) -> Result<(Role, Change), Error> {
    let owner = tenant.map(|tenant| tenant.id);
    let rights = permission::rights(tx, tenant, &draft.permissions)?;
    permit.may_grant(&rights)?;
    let made = Role {
        id: draft.id,
        tenant_id: owner,
        name: draft.name.clone(),
        description: draft.description.clone(),
        rights: rights.into_iter().collect(),
        created_at: draft.at,
        updated_at: draft.at,
    };
    let (taken, count) = with_roles(tx, owner, |roles| {
        Ok((roles.by_name(&made.name)?.is_some(), roles.count()?))
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
    let act = act("role.create", &made, tenant);
    let change = permit.append_wide(tx, &act, &Value::Null, &told(&made))?;
    Ok((made, change))
}

/// Removes a role; its members lose it, or get another one for it.
///
/// # Errors
/// Those of [`role`], for both; `permission_denied` for a built-in role and for what the actor may
/// not take or give; for a system role `validation_failed` at `/confirm` where the operator does not
/// name it again, `reauthentication_required` for an administrator (rule 14); `last_admin`.
pub async fn delete(
    app: &Arc<App>,
    by: impl Into<By<'_>>,
    request: Delete,
) -> Result<Change, Error> {
    let (by, now) = (by.into(), app.now());
    let among = Among::of(by);
    if among == Among::System {
        by.is_fresh(now)?;
    }
    let record = Record::draw(app, by, now, None)?;
    let rehearses = by.claim().is_rehearsal();
    let inner = Arc::clone(app);
    let written = record
        .write(app, move |tx, permit| {
            let found = among.find_own(tx, permit, &request.role)?;
            refuse_built_in(&found.role)?;
            if among == Among::All {
                confirmed(&found.role, request.confirm.as_deref())?;
            }
            let heir = heir(tx, &found, request.reassign.as_deref())?;
            permit.may_grant(heir.iter().flat_map(|heir| &heir.rights))?;
            // Whom it touches cannot be told any more when it is gone.
            let mut touched = act("role.delete", &found.role, found.tenant.as_ref()).unchanged();
            let left = if rehearses {
                let members = with_roles(tx, found.role.tenant_id, |roles| {
                    roles.members(found.role.id)
                })?;
                let rights = heir.as_ref().map_or(&[][..], |heir| &heir.rights);
                let plan = Plan::of(&inner, now, (&found.role, members), rights);
                blast::at_once(tx, &mut touched, plan)?
            } else {
                None
            };
            let mut change = remove(tx, permit, &found, heir.as_ref())?;
            change.notes.extend(touched.notes);
            change.blast = touched.blast;
            Ok((change, left))
        })
        .await?;
    blast::later(app, written).await
}

/// Removes a role that was found to be changed; its members lose it, or get the heir for it.
///
/// # Errors
/// `permission_denied` for a built-in role; `last_admin`; those of the store.
pub(super) fn remove(
    tx: &dyn WriteTx,
    permit: &Permit<'_>,
    found: &Found,
    heir: Option<&Role>,
) -> Result<Change, Error> {
    refuse_built_in(&found.role)?;
    let owner = found.role.tenant_id;
    let admins = Admins::of_role(tx, found)?;
    let members = with_roles(tx, owner, |roles| {
        let members = match heir {
            Some(heir) => roles.reassign(found.role.id, heir.id, permit.at())?,
            None => roles.members(found.role.id)?,
        };
        roles.delete(found.role.id)?;
        Ok(members)
    })?;
    admins.remain(tx)?;
    tx.invalidate(scope(owner));
    let after = json!({
        "members": members,
        "reassigned_to": heir.map(|heir| heir.name.as_str()),
    });
    let act = act("role.delete", &found.role, found.tenant.as_ref());
    let mut change = permit.append_wide(tx, &act, &told(&found.role), &after)?;
    change.notes.extend(fate(members, heir));
    Ok(change)
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

/// The refusal of what is no name of a role.
pub(super) fn bad_name(error: &InvalidRoleName) -> Error {
    Error::field("/name", "invalid_role_name", error.to_string())
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
