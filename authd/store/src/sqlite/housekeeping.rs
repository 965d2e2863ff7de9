//! Removing rows whose time is over, and ending sessions that time has ended.

use common::id::{AttemptId, TenantId, UserId};
use common::time::Time;
use domain::session::EndReason;
use rusqlite::{Params, params};

use super::tx::Tx;
use crate::error::StoreError;
use crate::resource::{Housekeeping, Over, Whose};

impl Housekeeping for Tx<'_> {
    fn prune(&self, over: &Over, limit: u32) -> Result<u32, StoreError> {
        let mut lost = vec![
            self.prune_tries(over, limit)?,
            self.prune_counters(over, limit)?,
            self.prune_attempts(over, limit)?,
            self.end_sessions(over, limit)?,
            self.prune_devices(over, limit)?,
        ];
        if over.whose == Whose::Installation {
            lost.push(self.prune_session_tries(over, limit)?);
            lost.push(self.prune_sessions(over, limit)?);
            lost.push(self.prune_denied(over, limit)?);
            lost.push(self.prune_mailed_tokens(over, limit)?);
            lost.push(self.prune_waiting(over, limit)?);
            lost.push(self.prune_mails(over, limit)?);
            lost.push(self.prune_events(over.events, limit)?);
            lost.push(self.prune_invalidations(over, limit)?);
        }
        Ok(lost.into_iter().max().unwrap_or(0))
    }

    fn shorten_locks(&self, whose: Whose, latest: Time, limit: u32) -> Result<u32, StoreError> {
        let values = params![latest.millis(), limit, tenant_of(whose)];
        let sql = of(whose, SHORTEN_LOCKS);
        self.count("housekeeping.shorten_locks", &sql, values)
    }

    fn erase_attempts(
        &self,
        tenant: TenantId,
        user: UserId,
        after: Option<AttemptId>,
        limit: u32,
    ) -> Result<Option<AttemptId>, StoreError> {
        self.erase_attempts_of(tenant, user, after, limit)
    }

    fn erase_audit(
        &self,
        tenant: TenantId,
        object: &str,
        after: u64,
        limit: u32,
    ) -> Result<Option<u64>, StoreError> {
        self.erase_about(tenant, object, after, limit)
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
        let values = params![over.failures.millis(), limit, tenant_of(over.whose)];
        self.count("housekeeping.tries", &of(over.whose, PRUNE_TRIES), values)
    }

    fn prune_session_tries(&self, over: &Over, limit: u32) -> Result<u32, StoreError> {
        let times = params![over.session_failures.millis(), limit];
        self.count("housekeeping.session_tries", PRUNE_SESSION_TRIES, times)
    }

    fn prune_counters(&self, over: &Over, limit: u32) -> Result<u32, StoreError> {
        let values = params![
            over.failures.millis(),
            over.now.millis(),
            limit,
            tenant_of(over.whose)
        ];
        let sql = of(over.whose, PRUNE_COUNTERS);
        self.count("housekeeping.counters", &sql, values)
    }

    fn prune_attempts(&self, over: &Over, limit: u32) -> Result<u32, StoreError> {
        match over.whose {
            Whose::Installation => {
                let times = params![over.attempts.millis(), limit];
                self.count("housekeeping.attempts", PRUNE_ATTEMPTS, times)
            }
            Whose::Tenant(id) => {
                // An id is made at the beginning of a try, or later: none below is left out.
                let ids = first_id_of(over.attempts);
                let values = params![over.attempts.millis(), limit, id.as_bytes(), ids];
                self.count("housekeeping.attempts", PRUNE_ATTEMPTS_OF, values)
            }
        }
    }

    fn end_sessions(&self, over: &Over, limit: u32) -> Result<u32, StoreError> {
        let values = params![
            over.idle_sessions.millis(),
            over.old_sessions.millis(),
            over.now.millis(),
            EndReason::Expired.as_str(),
            limit,
            tenant_of(over.whose)
        ];
        let sql = of(over.whose, END_SESSIONS);
        self.count("housekeeping.end_sessions", &sql, values)
    }

    fn prune_sessions(&self, over: &Over, limit: u32) -> Result<u32, StoreError> {
        let times = params![over.ended_sessions.millis(), limit];
        self.count("housekeeping.sessions", PRUNE_SESSIONS, times)
    }

    fn prune_devices(&self, over: &Over, limit: u32) -> Result<u32, StoreError> {
        let values = params![over.devices.millis(), limit, tenant_of(over.whose)];
        self.count(
            "housekeeping.devices",
            &of(over.whose, PRUNE_DEVICES),
            values,
        )
    }

    fn prune_denied(&self, over: &Over, limit: u32) -> Result<u32, StoreError> {
        let times = params![over.now.millis(), limit];
        self.count("housekeeping.denied_tokens", PRUNE_DENIED, times)
    }

    fn prune_mailed_tokens(&self, over: &Over, limit: u32) -> Result<u32, StoreError> {
        let times = params![over.now.millis(), limit];
        self.count("housekeeping.mailed_tokens", PRUNE_MAILED_TOKENS, times)
    }

    fn prune_waiting(&self, over: &Over, limit: u32) -> Result<u32, StoreError> {
        let times = params![over.now.millis(), limit];
        let registrations = self.count("housekeeping.registrations", PRUNE_REGISTRATIONS, times)?;
        let emails = self.count("housekeeping.pending_emails", PRUNE_PENDING_EMAILS, times)?;
        Ok(registrations.max(emails))
    }

    fn prune_mails(&self, over: &Over, limit: u32) -> Result<u32, StoreError> {
        let times = params![over.mails.millis(), limit];
        self.count("housekeeping.mails", PRUNE_MAILS, times)
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

/// A statement for the rows of one tenant, or for those of nobody with settings of its own. What it
/// says of `{x} = ?n` is about the tenant of the table that it calls x.
pub(super) fn of(whose: Whose, sql: &str) -> String {
    let mut made = sql.to_owned();
    for table in ["c", "s", "d"] {
        let from = format!("{{{table}}} =");
        let to = match whose {
            Whose::Tenant(_) => format!("{table}.tenant_id ="),
            // Nothing is asked of the value here, but it has its place.
            Whose::Installation => format!(
                "NOT EXISTS (SELECT 1 FROM tenant_settings o \
                 WHERE o.tenant_id = {table}.tenant_id) AND NULL IS"
            ),
        };
        made = made.replace(&from, &to);
    }
    made
}

fn tenant_of(whose: Whose) -> Option<[u8; 16]> {
    match whose {
        Whose::Installation => None,
        Whose::Tenant(id) => Some(*id.as_bytes()),
    }
}

/// Smallest id that can be made at a time.
fn first_id_of(time: Time) -> [u8; 16] {
    let millis = u64::try_from(time.millis()).unwrap_or(0);
    let mut id = [0; 16];
    for (byte, of_time) in id.iter_mut().zip(millis.to_be_bytes().into_iter().skip(2)) {
        *byte = of_time;
    }
    id
}

/// Locks of sessions have a policy of their own.
pub(super) const SHORTEN_LOCKS: &str = "UPDATE counters SET locked_until = ?1 WHERE key IN (\
    SELECT c.key FROM counters c WHERE c.locked_until > ?1 AND c.kind <> 'session' \
    AND {c} = ?3 LIMIT ?2)";

/// The counters of sessions count longer than those of names, and go by [`PRUNE_SESSION_TRIES`].
pub(super) const PRUNE_TRIES: &str = "DELETE FROM tries WHERE id IN \
    (SELECT r.id FROM tries r LEFT JOIN counters c ON c.key = r.counter \
    WHERE r.boot IS NULL AND r.at <= ?1 AND (c.kind IS NULL OR c.kind <> 'session') AND {c} = ?3 LIMIT ?2)";

const PRUNE_SESSION_TRIES: &str = "DELETE FROM tries WHERE id IN \
    (SELECT id FROM tries WHERE boot IS NULL AND at <= ?1 LIMIT ?2)";

pub(super) const PRUNE_COUNTERS: &str = "DELETE FROM counters WHERE key IN \
    (SELECT c.key FROM counters c \
    WHERE (c.last_failure_at IS NULL OR c.last_failure_at <= ?1) \
    AND (c.locked_until IS NULL OR c.locked_until <= ?2) \
    AND (c.manual = 0 OR (c.manual = 1 AND c.manual_until <= ?2)) \
    AND NOT EXISTS (SELECT 1 FROM tries r WHERE r.counter = c.key) AND {c} = ?4 LIMIT ?3)";

const PRUNE_ATTEMPTS: &str = "DELETE FROM attempts WHERE id IN \
    (SELECT a.id FROM attempts a WHERE a.last_at < ?1 AND NOT EXISTS \
    (SELECT 1 FROM tenant_settings o WHERE o.tenant_id = a.tenant_id) \
    ORDER BY a.last_at LIMIT ?2)";

/// Ids grow with time, so the oldest ones of a tenant are found by its index.
pub(super) const PRUNE_ATTEMPTS_OF: &str = "DELETE FROM attempts WHERE id IN \
    (SELECT id FROM attempts WHERE tenant_id = ?3 AND id < ?4 AND last_at < ?1 \
    ORDER BY id LIMIT ?2)";

const END_SESSIONS: &str = "UPDATE sessions SET ended_at = ?3, end_reason = ?4 WHERE id IN \
    (SELECT s.id FROM sessions s WHERE s.ended_at IS NULL \
    AND (s.last_active_at <= ?1 OR s.created_at <= ?2) AND {s} = ?6 LIMIT ?5)";

const PRUNE_SESSIONS: &str = "DELETE FROM sessions WHERE id IN \
    (SELECT id FROM sessions WHERE ended_at IS NOT NULL AND ended_at <= ?1 \
    ORDER BY ended_at LIMIT ?2)";

const PRUNE_DEVICES: &str = "DELETE FROM devices WHERE secret_hash IN \
    (SELECT d.secret_hash FROM devices d WHERE d.last_used_at <= ?1 AND {d} = ?3 LIMIT ?2)";

const PRUNE_DENIED: &str = "DELETE FROM denied_tokens WHERE jti IN \
    (SELECT jti FROM denied_tokens WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)";

const PRUNE_MAILED_TOKENS: &str = "DELETE FROM mailed_tokens WHERE user_id IN \
    (SELECT user_id FROM mailed_tokens WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)";

const PRUNE_REGISTRATIONS: &str = "DELETE FROM registrations WHERE id IN \
    (SELECT id FROM registrations WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)";

const PRUNE_PENDING_EMAILS: &str = "DELETE FROM pending_emails WHERE user_id IN \
    (SELECT user_id FROM pending_emails WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)";

const PRUNE_MAILS: &str = "DELETE FROM outbox WHERE id IN \
    (SELECT id FROM outbox WHERE state = 'sent' AND finished_at <= ?1 \
    ORDER BY finished_at LIMIT ?2)";
