//! `[tenant]`: what new tenants begin with.

use std::time::Duration;

use super::fault::Fault;
use super::key::{Change, Class, Form, Key, Kind, days, seconds};
use super::value::Values;

/// The keys, sorted by name.
pub(super) const KEYS: &[Key] = &[
    Key {
        name: "tenant.default_max_users",
        kind: Kind::Integer {
            min: 1,
            max: 10_000_000,
        },
        default: Some("25"),
        change: Change::Reload,
        class: Class::Installation,
        doc: "Most users of a new tenant.",
    },
    Key {
        name: "tenant.default_plan",
        kind: Kind::Text(Form::Label),
        default: Some("\"free\""),
        change: Change::Reload,
        class: Class::Installation,
        doc: "Plan of a new tenant.",
    },
    Key {
        name: "tenant.delete_grace",
        kind: Kind::Duration {
            min: days(1),
            max: days(3650),
        },
        default: Some("\"30d\""),
        change: Change::Reload,
        class: Class::Installation,
        doc: "How long a deleted tenant can be restored, before it is purged.",
    },
    Key {
        name: "tenant.expiry_grace",
        kind: Kind::Duration {
            min: seconds(0),
            max: days(365),
        },
        default: Some("\"7d\""),
        change: Change::Reload,
        class: Class::Installation,
        doc: "How long sign-in still works after a subscription has ended.",
    },
    Key {
        name: "tenant.time_zone",
        kind: Kind::Text(Form::TimeZone),
        default: Some("\"UTC\""),
        change: Change::Reload,
        class: Class::Operator,
        doc: "Time zone in which subscriptions end, by IANA name.",
    },
];

/// Settings of tenants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Most users of a new tenant.
    pub default_max_users: u32,
    /// Plan of a new tenant.
    pub default_plan: String,
    /// How long a deleted one can be restored.
    pub delete_grace: Duration,
    /// How long sign-in works after the end.
    pub expiry_grace: Duration,
    /// IANA name.
    pub time_zone: String,
}

impl Tenant {
    pub(super) fn build(values: &Values) -> Result<Self, Fault> {
        Ok(Self {
            default_max_users: values.number("tenant.default_max_users")?,
            default_plan: values.text("tenant.default_plan")?,
            delete_grace: values.duration("tenant.delete_grace")?,
            expiry_grace: values.duration("tenant.expiry_grace")?,
            time_zone: values.text("tenant.time_zone")?,
        })
    }
}
