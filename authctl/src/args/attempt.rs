//! The part of the tree about the log of login attempts; the doc comments are the help texts.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::{ListArgs, duration};

#[derive(Debug, Subcommand)]
pub(crate) enum Attempt {
    /// List login attempts, the newest first
    List(AttemptList),
    /// Count login attempts by address, user or tenant
    #[command(override_usage = "authctl attempt top [OPTIONS] --by <WHAT>")]
    Top(Top),
    /// Show an attempt, and how it was decided
    Show {
        /// att_… id
        #[arg(value_name = "ATTEMPT")]
        id: String,
    },
    /// Remove old rows of the log, for good
    Prune {
        /// Rows last tried longer ago than 180d, say; a day at least
        #[arg(long, value_name = "DURATION", value_parser = duration)]
        older_than: Duration,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

/// Which attempts `attempt list` shows.
#[derive(Debug, Args)]
pub(crate) struct AttemptList {
    /// Only those of this user
    #[arg(long, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// Only those from this address or CIDR
    #[arg(long, value_name = "IP")]
    pub(crate) ip: Option<String>,
    /// Only failed ones
    #[arg(long)]
    pub(crate) failed: bool,
    /// Only those since this time, date, or 2h ago, say
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Show the last ones, then each as it happens
    #[arg(short, long)]
    pub(crate) follow: bool,
    #[command(flatten)]
    pub(crate) list: ListArgs,
}

/// What attempts are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AttemptsBy {
    /// Client's address.
    Ip,
    /// User, or the mark of a name that no user has.
    User,
    /// Tenant.
    Tenant,
}

/// What `attempt top` takes.
#[derive(Debug, Args)]
pub(crate) struct Top {
    /// Count by ip, user or tenant
    #[arg(long, value_name = "WHAT", hide_possible_values = true)]
    pub(crate) by: AttemptsBy,
    /// Only those since this time, date, or 2h ago, say
    #[arg(long, value_name = "TIME", default_value = "1h")]
    pub(crate) since: String,
    /// Show so many, 200 at most
    #[arg(short = 'n', long, value_name = "N", default_value = "20",
        value_parser = clap::value_parser!(u32).range(1..=200))]
    pub(crate) limit: u32,
}
