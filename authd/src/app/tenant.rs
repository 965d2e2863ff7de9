//! Tenants, as whoever administers them makes and sees them. Changing them and what they use are in
//! files of their own below; an administrator of `system` reaches all of them, by id.

mod api;
mod change;
mod delete;
pub mod effective;
mod first_admin;
pub mod settings;
mod usage;
pub mod warnings;

use std::sync::Arc;
use std::time::Duration;

use common::call::Change;
use common::call::tenant::{Create, List, Show};
use common::error::ErrorCode;
use common::id::TenantId;
use common::text;
use common::time::Time;
use common::view::{Page, SubscriptionView, TenantView};
use domain::rights::Right;
use domain::tenant::{NAME_LIMIT, Slug, Tenant, TenantStatus};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::Value;
use store::{TenantFilter, TenantRow, TenantScope, WriteTx};

pub use api::{Edit, Establish, Subscription, edit, edit_own, establish, one, own, subscribe};
pub use change::{resume, set, suspend};
pub use delete::{delete, purge, restore};
pub use usage::usage;

use self::first_admin::FirstAdmin;
use crate::app::audit::{Act, Record};
use crate::app::cursor::Place;
use crate::app::{App, By, Error, Settings, names};

/// Longest label of a plan, in bytes.
const PLAN_LIMIT_BYTES: usize = 64;
/// Form of a plan's label (JSON Schema, ECMA-262).
const PLAN_PATTERN: &str = "^[A-Za-z0-9._-]{1,64}$";
/// Longest name of a time zone, in bytes.
const ZONE_LIMIT_BYTES: usize = 64;

/// Makes a tenant.
///
/// # Errors
/// `validation_failed` for a value that breaks a rule, `name_taken` for a slug that was ever used;
/// `permission_denied`, `reauthentication_required` for an administrator of it.
pub async fn create(
    app: &Arc<App>,
    by: impl Into<By<'_>>,
    request: Create,
) -> Result<Change, Error> {
    let made = make(app, by.into(), request, Paths::FLAT).await;
    made.map(|(change, _)| change)
}

async fn make(
    app: &Arc<App>,
    by: By<'_>,
    request: Create,
    paths: Paths,
) -> Result<(Change, TenantRow), Error> {
    let now = app.now();
    let tenant = parse(&app.settings(), &request, paths, app.new_id(now)?, now)?;
    let admin = FirstAdmin::draw(app, &request, &tenant, now)?.map(Arc::new);
    let record = Record::draw(app, by, now, None)?;
    let act = Act {
        action: "tenant.create",
        object: tenant.id.to_string(),
        subject: tenant.slug.to_string(),
        tenant: tenant.clone(),
    };
    let mut after = serde_json::to_value(view(&new_row(tenant))).map_err(Error::internal)?;
    if let (Some(admin), Some(fields)) = (&admin, after.as_object_mut()) {
        fields.insert("admin".to_owned(), admin.described());
    }
    let written = admin.clone();
    let (mut change, row) = record
        .write(app, move |tx, permit| {
            let slug = &act.tenant.slug;
            if slug.is_system()
                || tx.tenants().slug_used(slug)?
                || tx.tenants().by_slug(slug)?.is_some()
            {
                return Err(taken(slug));
            }
            tx.tenants_mut().insert(&act.tenant)?;
            if let Some(admin) = &written {
                permit.may_grant([&Right::All])?;
                admin.put(tx)?;
            }
            let change = permit.append(tx, &act, &Value::Null, &after)?;
            Ok((change, again(tx, act.tenant.id)?))
        })
        .await?;
    if let Some(admin) = admin {
        admin.done(app, &mut change);
    }
    if row.tenant.max_users == Some(0) {
        let slug = &row.tenant.slug;
        change.notes.push(format!(
            "it has no seat for anybody; give it some: authctl tenant set {slug} --max-users 25"
        ));
    }
    Ok((change, row))
}

/// Lists tenants by slug; for the operator deleted ones too while they can be restored.
///
/// # Errors
/// Those of the page that is asked for.
pub async fn list(
    app: &Arc<App>,
    by: impl Into<By<'_>>,
    request: List,
) -> Result<Page<TenantView>, Error> {
    let by = by.into();
    let scope = match by {
        By::Operator(_) => TenantScope::Restorable,
        By::Administrator(administrator) if administrator.is_wide() => TenantScope::Present,
        By::Administrator(_) => return Err(Error::internal("a list of tenants within one")),
    };
    let place = Place::by(&app.keys, by, &request, &request.paging())?;
    let filter = TenantFilter {
        status: request.status,
        plan: request.plan,
        ending_before: request
            .ending_seconds
            .map(|seconds| app.now().plus(Duration::from_secs(seconds))),
        scope,
    };
    app.store
        .read(move |tx| {
            let (rows, next) = place.collect(
                |row: &TenantRow| row.tenant.slug.to_string(),
                |_| true,
                |page| tx.operator().tenants(&filter, page),
            )?;
            let items = rows.iter().map(view).collect();
            Ok(place.page(items, next.as_deref()))
        })
        .await
}

