//! `backup …`, `db …` and `cache …`: the words of what keeps the data.

use std::path::PathBuf;

use clap::Subcommand;

use super::ListArgs;
use super::daemon::Why;

#[derive(Debug, Subcommand)]
pub(crate) enum Backup {
    /// Make a verified backup while authd runs
    Create {
        /// File to write, - for stdout; a new one in backup.dir where it is absent
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
        /// Compress it (gzip), whatever backup.compress says
        #[arg(long)]
        compress: bool,
    },
    /// List the backups in backup.dir, the newest first
    List {
        #[command(flatten)]
        list: ListArgs,
    },
    /// Check a backup in backup.dir as a restore would (exit 11)
    Verify {
        /// Name, as listed
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Remove all but the newest backups from backup.dir
    Prune {
        /// How many stay
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        keep: u32,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Db {
    /// Show how the database lies on the disk
    Status,
    /// List the steps of the schema
    Migrations {
        #[command(flatten)]
        list: ListArgs,
    },
    /// Check every page, index and reference (exit 11)
    Check,
    /// Look again at how large tables are, for the choice of ways to read them
    Optimize,
    /// Give pages that hold nothing back to the disk, in small parts
    Vacuum,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Cache {
    /// Show how much the caches hold, and how often that helped
    Stats {
        #[command(flatten)]
        list: ListArgs,
    },
    /// Empty the caches, with -t those of one tenant; nobody is signed out
    Flush {
        #[command(flatten)]
        why: Why,
    },
}
