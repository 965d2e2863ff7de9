//! A handler against its deadline, its client and its own panics (rule 28): what has not begun is
//! cancelled, what has begun runs to its end, whoever still waits for it.

use std::future::Future;
use std::time::Instant;

use axum::response::Response;
use store::Claim;
use tokio::task::{JoinError, JoinHandle};

use crate::serve::DrainLimit;

/// How a request ended.
pub(super) enum Outcome {
    /// The handler answered.
    Answered(Response),
    /// The deadline struck before any effect; none will follow.
    TimedOut,
    /// The drain's limit was reached before any effect; none will follow.
    Draining,
    /// The handler panicked; what it says is for the log alone.
    Panicked(String),
}

/// Runs a handler as a task of its own. Where this future is dropped, the client is gone.
pub(super) async fn run(
    work: impl Future<Output = Response> + Send + 'static,
    claim: Claim,
    deadline: Option<Instant>,
    drain_limit: Option<DrainLimit>,
) -> Outcome {
    let mut running = Running {
        task: tokio::spawn(work),
        claim,
    };
    let cut = tokio::select! {
        biased;
        ended = &mut running.task => return settled(ended),
        () = passes(deadline) => Outcome::TimedOut,
        () = reached(drain_limit) => Outcome::Draining,
    };
    if running.claim.expire() {
        return cut;
    }
    let ended = (&mut running.task).await;
    settled(ended)
}

/// A handler under way. Dropped, it is cancelled unless its effect has begun.
struct Running {
    task: JoinHandle<Response>,
    claim: Claim,
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.claim.expire() {
            self.task.abort();
        }
    }
}

fn settled(ended: Result<Response, JoinError>) -> Outcome {
    match ended {
        Ok(response) => Outcome::Answered(response),
        Err(error) => match error.try_into_panic() {
            Ok(payload) => Outcome::Panicked(
                payload
                    .downcast_ref::<&str>()
                    .map(|text| (*text).to_owned())
                    .or_else(|| payload.downcast_ref::<String>().cloned())
                    .unwrap_or_default(),
            ),
            Err(error) => Outcome::Panicked(error.to_string()),
        },
    }
}

async fn passes(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

async fn reached(drain_limit: Option<DrainLimit>) {
    match drain_limit {
        Some(mut limit) => limit.reached().await,
        None => std::future::pending().await,
    }
}
