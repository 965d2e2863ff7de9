//! Known devices of one tenant's users, by the hash of their secret.

use common::id::UserId;
use common::time::Time;
use domain::device::KnownDevice;
use rusqlite::params;

use super::row::Columns;
use super::tx::TenantTx;
use crate::error::StoreError;
use crate::resource::{Devices, DevicesRead};

fn read(columns: &mut Columns<'_, '_>) -> Result<KnownDevice, StoreError> {
    Ok(KnownDevice {
        secret_hash: columns.take("devices.secret_hash")?,
        user_id: columns.id("devices.user_id")?,
        created_at: columns.time("devices.created_at")?,
        last_used_at: columns.time("devices.last_used_at")?,
    })
}

pub(super) const BY_HASH: &str = "SELECT secret_hash, user_id, created_at, last_used_at \
    FROM devices WHERE tenant_id = ?1 AND secret_hash = ?2";

impl DevicesRead for TenantTx<'_> {
    fn by_hash(&self, secret_hash: &[u8; 32]) -> Result<Option<KnownDevice>, StoreError> {
        let keys = params![self.id.as_bytes(), secret_hash];
        self.tx.one("devices.by_hash", BY_HASH, keys, read)
    }

    fn of(&self, user: UserId) -> Result<Vec<KnownDevice>, StoreError> {
        self.tx.all(
            "devices.of",
            "SELECT secret_hash, user_id, created_at, last_used_at FROM devices \
             WHERE tenant_id = ?1 AND user_id = ?2 ORDER BY last_used_at, secret_hash",
            params![self.id.as_bytes(), user.as_bytes()],
            read,
        )
    }
}

impl Devices for TenantTx<'_> {
    fn insert(&self, device: &KnownDevice) -> Result<(), StoreError> {
        let inserted = self.tx.run(
            "devices.insert",
            "INSERT INTO devices (secret_hash, tenant_id, user_id, created_at, last_used_at) \
             SELECT ?3, tenant_id, id, ?4, ?5 FROM users WHERE tenant_id = ?1 AND id = ?2",
            params![
                self.id.as_bytes(),
                device.user_id.as_bytes(),
                device.secret_hash,
                device.created_at.millis(),
                device.last_used_at.millis(),
            ],
        )?;
        // Nothing was selected: the owner is no user of this tenant.
        if inserted == 0 {
            return Err(StoreError::Damaged {
                what: "devices.user_id",
            });
        }
        Ok(())
    }

    fn touch(&self, secret_hash: &[u8; 32], at: Time) -> Result<(), StoreError> {
        self.tx
            .run(
                "devices.touch",
                "UPDATE devices SET last_used_at = ?3 \
                 WHERE tenant_id = ?1 AND secret_hash = ?2 AND last_used_at < ?3",
                params![self.id.as_bytes(), secret_hash, at.millis()],
            )
            .map(drop)
    }

    fn delete(&self, secret_hash: &[u8; 32]) -> Result<(), StoreError> {
        self.tx
            .run(
                "devices.delete",
                "DELETE FROM devices WHERE tenant_id = ?1 AND secret_hash = ?2",
                params![self.id.as_bytes(), secret_hash],
            )
            .map(drop)
    }

    fn delete_of(&self, user: UserId) -> Result<u32, StoreError> {
        let deleted = self.tx.run(
            "devices.delete_of",
            "DELETE FROM devices WHERE tenant_id = ?1 AND user_id = ?2",
            params![self.id.as_bytes(), user.as_bytes()],
        )?;
        Ok(u32::try_from(deleted).unwrap_or(u32::MAX))
    }

    fn delete_unused(&self, since: Time, limit: u32) -> Result<u32, StoreError> {
        let deleted = self.tx.run(
            "devices.delete_unused",
            "DELETE FROM devices WHERE secret_hash IN (SELECT secret_hash FROM devices \
             WHERE tenant_id = ?1 AND last_used_at <= ?2 LIMIT ?3)",
            params![self.id.as_bytes(), since.millis(), limit],
        )?;
        Ok(u32::try_from(deleted).unwrap_or(u32::MAX))
    }
}
