//! `[events]`: what happened, for those who follow it.

use std::time::Duration;

use super::fault::Fault;
use super::key::{Change, Class, Key, Kind, days, hours};
use super::value::Values;

/// The keys, sorted by name.
pub(super) const KEYS: &[Key] = &[Key {
    name: "events.retention",
    kind: Kind::Duration {
        // The longest life of an access token: what was revoked before is over.
        min: hours(1),
        max: days(365),
    },
    default: Some("\"7d\""),
    change: Change::Reload,
    class: Class::Installation,
    doc: "How far back the feed of revocations reaches.",
}];

/// Settings of the events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Events {
    /// How long they are kept.
    pub retention: Duration,
}

impl Events {
    pub(super) fn build(values: &Values) -> Result<Self, Fault> {
        Ok(Self {
            retention: values.duration("events.retention")?,
        })
    }
}
