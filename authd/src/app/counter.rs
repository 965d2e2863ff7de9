//! Counting tries: reservations, stale ones, and what a failure does, for every kind of counter.
//! Used by sign-in, by the change of a password, and at the start for what an earlier run left.

use std::sync::Arc;
use std::time::Duration;

use common::id::{AttemptId, RequestId, TenantId};
use common::time::Time;
use domain::attempt::{Attempt, Decision, Outcome, Reason};
use domain::lockout::{
    Admission, AfterFailure, Boot, CounterKey, CounterKind, CounterState, LockoutPolicy,
    Reservation, ReservationId,
};
use domain::setting::TenantSettings;
use store::{Claim, Priority, ReadTx, StoreError, WriteTx};

use crate::app::tenant::effective;
use crate::app::{App, Error};

/// Longest wait for another try of the same counter to settle (rule 3).
pub(super) const WAIT_LIMIT: Duration = Duration::from_secs(5);
/// Ids drawn beforehand for tries that a reservation finds stale; a counter has no more open ones
/// than its threshold, which is bounded by this.
pub(super) const STALE_LIMIT: usize = 20;

/// The floor under the time of a refused login from which a hash takes longer than a patient write
/// waits for others: 1.25 times its 12 ms.
const LONG_HASH: Duration = Duration::from_millis(15);

/// Wrong current passwords end a session (or a `pwc+jwt`) at the fifth, whenever they were given:
/// the count runs longer than any session.
pub(super) const SESSION_POLICY: LockoutPolicy = LockoutPolicy {
    threshold: 5,
    window: SESSION_COUNT_LIFE,
    duration: SESSION_COUNT_LIFE,
};
const SESSION_COUNT_LIFE: Duration = Duration::from_secs(366 * 24 * 3600);

/// Which counter a try goes to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counter {
    /// Its key.
    pub(super) key: CounterKey,
    /// What it counts for.
    pub(super) kind: CounterKind,
    /// Tenant, where the slug names one.
    pub(super) tenant: Option<TenantId>,
    /// When it locks.
    pub(super) policy: LockoutPolicy,
}

/// What became of the wish to be evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admitted {
    /// The try is reserved.
    Reserved(ReservationId),
    /// The counter is locked.
    Locked(Duration),
    /// Others are being evaluated that could lock it.
    Wait,
}

/// Reserves a try within a write transaction, after settling what nobody else will.
pub(super) fn reserve(
    tx: &dyn WriteTx,
    counter: &Counter,
    now: Time,
    boot: Boot,
    stale_ids: &[AttemptId],
) -> Result<Admitted, StoreError> {
    let mut state = tx
        .counters()
        .state(&counter.key, now.minus(counter.policy.window))?;
    let stale = state.stale(boot, now);
    if !stale.is_empty() {
        settle_stale(tx, counter, &mut state, &stale, stale_ids)?;
        state = tx
            .counters()
            .state(&counter.key, now.minus(counter.policy.window))?;
    }
    match state.admit(&counter.policy, now) {
        Admission::Locked { retry_after } => Ok(Admitted::Locked(retry_after)),
        Admission::Wait => Ok(Admitted::Wait),
        Admission::Evaluate => {
            let counters = tx.counters_mut();
            let id = counters.reserve(&counter.key, counter.kind, counter.tenant, now, boot)?;
            Ok(Admitted::Reserved(id))
        }
    }
}

/// Turns a reservation into an evaluated failure at `at`, and locks the counter if it is due.
pub(super) fn fail(
    tx: &dyn WriteTx,
    counter: &Counter,
    reservation: ReservationId,
    at: Time,
    ip: Option<&str>,
) -> Result<AfterFailure, StoreError> {
    let state = tx
        .counters()
        .state(&counter.key, at.minus(counter.policy.window))?;
    fail_in(tx, counter, &state, reservation, at, ip)
}

fn fail_in(
    tx: &dyn WriteTx,
    counter: &Counter,
    state: &CounterState,
    reservation: ReservationId,
    at: Time,
    ip: Option<&str>,
) -> Result<AfterFailure, StoreError> {
    let after = state.fail(&counter.policy, at);
    tx.counters_mut().fail(reservation, at, ip)?;
    if let AfterFailure::Locked { until } = after {
        tx.counters_mut()
            .lock(&counter.key, until, counter.policy.threshold)?;
        tx.counters_mut().tell_lock(&counter.key, at)?;
    }
    Ok(after)
}

/// Counts tries that nobody will settle as failures, each at its own time.
fn settle_stale(
    tx: &dyn WriteTx,
    counter: &Counter,
    state: &mut CounterState,
    stale: &[Reservation],
    ids: &[AttemptId],
) -> Result<(), StoreError> {
    let mut ids = ids.iter().copied();
    for reservation in stale {
        state.open.retain(|open| open.id != reservation.id);
        match fail_in(tx, counter, state, reservation.id, reservation.at, None)? {
            AfterFailure::Counted { .. } => state.failures.push(reservation.at),
            AfterFailure::Locked { until } => {
                state.failures.clear();
                state.locked_until = Some(until);
            }
        }
        if counter.kind == CounterKind::Subject
            && let Some(id) = ids.next()
        {
            tx.attempts_mut()
                .record(&unsettled(tx, counter, id, reservation.at)?)?;
        }
    }
    Ok(())
}

