//! Roles: the system's, or those of one tenant.

use common::id::{RoleId, TenantId};
use common::time::Time;
use domain::rights::Right;
use domain::role::{Role, RoleName};
use rusqlite::{params, params_from_iter};

use super::row::{BAD_AFTER, Columns, Conditions, id_value, text_value};
use super::tx::Tx;
use crate::error::StoreError;
use crate::resource::{PageRequest, RoleFilter, RoleRow, Roles, RolesRead};

/// Rows of one owner: a tenant, or none for what is system-wide.
pub(super) struct Owned<'t> {
    pub(super) tx: &'t Tx<'t>,
    pub(super) owner: Option<TenantId>,
}

impl Owned<'_> {
    /// The owner as a parameter; compared with IS, so that none equals none.
    pub(super) fn key(&self) -> Option<[u8; 16]> {
        self.owner.map(|id| *id.as_bytes())
    }
}

/// The columns of a role, in the order that [`read`] takes them.
pub(super) const COLUMNS: &str = "r.id, r.tenant_id, r.name, r.description, r.created_at, \
    r.updated_at, (SELECT group_concat(p.permission) FROM role_permissions p WHERE p.role_id = r.id)";

/// Reads [`COLUMNS`].
pub(super) fn read(columns: &mut Columns<'_, '_>) -> Result<Role, StoreError> {
    let id = columns.id("roles.id")?;
    let tenant_id: Option<TenantId> = columns.id_optional("roles.tenant_id")?;
    Ok(Role {
        id,
        tenant_id,
        name: columns.parse("roles.name", |bare: String| name(tenant_id, &bare))?,
        description: columns.take("roles.description")?,
        created_at: columns.time("roles.created_at")?,
        updated_at: columns.time("roles.updated_at")?,
        rights: columns.sorted("role_permissions.permission")?,
    })
}

fn name(tenant: Option<TenantId>, bare: &str) -> Option<RoleName> {
    match tenant {
        Some(_) => RoleName::of_tenant(bare).ok(),
        None => RoleName::of_system(bare).ok(),
    }
}

impl RolesRead for Owned<'_> {
    fn by_id(&self, id: RoleId) -> Result<Option<Role>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM roles r WHERE r.tenant_id IS ?1 AND r.id = ?2");
        let keys = params![self.key(), id.as_bytes()];
        self.tx.one("roles.by_id", &sql, keys, read)
    }

    fn by_name(&self, name: &RoleName) -> Result<Option<Role>, StoreError> {
        if name.is_system() == self.owner.is_some() {
            return Ok(None);
        }
        let sql = format!("SELECT {COLUMNS} FROM roles r WHERE r.tenant_id IS ?1 AND r.name = ?2");
        let keys = params![self.key(), name.bare()];
        self.tx.one("roles.by_name", &sql, keys, read)
    }

    fn count(&self) -> Result<u32, StoreError> {
        let count = self.tx.one(
            "roles.count",
            "SELECT count(*) FROM roles WHERE tenant_id IS ?1",
            params![self.key()],
            |columns| columns.take("roles.id"),
        )?;
        Ok(count.unwrap_or(0))
    }

    fn names(&self) -> Result<Vec<RoleName>, StoreError> {
        self.tx.all(
            "roles.names",
            "SELECT name FROM roles WHERE tenant_id IS ?1 ORDER BY name",
            params![self.key()],
            |columns| columns.parse("roles.name", |bare: String| name(self.owner, &bare)),
        )
    }

    fn members(&self, id: RoleId) -> Result<u64, StoreError> {
        let count = self.tx.one(
            "roles.members",
            "SELECT count(*) FROM user_roles m JOIN roles r ON r.id = m.role_id \
             WHERE m.role_id = ?2 AND r.tenant_id IS ?1",
            params![self.key(), id.as_bytes()],
            |columns| columns.parse("user_roles.user_id", |n: i64| u64::try_from(n).ok()),
        )?;
        Ok(count.unwrap_or(0))
    }

    fn tenants_of_members(&self, id: RoleId) -> Result<Vec<TenantId>, StoreError> {
        self.tx.all(
            "roles.tenants_of_members",
            "SELECT m.tenant_id FROM user_roles m JOIN roles r ON r.id = m.role_id \
             WHERE m.role_id = ?2 AND r.tenant_id IS ?1 \
             UNION SELECT c.tenant_id FROM client_roles m JOIN roles r ON r.id = m.role_id \
             JOIN clients c ON c.id = m.client_id WHERE m.role_id = ?2 AND r.tenant_id IS ?1",
            params![self.key(), id.as_bytes()],
            |columns| columns.id("user_roles.tenant_id"),
        )
    }
}

