//! What a transaction can do: one small trait a resource, reading apart from writing.
//! Tenant rows are reachable only through `tx.tenant(id)`; lists take a limit and a place.
//!
//! Every method fails for the same reasons, those of [`StoreError`]; a row that breaks a precondition
//! (a slug that was used, an owner of another tenant) is not written and answers `Damaged`.

#![expect(
    clippy::missing_errors_doc,
    reason = "all methods share one list of errors, which stands above"
)]

mod audit;
mod client;
mod counter;
mod denial;
mod housekeeping;
mod invalidation;
mod list;
mod mail;
mod picture;
mod renewal;
mod role;
mod setting;
mod waiting;

use common::email::Email;
use common::id::{AttemptId, ClientId, KeyId, RoleId, SessionId, TenantId, UserId};
use common::secret::Secret;
use common::time::Time;
use domain::attempt::{Attempt, AttemptRow, Tally};
use domain::client::ServiceClient;
use domain::device::KnownDevice;
use domain::key::{KeyPurpose, StoredKey};
use domain::lockout::CounterKey;
use domain::mail::MailedToken;
use domain::picture::{Picture, PictureAddress};
use domain::registration::{PendingEmail, Registration};
use domain::rights::Right;
use domain::session::{EndReason, Session};
use domain::setting::{Setting, Value};
use domain::tenant::{Slug, Tenant};
use domain::user::{Credential, CredentialKind, User, UserStatus};

pub use audit::{Audit, AuditFilter, AuditRead};
pub use client::{ClientFilter, ClientRow, Clients, ClientsRead, EventsRead};
pub use counter::{Counters, CountersRead};
pub use denial::Denial;
pub use housekeeping::{Housekeeping, Over, Whose};
pub use invalidation::{Invalidation, InvalidationsRead};
pub use list::{
    AttemptFilter, AttemptsBy, AttemptsCount, Counts, Deletion, LockoutFilter, LockoutRow,
    RoleCrowd, SessionFilter, SessionRow, TenantFilter, TenantRow, TenantScope, TryRow, UserFilter,
    UserRow,
};
pub use mail::{MailedTokens, MessageFilter, Outbox, OutboxCounts, OutboxRead};
pub use picture::{Pictures, PicturesRead};
pub use renewal::{Renamed, Renewal};
pub use role::{
    Grants, GrantsRead, Permissions, PermissionsRead, RoleFilter, RoleRow, Roles, RolesRead,
};
pub use setting::{Settings, SettingsRead};
pub use waiting::{RegistrationFilter, RegistrationRow, WaitingRead, WaitingWrite};

use crate::error::StoreError;
pub use crate::scope::Scope;
pub use crate::usage::{UsageRow, UsageSince};

/// Which part of a list is wanted. `after` is the sort key of the last row before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// Most rows, 1 to 200.
    pub limit: u32,
    /// Where the page before ended: see [`OperatorRead`] for each list's form.
    pub after: Option<String>,
}