/// Shows one tenant.
///
/// # Errors
/// `not_found`.
pub async fn show(
    app: &Arc<App>,
    by: impl Into<By<'_>>,
    request: Show,
) -> Result<TenantView, Error> {
    let row = find(app, by.into(), request.tenant, TenantScope::Restorable).await?;
    Ok(view(&row))
}

/// Finds a tenant for acts on tenants: the operator's by name, deleted ones too where the scope is
/// wider; an administrator's by id.
async fn find(app: &App, by: By<'_>, name: String, scope: TenantScope) -> Result<TenantRow, Error> {
    let administrator = by.administrator();
    let is_operator = administrator.is_none();
    if administrator.is_some_and(|administrator| !administrator.is_wide()) {
        return Err(Error::internal("an act on tenants within one"));
    }
    app.store
        .read(move |tx| {
            if is_operator && scope != TenantScope::Present {
                return names::restorable_tenant(tx, &name);
            }
            let id = if is_operator {
                names::tenant(tx, &name)?.id
            } else {
                name.parse().map_err(|_| Error::not_found())?
            };
            let row = tx.tenants().ever_by_id(id)?;
            row.filter(|row| row.deletion.is_none())
                .ok_or_else(Error::not_found)
        })
        .await
}

/// The tenant as the transaction sees it: it may be another since it was found, or deleted.
fn again(tx: &dyn WriteTx, id: TenantId) -> Result<TenantRow, Error> {
    tx.tenants().ever_by_id(id)?.ok_or_else(Error::not_found)
}

/// The row of a tenant that nobody belongs to yet.
fn new_row(tenant: Tenant) -> TenantRow {
    TenantRow {
        tenant,
        users: 0,
        deletion: None,
        restored_at: None,
    }
}

/// The tenant as it is shown.
fn view(row: &TenantRow) -> TenantView {
    let tenant = &row.tenant;
    TenantView {
        id: tenant.id,
        slug: tenant.slug.to_string(),
        name: tenant.name.clone(),
        status: match row.deletion {
            Some(_) => TenantStatus::Deleted,
            None => tenant.status,
        },
        time_zone: tenant.time_zone.clone(),
        subscription: SubscriptionView {
            plan: tenant.plan.clone(),
            ends_at: tenant.ends_at,
            max_users: tenant.max_users,
            users: row.users,
        },
        created_at: tenant.created_at,
        updated_at: tenant.updated_at,
        purge_at: row.deletion.map(|deletion| deletion.purge_at),
    }
}

/// Where the members of a subscription stand in a request.
#[derive(Debug, Clone, Copy)]
struct Paths {
    plan: &'static str,
    ends: &'static str,
    max_users: &'static str,
}

impl Paths {
    /// At the sockets.
    const FLAT: Self = Self {
        plan: "/plan",
        ends: "/ends",
        max_users: "/max_users",
    };
    /// Where the subscription is what is asked about.
    const OWN: Self = Self {
        ends: "/ends_at",
        ..Self::FLAT
    };
    /// Within a tenant.
    const NESTED: Self = Self {
        plan: "/subscription/plan",
        ends: "/subscription/ends_at",
        max_users: "/subscription/max_users",
    };
}

fn parse(
    settings: &Settings,
    request: &Create,
    paths: Paths,
    id: TenantId,
    now: Time,
) -> Result<Tenant, Error> {
    let slug: Slug = request
        .slug
        .parse()
        .map_err(|error: domain::tenant::InvalidSlug| {
            Error::field("/slug", "invalid_slug", error.to_string())
        })?;
    let zone = time_zone(request.time_zone.as_deref().unwrap_or(&settings.time_zone))?;
    let name = match &request.name {
        Some(name) => text::sanitize(name, NAME_LIMIT)
            .map_err(|error| Error::field("/name", "invalid_text", error.to_string()))?,
        None => slug.to_string(),
    };
    let ends_at = request
        .ends
        .as_deref()
        .map(|text| ends(text, &zone, paths, now))
        .transpose()?;
    Ok(Tenant {
        id,
        slug,
        name,
        status: TenantStatus::Active,
        time_zone: zone.iana_name().unwrap_or("UTC").to_owned(),
        plan: plan(
            request.plan.as_deref().unwrap_or(&settings.default_plan),
            paths,
        )?,
        ends_at,
        max_users: Some(request.max_users.unwrap_or(settings.default_max_users)),
        created_at: now,
        updated_at: now,
    })
}

fn taken(slug: &Slug) -> Error {
    Error::new(
        ErrorCode::NameTaken,
        format!("the name {slug} is or was in use; a name is never given twice"),
    )
}

