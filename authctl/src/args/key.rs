//! The words of `authctl key` and `authctl token`; the doc comments are the help texts.

use std::time::Duration;

use clap::Subcommand;
use common::id::KeyId;

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
        #[arg(value_name = "KEY", value_parser = key)]
        key: String,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// End a key that others may have: all its tokens die at once
    Revoke {
        /// key_… id
        #[arg(value_name = "KEY", value_parser = key)]
        key: String,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Look at a token: claims, signature, whether it is accepted
    ///
    /// It is read from standard input, or asked for without echo. Exit 11 for a token that is not
    /// accepted.
    Inspect,
    /// Deny tokens by their ids: refused at the next request
    Revoke {
        /// jti of each, behind -- if it begins with -; - reads them from stdin
        #[arg(value_name = "JTI", required = true)]
        tokens: Vec<String>,
        /// Why, for the audit log and the list
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// List the tokens that are denied before their time
    Denylist {
        #[command(flatten)]
        list: ListArgs,
    },
}

/// An id, as it was typed; refused before anybody is asked to confirm it.
fn key(text: &str) -> Result<String, String> {
    match text.parse::<KeyId>() {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err("expected a key_… id; list them: authctl key list".to_owned()),
    }
}
