//! authd's database: a synchronous unit of work over small traits, one a resource.
//! No HTTP, no use cases, no hashing, no network; no SQL type leaves a backend's folder.
//!
//! A write closure is `Fn` and may run more than once: time, ids and random bytes are drawn before
//! and passed in. What it returns as `Ok` is on disk when the call answers.

mod claim;
#[cfg(test)]
mod contract;
mod error;
mod resource;
mod scope;
pub mod sqlite;
mod unit;
mod usage;

pub use claim::Claim;
pub use error::{OpenError, StoreError};
pub use resource::{
    AttemptFilter, Attempts, AttemptsBy, AttemptsCount, AttemptsRead, Audit, AuditFilter,
    AuditRead, ClientFilter, ClientRow, Clients, ClientsRead, Counters, CountersRead, Counts,
    CredentialWrite, Credentials, CredentialsRead, Deletion, Denial, Devices, DevicesRead,
    EventsRead, Grants, GrantsRead, Housekeeping, Invalidation, InvalidationsRead, Keys, KeysRead,
    LockoutFilter, LockoutRow, MailedTokens, MessageFilter, Meta, MetaRead, NewAttempt,
    OperatorRead, Outbox, OutboxCounts, OutboxRead, Over, PageRequest, Permissions,
    PermissionsRead, Pictures, PicturesRead, ReadTx, RegistrationFilter, RegistrationRow, Renamed,
    Renewal, RoleCrowd, RoleFilter, RoleRow, Roles, RolesRead, Scope, SessionFilter, SessionRow,
    Sessions, SessionsRead, Settings, SettingsRead, TenantFilter, TenantRead, TenantRow,
    TenantScope, TenantWrite, Tenants, TenantsRead, TryRow, UsageRow, UsageSince, UserFilter,
    UserRow, Users, UsersRead, WaitingRead, WaitingWrite, Whose, WriteTx,
};
pub use unit::{
    Backend, CommitListener, DatabaseInfo, DatabaseWork, Priority, ReadJob, Store, WriteJob,
};
