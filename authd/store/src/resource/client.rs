//! What a transaction can do with service clients, and with the events that revoke.

#![expect(
    clippy::missing_errors_doc,
    reason = "all methods share one list of errors, which stands in `resource.rs`"
)]

use common::id::{ClientId, RoleId, TenantId};
use common::time::Time;
use domain::client::{ClientSecretRow, ServiceClient};
use domain::event::{Happening, Range, Revocation};
use domain::rights::Right;
use domain::tenant::Slug;

use crate::error::StoreError;

/// Service clients of one tenant, to read.
pub trait ClientsRead {
    /// By id.
    fn by_id(&self, id: ClientId) -> Result<Option<ServiceClient>, StoreError>;
    /// By name.
    fn by_name(&self, name: &str) -> Result<Option<ServiceClient>, StoreError>;
    /// Names, sorted; there are at most [`domain::client::CLIENT_LIMIT`].
    fn names(&self) -> Result<Vec<String>, StoreError>;
    /// What the roles of a client grant, each once.
    fn rights_of(&self, id: ClientId) -> Result<Vec<Right>, StoreError>;
}

/// Service clients of one tenant, to write.
pub trait Clients: ClientsRead {
    /// Adds one with its secrets; its name must be free. Roles of other tenants are not given.
    fn insert(&self, client: &ServiceClient, roles: &[RoleId]) -> Result<(), StoreError>;
    /// Changes name, scopes, expiry and roles; a new name must be free. Roles of other tenants are not
    /// given.
    fn update(&self, client: &ServiceClient, roles: &[RoleId]) -> Result<(), StoreError>;
    /// Replaces the secrets, and with a generation voids all tokens of the one before.
    fn set_secrets(
        &self,
        id: ClientId,
        secrets: &[ClientSecretRow],
        generation: Option<i64>,
        at: Time,
    ) -> Result<(), StoreError>;
    /// Moves the last use forward, never back.
    fn touch(&self, id: ClientId, at: Time) -> Result<(), StoreError>;
    /// Removes one with its secrets; its tokens are void. False if there is no such client.
    fn delete(&self, id: ClientId, generation: i64, at: Time) -> Result<bool, StoreError>;
}

/// Which clients are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientFilter {
    /// Only of this tenant.
    pub tenant: Option<TenantId>,
}

/// A client with its tenant's slug.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientRow {
    /// The client.
    pub client: ServiceClient,
    /// Slug of its tenant.
    pub tenant: Slug,
}

/// Events, to read: they are written by the changes themselves.
pub trait EventsRead {
    /// From where to where the numbers go.
    fn range(&self) -> Result<Range, StoreError>;
    /// Those of a tenant, and those of no tenant, behind a number; at most `limit`, in order.
    fn of(&self, tenant: TenantId, since: u64, limit: u32) -> Result<Vec<Revocation>, StoreError>;
    /// All events behind a number, of whichever tenant; at most `limit`, in order.
    fn all(&self, since: u64, limit: u32) -> Result<Vec<Happening>, StoreError>;
    /// The number of the last event before the first that happened at or after a time; that of the
    /// last event where none did, and none where there is no event.
    fn last_before(&self, at: Time) -> Result<Option<u64>, StoreError>;
}
