//! Times as mails tell them: in the tenant's zone, which they name, and in the words of a language.

use common::time::Time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};

const ENGLISH: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const SWAHILI: [&str; 12] = [
    "Januari", "Februari", "Machi", "Aprili", "Mei", "Juni", "Julai", "Agosti", "Septemba",
    "Oktoba", "Novemba", "Desemba",
];

/// `24 November 2026, 12:07 (Africa/Nairobi, UTC+03:00)`. Hours are those of the clock in every
/// language, with the zone beside them: the Swahili count of hours from sunrise would be six off.
pub(super) fn moment(time: Time, zone: &TimeZone, language: &str) -> String {
    let stamp = Timestamp::from_millisecond(time.millis()).unwrap_or(Timestamp::UNIX_EPOCH);
    let zoned = stamp.to_zoned_datetime(zone.clone());
    let name = zone.iana_name().unwrap_or("UTC");
    let offset = zoned.strftime("%:z");
    let when = format!("{}, {}", day(&zoned, language), zoned.strftime("%H:%M"));
    if zone.to_offset(stamp).seconds() == 0 {
        return if name == "UTC" {
            format!("{when} (UTC)")
        } else {
            format!("{when} ({name}, UTC)")
        };
    }
    format!("{when} ({name}, UTC{offset})")
}

/// The day with its month's name; in figures where the language's names are not known here.
fn day(zoned: &ZonedDateTime, language: &str) -> String {
    let names = match language.split('-').next() {
        Some("en") => &ENGLISH,
        Some("sw") => &SWAHILI,
        _ => return zoned.strftime("%Y-%m-%d").to_string(),
    };
    let number = usize::try_from(zoned.month()).unwrap_or(1);
    let month = names.get(number.saturating_sub(1)).copied();
    format!(
        "{} {} {}",
        zoned.day(),
        month.unwrap_or_default(),
        zoned.year()
    )
}
