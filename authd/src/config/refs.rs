//! `[refs]`: external references of users.

use super::fault::Fault;
use super::key::{Change, Class, Form, Key, Kind};
use super::value::Values;

/// The keys, sorted by name.
pub(super) const KEYS: &[Key] = &[Key {
    name: "refs.names",
    kind: Kind::List {
        item: Form::ReferenceName,
        max: 16,
    },
    default: Some("[\"branch_id\", \"restaurant_id\"]"),
    change: Change::Reload,
    class: Class::Tenant,
    doc: "Names of references to other systems that a user may carry.",
}];

/// Settings of external references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refs {
    /// Names that a user may carry.
    pub names: Vec<String>,
}

impl Refs {
    pub(super) fn build(values: &Values) -> Result<Self, Fault> {
        Ok(Self {
            names: values.list("refs.names")?,
        })
    }
}
