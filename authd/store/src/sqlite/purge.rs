//! Removing a deleted tenant: first what somebody could be signed in with, and behind the grace all
//! else, a bounded number of rows at a time. What stays is its name and the chain of its audit rows,
//! emptied of what they tell about people.

use common::id::TenantId;
use common::time::Time;
use domain::session::EndReason;
use rusqlite::params;

use super::client::DELETE_CLIENTS;
use super::tx::Tx;
use crate::error::StoreError;

/// Users that one round takes; roles and passwords go with each.
const USERS: u32 = 50;
/// Pictures that one round takes: each may be of hundreds of pages.
const PICTURES: u32 = 10;
/// Roles that one round takes; permissions and members go with each.
const ROLES: u32 = 20;

/// The users that the next round takes.
macro_rules! batch {
    ($column:literal) => {
        concat!(
            "SELECT ",
            $column,
            " FROM users WHERE tenant_id = ?1 ORDER BY email LIMIT ?2"
        )
    };
}

pub(super) const END_SESSIONS: &str = "UPDATE sessions SET ended_at = ?2, end_reason = ?3 \
    WHERE id IN (SELECT id FROM sessions WHERE tenant_id = ?1 AND ended_at IS NULL LIMIT ?4)";

pub(super) const DELETE_DEVICES: &str = "DELETE FROM devices WHERE secret_hash IN \
    (SELECT secret_hash FROM devices WHERE tenant_id = ?1 LIMIT ?2)";

pub(super) const DELETE_TOKENS: &str = "DELETE FROM mailed_tokens WHERE user_id IN \
    (SELECT user_id FROM mailed_tokens WHERE tenant_id = ?1 LIMIT ?2)";

pub(super) const DELETE_REGISTRATIONS: &str = "DELETE FROM registrations WHERE id IN \
    (SELECT id FROM registrations WHERE tenant_id = ?1 LIMIT ?2)";

pub(super) const DELETE_PENDING_EMAILS: &str = "DELETE FROM pending_emails WHERE user_id IN \
    (SELECT user_id FROM pending_emails WHERE tenant_id = ?1 LIMIT ?2)";

/// Mails that would make new ones.
pub(super) const DELETE_MAILS: &str = "DELETE FROM outbox WHERE id IN \
    (SELECT id FROM outbox WHERE tenant_id = ?1 AND state <> 'sent' LIMIT ?2)";

pub(super) const DELETE_SETTINGS: &str = "DELETE FROM tenant_settings WHERE tenant_id = ?1 \
    AND key IN (SELECT key FROM tenant_settings WHERE tenant_id = ?1 LIMIT ?2)";

/// Sessions of the users whose turn it is: any number of them ended before.
pub(super) const DELETE_SESSIONS: &str = concat!(
    "DELETE FROM sessions WHERE id IN (SELECT s.id FROM sessions s WHERE s.user_id IN (",
    batch!("id"),
    ") LIMIT ?3)"
);

/// Pictures of the users whose turn it is.
pub(super) const DELETE_PICTURES: &str = concat!(
    "DELETE FROM pictures WHERE user_id IN (SELECT p.user_id FROM pictures p WHERE p.user_id IN (",
    batch!("id"),
    ") LIMIT ?3)"
);

pub(super) const DELETE_USERS: &str = concat!("DELETE FROM users WHERE id IN (", batch!("id"), ")");

pub(super) const DELETE_ROLES: &str = "DELETE FROM roles WHERE id IN \
    (SELECT id FROM roles WHERE tenant_id = ?1 LIMIT ?2)";

pub(super) const DELETE_PERMISSIONS: &str = "DELETE FROM permissions WHERE rowid IN \
    (SELECT rowid FROM permissions WHERE tenant_id = ?1 LIMIT ?2)";

/// The counters themselves go when their window is over, as those of all names.
pub(super) const CLEAR_LOCKS: &str = "UPDATE counters SET manual = 0, manual_until = NULL \
    WHERE key IN (SELECT key FROM counters WHERE manual > 0 AND tenant_id = ?1 LIMIT ?2)";

pub(super) const DELETE_ATTEMPTS: &str = "DELETE FROM attempts WHERE id IN \
    (SELECT id FROM attempts WHERE tenant_id = ?1 LIMIT ?2)";

/// The digest stays in the chain, so that it can still be checked. Acts on the tenant itself keep
/// what they tell: who deleted it, and why.
pub(super) const ERASE_AUDIT: &str = "UPDATE audit SET payload = NULL, salt = NULL \
    WHERE chain = ?1 AND number IN (SELECT number FROM audit INDEXED BY audit_personal \
    WHERE chain = ?1 AND payload IS NOT NULL AND substr(action, 1, 7) <> 'tenant.' LIMIT ?2)";

impl Tx<'_> {
    pub(super) fn end_access_of(
        &self,
        tenant: TenantId,
        at: Time,
        limit: u32,
    ) -> Result<u32, StoreError> {
        let revoked = EndReason::Revoked.as_str();
        let values = params![tenant.as_bytes(), at.millis(), revoked, limit];
        let mut ended = self.count("purge.end_sessions", END_SESSIONS, values)?;
        for (operation, sql) in [
            ("purge.devices", DELETE_DEVICES),
            ("purge.mailed_tokens", DELETE_TOKENS),
            ("purge.registrations", DELETE_REGISTRATIONS),
            ("purge.pending_emails", DELETE_PENDING_EMAILS),
            ("purge.mails", DELETE_MAILS),
        ] {
            let values = params![tenant.as_bytes(), limit.saturating_sub(ended)];
            ended = ended.saturating_add(self.count(operation, sql, values)?);
        }
        let left = limit.saturating_sub(ended);
        Ok(ended.saturating_add(self.end_client_secrets(tenant, left)?))
    }

    pub(super) fn purge_tenant(&self, tenant: TenantId, limit: u32) -> Result<u32, StoreError> {
        let id = tenant.as_bytes();
        let sessions = self.count("purge.sessions", DELETE_SESSIONS, params![id, USERS, limit])?;
        // Users take their sessions along, so none may be left to make that long.
        if sessions >= limit {
            return Ok(sessions);
        }
        let values = params![id, USERS, PICTURES];
        let pictures = self.count("purge.pictures", DELETE_PICTURES, values)?;
        let mut removed = sessions.saturating_add(pictures);
        if pictures >= PICTURES {
            return Ok(removed);
        }
        for (operation, sql, most) in [
            ("purge.users", DELETE_USERS, USERS),
            ("purge.clients", DELETE_CLIENTS, limit),
            ("purge.roles", DELETE_ROLES, ROLES),
            ("purge.permissions", DELETE_PERMISSIONS, limit),
            ("purge.settings", DELETE_SETTINGS, limit),
            ("purge.locks", CLEAR_LOCKS, limit),
            ("purge.attempts", DELETE_ATTEMPTS, limit),
            ("purge.audit", ERASE_AUDIT, limit),
        ] {
            if removed >= limit {
                break;
            }
            let gone = self.count(operation, sql, params![id, most])?;
            removed = removed.saturating_add(gone);
        }
        Ok(removed)
    }
}
