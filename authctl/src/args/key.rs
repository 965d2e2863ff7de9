//! The words of `authctl key` and `authctl token`; the doc comments are the help texts.

use std::time::Duration;

use clap::Subcommand;

use super::{ListArgs, duration};

#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// List the keys that sign tokens, gone ones too
    List {
        #[command(flatten)]
        list: ListArgs,
    },
    /// Print the public keys as verifiers get them (RFC 7517)
    Jwks,
    /// Announce the next key, or move the announced one
    Rotate {
        /// Let it sign after this time, 0s at once [default: keys.announce]
        #[arg(long, value_name = "TIME", value_parser = duration)]
        activate_after: Option<Duration>,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Take a key out of use; what it signed stays good
    Retire {
        /// key_… id
        #[arg(value_name = "KEY")]
        key: String,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// End a key that others may have: all its tokens die at once
    Revoke {
        /// key_… id
        #[arg(value_name = "KEY")]
        key: String,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}
