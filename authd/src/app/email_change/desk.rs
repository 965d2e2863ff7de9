//! Whoever administers gives a user another address: it waits for its owner as any other does.

use std::sync::Arc;
use std::time::Duration;

use common::call::Change;
use common::call::user::ChangeEmail;
use common::email::Email;
use common::error::ErrorCode;
use common::time::Time;
use common::view::UserStatus;
use domain::tenant::Tenant;
use domain::user::User;
use serde_json::{Value, json};
use store::{Priority, WriteTx};

use super::{Asked, Mails, ask, pending};
use crate::app::audit::{Act, Record};
use crate::app::{App, Error, Operator, names};

/// How long the cap of an address counts its mails.
const CAP: Duration = domain::mail::CAP_WINDOW;

/// Another address that somebody is to get, with the mails that say so, drawn before the write.
pub struct Wish {
    app: Arc<App>,
    email: Email,
    /// None where no mail leaves.
    mails: Option<Mails>,
    now: Time,
}

/// What became of a wish: the address that waited before and the one that does now; nothing where the
/// user has it already, or where its mailbox has had its mails of the hour.
pub enum Wished {
    /// It waits.
    Waits(Value, Value),
    /// It is the user's own.
    Same,
    /// No link was sent, and nothing waits.
    Capped,
}

impl Wish {
    /// Reads the address, and draws what its mails need.
    ///
    /// # Errors
    /// `validation_failed` for a text that is no address; `internal` without random bytes.
    pub fn draw(app: &Arc<App>, email: &str, now: Time) -> Result<Self, Error> {
        let email: Email = email
            .parse()
            .map_err(|_| Error::field("/email", "invalid_email", "expected an e-mail address"))?;
        Ok(Self {
            app: Arc::clone(app),
            email,
            mails: Mails::draw(app, None, now)?,
            now,
        })
    }

    /// Whether this is the user's address.
    pub fn is_of(&self, user: &User) -> bool {
        user.email == self.email
    }

    /// Lets it wait for its owner, and tells the present one.
    ///
    /// # Errors
    /// `email_taken`; `conflict` for a user that is disabled; `no_mail_transport`.
    pub fn put(&self, tx: &dyn WriteTx, tenant: &Tenant, user: &User) -> Result<Wished, Error> {
        if self.is_of(user) {
            return Ok(Wished::Same);
        }
        let rows = tx.tenant(tenant.id);
        check(rows.users().by_email(&self.email)?, tenant, user)?;
        let Some(mails) = &self.mails else {
            self.app.mail.post("mail a link to the new address")?;
            return Err(Error::internal("a post without drafts"));
        };
        let before = rows.waiting().email_of(user.id)?;
        let waiting = pending(&self.app, user, self.email.clone(), self.now);
        if ask(tx, user, &waiting, mails)? != Asked::Waits {
            return Ok(Wished::Capped);
        }
        let before = json!(before.map(|before| before.email));
        Ok(Wished::Waits(before, json!(waiting.email)))
    }

    /// Wakes whoever sends the mails.
    pub fn post(&self) {
        if let Some(mails) = &self.mails {
            mails.post(&self.app);
        }
    }

    /// The refusal of one whose mailbox has had its mails, to whom no note can be given.
    pub fn capped(&self) -> Error {
        let message = format!("{}; nothing was changed", self.note());
        Error::new(ErrorCode::RateLimited, message).with_retry_after(CAP)
    }

    fn note(&self) -> String {
        let hourly = self.mails.as_ref().map_or(0, |mails| mails.link.hourly());
        format!(
            "{hourly} mails an hour went to {} already; no link was sent, and nothing waits",
            self.email
        )
    }
}

/// Lets a new address of a user wait for its owner, and tells the present one.
///
/// # Errors
/// Those of [`names::user`]; those of a [`Wish`].
pub async fn change_of_user(
    app: &Arc<App>,
    operator: &Operator,
    request: ChangeEmail,
) -> Result<Change, Error> {
    let now = app.now();
    let record = Record::draw(app, operator, now, request.reason.as_deref())?;
    let wish = Arc::new(Wish::draw(app, &request.email, now)?);
    app.mail.post("mail a link to the new address")?;
    let (wished, reference) = (Arc::clone(&wish), request.user);
    let mut change = app
        .store
        .write(Priority::Urgent, operator.claim.clone(), move |tx| {
            let found = names::user(tx, &reference)?;
            let act = Act {
                action: "user.email",
                object: found.user.id.to_string(),
                subject: found.user.email.to_string(),
                tenant: found.tenant.clone(),
            };
            match wished.put(tx, &found.tenant, &found.user)? {
                Wished::Same => Ok(act.unchanged()),
                Wished::Capped => {
                    let mut change = act.unchanged();
                    change.notes.push(format!("{}.", wished.note()));
                    Ok(change)
                }
                Wished::Waits(before, after) => {
                    let before = json!({"email_pending": before});
                    record.append(tx, &act, &before, &json!({"email_pending": after}))
                }
            }
        })
        .await?;
    wish.post();
    change.expires_at = change.changed.then(|| now.plus(app.settings().verify_ttl));
    Ok(change)
}

fn check(owner: Option<User>, tenant: &Tenant, user: &User) -> Result<(), Error> {
    if let Some(owner) = owner {
        return Err(Error::new(
            ErrorCode::EmailTaken,
            format!("tenant {} already has a user {}", tenant.slug, owner.email),
        ));
    }
    if user.status == UserStatus::Disabled {
        let name = format!("{}/{}", tenant.slug, user.email);
        return Err(Error::new(
            ErrorCode::Conflict,
            format!("{name} is disabled; nothing was changed"),
        )
        .with_hint(format!("Enable the user first: authctl user enable {name}")));
    }
    Ok(())
}
