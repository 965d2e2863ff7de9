//! When mails go out: rows of the outbox are written with the change that causes them, the worker
//! sends them, the desk shows them to the operator. What a mail says is not decided here.

mod desk;
mod making;
mod wanted;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::email::Email;
use common::error::ErrorCode;
use common::id::{MessageId, TenantId, UserId};
use common::time::Time;
use domain::mail::{CAP_WINDOW, Message, MessageState, Occasion, Template};
use domain::user::User;
use store::{StoreError, WriteTx};
use tokio::sync::Notify;

pub use desk::{
    pause, queue_delete, queue_list, queue_retry, queue_show, resume, standing, status, test,
};
pub use making::link;
pub use worker::{run, work};

use self::worker::Pace;
use crate::app::{App, Current, Error};
use crate::mail::Post;

/// The post, and what wakes the worker.
pub struct Mailroom {
    post: Current<Option<Arc<dyn Post>>>,
    woken: Notify,
    pace: Pace,
}

impl Mailroom {
    /// Takes the post; none where no mail leaves.
    pub fn new(post: Option<Arc<dyn Post>>) -> Self {
        Self {
            post: Current::new(post),
            woken: Notify::new(),
            pace: Pace::default(),
        }
    }

    /// The post as it is now; none where no mail leaves.
    pub fn open(&self) -> Option<Arc<dyn Post>> {
        self.post.peek().as_ref().clone()
    }

    /// Puts another post in its place. What is on its way goes on by the former.
    pub fn reopen(&self, post: Option<Arc<dyn Post>>) {
        self.post.set(post);
        self.wake();
    }

    /// The post.
    ///
    /// # Errors
    /// `no_mail_transport`; `what` says what could not be done.
    pub fn post(&self, what: &str) -> Result<Arc<dyn Post>, Error> {
        self.open().ok_or_else(|| {
            Error::new(
                ErrorCode::NoMailTransport,
                format!("cannot {what}: no mail transport is configured; nothing was changed"),
            )
        })
    }

    fn wake(&self) {
        self.woken.notify_one();
    }
}

/// A mail that a write may queue; its id is drawn before, so that the closure can be repeated.
#[derive(Debug, Clone)]
pub struct Draft {
    id: MessageId,
    template: Template,
    occasion: Occasion,
    hourly: u32,
    /// Whether the cap of its address holds it back.
    is_capped: bool,
    /// Whether a write queued it.
    was_put: Arc<AtomicBool>,
}

/// Whom a mail goes to.
#[derive(Debug, Clone)]
pub struct Recipient {
    /// Tenant that it is about.
    pub tenant: TenantId,
    /// User that it is about, or who a registration will be.
    pub user: UserId,
    /// Address.
    pub email: Email,
}

impl Recipient {
    /// A user, at the address that signs in.
    pub fn of(user: &User) -> Self {
        Self {
            tenant: user.tenant_id,
            user: user.id,
            email: user.email.clone(),
        }
    }
}

impl App {
    /// Draws a mail that tells of something at `at`; none where no mail leaves.
    ///
    /// # Errors
    /// `internal` without random bytes.
    pub fn draft(&self, template: Template, at: Time) -> Result<Option<Draft>, Error> {
        if self.mail.open().is_none() {
            return Ok(None);
        }
        Ok(Some(Draft {
            id: self.new_id(at)?,
            template,
            occasion: Occasion {
                at,
                ip: None,
                device: None,
                link_life: None,
            },
            hourly: self.settings().mail.per_address_hourly,
            is_capped: template.is_capped(),
            was_put: Arc::default(),
        }))
    }

    /// Wakes the worker after the write that may have queued drafts.
    pub fn post_drafts<'a>(&self, drafts: impl IntoIterator<Item = &'a Draft>) {
        let any = drafts
            .into_iter()
            .any(|draft| draft.was_put.swap(false, Ordering::Relaxed));
        if any {
            self.mail.wake();
        }
    }
}

impl Draft {
    /// Says from where what it tells of came: an address as it is kept, a device by its name.
    #[must_use]
    pub fn from(mut self, ip: String, device: Option<String>) -> Self {
        self.occasion.ip = Some(ip);
        self.occasion.device = device;
        self
    }

    /// Says how long the link in it lives.
    #[must_use]
    pub fn with_link(mut self, life: Duration) -> Self {
        self.occasion.link_life = Some(life);
        self
    }

    /// Lets it out beyond the cap of its address: an administrator asked for it by hand, and what
    /// strangers caused before must not hold that back. It counts against the cap all the same.
    #[must_use]
    pub const fn beyond_cap(mut self) -> Self {
        self.is_capped = false;
        self
    }

    /// Queues it in the transaction of what it tells of. False over the hourly cap of its address:
    /// nothing is queued, and nothing that was sent before dies (rule 22).
    ///
    /// # Errors
    /// Those of the store.
    pub fn put(&self, tx: &dyn WriteTx, user: &User) -> Result<bool, StoreError> {
        self.put_to(tx, &Recipient::of(user))
    }

    /// The same under a cap of its kind alone, as high as the hourly one: what strangers can fill does
    /// not silence it, and who knows the password does not flood the mailbox with it either.
    ///
    /// # Errors
    /// Those of the store.
    pub fn put_apart(&self, tx: &dyn WriteTx, user: &User) -> Result<bool, StoreError> {
        let since = self.occasion.at.minus(CAP_WINDOW);
        let (told, _) = tx.outbox_mut().told_since(user, self.template, since)?;
        Ok(told < self.hourly && self.put(tx, user)?)
    }

    /// The same for an address that is no user's, or not yet.
    ///
    /// # Errors
    /// Those of the store.
    pub fn put_to(&self, tx: &dyn WriteTx, recipient: &Recipient) -> Result<bool, StoreError> {
        let outbox = tx.outbox_mut();
        if self.is_capped {
            let since = self.occasion.at.minus(CAP_WINDOW);
            if outbox.capped_since(&recipient.email, since)? >= self.hourly {
                return Ok(false);
            }
        }
        outbox.insert(&self.message(recipient))?;
        self.was_put.store(true, Ordering::Relaxed);
        Ok(true)
    }

    /// Does the work of queueing and takes it back, for a name that nobody has: the answer must
    /// come as soon, and from a write as large.
    ///
    /// # Errors
    /// Those of the store.
    pub fn pretend(&self, tx: &dyn WriteTx, nobody: &Recipient) -> Result<(), StoreError> {
        let outbox = tx.outbox_mut();
        outbox.capped_since(&nobody.email, self.occasion.at.minus(CAP_WINDOW))?;
        outbox.insert(&self.message(nobody))?;
        outbox.delete(self.id).map(drop)
    }

    /// Mails that anybody may cause for one address in an hour.
    pub const fn hourly(&self) -> u32 {
        self.hourly
    }

    fn message(&self, recipient: &Recipient) -> Message {
        Message {
            id: self.id,
            tenant_id: recipient.tenant,
            user_id: recipient.user,
            template: self.template,
            recipient: recipient.email.clone(),
            occasion: self.occasion.clone(),
            state: MessageState::Queued,
            tries: 0,
            next_try_at: self.occasion.at,
            last_error: None,
            created_at: self.occasion.at,
            finished_at: None,
        }
    }
}
