//! Changing a tenant, closing it and opening it again (rules 15 and 16). Every change outdates what
//! caches hold of the tenant, so that the next request sees it; what time ends needs no write.

use std::sync::Arc;

use common::call::Change;
use common::call::tenant::{Resume, Set, Suspend};
use common::error::ErrorCode;
use common::id::TenantId;
use common::text;
use common::time::Time;
use domain::tenant::{NAME_LIMIT, Standing, Tenant, TenantStatus};
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};
use store::{Priority, Scope, StoreError, WriteTx};

use super::{ends, plan, time_zone};
use crate::app::audit::{Act, Record};
use crate::app::{App, Error, Operator, names};

/// What stands for a subscription without an end.
const NEVER: &str = "never";

/// Changes what is given of a tenant.
///
/// # Errors
/// `not_found`; `validation_failed` for a value that breaks a rule; `user_limit_reached` for fewer
/// seats than there are users; `permission_denied` for name and end of `system`.
pub async fn set(app: &Arc<App>, operator: &Operator, request: Set) -> Result<Change, Error> {
    let now = app.now();
    let record = Record::draw(app, operator, now, request.reason.as_deref())?;
    let tenant = find(app, &request.tenant).await?;
    if request.name.is_some() || request.ends.is_some() {
        refuse_system(&tenant, "renamed or given an end")?;
    }
    let act = act("tenant.set", tenant);
    let grace = app.settings().expiry_grace;
    app.store
        .write(Priority::Urgent, operator.claim.clone(), move |tx| {
            let before = again(tx, &act)?;
            let after = with(&before, &request, now)?;
            let (was, is) = difference(&before, &after);
            if was.is_empty() {
                return Ok(act.unchanged());
            }
            keep_seats(tx, &before, &after)?;
            if before.standing(now, grace) == Standing::Ended {
                links_die(tx, before.id)?;
            }
            write(tx, &after, now)?;
            record.append(tx, &act, &Value::Object(was), &Value::Object(is))
        })
        .await
}

/// Ends all mailed links of a tenant that is closed or was over: opening it revives none (rule 19).
fn links_die(tx: &dyn WriteTx, tenant: TenantId) -> Result<(), StoreError> {
    tx.tenant_mut(tenant).mailed_tokens_mut().delete_all()
}

/// Closes a tenant. Its sessions are refused, not ended: they go on when it is opened again.
///
/// # Errors
/// `not_found`; `permission_denied` for `system`.
pub async fn suspend(
    app: &Arc<App>,
    operator: &Operator,
    request: Suspend,
) -> Result<Change, Error> {
    let now = app.now();
    let record = Record::draw(app, operator, now, request.reason.as_deref())?;
    let tenant = find(app, &request.tenant).await?;
    refuse_system(&tenant, "suspended")?;
    let act = act("tenant.suspend", tenant);
    app.store
        .write(Priority::Urgent, operator.claim.clone(), move |tx| {
            let Some(was) = move_to(tx, &act, TenantStatus::Suspended, now)? else {
                return Ok(act.unchanged());
            };
            links_die(tx, act.tenant.id)?;
            let sessions = tx.tenant(act.tenant.id).sessions().open_count()?;
            let mut change = record.append(
                tx,
                &act,
                &json!({"status": was}),
                &json!({"status": TenantStatus::Suspended}),
            )?;
            if sessions > 0 {
                change.notes.push(refused_sessions(sessions));
            }
            Ok(change)
        })
        .await
}

/// Opens a suspended tenant again.
///
/// # Errors
/// `not_found`.
pub async fn resume(app: &Arc<App>, operator: &Operator, request: Resume) -> Result<Change, Error> {
    let now = app.now();
    let record = Record::draw(app, operator, now, request.reason.as_deref())?;
    let act = act("tenant.resume", find(app, &request.tenant).await?);
    app.store
        .write(Priority::Urgent, operator.claim.clone(), move |tx| {
            let Some(was) = move_to(tx, &act, TenantStatus::Active, now)? else {
                return Ok(act.unchanged());
            };
            record.append(
                tx,
                &act,
                &json!({"status": was}),
                &json!({"status": TenantStatus::Active}),
            )
        })
        .await
}

async fn find(app: &App, name: &str) -> Result<Tenant, Error> {
    let name = name.to_owned();
    app.store.read(move |tx| names::tenant(tx, &name)).await
}

