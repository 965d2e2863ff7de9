//! Figures that only grow: counted by many threads without a lock, read by whoever asks. They are as
//! of about now; figures that must agree with one another do not belong here.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A number that only grows, from zero at the start of the process.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Counts one.
    pub fn one(&self) {
        self.add(1);
    }

    /// Counts so many.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// How many so far.
    pub fn total(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How long something took, counted by upper bounds.
#[derive(Debug)]
pub struct Times {
    bounds: &'static [Duration],
    /// One more than there are bounds: the last holds what is above them all.
    buckets: Box<[Counter]>,
    nanoseconds: Counter,
}

impl Times {
    /// Nothing counted yet; the bounds rise.
    pub fn within(bounds: &'static [Duration]) -> Self {
        Self {
            bounds,
            buckets: (0..=bounds.len()).map(|_| Counter::default()).collect(),
            nanoseconds: Counter::default(),
        }
    }

    /// Counts one.
    pub fn took(&self, time: Duration) {
        let place = self.bounds.partition_point(|bound| *bound < time);
        if let Some(bucket) = self.buckets.get(place) {
            bucket.one();
        }
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.add(nanoseconds);
    }

    /// What was counted so far.
    pub fn spread(&self) -> Spread {
        Spread {
            bounds: self.bounds.iter().map(Duration::as_secs_f64).collect(),
            counts: self.buckets.iter().map(Counter::total).collect(),
            sum: Duration::from_nanos(self.nanoseconds.total()).as_secs_f64(),
        }
    }
}

/// How often values fell within which bounds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Spread {
    /// Upper bounds, rising.
    pub bounds: Vec<f64>,
    /// Values within each bound and above the one before it; one more, for those above all.
    pub counts: Vec<u64>,
    /// Sum of all values.
    pub sum: f64,
}

impl Spread {
    /// Adds what was counted elsewhere within the same bounds.
    pub fn add(&mut self, other: Self) {
        if self.counts.is_empty() {
            *self = other;
            return;
        }
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count = count.saturating_add(more);
        }
        self.sum += other.sum;
    }

    /// How many values there are.
    pub fn total(&self) -> u64 {
        self.counts
            .iter()
            .fold(0, |sum, count| sum.saturating_add(*count))
    }
}

/// A count as a figure: whole up to 2^53, and as near as can be above.
#[expect(
    clippy::cast_precision_loss,
    reason = "figures are floats, whatever they count"
)]
pub const fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: &[Duration] = &[Duration::from_millis(1), Duration::from_millis(10)];

    #[test]
    fn a_time_counts_in_the_first_bound_that_holds_it() {
        let times = Times::within(BOUNDS);
        for micros in [0, 1000, 1001, 10_000, 10_001] {
            times.took(Duration::from_micros(micros));
        }
        let mut spread = times.spread();
        assert_eq!(spread.bounds, [0.001, 0.01]);
        assert_eq!(spread.counts, [2, 2, 1]);
        assert!((spread.sum - 0.022_002).abs() < 1e-9, "{spread:?}");
        spread.add(times.spread());
        assert_eq!((spread.counts, spread.sum > 0.04), (vec![4, 4, 2], true));
    }

    #[test]
    fn nothing_and_something_is_something() {
        let times = Times::within(BOUNDS);
        times.took(Duration::from_secs(1));
        let mut sum = Spread::default();
        sum.add(times.spread());
        assert_eq!((sum.total(), sum.bounds.len()), (1, 2));
    }
}
