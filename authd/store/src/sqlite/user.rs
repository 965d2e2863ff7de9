//! Users of one tenant.

use common::email::Email;
use common::id::UserId;
use common::time::Time;
use domain::picture::PictureAddress;
use domain::user::{Employee, Name, User, UserStatus};
use rusqlite::params;

use super::row::{Columns, json};
use super::tx::TenantTx;
use crate::error::StoreError;
use crate::resource::{TenantWrite, Users, UsersRead};

/// The columns of a user, in the order that [`read`] takes them.
pub(super) const COLUMNS: &str = "u.id, u.tenant_id, u.email, u.email_verified, u.given_name, \
    u.family_name, u.display_name, u.phone, u.address, u.locale, u.employee_id, u.kra_pin, \
    u.external_refs, u.status, u.is_tenant_admin, u.subject, u.last_login_at, u.created_at, \
    u.updated_at, \
    (SELECT group_concat(iif(r.tenant_id IS NULL, 'system:', '') || r.name) \
    FROM user_roles m JOIN roles r ON r.id = m.role_id WHERE m.user_id = u.id), \
    (SELECT p.address FROM pictures p WHERE p.user_id = u.id)";

/// Reads [`COLUMNS`].
pub(super) fn read(columns: &mut Columns<'_, '_>) -> Result<User, StoreError> {
    Ok(User {
        id: columns.id("users.id")?,
        tenant_id: columns.id("users.tenant_id")?,
        email: columns.email("users.email")?,
        email_verified: columns.take("users.email_verified")?,
        name: Name {
            given: columns.take("users.given_name")?,
            family: columns.take("users.family_name")?,
            display: columns.take("users.display_name")?,
        },
        phone: columns.take("users.phone")?,
        address: columns.json_optional("users.address")?,
        locale: columns.take("users.locale")?,
        employee: Employee {
            employee_id: columns.take("users.employee_id")?,
            kra_pin: columns.take("users.kra_pin")?,
        },
        external_refs: columns.json("users.external_refs")?,
        status: columns.parse("users.status", |text: String| status(&text))?,
        is_tenant_admin: columns.take("users.is_tenant_admin")?,
        subject: columns.key("users.subject")?,
        last_login_at: columns.time_optional("users.last_login_at")?,
        created_at: columns.time("users.created_at")?,
        updated_at: columns.time("users.updated_at")?,
        roles: columns.sorted("user_roles.role_id")?,
        picture: columns
            .take::<Option<[u8; 16]>>("pictures.address")?
            .map(PictureAddress::from_bytes),
    })
}

fn status(name: &str) -> Option<UserStatus> {
    [
        UserStatus::Invited,
        UserStatus::Active,
        UserStatus::Disabled,
    ]
    .into_iter()
    .find(|status| status.as_str() == name)
}

fn address(user: &User) -> Result<Option<String>, StoreError> {
    let address = user.address.as_ref();
    address
        .map(|address| json(address, "users.address"))
        .transpose()
}

pub(super) const BY_ID: &str = "SELECT u.id, u.tenant_id, u.email, u.email_verified, \
    u.given_name, u.family_name, u.display_name, u.phone, u.address, u.locale, u.employee_id, \
    u.kra_pin, u.external_refs, u.status, u.is_tenant_admin, u.subject, u.last_login_at, \
    u.created_at, u.updated_at, \
    (SELECT group_concat(iif(r.tenant_id IS NULL, 'system:', '') || r.name) \
    FROM user_roles m JOIN roles r ON r.id = m.role_id WHERE m.user_id = u.id), \
    (SELECT p.address FROM pictures p WHERE p.user_id = u.id) \
    FROM users u WHERE u.tenant_id = ?1 AND u.id = ?2";

pub(super) const BY_EMAIL: &str = "SELECT u.id, u.tenant_id, u.email, u.email_verified, \
    u.given_name, u.family_name, u.display_name, u.phone, u.address, u.locale, u.employee_id, \
    u.kra_pin, u.external_refs, u.status, u.is_tenant_admin, u.subject, u.last_login_at, \
    u.created_at, u.updated_at, \
    (SELECT group_concat(iif(r.tenant_id IS NULL, 'system:', '') || r.name) \
    FROM user_roles m JOIN roles r ON r.id = m.role_id WHERE m.user_id = u.id), \
    (SELECT p.address FROM pictures p WHERE p.user_id = u.id) \
    FROM users u WHERE u.tenant_id = ?1 AND u.email = ?2";

