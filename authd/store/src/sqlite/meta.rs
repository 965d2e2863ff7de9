//! Facts about the installation, schemes of password hashes, and denied tokens.

use common::id::TenantId;
use common::time::Time;
use rusqlite::params;

use super::tx::Tx;
use crate::error::StoreError;
use crate::resource::{Meta, MetaRead};

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

    pub(super) fn deny_token(
        &self,
        jti: &str,
        tenant: TenantId,
        expires_at: Time,
    ) -> Result<(), StoreError> {
        self.run(
            "denied.deny",
            "INSERT INTO denied_tokens (jti, tenant_id, expires_at) VALUES (?1, ?2, ?3) \
             ON CONFLICT (jti) DO UPDATE SET expires_at = max(expires_at, excluded.expires_at)",
            params![jti, tenant.as_bytes(), expires_at.millis()],
        )
        .map(drop)
    }
}
