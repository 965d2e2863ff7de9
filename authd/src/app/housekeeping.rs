//! What runs beside the requests: last uses to disk, rows whose time is over away, and locks that a
//! clock has made too long.
//! Work goes in chunks, so that no job holds the writer for long.

use std::sync::Arc;
use std::time::Duration;

use common::error::ErrorCode;
use common::id::{Id, Kind, TenantId};
use common::time::Time;
use domain::mail::CAP_WINDOW;
use domain::setting::{Effective, Setting};
use store::{Claim, Over, Priority, ReadTx, StoreError, Whose, WriteTx};

use crate::app::tenant::effective;
use crate::app::{App, Error, Settings};
use crate::cache::Activity;

/// Rows that one job may move.
const CHUNK: usize = 500;
/// How long the log of invalidations reaches back: far beyond what a node that follows it may be late.
const INVALIDATIONS_KEPT: Duration = Duration::from_hours(1);
/// Longest time that a last use may be in memory only.
const UNWRITTEN_USES: Duration = Duration::from_secs(3600);

/// Writes last uses that are due; all of them at the end of the daemon.
///
/// # Errors
/// `unavailable`; what was not written stays remembered.
pub async fn flush_activity(app: &Arc<App>, all: bool) -> Result<usize, Error> {
    let sessions = flush(app, &app.activity, all, |tx, tenant, session, at| {
        tx.tenant_mut(tenant).sessions_mut().touch(session, at)
    });
    let sessions = sessions.await?;
    let clients = flush(app, &app.client_uses, all, |tx, tenant, client, at| {
        tx.tenant_mut(tenant).clients_mut().touch(client, at)
    });
    Ok(sessions.saturating_add(clients.await?))
}

/// Writes one use.
type Touch<K> = fn(&dyn WriteTx, TenantId, Id<K>, Time) -> Result<(), StoreError>;

async fn flush<K: Kind>(
    app: &App,
    uses: &Activity<K>,
    all: bool,
    touch: Touch<K>,
) -> Result<usize, Error> {
    let due = if all { uses.all() } else { uses.due(app.now()) };
    for chunk in due.chunks(CHUNK) {
        let rows: Arc<[_]> = chunk.into();
        let written = Arc::clone(&rows);
        app.store
            .write(
                Priority::Background,
                Claim::detached(),
                move |tx| -> Result<(), StoreError> {
                    rows.iter()
                        .try_for_each(|&(tenant, id, at)| touch(tx, tenant, id, at))
                },
            )
            .await
            .map_err(Error::from)?;
        let flushed: Vec<_> = written.iter().map(|&(_, id, at)| (id, at)).collect();
        uses.flushed(&flushed);
    }
    Ok(due.len())
}

/// Removes rows whose time is over: counted failures, attempts, ended sessions, denied tokens,
/// unused devices, events, invalidations. Returns the number of rounds that it took.
///
/// # Errors
/// `unavailable`; the next round goes on.
pub async fn prune(app: &App) -> Result<u32, Error> {
    let mut rounds = 0_u32;
    for whose in owners(app).await? {
        rounds = rounds.saturating_add(unless_damaged(whose, prune_of(app, whose).await)?);
    }
    Ok(rounds)
}

/// The installation, and every tenant whose rows go by times of its own.
async fn owners(app: &App) -> Result<Vec<Whose>, Error> {
    let tenants = app
        .store
        .read(|tx| tx.operator().tenants_with_settings())
        .await?;
    let tenants = tenants.into_iter().map(Whose::Tenant);
    Ok(std::iter::once(Whose::Installation)
        .chain(tenants)
        .collect())
}

/// A tenant whose settings cannot be read is left as it is, and does not hold up the others.
fn unless_damaged(whose: Whose, done: Result<u32, Error>) -> Result<u32, Error> {
    match done {
        Err(error) if error.code == ErrorCode::Internal && whose != Whose::Installation => {
            tracing::error!(?whose, cause = ?error.cause, "settings of a tenant cannot be read");
            Ok(0)
        }
        done => done,
    }
}

async fn prune_of(app: &App, whose: Whose) -> Result<u32, Error> {
    let now = app.now();
    let settings = app.settings();
    let limit = u32::try_from(CHUNK).unwrap_or(u32::MAX);
    let mut rounds = 0_u32;
    loop {
        let settings = Arc::clone(&settings);
        let removed = app
            .store
            .write(
                Priority::Background,
                Claim::detached(),
                move |tx| -> Result<u32, StoreError> {
                    let over = over(&settings, tx, whose, now)?;
                    tx.housekeeping().prune(&over, limit)
                },
            )
            .await
            .map_err(Error::from)?;
        rounds = rounds.saturating_add(1);
        if removed < limit {
            return Ok(rounds);
        }
    }
}

/// Times of the rows of one owner, by what holds for it in this transaction.
fn over(settings: &Settings, tx: &dyn ReadTx, whose: Whose, now: Time) -> Result<Over, StoreError> {
    let base = &settings.tenant;
    let own = match whose {
        Whose::Installation => Effective::of_installation(Arc::clone(base)),
        Whose::Tenant(id) => effective::read(Arc::clone(base), tx, id)?,
    };
    let limits = &own.session_limits;
    let max_age = effective::longest(tx, base, Setting::SessionMaxAge)?;
    let window = effective::longest(tx, base, Setting::LockoutWindow)?;
    Ok(Over {
        whose,
        now,
        failures: now.minus(own.lockout.window),
        // Tries of every kind go by it, so that it is never shorter than a window.
        session_failures: now.minus(max_age.max(window)),
        attempts: now.minus(own.attempts_retention),
        // A minute or so of last uses may not be on disk yet.
        idle_sessions: now.minus(limits.idle_timeout).minus(UNWRITTEN_USES),
        old_sessions: now.minus(limits.max_age),
        ended_sessions: now.minus(settings.session_retention),
        devices: now.minus(own.device_ttl),
        mails: now.minus(CAP_WINDOW),
        events: now.minus(settings.events_retention),
        invalidations: now.minus(INVALIDATIONS_KEPT),
    })
}

/// Holds every lock by failures to the policy's duration from now on: the clock may have gone back
/// since it was made, or the policy may have become milder. Returns how many were shortened.
///
/// # Errors
/// `unavailable`; nothing is shortened.
pub async fn bound_locks(app: &App) -> Result<u32, Error> {
    let mut all = 0_u32;
    for whose in owners(app).await? {
        all = all.saturating_add(unless_damaged(whose, bound_locks_of(app, whose).await)?);
    }
    Ok(all)
}

async fn bound_locks_of(app: &App, whose: Whose) -> Result<u32, Error> {
    let now = app.now();
    let settings = app.settings();
    let limit = u32::try_from(CHUNK).unwrap_or(u32::MAX);
    let mut all = 0_u32;
    loop {
        let base = Arc::clone(&settings.tenant);
        let shortened = app
            .store
            .write(
                Priority::Normal,
                Claim::detached(),
                move |tx| -> Result<u32, StoreError> {
                    let base = Arc::clone(&base);
                    let own = match whose {
                        Whose::Installation => Effective::of_installation(base),
                        Whose::Tenant(id) => effective::read(base, tx, id)?,
                    };
                    let latest = now.plus(own.lockout.duration);
                    tx.housekeeping().shorten_locks(whose, latest, limit)
                },
            )
            .await
            .map_err(Error::from)?;
        all = all.saturating_add(shortened);
        if shortened < limit {
            return Ok(all);
        }
    }
}
