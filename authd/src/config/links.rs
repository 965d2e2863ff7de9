//! `[links]`: the pages that mailed links lead to.

use super::fault::Fault;
use super::key::{Change, Class, Form, Key, Kind};
use super::value::Values;

/// The keys, sorted by name.
pub(super) const KEYS: &[Key] = &[Key {
    name: "links.reset_url",
    kind: Kind::Text(Form::Page),
    default: None,
    change: Change::Reload,
    class: Class::Installation,
    doc: "Page for setting a new password; authd's own, /reset-password, if unset.",
}];

/// Settings of mailed links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Links {
    /// Page for setting a new password; the token is put behind it as its fragment.
    pub reset_url: String,
}

impl Links {
    pub(super) fn build(values: &Values) -> Result<Self, Fault> {
        Ok(Self {
            reset_url: values.text("links.reset_url")?,
        })
    }
}
