//! `authctl events`: what happens, in the order of commits, from a number or a time on and as long as
//! somebody listens. Whoever listens is told each number that was looked at, so that nothing is missed
//! between two conversations; what is not there any more is said to be a gap.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use common::call::events::{Events, EventsEnd, FROM, UPTO};
use common::error::ErrorCode;
use common::id::TenantId;
use common::view::{EventSubject, EventView};
use domain::event::{Happened, Happening, Range, Revoked};
use store::{ReadTx, StoreError};
use tokio::time::{Instant, timeout};

use crate::app::audit::event_views;
use crate::app::job::Reporter;
use crate::app::{App, Error, Operator, Sight, names};

/// Events that are read at a time.
const PAGE: u32 = 200;
/// Longest time between two looks: not every commit is told.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Longest life of one conversation: who has left the group is out after it.
const LONGEST: Duration = Duration::from_hours(1);
/// Longest pattern of a type.
const PATTERN_LIMIT: usize = 64;

/// Tells what happens until the caller goes, an hour is over, or the daemon stops.
///
/// # Errors
/// `not_found` for the tenant, `feed_gap` for a beginning that is not there any more,
/// `validation_failed` for a pattern that is too long or two beginnings.
pub async fn events(
    app: Arc<App>,
    operator: Operator,
    request: Events,
    reporter: Reporter,
) -> Result<EventsEnd, Error> {
    check(&request)?;
    let sight = Sight::of(&operator);
    let kind = request.kind.clone();
    let (tenant, mut since) = begin(&app, &request).await?;
    reporter.progress(FROM, since, None);
    let started = Instant::now();
    let mut commits = app.cache.commits();
    loop {
        // Before the read: what commits meanwhile is heard.
        commits.mark_unchanged();
        let page = read(&app, since, sight).await?;
        let is_full = page.is_full;
        since = page.upto;
        let wanted = page.rows.into_iter().filter(|row| {
            tenant.is_none_or(|id| row.tenant == Some(id))
                && kind
                    .as_deref()
                    .is_none_or(|kind| fits(kind, &row.view.kind))
        });
        let lines = lines(wanted.map(|row| row.view))?;
        let heard = if lines.is_empty() {
            !reporter.is_alone()
        } else {
            reporter.send(lines).await
        };
        reporter.progress(UPTO, since, None);
        let is_over = !is_full && !request.follow;
        let stops = app.draining.load(Ordering::Acquire) || started.elapsed() >= LONGEST;
        if !heard || is_over || stops {
            return Ok(EventsEnd { upto: since });
        }
        if !is_full {
            // Time that runs out is a look, too.
            drop(timeout(LOOK_EVERY, commits.changed()).await);
        }
    }
}

fn check(request: &Events) -> Result<(), Error> {
    if request.since.is_some() && request.since_time.is_some() {
        return Err(Error::field(
            "/since",
            "conflicts",
            "expected a number or a time, not both",
        ));
    }
    let is_long = |kind: &String| kind.len() > PATTERN_LIMIT;
    if request.kind.as_ref().is_some_and(is_long) {
        let why = format!("expected at most {PATTERN_LIMIT} bytes");
        return Err(Error::field("/kind", "too_long", why));
    }
    Ok(())
}

/// The tenant that is asked for, and the number behind which it begins.
async fn begin(app: &App, request: &Events) -> Result<(Option<TenantId>, u64), Error> {
    let request = request.clone();
    let oldest = app.now().minus(app.settings().events_retention);
    app.store
        .read(move |tx| {
            let tenant = match request.tenant.as_deref() {
                Some(name) => Some(names::former_tenant(tx, name)?.id),
                None => None,
            };
            let range = tx.events().range()?;
            let since = match (request.since, request.since_time) {
                (Some(number), _) => covered(range, number)?,
                (None, Some(time)) => {
                    // Rows from before `oldest` may be gone, and none that is younger.
                    if time < oldest && range.floor > 0 {
                        return Err(gap(range));
                    }
                    tx.events().last_before(time)?.unwrap_or(range.floor)
                }
                (None, None) if request.follow => range.head,
                (None, None) => range.floor,
            };
            Ok((tenant, since))
        })
        .await
}

fn covered(range: Range, since: u64) -> Result<u64, Error> {
    if range.covers(since) {
        Ok(since)
    } else {
        Err(gap(range))
    }
}

