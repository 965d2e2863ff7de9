//! `[keys]`: keys that sign, and the one that protects them.

use std::time::Duration;

use common::units::format_duration;

use super::fault::Fault;
use super::key::{Change, Class, Form, Key, Kind, days, hours, minutes};
use super::value::Values;

/// The keys, sorted by name.
pub(super) const KEYS: &[Key] = &[
    Key {
        name: "keys.announce",
        kind: Kind::Duration {
            min: minutes(1),
            max: days(30),
        },
        default: Some("\"1h\""),
        change: Change::Reload,
        class: Class::Installation,
        doc: "How long a new signing key is published before it signs.",
    },
    Key {
        name: "keys.overlap",
        kind: Kind::Duration {
            // The longest life of an access token, so that none outlives its key.
            min: hours(1),
            max: days(90),
        },
        default: Some("\"24h\""),
        change: Change::Reload,
        class: Class::Installation,
        doc: "How long a signing key is published after it signed.",
    },
    Key {
        name: "keys.rotate_every",
        kind: Kind::Duration {
            min: hours(2),
            max: days(3650),
        },
        default: Some("\"90d\""),
        change: Change::Reload,
        class: Class::Installation,
        doc: "How long a signing key signs before the next one takes over.",
    },
    Key {
        name: "keys.wrap_credential",
        kind: Kind::Text(Form::Credential),
        default: Some("\"authd.wrap-key\""),
        change: Change::Restart,
        class: Class::Installation,
        doc: "Name of the credential that wraps the signing keys; a file beside the database otherwise.",
    },
];

/// Settings of the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// How long a new signing key is published before it signs.
    pub announce: Duration,
    /// How long a signing key is published after it signed.
    pub overlap: Duration,
    /// How long a signing key signs.
    pub rotate_every: Duration,
    /// Name of the credential that wraps the signing keys.
    pub wrap_credential: String,
}

impl Keys {
    pub(super) fn build(values: &Values) -> Result<Self, Fault> {
        Ok(Self {
            announce: values.duration("keys.announce")?,
            overlap: values.duration("keys.overlap")?,
            rotate_every: values.duration("keys.rotate_every")?,
            wrap_credential: values.text("keys.wrap_credential")?,
        })
    }

    /// What one key alone cannot say.
    pub(super) fn check(values: &Values) -> Result<Vec<Fault>, Fault> {
        let rotate = values.duration("keys.rotate_every")?;
        let announce = values.duration("keys.announce")?;
        let overlap = values.duration("keys.overlap")?;
        let ttl = values.duration("token.access_ttl")?;
        let mut found = Vec::new();
        if announce >= rotate {
            let why = format!(
                "is not shorter than \"keys.rotate_every\" ({})",
                format_duration(rotate)
            );
            found.push(values.refused("keys.announce", &why));
        }
        if overlap < ttl {
            let why = format!(
                "is shorter than \"token.access_ttl\" ({}): tokens would outlive their key",
                format_duration(ttl)
            );
            found.push(values.refused("keys.overlap", &why));
        }
        Ok(found)
    }
}
