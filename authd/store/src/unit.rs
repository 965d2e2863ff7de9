//! The unit of work: closures over a transaction, handed to a backend that is chosen once.

use std::path::PathBuf;
use std::sync::Arc;

use common::tally::Spread;
use tokio::sync::oneshot;

use crate::claim::Claim;
use crate::error::StoreError;
use crate::resource::{Invalidation, ReadTx, Scope, WriteTx};

/// Which writes go first when several wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// What takes access away, and what an administrator does.
    Urgent,
    /// Everything that somebody waits for.
    Normal,
    /// What somebody waits for who waits longer for something else beside it: it stays some
    /// milliseconds for other writes, to share their commit.
    Patient,
    /// Housekeeping.
    Background,
}

/// Hears of scopes whose rights may have lessened: after COMMIT, before anybody is answered.
pub trait CommitListener: Send + Sync {
    /// Takes the scopes of one commit.
    fn committed(&self, scopes: &[Scope]);

    /// As [`CommitListener::committed`], with what the log says of them: the backend calls this, each
    /// scope of a commit once.
    fn logged(&self, entries: &[Invalidation]) {
        let scopes: Vec<Scope> = entries.iter().map(|entry| entry.scope).collect();
        self.committed(&scopes);
    }
}

/// A write, as the backend sees it. `run` may be called several times, each time on what was there
/// before the first; what the last one did counts.
pub trait WriteJob: Send {
    /// Runs the closure. True keeps its effects, false undoes them; the result is kept inside.
    fn run(&mut self, tx: &dyn WriteTx) -> bool;
    /// Answers: `Ok` hands out what the last `run` gave, `Err` the backend's error.
    fn finish(self: Box<Self>, outcome: Result<(), StoreError>);
}

/// A read, as the backend sees it.
pub trait ReadJob: Send {
    /// Runs the closure and answers.
    fn run(self: Box<Self>, tx: &dyn ReadTx);
    /// Answers with an error instead.
    fn fail(self: Box<Self>, error: StoreError);
}

/// What the operator wants to know of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseInfo {
    /// `sqlite`
    pub backend: &'static str,
    /// The file.
    pub path: PathBuf,
    /// Bytes of the file.
    pub bytes: u64,
    /// Bytes of the write-ahead log.
    pub wal_bytes: u64,
    /// Whether a reader keeps that log from being moved, so that it grows without bound.
    pub wal_held: bool,
    /// Bytes free beside it.
    pub free_bytes: u64,
    /// Version of the schema.
    pub schema: u32,
    /// Migrations not applied.
    pub pending: u32,
}

/// What a database has done since it was opened, and what waits for it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DatabaseWork {
    /// Writes that wait for the writer.
    pub writes_queued: u64,
    /// Reads that wait for a reader.
    pub reads_queued: u64,
    /// Transactions that were committed.
    pub groups: u64,
    /// Writes in them, those that were refused by their own closure among them.
    pub writes: u64,
    /// Transactions that were not committed, or of which that is not known.
    pub failed: u64,
    /// How long each COMMIT took, in seconds.
    pub commits: Spread,
    /// Times that the log was moved into the database.
    pub checkpoints: u64,
}

/// A kind of database. Jobs are answered from the backend's own threads.
pub trait Backend: Send + Sync {
    /// Takes a read.
    fn read(&self, job: Box<dyn ReadJob>);
    /// Takes a write.
    fn write(&self, job: Box<dyn WriteJob>, priority: Priority, claim: Claim);
    /// Says how large and how current the database is.
    fn info(&self) -> DatabaseInfo;
    /// Says what it has done, and what waits.
    fn work(&self) -> DatabaseWork;
    /// Finishes what is queued, then closes; later jobs are answered `Unavailable`.
    fn close(&self);
}

/// The database, whichever kind it is. Clones share it.
#[derive(Clone)]
pub struct Store {
    backend: Arc<dyn Backend>,
}

