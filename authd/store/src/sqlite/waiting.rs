//! Registrations that wait, and new addresses of users.

use common::email::Email;
use common::id::{TenantId, UserId};
use common::secret::Secret;
use common::time::Time;
use domain::registration::{PendingEmail, Registration, Waiting};
use domain::user::Name;
use rusqlite::{params, params_from_iter};

use super::row::{Columns, Conditions, after_id, id_value, json, text_value, time_value};
use super::tx::{TenantTx, Tx};
use crate::error::StoreError;
use crate::resource::{
    PageRequest, RegistrationFilter, RegistrationRow, WaitingRead, WaitingWrite,
};

/// The columns of a registration, in the order that [`read`] takes them.
macro_rules! registrations {
    ($rest:literal) => {
        concat!(
            "SELECT r.id, r.tenant_id, r.email, r.given_name, r.family_name, r.display_name, \
             r.phone, r.address, r.locale, r.hash, r.network, r.tries, r.created_at, \
             r.expires_at",
            $rest
        )
    };
}

pub(super) const BY_TOKEN: &str = registrations!(" FROM registrations r WHERE r.token_hash = ?1");

pub(super) const BY_ADDRESS: &str = registrations!(
    " FROM registrations r WHERE r.tenant_id = ?1 AND r.email = ?2 AND r.expires_at > ?3 \
     ORDER BY r.id"
);

pub(super) const COUNT: &str = "SELECT count(*), count(iif(network = ?2, 1, NULL)) \
    FROM registrations WHERE tenant_id = ?1 AND expires_at > ?3";

pub(super) const EMAIL_BY_TOKEN: &str = "SELECT tenant_id, user_id, email, created_at, expires_at \
    FROM pending_emails WHERE token_hash = ?1";

fn read(columns: &mut Columns<'_, '_>) -> Result<Registration, StoreError> {
    Ok(Registration {
        id: columns.id("registrations.id")?,
        tenant_id: columns.id("registrations.tenant_id")?,
        email: columns.email("registrations.email")?,
        name: Name {
            given: columns.take("registrations.given_name")?,
            family: columns.take("registrations.family_name")?,
            display: columns.take("registrations.display_name")?,
        },
        phone: columns.take("registrations.phone")?,
        address: columns.json_optional("registrations.address")?,
        locale: columns.take("registrations.locale")?,
        hash: Secret::new(columns.take("registrations.hash")?),
        network: columns.take("registrations.network")?,
        tries: columns.take("registrations.tries")?,
        created_at: columns.time("registrations.created_at")?,
        expires_at: columns.time("registrations.expires_at")?,
    })
}

fn read_email(columns: &mut Columns<'_, '_>) -> Result<PendingEmail, StoreError> {
    Ok(PendingEmail {
        user_id: columns.id("pending_emails.user_id")?,
        email: columns.email("pending_emails.email")?,
        created_at: columns.time("pending_emails.created_at")?,
        expires_at: columns.time("pending_emails.expires_at")?,
    })
}

impl Tx<'_> {
    pub(super) fn registration_of_token(
        &self,
        hash: &[u8; 32],
    ) -> Result<Option<Registration>, StoreError> {
        self.one("registrations.by_token", BY_TOKEN, params![hash], read)
    }

    pub(super) fn email_of_token(
        &self,
        hash: &[u8; 32],
    ) -> Result<Option<(TenantId, PendingEmail)>, StoreError> {
        self.one(
            "pending_emails.by_token",
            EMAIL_BY_TOKEN,
            params![hash],
            |columns| {
                let tenant = columns.id("pending_emails.tenant_id")?;
                Ok((tenant, read_email(columns)?))
            },
        )
    }

    pub(super) fn registrations_where(
        &self,
        filter: &RegistrationFilter,
        page: &PageRequest,
    ) -> Result<Vec<RegistrationRow>, StoreError> {
        let mut asked = Conditions::new();
        asked.and("r.expires_at > ?", [time_value(filter.at)]);
        asked.and_some("r.tenant_id = ?", filter.tenant.map(id_value));
        asked.and_some("r.id = ?", filter.id.map(id_value));
        let email = filter.email.as_ref().map(Email::as_str);
        asked.and_some("r.email = ?", email.map(text_value));
        let after: Option<UserId> = after_id(page)?;
        asked.and_some("r.id > ?", after.map(id_value));
        let sql = format!(
            "{} AND {} ORDER BY r.id LIMIT ?",
            registrations!(
                ", t.slug FROM registrations r JOIN tenants t ON t.id = r.tenant_id \
                 WHERE t.deleted_at IS NULL"
            ),
            asked.sql()
        );
        let values = params_from_iter(asked.limited(page.limit));
        self.all("operator.registrations", &sql, values, |columns| {
            Ok(RegistrationRow {
                registration: read(columns)?,
                tenant: columns.slug("tenants.slug")?,
            })
        })
    }
}

