//! The whole command tree on one page; the doc comments are the help texts.
//! No logic: what a command does stands in `commands/<noun>.rs`.

mod apply;
mod attempt;
mod audit;
mod client;
mod daemon;
mod explain;
mod keeping;
mod key;
mod mail;
mod nouns;
mod registration;
mod rights;
mod session;
mod settings;
mod state;
mod user;

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, CommandFactory, Parser, Subcommand, ValueEnum};

pub(crate) use apply::{ApplyArgs, DiffArgs, TenantExport, TenantForm};
pub(crate) use attempt::{Attempt, AttemptList, AttemptsBy, Top};
pub(crate) use audit::{Audit, AuditList, ExportFormat};
pub(crate) use client::{Client, ClientCreate};
pub(crate) use daemon::{Daemon, Switch};
pub(crate) use explain::Explain;
pub(crate) use keeping::{Backup, Cache, Db};
pub(crate) use key::{Key, Token};
pub(crate) use registration::Registration;
pub(crate) use rights::{Permission, Permissions, Role, UserRoles, UserSet, UserWanted};

pub(crate) use session::{Session, SessionRevoke};

use crate::filter::Filter;

pub(crate) use mail::{Mail, Queue, QueueMany};
pub(crate) use settings::TenantSettings;
pub(crate) use state::{
    LockoutAdd, LockoutClear, LockoutSimulate, TenantNamed, TenantSet, TermArgs,
};
pub(crate) use user::{
    PasswordArgs, PictureAct, User, UserCreate, UserDelete, UserParts, UserPicture, UserReset,
    UserShow,
};

/// Manage authd from the command line
#[derive(Debug, Parser)]
#[command(
    name = "authctl",
    version,
    disable_help_subcommand = true,
    disable_version_flag = true,
    // The commands stand in what comes before: by group in the short help, with their sentences in
    // the long one.
    help_template = "{about}\n{usage-heading} {usage}\n\n{before-help}Options:\n{options}\nSee authctl(1).",
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: Globals,
    /// Print the version of authctl
    #[arg(short = 'V', long, action = ArgAction::Version, hide_short_help = true)]
    version: Option<bool>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags that every command takes, before or after its noun.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[expect(clippy::doc_markdown, reason = "the comments are the help texts")]
