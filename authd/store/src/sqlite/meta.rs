//! Facts about the installation, schemes of password hashes, and denied tokens.

use common::id::TenantId;
use common::time::Time;
use rusqlite::params;

use super::row::Columns;
use super::tx::Tx;
use crate::error::StoreError;
use crate::resource::{Denial, Meta, MetaRead, PageRequest};

// Jumps from one scheme to the next by the index: there are a handful among a million rows.
pub(super) const HASH_SCHEMES: &str = "WITH RECURSIVE each (scheme) AS ( \
    SELECT min(scheme) FROM credentials UNION ALL \
    SELECT (SELECT min(c.scheme) FROM credentials c WHERE c.scheme > each.scheme) FROM each \
    WHERE each.scheme IS NOT NULL) SELECT scheme FROM each WHERE scheme IS NOT NULL";

impl MetaRead for Tx<'_> {
    fn value(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.one(
            "meta.value",
            "SELECT value FROM meta WHERE name = ?1",
            params![name],
            |columns| columns.take("meta.value"),
        )
    }

    fn hash_schemes(&self) -> Result<Vec<String>, StoreError> {
        self.all("meta.hash_schemes", HASH_SCHEMES, [], |columns| {
            columns.take("credentials.scheme")
        })
    }
}

impl Meta for Tx<'_> {
    fn set(&self, name: &str, value: &[u8]) -> Result<(), StoreError> {
        self.run(
            "meta.set",
            "INSERT INTO meta (name, value) VALUES (?1, ?2) \
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            params![name, value],
        )
        .map(drop)
    }
}

fn read_denial(columns: &mut Columns<'_, '_>) -> Result<(String, Denial), StoreError> {
    let jti = columns.take("denied.jti")?;
    let denial = Denial {
        tenant: columns.id_optional("denied.tenant_id")?,
        denied_at: columns.time("denied.denied_at")?,
        expires_at: columns.time("denied.expires_at")?,
        reason: columns.take("denied.reason")?,
    };
    Ok((jti, denial))
}

pub(super) const DENIALS: &str = "SELECT jti, tenant_id, denied_at, expires_at, reason \
    FROM denied_tokens WHERE expires_at > ?1 AND jti > ?2 ORDER BY jti LIMIT ?3";

impl Tx<'_> {
    pub(super) fn is_token_denied(&self, jti: &str) -> Result<bool, StoreError> {
        let found = self.one(
            "denied.is_denied",
            "SELECT 1 FROM denied_tokens WHERE jti = ?1",
            params![jti],
            |_| Ok(()),
        )?;
        Ok(found.is_some())
    }

    pub(super) fn deny_token(&self, jti: &str, denial: &Denial) -> Result<(), StoreError> {
        self.run(
            "denied.deny",
            "INSERT INTO denied_tokens (jti, tenant_id, denied_at, expires_at, reason) \
             VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (jti) DO UPDATE SET expires_at = max(expires_at, excluded.expires_at)",
            params![
                jti,
                denial.tenant.as_ref().map(TenantId::as_bytes),
                denial.denied_at.millis(),
                denial.expires_at.millis(),
                denial.reason,
            ],
        )
        .map(drop)
    }

    pub(super) fn denial_of(&self, jti: &str) -> Result<Option<Denial>, StoreError> {
        self.one(
            "denied.of",
            "SELECT jti, tenant_id, denied_at, expires_at, reason FROM denied_tokens \
             WHERE jti = ?1",
            params![jti],
            read_denial,
        )
        .map(|found| found.map(|(_, denial)| denial))
    }

    pub(super) fn denied_tokens(
        &self,
        now: Time,
        page: &PageRequest,
    ) -> Result<Vec<(String, Denial)>, StoreError> {
        self.all(
            "denied.list",
            DENIALS,
            params![
                now.millis(),
                page.after.as_deref().unwrap_or_default(),
                page.limit
            ],
            read_denial,
        )
    }
}
