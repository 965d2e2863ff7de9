//! The writer: one thread that commits groups of jobs.
//!
//! Nobody is answered before COMMIT is on disk and the caches have heard of it. A job that fails
//! or panics is undone alone; what spoils the transaction undoes the whole group.
//!
//! A savepoint copies every page that a job changes, and hardly a job fails once it has written. So a
//! group begins without; the first that does fail so has the group begun anew, each job in a savepoint
//! of its own. Closures bear being run again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::time::Clock;
use rusqlite::{Connection, ErrorCode};

use super::backend::{Shared, refused};
use super::checkpoint;
use super::invalidation;
use super::queue::Seat;
use super::reader::execute;
use super::tx::{Tx, unavailable};
use crate::claim::Claim;
use crate::error::StoreError;
use crate::resource::{Invalidation, Scope};
use crate::unit::{CommitListener, WriteJob};

/// Most jobs of a group.
const GROUP_LIMIT: usize = 128;
/// A group that has run so long takes no further job.
pub(super) const GROUP_TIME: Duration = Duration::from_millis(20);
/// No job may hold the writer longer.
const JOB_TIME: Duration = Duration::from_millis(50);

/// A write that waits for its turn.
pub(super) struct QueuedWrite {
    pub(super) job: Box<dyn WriteJob>,
    pub(super) claim: Claim,
}

/// How COMMIT is done; tests put a failing disk in its place.
pub(super) type Commit = Box<dyn Fn(&Connection) -> rusqlite::Result<()> + Send>;

/// The COMMIT of a real database.
pub(super) fn commit(connection: &Connection) -> rusqlite::Result<()> {
    execute(connection, "COMMIT")
}

/// The writer and what it needs.
pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) shared: Arc<Shared>,
    pub(super) listener: Arc<dyn CommitListener>,
    pub(super) commit: Commit,
    pub(super) group_time: Duration,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) repeat_every: Option<u32>,
    pub(super) runs: u32,
}

/// Jobs whose answer hangs on the same COMMIT.
#[derive(Default)]
struct Group {
    jobs: Vec<Box<dyn WriteJob>>,
    scopes: Vec<Scope>,
    /// Whether each job has a savepoint of its own.
    is_fenced: bool,
}

/// What became of one run of a job.
enum Run {
    Kept(Vec<Scope>),
    Undone,
    Panicked,
    /// It has written, and cannot be undone alone; whether it panicked.
    Stuck(bool),
    /// The transaction around it is not to be trusted any more.
    Spoiled,
}

impl Writer {
    /// The thread: writes until the queue is closed and empty, then gives the connection back.
    pub(super) fn work(mut self) -> Option<Connection> {
        let shared = Arc::clone(&self.shared);
        let seat = Seat::default();
        let ended = catch_unwind(AssertUnwindSafe(|| {
            while let Some(first) = shared.writes.take(&seat) {
                if shared.has_failed() {
                    first.job.finish(Err(refused("write")));
                    continue;
                }
                self.write_group(first);
                if shared.checkpoints.take_turn() && !shared.has_failed() {
                    let _: Option<checkpoint::Pages> =
                        checkpoint::passive(&self.connection, &shared);
                }
            }
        }));
        if ended.is_err() {
            shared.writes.close();
            shared.fail("the writer panicked");
            while let Some(queued) = shared.writes.take(&seat) {
                queued.job.finish(Err(refused("write")));
            }
            return None;
        }
        Some(self.connection)
    }

    fn write_group(&mut self, first: QueuedWrite) {
        if let Err(error) = execute(&self.connection, "BEGIN IMMEDIATE") {
            self.refuse_waiting(first, error);
            return;
        }
        let mut group = Group::default();
        if self.run_jobs(first, &mut group) {
            self.commit_group(group);
        } else {
            self.undo_group(group);
        }
    }

    /// Refuses all that waited for a transaction which did not come, so that none waits twice.
    fn refuse_waiting(&self, first: QueuedWrite, error: rusqlite::Error) {
        tracing::warn!(%error, "no write transaction could be begun");
        first.job.finish(Err(unavailable("begin", error)));
        while let Some(queued) = self.shared.writes.try_take() {
            queued.job.finish(Err(refused("begin")));
        }
    }

