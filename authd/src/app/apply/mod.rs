//! Permissions, roles and settings of a tenant as a whole: compared with what is wanted, made so in one
//! transaction, or written out. Each step is the change of its own resource, with its rules and its row.

mod make;
mod plan;

use std::sync::Arc;

use common::call::Change;
use common::call::apply::{Apply, Diff, Export, Wanted, WantedPermission, WantedRole};
use common::id::RoleId;
use common::view::TenantDiffView;
use domain::permission::PERMISSION_LIMIT;
use domain::role::ROLE_LIMIT;
use domain::setting::SetBy;
use store::Priority;

use self::plan::Plan;
use crate::app::audit::{self, Record};
use crate::app::{App, Error, Operator, names, tenant};

/// Steps of one tenant at most: more cannot be held by a transaction of the writer's time.
const STEPS_LIMIT: usize = 500;

/// Compares what is wanted with what a tenant has.
///
/// # Errors
/// `not_found` for the tenant; `validation_failed`, `unknown_permission`, `unknown_field` for what could
/// not be made so.
pub async fn diff(
    app: &Arc<App>,
    _operator: &Operator,
    request: Diff,
) -> Result<TenantDiffView, Error> {
    let wanted = plan::parse(&request.wanted)?;
    app.store
        .read(move |tx| {
            let tenant = names::tenant(tx, &request.tenant)?;
            let plan = Plan::of(tx, &tenant, &wanted, request.prune)?;
            Ok(plan.view(&tenant))
        })
        .await
}

/// Makes a tenant have what is wanted; all of it or nothing.
///
/// # Errors
/// Those of [`diff`] and of the changes; `validation_failed` at `/confirm` where something goes and the
/// tenant is not named again; `conflict` where somebody else changed it meanwhile.
pub async fn apply(app: &Arc<App>, operator: &Operator, request: Apply) -> Result<Change, Error> {
    let wanted = Arc::new(plan::parse(&request.wanted)?);
    let (name, prune, then) = (request.tenant, request.prune, Arc::clone(&wanted));
    let (tenant, steps, removed, shown) = app
        .store
        .read(move |tx| {
            let tenant = names::tenant(tx, &name)?;
            let plan = Plan::of(tx, &tenant, &then, prune)?;
            let removed = plan.removed();
            Ok::<_, Error>((tenant, plan.steps.len(), removed, plan.into_lines()))
        })
        .await?;
    if removed > 0
        && !operator.is_rehearsal()
        && request.confirm.as_deref() != Some(tenant.slug.as_str())
    {
        return Err(Error::field(
            "/confirm",
            "not_confirmed",
            format!(
                "removing roles or permissions needs the tenant's slug again: {}",
                tenant.slug
            ),
        ));
    }
    if steps > STEPS_LIMIT {
        return Err(Error::field(
            "/wanted",
            "too_many",
            format!(
                "{steps} changes are more than {STEPS_LIMIT} at once: apply a part of them first"
            ),
        ));
    }
    let now = app.now();
    // Each step leaves a row of its own, and each may make a role.
    let drawn = (0..steps)
        .map(|_| {
            let record = Record::draw(app, operator, now, request.reason.as_deref())?;
            Ok((record, app.new_id(now)?))
        })
        .collect::<Result<Vec<(Record, RoleId)>, Error>>()?;
    let (inner, claim) = (Arc::clone(app), operator.claim.clone());
    let tenant_id = tenant.id;
    let made: Result<Change, Error> = app
        .store
        .write(Priority::Urgent, claim, move |tx| {
            let plan = Plan::of(tx, &tenant, &wanted, prune)?;
            // What was confirmed is what is made.
            if !plan.says(&shown) || plan.steps.len() != drawn.len() {
                return Err(audit::moved());
            }
            make::make(&inner, tx, &tenant, &plan, &drawn)
        })
        .await;
    let made = made?;
    if made.changed && !operator.is_rehearsal() {
        tenant::settings::after(app, tenant_id).await;
    }
    Ok(made)
}

/// Writes out what a tenant has, in the form that is wanted.
///
/// # Errors
/// `not_found` for the tenant.
pub async fn export(
    app: &Arc<App>,
    _operator: &Operator,
    request: Export,
) -> Result<Wanted, Error> {
    app.store
        .read(move |tx| {
            let found = names::tenant(tx, &request.tenant)?;
            let rows = tx.tenant(found.id);
            let own = rows.settings().all()?;
            let settings = own
                .values
                .iter()
                .filter(|row| row.set_by == SetBy::Operator)
                .map(|row| {
                    let value = tenant::settings::typed(&row.value);
                    (row.setting.name().to_owned(), value)
                });
            let defined = rows.permissions().all()?;
            let permissions = defined.into_iter().map(|defined| WantedPermission {
                name: defined.name.to_string(),
                description: defined.description,
            });
            let roles = plan::roles(tx, &found)?;
            let roles = roles.into_iter().map(|role| WantedRole {
                name: role.name.to_string(),
                permissions: Some(role.rights.iter().map(ToString::to_string).collect()),
                description: role.description,
            });
            Ok(Wanted {
                settings: settings.collect(),
                permissions: permissions.collect(),
                roles: roles.collect(),
            })
        })
        .await
}

/// Most of what a tenant has of each, to be read at once.
const fn all_of_it() -> u32 {
    if ROLE_LIMIT > PERMISSION_LIMIT {
        ROLE_LIMIT
    } else {
        PERMISSION_LIMIT
    }
}
