//! Answers: those of the last minute, and all since the start. In memory only.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use common::error::ErrorCode;
use common::sharded::Sharded;
use common::view::Family;

use super::tally::{RouteNumber, Tally};

const SECONDS: u64 = 60;
/// One slot more than the window, for the second that is not over.
const SLOTS: u64 = SECONDS + 1;
/// Four steps a doubling from 1 µs to over 2 h.
const BUCKETS: usize = 34 * 4;

/// Counts answers by the second.
#[derive(Debug)]
pub struct Traffic {
    started: Instant,
    slots: Sharded<Vec<Slot>>,
    tally: Tally,
}

/// The last minute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrafficSummary {
    /// Answers a second.
    pub requests_per_second: f64,
    /// 99th percentile of the time to answer, rounded up by a quarter at most; none without any.
    pub p99_seconds: Option<f64>,
    /// Share of 5xx answers, 0 to 1.
    pub error_rate: f64,
}

#[derive(Debug, Clone)]
struct Slot {
    second: u64,
    count: u32,
    failed: u32,
    buckets: [u32; BUCKETS],
}

impl Slot {
    const EMPTY: Self = Self {
        second: 0,
        count: 0,
        failed: 0,
        buckets: [0; BUCKETS],
    };
}

impl Traffic {
    /// Nothing counted yet.
    pub fn starting(now: Instant) -> Self {
        let slots = usize::try_from(SLOTS).unwrap_or_default();
        Self {
            started: now,
            slots: Sharded::new(|| vec![Slot::EMPTY; slots]),
            tally: Tally::of_all_routes(),
        }
    }

    /// Where answers to a method at a route are counted; none is the route of what no route takes.
    pub(super) fn number_of(&self, method: &str, route: Option<&str>) -> RouteNumber {
        self.tally.number_of(method, route)
    }

    /// Counts an answer among all since the start.
    pub(super) fn count(
        &self,
        number: RouteNumber,
        took: Duration,
        status: StatusCode,
        code: Option<ErrorCode>,
    ) {
        self.tally.count(number, took, status, code);
    }

    /// All answers since the start.
    pub fn families(&self) -> Vec<Family> {
        self.tally.families()
    }

    /// Counts an answer that was given at `now` after `took`.
    pub fn record(&self, now: Instant, took: Duration, status: StatusCode) {
        let second = self.second(now);
        let Some(mut slots) = self.slots.own() else {
            return;
        };
        let index = usize::try_from(second % SLOTS).unwrap_or_default();
        let Some(slot) = slots.get_mut(index) else {
            return;
        };
        if slot.second != second {
            *slot = Slot {
                second,
                ..Slot::EMPTY
            };
        }
        slot.count = slot.count.saturating_add(1);
        if status.is_server_error() {
            slot.failed = slot.failed.saturating_add(1);
        }
        if let Some(bucket) = slot.buckets.get_mut(bucket_of(took)) {
            *bucket = bucket.saturating_add(1);
        }
    }

    /// Sums up the sixty seconds before the one that runs at `now`, or what there is of them.
    pub fn summary(&self, now: Instant) -> TrafficSummary {
        let current = self.second(now);
        let first = current.saturating_sub(SECONDS);
        let (mut count, mut failed, mut buckets) = (0_u64, 0_u64, [0_u64; BUCKETS]);
        for slots in self.slots.all() {
            for slot in slots.iter().filter(|slot| slot.second >= first) {
                count = count.saturating_add(u64::from(slot.count));
                failed = failed.saturating_add(u64::from(slot.failed));
                for (sum, part) in buckets.iter_mut().zip(slot.buckets) {
                    *sum = sum.saturating_add(u64::from(part));
                }
            }
        }
        let span = now.saturating_duration_since(self.started).as_secs_f64();
        let span = span.clamp(1.0, as_float(SECONDS) + 1.0);
        TrafficSummary {
            requests_per_second: as_float(count) / span,
            p99_seconds: percentile(&buckets, count, 99),
            error_rate: as_float(failed) / as_float(count.max(1)),
        }
    }

    fn second(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.started).as_secs()
    }
}

/// Upper bound of the bucket that holds the given percentile.
fn percentile(buckets: &[u64; BUCKETS], count: u64, percent: u64) -> Option<f64> {
    let rank = count.saturating_mul(percent).div_ceil(100);
    let mut below = 0_u64;
    for (index, bucket) in buckets.iter().enumerate() {
        below = below.saturating_add(*bucket);
        if *bucket > 0 && below >= rank {
            return Some(upper_bound_micros(index) / 1e6);
        }
    }
    None
}

/// Two bits below the highest set one tell the quarter of a doubling.
fn bucket_of(took: Duration) -> usize {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(4);
    let doubling = micros.ilog2();
    let quarter = (micros >> doubling.saturating_sub(2)) & 3;
    let index = u64::from(doubling.saturating_sub(2)) * 4 + quarter;
    usize::try_from(index).unwrap_or(BUCKETS).min(BUCKETS - 1)
}

fn upper_bound_micros(index: usize) -> f64 {
    let doubling = i32::try_from(index / 4).unwrap_or(i32::MAX);
    let quarter = u32::try_from(index % 4).unwrap_or_default();
    f64::from(quarter + 5) * 2_f64.powi(doubling)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a minute are far below 2^52"
)]
fn as_float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_minute_counts_and_nothing_before_it() {
        let start = Instant::now();
        let traffic = Traffic::starting(start);
        let at = |second: u64| start + Duration::from_secs(second);
        assert_eq!(traffic.summary(at(0)).p99_seconds, None);
        for second in 0..100 {
            for _ in 0..10 {
                traffic.record(at(second), Duration::from_millis(2), StatusCode::OK);
            }
        }
        let summary = traffic.summary(at(99));
        assert!(
            (summary.requests_per_second - 10.0).abs() < 0.2,
            "{summary:?}"
        );
        let p99 = summary.p99_seconds.unwrap();
        assert!((0.002..0.0026).contains(&p99), "{p99}");
        assert!(summary.error_rate.abs() < f64::EPSILON);
        let summary = traffic.summary(at(300));
        assert_eq!(summary.p99_seconds, None);
        assert!(summary.requests_per_second.abs() < f64::EPSILON);
    }

    #[test]
    fn answers_of_all_threads_are_counted() {
        let start = Instant::now();
        let traffic = Traffic::starting(start);
        std::thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| traffic.record(start, Duration::from_millis(1), StatusCode::OK));
            }
        });
        let rate = traffic.summary(start).requests_per_second;
        assert!((rate - 20.0).abs() < 0.1, "{rate}");
    }

    #[test]
    fn slow_and_failed_answers_show() {
        let start = Instant::now();
        let traffic = Traffic::starting(start);
        for _ in 0..98 {
            traffic.record(start, Duration::from_micros(1), StatusCode::NOT_FOUND);
        }
        for _ in 0..2 {
            traffic.record(start, Duration::from_secs(3), StatusCode::BAD_GATEWAY);
        }
        let summary = traffic.summary(start);
        assert!((summary.error_rate - 0.02).abs() < 1e-9);
        let p99 = summary.p99_seconds.unwrap();
        assert!((3.0..3.8).contains(&p99), "{p99}");
        traffic.record(start, Duration::from_secs(1 << 40), StatusCode::OK);
    }
}