/// A transaction that reads one snapshot.
pub trait ReadTx {
    /// The tenants.
    fn tenants(&self) -> &dyn TenantsRead;
    /// The rows of one tenant.
    fn tenant(&self, id: TenantId) -> Box<dyn TenantRead + '_>;
    /// The system roles.
    fn system_roles(&self) -> Box<dyn RolesRead + '_>;
    /// Permissions that are defined system-wide.
    fn system_permissions(&self) -> Box<dyn PermissionsRead + '_>;
    /// Counters of failed tries; names without a tenant have them too.
    fn counters(&self) -> &dyn CountersRead;
    /// The session of a token, whose tenant is not known yet.
    fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError>;
    /// A service client that names itself, whose tenant is not known yet; none of a deleted tenant.
    fn client(&self, id: ClientId) -> Result<Option<ServiceClient>, StoreError>;
    /// What revoked something.
    fn events(&self) -> &dyn EventsRead;
    /// What changes took away, for those who answer from memory.
    fn invalidations(&self) -> &dyn InvalidationsRead;
    /// Lists over all tenants, for the operator alone.
    fn operator(&self) -> &dyn OperatorRead;
    /// Keys.
    fn keys(&self) -> &dyn KeysRead;
    /// Facts about the installation.
    fn meta(&self) -> &dyn MetaRead;
    /// The audit log.
    fn audit(&self) -> &dyn AuditRead;
    /// The outbox.
    fn outbox(&self) -> &dyn OutboxRead;
    /// The token of a mailed link, whose tenant is not known yet, by its hash.
    fn mailed_token(&self, hash: &[u8; 32]) -> Result<Option<(TenantId, MailedToken)>, StoreError>;
    /// The picture at an address, whose tenant is not known yet; none of a deleted tenant.
    fn picture(&self, address: PictureAddress) -> Result<Option<Picture>, StoreError>;
    /// The registration of a mailed link, by the hash of its token.
    fn registration(&self, token: &[u8; 32]) -> Result<Option<Registration>, StoreError>;
    /// The new address of a mailed link, by the hash of its token.
    fn pending_email(
        &self,
        token: &[u8; 32],
    ) -> Result<Option<(TenantId, PendingEmail)>, StoreError>;
    /// Whether a token's id is on the list of denied ones.
    fn is_denied(&self, jti: &str) -> Result<bool, StoreError>;
    /// What is known of a denied token.
    fn denial(&self, jti: &str) -> Result<Option<Denial>, StoreError>;
    /// Denied tokens that would be good otherwise, by id; `after` is the last row's.
    fn denials(&self, now: Time, page: &PageRequest) -> Result<Vec<(String, Denial)>, StoreError>;
}

/// A transaction that also writes.
pub trait WriteTx: ReadTx {
    /// The tenants.
    fn tenants_mut(&self) -> &dyn Tenants;
    /// The rows of one tenant.
    fn tenant_mut(&self, id: TenantId) -> Box<dyn TenantWrite + '_>;
    /// The system roles.
    fn system_roles_mut(&self) -> Box<dyn Roles + '_>;
    /// Permissions that are defined system-wide.
    fn system_permissions_mut(&self) -> Box<dyn Permissions + '_>;
    /// Counters of failed tries.
    fn counters_mut(&self) -> &dyn Counters;
    /// The log of attempts.
    fn attempts_mut(&self) -> &dyn Attempts;
    /// Keys.
    fn keys_mut(&self) -> &dyn Keys;
    /// Facts about the installation.
    fn meta_mut(&self) -> &dyn Meta;
    /// The audit log.
    fn audit_mut(&self) -> &dyn Audit;
    /// The outbox.
    fn outbox_mut(&self) -> &dyn Outbox;
    /// Rows whose time is over.
    fn housekeeping(&self) -> &dyn Housekeeping;
    /// Whatever hangs on keys that are lost.
    fn renewal(&self) -> &dyn Renewal;
    /// Denies a token's id until the token would have expired anyway. Caches are not told.
    fn deny(&self, jti: &str, denial: &Denial) -> Result<(), StoreError>;
    /// Says that rights may have lessened; heard after COMMIT and before the answer.
    fn invalidate(&self, scope: Scope);
}

/// Rows of one tenant, to read.
pub trait TenantRead {
    /// Its users.
    fn users(&self) -> &dyn UsersRead;
    /// Their passwords.
    fn credentials(&self) -> &dyn CredentialsRead;
    /// Their sessions.
    fn sessions(&self) -> &dyn SessionsRead;
    /// Their known devices.
    fn devices(&self) -> &dyn DevicesRead;
    /// Their pictures.
    fn pictures(&self) -> &dyn PicturesRead;
    /// Attempts to sign in to it.
    fn attempts(&self) -> &dyn AttemptsRead;
    /// Its own roles.
    fn roles(&self) -> Box<dyn RolesRead + '_>;
    /// Its own permissions.
    fn permissions(&self) -> Box<dyn PermissionsRead + '_>;
    /// Roles in the hands of its users.
    fn grants(&self) -> &dyn GrantsRead;
    /// Values of its own.
    fn settings(&self) -> &dyn SettingsRead;
    /// What waits for the owner of an address.
    fn waiting(&self) -> &dyn WaitingRead;
    /// Its service clients.
    fn clients(&self) -> &dyn ClientsRead;
}

