//! `[session]`: how long sign-ins last.

use std::time::Duration;

use domain::session::SessionPolicy;
use domain::setting::Setting;

use super::fault::Fault;
use super::key::{Change, Class, Key, Kind, days, minutes, seconds};
use super::value::Values;

/// The keys, sorted by name.
pub(super) const KEYS: &[Key] = &[
    Key::of(
        Setting::SessionIdleTimeout,
        Some("\"7d\""),
        "Longest time without use.",
    ),
    Key::of(Setting::SessionMaxAge, Some("\"30d\""), "Longest life."),
    Key::of(
        Setting::SessionPolicy,
        Some("\"single\""),
        "Sessions side by side: single, per_device, per_device_type or limit:N.",
    ),
    Key {
        name: "session.retention",
        kind: Kind::Duration {
            min: days(1),
            max: days(3650),
        },
        default: Some("\"30d\""),
        change: Change::Reload,
        class: Class::Installation,
        doc: "How long ended sessions are kept.",
    },
    Key {
        name: "session.touch_interval",
        kind: Kind::Duration {
            min: seconds(1),
            max: minutes(10),
        },
        default: Some("\"60s\""),
        change: Change::Reload,
        class: Class::Installation,
        doc: "How often the time of last use goes to disk.",
    },
];

/// Settings of sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Longest time without use.
    pub idle_timeout: Duration,
    /// Longest life.
    pub max_age: Duration,
    /// Sessions side by side.
    pub policy: SessionPolicy,
    /// How long ended sessions are kept.
    pub retention: Duration,
    /// How often the time of last use goes to disk.
    pub touch_interval: Duration,
}

impl Session {
    pub(super) fn build(values: &Values) -> Result<Self, Fault> {
        Ok(Self {
            idle_timeout: values.duration("session.idle_timeout")?,
            max_age: values.duration("session.max_age")?,
            policy: values.parsed("session.policy")?,
            retention: values.duration("session.retention")?,
            touch_interval: values.duration("session.touch_interval")?,
        })
    }
}
