//! Erasing a person from the logs that outlive it: mails that wait or were
//! given up go, attempts lose what is personal, rows of the audit log
//! their contents. What stays proves that something was there, and of the chain that it is whole.

use common::id::{AttemptId, TenantId, UserId};
use rusqlite::params;

use super::row::integer;
use super::tx::Tx;
use crate::error::StoreError;

const LAST_ATTEMPT: &str = "SELECT max(id) FROM (SELECT id FROM attempts \
    WHERE user_id = ?2 AND id > ?3 AND +tenant_id = ?1 ORDER BY id LIMIT ?4)";

const ERASE_ATTEMPTS: &str = "UPDATE attempts SET ip = NULL, device_id = NULL, device_name = NULL, \
    device_type = NULL, request_id = NULL, correlation_id = NULL, trace = '[]' \
    WHERE user_id = ?2 AND id > ?3 AND id <= ?4 AND +tenant_id = ?1";

const ERASE_MAILS: &str = "DELETE FROM outbox WHERE tenant_id = ?1 AND user_id = ?2";

const ERASE_ABOUT: &str = "UPDATE audit SET payload = NULL, salt = NULL \
    WHERE chain = ?1 AND number > ?2 AND number <= ?3 AND object = ?4 AND payload IS NOT NULL";

impl Tx<'_> {
    pub(super) fn erase_attempts_of(
        &self,
        tenant: TenantId,
        user: UserId,
        after: Option<AttemptId>,
        limit: u32,
    ) -> Result<Option<AttemptId>, StoreError> {
        // Every id comes after the empty one.
        if after.is_none() {
            // Those that were given up stay for the operator, else; few rows of a tenant are there at all.
            let whose = params![tenant.as_bytes(), user.as_bytes()];
            self.run("erasure.mails", ERASE_MAILS, whose)?;
        }
        let after = after.map_or_else(Vec::new, |id| id.as_bytes().to_vec());
        let values = params![tenant.as_bytes(), user.as_bytes(), after, limit];
        let last = self.one("erasure.last_attempt", LAST_ATTEMPT, values, |columns| {
            columns.id_optional("attempts.id")
        })?;
        let Some(last) = last.flatten() else {
            return Ok(None);
        };
        let values = params![tenant.as_bytes(), user.as_bytes(), after, last.as_bytes()];
        self.run("erasure.attempts", ERASE_ATTEMPTS, values)?;
        Ok(Some(last))
    }

    pub(super) fn erase_about(
        &self,
        tenant: TenantId,
        object: &str,
        after: u64,
        limit: u32,
    ) -> Result<Option<u64>, StoreError> {
        let head = self.audit_head(tenant)?;
        if after >= head {
            return Ok(None);
        }
        let last = after.saturating_add(limit.into()).min(head);
        let values = params![
            tenant.as_bytes(),
            integer(after, "audit.number")?,
            integer(last, "audit.number")?,
            object
        ];
        self.run("erasure.audit", ERASE_ABOUT, values)?;
        Ok(Some(last))
    }

    fn audit_head(&self, tenant: TenantId) -> Result<u64, StoreError> {
        let head = self.one(
            "erasure.head",
            "SELECT coalesce(max(number), 0) FROM audit WHERE chain = ?1",
            params![tenant.as_bytes()],
            |columns| columns.parse("audit.number", |n: i64| u64::try_from(n).ok()),
        )?;
        Ok(head.unwrap_or(0))
    }
}
