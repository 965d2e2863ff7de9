//! Flags of the commands that change the state of tenants and names; doc comments are help texts.

use std::time::Duration;

use clap::Args;

use super::duration;

/// What `tenant set` takes.
#[derive(Debug, Args)]
pub(crate) struct TenantSet {
    /// Slug or ten_… id; that of -t where it is absent
    #[arg(value_name = "TENANT")]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) wanted: TenantWanted,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

/// What changes of the tenant.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct TenantWanted {
    /// Name for people
    #[arg(long, value_name = "TEXT")]
    pub(crate) display_name: Option<String>,
    /// Label of the plan
    #[arg(long, value_name = "LABEL")]
    pub(crate) plan: Option<String>,
    /// Seats, not below the users that there are
    #[arg(long, value_name = "N")]
    pub(crate) max_users: Option<u32>,
    /// Last day of the subscription, an RFC 3339 time, or never
    #[arg(long, value_name = "DATE")]
    pub(crate) ends: Option<String>,
    /// Time zone, such as Africa/Nairobi
    #[arg(long, value_name = "ZONE")]
    pub(crate) time_zone: Option<String>,
}

/// One tenant, and why.
#[derive(Debug, Args)]
pub(crate) struct TenantNamed {
    /// Slug or ten_… id; that of -t where it is absent
    #[arg(value_name = "TENANT")]
    pub(crate) name: Option<String>,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

/// What `lockout clear` takes.
#[derive(Debug, Args)]
pub(crate) struct LockoutClear {
    #[command(flatten)]
    pub(crate) names: ClearNames,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

/// Whose locks are cleared.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct ClearNames {
    /// usr_… ids, addresses or TENANT/ADDRESS; - reads them from stdin
    #[arg(value_name = "USER")]
    pub(crate) users: Vec<String>,
    /// All that are locked and were last tried from this address or CIDR
    #[arg(long, value_name = "IP")]
    pub(crate) ip: Option<String>,
    /// All that are locked; with -t those of the tenant
    #[arg(long)]
    pub(crate) all: bool,
}

/// What `lockout add` takes.
#[derive(Debug, Args)]
pub(crate) struct LockoutAdd {
    /// usr_… id, address or TENANT/ADDRESS, also of no user
    #[arg(value_name = "USER")]
    pub(crate) user: String,
    #[command(flatten)]
    pub(crate) term: TermArgs,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

/// What `lockout simulate` takes.
#[derive(Debug, Args)]
pub(crate) struct LockoutSimulate {
    /// Attempts since this time, date, or 30d ago, say
    #[arg(long, value_name = "TIME", default_value = "30d")]
    pub(crate) since: String,
    #[command(flatten)]
    pub(crate) policy: AskedPolicy,
}

/// What is asked instead of the present policy; the rest stays.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct AskedPolicy {
    /// Lock after so many wrong passwords
    #[arg(long, value_name = "N")]
    pub(crate) threshold: Option<u32>,
    /// Count those within this time
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) window: Option<Duration>,
    /// Lock for so long
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) duration: Option<Duration>,
}

/// How long a lock holds.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct TermArgs {
    /// Lock for so long
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub(crate) length: Option<Duration>,
    /// Lock until an administrator clears it
    #[arg(long)]
    pub(crate) until_cleared: bool,
}
