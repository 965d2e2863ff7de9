//! The words after `daemon`.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::duration;

#[derive(Debug, Subcommand)]
pub(crate) enum Daemon {
    /// Show the configuration that runs, as TOML
    Config {
        /// Only what is not as compiled in
        #[arg(long)]
        changed: bool,
    },
    /// Read the configuration again, and take what needs no restart
    ///
    /// A wrong configuration changes nothing: the former one holds, the fault is shown with
    /// its file, line and column, and the exit is 1.
    Reload {
        /// Wait for it however long it takes
        #[arg(long)]
        wait: bool,
        #[command(flatten)]
        why: Why,
    },
    /// Set the level of the log
    LogLevel {
        /// off, error, warn, info, debug, trace, or directives
        #[arg(value_name = "LEVEL")]
        level: String,
        /// Set it back after this time; else it holds until the next start
        #[arg(long = "for", value_name = "TIME", value_parser = duration)]
        term: Option<Duration>,
        #[command(flatten)]
        why: Why,
    },
    /// Have /readyz say no, so that balancers send nobody more
    ///
    /// Whoever comes is still served; the end comes with systemctl stop authd.
    Drain {
        /// Have it say yes again
        #[arg(long)]
        off: bool,
        #[command(flatten)]
        why: Why,
    },
    /// Close the API, but for health, keys and the check of tokens
    ///
    /// A restart opens it.
    Maintenance {
        /// on closes it, off opens it
        #[arg(value_name = "on|off", hide_possible_values = true)]
        switch: Switch,
        /// What callers are told
        #[arg(long, value_name = "TEXT")]
        message: Option<String>,
        #[command(flatten)]
        why: Why,
    },
}

/// A reason.
#[derive(Debug, Args)]
pub(crate) struct Why {
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}
