//! What a generator saw: counts by status and the times of its requests. It travels as JSON from the
//! generator's process to the bench.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Times of requests, sorted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Times {
    /// Median, in microseconds.
    pub(crate) p50: f64,
    /// 90th percentile, in microseconds.
    pub(crate) p90: f64,
    /// 99th percentile, in microseconds.
    pub(crate) p99: f64,
    /// The slowest, in microseconds.
    pub(crate) max: f64,
}

impl Times {
    /// Of times in nanoseconds; all zero if there are none.
    pub(crate) fn of(mut nanos: Vec<u64>) -> Self {
        nanos.sort_unstable();
        let at = |share: usize| {
            let last = nanos.len().saturating_sub(1);
            let index = (nanos.len() * share / 1000).min(last);
            micros(nanos.get(index).copied().unwrap_or_default())
        };
        Self {
            p50: at(500),
            p90: at(900),
            p99: at(990),
            max: at(1000),
        }
    }

    /// Of durations.
    pub(crate) fn of_durations(times: impl IntoIterator<Item = Duration>) -> Self {
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Self::of(times.into_iter().map(nanos).collect())
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a time of request in nanoseconds is far below 2^53"
)]
fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1000.0
}

/// What happened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// Answers by status; 0 stands for connections that ended without one.
    pub(crate) statuses: BTreeMap<u16, u64>,
    /// Time from the first request to the last answer.
    pub(crate) seconds: f64,
    /// Times of the requests, from when they were due; of those that were answered with 2xx.
    pub(crate) times: Times,
    /// The same of all other answers.
    pub(crate) refused: Times,
    /// The body of the first answer that was neither 2xx nor 503.
    pub(crate) complaint: String,
    /// Processor time of the generator over its run: near 1 it was the bottleneck.
    pub(crate) busy: f64,
}

impl Outcome {
    /// Answers with this status.
    pub(crate) fn with(&self, status: u16) -> u64 {
        self.statuses.get(&status).copied().unwrap_or_default()
    }

    /// All answers.
    pub(crate) fn answers(&self) -> u64 {
        self.statuses.values().sum()
    }

    /// Answers a second with this status.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a count of requests is far below 2^53"
    )]
    pub(crate) fn rate(&self, status: u16) -> f64 {
        self.with(status) as f64 / self.seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_sorted_times() {
        let times = Times::of((1..=1000).rev().map(|n| n * 1000).collect());
        assert!((times.p50 - 501.0).abs() < 0.01 && (times.p99 - 991.0).abs() < 0.01);
        assert!((times.max - 1000.0).abs() < 0.01);
        assert!(Times::of(Vec::new()).max.abs() < 0.01);
    }
}
