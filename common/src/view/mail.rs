//! Mails in the outbox as the operator sees them: never a text, a link or a token.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::MessageId;
use crate::time::Time;

/// Where a mail stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    /// It waits for its next try.
    Queued,
    /// The post took it.
    Sent,
    /// It was given up; an administrator may retry it.
    Dead,
}

impl MessageState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Queued, Self::Sent, Self::Dead];

    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Dead => "dead",
        }
    }

    /// Reads a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// A mail of the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageView {
    /// `msg_…`
    pub id: MessageId,
    /// Slug of the tenant; null when it is gone.
    pub tenant: Option<String>,
    /// Name of the template.
    pub template: String,
    /// Address with its local part cut: `b…@acme.test`; null where it may not be seen.
    pub to: Option<String>,
    /// Where it stands.
    pub state: MessageState,
    /// Tries that were begun.
    pub tries: u32,
    /// When it is due; null when it waits no more.
    pub next_try_at: Option<Time>,
    /// Why the last try failed.
    pub last_error: Option<String>,
    /// When it was queued.
    pub created_at: Time,
    /// When it was sent or given up.
    pub finished_at: Option<Time>,
}

/// How mail stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MailStatus {
    /// Where mails go, such as `smtp relay.example.net:587 starttls`; null without a transport.
    pub transport: Option<String>,
    /// Whether an administrator paused sending.
    pub paused: bool,
    /// Mails that wait.
    pub queued: u64,
    /// Mails that were given up.
    pub failed: u64,
    /// When the longest waiting one was queued.
    pub oldest_queued_at: Option<Time>,
    /// When one was last sent, within the last hour.
    pub last_sent_at: Option<Time>,
    /// Whether a waiting one was tried in vain, and none was sent since it was queued.
    #[serde(default)]
    pub retrying: bool,
    /// Why; null where it may not be seen, for a server's answer may name an address.
    #[serde(default)]
    pub last_error: Option<String>,
}
