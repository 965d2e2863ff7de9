//! Times for people: "3m ago" on a terminal, RFC 3339 with offset everywhere else.
//! The clock is read once a run, so that all rows of a table agree.

use std::time::Duration;

use common::time::Time;
use common::units::format_duration_short;
use jiff::tz::TimeZone;

/// Digits of a hash that a table shows.
const HASH_START: usize = 8;

/// How the times and hashes of one run are written.
#[derive(Debug, Clone)]
pub(crate) struct Moments {
    /// The moment of this run.
    pub(crate) now: Time,
    /// Whether to tell how long ago.
    pub(crate) relative: bool,
    /// Zone of exact times.
    pub(crate) zone: TimeZone,
    /// Whether hashes are cut to what tells them apart.
    pub(crate) brief: bool,
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

    /// A moment that is long past, to the minute where people read; exact everywhere else.
    pub(crate) fn minute(&self, time: Time) -> String {
        let exact = time.to_rfc3339_in(&self.zone);
        match exact.split_once('T') {
            Some((day, rest)) if self.relative => {
                format!("{day} {}", rest.chars().take(5).collect::<String>())
            }
            _ => exact,
        }
    }

    /// A day that ends then, by its date where people read; exact everywhere else.
    pub(crate) fn day(&self, end: Time, zone: &str) -> String {
        match TimeZone::get(zone) {
            Ok(zone) if self.relative => end.to_rfc3339_in(&zone).chars().take(10).collect(),
            _ => end.to_rfc3339_in(&self.zone),
        }
    }

    /// A name that no user has: enough of its hash to tell it from others, or all of it.
    pub(crate) fn unknown(&self, hash: &str) -> String {
        match hash.get(..HASH_START) {
            Some(start) if self.brief && hash.len() > HASH_START => format!("(unknown) {start}…"),
            _ => format!("(unknown) {hash}").trim_end().to_owned(),
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
            brief: true,
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
        let last: Time = "2027-03-31T20:59:59.999Z".parse().unwrap();
        assert_eq!(moments.day(last, "Africa/Nairobi"), "2027-03-31");
        assert_eq!(moments.minute(now), "2026-11-23 14:02");
        moments.relative = false;
        assert_eq!(moments.minute(now), "2026-11-23T14:02:11.123Z");
        assert_eq!(
            moments.day(last, "Africa/Nairobi"),
            "2027-03-31T20:59:59.999Z"
        );
        assert_eq!(moments.moment(before(59)), "2026-11-23T14:01:12.123Z");
        assert_eq!(
            moments.remaining(end).as_deref(),
            Some("2026-11-23T14:12:52.123Z")
        );
    }

    #[test]
    fn a_name_that_no_user_has_is_short_in_a_table_and_whole_elsewhere() {
        let mut moments = Moments {
            now: Time::default(),
            relative: false,
            zone: TimeZone::UTC,
            brief: true,
        };
        let hash = "9f1c".repeat(16);
        assert_eq!(moments.unknown(&hash), "(unknown) 9f1c9f1c…");
        assert_eq!(moments.unknown(""), "(unknown)");
        moments.brief = false;
        assert_eq!(moments.unknown(&hash), format!("(unknown) {hash}"));
    }
}
