//! Time as the project knows it: milliseconds since 1970, read only through [`Clock`].
//! No other place of the code asks the operating system what time it is.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment: milliseconds since 1970-01-01T00:00:00Z; RFC 3339 with offset in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(i64);

/// Why a text is no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a time like 2026-11-23T14:02:11.123Z")]
pub struct InvalidTime;

impl Time {
    /// Milliseconds since 1970.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down, as JWTs count.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Seconds since 1970 with their fraction, as Prometheus tells times.
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds of this era are far below 2^53"
    )]
    pub const fn seconds_f64(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// A moment later; the end of time if it does not fit.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    /// A moment earlier; the beginning of time if it does not fit.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }

    /// How long after `earlier` this is; nothing if it is before.
    pub fn since(self, earlier: Self) -> Duration {
        let difference = self.0.saturating_sub(earlier.0);
        Duration::from_millis(u64::try_from(difference).unwrap_or(0))
    }

    /// The text in the given zone, RFC 3339 with three digits and the offset.
    pub fn to_rfc3339_in(self, zone: &TimeZone) -> String {
        let Ok(timestamp) = Timestamp::from_millisecond(self.0) else {
            return "-".to_owned();
        };
        if zone.to_offset(timestamp).seconds() == 0 {
            return format!("{}", timestamp.strftime("%Y-%m-%dT%H:%M:%S.%3fZ"));
        }
        format!(
            "{}",
            timestamp
                .to_zoned_datetime(zone.clone())
                .strftime("%Y-%m-%dT%H:%M:%S.%3f%:z")
        )
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339_in(&TimeZone::UTC))
    }
}

impl FromStr for Time {
    type Err = InvalidTime;

    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        let timestamp: Timestamp = text.parse().map_err(|_| InvalidTime)?;
        Ok(Self(timestamp.as_millisecond()))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// Where the time comes from; tests bring their own.
pub trait Clock: Send + Sync + 'static {
    /// The present moment of the wall clock.
    fn now(&self) -> Time;

    /// Time since some fixed moment, for what must not follow a wall clock that is set: it only grows. A
    /// clock that has nothing of the kind counts from 1970.
    fn steady(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.now().0).unwrap_or(0))
    }
}

/// The machine's wall clock, read through libc so that libfaketime works.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the wall clock"
    )]
    fn now(&self) -> Time {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => Time(millis(since)),
            Err(before) => Time(millis(before.duration()).saturating_neg()),
        }
    }

    fn steady(&self) -> Duration {
        static START: OnceLock<Instant> = OnceLock::new();
        START.get_or_init(Instant::now).elapsed()
    }
}

/// A clock that moves only when told to.
#[derive(Debug, Default)]
pub struct ManualClock {
    wall: AtomicI64,
    /// Milliseconds that it was moved forward by.
    passed: AtomicU64,
}

impl ManualClock {
    /// Stands at the given moment.
    pub const fn at(time: Time) -> Self {
        Self {
            wall: AtomicI64::new(time.0),
            passed: AtomicU64::new(0),
        }
    }

    /// Moves forward.
    pub fn advance(&self, duration: Duration) {
        self.wall.fetch_add(millis(duration), Ordering::SeqCst);
        let passed = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        self.passed.fetch_add(passed, Ordering::SeqCst);
    }

    /// Jumps, also backwards; no time passes by it.
    pub fn set(&self, time: Time) {
        self.wall.store(time.0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Time {
        Time(self.wall.load(Ordering::SeqCst))
    }

    fn steady(&self) -> Duration {
        Duration::from_millis(self.passed.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_carries_three_digits_and_an_offset() {
        let time: Time = "2026-11-23T14:02:11.123Z".parse().unwrap();
        assert_eq!(time.to_string(), "2026-11-23T14:02:11.123Z");
        let zone = TimeZone::fixed(jiff::tz::offset(3));
        assert_eq!(time.to_rfc3339_in(&zone), "2026-11-23T17:02:11.123+03:00");
        assert_eq!("2026-11-23T17:02:11.123+03:00".parse::<Time>(), Ok(time));
        assert!("2026-11-23".parse::<Time>().is_err());
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(
            Time::from_millis(i64::MAX).plus(Duration::MAX).millis(),
            i64::MAX
        );
        assert_eq!(
            Time::from_millis(5).since(Time::from_millis(9)),
            Duration::ZERO
        );
        assert_eq!(Time::from_millis(-1).seconds(), -1);
    }

    #[test]
    fn what_is_steady_does_not_follow_a_clock_that_is_set() {
        let clock = ManualClock::at(Time(1_000));
        clock.advance(Duration::from_millis(5));
        clock.set(Time(0));
        assert_eq!(
            (clock.now(), clock.steady()),
            (Time(0), Duration::from_millis(5))
        );
        let before = SystemClock.steady();
        assert!(SystemClock.steady() >= before);
    }
}
