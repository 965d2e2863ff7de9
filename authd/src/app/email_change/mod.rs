//! Another e-mail address for a user (rule 25): it waits until its owner confirms it, and the present
//! one signs in until then and is told. Asking answers the same for an address that is taken.

mod confirm;
mod desk;
mod own;

use common::email::Email;
use common::time::Time;
use common::view::UserStatus;
use domain::mail::Template;
use domain::registration::PendingEmail;
use domain::user::User;
use store::{StoreError, WriteTx};

use crate::app::mail::{Draft, Recipient};
use crate::app::{App, Error};

pub use confirm::confirm;
pub use desk::{Wish, Wished, change_of_user};
pub use own::{EmailChange, change};

/// What a request may send; drawn before its write.
#[derive(Clone)]
struct Mails {
    /// The link, to the new address.
    link: Draft,
    /// What is going on, to the present address.
    notice: Draft,
    /// Somebody wanted your address, to the owner of a taken one.
    in_use: Draft,
}

impl Mails {
    /// Draws them; none where no mail leaves. `ip` is where the request came from, as it is kept.
    fn draw(app: &App, ip: Option<&str>, now: Time) -> Result<Option<Self>, Error> {
        let draw = |template| -> Result<Option<Draft>, Error> {
            let draft = app.draft(template, now)?;
            Ok(match ip {
                Some(ip) => draft.map(|draft| draft.from(ip.to_owned(), None)),
                None => draft,
            })
        };
        let link = draw(Template::EmailConfirmation)?;
        let notice = draw(Template::EmailChangeRequested)?;
        let in_use = draw(Template::AddressInUse)?;
        Ok(link
            .zip(notice)
            .zip(in_use)
            .map(|((link, notice), in_use)| Self {
                link,
                notice,
                in_use,
            }))
    }

    fn post(&self, app: &App) {
        app.post_drafts([&self.link, &self.notice, &self.in_use]);
    }
}

/// What became of a wish for another address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// It waits.
    Waits,
    /// Another user has it: its owner was told, nothing waits for it.
    Taken,
    /// Too many mails went there: no link was sent, and none that went there died (rule 22).
    Capped,
}

/// Lets a free address wait, and tells who is to be told.
fn ask(
    tx: &dyn WriteTx,
    user: &User,
    pending: &PendingEmail,
    mails: &Mails,
) -> Result<Asked, StoreError> {
    let rows = tx.tenant_mut(user.tenant_id);
    let recipient = Recipient {
        email: pending.email.clone(),
        ..Recipient::of(user)
    };
    if let Some(owner) = rows.users().by_email(&pending.email)? {
        if owner.status != UserStatus::Disabled {
            mails.in_use.put(tx, &owner)?;
        }
        // Whoever reads the asker's mailbox must not learn from it that the address is taken.
        mails.notice.put(tx, user)?;
        return Ok(Asked::Taken);
    }
    if !mails.link.put_to(tx, &recipient)? {
        mails.notice.put(tx, user)?;
        return Ok(Asked::Capped);
    }
    rows.waiting_mut().put_email(pending)?;
    mails.notice.put(tx, user)?;
    Ok(Asked::Waits)
}

fn pending(app: &App, user: &User, email: Email, now: Time) -> PendingEmail {
    PendingEmail {
        user_id: user.id,
        email,
        created_at: now,
        expires_at: now.plus(app.settings().verify_ttl),
    }
}
