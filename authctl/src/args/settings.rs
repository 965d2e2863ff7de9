//! The part of the tree about the settings of a tenant; doc comments are help texts.

use clap::Subcommand;

use super::ListArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum TenantSettings {
    /// List what holds for a tenant, and where it comes from
    List {
        /// Slug or ten_… id; that of -t where it is absent
        #[arg(value_name = "TENANT")]
        name: Option<String>,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Show what holds for the tenant of -t
    Get {
        /// Such as lockout.threshold
        #[arg(value_name = "KEY")]
        key: String,
    },
    /// Set a value for the tenant of -t
    Set {
        /// Such as lockout.threshold
        #[arg(value_name = "KEY")]
        key: String,
        /// As in authd.toml without quotes; names separated by commas
        #[arg(value_name = "VALUE")]
        value: String,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Take the value for the tenant of -t away: authd.toml's holds
    Unset {
        /// Such as lockout.threshold
        #[arg(value_name = "KEY")]
        key: String,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}
