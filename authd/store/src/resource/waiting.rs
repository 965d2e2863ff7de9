//! What waits for the owner of an address: registrations, and new addresses of users. A token is
//! found by its hash and then belongs to one tenant.

#![expect(
    clippy::missing_errors_doc,
    reason = "all methods share one list of errors, which stands in `resource.rs`"
)]

use common::email::Email;
use common::id::{TenantId, UserId};
use common::time::Time;
use domain::registration::{PendingEmail, Registration, Waiting};
use domain::tenant::Slug;

use crate::error::StoreError;

/// A registration with its tenant's slug.
#[derive(Debug, Clone)]
pub struct RegistrationRow {
    /// The registration.
    pub registration: Registration,
    /// Slug of the tenant.
    pub tenant: Slug,
}

/// Which registrations are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegistrationFilter {
    /// Only of this tenant.
    pub tenant: Option<TenantId>,
    /// Only of this address.
    pub email: Option<Email>,
    /// Only this one.
    pub id: Option<UserId>,
    /// Only those that are not over then.
    pub at: Time,
}

/// What waits in one tenant, to read.
pub trait WaitingRead {
    /// A registration by the id that its user will have, one that is over too.
    fn registration(&self, id: UserId) -> Result<Option<Registration>, StoreError>;
    /// Registrations of an address that are not over at `now`, the oldest first.
    fn registrations_of(&self, email: &Email, now: Time) -> Result<Vec<Registration>, StoreError>;
    /// How many registrations are not over at `now`: of the tenant, and of one network.
    fn count(&self, network: &str, now: Time) -> Result<Waiting, StoreError>;
    /// The new address of a user, one that is over too.
    fn email_of(&self, user: UserId) -> Result<Option<PendingEmail>, StoreError>;
}

/// What waits in one tenant, to write.
pub trait WaitingWrite: WaitingRead {
    /// Adds a registration.
    fn add_registration(&self, registration: &Registration) -> Result<(), StoreError>;
    /// Gives a registration the token of its mail, in the place of an earlier one; false if there is
    /// no such registration.
    fn set_registration_token(&self, id: UserId, hash: &[u8; 32]) -> Result<bool, StoreError>;
    /// Counts a password that is about to be tried; false if there is no such registration, or no
    /// try left below `limit`.
    fn try_registration(&self, id: UserId, limit: u32) -> Result<bool, StoreError>;
    /// Takes back a try that was not evaluated.
    fn untry_registration(&self, id: UserId) -> Result<(), StoreError>;
    /// Removes a registration; false if there is none.
    fn delete_registration(&self, id: UserId) -> Result<bool, StoreError>;
    /// Removes all registrations of an address; returns how many.
    fn delete_registrations_of(&self, email: &Email) -> Result<u32, StoreError>;
    /// Keeps a user's new address, in the place of an earlier one; it has no token yet.
    fn put_email(&self, pending: &PendingEmail) -> Result<(), StoreError>;
    /// Gives it the token of its mail, in the place of an earlier one; false if there is none.
    fn set_email_token(&self, user: UserId, hash: &[u8; 32]) -> Result<bool, StoreError>;
    /// Removes it; false if there is none.
    fn delete_email(&self, user: UserId) -> Result<bool, StoreError>;
}
