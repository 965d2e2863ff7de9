//! `[refs]`: external references of users.

use domain::setting::Setting;

use super::fault::Fault;
use super::key::Key;
use super::value::Values;

/// The keys, sorted by name.
pub(super) const KEYS: &[Key] = &[Key::of(
    Setting::RefsNames,
    Some("[\"branch_id\", \"restaurant_id\"]"),
    "Names of references to other systems that a user may carry.",
)];

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
