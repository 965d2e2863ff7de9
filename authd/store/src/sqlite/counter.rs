//! Counters of failed tries: states, failures and reservations. What they mean is the domain's.

use common::time::Time;
use domain::lockout::{
    Boot, CounterKey, CounterKind, CounterState, Lockout, ManualLock, Reservation, ReservationId,
};
use rusqlite::params;

use super::row::Columns;
use super::tx::Tx;
use crate::error::StoreError;
use crate::resource::{Counters, CountersRead};
use common::id::TenantId;

const fn kind_name(kind: CounterKind) -> &'static str {
    match kind {
        CounterKind::Subject => "subject",
        CounterKind::Device => "device",
        CounterKind::Session => "session",
    }
}

fn kind_of(name: &str) -> Option<CounterKind> {
    [
        CounterKind::Subject,
        CounterKind::Device,
        CounterKind::Session,
    ]
    .into_iter()
    .find(|kind| kind_name(*kind) == name)
}

/// The row of a counter without its tries.
struct Counter {
    tenant_id: Option<TenantId>,
    locked_until: Option<Time>,
    locking_failures: u32,
    manual: Option<ManualLock>,
    last_failure_at: Option<Time>,
    last_ip: Option<String>,
}

fn read(columns: &mut Columns<'_, '_>) -> Result<Counter, StoreError> {
    Ok(Counter {
        tenant_id: columns.id_optional("counters.tenant_id")?,
        locked_until: columns.time_optional("counters.locked_until")?,
        locking_failures: columns.take("counters.locking_failures")?,
        manual: manual(columns)?,
        last_failure_at: columns.time_optional("counters.last_failure_at")?,
        last_ip: columns.take("counters.last_ip")?,
    })
}

/// Reads the two columns of a lock by hand.
pub(super) fn manual(columns: &mut Columns<'_, '_>) -> Result<Option<ManualLock>, StoreError> {
    let what = "counters.manual";
    let manual: i64 = columns.take(what)?;
    let until = columns.time_optional("counters.manual_until")?;
    match (manual, until) {
        (0, _) => Ok(None),
        (1, Some(_)) => Ok(Some(ManualLock { until })),
        (2, _) => Ok(Some(ManualLock { until: None })),
        _ => Err(StoreError::Damaged { what }),
    }
}

/// What [`CountersRead::state`] reads first.
pub(super) const BY_KEY: &str = "SELECT tenant_id, locked_until, locking_failures, manual, \
    manual_until, last_failure_at, last_ip FROM counters WHERE key = ?1";

/// What [`CountersRead::state`] reads next; open tries are read whatever their age.
pub(super) const TRIES: &str =
    "SELECT id, at, boot FROM tries WHERE counter = ?1 AND (at > ?2 OR boot IS NOT NULL)";

enum Try {
    Failed(Time),
    Open(Reservation),
}

fn read_try(columns: &mut Columns<'_, '_>) -> Result<Try, StoreError> {
    let id = ReservationId(columns.take("tries.id")?);
    let at = columns.time("tries.at")?;
    let boot: Option<[u8; 16]> = columns.take("tries.boot")?;
    Ok(boot.map_or(Try::Failed(at), |boot| {
        Try::Open(Reservation {
            id,
            at,
            boot: Boot(boot),
        })
    }))
}

impl Tx<'_> {
    fn counter(&self, key: &CounterKey) -> Result<Option<Counter>, StoreError> {
        self.one("counters.by_key", BY_KEY, params![key.as_bytes()], read)
    }

    fn with_tries(
        &self,
        key: &CounterKey,
        since: Time,
        counter: Option<&Counter>,
    ) -> Result<CounterState, StoreError> {
        let mut state = CounterState {
            locked_until: counter.and_then(|counter| counter.locked_until),
            manual: counter.and_then(|counter| counter.manual),
            ..CounterState::default()
        };
        let keys = params![key.as_bytes(), since.millis()];
        for one in self.all("counters.tries", TRIES, keys, read_try)? {
            match one {
                Try::Failed(at) => state.failures.push(at),
                Try::Open(reservation) => state.open.push(reservation),
            }
        }
        Ok(state)
    }
}

