//! Times for people: "3m ago" on a terminal, RFC 3339 with offset everywhere else.
//! The clock is read once a run, so that all rows of a table agree.

use std::time::Duration;

use common::time::Time;
use common::units::format_duration_short;
use jiff::tz::TimeZone;

/// How the times of one run are written.
#[derive(Debug, Clone)]
pub(crate) struct Moments {
    /// The moment of this run.
    pub(crate) now: Time,
    /// Whether to tell how long ago.
    pub(crate) relative: bool,
    /// Zone of exact times.
    pub(crate) zone: TimeZone,
}

impl Moments {
    /// A moment of the past or the future.
    pub(crate) fn moment(&self, time: Time) -> String {
        if !self.relative {
            return time.to_rfc3339_in(&self.zone);
        }
        if time > self.now {
            return format!("in {}", coarse(time.since(self.now)));
        }
        match self.now.since(time) {
            short if short < Duration::from_secs(1) => "now".to_owned(),
            gone => format!("{} ago", coarse(gone)),
        }
    }

    /// How long something lasts that ends then; nothing once it is over.
    pub(crate) fn remaining(&self, end: Time) -> Option<String> {
        if end <= self.now {
            return None;
        }
        if self.relative {
            return Some(format_duration_short(end.since(self.now)));
        }
        Some(end.to_rfc3339_in(&self.zone))
    }
}

/// The largest unit that makes a number of two digits or so.
fn coarse(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (count, unit) = match seconds {
        0..60 => (seconds, "s"),
        60..3600 => (seconds / 60, "m"),
        3600..172_800 => (seconds / 3600, "h"),
        _ => (seconds / 86_400, "d"),
    };
    format!("{count}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_relative_for_people_and_exact_for_others() {
        let now: Time = "2026-11-23T14:02:11.123Z".parse().unwrap();
        let mut moments = Moments {
            now,
            relative: true,
            zone: TimeZone::UTC,
        };
        let before = |seconds| now.minus(Duration::from_secs(seconds));
        assert_eq!(moments.moment(now), "now");
        assert_eq!(moments.moment(before(59)), "59s ago");
        assert_eq!(moments.moment(before(190)), "3m ago");
        assert_eq!(moments.moment(before(100_000)), "27h ago");
        assert_eq!(moments.moment(before(200_000)), "2d ago");
        assert_eq!(moments.moment(now.plus(Duration::from_secs(90))), "in 1m");
        let end = now.plus(Duration::from_secs(641));
        assert_eq!(moments.remaining(end).as_deref(), Some("10m 41s"));
        assert_eq!(moments.remaining(now), None);
        moments.relative = false;
        assert_eq!(moments.moment(before(59)), "2026-11-23T14:01:12.123Z");
        assert_eq!(
            moments.remaining(end).as_deref(),
            Some("2026-11-23T14:12:52.123Z")
        );
    }
}
