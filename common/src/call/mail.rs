//! Calls about mails and the outbox. No answer has a text, a link or a token of a mail.

use serde::{Deserialize, Serialize};

use crate::call::{AdminCall, Change, Method, Paging, Socket, TenantFilter};
use crate::id::MessageId;
use crate::view::{MailStatus, MessageState, MessageView, Page};

/// Shows how mail stands.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Status {}

impl AdminCall for Status {
    type Answer = MailStatus;
    const NAME: &'static str = "mail status";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/mail/status";
    const ALSO_ON: &'static [Socket] = &[Socket::Monitor];
}

/// Sends one mail to an address now, beside the queue; a note tells what the server said.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// Address.
    pub address: String,
}

impl AdminCall for Test {
    type Answer = Change;
    const NAME: &'static str = "mail test";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/mail/test";
}

/// Stops sending; mails are queued all the same, also over a restart.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pause {
    /// Why, for the audit row.
    pub reason: Option<String>,
}

impl AdminCall for Pause {
    type Answer = Change;
    const NAME: &'static str = "mail pause";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/mail/pause";
}

/// Sends again what was queued.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resume {
    /// Why, for the audit row.
    pub reason: Option<String>,
}

impl AdminCall for Resume {
    type Answer = Change;
    const NAME: &'static str = "mail resume";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/mail/resume";
}

/// Lists mails of the outbox, the oldest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QueueList {
    /// Slug or id of the tenant; all of them where it is absent.
    pub tenant: TenantFilter,
    /// Only those in this state.
    pub state: Option<MessageState>,
    /// Rows wanted, 1 to 200.
    pub limit: Option<u32>,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

impl QueueList {
    /// The page that is asked for.
    pub fn paging(&self) -> Paging {
        Paging {
            limit: self.limit,
            cursor: self.cursor.clone(),
        }
    }
}

impl AdminCall for QueueList {
    type Answer = Page<MessageView>;
    const NAME: &'static str = "mail queue list";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/mail/queue/list";
    const ALSO_ON: &'static [Socket] = &[Socket::Monitor];
}

/// Shows one mail of the outbox.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueShow {
    /// Which.
    pub id: MessageId,
}

impl AdminCall for QueueShow {
    type Answer = MessageView;
    const NAME: &'static str = "mail queue show";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/mail/queue/show";
}

/// Tries a mail again now, also one that was given up; its tries are counted anew.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueRetry {
    /// Which.
    pub id: MessageId,
    /// Why, for the audit row.
    pub reason: Option<String>,
}

impl AdminCall for QueueRetry {
    type Answer = Change;
    const NAME: &'static str = "mail queue retry";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/mail/queue/retry";
}

/// Removes a mail that was not sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueDelete {
    /// Which.
    pub id: MessageId,
    /// Why, for the audit row.
    pub reason: Option<String>,
}

impl AdminCall for QueueDelete {
    type Answer = Change;
    const NAME: &'static str = "mail queue delete";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/mail/queue/delete";
}
