//! Which roles the users of one tenant hold, and who administers it.

use common::id::{RoleId, UserId};
use common::time::Time;
use domain::rights::Right;
use domain::role::Role;
use rusqlite::params;

use super::role;
use super::row::json;
use super::tx::{TenantTx, Tx};
use crate::error::StoreError;
use crate::resource::{Grants, GrantsRead, RoleCrowd};

/// What the roles of a user grant.
pub(super) const RIGHTS_OF: &str = "SELECT DISTINCT p.permission FROM user_roles m \
    JOIN role_permissions p ON p.role_id = m.role_id WHERE m.user_id = ?2 AND m.tenant_id = ?1";

/// What the members of a role hold altogether, users and service clients. It begins at the roles that
/// grant something and looks for one user of each, so that it reads no further than that in the usual
/// case; of clients there are few.
pub(super) const RIGHTS_OF_MEMBERS: &str = "SELECT 'ALL_PERMISSIONS' WHERE EXISTS \
    (SELECT 1 FROM users u CROSS JOIN user_roles m ON m.user_id = u.id AND m.role_id = ?2 \
    WHERE u.tenant_id = ?1 AND u.is_tenant_admin = 1) \
    UNION SELECT p.permission FROM role_permissions p WHERE p.role_id IN \
    (SELECT r.id FROM roles r WHERE (r.tenant_id = ?1 OR r.tenant_id IS NULL) AND EXISTS \
    (SELECT 1 FROM user_roles o CROSS JOIN user_roles m ON m.user_id = o.user_id \
    AND m.role_id = ?2 WHERE o.role_id = r.id AND o.tenant_id = ?1)) \
    UNION SELECT p.permission FROM clients c \
    CROSS JOIN client_roles m ON m.client_id = c.id AND m.role_id = ?2 \
    CROSS JOIN client_roles o ON o.client_id = c.id \
    CROSS JOIN role_permissions p ON p.role_id = o.role_id WHERE c.tenant_id = ?1";

/// Whether there is an administrator by the flag.
pub(super) const ADMIN_BY_FLAG: &str = "SELECT 1 FROM users u WHERE u.tenant_id = ?1 \
    AND u.is_tenant_admin = 1 AND u.status = 'active' AND u.last_login_at IS NOT NULL LIMIT 1";

/// Whether there is an administrator by a role: the tenant's own, or a system role.
pub(super) const ADMIN_BY_ROLE: &str = "SELECT 1 FROM roles r \
    JOIN role_permissions p ON p.role_id = r.id AND p.permission = 'ALL_PERMISSIONS' \
    JOIN user_roles m ON m.role_id = r.id AND m.tenant_id = ?1 \
    JOIN users u ON u.id = m.user_id AND u.status = 'active' AND u.last_login_at IS NOT NULL \
    WHERE r.tenant_id = ?1 OR r.tenant_id IS NULL LIMIT 1";

/// Members of a role who have one of some rights by nothing else.
pub(super) const CROWD: &str = "SELECT m.user_id FROM user_roles m \
    JOIN users u ON u.id = m.user_id AND u.is_tenant_admin = 0 WHERE m.role_id = ?1 \
    AND EXISTS (SELECT 1 FROM json_each(?2) w WHERE NOT EXISTS \
    (SELECT 1 FROM user_roles o CROSS JOIN role_permissions p ON p.role_id = o.role_id \
    WHERE o.user_id = m.user_id AND o.role_id <> ?1 \
    AND p.permission IN (w.value, 'ALL_PERMISSIONS')))";

pub(super) fn crowd(tx: &Tx<'_>, crowd: &RoleCrowd) -> Result<(u64, u64), StoreError> {
    let rights: Vec<&str> = crowd.rights.iter().map(Right::as_str).collect();
    let rights = json(&rights, "role_permissions.permission")?;
    let sql = format!(
        "WITH touched (user_id) AS MATERIALIZED ({CROWD}) SELECT (SELECT count(*) FROM touched), \
         (SELECT count(*) FROM touched t CROSS JOIN sessions s ON s.user_id = t.user_id \
         AND s.ended_at IS NULL AND s.last_active_at > ?3 AND s.created_at > ?4)"
    );
    let values = params![
        crowd.role.as_bytes(),
        rights,
        crowd.active_after.millis(),
        crowd.created_after.millis()
    ];
    let number = |count: i64| u64::try_from(count).ok();
    let counted = tx.one("grants.crowd", &sql, values, |columns| {
        let users = columns.parse("user_roles.user_id", number)?;
        Ok((users, columns.parse("sessions.id", number)?))
    })?;
    Ok(counted.unwrap_or((0, 0)))
}

