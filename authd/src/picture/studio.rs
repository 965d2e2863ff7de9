//! The one thread that makes pictures anew, at the lowest priority, so that neither requests nor each
//! other's memory come to stand beside it. A picture that makes a decoder panic fails alone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::Builder;

use tokio::sync::oneshot;

use super::{Limits, Made, Refused, make};

/// The lowest priority of a thread (nice).
const LOWEST_PRIORITY: i32 = 19;

/// Why a picture was not made, beside what is wrong with it.
#[derive(Debug, thiserror::Error)]
pub enum StudioError {
    /// As many wait as may.
    #[error("too many pictures wait")]
    Full,
    /// It is no picture.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// A decoder panicked, or the thread is gone.
    #[error("the picture could not be decoded: {0}")]
    Failed(&'static str),
}

struct Job {
    file: Vec<u8>,
    limits: Limits,
    answer: oneshot::Sender<Result<Made, StudioError>>,
}

/// Makes pictures anew, one after the other.
#[derive(Debug, Clone)]
pub struct Studio(SyncSender<Job>);

impl Studio {
    /// Starts the thread; up to `waiting` files may wait for it.
    ///
    /// # Errors
    /// That of the system that makes no thread. It ends when the last handle is dropped.
    pub fn start(waiting: usize) -> Result<Self, std::io::Error> {
        let (jobs, queue) = sync_channel(waiting);
        Builder::new()
            .name("authd-picture".to_owned())
            .spawn(move || work(&queue))?;
        Ok(Self(jobs))
    }

    /// Makes a picture anew.
    ///
    /// # Errors
    /// [`StudioError`].
    pub async fn make(&self, file: Vec<u8>, limits: Limits) -> Result<Made, StudioError> {
        let (answer, answered) = oneshot::channel();
        let job = Job {
            file,
            limits,
            answer,
        };
        self.0.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => StudioError::Full,
            TrySendError::Disconnected(_) => StudioError::Failed("its thread is gone"),
        })?;
        answered
            .await
            .unwrap_or(Err(StudioError::Failed("its thread is gone")))
    }
}

fn work(queue: &Receiver<Job>) {
    // On Linux "this process" names the calling thread alone; at the usual priority it works as well.
    let _lowered = rustix::process::setpriority_process(None, LOWEST_PRIORITY).is_ok();
    while let Ok(job) = queue.recv() {
        // Nobody waits for the answer any more.
        if job.answer.is_closed() {
            continue;
        }
        let made = catch_unwind(AssertUnwindSafe(|| make(&job.file, job.limits)))
            .map_or(Err(StudioError::Failed("the decoder panicked")), |made| {
                made.map_err(StudioError::from)
            });
        drop(job.file);
        // Whoever waited may have gone.
        drop(job.answer.send(made));
    }
}
