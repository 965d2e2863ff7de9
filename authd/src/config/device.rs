//! `[device]`: known devices.

use std::time::Duration;

use domain::setting::Setting;

use super::fault::Fault;
use super::key::Key;
use super::value::Values;

/// The keys, sorted by name.
pub(super) const KEYS: &[Key] = &[Key::of(
    Setting::DeviceSecretTtl,
    Some("\"90d\""),
    "How long an unused device stays known.",
)];

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
