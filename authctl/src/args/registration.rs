//! The part of the tree about registrations that wait.

use clap::Subcommand;

use super::ListArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum Registration {
    /// List registrations that wait for the owner of their address
    List {
        #[command(flatten)]
        list: ListArgs,
    },
    /// End registrations, by address or id: links that were mailed are dead
    Delete {
        /// Address, TENANT/ADDRESS or usr_… id; - for lines of standard input
        #[arg(value_name = "ADDRESS", required = true)]
        addresses: Vec<String>,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}