/// Whether nothing of the counter can matter any more to one who looks back until `since`.
fn is_over(state: &CounterState, since: Time) -> bool {
    let by_hand = state
        .manual
        .is_some_and(|manual| manual.until.is_none_or(|until| until > since));
    let by_failures = state.locked_until.is_some_and(|until| until > since);
    !by_hand && !by_failures && state.failures.is_empty() && state.open.is_empty()
}

impl CountersRead for Tx<'_> {
    fn state(&self, key: &CounterKey, since: Time) -> Result<CounterState, StoreError> {
        let counter = self.counter(key)?;
        self.with_tries(key, since, counter.as_ref())
    }

    fn lockout(&self, key: &CounterKey, since: Time) -> Result<Option<Lockout>, StoreError> {
        let Some(counter) = self.counter(key)? else {
            return Ok(None);
        };
        let state = self.with_tries(key, since, Some(&counter))?;
        if is_over(&state, since) {
            return Ok(None);
        }
        Ok(Some(Lockout {
            key: *key,
            tenant_id: counter.tenant_id,
            user_id: self.user_of(key)?,
            state,
            locking_failures: counter.locking_failures,
            last_failure_at: counter.last_failure_at,
            last_ip: counter.last_ip,
        }))
    }
}

impl Tx<'_> {
    fn user_of(&self, key: &CounterKey) -> Result<Option<common::id::UserId>, StoreError> {
        self.one(
            "counters.user_of",
            "SELECT id FROM users WHERE subject = ?1 LIMIT 1",
            params![key.as_bytes()],
            |columns| columns.id("users.id"),
        )
    }

    fn ensure_counter(
        &self,
        key: &CounterKey,
        kind: CounterKind,
        tenant: Option<TenantId>,
    ) -> Result<(), StoreError> {
        self.run(
            "counters.ensure",
            "INSERT INTO counters (key, kind, tenant_id) VALUES (?1, ?2, ?3) \
             ON CONFLICT (key) DO UPDATE SET tenant_id = excluded.tenant_id \
             WHERE tenant_id IS NOT excluded.tenant_id",
            params![
                key.as_bytes(),
                kind_name(kind),
                tenant.map(|id| *id.as_bytes())
            ],
        )
        .map(drop)
    }

    fn remember_failure(
        &self,
        id: ReservationId,
        at: Time,
        ip: Option<&str>,
    ) -> Result<(), StoreError> {
        self.run(
            "counters.remember_failure",
            "UPDATE counters SET last_failure_at = ?2, last_ip = ?3 \
             WHERE key = (SELECT counter FROM tries WHERE id = ?1) \
             AND (last_failure_at IS NULL OR last_failure_at <= ?2)",
            params![id.0, at.millis(), ip],
        )
        .map(drop)
    }

    fn forget_failures(&self, key: &CounterKey) -> Result<usize, StoreError> {
        self.run(
            "counters.forget_failures",
            "DELETE FROM tries WHERE counter = ?1 AND boot IS NULL",
            params![key.as_bytes()],
        )
    }
}

