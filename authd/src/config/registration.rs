//! `[registration]`: people who make their own accounts.

use std::time::Duration;

use domain::setting::Setting;

use super::fault::Fault;
use super::key::{Change, Class, Key, Kind, days, minutes};
use super::value::Values;

/// The keys, sorted by name.
pub(super) const KEYS: &[Key] = &[
    Key::of(
        Setting::RegistrationAllowedDomains,
        Some("[]"),
        "Domains of the addresses that may register; [] for any.",
    ),
    Key::of(
        Setting::RegistrationEnabled,
        Some("false"),
        "Whether people may register.",
    ),
    Key::of(
        Setting::RegistrationMaxPending,
        Some("100"),
        "Most registrations of a tenant that wait; a tenth of it from one IPv4 address or IPv6 /64.",
    ),
    Key {
        name: "registration.verify_ttl",
        kind: Kind::Duration {
            min: minutes(10),
            max: days(30),
        },
        default: Some("\"48h\""),
        change: Change::Reload,
        class: Class::Installation,
        doc: "How long an address waits for its owner's confirmation.",
    },
];

/// Settings of registrations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// Domains that may register; none for any.
    pub allowed_domains: Vec<String>,
    /// Whether people may register.
    pub enabled: bool,
    /// Most registrations of a tenant that wait.
    pub max_pending: u32,
    /// How long an address waits.
    pub verify_ttl: Duration,
}

impl Registration {
    pub(super) fn build(values: &Values) -> Result<Self, Fault> {
        Ok(Self {
            allowed_domains: values.list("registration.allowed_domains")?,
            enabled: values.bool("registration.enabled")?,
            max_pending: values.number("registration.max_pending")?,
            verify_ttl: values.duration("registration.verify_ttl")?,
        })
    }
}
