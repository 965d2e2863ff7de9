//! `[claims]`: what access tokens show beside what they always do.

use domain::setting::Setting;

use super::fault::Fault;
use super::key::Key;
use super::value::Values;

/// The keys, sorted by name.
pub(super) const KEYS: &[Key] = &[
    Key::of(
        Setting::ClaimsExternalRefs,
        Some("[]"),
        "Names of references that access tokens show in the claim ext; of those in refs.names.",
    ),
    Key::of(
        Setting::ClaimsPermissions,
        Some("false"),
        "Whether access tokens show their user's permissions, in at most 4 KiB; a tenant may turn it off.",
    ),
];

/// Settings of what access tokens show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Names of references.
    pub external_refs: Vec<String>,
    /// Whether permissions are shown.
    pub permissions: bool,
}

impl Claims {
    pub(super) fn build(values: &Values) -> Result<Self, Fault> {
        Ok(Self {
            external_refs: values.list("claims.external_refs")?,
            permissions: values.bool("claims.permissions")?,
        })
    }
}