impl Roles for Owned<'_> {
    fn insert(&self, role: &Role) -> Result<(), StoreError> {
        self.tx.run(
            "roles.insert",
            "INSERT INTO roles (id, tenant_id, name, description, created_at, updated_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                role.id.as_bytes(),
                self.key(),
                role.name.bare(),
                role.description,
                role.created_at.millis(),
                role.updated_at.millis(),
            ],
        )?;
        self.write_rights(role)
    }

    fn update(&self, role: &Role) -> Result<(), StoreError> {
        self.tx.run(
            "roles.update",
            "UPDATE roles SET description = ?3, updated_at = ?4, name = ?5 \
             WHERE tenant_id IS ?1 AND id = ?2",
            params![
                self.key(),
                role.id.as_bytes(),
                role.description,
                role.updated_at.millis(),
                role.name.bare(),
            ],
        )?;
        self.tx.run(
            "roles.clear_rights",
            "DELETE FROM role_permissions WHERE role_id = \
             (SELECT id FROM roles WHERE tenant_id IS ?1 AND id = ?2)",
            params![self.key(), role.id.as_bytes()],
        )?;
        self.write_rights(role)
    }

    fn reassign(&self, from: RoleId, to: RoleId, at: Time) -> Result<u64, StoreError> {
        let held = self.members(from)?;
        self.tx.run(
            "roles.reassign",
            "INSERT OR IGNORE INTO user_roles (user_id, role_id, tenant_id, granted_at) \
             SELECT m.user_id, ?3, m.tenant_id, ?4 FROM user_roles m \
             JOIN roles r ON r.id = m.role_id WHERE m.role_id = ?2 AND r.tenant_id IS ?1",
            params![self.key(), from.as_bytes(), to.as_bytes(), at.millis()],
        )?;
        self.tx.run(
            "roles.reassign_clients",
            "INSERT OR IGNORE INTO client_roles (client_id, role_id) \
             SELECT m.client_id, ?3 FROM client_roles m JOIN roles r ON r.id = m.role_id \
             WHERE m.role_id = ?2 AND r.tenant_id IS ?1",
            params![self.key(), from.as_bytes(), to.as_bytes()],
        )?;
        Ok(held)
    }

    fn delete(&self, id: RoleId) -> Result<(), StoreError> {
        self.tx
            .run(
                "roles.delete",
                "DELETE FROM roles WHERE tenant_id IS ?1 AND id = ?2",
                params![self.key(), id.as_bytes()],
            )
            .map(drop)
    }
}

impl Owned<'_> {
    fn write_rights(&self, role: &Role) -> Result<(), StoreError> {
        for right in &role.rights {
            self.tx.run(
                "roles.write_rights",
                "INSERT INTO role_permissions (role_id, permission) \
                 SELECT id, ?3 FROM roles WHERE tenant_id IS ?1 AND id = ?2",
                params![self.key(), role.id.as_bytes(), right.as_str()],
            )?;
        }
        Ok(())
    }
}

impl Tx<'_> {
    /// A list of roles by tenant and name, those of the system first.
    pub(super) fn list_roles(
        &self,
        filter: &RoleFilter,
        page: &PageRequest,
    ) -> Result<Vec<RoleRow>, StoreError> {
        let mut asked = Conditions::new();
        let tenant = filter.tenant.map(id_value);
        match filter.system {
            Some(true) => asked.and("r.tenant_id IS NULL", []),
            Some(false) => {
                asked.and("r.tenant_id IS NOT NULL", []);
                asked.and_some("r.tenant_id = ?", tenant);
            }
            None => asked.and_some("(r.tenant_id IS NULL OR r.tenant_id = ?)", tenant),
        }
        let granting = filter.granting.as_ref();
        asked.and_some(
            "EXISTS (SELECT 1 FROM role_permissions g WHERE g.role_id = r.id AND g.permission = ?)",
            granting.map(|right| text_value(right.as_str())),
        );
        if let Some(after) = &page.after {
            let (slug, name) = after.split_once('/').ok_or(BAD_AFTER)?;
            asked.and(
                "(coalesce(t.slug, ''), r.name) > (?, ?)",
                [text_value(slug), text_value(name)],
            );
        }
        let members = match filter.tenant {
            Some(_) => "m.role_id = r.id AND m.tenant_id = ?",
            None => "m.role_id = r.id",
        };
        let sql = format!(
            "SELECT {COLUMNS}, t.slug, (SELECT count(*) FROM user_roles m WHERE {members}) \
             FROM roles r LEFT JOIN tenants t ON t.id = r.tenant_id \
             WHERE t.deleted_at IS NULL AND {} ORDER BY coalesce(t.slug, ''), r.name LIMIT ?",
            asked.sql(),
        );
        let counted_in = filter.tenant.map(id_value);
        let values = counted_in.into_iter().chain(asked.limited(page.limit));
        self.all("operator.roles", &sql, params_from_iter(values), read_row)
    }

    /// The role with an id, whosever it is.
    pub(super) fn one_role(&self, id: RoleId) -> Result<Option<RoleRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS}, t.slug, (SELECT count(*) FROM user_roles m WHERE m.role_id = r.id) \
             FROM roles r LEFT JOIN tenants t ON t.id = r.tenant_id \
             WHERE r.id = ?1 AND t.deleted_at IS NULL"
        );
        self.one("operator.role", &sql, params![id.as_bytes()], read_row)
    }

    /// How many roles grant which right.
    pub(super) fn count_roles_by_right(
        &self,
        tenant: Option<TenantId>,
    ) -> Result<Vec<(Right, u64)>, StoreError> {
        self.all(
            "operator.roles_by_right",
            "SELECT p.permission, count(*) FROM role_permissions p JOIN roles r ON r.id = p.role_id \
             WHERE ?1 IS NULL OR r.tenant_id IS NULL OR r.tenant_id = ?1 GROUP BY p.permission",
            params![tenant.map(|id| *id.as_bytes())],
            |columns| {
                let what = "role_permissions.permission";
                Ok((
                    columns.parse(what, |text: String| text.parse().ok())?,
                    columns.parse(what, |count: i64| u64::try_from(count).ok())?,
                ))
            },
        )
    }
}

fn read_row(columns: &mut Columns<'_, '_>) -> Result<RoleRow, StoreError> {
    Ok(RoleRow {
        role: read(columns)?,
        tenant: columns.parse_optional("tenants.slug", |text: String| text.parse().ok())?,
        members: columns.parse("user_roles.user_id", |count: i64| u64::try_from(count).ok())?,
    })
}
