//! `[lockout]`: when wrong passwords lock a name.

use std::time::Duration;

use domain::setting::Setting;

use super::fault::Fault;
use super::key::Key;
use super::value::Values;

/// The keys, sorted by name.
pub(super) const KEYS: &[Key] = &[
    Key::of(
        Setting::LockoutDuration,
        Some("\"15m\""),
        "Length of a lock; stricter is longer.",
    ),
    Key::of(
        Setting::LockoutThreshold,
        Some("5"),
        "Wrong passwords within the window that lock a name; stricter is fewer.",
    ),
    Key::of(
        Setting::LockoutWindow,
        Some("\"15m\""),
        "Time in which wrong passwords count; stricter is longer.",
    ),
];

/// Settings of the lockout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lockout {
    /// Length of a lock.
    pub duration: Duration,
    /// Wrong passwords that lock a name.
    pub threshold: u32,
    /// Time in which they count.
    pub window: Duration,
}

impl Lockout {
    pub(super) fn build(values: &Values) -> Result<Self, Fault> {
        Ok(Self {
            duration: values.duration("lockout.duration")?,
            threshold: values.number("lockout.threshold")?,
            window: values.duration("lockout.window")?,
        })
    }
}