    /// Runs jobs while there are any and the group has room; false if the group is spoiled.
    fn run_jobs(&mut self, first: QueuedWrite, group: &mut Group) -> bool {
        let started = Instant::now();
        let mut next = Some(first);
        while let Some(QueuedWrite { job, claim }) = next {
            if !claim.begin() {
                job.finish(Err(StoreError::Expired));
            } else if !self.run_job(job, claim.is_rehearsal(), group) {
                return false;
            }
            let room = group.jobs.len() < GROUP_LIMIT && started.elapsed() < self.group_time;
            next = if room {
                self.shared.writes.try_take()
            } else {
                None
            };
        }
        true
    }

    /// Runs one job; false if the group is spoiled.
    fn run_job(
        &mut self,
        mut job: Box<dyn WriteJob>,
        is_rehearsal: bool,
        group: &mut Group,
    ) -> bool {
        let started = Instant::now();
        let rehearsed = if self.is_rehearsed() {
            run_in_savepoint(&self.connection, job.as_mut(), false)
        } else {
            Run::Undone
        };
        let run = match rehearsed {
            Run::Undone | Run::Kept(_) if group.is_fenced || is_rehearsal => {
                run_in_savepoint(&self.connection, job.as_mut(), true)
            }
            Run::Undone | Run::Kept(_) => run_freely(&self.connection, job.as_mut()),
            failed => failed,
        };
        let run = match run {
            Run::Stuck(_) if !self.begin_anew(group) => Run::Spoiled,
            Run::Stuck(true) => Run::Panicked,
            Run::Stuck(false) => run_in_savepoint(&self.connection, job.as_mut(), true),
            run => run,
        };
        let took = started.elapsed();
        if took > JOB_TIME {
            tracing::warn!(
                milliseconds = took.as_millis(),
                "a job held the writer for long"
            );
        }
        group.take_in(job, run)
    }

    /// Undoes what the group has done and does it once more, each job in a savepoint; false if that
    /// cannot be.
    fn begin_anew(&self, group: &mut Group) -> bool {
        let jobs = std::mem::take(group).jobs;
        group.is_fenced = true;
        let mut is_sound = execute(&self.connection, "ROLLBACK").is_ok()
            && execute(&self.connection, "BEGIN IMMEDIATE").is_ok();
        for mut job in jobs {
            if is_sound {
                let run = run_in_savepoint(&self.connection, job.as_mut(), true);
                is_sound = group.take_in(job, run);
            } else {
                group.jobs.push(job);
            }
        }
        is_sound
    }

    /// Whether this job runs once more before, undone: a write closure must bear that.
    fn is_rehearsed(&mut self) -> bool {
        let Some(every) = self.repeat_every else {
            return false;
        };
        self.runs = self.runs.wrapping_add(1);
        self.runs.is_multiple_of(every)
    }

    /// COMMIT, counted before anybody is answered.
    fn committed(&self, group: &Group) -> rusqlite::Result<()> {
        let started = Instant::now();
        let outcome = (self.commit)(&self.connection);
        let written = &self.shared.written;
        written.commits.took(started.elapsed());
        if outcome.is_ok() {
            written.groups.one();
            let jobs = u64::try_from(group.jobs.len()).unwrap_or(u64::MAX);
            written.jobs.add(jobs);
        } else {
            written.failed.one();
        }
        outcome
    }

    fn commit_group(&self, group: Group) {
        let entries = match self.log(&group.scopes) {
            Ok(entries) => entries,
            Err(error) => {
                // What is not in the log reaches no other node, so it must not happen.
                tracing::warn!(%error, "what a group takes away could not be logged");
                self.undo_group(group);
                return;
            }
        };
        let Err(error) = self.committed(&group) else {
            if self.announce(&entries) {
                answer(group, || Ok(()));
            } else {
                // A cache that did not hear may let in whom it should not.
                let first = self.shared.refuse();
                answer(group, || Ok(()));
                if first {
                    self.shared
                        .announce("the caches could not be told of a commit");
                }
            }
            return;
        };
        if is_clean(&error) {
            tracing::warn!(%error, "a group was not committed");
            self.undo_group(group);
            return;
        }
        tracing::error!(%error, "it is unknown whether a group was committed");
        let first = self.shared.refuse();
        // If the group is on disk after all, nobody may be let in by what it took away.
        let _: bool = self.announce(&entries);
        answer(group, || {
            Err(StoreError::OutcomeUnknown {
                operation: "commit",
                source: None,
            })
        });
        if first {
            self.shared
                .announce("a commit could not be written to disk");
        }
    }

