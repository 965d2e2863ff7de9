//! What a transaction can do with the values that a tenant has of its own (rule 20).

#![expect(
    clippy::missing_errors_doc,
    reason = "all methods share one list of errors, which stands in `resource.rs`"
)]

use common::time::Time;
use domain::session::Floors;
use domain::setting::{OwnSettings, SetBy, Setting, StoredSetting};

use crate::error::StoreError;

/// A tenant's settings, to read.
pub trait SettingsRead {
    /// All that the tenant has of its own. A key that this version does not know holds for nothing and
    /// is left out.
    fn all(&self) -> Result<OwnSettings, StoreError>;
}

/// A tenant's settings, to write.
pub trait Settings: SettingsRead {
    /// Sets a value, in the place of an earlier one of the same hand.
    fn set(&self, setting: &StoredSetting) -> Result<(), StoreError>;
    /// Takes away the value that somebody set; false if there was none.
    fn unset(&self, setting: Setting, set_by: SetBy) -> Result<bool, StoreError>;
    /// Sets the floors, in the place of earlier ones.
    fn set_floors(&self, floors: &Floors, at: Time) -> Result<(), StoreError>;
    /// Takes the floors away if they still are these; false if not.
    fn unset_floors(&self, floors: &Floors) -> Result<bool, StoreError>;
}
