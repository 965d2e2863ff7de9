//! What a transaction can do with the values that a tenant has of its own (rule 20).

#![expect(
    clippy::missing_errors_doc,
    reason = "all methods share one list of errors, which stands in `resource.rs`"
)]

use domain::setting::{SetBy, Setting, StoredSetting};

use crate::error::StoreError;

/// A tenant's settings, to read.
pub trait SettingsRead {
    /// All values of the tenant's own, sorted by key, the operator's before the tenant's. A key that
    /// this version does not know holds for nothing and is left out.
    fn all(&self) -> Result<Vec<StoredSetting>, StoreError>;
}

/// A tenant's settings, to write.
pub trait Settings: SettingsRead {
    /// Sets a value, in the place of an earlier one of the same hand.
    fn set(&self, setting: &StoredSetting) -> Result<(), StoreError>;
    /// Takes away the value that somebody set; false if there was none.
    fn unset(&self, setting: Setting, set_by: SetBy) -> Result<bool, StoreError>;
}