impl GrantsRead for TenantTx<'_> {
    fn of(&self, user: UserId) -> Result<Vec<Role>, StoreError> {
        let sql = format!(
            "SELECT {} FROM user_roles m JOIN roles r ON r.id = m.role_id \
             WHERE m.user_id = ?2 AND m.tenant_id = ?1 ORDER BY r.tenant_id IS NULL, r.name",
            role::COLUMNS
        );
        let keys = params![self.id.as_bytes(), user.as_bytes()];
        self.tx.all("grants.of", &sql, keys, role::read)
    }

    fn since(&self, user: UserId) -> Result<Vec<(RoleId, Time)>, StoreError> {
        self.tx.all(
            "grants.since",
            "SELECT role_id, granted_at FROM user_roles WHERE user_id = ?2 AND tenant_id = ?1 \
             ORDER BY role_id",
            params![self.id.as_bytes(), user.as_bytes()],
            |columns| {
                let role = columns.id("user_roles.role_id")?;
                Ok((role, columns.time("user_roles.granted_at")?))
            },
        )
    }

    fn rights_of(&self, user: UserId) -> Result<Vec<Right>, StoreError> {
        let keys = params![self.id.as_bytes(), user.as_bytes()];
        self.tx.all("grants.rights_of", RIGHTS_OF, keys, |columns| {
            columns.parse("role_permissions.permission", |text: String| {
                text.parse().ok()
            })
        })
    }

    fn rights_of_members(&self, role: RoleId) -> Result<Vec<Right>, StoreError> {
        let keys = params![self.id.as_bytes(), role.as_bytes()];
        self.tx.all(
            "grants.rights_of_members",
            RIGHTS_OF_MEMBERS,
            keys,
            |columns| {
                columns.parse("role_permissions.permission", |text: String| {
                    text.parse().ok()
                })
            },
        )
    }

    fn members(&self, role: RoleId) -> Result<u64, StoreError> {
        let count = self.tx.one(
            "grants.members",
            "SELECT count(*) FROM user_roles WHERE role_id = ?2 AND tenant_id = ?1",
            params![self.id.as_bytes(), role.as_bytes()],
            |columns| columns.parse("user_roles.user_id", |n: i64| u64::try_from(n).ok()),
        )?;
        Ok(count.unwrap_or(0))
    }

    fn has_working_admin(&self) -> Result<bool, StoreError> {
        let key = params![self.id.as_bytes()];
        let by_flag = self
            .tx
            .one("grants.admin_by_flag", ADMIN_BY_FLAG, key, |_| Ok(()))?;
        if by_flag.is_some() {
            return Ok(true);
        }
        let by_role = self
            .tx
            .one("grants.admin_by_role", ADMIN_BY_ROLE, key, |_| Ok(()))?;
        Ok(by_role.is_some())
    }
}

impl Grants for TenantTx<'_> {
    fn grant(&self, user: UserId, role: RoleId, at: Time) -> Result<bool, StoreError> {
        // Neither a user nor a role of another tenant is found here.
        let added = self.tx.run(
            "grants.grant",
            "INSERT OR IGNORE INTO user_roles (user_id, role_id, tenant_id, granted_at) \
             SELECT u.id, r.id, u.tenant_id, ?4 FROM users u, roles r \
             WHERE u.id = ?2 AND u.tenant_id = ?1 AND r.id = ?3 \
             AND (r.tenant_id = ?1 OR r.tenant_id IS NULL)",
            params![
                self.id.as_bytes(),
                user.as_bytes(),
                role.as_bytes(),
                at.millis()
            ],
        )?;
        Ok(added > 0)
    }

    fn revoke(&self, user: UserId, role: RoleId) -> Result<bool, StoreError> {
        let removed = self.tx.run(
            "grants.revoke",
            "DELETE FROM user_roles WHERE tenant_id = ?1 AND user_id = ?2 AND role_id = ?3",
            params![self.id.as_bytes(), user.as_bytes(), role.as_bytes()],
        )?;
        Ok(removed > 0)
    }

    fn set_tenant_admin(&self, user: UserId, is_admin: bool, at: Time) -> Result<bool, StoreError> {
        let changed = self.tx.run(
            "grants.set_tenant_admin",
            "UPDATE users SET is_tenant_admin = ?3, updated_at = ?4 \
             WHERE tenant_id = ?1 AND id = ?2",
            params![self.id.as_bytes(), user.as_bytes(), is_admin, at.millis()],
        )?;
        Ok(changed > 0)
    }
}
