//! Durations and sizes as people write them: `15m`, `1h 30min`, `8MiB` (systemd.time(7) spelling).
//! A bare number is refused where a unit is needed.

use std::time::Duration;

/// Why a text is no duration or size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUnit {
    /// No unit, an unknown one, or no number before it.
    #[error("expected a duration with a unit, like \"15m\" or \"30d\"")]
    Duration,
    /// No unit, an unknown one, or no number before it.
    #[error("expected a size with a unit, like \"64KiB\" or \"8MiB\"")]
    Size,
    /// Larger than the type holds.
    #[error("the value is too large")]
    TooLarge,
}

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

fn duration_unit(unit: &str) -> Option<u64> {
    Some(match unit {
        "ms" | "msec" => 1,
        "s" | "sec" | "second" | "seconds" => SECOND,
        "m" | "min" | "minute" | "minutes" => MINUTE,
        "h" | "hr" | "hour" | "hours" => HOUR,
        "d" | "day" | "days" => DAY,
        "w" | "week" | "weeks" => 7 * DAY,
        _ => return None,
    })
}

fn size_unit(unit: &str) -> Option<u64> {
    Some(match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    })
}

/// Adds up `number unit` pairs; none when a part does not fit the grammar.
fn sum(text: &str, unit: fn(&str) -> Option<u64>) -> Option<Result<u64, InvalidUnit>> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    let mut total = 0_u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let tail = tail.trim_start();
        let letters = tail
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(tail.len());
        let (name, tail) = tail.split_at(letters);
        let factor = unit(name)?;
        if number.is_empty() {
            return None;
        }
        let part = number
            .parse::<u64>()
            .ok()
            .and_then(|n| n.checked_mul(factor));
        match part.and_then(|part| total.checked_add(part)) {
            Some(sum) => total = sum,
            None => return Some(Err(InvalidUnit::TooLarge)),
        }
        rest = tail.trim_start();
    }
    Some(Ok(total))
}

/// Reads a duration such as `15m`, `30d`, `1h 30min` or `250ms`.
///
/// # Errors
/// [`InvalidUnit`] for a missing or unknown unit, or a value over 2^64 ms.
pub fn parse_duration(text: &str) -> Result<Duration, InvalidUnit> {
    sum(text, duration_unit)
        .unwrap_or(Err(InvalidUnit::Duration))
        .map(Duration::from_millis)
}

/// Reads a size in bytes such as `64KiB`.
///
/// # Errors
/// [`InvalidUnit`] for a missing or unknown unit, or a value over 2^64 bytes.
pub fn parse_size(text: &str) -> Result<u64, InvalidUnit> {
    sum(text, size_unit).unwrap_or(Err(InvalidUnit::Size))
}

/// Writes a duration with the largest units that divide it: `15m`, `1h 30m`, `1500ms`.
pub fn format_duration(duration: Duration) -> String {
    let mut millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if millis == 0 {
        return "0s".to_owned();
    }
    let mut parts = Vec::new();
    for (factor, unit) in [
        (DAY, "d"),
        (HOUR, "h"),
        (MINUTE, "m"),
        (SECOND, "s"),
        (1, "ms"),
    ] {
        let count = millis.checked_div(factor).unwrap_or(0);
        if count > 0 {
            parts.push(format!("{count}{unit}"));
            millis = millis.checked_rem(factor).unwrap_or(0);
        }
    }
    parts.join(" ")
}

/// Writes the two largest units, for people: `10m 41s`, `3d 2h`.
pub fn format_duration_short(duration: Duration) -> String {
    let whole = Duration::from_secs(duration.as_secs());
    let text = format_duration(whole);
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_write() {
        assert_eq!(parse_duration("15m"), Ok(Duration::from_secs(900)));
        assert_eq!(parse_duration("1h 30min"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse_duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_duration("15"), Err(InvalidUnit::Duration));
        assert_eq!(parse_duration(""), Err(InvalidUnit::Duration));
        assert_eq!(parse_duration("m"), Err(InvalidUnit::Duration));
        assert_eq!(parse_duration("-5m"), Err(InvalidUnit::Duration));
        assert_eq!(parse_duration("5 parsecs"), Err(InvalidUnit::Duration));
        assert_eq!(
            parse_duration("99999999999999999999d"),
            Err(InvalidUnit::TooLarge)
        );
        assert_eq!(format_duration(Duration::from_secs(5400)), "1h 30m");
        assert_eq!(
            format_duration_short(Duration::from_millis(641_500)),
            "10m 41s"
        );
        assert_eq!(format_duration(Duration::ZERO), "0s");
    }

    #[test]
    fn sizes_need_their_unit() {
        assert_eq!(parse_size("64KiB"), Ok(65536));
        assert_eq!(parse_size("8 MiB"), Ok(8 << 20));
        assert_eq!(parse_size("64"), Err(InvalidUnit::Size));
        assert_eq!(parse_size("64KB"), Err(InvalidUnit::Size));
    }
}