pub(super) fn act(action: &'static str, tenant: Tenant) -> Act {
    Act {
        action,
        object: tenant.id.to_string(),
        subject: tenant.slug.to_string(),
        tenant,
    }
}

/// The tenant as the transaction sees it: it may be another since it was found.
fn again(tx: &dyn WriteTx, act: &Act) -> Result<Tenant, Error> {
    tx.tenants()
        .by_id(act.tenant.id)?
        .ok_or_else(Error::not_found)
}

fn write(tx: &dyn WriteTx, tenant: &Tenant, now: Time) -> Result<(), Error> {
    tx.tenants_mut().update(&Tenant {
        updated_at: now,
        ..tenant.clone()
    })?;
    tx.invalidate(Scope::Tenant(tenant.id));
    Ok(())
}

/// Gives a tenant another status; none if it had it, else the one before.
fn move_to(
    tx: &dyn WriteTx,
    act: &Act,
    status: TenantStatus,
    now: Time,
) -> Result<Option<TenantStatus>, Error> {
    let tenant = again(tx, act)?;
    let was = tenant.status;
    if was == status {
        return Ok(None);
    }
    write(tx, &Tenant { status, ..tenant }, now)?;
    Ok(Some(was))
}

/// The tenant with what was asked for in it.
fn with(before: &Tenant, request: &Set, now: Time) -> Result<Tenant, Error> {
    let mut after = before.clone();
    if let Some(name) = &request.name {
        after.name = text::sanitize(name, NAME_LIMIT)
            .map_err(|error| Error::field("/name", "invalid_text", error.to_string()))?;
    }
    if let Some(label) = &request.plan {
        after.plan = plan(label)?;
    }
    if let Some(seats) = request.max_users {
        after.max_users = Some(seats);
    }
    let zone = match &request.time_zone {
        Some(name) => {
            let zone = time_zone(name)?;
            zone.iana_name()
                .unwrap_or("UTC")
                .clone_into(&mut after.time_zone);
            zone
        }
        None => time_zone(&before.time_zone).unwrap_or(TimeZone::UTC),
    };
    match request.ends.as_deref().map(str::trim) {
        Some(NEVER) => after.ends_at = None,
        Some(text) => after.ends_at = Some(ends(text, &zone, now)?),
        None => {}
    }
    Ok(after)
}

/// What differs, as it was and as it is, for the audit row.
fn difference(before: &Tenant, after: &Tenant) -> (Map<String, Value>, Map<String, Value>) {
    let fields = |tenant: &Tenant| {
        [
            ("name", json!(tenant.name)),
            ("plan", json!(tenant.plan)),
            ("max_users", json!(tenant.max_users)),
            ("ends_at", json!(tenant.ends_at)),
            ("time_zone", json!(tenant.time_zone)),
        ]
    };
    let mut was = Map::new();
    let mut is = Map::new();
    for ((name, old), (_, new)) in fields(before).into_iter().zip(fields(after)) {
        if old != new {
            was.insert(name.to_owned(), old);
            is.insert(name.to_owned(), new);
        }
    }
    (was, is)
}

/// Nobody loses a seat that is taken.
fn keep_seats(tx: &dyn WriteTx, before: &Tenant, after: &Tenant) -> Result<(), Error> {
    let Some(seats) = after
        .max_users
        .filter(|_| after.max_users != before.max_users)
    else {
        return Ok(());
    };
    let users = tx.tenant(after.id).users().count()?;
    if users <= seats {
        return Ok(());
    }
    Err(Error::new(
        ErrorCode::UserLimitReached,
        format!("tenant {} has {users} users, more than {seats}", after.slug),
    )
    .with_hint(format!(
        "Give at least {users}, or delete users first. List: authctl -t {} user list",
        after.slug
    )))
}

/// `system` owns the installation: it never ends and is never closed (rule 16).
pub(super) fn refuse_system(tenant: &Tenant, what: &str) -> Result<(), Error> {
    if !tenant.slug.is_system() {
        return Ok(());
    }
    Err(Error::new(
        ErrorCode::PermissionDenied,
        format!("the built-in tenant {} cannot be {what}", tenant.slug),
    ))
}

fn refused_sessions(count: u32) -> String {
    match count {
        1 => "1 session is refused until the tenant is resumed".to_owned(),
        many => format!("{many} sessions are refused until the tenant is resumed"),
    }
}