/// Rows of one tenant, to write.
pub trait TenantWrite: TenantRead {
    /// Its users.
    fn users_mut(&self) -> &dyn Users;
    /// Their passwords.
    fn credentials_mut(&self) -> &dyn Credentials;
    /// Their sessions.
    fn sessions_mut(&self) -> &dyn Sessions;
    /// Their known devices.
    fn devices_mut(&self) -> &dyn Devices;
    /// Their pictures.
    fn pictures_mut(&self) -> &dyn Pictures;
    /// Tokens of links that were mailed to them.
    fn mailed_tokens_mut(&self) -> &dyn MailedTokens;
    /// Its own roles.
    fn roles_mut(&self) -> Box<dyn Roles + '_>;
    /// Its own permissions.
    fn permissions_mut(&self) -> Box<dyn Permissions + '_>;
    /// Roles in the hands of its users.
    fn grants_mut(&self) -> &dyn Grants;
    /// Values of its own.
    fn settings_mut(&self) -> &dyn Settings;
    /// What waits for the owner of an address.
    fn waiting_mut(&self) -> &dyn WaitingWrite;
    /// Its service clients.
    fn clients_mut(&self) -> &dyn Clients;
}

/// The tenants, to read. A deleted one is not there, unless a method says otherwise.
pub trait TenantsRead {
    /// By id.
    fn by_id(&self, id: TenantId) -> Result<Option<Tenant>, StoreError>;
    /// By slug.
    fn by_slug(&self, slug: &Slug) -> Result<Option<Tenant>, StoreError>;
    /// By id; deleted and purged ones too.
    fn ever_by_id(&self, id: TenantId) -> Result<Option<TenantRow>, StoreError>;
    /// By slug; deleted and purged ones too.
    fn ever_by_slug(&self, slug: &Slug) -> Result<Option<TenantRow>, StoreError>;
    /// Deleted ones that are not purged yet, the next to purge first; at most `limit`.
    fn deleted(&self, limit: u32) -> Result<Vec<TenantRow>, StoreError>;
    /// Whether a slug was ever given.
    fn slug_used(&self, slug: &Slug) -> Result<bool, StoreError>;
}

/// The tenants, to write.
pub trait Tenants: TenantsRead {
    /// Adds one; its slug must not have been used.
    fn insert(&self, tenant: &Tenant) -> Result<(), StoreError>;
    /// Writes all of one but its id, slug and beginning. False if there is no such tenant.
    fn update(&self, tenant: &Tenant) -> Result<bool, StoreError>;
    /// Deletes one: from now on it is not there. False if it was not there before.
    fn delete(&self, id: TenantId, at: Time, purge_at: Time) -> Result<bool, StoreError>;
    /// Brings a deleted one back that is not to be purged by `at`. False if there is no such tenant.
    fn restore(&self, id: TenantId, at: Time) -> Result<bool, StoreError>;
    /// Says that nothing but the name of a deleted one is left.
    fn set_purged(&self, id: TenantId, at: Time) -> Result<(), StoreError>;
}

/// A tenant's users, to read.
pub trait UsersRead {
    /// By id.
    fn by_id(&self, id: UserId) -> Result<Option<User>, StoreError>;
    /// By address.
    fn by_email(&self, email: &Email) -> Result<Option<User>, StoreError>;
    /// Users that are not deleted.
    fn count(&self) -> Result<u32, StoreError>;
}

