//! `[attempts]`: the log of sign-in attempts.

use std::time::Duration;

use domain::setting::Setting;

use super::fault::Fault;
use super::key::{Change, Class, Key, Kind};
use super::value::Values;

const STORE_IP: &[&str] = &["full", "truncated"];

/// The keys, sorted by name.
pub(super) const KEYS: &[Key] = &[
    Key::of(
        Setting::AttemptsRetention,
        Some("\"180d\""),
        "How long attempts are kept.",
    ),
    Key {
        name: "attempts.store_ip",
        kind: Kind::Choice(STORE_IP),
        default: Some("\"full\""),
        change: Change::Reload,
        class: Class::Installation,
        doc: "Whether addresses are kept whole, or cut to /24 and /48.",
    },
];

/// How much of an address is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreIp {
    /// All of it.
    Full,
    /// Its /24 or /48.
    Truncated,
}

/// Settings of the log of attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempts {
    /// How long attempts are kept.
    pub retention: Duration,
    /// How much of an address is kept.
    pub store_ip: StoreIp,
}

impl Attempts {
    pub(super) fn build(values: &Values) -> Result<Self, Fault> {
        Ok(Self {
            retention: values.duration("attempts.retention")?,
            store_ip: match values.text("attempts.store_ip")?.as_str() {
                "truncated" => StoreIp::Truncated,
                _ => StoreIp::Full,
            },
        })
    }
}
