//! Moves the write-ahead log into the database: on a thread of its own, off the path of commits.
//!
//! A passive checkpoint blocks nobody, but under writes without pause it never sees the end of the
//! log, and only a log that was moved whole is begun anew. When the log has grown to several times
//! its limit, the writer therefore moves the small rest between two groups.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rusqlite::config::DbConfig;
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, ErrorCode};

use super::backend::Shared;

/// The log may be so many times its limit long before the writer helps.
const PATIENCE: u32 = 4;

/// When to move the log.
pub(super) struct Checkpoints {
    /// Pages that start a checkpoint.
    limit: u32,
    /// Pages of the log after the last commit.
    pages: AtomicU32,
    /// Pages of the log when it was last moved.
    moved_at: AtomicU32,
    /// Whether the thread cannot keep up and asks the writer for a turn.
    behind: AtomicBool,
    call: Mutex<Call>,
    called: Condvar,
}

struct Call {
    due: bool,
    closed: bool,
}

impl Checkpoints {
    pub(super) fn new(limit: u32) -> Self {
        Self {
            limit: limit.max(1),
            pages: AtomicU32::new(0),
            moved_at: AtomicU32::new(0),
            behind: AtomicBool::new(false),
            call: Mutex::new(Call {
                due: false,
                closed: false,
            }),
            called: Condvar::new(),
        }
    }

    fn call(&self) -> MutexGuard<'_, Call> {
        self.call.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hears after a commit how many pages the log holds.
    pub(super) fn grown(&self, pages: u32) {
        self.pages.store(pages, Ordering::Release);
        if pages < self.moved_at.load(Ordering::Acquire) {
            // The log was begun anew.
            self.moved_at.store(0, Ordering::Release);
        }
        let due_at = self
            .moved_at
            .load(Ordering::Acquire)
            .saturating_add(self.limit);
        if pages >= due_at {
            self.call().due = true;
            self.called.notify_one();
        }
    }

    /// Waits for work; false when there will be none.
    fn wait(&self) -> bool {
        let mut call = self.call();
        loop {
            if call.closed {
                return false;
            }
            if std::mem::take(&mut call.due) {
                return true;
            }
            call = self
                .called
                .wait(call)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends the thread.
    pub(super) fn close(&self) {
        self.call().closed = true;
        self.called.notify_one();
    }

    /// Whether the writer should move the rest of the log; asked once a group.
    pub(super) fn take_turn(&self) -> bool {
        self.behind.swap(false, Ordering::AcqRel)
    }
}

/// The thread: moves the log whenever it is called.
pub(super) fn work(connection: &Connection, shared: &Shared) {
    let checkpoints = &shared.checkpoints;
    while checkpoints.wait() {
        if shared.has_failed() {
            continue;
        }
        let Some(pages) = passive(connection, shared) else {
            continue;
        };
        checkpoints.moved_at.store(pages, Ordering::Release);
        // What was written meanwhile is not among the pages that were moved.
        let long = checkpoints.limit.saturating_mul(PATIENCE);
        if checkpoints.pages.load(Ordering::Acquire) >= long {
            checkpoints.behind.store(true, Ordering::Release);
        }
    }
}

/// Moves what can be moved without blocking anybody; gives the pages of the log as it began.
pub(super) fn passive(connection: &Connection, shared: &Shared) -> Option<u32> {
    match connection.wal_checkpoint_v2(None::<&str>, CheckpointMode::PASSIVE) {
        Ok((pages, _)) => u32::try_from(pages).ok(),
        Err(error) => {
            let code = error.sqlite_error_code();
            if code == Some(ErrorCode::SystemIoFailure) {
                // A second try could find the pages gone from memory and call them written.
                shared.fail("a checkpoint could not be written to disk");
            } else if code != Some(ErrorCode::DatabaseBusy) {
                tracing::warn!(%error, "checkpoint failed; the log grows until the next one");
            }
            None
        }
    }
}

/// Moves the whole log and closes the last connection; after a failed commit leaves all as it is.
pub(super) fn last(connection: Connection, shared: &Shared) {
    if shared.has_failed() {
        leave(&connection);
    } else if let Err(error) = connection.wal_checkpoint_v2(None::<&str>, CheckpointMode::TRUNCATE)
    {
        tracing::warn!(%error, "the log was not moved; the next start does it");
        leave(&connection);
        if error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure) {
            shared.fail("the log could not be moved at the end");
        }
    }
    if let Err((_, error)) = connection.close() {
        tracing::warn!(%error, "the database was not closed properly");
    }
}

/// Keeps `SQLite` from moving the log when the connection closes.
fn leave(connection: &Connection) {
    let setting = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
    if let Err(error) = connection.set_db_config(setting, true) {
        tracing::warn!(%error, "closing will move the log");
    }
}
