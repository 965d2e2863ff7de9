//! Removing old rows of the log before `attempts.retention` does. The first chunk carries the audit
//! row; the others follow it, so that no job holds the writer for long.

use std::sync::Arc;
use std::time::Duration;

use common::call::Change;
use common::call::attempt::Prune;
use common::time::Time;
use serde_json::{Value, json};
use store::{Claim, Over, Priority, StoreError, Whose, WriteTx};

use crate::app::audit::{Record, WideAct};
use crate::app::{App, Error, Operator};

/// Rows that one job removes.
const CHUNK: u32 = 500;
/// What is younger decides on locks and explains them.
const YOUNGEST: Duration = Duration::from_hours(24);

/// Removes attempts whose last try is older than asked for.
///
/// # Errors
/// `validation_failed` for less than a day.
pub async fn prune(app: &Arc<App>, operator: &Operator, request: Prune) -> Result<Change, Error> {
    let now = app.now();
    let record = Record::draw(app, operator, now, request.reason.as_deref())?;
    let age = Duration::from_secs(request.older_than_seconds);
    if age < YOUNGEST {
        return Err(Error::field(
            "/older_than_seconds",
            "too_short",
            "expected a day or more",
        ));
    }
    let before = now.minus(age);
    let act = WideAct {
        action: "attempt.prune",
        tenant: None,
        object: "attempts".to_owned(),
        subject: format!("login attempts before {before}"),
    };
    let written: Result<(Change, u32), Error> = app
        .store
        .write(Priority::Urgent, operator.claim.clone(), move |tx| {
            let removed = remove(tx, before)?;
            if removed == 0 {
                return Ok((act.unchanged(), 0));
            }
            let until = json!({"before": before});
            let change = record.append_wide(tx, &act, &until, &Value::Null)?;
            Ok((change, removed))
        })
        .await;
    let (mut change, mut last) = written?;
    let mut all = u64::from(last);
    let is_rehearsal = operator.claim.is_rehearsal();
    while last >= CHUNK && !is_rehearsal {
        last = app
            .store
            .write(
                Priority::Background,
                Claim::detached(),
                move |tx| -> Result<u32, StoreError> { remove(tx, before) },
            )
            .await
            .map_err(Error::from)?;
        all = all.saturating_add(u64::from(last));
    }
    let more = if last >= CHUNK { " or more" } else { "" };
    if change.changed {
        change.notes.push(format!("{all}{more} rows of the log"));
    }
    Ok(change)
}

/// Nothing but attempts is over; those of tenants with times of their own too.
fn remove(tx: &dyn WriteTx, before: Time) -> Result<u32, StoreError> {
    let never = Time::from_millis(i64::MIN);
    let tenants = tx.operator().tenants_with_settings()?;
    let owners = std::iter::once(Whose::Installation).chain(tenants.into_iter().map(Whose::Tenant));
    let mut removed = 0_u32;
    for whose in owners {
        let over = Over {
            whose,
            now: never,
            failures: never,
            session_failures: never,
            attempts: before,
            idle_sessions: never,
            old_sessions: never,
            ended_sessions: never,
            devices: never,
            mails: never,
            events: never,
            invalidations: never,
        };
        let limit = CHUNK.saturating_sub(removed);
        removed = removed.saturating_add(tx.housekeeping().prune(&over, limit)?);
    }
    Ok(removed)
}
