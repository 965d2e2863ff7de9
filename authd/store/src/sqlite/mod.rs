//! `SQLite`: one writer thread that commits groups, readers beside it.
//!
//! Statements stand beside their resource, one file each; no type of the driver leaves this folder.

mod attempt;
mod audit;
mod backend;
mod checkpoint;
mod client;
mod counter;
mod credential;
mod device;
mod erasure;
mod event;
mod grant;
mod housekeeping;
mod inspect;
mod invalidation;
mod key;
mod lock;
mod mail;
mod meta;
mod migrate;
mod open;
mod operator;
mod permission;
mod picture;
mod purge;
mod queue;
mod reader;
mod renewal;
mod restore;
mod role;
mod row;
mod session;
mod setting;
mod snapshot;
mod tenant;
mod tx;
mod usage;
mod user;
mod waiting;
mod whole;
mod writer;

#[cfg(test)]
mod tests;

pub use restore::{Draft, Ended, Hold, forget, replace};
pub use snapshot::{Copied, snapshot};
pub use whole::{
    Layout, MigrationRow, Still, begins_as_database, bring_up, free_bytes, layout, migrations,
    problems, quick_problem, upgrade, vacuum,
};

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use common::time::{Clock, SystemClock};

use crate::error::OpenError;
use crate::unit::{CommitListener, Store};

/// Looks at a database without touching it, also while a daemon runs: the version of its schema;
/// none where there is no database.
///
/// # Errors
/// [`OpenError`] for a file that is no database, a damaged one, or one of a newer schema.
pub fn schema(path: &Path) -> Result<Option<u32>, OpenError> {
    match inspect::inspect(path, &migrate::known())? {
        inspect::Found::Nothing => Ok(None),
        inspect::Found::Schema(version) => Ok(Some(version)),
    }
}

/// Version of the `SQLite` that is built in.
pub fn version() -> &'static str {
    rusqlite::version()
}

/// How a database is opened.
#[derive(Clone)]
pub struct Options {
    /// The file; a lock, the write-ahead log and copies lie beside it.
    pub path: PathBuf,
    /// Threads that read, at least one.
    pub readers: usize,
    /// How long a statement waits for a lock that another process holds.
    pub busy_timeout: Duration,
    /// Bytes of page cache over all connections.
    pub cache_bytes: u64,
    /// Bytes of the file that are mapped into memory.
    pub mmap_bytes: u64,
    /// Pages of the write-ahead log that start a checkpoint.
    pub checkpoint_pages: u32,
    /// Whether pending migrations run; otherwise they stop the start.
    pub auto_migrate: bool,
    /// Tells when something was taken away, for the log of it.
    pub clock: Arc<dyn Clock>,
    /// In tests: every n-th write closure runs twice, the first time undone.
    pub repeat_every: Option<u32>,
}

impl Options {
    /// The defaults of the configuration, for a file.
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            readers: 8,
            busy_timeout: Duration::from_secs(5),
            cache_bytes: 4 << 20,
            mmap_bytes: 64 << 20,
            checkpoint_pages: 1000,
            auto_migrate: true,
            clock: Arc::new(SystemClock),
            repeat_every: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// Where a database came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// This open made it; it holds nothing yet.
    Created,
    /// It was there.
    Existing,
}

/// Opens a database, or makes it where nothing is. The listener hears of every commit that may have
/// taken rights away; `on_fatal` is called once if a commit or a checkpoint could not be written:
/// then all later work is refused and the daemon has to end.
///
/// # Errors
/// [`OpenError`]; what cannot be opened is left as it is.
pub fn open(
    options: Options,
    listener: Arc<dyn CommitListener>,
    on_fatal: Box<dyn Fn(&str) + Send + Sync>,
) -> Result<(Store, Origin), OpenError> {
    open::open(options, open::Engine::real(), listener, on_fatal)
}

/// Newest schema that this build knows.
pub fn known_schema() -> u32 {
    inspect::highest(&migrate::known())
}
