//! The part of the tree about sessions; the doc comments are the help texts.

use std::net::IpAddr;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::{ListArgs, duration};

#[derive(Debug, Subcommand)]
pub(crate) enum Session {
    /// List sessions, the newest first
    List {
        /// Only those of this user
        #[arg(long, value_name = "USER")]
        user: Option<String>,
        /// Only those of this device
        #[arg(long, value_name = "ID")]
        device: Option<String>,
        /// Only those that signed in from this address or CIDR
        #[arg(long, value_name = "IP")]
        ip: Option<String>,
        /// Only those not used for 7d, say
        #[arg(long, value_name = "TIME", value_parser = duration)]
        idle_since: Option<Duration>,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Show a session, an ended one too
    Show {
        /// ses_… id
        #[arg(value_name = "SESSION")]
        id: String,
    },
    /// End sessions: by id, of a user, from an address, or of a tenant
    #[command(
        override_usage = "authctl session revoke [OPTIONS] <SESSION>...\n       \
        authctl session revoke [OPTIONS] --user <USER> | --tenant <TENANT>\n       \
        authctl session revoke [OPTIONS] [--ip <IP>] [--older-than <TIME>]"
    )]
    Revoke(SessionRevoke),
}

/// What `session revoke` takes.
#[derive(Debug, Args)]
pub(crate) struct SessionRevoke {
    /// ses_… ids; - reads them from stdin
    #[arg(value_name = "SESSION", conflicts_with_all = ["user", "ip", "older_than"])]
    pub(crate) sessions: Vec<String>,
    /// All of this user
    #[arg(long, value_name = "USER", conflicts_with_all = ["ip", "older_than"])]
    pub(crate) user: Option<String>,
    /// All that signed in from this address or CIDR
    #[arg(long, value_name = "IP", value_parser = network)]
    pub(crate) ip: Option<String>,
    /// All that began longer ago than 7d, say
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) older_than: Option<Duration>,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

/// An address or a range, as it was typed; refused before anybody is asked to confirm it.
fn network(text: &str) -> Result<String, String> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let most = match address.parse() {
        Ok(IpAddr::V4(_)) => Some(32),
        Ok(IpAddr::V6(_)) => Some(128),
        Err(_) => None,
    };
    let is_long = |length: &str| length.parse::<u8>().is_ok_and(|bits| Some(bits) <= most);
    if most.is_some() && length.is_none_or(is_long) {
        return Ok(text.to_owned());
    }
    Err("expected an address or a CIDR, such as 203.0.113.0/24".to_owned())
}
