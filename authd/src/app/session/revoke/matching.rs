//! Ending the sessions that an address or an age tells. Which they are is read page by page, then
//! they are ended in chunks; a session that began meanwhile is not among them.

use std::sync::Arc;
use std::time::Duration;

use common::call::Change;
use common::call::session::Matching;
use common::id::{SessionId, TenantId};
use common::time::Time;
use domain::session::{EndReason, Session};
use domain::tenant::Tenant;
use ipnet::IpNet;
use serde_json::json;
use store::{Claim, PageRequest, Priority, Scope, SessionFilter, StoreError, WriteTx};

use super::{CHUNK, finish};
use crate::app::audit::{Record, WideAct};
use crate::app::{App, Error, Operator, names};

/// A smaller age would mean all of them, for which a name is typed.
const YOUNGEST: Duration = Duration::from_mins(1);

/// A session by its tenant and id.
type Meant = (TenantId, SessionId);

/// Ends the sessions that are meant.
///
/// # Errors
/// `not_found` for the tenant; `validation_failed` for a range or an age that means all.
pub(super) async fn revoke(
    app: &Arc<App>,
    operator: &Operator,
    record: Record,
    matching: Matching,
) -> Result<Change, Error> {
    let now = app.now();
    let wanted = Wanted::of(app, &matching, now)?;
    let tenant = match matching.tenant {
        Some(name) => Some(app.store.read(move |tx| names::tenant(tx, &name)).await?),
        None => None,
    };
    let act = wanted.act(tenant);
    let which = json!({"ip": wanted.shown(), "before": wanted.before});
    let meant = meant(app, &wanted, act.tenant.as_ref().map(|tenant| tenant.id)).await?;
    let mut chunks = meant.chunks(CHUNK as usize).map(<[Meant]>::to_vec);
    let Some(first) = chunks.next() else {
        return Ok(act.unchanged());
    };
    let all = u32::try_from(meant.len()).unwrap_or(u32::MAX);
    let written: Result<Change, Error> = app
        .store
        .write(Priority::Urgent, operator.claim.clone(), move |tx| {
            end(tx, &first, now)?;
            let after = json!({"sessions_ended": all});
            record.append_wide(tx, &act, &which, &after)
        })
        .await;
    let mut change = written?;
    change.sessions_ended = all;
    if operator.claim.is_rehearsal() {
        return Ok(change);
    }
    let rest: Vec<Vec<Meant>> = chunks.collect();
    let store = app.store.clone();
    finish(async move {
        for chunk in rest {
            let write = store.write(Priority::Urgent, Claim::detached(), move |tx| {
                end(tx, &chunk, now)
            });
            write.await.map_err(Error::from)?;
        }
        Ok(())
    })
    .await?;
    Ok(change)
}

fn end(tx: &dyn WriteTx, sessions: &[Meant], now: Time) -> Result<(), StoreError> {
    for &(tenant, id) in sessions {
        let rows = tx.tenant_mut(tenant);
        if rows.sessions_mut().end(id, now, EndReason::Revoked)? {
            tx.invalidate(Scope::Session(id));
        }
    }
    Ok(())
}

/// Which sessions an address or an age means.
#[derive(Clone)]
struct Wanted {
    range: Option<IpNet>,
    before: Option<Time>,
}

impl Wanted {
    fn of(app: &App, matching: &Matching, now: Time) -> Result<Self, Error> {
        let range = match matching.ip.as_deref() {
            // One address is kept as the configuration says, and so it is looked for.
            Some(ip) if !ip.contains('/') => {
                let stored = app.stored_ip(names::address(ip)?);
                Some(names::range(&stored)?)
            }
            Some(range) => Some(names::range(range)?),
            None => None,
        };
        if range.is_some_and(|range| range.prefix_len() == 0) {
            let narrower = "expected less than all addresses; for a whole tenant use --tenant";
            return Err(Error::field("/ip", "too_wide", narrower));
        }
        let age = matching.older_than_seconds.map(Duration::from_secs);
        if age.is_some_and(|age| age < YOUNGEST) {
            let longer = "expected a minute or more; for a whole tenant use --tenant";
            return Err(Error::field("/older_than_seconds", "too_short", longer));
        }
        if range.is_none() && age.is_none() {
            let either = "expected an address, a range or an age";
            return Err(Error::field("/target", "required", either));
        }
        Ok(Self {
            range,
            before: age.map(|age| now.minus(age)),
        })
    }

    fn fits(&self, session: &Session) -> bool {
        let within = |range: &IpNet| names::is_within(session.ip.as_deref(), range);
        self.range.as_ref().is_none_or(within)
            && self.before.is_none_or(|before| session.created_at < before)
    }

    /// The range in words; one address stands alone.
    fn shown(&self) -> Option<String> {
        self.range.map(|range| {
            if range.prefix_len() == range.max_prefix_len() {
                range.addr().to_string()
            } else {
                range.to_string()
            }
        })
    }

    fn act(&self, tenant: Option<Tenant>) -> WideAct {
        let from = self.shown().map(|range| format!(" from {range}"));
        let before = self.before.map(|before| format!(" begun before {before}"));
        WideAct {
            action: "session.revoke",
            tenant,
            object: "sessions".to_owned(),
            subject: format!(
                "sessions{}{}",
                from.unwrap_or_default(),
                before.unwrap_or_default()
            ),
        }
    }
}

/// The open sessions that are meant; no page holds a reader for long.
async fn meant(app: &App, wanted: &Wanted, tenant: Option<TenantId>) -> Result<Vec<Meant>, Error> {
    let ever = Time::from_millis(i64::MIN);
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let wanted = wanted.clone();
        let page = PageRequest {
            limit: CHUNK,
            after,
        };
        let read = app.store.read(move |tx| {
            let filter = SessionFilter {
                tenant,
                user: None,
                device: None,
                ip: None,
                idle_since: None,
                active_after: ever,
                created_after: ever,
            };
            let rows = tx.operator().sessions(&filter, &page)?;
            let last = rows.last().filter(|_| rows.len() >= CHUNK as usize);
            let last = last.map(|row| row.session.id.to_string());
            let fitting = rows.iter().filter(|row| wanted.fits(&row.session));
            let fitting = fitting.map(|row| (row.session.tenant_id, row.session.id));
            Ok::<_, StoreError>((fitting.collect::<Vec<_>>(), last))
        });
        let (fitting, last) = read.await.map_err(Error::from)?;
        found.extend(fitting);
        if last.is_none() {
            return Ok(found);
        }
        after = last;
    }
}