pub(crate) struct Globals {
    /// Talk to the daemon behind this socket [env: AUTHCTL_SOCKET]
    #[arg(long, global = true, value_name = "PATH", hide_short_help = true)]
    pub(crate) socket: Option<PathBuf>,
    /// Work in this tenant, a slug or ten_… id
    ///
    /// [env: AUTHCTL_TENANT]
    #[arg(
        short,
        long,
        global = true,
        value_name = "TENANT",
        display_order = 900,
        help_heading = None::<&'static str>
    )]
    pub(crate) tenant: Option<String>,
    /// List across all tenants, whatever the environment says
    #[arg(long, global = true, hide_short_help = true, conflicts_with = "tenant")]
    pub(crate) all_tenants: bool,
    /// Write table, wide, json, jsonl, csv or id
    ///
    /// [env: AUTHCTL_OUTPUT]
    #[arg(
        short,
        long,
        global = true,
        value_name = "FORMAT",
        display_order = 901,
        help_heading = None::<&'static str>,
        hide_possible_values = true
    )]
    pub(crate) output: Option<Format>,
    /// Write JSON, as --output json
    #[arg(long, global = true, hide_short_help = true, conflicts_with = "output")]
    pub(crate) json: bool,
    /// Show only these columns, in this order
    #[arg(
        long,
        global = true,
        value_name = "LIST",
        value_delimiter = ',',
        hide_short_help = true
    )]
    pub(crate) columns: Vec<String>,
    /// Sort by this column; a minus before it turns the order
    #[arg(
        long,
        global = true,
        value_name = "COLUMN",
        allow_hyphen_values = true,
        hide_short_help = true
    )]
    pub(crate) sort: Option<String>,
    /// Leave out the line of headings
    #[arg(long, global = true, hide_short_help = true)]
    pub(crate) no_headers: bool,
    /// Never cut a cell to the width of the terminal
    #[arg(long, global = true, hide_short_help = true)]
    pub(crate) no_trunc: bool,
    /// Use colour: auto, always or never [env: NO_COLOR, CLICOLOR_FORCE]
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        hide_possible_values = true,
        hide_short_help = true
    )]
    pub(crate) color: Option<ColorWhen>,
    /// Print ids only
    #[arg(short, long, global = true, hide_short_help = true)]
    pub(crate) quiet: bool,
    /// Tell request id, timing and socket on standard error
    #[arg(short, long, global = true, hide_short_help = true)]
    pub(crate) verbose: bool,
    /// Answer yes to y/N questions; names to type stay asked
    #[arg(short, long, global = true, hide_short_help = true)]
    pub(crate) yes: bool,
    /// Give what would have to be typed
    #[arg(long, global = true, value_name = "VALUE", hide_short_help = true)]
    pub(crate) confirm: Option<String>,
    /// Rehearse a change: show what it would do, and undo it
    #[arg(long, global = true, hide_short_help = true)]
    pub(crate) dry_run: bool,
    /// Show times in UTC (the default but on a terminal)
    #[arg(long, global = true, hide_short_help = true, conflicts_with = "local")]
    pub(crate) utc: bool,
    /// Show times in the zone of this machine (the default on a terminal)
    #[arg(long, global = true, hide_short_help = true)]
    pub(crate) local: bool,
    /// Wait so long for the first byte of an answer, 0 for ever [default: 10s]
    #[arg(long, global = true, value_name = "DURATION", value_parser = duration, hide_short_help = true)]
    pub(crate) timeout: Option<Duration>,
}

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Columns for people.
    Table,
    /// More columns, exact times.
    Wide,
    /// One object.
    Json,
    /// One item a line.
    Jsonl,
    /// RFC 4180.
    Csv,
    /// Ids alone, one a line.
    Id,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorWhen {
    /// On a terminal, unless the environment says otherwise.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the daemon on one screen
    Status {
        /// Show it again every so often
        #[arg(long, value_name = "EVERY", value_parser = duration, num_args = 0..=1, require_equals = true, default_missing_value = "2s")]
        watch: Option<Duration>,
    },
    /// Look for what is wrong, with the next step (exit 11)
    Doctor {
        /// This part alone: daemon, sockets, unit, space, smtp, …
        #[arg(long, value_name = "NAME")]
        section: Option<common::view::Section>,
    },
    /// Tell what happens, as it happens
    Events(EventsArgs),
    /// Show the counters of the daemon
    Stats(StatsArgs),
    /// Ask whether the daemon is alive (exit 0 or 3)
    Ping {
        /// Wait until it is, for a minute or this time
        #[arg(long, value_name = "AT-MOST", value_parser = duration, num_args = 0..=1, require_equals = true, default_missing_value = "60s")]
        wait: Option<Duration>,
    },
    /// Show the versions of client, daemon, protocol and schema
    Version {
        /// Show the client's alone, without asking the daemon
        #[arg(long)]
        client: bool,
    },
    /// Make and look at tenants
    #[command(subcommand)]
    Tenant(Tenant),
    /// Make tenants have the permissions, roles and settings of a file
    #[command(override_usage = "authctl apply [OPTIONS] --file <FILE>")]
    Apply(ApplyArgs),
    /// Compare tenants with a file (exit 0 same, 11 differs)
    #[command(override_usage = "authctl diff [OPTIONS] --file <FILE>")]
    Diff(DiffArgs),
    /// Make, look at, close and open users
    #[command(
        subcommand,
        // So many commands fit a small terminal only without the list of options, which each of them has.
        help_template = "{about}\n{usage-heading} {usage}\nCommands:\n{subcommands}\nOptions: -t TENANT, -o FORMAT, -h; all of them: authctl --help\nSee authctl(1)."
    )]
    User(User),
    /// Make, look at and change roles
    #[command(subcommand)]
    Role(Role),
    /// Make, look at and remove service clients
    #[command(subcommand)]
    Client(Client),
    /// Look at the catalogue of permissions, and add to it
    #[command(subcommand)]
    Permission(Permission),
    /// List users who hold a permission
    WhoCan {
        #[arg(value_name = "PERM", help = "RESOURCE:ACTION, or ALL_PERMISSIONS")]
        permission: String,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Tell why a login was refused, or why a user may do something
    #[command(subcommand)]
    Explain(Explain),
    /// Look at counted login failures, and clear them
    #[command(subcommand)]
    Lockout(Lockout),
    /// Look at the log of login attempts
    #[command(subcommand)]
    Attempt(Attempt),
    /// Look at registrations that wait, and end them
    #[command(subcommand)]
    Registration(Registration),
    /// Look at sessions, and end them
    #[command(subcommand)]
    Session(Session),
    /// Look at single tokens, and deny them
    #[command(subcommand)]
    Token(Token),
    /// Look at the keys that sign tokens, and change them
    #[command(subcommand)]
    Key(Key),
    /// Look at the audit log, and check it
    #[command(subcommand)]
    Audit(Audit),
    /// Show, reload and steer the running daemon
    #[command(subcommand)]
    Daemon(Daemon),
    /// Make backups, look at them, and check them
    #[command(subcommand)]
    Backup(Backup),
    /// Look at the database as a whole
    #[command(subcommand)]
    Db(Db),
    /// Look at the caches, and empty them
    #[command(subcommand)]
    Cache(Cache),
    /// Look at mail and its queue, test, pause and resume it
    #[command(subcommand)]
    Mail(Mail),
    /// Make a call by its method and path; the answer is unchanged
    Api(ApiArgs),
    /// Tell names to the completion of a shell
    #[command(name = "__complete", hide = true)]
    Complete(CompleteArgs),
    /// Print the completion script of a shell
    Completion {
        /// bash, zsh or fish
        #[arg(value_name = "SHELL", hide_possible_values = true)]
        shell: Shell,
    },
    /// Explain a command or a topic
    Help {
        /// A command such as "user create", or one of output, exit-codes, filters,
        /// permissions, first-steps, sockets
        #[arg(value_name = "COMMAND|TOPIC")]
        words: Vec<String>,
    },
}

