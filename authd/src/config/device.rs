//! `[device]`: known devices.

use std::time::Duration;

use super::fault::Fault;
use super::key::{Change, Class, Key, Kind, days};
use super::value::Values;

/// The keys, sorted by name.
pub(super) const KEYS: &[Key] = &[Key {
    name: "device.secret_ttl",
    kind: Kind::Duration {
        min: days(1),
        max: days(730),
    },
    default: Some("\"90d\""),
    change: Change::Reload,
    class: Class::Tenant,
    doc: "How long an unused device stays known.",
}];

/// Settings of known devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// How long an unused device stays known.
    pub secret_ttl: Duration,
}

impl Device {
    pub(super) fn build(values: &Values) -> Result<Self, Fault> {
        Ok(Self {
            secret_ttl: values.duration("device.secret_ttl")?,
        })
    }
}
