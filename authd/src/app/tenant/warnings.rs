//! Mails to a tenant's administrators before its subscription ends (rule 15, ASVS 6.4.5).
//!
//! Nothing is written down for each mail: a round takes the moments that have come since the end of the
//! round before, and that end is a fact of the database. It moves on in the transactions that queue the
//! mails, tenant by tenant, so that a daemon that was cut off tells nobody twice and forgets nobody.

use std::sync::Arc;
use std::time::Duration;

use common::id::{TenantId, UserId};
use common::time::Time;
use common::view::UserStatus;
use domain::mail::Template;
use domain::rights::Right;
use domain::tenant::{Tenant, TenantStatus};
use domain::user::User;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};
use store::{
    Claim, PageRequest, Priority, ReadTx, StoreError, TenantFilter, TenantRow, TenantScope,
    UserFilter, WriteTx,
};

use crate::app::mail::Draft;
use crate::app::{App, Error, access};

/// How many days before the end there is a warning, at the end's own time of day.
const DAYS: [i64; 4] = [1, 7, 14, 30];
/// No warning comes earlier before an end, whatever clocks are set to.
const EARLIEST: Duration = Duration::from_hours(31 * 24);
/// Where the rounds stand, among the facts of the database.
const FACT: &str = "subscription_warnings";
/// Tenants that are read at once.
const TENANTS: u32 = 100;
/// Most administrators of one tenant who are told, the first by address: one job must stay short.
const ADMINS: u32 = 100;
/// The clock may be put back so far without a new beginning.
const SLACK: Duration = Duration::from_hours(1);

/// What is told of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Progress {
    /// Moments up to this one are done, in milliseconds.
    since: i64,
    /// The round that is under way.
    round: Option<Round>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Round {
    /// It takes the moments up to this one, in milliseconds.
    until: i64,
    /// Slug of the last tenant that is done.
    after: Option<String>,
}

/// Queues the warnings that are due. Returns how many mails there are. Without a post nothing is told
/// and nothing forgotten.
///
/// # Errors
/// `unavailable`; the next round goes on.
pub async fn warn(app: &Arc<App>) -> Result<u32, Error> {
    if app.mail.open().is_none() {
        return Ok(0);
    }
    let now = app.now();
    let Some(mut progress) = read(app).await?.filter(|known| !is_ahead(known, now)) else {
        // What came before there were warnings is nobody's news.
        write(app, done(now.millis())).await?;
        return Ok(0);
    };
    let mut round = progress.round.take().unwrap_or(Round {
        until: now.millis(),
        after: None,
    });
    let since = Time::from_millis(progress.since);
    let until = Time::from_millis(round.until);
    let mut told = 0_u32;
    loop {
        let rows = ending(app, until, round.after.clone()).await?;
        let Some(last) = rows.last().map(|row| row.tenant.slug.to_string()) else {
            break;
        };
        for row in rows {
            if !is_due(&row.tenant, since, until) {
                continue;
            }
            round.after = Some(row.tenant.slug.to_string());
            let progress = Progress {
                since: progress.since,
                round: Some(round.clone()),
            };
            told = told.saturating_add(tell(app, row.tenant.id, (since, until), progress).await?);
        }
        round.after = Some(last);
    }
    write(app, done(round.until)).await?;
    Ok(told)
}

/// Whether an end is near enough to be told of: what was queued at `at` may be sent later.
pub(in crate::app) fn ends_soon(tenant: &Tenant, at: Time, now: Time) -> bool {
    let end = tenant.ends_at.filter(|_| !tenant.slug.is_system());
    end.is_some_and(|end| now < end && end <= at.plus(EARLIEST))
}

/// Whether a user is told: whoever may do everything in the tenant, and has a password.
pub(in crate::app) fn hears_of_it(
    tx: &dyn ReadTx,
    tenant: &Tenant,
    user: &User,
) -> Result<bool, StoreError> {
    Ok(user.status == UserStatus::Active && access::rights(tx, tenant, user)?.has_all())
}

const fn done(millis: i64) -> Progress {
    Progress {
        since: millis,
        round: None,
    }
}

