//! `[session]`: how long sign-ins last.

use std::time::Duration;

use domain::session::SessionPolicy;

use super::fault::Fault;
use super::key::{Change, Class, Form, Key, Kind, days, minutes, seconds};
use super::value::Values;

/// The keys, sorted by name.
pub(super) const KEYS: &[Key] = &[
    Key {
        name: "session.idle_timeout",
        kind: Kind::Duration {
            min: minutes(1),
            max: days(365),
        },
        default: Some("\"7d\""),
        change: Change::Reload,
        class: Class::Tenant,
        doc: "Longest time without use.",
    },
    Key {
        name: "session.max_age",
        kind: Kind::Duration {
            min: minutes(5),
            max: days(365),
        },
        default: Some("\"30d\""),
        change: Change::Reload,
        class: Class::Tenant,
        doc: "Longest life.",
    },
    Key {
        name: "session.policy",
        kind: Kind::Text(Form::SessionPolicy),
        default: Some("\"single\""),
        change: Change::Reload,
        class: Class::Operator,
        doc: "Sessions side by side: single, per_device, per_device_type or limit:N.",
    },
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
