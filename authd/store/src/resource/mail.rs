//! The outbox and the tokens of mailed links. The worker serves all tenants, so the outbox is no
//! tenant's; a token is found by its hash and then belongs to one.

use common::email::Email;
use common::id::{MessageId, TenantId, UserId};
use common::time::Time;
use domain::mail::{MailedToken, Message, MessageState, Template};
use domain::user::User;

use crate::error::StoreError;
use crate::resource::PageRequest;

/// Which mails of the outbox are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageFilter {
    /// Only of this tenant.
    pub tenant: Option<TenantId>,
    /// Only in this state.
    pub state: Option<MessageState>,
}

/// How the outbox stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutboxCounts {
    /// Mails that wait.
    pub queued: u64,
    /// Mails that were given up.
    pub dead: u64,
    /// When the longest waiting one was queued.
    pub oldest_queued_at: Option<Time>,
    /// When one was last sent, if that is less than an hour or so ago.
    pub last_sent_at: Option<Time>,
    /// Why a waiting one was not taken, where none was sent since that one was queued.
    pub last_error: Option<String>,
}

/// The outbox, to read.
pub trait OutboxRead {
    /// Mails, the oldest first; `after` is the last row's id, `msg_…`.
    fn page(&self, filter: &MessageFilter, page: &PageRequest) -> Result<Vec<Message>, StoreError>;
    /// By id.
    fn by_id(&self, id: MessageId) -> Result<Option<Message>, StoreError>;
    /// Queued mails that are due at `now`, at most `limit` of them, the longest due; with each the earlier
    /// ones to the same user that still wait, due or not: a welcome that comes after a link would make a
    /// password, with which the link dies. By id.
    fn due(&self, now: Time, limit: u32) -> Result<Vec<Message>, StoreError>;
    /// When the next queued mail is due.
    fn next_due_at(&self) -> Result<Option<Time>, StoreError>;
    /// Mails under the hourly cap to this address that were queued after `since`.
    fn capped_since(&self, recipient: &Email, since: Time) -> Result<u32, StoreError>;
    /// Mails of one kind about a user to the address that it has, which were queued after `since`: how
    /// many, and when the oldest of them was.
    fn told_since(
        &self,
        user: &User,
        template: Template,
        since: Time,
    ) -> Result<(u32, Option<Time>), StoreError>;
    /// How it stands.
    fn counts(&self) -> Result<OutboxCounts, StoreError>;
}

/// The outbox, to write.
pub trait Outbox: OutboxRead {
    /// Adds one.
    fn insert(&self, message: &Message) -> Result<(), StoreError>;
    /// Counts a try of a queued mail and says when the next is due; false if it is not queued.
    fn begin_try(&self, id: MessageId, next_try_at: Time) -> Result<bool, StoreError>;
    /// Remembers why a try failed.
    fn failed(&self, id: MessageId, error: &str) -> Result<(), StoreError>;
    /// Ends a queued mail as sent or dead.
    fn finish(
        &self,
        id: MessageId,
        state: MessageState,
        error: Option<&str>,
        at: Time,
    ) -> Result<bool, StoreError>;
    /// Queues a mail that waits or is dead anew, due at `at`, with its tries forgotten; false if
    /// there is none.
    fn requeue(&self, id: MessageId, at: Time) -> Result<bool, StoreError>;
    /// Removes one; false if there is none.
    fn delete(&self, id: MessageId) -> Result<bool, StoreError>;
}

/// Tokens of mailed links, to write; those of one tenant.
pub trait MailedTokens {
    /// Keeps one in the place of any that its user had.
    fn put(&self, token: &MailedToken) -> Result<(), StoreError>;
    /// Removes the token of a user, and its new address that waits for a link of its own (rule 22);
    /// false if there was no token.
    fn delete_of(&self, user: UserId) -> Result<bool, StoreError>;
    /// Removes all tokens, registrations and new addresses that wait, and the mails that wait for
    /// their link.
    fn delete_all(&self) -> Result<(), StoreError>;
}