/// A tenant's users, to write.
pub trait Users: UsersRead {
    /// Adds one; its address must be free.
    fn insert(&self, user: &User) -> Result<(), StoreError>;
    /// Moves it to another status; the link that was mailed dies (rule 22). False if there is no such
    /// user.
    fn set_status(&self, id: UserId, status: UserStatus, at: Time) -> Result<bool, StoreError>;
    /// Writes name, telephone number, address, language, employee and references of one, and when.
    /// False if there is no such user.
    fn set_profile(&self, user: &User) -> Result<bool, StoreError>;
    /// Removes one with its password, sessions, devices and picture; its attempts stay, and its tokens
    /// are revoked. False if there is no such user.
    fn delete(&self, id: UserId, at: Time) -> Result<bool, StoreError>;
    /// Marks the user's address as verified: something mailed to it came back.
    fn set_email_verified(&self, id: UserId, at: Time) -> Result<(), StoreError>;
    /// Gives one another address, verified, and its counter; links that were mailed die (rule 22).
    /// The address must be free. False if there is no such user.
    fn set_email(&self, user: &User) -> Result<bool, StoreError>;
    /// Remembers a login that succeeded.
    fn set_last_login(&self, id: UserId, at: Time) -> Result<(), StoreError>;
}

/// Passwords, to read.
pub trait CredentialsRead {
    /// A user's password, if there is one.
    fn of(&self, user: UserId) -> Result<Option<Credential>, StoreError>;
}

/// A password to be written.
#[derive(Debug, Clone)]
pub struct CredentialWrite {
    /// Owner.
    pub user_id: UserId,
    /// PHC string.
    pub hash: Secret<String>,
    /// What it is good for.
    pub kind: CredentialKind,
    /// When it was set.
    pub changed_at: Time,
}

/// Passwords, to write: each write is a compare-and-swap on the version.
pub trait Credentials: CredentialsRead {
    /// Sets a password if the stored version is still `expected` (0: there is none yet). The new
    /// version is `expected + 1`, and the link that was mailed dies (rule 22). False if it is another
    /// by now: nothing was written.
    fn set(&self, credential: &CredentialWrite, expected: u64) -> Result<bool, StoreError>;
    /// Sets another hash of the same password if the stored version is still `version`, which stays:
    /// what stands on it is as good as before. False if it is another by now.
    fn rehash(&self, user: UserId, hash: &Secret<String>, version: u64)
    -> Result<bool, StoreError>;
    /// Moves to the next version without another password: what was made or is being checked on the
    /// word of the present version is worthless from now on.
    fn outdate(&self, user: UserId) -> Result<(), StoreError>;
    /// Takes one login from a temporary password.
    fn use_temporary(&self, user: UserId) -> Result<(), StoreError>;
}

/// Sessions, to read.
pub trait SessionsRead {
    /// By id, ended ones too.
    fn by_id(&self, id: SessionId) -> Result<Option<Session>, StoreError>;
    /// Those of a user that have not been ended, the newest first; limits are the caller's to check.
    fn open_of(&self, user: UserId) -> Result<Vec<Session>, StoreError>;
    /// How many of the tenant have not been ended; those that time alone ended may be among them.
    fn open_count(&self) -> Result<u32, StoreError>;
    /// How many of the tenant have not been ended, and were active and made after these times.
    fn alive_count(&self, active_after: Time, created_after: Time) -> Result<u64, StoreError>;
    /// Those of the tenant that have not been ended, by id, the first `limit` behind `after`.
    fn open_after(&self, after: Option<SessionId>, limit: u32) -> Result<Vec<Session>, StoreError>;
}

/// Sessions, to write.
pub trait Sessions: SessionsRead {
    /// Adds one.
    fn insert(&self, session: &Session) -> Result<(), StoreError>;
    /// Ends one that is open; false if it was not.
    fn end(&self, id: SessionId, at: Time, reason: EndReason) -> Result<bool, StoreError>;
    /// Ends all open ones of a user, but `except`; returns those that it ended.
    fn end_of(
        &self,
        user: UserId,
        except: Option<SessionId>,
        at: Time,
        reason: EndReason,
    ) -> Result<Vec<SessionId>, StoreError>;
    /// Ends open ones of the tenant, at most `limit`; returns how many. Fewer than `limit` means that
    /// none is left.
    fn end_some(&self, at: Time, reason: EndReason, limit: u32) -> Result<u32, StoreError>;
    /// Moves an open one from `generation` to the next, and last-active forward; false if it
    /// stands elsewhere.
    fn rotate(&self, id: SessionId, generation: u32, at: Time) -> Result<bool, StoreError>;
    /// Moves last-active forward, never back.
    fn touch(&self, id: SessionId, at: Time) -> Result<(), StoreError>;
}