impl Counters for Tx<'_> {
    fn reserve(
        &self,
        key: &CounterKey,
        kind: CounterKind,
        tenant: Option<TenantId>,
        at: Time,
        boot: Boot,
    ) -> Result<ReservationId, StoreError> {
        self.ensure_counter(key, kind, tenant)?;
        self.all(
            "counters.reserve",
            "INSERT INTO tries (counter, at, boot) VALUES (?1, ?2, ?3) RETURNING id",
            params![key.as_bytes(), at.millis(), boot.0],
            |columns| columns.take("tries.id").map(ReservationId),
        )?
        .pop()
        .ok_or(StoreError::Damaged { what: "tries.id" })
    }

    fn is_open(&self, id: ReservationId) -> Result<bool, StoreError> {
        let found = self.one(
            "counters.is_open",
            "SELECT 1 FROM tries WHERE id = ?1 AND boot IS NOT NULL",
            params![id.0],
            |_| Ok(()),
        )?;
        Ok(found.is_some())
    }

    fn release(&self, id: ReservationId) -> Result<(), StoreError> {
        self.run(
            "counters.release",
            "DELETE FROM tries WHERE id = ?1 AND boot IS NOT NULL",
            params![id.0],
        )
        .map(drop)
    }

    fn fail(&self, id: ReservationId, at: Time, ip: Option<&str>) -> Result<(), StoreError> {
        let failed = self.run(
            "counters.fail",
            "UPDATE tries SET boot = NULL, at = ?2 WHERE id = ?1 AND boot IS NOT NULL",
            params![id.0, at.millis()],
        )?;
        if failed == 0 {
            return Ok(());
        }
        self.remember_failure(id, at, ip)
    }

    fn lock(&self, key: &CounterKey, until: Time, failures: u32) -> Result<(), StoreError> {
        self.forget_failures(key)?;
        self.run(
            "counters.lock",
            "UPDATE counters SET locked_until = ?2, locking_failures = ?3 WHERE key = ?1",
            params![key.as_bytes(), until.millis(), failures],
        )
        .map(drop)
    }

    fn tell_lock(&self, key: &CounterKey, at: Time) -> Result<(), StoreError> {
        self.run(
            "counters.tell_lock",
            "INSERT INTO events (at, kind, tenant_id, subject) \
             SELECT ?2, 'lockout', tenant_id, key FROM counters WHERE key = ?1 AND kind = ?3",
            params![key.as_bytes(), at.millis(), kind_name(CounterKind::Subject)],
        )
        .map(drop)
    }

    fn clear(&self, key: &CounterKey) -> Result<bool, StoreError> {
        let forgotten = self.forget_failures(key)?;
        let unlocked = self.run(
            "counters.unlock",
            "UPDATE counters SET locked_until = NULL, locking_failures = 0 \
             WHERE key = ?1 AND locked_until IS NOT NULL",
            params![key.as_bytes()],
        )?;
        Ok(forgotten.saturating_add(unlocked) > 0)
    }

    fn lock_by_hand(
        &self,
        key: &CounterKey,
        tenant: TenantId,
        lock: ManualLock,
    ) -> Result<(), StoreError> {
        self.ensure_counter(key, CounterKind::Subject, Some(tenant))?;
        let kind = if lock.until.is_some() { 1 } else { 2 };
        self.run(
            "counters.lock_by_hand",
            "UPDATE counters SET manual = ?2, manual_until = ?3 WHERE key = ?1",
            params![key.as_bytes(), kind, lock.until.map(Time::millis)],
        )
        .map(drop)
    }

    fn clear_manual(&self, key: &CounterKey) -> Result<bool, StoreError> {
        let ended = self.run(
            "counters.clear_manual",
            "UPDATE counters SET manual = 0, manual_until = NULL WHERE key = ?1 AND manual > 0",
            params![key.as_bytes()],
        )?;
        Ok(ended > 0)
    }

    fn left_open(
        &self,
        boot: Boot,
        limit: u32,
    ) -> Result<Vec<(CounterKey, CounterKind, Reservation)>, StoreError> {
        self.all(
            "counters.left_open",
            "SELECT r.counter, c.kind, r.id, r.at, r.boot \
             FROM tries r JOIN counters c ON c.key = r.counter \
             WHERE r.boot IS NOT NULL AND r.boot <> ?1 ORDER BY r.id LIMIT ?2",
            params![boot.0, limit],
            |columns| {
                let key = columns.key("tries.counter")?;
                let kind = columns.parse("counters.kind", |name: String| kind_of(&name))?;
                let reservation = Reservation {
                    id: ReservationId(columns.take("tries.id")?),
                    at: columns.time("tries.at")?,
                    boot: Boot(columns.take("tries.boot")?),
                };
                Ok((key, kind, reservation))
            },
        )
    }
}
