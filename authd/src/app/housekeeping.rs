//! What runs beside the requests: last uses to disk, rows whose time is over away, and locks that a
//! clock has made too long.
//! Work goes in chunks, so that no job holds the writer for long.

use std::sync::Arc;
use std::time::Duration;

use domain::mail::CAP_WINDOW;
use store::{Claim, Over, Priority, StoreError};

use crate::app::{App, Error};

/// Rows that one job may move.
const CHUNK: usize = 500;
/// Longest time that a last use may be in memory only.
const UNWRITTEN_USES: Duration = Duration::from_secs(3600);

/// Writes last uses that are due; all of them at the end of the daemon.
///
/// # Errors
/// `unavailable`; what was not written stays remembered.
pub async fn flush_activity(app: &Arc<App>, all: bool) -> Result<usize, Error> {
    let due = if all {
        app.activity.all()
    } else {
        app.activity.due(app.now())
    };
    for chunk in due.chunks(CHUNK) {
        let rows: Arc<[_]> = chunk.into();
        let written = Arc::clone(&rows);
        app.store
            .write(
                Priority::Background,
                Claim::detached(),
                move |tx| -> Result<(), StoreError> {
                    for &(tenant, session, at) in rows.iter() {
                        tx.tenant_mut(tenant).sessions_mut().touch(session, at)?;
                    }
                    Ok(())
                },
            )
            .await
            .map_err(Error::from)?;
        let flushed: Vec<_> = written
            .iter()
            .map(|&(_, session, at)| (session, at))
            .collect();
        app.activity.flushed(&flushed);
    }
    Ok(due.len())
}

/// Removes rows whose time is over: counted failures, attempts, ended sessions, denied tokens,
/// unused devices. Returns the number of rounds that it took.
///
/// # Errors
/// `unavailable`; the next round goes on.
pub async fn prune(app: &App) -> Result<u32, Error> {
    let now = app.now();
    let settings = app.settings();
    let over = Over {
        now,
        failures: now.minus(settings.lockout.window),
        session_failures: now.minus(settings.session_limits.max_age),
        attempts: now.minus(settings.attempts_retention),
        // A minute or so of last uses may not be on disk yet.
        idle_sessions: now
            .minus(settings.session_limits.idle_timeout)
            .minus(UNWRITTEN_USES),
        old_sessions: now.minus(settings.session_limits.max_age),
        ended_sessions: now.minus(settings.session_retention),
        devices: now.minus(settings.device_ttl),
        mails: now.minus(CAP_WINDOW),
    };
    let limit = u32::try_from(CHUNK).unwrap_or(u32::MAX);
    let mut rounds = 0_u32;
    loop {
        let removed = app
            .store
            .write(
                Priority::Background,
                Claim::detached(),
                move |tx| -> Result<u32, StoreError> { tx.housekeeping().prune(&over, limit) },
            )
            .await
            .map_err(Error::from)?;
        rounds = rounds.saturating_add(1);
        if removed < limit {
            return Ok(rounds);
        }
    }
}

/// Holds every lock by failures to the policy's duration from now on: the clock may have gone back
/// since it was made, or the policy may have become milder. Returns how many were shortened.
///
/// # Errors
/// `unavailable`; nothing is shortened.
pub async fn bound_locks(app: &App) -> Result<u32, Error> {
    let latest = app.now().plus(app.settings().lockout.duration);
    let limit = u32::try_from(CHUNK).unwrap_or(u32::MAX);
    let mut all = 0_u32;
    loop {
        let shortened = app
            .store
            .write(
                Priority::Normal,
                Claim::detached(),
                move |tx| -> Result<u32, StoreError> {
                    tx.housekeeping().shorten_locks(latest, limit)
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
