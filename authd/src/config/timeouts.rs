//! `[timeouts]`: times of particular operations, which need more than a usual request.

use std::time::Duration;

use super::fault::Fault;
use super::key::{Change, Class, Key, Kind, minutes, seconds};
use super::value::Values;

/// The keys, sorted by name.
pub(super) const KEYS: &[Key] = &[
    Key {
        name: "timeouts.mail_test",
        kind: Kind::Duration {
            min: seconds(1),
            max: minutes(10),
        },
        default: Some("\"30s\""),
        change: Change::Reload,
        class: Class::Installation,
        doc: "Longest time for the test mail of authctl, until the server has taken it.",
    },
    Key {
        name: "timeouts.picture",
        kind: Kind::Duration {
            min: seconds(1),
            max: minutes(10),
        },
        default: Some("\"60s\""),
        change: Change::Reload,
        class: Class::Installation,
        doc: "Longest time for uploading a picture, until it is stored.",
    },
];

/// Settings of particular operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a test mail.
    pub mail_test: Duration,
    /// For uploading a picture.
    pub picture: Duration,
}

impl Timeouts {
    pub(super) fn build(values: &Values) -> Result<Self, Fault> {
        Ok(Self {
            mail_test: values.duration("timeouts.mail_test")?,
            picture: values.duration("timeouts.picture")?,
        })
    }
}
