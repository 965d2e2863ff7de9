//! The load generator, a process of its own: one thread, raw sockets, requests prepared before the
//! clock runs, one request at a time on a connection.
//!
//! Closed loop: each connection sends as soon as it has its answer. Open loop: requests are due at a
//! fixed rate whatever the answers do, and each one's time counts from when it was due, so that
//! waiting is counted. It knows nothing of what is measured.

mod answer;
mod engine;
mod outcome;
pub(crate) mod plan;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) use outcome::{Outcome, Times};
use serde::{Deserialize, Serialize};

use crate::Result;

/// What a generator does.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Order {
    /// Where to.
    pub(crate) address: SocketAddr,
    /// Prepared requests, sent in turn, from the beginning again at the end.
    pub(crate) plan: PathBuf,
    /// The first request of the plan that is sent.
    pub(crate) skip: usize,
    /// Connections.
    pub(crate) connections: usize,
    /// Requests that end the run.
    pub(crate) requests: Option<u64>,
    /// Time that ends the run.
    pub(crate) time: Option<Duration>,
    /// Requests a second that are due; none for a closed loop.
    pub(crate) rate: Option<u32>,
    /// Whether each answer holds the refresh token that the connection sends next.
    pub(crate) chains: bool,
    /// Whether the generator, in a closed loop, looks for answers without pause. One that sleeps is
    /// called by its answers, which is work of the server's processor and would not be with clients on
    /// another machine; so one that has a processor of its own stays awake.
    #[serde(default)]
    pub(crate) stays_awake: bool,
}

impl Order {
    /// A closed loop without an end, over a plan from its beginning.
    pub(crate) fn new(address: SocketAddr, plan: PathBuf, connections: usize) -> Self {
        Self {
            address,
            plan,
            skip: 0,
            connections,
            requests: None,
            time: None,
            rate: None,
            chains: false,
            stays_awake: false,
        }
    }
}

/// Runs an order, given as JSON, and prints the outcome.
pub(crate) fn run(order: &str) -> Result<()> {
    let order: Order = serde_json::from_str(order)?;
    let outcome = engine::run(&order)?;
    let mut out = std::io::stdout().lock();
    Ok(writeln!(out, "{}", serde_json::to_string(&outcome)?)?)
}