struct Write<F, T, E> {
    work: F,
    /// Whether the effects are undone also where the closure succeeds.
    rehearses: bool,
    result: Option<Result<T, E>>,
    answer: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> WriteJob for Write<F, T, E>
where
    F: Fn(&dyn WriteTx) -> Result<T, E> + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    fn run(&mut self, tx: &dyn WriteTx) -> bool {
        let result = (self.work)(tx);
        let keep = result.is_ok() && !self.rehearses;
        self.result = Some(result);
        keep
    }

    fn finish(self: Box<Self>, outcome: Result<(), StoreError>) {
        let result = match (outcome, self.result) {
            (Ok(()), Some(result)) => result,
            (Ok(()), None) => Err(StoreError::Panicked.into()),
            // What the closure refused was refused whatever became of the group.
            (Err(_), Some(Err(refused))) => Err(refused),
            (Err(error), _) => Err(error.into()),
        };
        drop(self.answer.send(result));
    }
}

struct Read<F, T, E> {
    work: F,
    answer: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> ReadJob for Read<F, T, E>
where
    F: FnOnce(&dyn ReadTx) -> Result<T, E> + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    fn run(self: Box<Self>, tx: &dyn ReadTx) {
        drop(self.answer.send((self.work)(tx)));
    }

    fn fail(self: Box<Self>, error: StoreError) {
        drop(self.answer.send(Err(error.into())));
    }
}

fn gone<T, E: From<StoreError>>() -> Result<T, E> {
    Err(StoreError::Panicked.into())
}

impl Store {
    /// Takes a backend.
    pub fn new(backend: Arc<dyn Backend>) -> Self {
        Self { backend }
    }

    /// Reads in one snapshot.
    ///
    /// # Errors
    /// The closure's own, or what [`StoreError`] becomes.
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&dyn ReadTx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (answer, result) = oneshot::channel();
        self.backend.read(Box::new(Read { work, answer }));
        result.await.unwrap_or_else(|_| gone())
    }

    /// Writes in one transaction, committed together with others; `Err` from the closure undoes
    /// its effects, `Ok` is on disk when this answers. Dropping the future does not stop it. With
    /// the claim of a rehearsal the closure runs in its place among the writes, and nothing of it
    /// stays: no row, no number, no scope to forget.
    ///
    /// # Errors
    /// The closure's own, or what [`StoreError`] becomes.
    pub async fn write<T, E, F>(&self, priority: Priority, claim: Claim, work: F) -> Result<T, E>
    where
        F: Fn(&dyn WriteTx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (answer, result) = oneshot::channel();
        self.backend.write(
            Box::new(Write {
                work,
                rehearses: claim.is_rehearsal(),
                result: None,
                answer,
            }),
            priority,
            claim,
        );
        result.await.unwrap_or_else(|_| gone())
    }

    /// As [`Store::read`], from a thread that may block (start and offline commands).
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn read_blocking<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&dyn ReadTx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (answer, result) = oneshot::channel();
        self.backend.read(Box::new(Read { work, answer }));
        result.blocking_recv().unwrap_or_else(|_| gone())
    }

    /// As [`Store::write`], from a thread that may block (start and offline commands).
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn write_blocking<T, E, F>(&self, priority: Priority, work: F) -> Result<T, E>
    where
        F: Fn(&dyn WriteTx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (answer, result) = oneshot::channel();
        let job = Write {
            work,
            rehearses: false,
            result: None,
            answer,
        };
        self.backend
            .write(Box::new(job), priority, Claim::detached());
        result.blocking_recv().unwrap_or_else(|_| gone())
    }

    /// Size and schema.
    pub fn info(&self) -> DatabaseInfo {
        self.backend.info()
    }

    /// What was done since the start, and what waits.
    pub fn work(&self) -> DatabaseWork {
        self.backend.work()
    }

    /// Finishes what is queued, then closes.
    pub fn close(&self) {
        self.backend.close();
    }
}
