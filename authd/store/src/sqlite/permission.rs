//! Permissions that somebody defined: system-wide, or for one tenant.

use common::time::Time;
use domain::permission::{DefinedPermission, Permission};
use rusqlite::params;

use super::role::Owned;
use super::row::Columns;
use crate::error::StoreError;
use crate::resource::{Permissions, PermissionsRead};

/// All of an owner.
pub(super) const ALL: &str = "SELECT name, tenant_id, description, created_at FROM permissions \
    WHERE tenant_id IS ?1 ORDER BY name";

fn read(columns: &mut Columns<'_, '_>) -> Result<DefinedPermission, StoreError> {
    Ok(DefinedPermission {
        name: columns.parse("permissions.name", |text: String| text.parse().ok())?,
        tenant_id: columns.id_optional("permissions.tenant_id")?,
        description: columns.take("permissions.description")?,
        created_at: columns.time("permissions.created_at")?,
    })
}

impl PermissionsRead for Owned<'_> {
    fn by_name(&self, name: &Permission) -> Result<Option<DefinedPermission>, StoreError> {
        self.tx.one(
            "permissions.by_name",
            "SELECT name, tenant_id, description, created_at FROM permissions \
             WHERE tenant_id IS ?1 AND name = ?2",
            params![self.key(), name.as_str()],
            read,
        )
    }

    fn all(&self) -> Result<Vec<DefinedPermission>, StoreError> {
        self.tx
            .all("permissions.all", ALL, params![self.key()], read)
    }
}

impl Permissions for Owned<'_> {
    fn insert(&self, permission: &DefinedPermission) -> Result<(), StoreError> {
        self.tx
            .run(
                "permissions.insert",
                "INSERT INTO permissions (name, tenant_id, description, created_at) \
                 VALUES (?1, ?2, ?3, ?4)",
                params![
                    permission.name.as_str(),
                    self.key(),
                    permission.description,
                    Time::millis(permission.created_at),
                ],
            )
            .map(drop)
    }

    fn delete(&self, name: &Permission) -> Result<u64, StoreError> {
        self.tx.run(
            "permissions.delete",
            "DELETE FROM permissions WHERE tenant_id IS ?1 AND name = ?2",
            params![self.key(), name.as_str()],
        )?;
        let lost = match self.owner {
            Some(tenant) => self.tx.run(
                "permissions.take_from_tenant",
                "DELETE FROM role_permissions WHERE permission = ?2 \
                 AND role_id IN (SELECT id FROM roles WHERE tenant_id = ?1)",
                params![tenant.as_bytes(), name.as_str()],
            )?,
            None => self.tx.run(
                "permissions.take_from_all",
                "DELETE FROM role_permissions WHERE permission = ?1 \
                 AND role_id NOT IN (SELECT r.id FROM roles r \
                 JOIN permissions p ON p.tenant_id = r.tenant_id AND p.name = ?1)",
                params![name.as_str()],
            )?,
        };
        Ok(u64::try_from(lost).unwrap_or(u64::MAX))
    }
}