impl UsersRead for TenantTx<'_> {
    fn by_id(&self, id: UserId) -> Result<Option<User>, StoreError> {
        let keys = params![self.id.as_bytes(), id.as_bytes()];
        self.tx.one("users.by_id", BY_ID, keys, read)
    }

    fn by_email(&self, email: &Email) -> Result<Option<User>, StoreError> {
        let keys = params![self.id.as_bytes(), email.as_str()];
        self.tx.one("users.by_email", BY_EMAIL, keys, read)
    }

    fn count(&self) -> Result<u32, StoreError> {
        let count = self.tx.one(
            "users.count",
            "SELECT users FROM tenants WHERE id = ?1",
            params![self.id.as_bytes()],
            |columns| columns.take("tenants.users"),
        )?;
        Ok(count.unwrap_or(0))
    }
}

impl Users for TenantTx<'_> {
    fn insert(&self, user: &User) -> Result<(), StoreError> {
        self.tx
            .run(
                "users.insert",
                "INSERT INTO users (id, tenant_id, email, email_verified, given_name, \
                 family_name, display_name, phone, address, locale, employee_id, kra_pin, \
                 external_refs, status, is_tenant_admin, subject, last_login_at, created_at, \
                 updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, \
                 ?15, ?16, ?17, ?18, ?19)",
                params![
                    user.id.as_bytes(),
                    self.id.as_bytes(),
                    user.email.as_str(),
                    user.email_verified,
                    user.name.given,
                    user.name.family,
                    user.name.display,
                    user.phone,
                    address(user)?,
                    user.locale,
                    user.employee.employee_id,
                    user.employee.kra_pin,
                    json(&user.external_refs, "users.external_refs")?,
                    user.status.as_str(),
                    user.is_tenant_admin,
                    user.subject.as_bytes(),
                    user.last_login_at.map(Time::millis),
                    user.created_at.millis(),
                    user.updated_at.millis(),
                ],
            )
            .map(drop)
    }

    fn set_status(&self, id: UserId, status: UserStatus, at: Time) -> Result<bool, StoreError> {
        let changed = self.tx.run(
            "users.set_status",
            "UPDATE users SET status = ?3, updated_at = ?4 WHERE tenant_id = ?1 AND id = ?2",
            params![
                self.id.as_bytes(),
                id.as_bytes(),
                status.as_str(),
                at.millis()
            ],
        )?;
        self.mailed_tokens_mut().delete_of(id)?;
        Ok(changed > 0)
    }

    fn set_email_verified(&self, id: UserId, at: Time) -> Result<(), StoreError> {
        self.tx
            .run(
                "users.set_email_verified",
                "UPDATE users SET email_verified = 1, updated_at = ?3 \
                 WHERE tenant_id = ?1 AND id = ?2 AND email_verified = 0",
                params![self.id.as_bytes(), id.as_bytes(), at.millis()],
            )
            .map(drop)
    }

    fn set_profile(&self, user: &User) -> Result<bool, StoreError> {
        let changed = self.tx.run(
            "users.set_profile",
            "UPDATE users SET given_name = ?3, family_name = ?4, display_name = ?5, phone = ?6, \
             locale = ?7, employee_id = ?8, kra_pin = ?9, external_refs = ?10, updated_at = ?11, \
             address = ?12 WHERE tenant_id = ?1 AND id = ?2",
            params![
                self.id.as_bytes(),
                user.id.as_bytes(),
                user.name.given,
                user.name.family,
                user.name.display,
                user.phone,
                user.locale,
                user.employee.employee_id,
                user.employee.kra_pin,
                json(&user.external_refs, "users.external_refs")?,
                user.updated_at.millis(),
                address(user)?,
            ],
        )?;
        Ok(changed > 0)
    }

    fn delete(&self, id: UserId, at: Time) -> Result<bool, StoreError> {
        // The feed tells of one that is disabled.
        self.set_status(id, UserStatus::Disabled, at)?;
        let deleted = self.tx.run(
            "users.delete",
            "DELETE FROM users WHERE tenant_id = ?1 AND id = ?2",
            params![self.id.as_bytes(), id.as_bytes()],
        )?;
        Ok(deleted > 0)
    }

    fn set_email(&self, user: &User) -> Result<bool, StoreError> {
        let changed = self.tx.run(
            "users.set_email",
            "UPDATE users SET email = ?3, email_verified = 1, subject = ?4, updated_at = ?5 \
             WHERE tenant_id = ?1 AND id = ?2",
            params![
                self.id.as_bytes(),
                user.id.as_bytes(),
                user.email.as_str(),
                user.subject.as_bytes(),
                user.updated_at.millis(),
            ],
        )?;
        self.mailed_tokens_mut().delete_of(user.id)?;
        Ok(changed > 0)
    }

    fn set_last_login(&self, id: UserId, at: Time) -> Result<(), StoreError> {
        self.tx
            .run(
                "users.set_last_login",
                "UPDATE users SET last_login_at = max(coalesce(last_login_at, ?3), ?3) \
                 WHERE tenant_id = ?1 AND id = ?2",
                params![self.id.as_bytes(), id.as_bytes(), at.millis()],
            )
            .map(drop)
    }
}