fn plan(label: &str, paths: Paths) -> Result<String, Error> {
    let fits = (1..=PLAN_LIMIT_BYTES).contains(&label.len())
        && label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if fits {
        Ok(label.to_owned())
    } else {
        Err(Error::field(
            paths.plan,
            "invalid_plan",
            "expected 1 to 64 characters of A-Z, a-z, 0-9, '.', '_' and '-'",
        ))
    }
}

fn time_zone(name: &str) -> Result<TimeZone, Error> {
    let found = (name.len() <= ZONE_LIMIT_BYTES)
        .then(|| TimeZone::get(name).ok())
        .flatten();
    found.ok_or_else(|| {
        Error::field(
            "/time_zone",
            "invalid_time_zone",
            "expected an IANA name, like Africa/Nairobi",
        )
    })
}

/// Reads the end of a subscription: a time, or a date, which means the last millisecond of that day
/// in the tenant's zone (rule 15). It must lie in the future.
fn ends(text: &str, zone: &TimeZone, paths: Paths, now: Time) -> Result<Time, Error> {
    let text = text.trim();
    let time = match text.parse::<Time>() {
        Ok(time) => Some(time),
        Err(_) => end_of_day(text, zone),
    };
    match time {
        Some(time) if time > now => Ok(time),
        Some(_) => Err(Error::field(
            paths.ends,
            "in_the_past",
            "expected a time in the future",
        )),
        None => Err(Error::field(
            paths.ends,
            "invalid_time",
            "expected a date like 2027-03-31 or a time like 2027-03-31T12:00:00Z",
        )),
    }
}

/// A day ends where the next one starts, which holds also where clocks are set at midnight.
fn end_of_day(text: &str, zone: &TimeZone) -> Option<Time> {
    let date: Date = text.parse().ok()?;
    // The parser knows further spellings; one is enough.
    if date.to_string() != text {
        return None;
    }
    let next = date.tomorrow().ok()?.to_zoned_datetime(zone.clone()).ok()?;
    Some(Time::from_millis(next.timestamp().as_millisecond()).minus(Duration::from_millis(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_millis(1_790_000_000_000);

    fn end_in(zone: &str, text: &str) -> Result<String, &'static str> {
        let zone = time_zone(zone).unwrap();
        ends(text, &zone, Paths::FLAT, NOW)
            .map(|time| time.to_rfc3339_in(&zone))
            .map_err(|error| {
                assert_eq!(error.fields[0].path, "/ends");
                match error.fields[0].code.as_ref() {
                    "in_the_past" => "past",
                    _ => "invalid",
                }
            })
    }

    #[test]
    fn rule_15_a_date_is_the_end_of_that_day_in_the_tenants_zone() {
        assert_eq!(
            end_in("Africa/Nairobi", "2027-03-31").as_deref(),
            Ok("2027-03-31T23:59:59.999+03:00")
        );
        assert_eq!(
            end_in("UTC", "2027-03-31").as_deref(),
            Ok("2027-03-31T23:59:59.999Z")
        );
        // A day of 23 hours and one of 25.
        for day in ["2027-03-28", "2027-10-31"] {
            let end = end_in("Europe/Berlin", day).unwrap();
            assert!(end.starts_with(&format!("{day}T23:59:59.999")), "{end}");
        }
        // Midnight does not exist on the day after.
        assert!(
            end_in("Africa/Cairo", "2027-04-29")
                .unwrap()
                .starts_with("2027-04-29T23:59:59.999")
        );
    }

    #[test]
    fn a_time_stands_as_given_and_the_past_is_refused() {
        assert_eq!(
            end_in("UTC", "2027-03-31T12:00:00+03:00").as_deref(),
            Ok("2027-03-31T09:00:00.000Z")
        );
        assert_eq!(end_in("UTC", "2020-01-01"), Err("past"));
        for bad in [
            "",
            "soon",
            "2027-02-30",
            "20270331",
            "2027-3-1",
            "31.03.2027",
            "2027-03-31T12:00",
        ] {
            assert_eq!(end_in("UTC", bad), Err("invalid"), "{bad}");
        }
    }

    #[test]
    fn zones_and_plans_are_checked() {
        assert!(time_zone("Africa/Nairobi").is_ok());
        for bad in [
            "",
            "Mars/Olympus",
            "EST5EDT,M3.2.0,M11.1.0",
            "../../etc/passwd",
        ] {
            assert!(time_zone(bad).is_err(), "{bad}");
        }
        let plan = |label: &str| plan(label, Paths::FLAT);
        assert!(plan("pro-2026.a_b").is_ok());
        for bad in ["", "a b", "ä", &"x".repeat(65)] {
            assert!(plan(bad).is_err(), "{bad}");
        }
    }
}