/// Known devices, to read.
pub trait DevicesRead {
    /// By the hash of its secret.
    fn by_hash(&self, secret_hash: &[u8; 32]) -> Result<Option<KnownDevice>, StoreError>;
    /// Those of a user, the one unused longest first.
    fn of(&self, user: UserId) -> Result<Vec<KnownDevice>, StoreError>;
}

/// Known devices, to write.
pub trait Devices: DevicesRead {
    /// Adds one.
    fn insert(&self, device: &KnownDevice) -> Result<(), StoreError>;
    /// Remembers that it was used.
    fn touch(&self, secret_hash: &[u8; 32], at: Time) -> Result<(), StoreError>;
    /// Removes one.
    fn delete(&self, secret_hash: &[u8; 32]) -> Result<(), StoreError>;
    /// Removes all of a user; returns how many.
    fn delete_of(&self, user: UserId) -> Result<u32, StoreError>;
    /// Removes those of the tenant that were last used at or before a time, at most `limit`; returns
    /// how many. Fewer than `limit` means that none is left.
    fn delete_unused(&self, since: Time, limit: u32) -> Result<u32, StoreError>;
}

/// An attempt to be recorded.
pub type NewAttempt = Attempt;

/// Attempts to sign in to one tenant.
pub trait AttemptsRead {
    /// Those of a user, the newest first; `after` is the last row's id, `att_…`.
    fn of(&self, user: UserId, page: &PageRequest) -> Result<Vec<AttemptRow>, StoreError>;
    /// How the newest rows of a user ended.
    fn tallies_of(&self, user: UserId, limit: u32) -> Result<Vec<Tally>, StoreError>;
}

/// The log of attempts, to write.
pub trait Attempts {
    /// Records a try: as a row, or folded into the row of its subject, hour and outcome (rule 5).
    fn record(&self, attempt: &NewAttempt) -> Result<(), StoreError>;
}

