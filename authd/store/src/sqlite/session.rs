//! Sessions: of one tenant, and by id for a token whose tenant is not known yet.

use common::id::{SessionId, UserId};
use common::time::Time;
use domain::session::{EndReason, Session};
use rusqlite::params;

use super::row::Columns;
use super::tx::{TenantTx, Tx};
use crate::error::StoreError;
use crate::resource::{Sessions, SessionsRead};

/// The columns of a session, in the order that [`read`] takes them.
pub(super) const COLUMNS: &str = "s.id, s.tenant_id, s.user_id, s.device_id, s.device_name, \
    s.device_type, s.ip, s.auth_time, s.created_at, s.last_active_at, s.generation, s.rotated_at, \
    s.salt, s.refresh_key, s.ended_at, s.end_reason";

/// Reads [`COLUMNS`].
pub(super) fn read(columns: &mut Columns<'_, '_>) -> Result<Session, StoreError> {
    Ok(Session {
        id: columns.id("sessions.id")?,
        tenant_id: columns.id("sessions.tenant_id")?,
        user_id: columns.id("sessions.user_id")?,
        device: columns.device("sessions.device_id")?,
        ip: columns.take("sessions.ip")?,
        auth_time: columns.time("sessions.auth_time")?,
        created_at: columns.time("sessions.created_at")?,
        last_active_at: columns.time("sessions.last_active_at")?,
        generation: columns.take("sessions.generation")?,
        rotated_at: columns.time("sessions.rotated_at")?,
        salt: columns.take("sessions.salt")?,
        refresh_key: columns.take("sessions.refresh_key")?,
        ended: ended(columns)?,
    })
}

fn ended(columns: &mut Columns<'_, '_>) -> Result<Option<(Time, EndReason)>, StoreError> {
    let what = "sessions.end_reason";
    let at = columns.time_optional("sessions.ended_at")?;
    let reason = columns.parse_optional(what, |text: String| EndReason::from_name(&text))?;
    match (at, reason) {
        (Some(at), Some(reason)) => Ok(Some((at, reason))),
        (None, None) => Ok(None),
        _ => Err(StoreError::Damaged { what }),
    }
}

pub(super) const OF_ANY_TENANT: &str = "SELECT s.id, s.tenant_id, s.user_id, s.device_id, \
    s.device_name, s.device_type, s.ip, s.auth_time, s.created_at, s.last_active_at, \
    s.generation, s.rotated_at, s.salt, s.refresh_key, s.ended_at, s.end_reason \
    FROM sessions s WHERE s.id = ?1";

pub(super) const BY_ID: &str = "SELECT s.id, s.tenant_id, s.user_id, s.device_id, s.device_name, \
    s.device_type, s.ip, s.auth_time, s.created_at, s.last_active_at, s.generation, s.rotated_at, \
    s.salt, s.refresh_key, s.ended_at, s.end_reason \
    FROM sessions s WHERE s.tenant_id = ?1 AND s.id = ?2";

// The sign keeps the planner from the index by tenant, which may hold millions of other users'.
pub(super) const OPEN_OF: &str = "SELECT s.id, s.tenant_id, s.user_id, s.device_id, \
    s.device_name, s.device_type, s.ip, s.auth_time, s.created_at, s.last_active_at, \
    s.generation, s.rotated_at, s.salt, s.refresh_key, s.ended_at, s.end_reason \
    FROM sessions s WHERE +s.tenant_id = ?1 AND s.user_id = ?2 AND s.ended_at IS NULL \
    ORDER BY s.id DESC";

impl Tx<'_> {
    pub(super) fn session_of_any_tenant(
        &self,
        id: SessionId,
    ) -> Result<Option<Session>, StoreError> {
        self.one("session", OF_ANY_TENANT, params![id.as_bytes()], read)
    }
}

impl SessionsRead for TenantTx<'_> {
    fn by_id(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        let keys = params![self.id.as_bytes(), id.as_bytes()];
        self.tx.one("sessions.by_id", BY_ID, keys, read)
    }

    fn open_of(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        let keys = params![self.id.as_bytes(), user.as_bytes()];
        self.tx.all("sessions.open_of", OPEN_OF, keys, read)
    }

    fn open_count(&self) -> Result<u32, StoreError> {
        let count = self.tx.one(
            "sessions.open_count",
            "SELECT count(*) FROM sessions WHERE tenant_id = ?1 AND ended_at IS NULL",
            params![self.id.as_bytes()],
            |columns| columns.take("sessions.id"),
        )?;
        Ok(count.unwrap_or(0))
    }

    fn alive_count(&self, active_after: Time, created_after: Time) -> Result<u64, StoreError> {
        let count = self.tx.one(
            "sessions.alive_count",
            "SELECT count(*) FROM sessions WHERE tenant_id = ?1 AND ended_at IS NULL \
             AND last_active_at > ?2 AND created_at > ?3",
            params![
                self.id.as_bytes(),
                active_after.millis(),
                created_after.millis()
            ],
            |columns| columns.parse("sessions.id", |count: i64| u64::try_from(count).ok()),
        )?;
        Ok(count.unwrap_or(0))
    }

    fn open_after(&self, after: Option<SessionId>, limit: u32) -> Result<Vec<Session>, StoreError> {
        let after = after.map_or(Vec::new(), |id| id.as_bytes().to_vec());
        let values = params![self.id.as_bytes(), after, limit];
        self.tx.all("sessions.open_after", OPEN_AFTER, values, read)
    }
}

