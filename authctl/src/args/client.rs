//! The words of `authctl client`; the doc comments are the help texts.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::{ListArgs, duration};

#[derive(Debug, Subcommand)]
pub(crate) enum Client {
    /// List service clients by tenant and name
    List {
        #[command(flatten)]
        list: ListArgs,
    },
    /// Show a service client
    Show {
        /// Name, TENANT/NAME or cli_… id
        #[arg(value_name = "CLIENT")]
        client: String,
    },
    /// Make a service client, and print its secret this once
    Create(ClientCreate),
    /// Make another secret, and print it this once
    Rotate {
        /// Name, TENANT/NAME or cli_… id
        #[arg(value_name = "CLIENT")]
        client: String,
        /// End the secrets before it at once, and all of its tokens
        #[arg(long)]
        now: bool,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Remove a service client with its secrets and tokens
    Delete {
        /// Name, TENANT/NAME or cli_… id
        #[arg(value_name = "CLIENT")]
        client: String,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

/// What `client create` makes.
#[derive(Debug, Args)]
pub(crate) struct ClientCreate {
    /// Name for people, or TENANT/NAME
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Let it ask this: introspect, revocations or revoke; repeatable
    #[arg(long = "scope", value_name = "SCOPE")]
    pub(crate) scopes: Vec<String>,
    /// Give it this role; repeatable
    #[arg(long = "role", value_name = "ROLE")]
    pub(crate) roles: Vec<String>,
    /// Let it die after this time, such as 90d [default: never]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) expires: Option<Duration>,
}
