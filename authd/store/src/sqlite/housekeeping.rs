//! Removing rows whose time is over, and ending sessions that time has ended.

use common::id::TenantId;
use common::time::Time;
use domain::session::EndReason;
use rusqlite::{Params, params};

use super::tx::Tx;
use crate::error::StoreError;
use crate::resource::{Housekeeping, Over};

impl Housekeeping for Tx<'_> {
    fn prune(&self, over: &Over, limit: u32) -> Result<u32, StoreError> {
        let lost = [
            self.prune_tries(over, limit)?,
            self.prune_session_tries(over, limit)?,
            self.prune_counters(over, limit)?,
            self.prune_attempts(over, limit)?,
            self.end_sessions(over, limit)?,
            self.prune_sessions(over, limit)?,
            self.prune_devices(over, limit)?,
            self.prune_denied(over, limit)?,
        ];
        Ok(lost.into_iter().max().unwrap_or(0))
    }

    fn shorten_locks(&self, latest: Time, limit: u32) -> Result<u32, StoreError> {
        let times = params![latest.millis(), limit];
        self.count("housekeeping.shorten_locks", SHORTEN_LOCKS, times)
    }

    fn end_access(&self, tenant: TenantId, at: Time, limit: u32) -> Result<u32, StoreError> {
        self.end_access_of(tenant, at, limit)
    }

    fn purge(&self, tenant: TenantId, limit: u32) -> Result<u32, StoreError> {
        self.purge_tenant(tenant, limit)
    }

    fn give_back(&self, pages: u32) -> Result<u32, StoreError> {
        // Each row that the statement gives is a page that went; pragmas take no parameters.
        let sql = format!("PRAGMA incremental_vacuum({pages})");
        let gone = self.all("housekeeping.give_back", &sql, [], |_| Ok(()))?;
        Ok(u32::try_from(gone.len()).unwrap_or(u32::MAX))
    }

    fn optimize(&self) -> Result<(), StoreError> {
        self.all("housekeeping.optimize", "PRAGMA optimize", [], |_| Ok(()))
            .map(drop)
    }
}

impl Tx<'_> {
    fn prune_tries(&self, over: &Over, limit: u32) -> Result<u32, StoreError> {
        let times = params![over.failures.millis(), limit];
        self.count("housekeeping.tries", PRUNE_TRIES, times)
    }

    fn prune_session_tries(&self, over: &Over, limit: u32) -> Result<u32, StoreError> {
        let times = params![over.session_failures.millis(), limit];
        self.count("housekeeping.session_tries", PRUNE_SESSION_TRIES, times)
    }

    fn prune_counters(&self, over: &Over, limit: u32) -> Result<u32, StoreError> {
        let times = params![over.failures.millis(), over.now.millis(), limit];
        self.count("housekeeping.counters", PRUNE_COUNTERS, times)
    }

    fn prune_attempts(&self, over: &Over, limit: u32) -> Result<u32, StoreError> {
        let times = params![over.attempts.millis(), limit];
        self.count("housekeeping.attempts", PRUNE_ATTEMPTS, times)
    }

    fn end_sessions(&self, over: &Over, limit: u32) -> Result<u32, StoreError> {
        let times = params![
            over.idle_sessions.millis(),
            over.old_sessions.millis(),
            over.now.millis(),
            EndReason::Expired.as_str(),
            limit
        ];
        self.count("housekeeping.end_sessions", END_SESSIONS, times)
    }

    fn prune_sessions(&self, over: &Over, limit: u32) -> Result<u32, StoreError> {
        let times = params![over.ended_sessions.millis(), limit];
        self.count("housekeeping.sessions", PRUNE_SESSIONS, times)
    }

    fn prune_devices(&self, over: &Over, limit: u32) -> Result<u32, StoreError> {
        let times = params![over.devices.millis(), limit];
        self.count("housekeeping.devices", PRUNE_DEVICES, times)
    }

    fn prune_denied(&self, over: &Over, limit: u32) -> Result<u32, StoreError> {
        let times = params![over.now.millis(), limit];
        self.count("housekeeping.denied_tokens", PRUNE_DENIED, times)
    }

    pub(super) fn count(
        &self,
        operation: &'static str,
        sql: &str,
        params: impl Params,
    ) -> Result<u32, StoreError> {
        let changed = self.run(operation, sql, params)?;
        Ok(u32::try_from(changed).unwrap_or(u32::MAX))
    }
}

/// Locks of sessions have a policy of their own.
pub(super) const SHORTEN_LOCKS: &str = "UPDATE counters SET locked_until = ?1 WHERE key IN (\
    SELECT key FROM counters WHERE locked_until > ?1 AND kind <> 'session' LIMIT ?2)";

/// The counters of sessions count longer than those of names, and go by [`PRUNE_SESSION_TRIES`].
pub(super) const PRUNE_TRIES: &str = "DELETE FROM tries WHERE id IN \
    (SELECT r.id FROM tries r LEFT JOIN counters c ON c.key = r.counter \
    WHERE r.boot IS NULL AND r.at <= ?1 AND (c.kind IS NULL OR c.kind <> 'session') LIMIT ?2)";

const PRUNE_SESSION_TRIES: &str = "DELETE FROM tries WHERE id IN \
    (SELECT id FROM tries WHERE boot IS NULL AND at <= ?1 LIMIT ?2)";

pub(super) const PRUNE_COUNTERS: &str = "DELETE FROM counters WHERE key IN \
    (SELECT c.key FROM counters c \
    WHERE (c.last_failure_at IS NULL OR c.last_failure_at <= ?1) \
    AND (c.locked_until IS NULL OR c.locked_until <= ?2) \
    AND (c.manual = 0 OR (c.manual = 1 AND c.manual_until <= ?2)) \
    AND NOT EXISTS (SELECT 1 FROM tries r WHERE r.counter = c.key) LIMIT ?3)";

const PRUNE_ATTEMPTS: &str = "DELETE FROM attempts WHERE id IN \
    (SELECT id FROM attempts WHERE last_at < ?1 ORDER BY last_at LIMIT ?2)";

const END_SESSIONS: &str = "UPDATE sessions SET ended_at = ?3, end_reason = ?4 WHERE id IN \
    (SELECT id FROM sessions WHERE ended_at IS NULL \
    AND (last_active_at <= ?1 OR created_at <= ?2) LIMIT ?5)";

const PRUNE_SESSIONS: &str = "DELETE FROM sessions WHERE id IN \
    (SELECT id FROM sessions WHERE ended_at IS NOT NULL AND ended_at <= ?1 \
    ORDER BY ended_at LIMIT ?2)";

const PRUNE_DEVICES: &str = "DELETE FROM devices WHERE secret_hash IN \
    (SELECT secret_hash FROM devices WHERE last_used_at <= ?1 LIMIT ?2)";

const PRUNE_DENIED: &str = "DELETE FROM denied_tokens WHERE jti IN \
    (SELECT jti FROM denied_tokens WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)";
