//! Making the steps of a plan, each by the change of its resource, all in one transaction.

use std::sync::Arc;

use common::call::Change;
use common::id::RoleId;
use domain::permission::DefinedPermission;
use domain::setting::SetBy;
use domain::tenant::Tenant;
use store::WriteTx;

use super::plan::{Plan, Step};
use crate::app::audit::{Act, Record};
use crate::app::permit::Permit;
use crate::app::tenant::settings::{self, Edit};
use crate::app::{App, Error, permission, role};

/// Makes all steps; `drawn` holds a record and a role's id for each.
pub(super) fn make(
    app: &Arc<App>,
    tx: &dyn WriteTx,
    tenant: &Tenant,
    plan: &Plan,
    drawn: &[(Record, RoleId)],
) -> Result<Change, Error> {
    let whole = Act {
        action: "tenant.apply",
        tenant: tenant.clone(),
        object: tenant.id.to_string(),
        subject: tenant.slug.to_string(),
    };
    let mut all = whole.unchanged();
    for (step, (record, id)) in plan.steps.iter().zip(drawn) {
        let permit = Permit::read(tx, record, app.settings().expiry_grace)?;
        let change = one(app, tx, (&permit, record), tenant, (step, *id))?;
        all.changed |= change.changed;
        all.audit_id = change.audit_id.or(all.audit_id);
        all.sessions_ended = all.sessions_ended.saturating_add(change.sessions_ended);
        all.notes.extend(change.notes);
    }
    // What was made stands before what it did.
    all.notes.splice(0..0, plan.told(tenant));
    Ok(all)
}

fn one(
    app: &Arc<App>,
    tx: &dyn WriteTx,
    (permit, record): (&Permit<'_>, &Record),
    tenant: &Tenant,
    (step, id): (&Step, RoleId),
) -> Result<Change, Error> {
    let owner = Some(tenant);
    match step {
        Step::Define(name, description) => {
            let defined = DefinedPermission {
                tenant_id: Some(tenant.id),
                name: name.clone(),
                description: description.clone(),
                created_at: permit.at(),
            };
            permission::insert(tx, permit, &defined, owner)
        }
        Step::Undefine(name) => permission::remove(tx, permit, name, owner),
        Step::Set(setting, value) => {
            let edit = Edit {
                setting: *setting,
                value: Some(value.clone()),
                by: SetBy::Operator,
            };
            let act = Act {
                action: "tenant.settings.set",
                tenant: tenant.clone(),
                object: tenant.id.to_string(),
                subject: setting.name().to_owned(),
            };
            settings::write(app, tx, record, &act, &edit)
        }
        Step::Create {
            name,
            description,
            rights,
        } => {
            let draft = role::Draft {
                id,
                at: permit.at(),
                name: name.clone(),
                description: description.clone(),
                permissions: rights.iter().map(ToString::to_string).collect(),
            };
            role::insert(tx, permit, &draft, owner).map(|(_, change)| change)
        }
        Step::Change(both) => {
            let (before, after) = both.as_ref();
            let found = role::Found {
                role: before.clone(),
                tenant: Some(tenant.clone()),
            };
            role::change(tx, permit, "role.set", &found, after.clone())
        }
        Step::Delete(gone) => {
            let found = role::Found {
                role: gone.as_ref().clone(),
                tenant: Some(tenant.clone()),
            };
            role::remove(tx, permit, &found, None)
        }
    }
}
