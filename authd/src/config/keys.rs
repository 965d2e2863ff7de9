//! `[keys]`: keys that protect keys.

use super::fault::Fault;
use super::key::{Change, Class, Form, Key, Kind};
use super::value::Values;

/// The keys, sorted by name.
pub(super) const KEYS: &[Key] = &[Key {
    name: "keys.wrap_credential",
    kind: Kind::Text(Form::Credential),
    default: Some("\"authd.wrap-key\""),
    change: Change::Restart,
    class: Class::Installation,
    doc: "Name of the credential that wraps the signing keys; a file beside the database otherwise.",
}];

/// Settings of the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// Name of the credential that wraps the signing keys.
    pub wrap_credential: String,
}

impl Keys {
    pub(super) fn build(values: &Values) -> Result<Self, Fault> {
        Ok(Self {
            wrap_credential: values.text("keys.wrap_credential")?,
        })
    }
}
