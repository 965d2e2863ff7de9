//! What waits for a hash thread: two lanes, taken from in turn, so that a storm in one does not
//! stop the other, and a third that is taken from when both are empty. It needs no bound of its own: every job holds one of the counted places.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use common::secret::Secret;
use common::tally::{Counter, Times};
use domain::password::Password;
use tokio::sync::oneshot;

use super::place::{HashError, Lane, Permit};

/// One hash that somebody waits for.
pub(super) struct Job {
    pub(super) work: Work,
    pub(super) queued: Instant,
    pub(super) permit: Arc<Permit>,
}

/// What is to be done, and who is told.
pub(super) enum Work {
    Verify {
        password: Password,
        stored: Option<Secret<String>>,
        answer: oneshot::Sender<Result<bool, HashError>>,
    },
    Hash {
        password: Password,
        answer: oneshot::Sender<Result<Secret<String>, HashError>>,
    },
}

impl Work {
    /// Whether nobody waits for it any more.
    pub(super) fn is_abandoned(&self) -> bool {
        match self {
            Self::Verify { answer, .. } => answer.is_closed(),
            Self::Hash { answer, .. } => answer.is_closed(),
        }
    }

    /// Answers without having done it. A receiver that is gone does not mind.
    pub(super) fn refuse(self, error: HashError) {
        match self {
            Self::Verify { answer, .. } => drop(answer.send(Err(error))),
            Self::Hash { answer, .. } => drop(answer.send(Err(error))),
        }
    }
}

/// What a thread should do next.
pub(super) enum Next {
    Work(Job),
    /// Nothing came for as long as it was willing to wait.
    Idle,
    Stop,
}

#[derive(Default)]
struct Lanes {
    common: VecDeque<Job>,
    kept: VecDeque<Job>,
    spare: VecDeque<Job>,
    kept_is_next: bool,
    stopped: bool,
}

impl Lanes {
    fn pop(&mut self) -> Option<Job> {
        let job = if self.kept_is_next {
            self.kept.pop_front().or_else(|| self.common.pop_front())
        } else {
            self.common.pop_front().or_else(|| self.kept.pop_front())
        };
        if let Some(job) = &job {
            self.kept_is_next = job.permit.lane() == Lane::Common;
        }
        job.or_else(|| self.spare.pop_front())
    }
}

/// Times that hashes and their waits are told by; the last is the usual deadline of the queue.
const BOUNDS: &[Duration] = &[
    Duration::from_millis(1),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_secs(5),
];

/// What the threads count.
pub(super) struct Hashed {
    /// How long jobs waited for a thread.
    pub(super) waits: Times,
    /// How long a thread had them.
    pub(super) works: Times,
    /// Jobs that waited too long.
    pub(super) late: Counter,
}

/// The queue of one pool.
pub(super) struct Queue {
    lanes: Mutex<Lanes>,
    changed: Condvar,
    memory_bytes: Arc<AtomicUsize>,
    pub(super) hashed: Hashed,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self {
            lanes: Mutex::new(Lanes::default()),
            changed: Condvar::new(),
            memory_bytes: Arc::default(),
            hashed: Hashed {
                waits: Times::within(BOUNDS),
                works: Times::within(BOUNDS),
                late: Counter::default(),
            },
        }
    }

    /// How many jobs wait for a thread.
    pub(super) fn waiting(&self) -> usize {
        let lanes = self.lock();
        lanes.common.len() + lanes.kept.len() + lanes.spare.len()
    }

    /// Adds a job.
    ///
    /// # Errors
    /// [`HashError::TooLate`] if the pool has stopped.
    pub(super) fn push(&self, job: Job) -> Result<(), HashError> {
        let mut lanes = self.lock();
        if lanes.stopped {
            return Err(HashError::TooLate);
        }
        match job.permit.lane() {
            Lane::Common => lanes.common.push_back(job),
            Lane::Kept => lanes.kept.push_back(job),
            Lane::Spare => lanes.spare.push_back(job),
        }
        drop(lanes);
        self.changed.notify_one();
        Ok(())
    }

    /// Waits for a job, at most `patience` long if that is given.
    pub(super) fn next(&self, patience: Option<Duration>) -> Next {
        let mut lanes = self.lock();
        let until = patience.map(|patience| (Instant::now(), patience));
        loop {
            if lanes.stopped {
                return Next::Stop;
            }
            if let Some(job) = lanes.pop() {
                return Next::Work(job);
            }
            lanes = match until {
                None => self
                    .changed
                    .wait(lanes)
                    .unwrap_or_else(PoisonError::into_inner),
                Some((start, patience)) => {
                    let Some(rest) = patience.checked_sub(start.elapsed()) else {
                        return Next::Idle;
                    };
                    self.changed
                        .wait_timeout(lanes, rest)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
            };
        }
    }

    /// Ends it: threads stop, what waits is refused.
    pub(super) fn stop(&self) {
        let mut lanes = self.lock();
        lanes.stopped = true;
        let waiting: Vec<Job> = std::mem::take(&mut lanes.common)
            .into_iter()
            .chain(std::mem::take(&mut lanes.kept))
            .chain(std::mem::take(&mut lanes.spare))
            .collect();
        drop(lanes);
        self.changed.notify_all();
        for job in waiting {
            job.work.refuse(HashError::TooLate);
        }
    }

    /// Bytes that the threads keep.
    pub(super) fn memory_bytes(&self) -> usize {
        self.memory_bytes.load(Ordering::Acquire)
    }

    /// The counter behind [`Queue::memory_bytes`].
    pub(super) fn memory_counter(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.memory_bytes)
    }

    fn lock(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