    /// Writes into the log what the group takes from, each scope once, behind all else of its
    /// transaction. Where nothing is taken away nothing is written.
    fn log(&self, scopes: &[Scope]) -> rusqlite::Result<Vec<Invalidation>> {
        if scopes.is_empty() {
            return Ok(Vec::new());
        }
        let mut seen = std::collections::HashSet::new();
        let mut scopes = scopes.to_vec();
        scopes.retain(|scope| seen.insert(*scope));
        invalidation::append_all(&self.connection, &scopes, self.clock.now())
    }

    /// Tells the caches; false if they failed to listen.
    fn announce(&self, entries: &[Invalidation]) -> bool {
        entries.is_empty()
            || catch_unwind(AssertUnwindSafe(|| self.listener.logged(entries))).is_ok()
    }

    fn undo_group(&self, group: Group) {
        let stuck = !self.connection.is_autocommit()
            && execute(&self.connection, "ROLLBACK").is_err()
            && !self.connection.is_autocommit();
        let first = stuck && self.shared.refuse();
        answer(group, || Err(refused("group")));
        if first {
            self.shared
                .announce("a transaction could not be rolled back");
        }
    }
}

impl Group {
    /// Takes in a job by how it ran; false if that spoiled the group.
    fn take_in(&mut self, job: Box<dyn WriteJob>, run: Run) -> bool {
        match run {
            Run::Kept(scopes) => {
                self.scopes.extend(scopes);
                self.jobs.push(job);
            }
            Run::Undone => self.jobs.push(job),
            Run::Panicked => {
                tracing::error!("a write panicked");
                job.finish(Err(StoreError::Panicked));
            }
            Run::Stuck(_) | Run::Spoiled => {
                self.jobs.push(job);
                return false;
            }
        }
        true
    }
}

fn answer(group: Group, outcome: impl Fn() -> Result<(), StoreError>) {
    for job in group.jobs {
        job.finish(outcome());
    }
}

/// Whether a failed COMMIT surely left nothing on disk.
fn is_clean(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DiskFull
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::ConstraintViolation
        )
    )
}

/// Runs a job with no savepoint around it.
fn run_freely(connection: &Connection, job: &mut dyn WriteJob) -> Run {
    let tx = Tx::new(connection);
    let ran = catch_unwind(AssertUnwindSafe(|| job.run(&tx)));
    if tx.is_spoiled() {
        return Run::Spoiled;
    }
    match ran {
        Ok(true) => Run::Kept(tx.take_scopes()),
        ran if tx.has_written() => Run::Stuck(ran.is_err()),
        Ok(_) => Run::Undone,
        Err(_) => Run::Panicked,
    }
}

fn run_in_savepoint(connection: &Connection, job: &mut dyn WriteJob, may_keep: bool) -> Run {
    if execute(connection, "SAVEPOINT job").is_err() {
        return Run::Spoiled;
    }
    let tx = Tx::new(connection);
    let ran = catch_unwind(AssertUnwindSafe(|| job.run(&tx)));
    if tx.is_spoiled() {
        return Run::Spoiled;
    }
    let kept = may_keep && matches!(ran, Ok(true));
    if !kept && execute(connection, "ROLLBACK TO job").is_err() {
        return Run::Spoiled;
    }
    if execute(connection, "RELEASE job").is_err() {
        return Run::Spoiled;
    }
    match ran {
        Ok(true) if may_keep => Run::Kept(tx.take_scopes()),
        Ok(_) => Run::Undone,
        Err(_) => Run::Panicked,
    }
}
