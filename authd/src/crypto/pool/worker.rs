//! The hash threads: each at the lowest priority, each with memory of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError, RwLock, mpsc};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use super::super::error::CryptoError;
use super::evaluate::Evaluator;
use super::memory::Memory;
use super::place::HashError;
use super::queue::{Job, Next, Queue, Work};

/// The lowest priority of a thread (nice).
const LOWEST_PRIORITY: i32 = 19;

/// How long a thread waits for what.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    /// A job that waited so long is not begun any more.
    pub(super) queue_deadline: Duration,
    /// Memory that was not used for so long is given back.
    pub(super) idle_release: Duration,
}

/// What the threads go by; a reload replaces it between two jobs.
pub(super) struct Terms {
    pub(super) evaluator: Arc<Evaluator>,
    pub(super) patience: Patience,
}

/// The terms of now. A hash takes thousands of times what the lock takes.
pub(super) struct Current(RwLock<Arc<Terms>>);

impl Current {
    pub(super) fn new(terms: Terms) -> Self {
        Self(RwLock::new(Arc::new(terms)))
    }

    pub(super) fn get(&self) -> Arc<Terms> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn set(&self, terms: Terms) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(terms);
    }
}

/// Threads that have started.
pub(super) struct Crew {
    pub(super) threads: Vec<JoinHandle<()>>,
    pub(super) priority_lowered: bool,
}

/// Starts `count` threads and waits until each has set its priority.
pub(super) fn spawn(
    count: usize,
    queue: &Arc<Queue>,
    terms: &Arc<Current>,
) -> Result<Crew, CryptoError> {
    let (report, reports) = mpsc::channel();
    let mut threads = Vec::with_capacity(count);
    for number in 0..count {
        let (queue_of_thread, terms, report) =
            (Arc::clone(queue), Arc::clone(terms), report.clone());
        let spawned = Builder::new()
            .name(format!("authd-hash-{number}"))
            .spawn(move || {
                // On Linux "this process" names the calling thread alone.
                let lowered = rustix::process::setpriority_process(None, LOWEST_PRIORITY).is_ok();
                // Whoever started the pool waits for this, or has given up.
                report.send(lowered).unwrap_or_default();
                drop(report);
                work(&queue_of_thread, &terms);
            });
        match spawned {
            Ok(thread) => threads.push(thread),
            Err(error) => {
                queue.stop();
                return Err(CryptoError::Thread(error));
            }
        }
    }
    drop(report);
    let priority_lowered = reports.iter().filter(|lowered| !lowered).count() == 0;
    Ok(Crew {
        threads,
        priority_lowered,
    })
}

fn work(queue: &Queue, current: &Current) {
    let mut memory = Memory::new(queue.memory_counter());
    loop {
        let idle_release = (!memory.is_empty()).then(|| current.get().patience.idle_release);
        match queue.next(idle_release) {
            Next::Work(job) => {
                let terms = current.get();
                let deadline = terms.patience.queue_deadline;
                let waited = job.queued.elapsed();
                queue.hashed.waits.took(waited);
                if waited >= deadline && !job.work.is_abandoned() {
                    queue.hashed.late.one();
                }
                let begun = Instant::now();
                serve(job, &terms.evaluator, &mut memory, deadline);
                queue.hashed.works.took(begun.elapsed());
            }
            Next::Idle => memory.release(),
            Next::Stop => return,
        }
    }
}

/// Does a job, unless nobody waits for it any more or it waited too long.
pub(super) fn serve(job: Job, evaluator: &Evaluator, memory: &mut Memory, deadline: Duration) {
    let Job {
        work,
        queued,
        permit,
    } = job;
    if work.is_abandoned() {
        return;
    }
    if queued.elapsed() >= deadline {
        return work.refuse(HashError::TooLate);
    }
    // The place is given back before the answer is sent, so that who has the answer finds it free.
    match work {
        Work::Verify {
            password,
            stored,
            answer,
        } => {
            let result = guarded(|| evaluator.verify(memory, &password, stored.as_ref()));
            drop(permit);
            drop(answer.send(result));
        }
        Work::Hash { password, answer } => {
            let result = guarded(|| evaluator.hash(memory, &password));
            drop(permit);
            drop(answer.send(result));
        }
    }
    memory.shrink(evaluator.usual_blocks());
}

/// A panic fails one job, not the thread and all later jobs.
fn guarded<T>(run: impl FnOnce() -> Result<T, HashError>) -> Result<T, HashError> {
    catch_unwind(AssertUnwindSafe(run))
        .unwrap_or_else(|_| Err(CryptoError::failed("hashing a password").into()))
}
