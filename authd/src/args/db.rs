//! `authd db …`: the words for the database while no daemon runs.

use std::path::PathBuf;

use clap::Subcommand;

/// What to do with the database.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Db {
    /// Say what is there, whether it is in use, and which steps wait
    Status,
    /// Bring an older schema up to date, in a copy that takes the file's place
    Migrate {
        /// Only try it, on a copy that goes again; also while authd runs
        #[arg(long)]
        dry_run: bool,
    },
    /// Write a verified backup
    Backup {
        /// File to write; it must not exist
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Put a backup in the place of the database; nothing that has ended comes back
    Restore {
        /// The backup, compressed or not
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        /// Keep the sessions that are alive in the backup and in the database
        #[arg(long)]
        keep_sessions: bool,
    },
    /// Check the database, or a backup, with its keys and audit chains
    Verify {
        /// The backup; the database where it is absent
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Write the whole file anew without what holds nothing
    Vacuum,
    /// Free the ballast file, and say what else can go; also while authd runs
    Rescue,
}
