//! The backend that the store talks to: hands jobs to the threads, and ends them.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use common::tally::{Counter, Times};
use rusqlite::Connection;

use super::checkpoint::{self, Checkpoints};
use super::lock::LockFile;
use super::queue::Queue;
use super::writer::QueuedWrite;
use crate::claim::Claim;
use crate::error::StoreError;
use crate::unit::{Backend, DatabaseInfo, DatabaseWork, Priority, ReadJob, WriteJob};

/// What is called once when nothing more may be written.
pub(super) type OnFatal = Box<dyn Fn(&str) + Send + Sync>;

/// Times that a COMMIT is told by: from a fast disk to one that is in trouble.
const COMMIT_BOUNDS: &[Duration] = &[
    Duration::from_micros(250),
    Duration::from_millis(1),
    Duration::from_micros(2500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(2),
];

/// What the writer counts.
pub(super) struct Written {
    /// Transactions that were committed.
    pub(super) groups: Counter,
    /// Jobs in them.
    pub(super) jobs: Counter,
    /// Transactions that were not, or of which that is not known.
    pub(super) failed: Counter,
    /// How long each COMMIT took.
    pub(super) commits: Times,
}

/// What the threads share.
pub(super) struct Shared {
    pub(super) writes: Queue<QueuedWrite>,
    pub(super) reads: Queue<Box<dyn ReadJob>>,
    pub(super) checkpoints: Arc<Checkpoints>,
    pub(super) written: Written,
    failed: AtomicBool,
    on_fatal: OnFatal,
}

impl Shared {
    pub(super) fn new(checkpoints: Arc<Checkpoints>, on_fatal: OnFatal) -> Self {
        Self {
            writes: Queue::new(),
            reads: Queue::new(),
            checkpoints,
            written: Written {
                groups: Counter::default(),
                jobs: Counter::default(),
                failed: Counter::default(),
                commits: Times::within(COMMIT_BOUNDS),
            },
            failed: AtomicBool::new(false),
            on_fatal,
        }
    }

    /// Ends the threads when they have done what is queued.
    pub(super) fn close(&self) {
        self.writes.close();
        self.reads.close();
        self.checkpoints.close();
    }

    /// Whether nothing more may be read or written.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// From now on refuses all work. The first caller is told so by true, and calls
    /// [`Shared::announce`] when it has answered its jobs.
    pub(super) fn refuse(&self) -> bool {
        !self.failed.swap(true, Ordering::AcqRel)
    }

    /// Tells the daemon that it has to end.
    pub(super) fn announce(&self, reason: &str) {
        tracing::error!(reason, "the database takes no more work");
        (self.on_fatal)(reason);
    }

    /// [`Shared::refuse`] and [`Shared::announce`] for those who have nothing to answer.
    pub(super) fn fail(&self, reason: &str) {
        if self.refuse() {
            self.announce(reason);
        }
    }
}

/// The answer to work that is not begun any more.
pub(super) fn refused(operation: &'static str) -> StoreError {
    StoreError::Unavailable {
        operation,
        source: None,
    }
}

/// The threads of an open database.
pub(super) struct Threads {
    pub(super) writer: JoinHandle<Option<Connection>>,
    pub(super) readers: Vec<JoinHandle<()>>,
    pub(super) checkpoints: JoinHandle<()>,
    pub(super) lock: LockFile,
}

/// An open database.
pub(super) struct Sqlite {
    pub(super) shared: Arc<Shared>,
    pub(super) threads: Mutex<Option<Threads>>,
    pub(super) path: PathBuf,
    pub(super) schema: u32,
}

impl Backend for Sqlite {
    fn read(&self, job: Box<dyn ReadJob>) {
        if self.shared.has_failed() {
            return job.fail(refused("read"));
        }
        if let Err(job) = self.shared.reads.push(job, Priority::Normal) {
            job.fail(refused("read"));
        }
    }

    fn write(&self, job: Box<dyn WriteJob>, priority: Priority, claim: Claim) {
        if self.shared.has_failed() {
            return job.finish(Err(refused("write")));
        }
        let queued = QueuedWrite { job, claim };
        if let Err(queued) = self.shared.writes.push(queued, priority) {
            queued.job.finish(Err(refused("write")));
        }
    }

    fn info(&self) -> DatabaseInfo {
        DatabaseInfo {
            backend: "sqlite",
            bytes: size(&self.path),
            wal_bytes: size(&beside(&self.path, "-wal")),
            wal_held: self.shared.checkpoints.is_held(),
            free_bytes: rustix::fs::statvfs(&self.path)
                .map_or(0, |fs| fs.f_bavail.saturating_mul(fs.f_frsize)),
            path: self.path.clone(),
            schema: self.schema,
            pending: 0,
        }
    }

    fn work(&self) -> DatabaseWork {
        let count = |waiting: usize| u64::try_from(waiting).unwrap_or(u64::MAX);
        let written = &self.shared.written;
        DatabaseWork {
            writes_queued: count(self.shared.writes.len()),
            reads_queued: count(self.shared.reads.len()),
            groups: written.groups.total(),
            writes: written.jobs.total(),
            failed: written.failed.total(),
            commits: written.commits.spread(),
            checkpoints: self.shared.checkpoints.done(),
        }
    }

    fn close(&self) {
        let threads = self
            .threads
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(threads) = threads {
            end(&self.shared, threads);
        }
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.close();
    }
}

/// The file whose name is that of the database with something behind it.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

fn end(shared: &Shared, threads: Threads) {
    shared.close();
    let connection = join(threads.writer).flatten();
    for reader in threads.readers {
        let _: Option<()> = join(reader);
    }
    let _: Option<()> = join(threads.checkpoints);
    if let Some(connection) = connection {
        checkpoint::last(connection, shared);
    }
    threads.lock.release();
}

/// Waits for a thread; not for the present one, which ends by itself.
fn join<T>(handle: JoinHandle<T>) -> Option<T> {
    if handle.thread().id() == thread::current().id() {
        return None;
    }
    handle.join().ok()
}
