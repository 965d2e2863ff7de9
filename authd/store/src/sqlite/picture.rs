//! Pictures of users.

use common::id::UserId;
use common::time::Time;
use domain::picture::{Picture, PictureAddress, PictureKind};
use rusqlite::params;

use super::row::Columns;
use super::tx::{TenantTx, Tx};
use crate::error::StoreError;
use crate::resource::{Pictures, PicturesRead};

/// By its address; those of deleted tenants are not there.
pub(super) const BY_ADDRESS: &str = "SELECT p.address, p.kind, p.created_at, p.bytes \
    FROM pictures p JOIN users u ON u.id = p.user_id JOIN tenants t ON t.id = u.tenant_id \
    WHERE p.address = ?1 AND t.deleted_at IS NULL";

pub(super) const OF: &str = "SELECT p.address, p.kind, p.created_at, p.bytes \
    FROM pictures p JOIN users u ON u.id = p.user_id WHERE u.tenant_id = ?1 AND u.id = ?2";

fn read(columns: &mut Columns<'_, '_>) -> Result<Picture, StoreError> {
    Ok(Picture {
        address: columns
            .take("pictures.address")
            .map(PictureAddress::from_bytes)?,
        kind: columns.parse("pictures.kind", |name: String| kind(&name))?,
        created_at: columns.time("pictures.created_at")?,
        bytes: columns.take("pictures.bytes")?,
    })
}

fn kind(name: &str) -> Option<PictureKind> {
    let mut all = PictureKind::ALL.iter().copied();
    all.find(|kind| kind.as_str() == name)
}

impl PicturesRead for TenantTx<'_> {
    fn of(&self, user: UserId) -> Result<Option<Picture>, StoreError> {
        let keys = params![self.id.as_bytes(), user.as_bytes()];
        self.tx.one("pictures.of", OF, keys, read)
    }
}

impl Pictures for TenantTx<'_> {
    fn put(&self, user: UserId, picture: &Picture) -> Result<bool, StoreError> {
        if !self.picture_changed(user, picture.created_at)? {
            return Ok(false);
        }
        self.tx
            .run(
                "pictures.put",
                "INSERT INTO pictures (user_id, address, kind, created_at, bytes) \
                 VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (user_id) DO UPDATE SET \
                 address = excluded.address, kind = excluded.kind, \
                 created_at = excluded.created_at, bytes = excluded.bytes",
                params![
                    user.as_bytes(),
                    picture.address.as_bytes(),
                    picture.kind.as_str(),
                    picture.created_at.millis(),
                    picture.bytes,
                ],
            )
            .map(|_| true)
    }

    fn delete(&self, user: UserId, at: Time) -> Result<bool, StoreError> {
        let deleted = self.tx.run(
            "pictures.delete",
            "DELETE FROM pictures WHERE user_id = ?2 \
             AND ?2 IN (SELECT id FROM users WHERE tenant_id = ?1)",
            params![self.id.as_bytes(), user.as_bytes()],
        )?;
        if deleted > 0 {
            self.picture_changed(user, at)?;
        }
        Ok(deleted > 0)
    }
}

impl TenantTx<'_> {
    /// False if the tenant has no such user.
    fn picture_changed(&self, user: UserId, at: Time) -> Result<bool, StoreError> {
        let changed = self.tx.run(
            "pictures.changed",
            "UPDATE users SET updated_at = ?3 WHERE tenant_id = ?1 AND id = ?2",
            params![self.id.as_bytes(), user.as_bytes(), at.millis()],
        )?;
        Ok(changed > 0)
    }
}

impl Tx<'_> {
    pub(super) fn picture_at(
        &self,
        address: PictureAddress,
    ) -> Result<Option<Picture>, StoreError> {
        let key = params![address.as_bytes()];
        self.one("pictures.by_address", BY_ADDRESS, key, read)
    }
}
