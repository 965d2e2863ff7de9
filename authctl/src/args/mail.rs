//! The part of the tree about mail: how it stands, and the queue.

use clap::{Args, Subcommand};
use common::view::MessageState;

use super::ListArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum Mail {
    /// Show how mail stands
    Status,
    /// Send a mail to an address now, and tell what the server said
    Test {
        /// E-mail address
        #[arg(value_name = "ADDRESS")]
        address: String,
    },
    /// Stop sending; mails are queued all the same
    Pause(Reason),
    /// Send again what was queued
    Resume(Reason),
    /// Look at mails that wait or were given up
    #[command(subcommand)]
    Queue(Queue),
}

/// Why a change is made.
#[derive(Debug, Args)]
pub(crate) struct Reason {
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Queue {
    /// List mails, the oldest first
    List {
        /// Only those queued, sent or dead
        #[arg(long, value_name = "STATE", value_parser = state)]
        state: Option<MessageState>,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Show a mail
    Show {
        /// msg_… id
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Try mails again now, also those that were given up
    Retry(QueueMany),
    /// Delete mails that were not sent
    Delete(QueueMany),
}

/// Several mails.
#[derive(Debug, Args)]
pub(crate) struct QueueMany {
    /// msg_… ids; - reads them from stdin
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<String>,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

fn state(text: &str) -> Result<MessageState, String> {
    MessageState::from_name(text).ok_or_else(|| "expected queued, sent or dead".to_owned())
}
