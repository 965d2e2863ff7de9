//! The part of the tree about the audit log; the doc comments are the help texts.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::ListArgs;
use crate::filter::Filter;

/// Which changes `audit list` shows.
#[derive(Debug, Args)]
pub(crate) struct AuditList {
    /// Only those made by this login name or uid, or by this usr_… or cli_… id
    #[arg(long, value_name = "NAME")]
    pub(crate) actor: Option<String>,
    /// Only this action; user. stands for all that begin so
    #[arg(long, value_name = "ACTION")]
    pub(crate) action: Option<String>,
    /// Only those of this object, by id
    #[arg(long, value_name = "ID")]
    pub(crate) object: Option<String>,
    /// Only those since this time, date, or 2h ago, say
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Only those before it
    #[arg(long, value_name = "TIME", conflicts_with = "follow")]
    pub(crate) until: Option<String>,
    /// Show the last ones, then each as it happens
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Show at most so many, 0 for all
    #[arg(short = 'n', long, value_name = "N", default_value = "50")]
    pub(crate) limit: u64,
    /// Show only what fits (help filters); repeatable
    #[arg(long = "filter", value_name = "TEST")]
    pub(crate) filters: Vec<Filter>,
}

/// How changes are exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// One a line.
    Jsonl,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// List administrative changes, the newest first
    List(AuditList),
    /// Show a change: who, why, what was before and after
    Show {
        /// aud_… id
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Write all changes to a file, whole, a line of JSON each
    Export {
        /// A new file, or - for standard output
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// jsonl, the one there is
        #[arg(
            long,
            value_name = "FORMAT",
            default_value = "jsonl",
            hide_possible_values = true
        )]
        format: ExportFormat,
    },
    /// Check that no row was changed or taken away (exit 11)
    Verify {
        /// Slug or ten_… id; all of them where it is absent
        #[arg(value_name = "TENANT")]
        name: Option<String>,
        /// Compare with the heads in this file, - for stdin
        ///
        /// authd logs the head of every chain hourly and at its end, as lines
        /// "audit head tenant=… number=… head=…": journalctl -u authd
        #[arg(long, value_name = "FILE")]
        heads: Option<PathBuf>,
        #[command(flatten)]
        list: ListArgs,
    },
}