fn gap(range: Range) -> Error {
    let Range { floor, head } = range;
    Error::new(
        ErrorCode::FeedGap,
        format!("events are there from {floor} to {head} alone (events.retention)"),
    )
    .with_hint(format!("All that is left: authctl events --since {floor}"))
}

struct Page {
    rows: Vec<Row>,
    upto: u64,
    is_full: bool,
}

struct Row {
    tenant: Option<TenantId>,
    view: EventView,
}

async fn read(app: &App, since: u64, sight: Sight) -> Result<Page, Error> {
    app.store
        .read(move |tx| {
            covered(tx.events().range()?, since)?;
            let found = tx.events().all(since, PAGE)?;
            let upto = found.last().map_or(since, |event| event.number);
            let is_full = found.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX);
            Ok(Page {
                rows: rows(tx, &found, sight)?,
                upto,
                is_full,
            })
        })
        .await
}

fn rows(tx: &dyn ReadTx, found: &[Happening], sight: Sight) -> Result<Vec<Row>, StoreError> {
    let mut audited = event_views(tx, found, sight)?;
    let mut rows = Vec::with_capacity(found.len());
    for event in found {
        let told = match &event.what {
            Happened::Change(id) => audited.remove(id),
            Happened::Revocation(_) | Happened::Lockout(_) => None,
        };
        let tenant = match event.tenant {
            Some(id) => {
                let row = tx.tenants().ever_by_id(id)?;
                Some(row.map_or_else(|| id.to_string(), |row| row.tenant.slug.to_string()))
            }
            None => None,
        };
        let email = match event.user.filter(|_| sight.names_users()) {
            Some(id) => tx
                .operator()
                .user(id)?
                .map(|row| row.user.email.to_string()),
            None => None,
        };
        let (kind, object) = named(&event.what);
        let view = EventView {
            seq: event.number,
            at: event.at,
            tenant,
            kind: kind.to_owned(),
            subject: EventSubject {
                id: object,
                user_id: event.user,
                email,
            },
            ip: event.ip.clone().filter(|_| sight.shows_personal()),
            actor: None,
            audit_id: None,
            reason: None,
        };
        let view = match told {
            Some(row) => EventView {
                kind: row.action,
                subject: EventSubject {
                    user_id: row.object.parse().ok(),
                    id: row.object,
                    email: row.email,
                },
                actor: row.actor,
                audit_id: Some(row.id),
                reason: row.reason,
                ..view
            },
            None => view,
        };
        rows.push(Row {
            tenant: event.tenant,
            view,
        });
    }
    Ok(rows)
}

/// Type and object of an event that no audit row tells more of.
fn named(what: &Happened) -> (&'static str, String) {
    match what {
        Happened::Change(id) => ("audit.pruned", id.to_string()),
        Happened::Lockout(key) => ("lockout.started", key.to_hex()),
        Happened::Revocation(what) => match what {
            Revoked::Session(id) => ("session.ended", id.to_string()),
            Revoked::Token(jti) => ("token.denied", jti.clone()),
            Revoked::User(id) => ("user.tokens_ended", id.to_string()),
            Revoked::Client(id) => ("client.tokens_ended", id.to_string()),
            Revoked::Tenant(id) => ("tenant.tokens_ended", id.to_string()),
            Revoked::Key(id) => ("key.gone", id.to_string()),
        },
    }
}

fn lines(views: impl Iterator<Item = EventView>) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    for view in views {
        serde_json::to_writer(&mut bytes, &view).map_err(Error::internal)?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}

/// Whether a name fits a pattern in which `*` stands for any characters, none among them.
fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some((_, behind)) = rest.split_once(part) else {
            return false;
        };
        rest = behind;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_as_in_a_shell() {
        for (pattern, name, fit) in [
            ("lockout.started", "lockout.started", true),
            ("lockout.started", "lockout.started.x", false),
            ("lockout.*", "lockout.clear", true),
            ("lockout.*", "user.disable", false),
            ("*", "anything", true),
            ("*.clear", "lockout.clear", true),
            ("*.clear", "lockout.clears", false),
            ("user.*able", "user.disable", true),
            ("u*r.*s*", "user.disable", true),
            ("a*a", "a", false),
            ("", "x", false),
        ] {
            assert_eq!(fits(pattern, name), fit, "{pattern} {name}");
        }
    }
}