/// Shells that a completion script is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    /// GNU Bash.
    Bash,
    /// Z shell.
    Zsh,
    /// fish.
    Fish,
}

/// What `stats` takes.
#[derive(Debug, Args)]
pub(crate) struct StatsArgs {
    /// Write the format that Prometheus reads
    #[arg(long, conflicts_with_all = ["watch", "limit", "filters"])]
    pub(crate) prometheus: bool,
    /// Show them again every so often
    #[arg(long, value_name = "EVERY", value_parser = duration, num_args = 0..=1, require_equals = true, default_missing_value = "2s")]
    pub(crate) watch: Option<Duration>,
    #[command(flatten)]
    pub(crate) list: ListArgs,
}

/// A call.
#[derive(Debug, Args)]
pub(crate) struct ApiArgs {
    /// GET or POST
    #[arg(value_name = "METHOD")]
    pub(crate) method: String,
    /// Path, of a GET with its query: /v1/user/list?limit=5
    #[arg(value_name = "PATH")]
    pub(crate) path: String,
    /// Send this file, - for stdin, as the body of a POST
    #[arg(short = 'f', long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

/// What is to be completed.
#[derive(Debug, Args)]
pub(crate) struct CompleteArgs {
    /// Names of what
    #[arg(value_name = "WHAT")]
    pub(crate) what: Names,
    /// What stands there already
    #[arg(value_name = "PREFIX", default_value = "", allow_hyphen_values = true)]
    pub(crate) prefix: String,
}

/// What has names that shells complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Names {
    /// Slugs.
    Tenants,
    /// Addresses and ids.
    Users,
    /// Names of roles.
    Roles,
    /// Names of permissions.
    Permissions,
    /// Ids of sessions alive.
    Sessions,
}

/// Which events.
#[derive(Debug, Args)]
pub(crate) struct EventsArgs {
    /// Begin behind this number, or at this time: 2h, 2026-11-23
    #[arg(long, value_name = "SEQ|TIME")]
    pub(crate) since: Option<String>,
    /// Only types that fit, such as lockout.started or 'user.*'
    #[arg(long = "type", value_name = "GLOB")]
    pub(crate) kind: Option<String>,
    /// Show what there is, and end
    #[arg(long)]
    pub(crate) no_follow: bool,
}

