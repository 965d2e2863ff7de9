//! Clearing the locks of many names at once: of all, or of those that an address locked. The first
//! chunk carries the audit row, so that a clearing that was begun is told; the others follow it.

use std::sync::Arc;

use common::call::Change;
use common::call::lockout::ClearAll;
use common::time::Time;
use domain::lockout::{CounterKey, LockoutPolicy};
use domain::tenant::Tenant;
use ipnet::IpNet;
use serde_json::{Value, json};
use store::{Claim, LockoutFilter, PageRequest, Priority, ReadTx, WriteTx};

use crate::app::audit::{Record, WideAct};
use crate::app::{App, Error, Operator, names};

/// Names that one job clears.
const CHUNK: usize = 200;
/// Rows that are read at a time.
const PAGE: u32 = 200;
/// What is typed to clear all.
const ALL: &str = "all";

/// Ends the locks of all names that are locked now, also of those that no user has, or of those that
/// were last tried from a range; and empties their counts.
///
/// # Errors
/// `not_found` for the tenant; `validation_failed` at `/ip`, and at `/confirm` where all are meant and
/// the word was not typed.
pub async fn clear_all(
    app: &Arc<App>,
    operator: &Operator,
    request: ClearAll,
) -> Result<Change, Error> {
    let now = app.now();
    let record = Record::draw(app, operator, now, request.reason.as_deref())?;
    let range = request.ip.as_deref().map(names::range).transpose()?;
    if range.is_none() {
        check_confirmed(request.confirm.as_deref())?;
    }
    let policy = app.settings().tenant.lockout;
    let (tenant, keys) = app
        .store
        .read(move |tx| {
            let tenant = request
                .tenant
                .as_deref()
                .map(|name| names::tenant(tx, name))
                .transpose()?;
            let keys = locked(tx, tenant.as_ref(), range.as_ref(), &policy, now)?;
            Ok::<_, Error>((tenant, keys))
        })
        .await?;
    let act = act(tenant, range.as_ref(), keys.len());
    let mut chunks = keys.chunks(CHUNK).map(<[_]>::to_vec);
    let Some(first) = chunks.next() else {
        return Ok(act.unchanged());
    };
    let before = json!({"names": keys.len(), "ip": range.map(|range| range.to_string())});
    let change = app
        .store
        .write(Priority::Urgent, operator.claim.clone(), move |tx| {
            clear(tx, &first)?;
            record.append_wide(tx, &act, &before, &Value::Null)
        })
        .await?;
    if operator.claim.is_rehearsal() {
        return Ok(change);
    }
    for chunk in chunks {
        app.store
            .write(Priority::Normal, Claim::detached(), move |tx| {
                clear(tx, &chunk)
            })
            .await?;
    }
    Ok(change)
}

fn clear(tx: &dyn WriteTx, keys: &[CounterKey]) -> Result<(), Error> {
    let counters = tx.counters_mut();
    for key in keys {
        counters.clear(key)?;
        counters.clear_manual(key)?;
    }
    Ok(())
}

/// The counters of names that are locked now.
fn locked(
    tx: &dyn ReadTx,
    tenant: Option<&Tenant>,
    range: Option<&IpNet>,
    policy: &LockoutPolicy,
    now: Time,
) -> Result<Vec<CounterKey>, Error> {
    let filter = LockoutFilter {
        tenant: tenant.map(|tenant| tenant.id),
        include_unknown: true,
        ip: None,
        at: now,
        since: now.minus(policy.window),
    };
    let mut keys = Vec::new();
    let mut page = PageRequest {
        limit: PAGE,
        after: None,
    };
    loop {
        let rows = tx.operator().lockouts(&filter, &page)?;
        let is_last = rows.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
        page.after = rows.last().map(|row| row.lockout.key.to_hex());
        let meant = rows.into_iter().map(|row| row.lockout).filter(|lockout| {
            range.is_none_or(|range| names::is_within(lockout.last_ip.as_deref(), range))
        });
        keys.extend(meant.map(|lockout| lockout.key));
        if is_last {
            return Ok(keys);
        }
    }
}

fn act(tenant: Option<Tenant>, range: Option<&IpNet>, names: usize) -> WideAct {
    let noun = if names == 1 { "name" } else { "names" };
    WideAct {
        action: "lockout.clear-all",
        tenant,
        // Which address stands in the row's content: an object is shown on the monitor socket too.
        object: "lockouts".to_owned(),
        subject: match range {
            Some(range) => format!("{names} {noun} last tried from {range}"),
            None => format!("{names} {noun}"),
        },
    }
}

/// The server demands the confirmation too, whatever a client asked before (operator.md 2.1).
fn check_confirmed(confirm: Option<&str>) -> Result<(), Error> {
    if confirm == Some(ALL) {
        return Ok(());
    }
    let error = Error::field("/confirm", "not_confirmed", "expected the word all");
    Err(error.with_hint("In scripts: authctl lockout clear --all --confirm=all"))
}