/// Whether the clock was put back, or was ahead when the round before ended.
fn is_ahead(progress: &Progress, now: Time) -> bool {
    Time::from_millis(progress.since) > now.plus(SLACK)
}

/// Whether a warning falls behind `since` and not behind `until`. Where several do, because nobody
/// was there to send them, they are one.
fn is_due(tenant: &Tenant, since: Time, until: Time) -> bool {
    let Some(end) = tenant.ends_at.filter(|end| *end > until) else {
        return false;
    };
    let zone = TimeZone::get(&tenant.time_zone).unwrap_or(TimeZone::UTC);
    DAYS.into_iter()
        .filter_map(|days| days_before(end, days, &zone))
        .any(|moment| since < moment && moment <= until)
}

/// The same time of day so many days earlier, as the tenant's clocks show it.
fn days_before(end: Time, days: i64, zone: &TimeZone) -> Option<Time> {
    let end = Timestamp::from_millisecond(end.millis()).ok()?;
    let end = end.to_zoned_datetime(zone.clone());
    let moment = end.checked_sub(Span::new().try_days(days).ok()?).ok()?;
    Some(Time::from_millis(moment.timestamp().as_millisecond()))
}

async fn read(app: &App) -> Result<Option<Progress>, Error> {
    let bytes = app
        .store
        .read(|tx| tx.meta().value(FACT))
        .await
        .map_err(Error::from)?;
    // What cannot be read is begun anew.
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

fn put(tx: &dyn WriteTx, progress: &Progress) -> Result<(), Error> {
    let bytes = serde_json::to_vec(progress).map_err(Error::internal)?;
    Ok(tx.meta_mut().set(FACT, &bytes)?)
}

async fn write(app: &App, progress: Progress) -> Result<(), Error> {
    app.store
        .write(Priority::Background, Claim::detached(), move |tx| {
            put(tx, &progress)
        })
        .await
}

/// Open tenants by slug that end within reach of a warning.
async fn ending(app: &App, until: Time, after: Option<String>) -> Result<Vec<TenantRow>, Error> {
    let filter = TenantFilter {
        status: Some(TenantStatus::Active),
        plan: None,
        ending_before: Some(until.plus(EARLIEST)),
        scope: TenantScope::Present,
    };
    let page = PageRequest {
        limit: TENANTS,
        after,
    };
    app.store
        .read(move |tx| tx.operator().tenants(&filter, &page))
        .await
        .map_err(Error::from)
}

/// Queues the mails of one tenant, and writes down that it is done.
async fn tell(
    app: &App,
    tenant: TenantId,
    (since, until): (Time, Time),
    progress: Progress,
) -> Result<u32, Error> {
    let mut drafts: Vec<(UserId, Draft)> = Vec::new();
    for user in admins(app, tenant).await? {
        if let Some(draft) = app.draft(Template::SubscriptionEnding, app.now())? {
            drafts.push((user, draft));
        }
    }
    let drafts = Arc::new(drafts);
    let queued = Arc::clone(&drafts);
    let told = app
        .store
        .write(Priority::Background, Claim::detached(), move |tx| {
            let told = queue(tx, tenant, (since, until), &queued)?;
            put(tx, &progress)?;
            Ok::<_, Error>(told)
        })
        .await?;
    app.post_drafts(drafts.iter().map(|(_, draft)| draft));
    if told > 0 {
        tracing::info!(event = "subscription.warned", %tenant, mails = told,
            "the end of a subscription is told of");
    }
    Ok(told)
}

async fn admins(app: &App, tenant: TenantId) -> Result<Vec<UserId>, Error> {
    let filter = UserFilter {
        tenant: Some(tenant),
        status: Some(UserStatus::Active),
        may: Some(Right::All),
        ..UserFilter::default()
    };
    let page = PageRequest {
        limit: ADMINS,
        after: None,
    };
    let rows = app
        .store
        .read(move |tx| tx.operator().users(&filter, &page))
        .await
        .map_err(Error::from)?;
    Ok(rows.into_iter().map(|row| row.user.id).collect())
}

/// Queues what is still to be told: end and administrators may be others by now.
fn queue(
    tx: &dyn WriteTx,
    id: TenantId,
    (since, until): (Time, Time),
    drafts: &[(UserId, Draft)],
) -> Result<u32, StoreError> {
    let tenant = tx.tenants().by_id(id)?;
    let Some(tenant) = tenant.filter(|tenant| is_due(tenant, since, until)) else {
        return Ok(0);
    };
    let mut told = 0_u32;
    for (user, draft) in drafts {
        let Some(user) = tx.tenant(id).users().by_id(*user)? else {
            continue;
        };
        if hears_of_it(tx, &tenant, &user)? && draft.put(tx, &user)? {
            told = told.saturating_add(1);
        }
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(zone: &str, end: &str) -> Tenant {
        Tenant {
            id: TenantId::from_bytes([7; 16]),
            slug: "acme".parse().unwrap(),
            name: "Acme".to_owned(),
            status: TenantStatus::Active,
            time_zone: zone.to_owned(),
            plan: "free".to_owned(),
            ends_at: Some(end.parse().unwrap()),
            max_users: None,
            created_at: Time::default(),
            updated_at: Time::default(),
        }
    }

    fn moments(zone: &str, end: &str) -> Vec<String> {
        let (end, zone) = (end.parse().unwrap(), TimeZone::get(zone).unwrap());
        let moments = DAYS.into_iter().rev();
        moments
            .map(|days| days_before(end, days, &zone).unwrap().to_rfc3339_in(&zone))
            .collect()
    }

    #[test]
    fn rule_15_days_are_those_of_the_tenants_clocks() {
        assert_eq!(
            moments("Africa/Nairobi", "2027-03-31T23:59:59.999+03:00"),
            [
                "2027-03-01T23:59:59.999+03:00",
                "2027-03-17T23:59:59.999+03:00",
                "2027-03-24T23:59:59.999+03:00",
                "2027-03-30T23:59:59.999+03:00",
            ]
        );
        // Clocks were put forward between: one of the days has 23 hours.
        assert_eq!(
            moments("Europe/Berlin", "2027-03-31T23:59:59.999+02:00")[1..3],
            [
                "2027-03-17T23:59:59.999+01:00",
                "2027-03-24T23:59:59.999+01:00",
            ]
        );
    }

    #[test]
    fn each_moment_is_due_in_one_round_and_none_after_the_end() {
        let tenant = tenant("UTC", "2027-03-31T12:00:00Z");
        let at = |text: &str| -> Time { text.parse().unwrap() };
        let due = |since: &str, until: &str| is_due(&tenant, at(since), at(until));
        assert!(!due("2027-02-01T00:00:00Z", "2027-03-01T11:59:59.999Z"));
        assert!(due("2027-03-01T11:59:59.999Z", "2027-03-01T12:00:00Z"));
        assert!(!due("2027-03-01T12:00:00Z", "2027-03-17T11:59:59.999Z"));
        // Weeks without a daemon.
        assert!(due("2027-02-01T00:00:00Z", "2027-03-31T11:00:00Z"));
        assert!(!due("2027-02-01T00:00:00Z", "2027-03-31T12:00:00Z"));
        assert!(!due("2027-03-30T12:00:00Z", "2027-03-31T11:00:00Z"));
    }

    #[test]
    fn what_was_queued_is_dropped_once_the_end_is_over_or_far() {
        let tenant = tenant("UTC", "2027-03-31T12:00:00Z");
        let at = |text: &str| -> Time { text.parse().unwrap() };
        let queued = at("2027-03-01T12:00:00Z");
        assert!(ends_soon(&tenant, queued, at("2027-03-02T12:00:00Z")));
        assert!(!ends_soon(&tenant, queued, at("2027-03-31T12:00:00Z")));
        let extended = Tenant {
            ends_at: Some(at("2028-03-31T12:00:00Z")),
            ..tenant
        };
        assert!(!ends_soon(&extended, queued, at("2027-03-02T12:00:00Z")));
    }

    #[test]
    fn a_clock_that_was_ahead_begins_anew() {
        let now = Time::from_millis(1_790_000_000_000);
        assert!(!is_ahead(&done(now.millis()), now));
        assert!(!is_ahead(&done(now.plus(SLACK).millis()), now));
        assert!(is_ahead(&done(now.plus(2 * SLACK).millis()), now));
    }
}
