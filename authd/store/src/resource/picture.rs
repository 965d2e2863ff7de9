//! Pictures of a tenant's users.

use common::id::UserId;
use common::time::Time;
use domain::picture::Picture;

use crate::error::StoreError;

/// A tenant's pictures, to read.
pub trait PicturesRead {
    /// That of a user.
    fn of(&self, user: UserId) -> Result<Option<Picture>, StoreError>;
}

/// A tenant's pictures, to write. Each change moves the user's `updated_at`.
pub trait Pictures: PicturesRead {
    /// Puts one in the place of the one before, whose address is nobody's from now on. False if there
    /// is no such user.
    fn put(&self, user: UserId, picture: &Picture) -> Result<bool, StoreError>;
    /// Removes that of a user. False if there was none.
    fn delete(&self, user: UserId, at: Time) -> Result<bool, StoreError>;
}
