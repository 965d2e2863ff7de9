//! `[lockout]`: when wrong passwords lock a name.

use std::time::Duration;

use super::fault::Fault;
use super::key::{Change, Class, Key, Kind, days, minutes};
use super::value::Values;

/// The keys, sorted by name.
pub(super) const KEYS: &[Key] = &[
    Key {
        name: "lockout.duration",
        kind: Kind::Duration {
            min: minutes(1),
            max: days(30),
        },
        default: Some("\"15m\""),
        change: Change::Reload,
        class: Class::Tenant,
        doc: "Length of a lock; stricter is longer.",
    },
    Key {
        name: "lockout.threshold",
        kind: Kind::Integer { min: 1, max: 100 },
        default: Some("5"),
        change: Change::Reload,
        class: Class::Tenant,
        doc: "Wrong passwords within the window that lock a name; stricter is fewer.",
    },
    Key {
        name: "lockout.window",
        kind: Kind::Duration {
            min: minutes(1),
            max: days(30),
        },
        default: Some("\"15m\""),
        change: Change::Reload,
        class: Class::Tenant,
        doc: "Time in which wrong passwords count; stricter is longer.",
    },
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
