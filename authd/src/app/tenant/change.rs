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
use store::TenantScope::Present;
use store::{Scope, StoreError, TenantRow, WriteTx};

use super::{Paths, again, ends, find, plan, time_zone, view};
use crate::app::audit::{Act, Record};
use crate::app::entity::Expected;
use crate::app::patch::Patch;
use crate::app::{App, By, Error};

/// What stands for a subscription without an end.
const NEVER: &str = "never";

/// What a tenant is to become; what is absent stays.
#[derive(Debug, Default)]
pub(super) struct Wish {
    /// Name for people.
    pub(super) name: Option<String>,
    /// IANA name.
    pub(super) time_zone: Option<String>,
    /// Label of the plan.
    pub(super) plan: Option<String>,
    /// Seats; unset for no limit.
    pub(super) max_users: Patch<u32>,
    /// End of the subscription, as it was written; unset for none.
    pub(super) ends: Patch<String>,
}

/// Changes what is given of a tenant.
///
/// # Errors
/// `not_found`; `validation_failed` for a value that breaks a rule; `user_limit_reached` for fewer
/// seats than there are users; `permission_denied` for name and end of `system`.
pub async fn set(app: &Arc<App>, by: impl Into<By<'_>>, request: Set) -> Result<Change, Error> {
    let by = by.into();
    let record = Record::draw(app, by, app.now(), request.reason.as_deref())?;
    let tenant = find(app, by, request.tenant, Present).await?.tenant;
    let ends = match request.ends {
        None => Patch::Keep,
        Some(text) if text.trim() == NEVER => Patch::Unset,
        Some(text) => Patch::Set(text),
    };
    let wish = Wish {
        name: request.name,
        time_zone: request.time_zone,
        plan: request.plan,
        max_users: request.max_users.map_or(Patch::Keep, Patch::Set),
        ends,
    };
    let changed = change(app, record, tenant, wish, Asked::default()).await;
    changed.map(|(change, _)| change)
}

/// How a change was asked for.
pub(super) struct Asked {
    /// Which entity it is to be made under.
    pub(super) expected: Expected,
    /// Where its members stood.
    pub(super) paths: Paths,
}

impl Default for Asked {
    fn default() -> Self {
        Self {
            expected: Expected::Anything,
            paths: Paths::FLAT,
        }
    }
}

/// Makes a tenant what is wished; returns it as it is then.
pub(super) async fn change(
    app: &Arc<App>,
    record: Record,
    tenant: Tenant,
    wish: Wish,
    asked: Asked,
) -> Result<(Change, TenantRow), Error> {
    if wish.name.is_some() || wish.ends != Patch::Keep {
        refuse_system(&tenant, "renamed or given an end")?;
    }
    let act = act("tenant.set", tenant);
    let grace = app.settings().expiry_grace;
    record
        .write(app, move |tx, permit| {
            let now = permit.at();
            let row = again(tx, act.tenant.id)?;
            asked.expected.check(&view(&row))?;
            let before = present(row.clone())?;
            let after = with(&before, &wish, asked.paths, now)?;
            let (was, is) = difference(&before, &after);
            if was.is_empty() {
                return Ok((act.unchanged(), row));
            }
            keep_seats(tx, &before, &after, permit.is_administrator(), asked.paths)?;
            if before.standing(now, grace) == Standing::Ended {
                links_die(tx, before.id)?;
            }
            write(tx, &after, now)?;
            let change = permit.append(tx, &act, &Value::Object(was), &Value::Object(is))?;
            Ok((change, again(tx, act.tenant.id)?))
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
    by: impl Into<By<'_>>,
    request: Suspend,
) -> Result<Change, Error> {
    let (by, now) = (by.into(), app.now());
    let record = Record::draw(app, by, now, request.reason.as_deref())?;
    let tenant = find(app, by, request.tenant, Present).await?.tenant;
    refuse_system(&tenant, "suspended")?;
    let act = act("tenant.suspend", tenant);
    record
        .write(app, move |tx, permit| {
            let Some(was) = move_to(tx, &act, TenantStatus::Suspended, now)? else {
                return Ok(act.unchanged());
            };
            links_die(tx, act.tenant.id)?;
            let sessions = tx.tenant(act.tenant.id).sessions().open_count()?;
            let mut change = permit.append(
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
/// `not_found`; `permission_denied` for `system`, which is never closed.
pub async fn resume(
    app: &Arc<App>,
    by: impl Into<By<'_>>,
    request: Resume,
) -> Result<Change, Error> {
    let (by, now) = (by.into(), app.now());
    let record = Record::draw(app, by, now, request.reason.as_deref())?;
    let tenant = find(app, by, request.tenant, Present).await?.tenant;
    refuse_system(&tenant, "suspended or resumed")?;
    let act = act("tenant.resume", tenant);
    record
        .write(app, move |tx, permit| {
            let Some(was) = move_to(tx, &act, TenantStatus::Active, now)? else {
                return Ok(act.unchanged());
            };
            permit.append(
                tx,
                &act,
                &json!({"status": was}),
                &json!({"status": TenantStatus::Active}),
            )
        })
        .await
}

/// The tenant of a row, which must not be deleted.
fn present(row: TenantRow) -> Result<Tenant, Error> {
    match row.deletion {
        None => Ok(row.tenant),
        Some(_) => Err(Error::not_found()),
    }
}

pub(super) fn act(action: &'static str, tenant: Tenant) -> Act {
    Act {
        action,
        object: tenant.id.to_string(),
        subject: tenant.slug.to_string(),
        tenant,
    }
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
    let tenant = present(again(tx, act.tenant.id)?)?;
    let was = tenant.status;
    if was == status {
        return Ok(None);
    }
    write(tx, &Tenant { status, ..tenant }, now)?;
    Ok(Some(was))
}

/// The tenant with what was asked for in it.
fn with(before: &Tenant, wish: &Wish, paths: Paths, now: Time) -> Result<Tenant, Error> {
    let mut after = before.clone();
    if let Some(name) = &wish.name {
        after.name = text::sanitize(name, NAME_LIMIT)
            .map_err(|error| Error::field("/name", "invalid_text", error.to_string()))?;
    }
    if let Some(label) = &wish.plan {
        after.plan = plan(label, paths)?;
    }
    match wish.max_users {
        Patch::Keep => {}
        Patch::Unset => after.max_users = None,
        Patch::Set(seats) => after.max_users = Some(seats),
    }
    let zone = match &wish.time_zone {
        Some(name) => {
            let zone = time_zone(name)?;
            zone.iana_name()
                .unwrap_or("UTC")
                .clone_into(&mut after.time_zone);
            zone
        }
        None => time_zone(&before.time_zone).unwrap_or(TimeZone::UTC),
    };
    match &wish.ends {
        Patch::Keep => {}
        Patch::Unset => after.ends_at = None,
        // An end that stays may have passed.
        Patch::Set(text) if before.ends_at.is_some_and(|end| text.parse() == Ok(end)) => {}
        Patch::Set(text) => after.ends_at = Some(ends(text, &zone, paths, now)?),
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
fn keep_seats(
    tx: &dyn WriteTx,
    before: &Tenant,
    after: &Tenant,
    is_administrator: bool,
    paths: Paths,
) -> Result<(), Error> {
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
    let why = format!("tenant {} has {users} users, more than {seats}", after.slug);
    if is_administrator {
        return Err(Error::field(paths.max_users, "below_users", why));
    }
    Err(
        Error::new(ErrorCode::UserLimitReached, why).with_hint(format!(
            "Give at least {users}, or delete users first. List: authctl -t {} user list",
            after.slug
        )),
    )
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
