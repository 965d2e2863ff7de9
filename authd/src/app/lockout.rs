//! Counted and locked names, as who administers sees, clears and locks them (rules 1 and 2).

mod add;
mod clear_all;
mod simulate;

use std::sync::Arc;

use common::call::lockout::{Clear, List, Show};
use common::call::{Change, UserRef};
use common::time::Time;
use common::view::{LockoutView, Page};
use domain::lockout::{CounterKey, CounterState, Lockout, LockoutPolicy};
use domain::setting::Setting;
use domain::tenant::Tenant;
use serde_json::{Value, json};
use store::{LockoutFilter, LockoutRow, ReadTx};

pub use add::add;
pub use clear_all::clear_all;
pub use simulate::simulate;

use crate::app::audit::{Act, Record};
use crate::app::cursor::Place;
use crate::app::names::Subject;
use crate::app::tenant::effective::{self, Effectives};
use crate::app::{App, By, Error, Operator, Sight, helpdesk, names, target};

/// Lists names that are locked now, by the keys of their counters: an administrator's those of the
/// tenant alone.
///
/// # Errors
/// `not_found` for the tenant, `permission_denied` for a personal filter on a socket without such
/// data, those of the page.
pub async fn list(
    app: &Arc<App>,
    by: impl Into<By<'_>>,
    request: List,
) -> Result<Page<LockoutView>, Error> {
    let by = by.into();
    names::refuse_personal_filters(by, &[("ip", request.ip.is_some())])?;
    let range = request.ip.as_deref().map(names::range).transpose()?;
    let place = Place::by(&app.keys, by, &request, &request.paging())?;
    let now = app.now();
    let (reach, sight) = (by.reach(), Sight::of(by));
    let app = Arc::clone(app);
    let store = app.store.clone();
    store
        .read(move |tx| {
            let base = Arc::clone(&app.settings().tenant);
            // Locked names are listed whatever is left of their tries; none that counts is left out.
            let window = effective::longest(tx, &base, Setting::LockoutWindow)?;
            let filter = LockoutFilter {
                tenant: target::tenant_filter(tx, reach, request.tenant.as_deref())?,
                include_unknown: request.include_unknown,
                ip: None,
                at: now,
                since: now.minus(window),
            };
            let (rows, next) = place.collect(
                |row: &LockoutRow| row.lockout.key.to_hex(),
                |row| {
                    let LockoutRow { lockout, .. } = row;
                    range.is_none_or(|range| names::is_within(lockout.last_ip.as_deref(), &range))
                        && !helpdesk::hides(tx, reach, lockout.tenant_id, lockout.user_id)
                },
                |page| tx.operator().lockouts(&filter, page),
            )?;
            let effectives = Effectives::new(&app);
            let items = rows
                .into_iter()
                .map(|row| {
                    let policy = effectives.of(tx, row.lockout.tenant_id)?.lockout;
                    Ok(view(row, &policy, now, sight))
                })
                .collect::<Result<_, Error>>()?;
            Ok(place.page(items, next.as_deref()))
        })
        .await
}

/// Shows the counter of one name. A name that nothing was counted for has an empty one.
///
/// # Errors
/// Those of [`names::subject`].
pub async fn show(
    app: &Arc<App>,
    _operator: &Operator,
    request: Show,
) -> Result<LockoutView, Error> {
    let now = app.now();
    let app = Arc::clone(app);
    let store = app.store.clone();
    store
        .read(move |tx| {
            let reference = UserRef {
                tenant: request.tenant,
                name: request.user,
            };
            let subject = names::subject(tx, &reference)?;
            let policy = effective::of(&app, tx, tenant_of(&subject).id)?.lockout;
            let row = row(tx, &app, &subject, &policy, now)?;
            Ok(view(row, &policy, now, Sight::Whole))
        })
        .await
}