impl WaitingRead for TenantTx<'_> {
    fn registration(&self, id: UserId) -> Result<Option<Registration>, StoreError> {
        let sql = registrations!(" FROM registrations r WHERE r.tenant_id = ?1 AND r.id = ?2");
        let keys = params![self.id.as_bytes(), id.as_bytes()];
        self.tx.one("registrations.by_id", sql, keys, read)
    }

    fn registrations_of(&self, email: &Email, now: Time) -> Result<Vec<Registration>, StoreError> {
        let keys = params![self.id.as_bytes(), email.as_str(), now.millis()];
        self.tx.all("registrations.of", BY_ADDRESS, keys, read)
    }

    fn count(&self, network: &str, now: Time) -> Result<Waiting, StoreError> {
        let keys = params![self.id.as_bytes(), network, now.millis()];
        let counted = self.tx.one("registrations.count", COUNT, keys, |columns| {
            Ok(Waiting {
                of_tenant: columns.take("registrations.id")?,
                of_network: columns.take("registrations.network")?,
            })
        })?;
        Ok(counted.unwrap_or_default())
    }

    fn email_of(&self, user: UserId) -> Result<Option<PendingEmail>, StoreError> {
        self.tx.one(
            "pending_emails.of",
            "SELECT user_id, email, created_at, expires_at FROM pending_emails \
             WHERE tenant_id = ?1 AND user_id = ?2",
            params![self.id.as_bytes(), user.as_bytes()],
            read_email,
        )
    }
}

impl WaitingWrite for TenantTx<'_> {
    fn add_registration(&self, registration: &Registration) -> Result<(), StoreError> {
        let address = registration.address.as_ref();
        let address = address
            .map(|address| json(address, "registrations.address"))
            .transpose()?;
        self.tx
            .run(
                "registrations.insert",
                "INSERT INTO registrations (id, tenant_id, email, given_name, family_name, \
                 display_name, phone, address, locale, hash, network, tries, created_at, \
                 expires_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
                params![
                    registration.id.as_bytes(),
                    self.id.as_bytes(),
                    registration.email.as_str(),
                    registration.name.given,
                    registration.name.family,
                    registration.name.display,
                    registration.phone,
                    address,
                    registration.locale,
                    registration.hash.expose(),
                    registration.network,
                    registration.tries,
                    registration.created_at.millis(),
                    registration.expires_at.millis(),
                ],
            )
            .map(drop)
    }

    fn set_registration_token(&self, id: UserId, hash: &[u8; 32]) -> Result<bool, StoreError> {
        let changed = self.tx.run(
            "registrations.set_token",
            "UPDATE registrations SET token_hash = ?3 WHERE tenant_id = ?1 AND id = ?2",
            params![self.id.as_bytes(), id.as_bytes(), hash],
        )?;
        Ok(changed > 0)
    }

    fn try_registration(&self, id: UserId, limit: u32) -> Result<bool, StoreError> {
        let changed = self.tx.run(
            "registrations.try",
            "UPDATE registrations SET tries = tries + 1 \
             WHERE tenant_id = ?1 AND id = ?2 AND tries < ?3",
            params![self.id.as_bytes(), id.as_bytes(), limit],
        )?;
        Ok(changed > 0)
    }

    fn untry_registration(&self, id: UserId) -> Result<(), StoreError> {
        self.tx
            .run(
                "registrations.untry",
                "UPDATE registrations SET tries = tries - 1 \
                 WHERE tenant_id = ?1 AND id = ?2 AND tries > 0",
                params![self.id.as_bytes(), id.as_bytes()],
            )
            .map(drop)
    }

    fn delete_registration(&self, id: UserId) -> Result<bool, StoreError> {
        let deleted = self.tx.run(
            "registrations.delete",
            "DELETE FROM registrations WHERE tenant_id = ?1 AND id = ?2",
            params![self.id.as_bytes(), id.as_bytes()],
        )?;
        Ok(deleted > 0)
    }

    fn delete_registrations_of(&self, email: &Email) -> Result<u32, StoreError> {
        self.tx.count(
            "registrations.delete_of",
            "DELETE FROM registrations WHERE tenant_id = ?1 AND email = ?2",
            params![self.id.as_bytes(), email.as_str()],
        )
    }

    fn put_email(&self, pending: &PendingEmail) -> Result<(), StoreError> {
        let written = self.tx.run(
            "pending_emails.put",
            "INSERT INTO pending_emails (user_id, tenant_id, email, created_at, expires_at) \
             SELECT id, tenant_id, ?3, ?4, ?5 FROM users WHERE tenant_id = ?1 AND id = ?2 \
             ON CONFLICT (user_id) DO UPDATE SET email = excluded.email, token_hash = NULL, \
             created_at = excluded.created_at, expires_at = excluded.expires_at",
            params![
                self.id.as_bytes(),
                pending.user_id.as_bytes(),
                pending.email.as_str(),
                pending.created_at.millis(),
                pending.expires_at.millis(),
            ],
        )?;
        // Nothing was selected: the owner is no user of this tenant.
        if written == 0 {
            return Err(StoreError::Damaged {
                what: "pending_emails.user_id",
            });
        }
        Ok(())
    }

    fn set_email_token(&self, user: UserId, hash: &[u8; 32]) -> Result<bool, StoreError> {
        let changed = self.tx.run(
            "pending_emails.set_token",
            "UPDATE pending_emails SET token_hash = ?3 WHERE tenant_id = ?1 AND user_id = ?2",
            params![self.id.as_bytes(), user.as_bytes(), hash],
        )?;
        Ok(changed > 0)
    }

    fn delete_email(&self, user: UserId) -> Result<bool, StoreError> {
        let deleted = self.tx.run(
            "pending_emails.delete",
            "DELETE FROM pending_emails WHERE tenant_id = ?1 AND user_id = ?2",
            params![self.id.as_bytes(), user.as_bytes()],
        )?;
        Ok(deleted > 0)
    }
}
