//! What is made for one try of a mail: its link or its password, and the letter that carries it.

use std::sync::Arc;

use common::secret::Secret;
use common::time::Time;
use domain::mail::{MailedToken, Message, Template, wait_after};
use domain::mailbox::Mailbox;
use domain::password::Password;
use domain::setting::{MailLook, TenantSettings};
use domain::user::{CredentialKind, TEMPORARY_LOGINS};
use store::CredentialWrite;

use crate::app::mail::wanted::Addressee;
use crate::app::tenant::effective;
use crate::app::{App, Error};
use crate::crypto::{self, Lane, MailedSecret};
use crate::mail::{Correspondent, Facts, Letter, Look};

/// A generated password and its hash.
struct MadePassword {
    password: Secret<String>,
    hash: Secret<String>,
}

/// What is made for one try.
pub(super) struct Making {
    link: Option<MailedSecret>,
    password: Option<MadePassword>,
    expires_at: Option<Time>,
    look: Look,
    /// When the next try is due, if this one fails or is cut off.
    pub(super) next_try_at: Time,
}

impl Making {
    /// Makes it.
    ///
    /// # Errors
    /// `overloaded` without a place for hashing; `internal` without random bytes.
    pub(super) async fn of(app: &App, message: &Message, now: Time) -> Result<Self, Error> {
        let settings = app.settings();
        let base = Arc::clone(&settings.tenant);
        let tenant_id = message.tenant_id;
        let own = app
            .store
            .read(move |tx| effective::read(base, tx, tenant_id))
            .await
            .map_err(Error::from)?;
        let link = match message.template {
            template if template.has_link() => {
                Some(MailedSecret::generate(app.random.as_ref()).map_err(Error::internal)?)
            }
            _ => None,
        };
        let password = match message.template {
            Template::Invitation => Some(password(app, &own).await?),
            _ => None,
        };
        let expires_at = match message.template {
            Template::Invitation => Some(now.plus(own.temporary_ttl)),
            _ => message.occasion.link_life.map(|life| now.plus(life)),
        };
        let tries = message.tries.saturating_add(1);
        let random = u32::from_be_bytes(app.random_bytes()?);
        let wait = wait_after(tries, settings.mail.retry_base, random);
        Ok(Self {
            link,
            password,
            expires_at,
            look: look(&own.mail),
            next_try_at: now.plus(wait),
        })
    }

    /// Hash of the link's token.
    pub(super) fn link_hash(&self) -> Option<[u8; 32]> {
        self.link.as_ref().map(MailedSecret::hash)
    }

    /// The token of the link, to be kept.
    pub(super) fn token(&self, message: &Message, now: Time) -> Option<MailedToken> {
        let (link, expires_at) = self.link.as_ref().zip(self.expires_at)?;
        Some(MailedToken {
            hash: link.hash(),
            user_id: message.user_id,
            is_mailed: true,
            made_at: now,
            expires_at,
        })
    }

    /// The password, to be kept.
    pub(super) fn credential(&self, message: &Message, now: Time) -> Option<CredentialWrite> {
        let (made, expires_at) = self.password.as_ref().zip(self.expires_at)?;
        Some(CredentialWrite {
            user_id: message.user_id,
            hash: made.hash.clone(),
            kind: CredentialKind::Temporary {
                expires_at,
                logins_left: TEMPORARY_LOGINS,
            },
            changed_at: now,
        })
    }

    /// The letter with what was made; `page` is the address that links lead to.
    pub(super) fn letter(self, page: &str, message: &Message, addressee: Addressee) -> Letter {
        let tenant = addressee.tenant;
        Letter {
            message_id: message.id.to_string(),
            template: message.template,
            to: message.recipient.clone(),
            locale: addressee.locale,
            look: self.look,
            facts: Facts {
                tenant: tenant.slug.to_string(),
                tenant_name: tenant.name,
                time_zone: tenant.time_zone,
                name: addressee.name,
                link: self.link.map(|secret| link(page, &secret)),
                password: self.password.map(|made| made.password),
                expires_at: self.expires_at.or(addressee.ends_at),
                at: message.occasion.at,
                ip: message.occasion.ip.clone(),
                device: message.occasion.device.clone(),
            },
        }
    }
}

/// How a tenant's mails look, by what holds for it.
pub(super) fn look(settings: &MailLook) -> Look {
    let correspondent = |mailbox: &Mailbox| Correspondent {
        name: mailbox.name.clone(),
        address: mailbox.address.clone(),
    };
    Look {
        from: settings.from.as_ref().map(correspondent),
        reply_to: settings.reply_to.as_ref().map(correspondent),
        language: Some(settings.language.clone()),
        accent: settings.accent.clone(),
        support: settings.support.clone(),
    }
}

/// The page's address with a token in its fragment, which no server and no log sees.
pub fn link(page: &str, secret: &MailedSecret) -> Secret<String> {
    Secret::new(format!("{page}#{}", secret.reveal().expose()))
}

async fn password(app: &App, settings: &TenantSettings) -> Result<MadePassword, Error> {
    let least = settings.password_policy.min_length;
    let length = app.settings().generated_length.max(least);
    let password =
        crypto::generated_password(app.random.as_ref(), length).map_err(Error::internal)?;
    let checked = Password::new(&password).map_err(Error::internal)?;
    let mut place = app
        .pool
        .place(Lane::Kept)
        .map_err(|_| Error::overloaded())?;
    let hash = place.hash(&checked).await.map_err(Error::internal)?;
    Ok(MadePassword { password, hash })
}