/// Empties the counter of one name and ends its lock, the one by hand too.
///
/// # Errors
/// Those of [`names::subject`].
pub async fn clear(app: &Arc<App>, by: impl Into<By<'_>>, request: Clear) -> Result<Change, Error> {
    let (by, now) = (by.into(), app.now());
    let record = Record::draw(app, by, now, request.reason.as_deref())?;
    let (reference, reach) = (request.user, by.reach());
    let subject = app
        .store
        .read(move |tx| target::subject(tx, reach, &reference))
        .await?;
    let mut act = act("lockout.clear", &subject, key(app, &subject));
    if let Subject::Known(found) = &subject {
        act.subject = helpdesk::name_of(by, &found.user);
    }
    let app_of_write = Arc::clone(app);
    record
        .write(app, move |tx, permit| {
            if let Subject::Known(found) = &subject {
                permit.may_act_on(tx, &found.tenant, found.user.id)?;
            }
            let app = &app_of_write;
            let policy = effective::of(app, tx, tenant_of(&subject).id)?.lockout;
            let row = row(tx, app, &subject, &policy, now)?;
            let key = row.lockout.key;
            let before = view(row, &policy, now, Sight::Whole);
            if before.failures == 0 && before.locked_until.is_none() && !before.manual {
                return Ok(act.unchanged());
            }
            let counters = tx.counters_mut();
            counters.clear(&key)?;
            counters.clear_manual(&key)?;
            permit.append(tx, &act, &described(&before), &Value::Null)
        })
        .await
}

/// The counter of a name as it is shown at `now`.
///
/// # Errors
/// Those of the store.
pub(in crate::app) fn standing(
    tx: &dyn ReadTx,
    app: &App,
    subject: &Subject,
    policy: &LockoutPolicy,
    now: Time,
) -> Result<LockoutView, Error> {
    let row = row(tx, app, subject, policy, now)?;
    Ok(view(row, policy, now, Sight::Whole))
}

fn tenant_of(subject: &Subject) -> &Tenant {
    match subject {
        Subject::Known(found) => &found.tenant,
        Subject::Unknown { tenant, .. } => tenant,
    }
}

fn key(app: &App, subject: &Subject) -> CounterKey {
    match subject {
        Subject::Known(found) => found.user.subject,
        Subject::Unknown { tenant, email } => app.keys.subject(tenant.slug.as_str(), email),
    }
}

/// A stranger's name is told by its hash: people type passwords into that field (rule 5).
fn act(action: &'static str, subject: &Subject, key: CounterKey) -> Act {
    let (tenant, object, name): (&Tenant, _, _) = match subject {
        Subject::Known(found) => (
            &found.tenant,
            found.user.id.to_string(),
            found.user.email.to_string(),
        ),
        Subject::Unknown { tenant, email } => (tenant, key.to_hex(), email.to_string()),
    };
    Act {
        action,
        tenant: tenant.clone(),
        object,
        subject: name,
    }
}

/// The counter of one name, empty if nothing is counted.
fn row(
    tx: &dyn ReadTx,
    app: &App,
    subject: &Subject,
    policy: &LockoutPolicy,
    now: Time,
) -> Result<LockoutRow, Error> {
    let key = key(app, subject);
    let since = now.minus(policy.window);
    let (tenant, user) = match subject {
        Subject::Known(found) => (&found.tenant, Some(&found.user)),
        Subject::Unknown { tenant, .. } => (tenant, None),
    };
    let lockout = tx.counters().lockout(&key, since)?.unwrap_or(Lockout {
        key,
        tenant_id: Some(tenant.id),
        user_id: None,
        state: CounterState::default(),
        locking_failures: 0,
        last_failure_at: None,
        last_ip: None,
    });
    Ok(LockoutRow {
        lockout: Lockout {
            user_id: user.map(|user| user.id),
            ..lockout
        },
        tenant: Some(tenant.slug.clone()),
        email: user.map(|user| user.email.clone()),
    })
}

/// The counter as it is shown at `now`.
fn view(row: LockoutRow, policy: &LockoutPolicy, now: Time, sight: Sight) -> LockoutView {
    let lockout = row.lockout;
    let by_failures = lockout.state.locked_until.filter(|&until| now < until);
    let manual = lockout
        .state
        .manual
        .filter(|manual| manual.until.is_none_or(|until| now < until));
    let locked_until = match manual {
        Some(manual) => manual
            .until
            .map(|until| by_failures.map_or(until, |other| until.max(other))),
        None => by_failures,
    };
    let failures = if by_failures.is_some() {
        lockout.locking_failures
    } else {
        lockout.state.failures_at(policy, now)
    };
    LockoutView {
        email: row
            .email
            .filter(|_| sight.names_users())
            .map(|email| email.to_string()),
        subject_hash: lockout.user_id.is_none().then(|| lockout.key.to_hex()),
        user_id: lockout.user_id,
        tenant: row.tenant.map(|slug| slug.to_string()),
        failures,
        window_seconds: policy.window.as_secs(),
        last_attempt_at: lockout.last_failure_at,
        locked_until,
        manual: manual.is_some(),
        last_ip: lockout.last_ip.filter(|_| sight.shows_personal()),
    }
}