fn unsettled(
    tx: &dyn WriteTx,
    counter: &Counter,
    id: AttemptId,
    at: Time,
) -> Result<Attempt, StoreError> {
    let lockout = tx.counters().lockout(&counter.key, at)?;
    Ok(Attempt {
        id,
        at,
        tenant_id: counter.tenant,
        user_id: lockout.and_then(|lockout| lockout.user_id),
        subject: counter.key,
        ip: None,
        outcome: Outcome::Unsettled,
        device: None,
        request_id: None::<RequestId>,
        trace: vec![
            "left open by an earlier run, or for too long; counted as a failure".to_owned(),
        ],
        decision: Some(Decision::by_counter(
            Reason::LeftOpen,
            counter.kind,
            &counter.policy,
        )),
        correlation_id: None,
    })
}

/// Settles all that earlier runs of the daemon left open; at the start, before the first request.
///
/// # Errors
/// `unavailable` if the database does not take it.
pub async fn settle_earlier_runs(app: &App) -> Result<u32, Error> {
    let boot = app.boot;
    let base = Arc::clone(&app.settings().tenant);
    let mut settled = 0_u32;
    loop {
        let now = app.now();
        let ids = attempt_ids(app, now)?;
        let base = Arc::clone(&base);
        let limit = u32::try_from(ids.len()).unwrap_or(u32::MAX);
        let count = app
            .store
            .write(
                Priority::Normal,
                Claim::detached(),
                move |tx| -> Result<u32, StoreError> {
                    let left = tx.counters_mut().left_open(boot, limit)?;
                    for ((key, kind, reservation), id) in left.iter().zip(ids.iter()) {
                        let lockout = tx.counters().lockout(key, reservation.at)?;
                        let tenant = lockout.and_then(|lockout| lockout.tenant_id);
                        let counter = Counter {
                            key: *key,
                            kind: *kind,
                            tenant,
                            policy: match (kind, tenant) {
                                (CounterKind::Session, _) => SESSION_POLICY,
                                (_, None) => base.lockout,
                                (_, Some(tenant)) => lockout_of(&base, tx, tenant)?,
                            },
                        };
                        let since = reservation.at.minus(counter.policy.window);
                        let mut state = tx.counters().state(key, since)?;
                        settle_stale(tx, &counter, &mut state, &[*reservation], &[*id])?;
                    }
                    Ok(u32::try_from(left.len()).unwrap_or(u32::MAX))
                },
            )
            .await?;
        settled = settled.saturating_add(count);
        if count < limit {
            return Ok(settled);
        }
    }
}

/// A tenant's policy; where its settings cannot be read, the installation's: the daemon starts.
fn lockout_of(
    base: &Arc<TenantSettings>,
    tx: &dyn ReadTx,
    tenant: TenantId,
) -> Result<LockoutPolicy, StoreError> {
    match effective::read(Arc::clone(base), tx, tenant) {
        Ok(own) => Ok(own.lockout),
        Err(StoreError::Damaged { .. }) => Ok(base.lockout),
        Err(error) => Err(error),
    }
}

/// Ids for the rows that stale reservations leave.
pub(super) fn attempt_ids(app: &App, now: Time) -> Result<Arc<[AttemptId]>, Error> {
    app.new_ids::<_, STALE_LIMIT>(now).map(Arc::from)
}

/// How soon a try is reserved. Where it waits for a thread to hash longer than a write that is patient,
/// its reservation waits for the next write, and their commit is one.
fn priority(app: &App) -> Priority {
    if app.pool.is_backed_up() && *app.login_floor.get() >= LONG_HASH {
        Priority::Patient
    } else {
        Priority::Normal
    }
}

/// Reserves a try, waiting for others of the same counter for at most [`WAIT_LIMIT`].
///
/// # Errors
/// `overloaded` when the wait was in vain: nothing was recorded. `locked` decides what is recorded
/// in the same transaction when the counter is locked.
pub(super) async fn admit(
    app: &App,
    counter: Counter,
    locked: Option<Attempt>,
) -> Result<Admitted, Error> {
    let deadline = tokio::time::Instant::now() + WAIT_LIMIT;
    let signal = app.waiters.signal(counter.key);
    let admitted = loop {
        let mut notified = Box::pin(signal.notified());
        notified.as_mut().enable();
        let now = app.now();
        let ids = attempt_ids(app, now)?;
        let boot = app.boot;
        let written_down = |attempt: &Attempt| app.room.writes_down(attempt);
        let record = locked.clone().filter(written_down);
        let admitted = app
            .store
            .write(
                priority(app),
                Claim::detached(),
                move |tx| -> Result<_, StoreError> {
                    let admitted = reserve(tx, &counter, now, boot, &ids)?;
                    if let (Admitted::Locked(rest), Some(attempt)) = (admitted, &record) {
                        let mut attempt = attempt.clone();
                        // It was open when the row was made.
                        if let Some(decision) = &mut attempt.decision {
                            decision.locked_until = Some(now.plus(rest));
                        }
                        tx.attempts_mut().record(&attempt)?;
                    }
                    Ok(admitted)
                },
            )
            .await;
        match admitted {
            Ok(Admitted::Wait) => {
                if tokio::time::timeout_at(deadline, notified).await.is_err() {
                    break Err(Error::overloaded());
                }
            }
            other => break other.map_err(Error::from),
        }
    };
    app.waiters.leave(counter.key, signal);
    admitted
}

/// Closes a reservation without counting it, when nothing was evaluated.
pub(super) async fn release(
    app: &App,
    counter: &Counter,
    reservation: ReservationId,
) -> Result<(), Error> {
    let released = app
        .store
        .write(
            Priority::Urgent,
            Claim::detached(),
            move |tx| -> Result<(), StoreError> { tx.counters_mut().release(reservation) },
        )
        .await;
    app.waiters.settled(counter.key);
    released.map_err(Error::from)
}