/// Flags of every list.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ListArgs {
    /// Show at most so many, 0 for all [default: 0]
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    /// Show only what fits (help filters); repeatable
    #[arg(long = "filter", value_name = "TEST")]
    pub(crate) filters: Vec<Filter>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Tenant {
    /// Make a tenant
    Create {
        /// Slug: a-z, 0-9 and hyphens, never used before
        #[arg(value_name = "NAME")]
        slug: String,
        /// Name for people; the slug where it is absent
        #[arg(long, value_name = "TEXT")]
        display_name: Option<String>,
        /// Label of the plan
        #[arg(long, value_name = "LABEL")]
        plan: Option<String>,
        /// Seats
        #[arg(long, value_name = "N")]
        max_users: Option<u32>,
        /// Last day of the subscription, or an RFC 3339 time
        #[arg(long, value_name = "DATE")]
        ends: Option<String>,
        /// Time zone, such as Africa/Nairobi
        #[arg(long, value_name = "ZONE")]
        time_zone: Option<String>,
        /// Make this address its administrator, and invite it by mail
        #[arg(long, value_name = "ADDRESS")]
        admin_email: Option<String>,
        /// Print a link for the administrator instead of mailing
        #[arg(long, requires = "admin_email")]
        print_link: bool,
    },
    /// List tenants
    List {
        /// Only those of this status: active, suspended or deleted
        #[arg(long, value_name = "STATUS", value_parser = tenant_status)]
        status: Option<common::view::TenantStatus>,
        /// Only those of this plan
        #[arg(long, value_name = "LABEL")]
        plan: Option<String>,
        /// Only those that end within 14d, say
        #[arg(long, value_name = "TIME", value_parser = duration)]
        ending: Option<Duration>,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Show a tenant
    Show {
        /// Slug or ten_… id; that of -t where it is absent
        #[arg(value_name = "TENANT")]
        name: Option<String>,
    },
    /// Change a tenant's names, plan, seats or end
    #[command(override_usage = "authctl tenant set [OPTIONS] [TENANT]")]
    Set(TenantSet),
    /// Close a tenant: all its users are refused
    Suspend(TenantNamed),
    /// Open a suspended tenant again
    Resume(TenantNamed),
    /// Look at what holds for a tenant, and set it
    #[command(subcommand)]
    Settings(TenantSettings),
    /// Delete a tenant: at once for its users, for good after a grace
    Delete(TenantNamed),
    /// Bring back a deleted tenant; nothing that ended revives
    Restore(TenantNamed),
    /// Write out permissions, roles and settings; never users
    Export(TenantExport),
    /// Tell what tenants use
    Usage {
        /// Slug or ten_… id; all of them where it is absent
        #[arg(value_name = "TENANT")]
        name: Option<String>,
        #[command(flatten)]
        list: ListArgs,
    },
}

/// Several users or other objects, and why.
#[derive(Debug, Args)]
pub(crate) struct Many {
    /// usr_… ids, addresses or TENANT/ADDRESS; - reads them from stdin
    #[arg(value_name = "USER", required = true)]
    pub(crate) users: Vec<String>,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Lockout {
    /// List names that are locked out now
    List {
        /// Also names that no user has
        #[arg(long)]
        include_unknown: bool,
        /// Only those last failed from this address or CIDR
        #[arg(long, value_name = "IP")]
        ip: Option<String>,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Show the counter of a name
    Show {
        /// usr_… id, address or TENANT/ADDRESS, also of no user
        #[arg(value_name = "USER")]
        user: String,
    },
    /// Clear counters and locks
    #[command(override_usage = "authctl lockout clear [OPTIONS] <USER>...\n       \
        authctl lockout clear [OPTIONS] --ip <IP> | --all")]
    Clear(LockoutClear),
    /// Lock a name by hand, for its known devices too
    Add(LockoutAdd),
    /// Replay recorded attempts under another policy; nothing changes
    #[command(override_usage = "authctl lockout simulate [OPTIONS]")]
    Simulate(LockoutSimulate),
}

/// The tree with what every help text has in common.
pub(crate) fn command() -> clap::Command {
    nouns::grouped(bare())
}

fn bare() -> clap::Command {
    finish(Cli::command().max_term_width(80))
}

fn finish(command: clap::Command) -> clap::Command {
    command
        .after_help("See authctl(1).")
        .mut_subcommands(finish)
}

fn duration(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    common::units::parse_duration(text).map_err(|error| error.to_string())
}

fn tenant_status(text: &str) -> Result<common::view::TenantStatus, String> {
    use common::view::TenantStatus::{Active, Deleted, Suspended};
    [Active, Suspended, Deleted]
        .into_iter()
        .find(|status| status.as_str() == text)
        .ok_or_else(|| "expected active, suspended or deleted".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_holds_together() {
        command().debug_assert();
    }

    #[test]
    fn flags_stand_before_or_after_the_noun() {
        for line in [
            ["authctl", "-t", "acme", "--json", "user", "list"],
            ["authctl", "user", "list", "--json", "-t", "acme"],
            ["authctl", "user", "-t", "acme", "list", "--json"],
        ] {
            let cli = Cli::try_parse_from(line).unwrap();
            assert_eq!(cli.globals.tenant.as_deref(), Some("acme"));
            assert!(cli.globals.json);
        }
    }
}
