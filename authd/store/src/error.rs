//! What can go wrong with a database, as its callers need to tell it apart.

use std::path::PathBuf;

/// Why a unit of work gave no result.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database did not take the work: busy, full, read-only, shutting down. Nothing was done.
    #[error("database unavailable: {operation}")]
    Unavailable {
        /// What was tried.
        operation: &'static str,
        /// The driver's error, if it gave one.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The commit failed in a way that leaves open whether it is on disk.
    #[error("outcome unknown: {operation}")]
    OutcomeUnknown {
        /// What was tried.
        operation: &'static str,
        /// The driver's error, if it gave one.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The request's deadline passed while the work was queued. Nothing was done.
    #[error("deadline passed before the work began")]
    Expired,
    /// A row holds what no row may hold.
    #[error("damaged row: {what}")]
    Damaged {
        /// Table and column.
        what: &'static str,
    },
    /// The closure panicked. Nothing was done.
    #[error("the unit of work panicked")]
    Panicked,
}

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the database open (exit 75).
    #[error("{path} is in use by another authd{}", pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// Process that holds it, where it left its number.
        pid: Option<u32>,
    },
    /// The schema is newer than this build (exit 65).
    #[error(
        "the schema of {path} has version {found}, this authd knows {known}; a newer authd is needed"
    )]
    Newer {
        /// The database file.
        path: PathBuf,
        /// Version found.
        found: u32,
        /// Highest version known.
        known: u32,
    },
    /// Migrations are pending and `database.auto_migrate` is off (exit 65).
    #[error(
        "the schema of {path} has version {found}, this authd needs {known}; run: authd db migrate"
    )]
    Pending {
        /// The database file.
        path: PathBuf,
        /// Version found.
        found: u32,
        /// Version needed.
        known: u32,
    },
    /// The file is no database, or a damaged one (exit 65). It is left untouched.
    #[error("{path} is not a database that can be read: {reason}")]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// What the driver says.
        reason: String,
    },
    /// A migration failed; the file is as it was before (exit 1).
    #[error("migration failed: {reason}; nothing was changed")]
    Migration {
        /// What failed.
        reason: String,
    },
    /// The folder or a file in it cannot be made or written (exit 73).
    #[error("cannot create {path}")]
    Create {
        /// The folder or file.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// Anything else that the driver reports (exit 71).
    #[error("cannot open {path}: {reason}")]
    Other {
        /// The database file.
        path: PathBuf,
        /// What the driver says.
        reason: String,
    },
}