/// Of one tenant, alone or of many: the index by tenant finds them.
pub(super) const OPEN_AFTER: &str = "SELECT s.id, s.tenant_id, s.user_id, s.device_id, \
    s.device_name, s.device_type, s.ip, s.auth_time, s.created_at, s.last_active_at, \
    s.generation, s.rotated_at, s.salt, s.refresh_key, s.ended_at, s.end_reason \
    FROM sessions s WHERE s.tenant_id = ?1 AND s.ended_at IS NULL \
    AND s.id > ?2 ORDER BY s.id LIMIT ?3";

pub(super) const END_OF: &str = "UPDATE sessions SET ended_at = ?4, end_reason = ?5 \
    WHERE +tenant_id = ?1 AND user_id = ?2 AND id IS NOT ?3 AND ended_at IS NULL RETURNING id";

pub(super) const END_SOME: &str = "UPDATE sessions SET ended_at = ?2, end_reason = ?3 \
    WHERE id IN (SELECT id FROM sessions WHERE tenant_id = ?1 AND ended_at IS NULL LIMIT ?4)";

impl Sessions for TenantTx<'_> {
    fn insert(&self, session: &Session) -> Result<(), StoreError> {
        let (ended_at, reason) = session.ended.unzip();
        let device = session.device.as_ref();
        let inserted = self.tx.run(
            "sessions.insert",
            "INSERT INTO sessions (id, tenant_id, user_id, device_id, device_name, device_type, \
             ip, auth_time, created_at, last_active_at, generation, rotated_at, salt, \
             refresh_key, ended_at, end_reason) SELECT ?3, tenant_id, id, ?4, ?5, ?6, ?7, ?8, ?9, \
             ?10, ?11, ?12, ?13, ?14, ?15, ?16 FROM users WHERE tenant_id = ?1 AND id = ?2",
            params![
                self.id.as_bytes(),
                session.user_id.as_bytes(),
                session.id.as_bytes(),
                device.map(|device| &device.id),
                device.and_then(|device| device.name.as_ref()),
                device.map(|device| device.kind.as_str()),
                session.ip,
                session.auth_time.millis(),
                session.created_at.millis(),
                session.last_active_at.millis(),
                session.generation,
                session.rotated_at.millis(),
                session.salt,
                session.refresh_key,
                ended_at.map(Time::millis),
                reason.map(EndReason::as_str),
            ],
        )?;
        // Nothing was selected: the owner is no user of this tenant.
        if inserted == 0 {
            return Err(StoreError::Damaged {
                what: "sessions.user_id",
            });
        }
        Ok(())
    }

    fn end(&self, id: SessionId, at: Time, reason: EndReason) -> Result<bool, StoreError> {
        let changed = self.tx.run(
            "sessions.end",
            "UPDATE sessions SET ended_at = ?3, end_reason = ?4 \
             WHERE tenant_id = ?1 AND id = ?2 AND ended_at IS NULL",
            params![
                self.id.as_bytes(),
                id.as_bytes(),
                at.millis(),
                reason.as_str()
            ],
        )?;
        Ok(changed > 0)
    }

    fn end_of(
        &self,
        user: UserId,
        except: Option<SessionId>,
        at: Time,
        reason: EndReason,
    ) -> Result<Vec<SessionId>, StoreError> {
        self.tx.all(
            "sessions.end_of",
            END_OF,
            params![
                self.id.as_bytes(),
                user.as_bytes(),
                except.map(|id| *id.as_bytes()),
                at.millis(),
                reason.as_str(),
            ],
            |columns| columns.id("sessions.id"),
        )
    }

    fn end_some(&self, at: Time, reason: EndReason, limit: u32) -> Result<u32, StoreError> {
        let changed = self.tx.run(
            "sessions.end_some",
            END_SOME,
            params![self.id.as_bytes(), at.millis(), reason.as_str(), limit],
        )?;
        Ok(u32::try_from(changed).unwrap_or(u32::MAX))
    }

    fn rotate(&self, id: SessionId, generation: u32, at: Time) -> Result<bool, StoreError> {
        let changed = self.tx.run(
            "sessions.rotate",
            "UPDATE sessions SET generation = generation + 1, rotated_at = ?4, \
             last_active_at = max(last_active_at, ?4) \
             WHERE tenant_id = ?1 AND id = ?2 AND generation = ?3 AND ended_at IS NULL",
            params![self.id.as_bytes(), id.as_bytes(), generation, at.millis()],
        )?;
        Ok(changed > 0)
    }

    fn touch(&self, id: SessionId, at: Time) -> Result<(), StoreError> {
        self.tx
            .run(
                "sessions.touch",
                "UPDATE sessions SET last_active_at = ?3 \
                 WHERE tenant_id = ?1 AND id = ?2 AND last_active_at < ?3",
                params![self.id.as_bytes(), id.as_bytes(), at.millis()],
            )
            .map(drop)
    }
}
