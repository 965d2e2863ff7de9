//! Locking a name by hand: a field of its own, which no success, reset or window touches (rule 2).

use std::sync::Arc;
use std::time::Duration;

use common::call::Change;
use common::call::lockout::{Add, Term};
use common::time::Time;
use domain::lockout::ManualLock;
use serde_json::{Value, json};
use store::Priority;

use super::{act, key, row};
use crate::app::audit::Record;
use crate::app::names::Subject;
use crate::app::tenant::effective;
use crate::app::{App, Error, Operator, names};

/// Longest lock with an end; a longer one is meant to last until it is cleared.
const LONGEST: Duration = Duration::from_hours(366 * 24);

/// Locks a name by hand; one that no user has, too. Sessions are left alone.
///
/// # Errors
/// Those of [`names::subject`]; `validation_failed` at `/term` for no time or over a year.
pub async fn add(app: &Arc<App>, operator: &Operator, request: Add) -> Result<Change, Error> {
    let now = app.now();
    let record = Record::draw(app, operator, now, request.reason.as_deref())?;
    let lock = lock(request.term, now)?;
    let reference = request.user;
    let subject = app
        .store
        .read(move |tx| names::subject(tx, &reference))
        .await?;
    let key = key(app, &subject);
    let act = act("lockout.add", &subject, key);
    let app_of_write = Arc::clone(app);
    app.store
        .write(Priority::Urgent, operator.claim.clone(), move |tx| {
            let policy = effective::of(&app_of_write, tx, act.tenant.id)?.lockout;
            let before = row(tx, &app_of_write, &subject, &policy, now)?
                .lockout
                .state
                .manual;
            let before = before.filter(|manual| manual.holds(now));
            if before == Some(lock) {
                return Ok(act.unchanged());
            }
            tx.counters_mut().lock_by_hand(&key, act.tenant.id, lock)?;
            let mut change = record.append(tx, &act, &described(before), &described(Some(lock)))?;
            if let Subject::Known(found) = &subject {
                let rows = tx.tenant(found.tenant.id);
                let open = rows.sessions().open_of(found.user.id)?.len();
                if open > 0 {
                    change.notes.push(left_alone(open, &act.object));
                }
            }
            Ok(change)
        })
        .await
}

fn lock(term: Term, now: Time) -> Result<ManualLock, Error> {
    let until = match term {
        Term::UntilCleared => None,
        Term::Seconds(seconds) => {
            let length = Duration::from_secs(seconds);
            if length.is_zero() || length > LONGEST {
                return Err(Error::field(
                    "/term",
                    "out_of_range",
                    "expected a time of a second to a year, or until it is cleared",
                ));
            }
            Some(now.plus(length))
        }
    };
    Ok(ManualLock { until })
}

fn described(lock: Option<ManualLock>) -> Value {
    match lock {
        None => Value::Null,
        Some(ManualLock { until: Some(until) }) => json!({"manual_until": until}),
        Some(ManualLock { until: None }) => json!({"manual_until": "cleared"}),
    }
}

fn left_alone(sessions: usize, user: &str) -> String {
    let live = match sessions {
        1 => "1 session stays".to_owned(),
        many => format!("{many} sessions stay"),
    };
    format!("{live}; end them with: authctl session revoke --user {user}")
}