/// What was cleared, without whose address it was: the row's object says whose counter.
fn described(before: &LockoutView) -> Value {
    json!({
        "failures": before.failures,
        "locked_until": before.locked_until,
        "manual": before.manual,
        "last_attempt_at": before.last_attempt_at,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use common::id::UserId;
    use domain::lockout::ManualLock;
    use ipnet::IpNet;

    use super::*;

    const POLICY: LockoutPolicy = LockoutPolicy {
        threshold: 5,
        window: Duration::from_mins(15),
        duration: Duration::from_mins(15),
    };

    fn at(seconds: i64) -> Time {
        Time::from_millis(1_790_000_000_000 + seconds * 1000)
    }

    fn row(state: CounterState) -> LockoutRow {
        LockoutRow {
            lockout: Lockout {
                key: CounterKey::from_bytes([9; 32]),
                tenant_id: None,
                user_id: Some(UserId::from_bytes([1; 16])),
                state,
                locking_failures: 5,
                last_failure_at: Some(at(0)),
                last_ip: Some("203.0.113.7".to_owned()),
            },
            tenant: Some("acme".parse().unwrap()),
            email: Some("bob@acme.test".parse().unwrap()),
        }
    }

    fn shown(state: CounterState, seconds: i64) -> LockoutView {
        view(row(state), &POLICY, at(seconds), Sight::Whole)
    }

    #[test]
    fn rule_2_a_locked_name_shows_the_failures_that_locked_it() {
        let state = CounterState {
            locked_until: Some(at(900)),
            ..CounterState::default()
        };
        let locked = shown(state.clone(), 10);
        assert_eq!((locked.failures, locked.locked_until), (5, Some(at(900))));
        let open = shown(state, 900);
        assert_eq!((open.failures, open.locked_until), (0, None));
        let counting = CounterState {
            failures: vec![at(0), at(5)],
            ..CounterState::default()
        };
        assert_eq!(shown(counting.clone(), 10).failures, 2);
        assert_eq!(shown(counting, 900).failures, 1);
    }

    #[test]
    fn a62_a_lock_by_hand_is_told_apart() {
        let for_good = CounterState {
            locked_until: Some(at(900)),
            manual: Some(ManualLock { until: None }),
            ..CounterState::default()
        };
        let view = shown(for_good, 10);
        assert!(view.manual);
        assert_eq!(view.locked_until, None);
        let for_a_time = CounterState {
            locked_until: Some(at(900)),
            manual: Some(ManualLock {
                until: Some(at(60)),
            }),
            ..CounterState::default()
        };
        let view = shown(for_a_time.clone(), 10);
        assert_eq!((view.manual, view.locked_until), (true, Some(at(900))));
        assert!(!shown(for_a_time, 60).manual);
    }

    #[test]
    fn a94_the_monitor_socket_sees_no_address() {
        let view = view(row(CounterState::default()), &POLICY, at(0), Sight::Masked);
        let text = serde_json::to_string(&view).unwrap();
        assert!(
            !text.contains("203.0.113") && !text.contains("bob@"),
            "{text}"
        );
        assert!(view.user_id.is_some());
    }

    #[test]
    fn ranges_find_whole_and_truncated_addresses() {
        let range: IpNet = "203.0.113.0/24".parse().unwrap();
        assert!(names::is_within(Some("203.0.113.7"), &range));
        assert!(names::is_within(Some("203.0.113.0/24"), &range));
        assert!(!names::is_within(Some("203.0.114.7"), &range));
        assert!(!names::is_within(None, &range));
        let one: IpNet = "203.0.113.7/32".parse().unwrap();
        assert!(names::is_within(Some("203.0.113.0/24"), &one));
        assert!(!names::is_within(Some("203.0.113.8"), &one));
    }
}