/// Lists over all tenants. Rows come sorted: tenants by slug, users by (slug, address), roles by
/// (slug, bare name) with those of the system first, lockouts by key, sessions and attempts the
/// newest first. `after` is, of the last row before: `acme` (slug), `acme/bob@acme.test` (slug,
/// address), `acme/cashier` or `/superadmin` (slug, bare name), the key in hex, `ses_…` or `att_…`
/// (id as displayed).
pub trait OperatorRead {
    /// Tenants.
    fn tenants(
        &self,
        filter: &TenantFilter,
        page: &PageRequest,
    ) -> Result<Vec<TenantRow>, StoreError>;
    /// What tenants use, one of them or all; sorted and placed as tenants are.
    fn usage(
        &self,
        tenant: Option<TenantId>,
        since: &UsageSince,
        page: &PageRequest,
    ) -> Result<Vec<UsageRow>, StoreError>;
    /// Service clients, by (slug, name) and placed so.
    fn clients(
        &self,
        filter: &ClientFilter,
        page: &PageRequest,
    ) -> Result<Vec<ClientRow>, StoreError>;
    /// Users.
    fn users(&self, filter: &UserFilter, page: &PageRequest) -> Result<Vec<UserRow>, StoreError>;
    /// Roles.
    fn roles(&self, filter: &RoleFilter, page: &PageRequest) -> Result<Vec<RoleRow>, StoreError>;
    /// The role with this id, in any tenant or of the system, and its tenant.
    fn role(&self, id: RoleId) -> Result<Option<RoleRow>, StoreError>;
    /// How many roles grant which right: those of the system and of one tenant, or of all.
    fn roles_by_right(&self, tenant: Option<TenantId>) -> Result<Vec<(Right, u64)>, StoreError>;
    /// Users with this address, in any tenant; at most 20.
    fn users_by_email(&self, email: &Email) -> Result<Vec<UserRow>, StoreError>;
    /// The user with this id, in any tenant.
    fn user(&self, id: UserId) -> Result<Option<UserRow>, StoreError>;
    /// Sessions that are alive.
    fn sessions(
        &self,
        filter: &SessionFilter,
        page: &PageRequest,
    ) -> Result<Vec<SessionRow>, StoreError>;
    /// Names that are locked; `after` is the counter's key in hex.
    fn lockouts(
        &self,
        filter: &LockoutFilter,
        page: &PageRequest,
    ) -> Result<Vec<LockoutRow>, StoreError>;
    /// Attempts.
    fn attempts(
        &self,
        filter: &AttemptFilter,
        page: &PageRequest,
    ) -> Result<Vec<AttemptRow>, StoreError>;
    /// Registrations that wait, the oldest first; `after` is the last row's id, `usr_…`.
    fn registrations(
        &self,
        filter: &RegistrationFilter,
        page: &PageRequest,
    ) -> Result<Vec<RegistrationRow>, StoreError>;
    /// One attempt.
    fn attempt(&self, id: AttemptId) -> Result<Option<AttemptRow>, StoreError>;
    /// Attempts last tried at or after a time, counted; those with the most failed ones first.
    fn count_attempts(
        &self,
        by: AttemptsBy,
        tenant: Option<TenantId>,
        since: Time,
        limit: u32,
    ) -> Result<Vec<AttemptsCount>, StoreError>;
    /// How many members of a role would feel its loss of some rights, and how many live sessions they
    /// have; those who have everything by the flag feel nothing.
    fn crowd(&self, crowd: &RoleCrowd) -> Result<(u64, u64), StoreError>;
    /// The next name that was tried, in the order of the keys; each is found by an index.
    fn next_tried(&self, after: Option<&CounterKey>) -> Result<Option<CounterKey>, StoreError>;
    /// The attempts at or after a time for one name, folded ones too, by their first time and id and
    /// from behind those of `after` on.
    fn tries_of(
        &self,
        subject: &CounterKey,
        since: Time,
        after: Option<(Time, AttemptId)>,
        limit: u32,
    ) -> Result<Vec<TryRow>, StoreError>;
    /// Tenants with settings of their own.
    fn tenants_with_settings(&self) -> Result<Vec<TenantId>, StoreError>;
    /// Values that any tenant has of its own for a setting, each once; those that
    /// cannot be read are left out.
    fn setting_values(&self, setting: Setting) -> Result<Vec<Value>, StoreError>;
    /// How many of what; sessions are alive if active and made after the two times. Those of
    /// tenants with settings of their own are not among them: their times may be others.
    fn counts(
        &self,
        now: Time,
        active_after: Time,
        created_after: Time,
    ) -> Result<Counts, StoreError>;
}

/// Keys, to read.
pub trait KeysRead {
    /// All of them, gone ones apart.
    fn all(&self) -> Result<Vec<StoredKey>, StoreError>;
    /// Those of a purpose with a number below `before`, gone ones too, the latest first.
    fn of(
        &self,
        purpose: KeyPurpose,
        before: u32,
        limit: u32,
    ) -> Result<Vec<StoredKey>, StoreError>;
    /// By id.
    fn by_id(&self, id: KeyId) -> Result<Option<StoredKey>, StoreError>;
}

/// Keys, to write.
pub trait Keys: KeysRead {
    /// Adds one.
    fn insert(&self, key: &StoredKey) -> Result<(), StoreError>;
    /// Writes where one stands in its life, and its wrapped secret. False if there is no such key.
    fn update(&self, key: &StoredKey) -> Result<bool, StoreError>;
}

/// Facts about the installation, to read: issuer, ids and check values of the wrap key.
pub trait MetaRead {
    /// A fact's value.
    fn value(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;
    /// Schemes of stored password hashes: the PHC string up to its salt, each once.
    fn hash_schemes(&self) -> Result<Vec<String>, StoreError>;
}

/// Facts about the installation, to write.
pub trait Meta: MetaRead {
    /// Sets a fact.
    fn set(&self, name: &str, value: &[u8]) -> Result<(), StoreError>;
}
