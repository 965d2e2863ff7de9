//! Moves the write-ahead log into the database: on a thread of its own, off the path of commits.
//!
//! A passive checkpoint blocks nobody, but under writes without pause it never sees the end of the
//! log, and only a log that was moved whole is begun anew. When the log has grown to several times
//! its limit, the writer therefore moves the small rest between two groups.
//!
//! A reader that keeps an old state open stops either from moving what came later, and the log grows
//! with every write. Nothing can be done about that from here, so it is told: in the log each time the
//! rest has doubled, and to whoever asks.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use common::tally::Counter;
use rusqlite::config::DbConfig;
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, ErrorCode};

use super::backend::Shared;

/// The log may be so many times its limit long before the writer helps.
const PATIENCE: u32 = 4;
/// Time between two tries while a reader keeps the log from being moved.
const RETRY: Duration = Duration::from_secs(1);

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
    /// Pages that a reader kept from being moved, when that was last told; 0 if none does.
    held: AtomicU32,
    /// Times that the log was moved.
    done: Counter,
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
            held: AtomicU32::new(0),
            done: Counter::default(),
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

    /// Waits for work; false when there will be none. While a reader holds the log there is some every
    /// [`RETRY`].
    fn wait(&self) -> bool {
        let mut call = self.call();
        loop {
            if call.closed {
                return false;
            }
            if std::mem::take(&mut call.due) {
                return true;
            }
            if !self.is_held() {
                call = self
                    .called
                    .wait(call)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let (again, timeout) = self
                .called
                .wait_timeout(call, RETRY)
                .unwrap_or_else(PoisonError::into_inner);
            call = again;
            call.due |= timeout.timed_out();
        }
    }

    /// Whether a reader keeps so much of the log from being moved that the operator should know.
    pub(super) fn is_held(&self) -> bool {
        self.held.load(Ordering::Acquire) > 0
    }

    /// Hears what a checkpoint left behind, and tells of it when it is much, when it has doubled and
    /// when it is over.
    fn left_behind(&self, pages: u32) {
        let told = self.held.load(Ordering::Acquire);
        let much = self.limit.saturating_mul(PATIENCE);
        if told == 0 && pages >= much || told > 0 && pages >= told.saturating_mul(2) {
            self.held.store(pages, Ordering::Release);
            tracing::warn!(
                pages,
                "the write-ahead log grows: a reader keeps an old state of the database open"
            );
        } else if told > 0 && pages < much {
            self.held.store(0, Ordering::Release);
            tracing::info!("the write-ahead log does not grow any more");
        }
    }

    /// How often the log was moved, as far as it could be.
    pub(super) fn done(&self) -> u64 {
        self.done.total()
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
        let Some(Pages { all, moved }) = passive(connection, shared) else {
            continue;
        };
        checkpoints.moved_at.store(all, Ordering::Release);
        checkpoints.left_behind(all.saturating_sub(moved));
        // What was written meanwhile is not among the pages that were moved; against a reader the
        // writer can do no more than this thread.
        let long = checkpoints.limit.saturating_mul(PATIENCE);
        let is_long = checkpoints.pages.load(Ordering::Acquire) >= long;
        if is_long && !checkpoints.is_held() {
            checkpoints.behind.store(true, Ordering::Release);
        }
    }
}

/// What a checkpoint found and did.
pub(super) struct Pages {
    /// Pages of the log as it began.
    all: u32,
    /// Of those, pages that are in the database now.
    moved: u32,
}

/// Moves what can be moved without blocking anybody.
pub(super) fn passive(connection: &Connection, shared: &Shared) -> Option<Pages> {
    match connection.wal_checkpoint_v2(None::<&str>, CheckpointMode::PASSIVE) {
        Ok((all, moved)) => {
            shared.checkpoints.done.one();
            Some(Pages {
                all: u32::try_from(all).ok()?,
                moved: u32::try_from(moved).ok()?,
            })
        }
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
