//! What the operator's lists are narrowed to, and what their rows hold.

use common::email::Email;
use common::id::{AttemptId, RequestId, RoleId, TenantId, UserId};
use common::time::Time;
use domain::attempt::Outcome;
use domain::lockout::{CounterKey, Lockout};
use domain::rights::Right;
use domain::session::Session;
use domain::tenant::{Slug, Tenant, TenantStatus};
use domain::user::{User, UserStatus};

/// Which tenants are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TenantFilter {
    /// Only of this status.
    pub status: Option<TenantStatus>,
    /// Only of this plan.
    pub plan: Option<String>,
    /// Only those that end at or before this.
    pub ending_before: Option<Time>,
    /// Whether deleted ones are among them.
    pub scope: TenantScope,
}

/// Which tenants a list is of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TenantScope {
    /// Those that are not deleted.
    #[default]
    Present,
    /// Those, and deleted ones that can be restored.
    Restorable,
    /// All that ever were; of purged ones only the name is left.
    All,
}

/// That a tenant was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deletion {
    /// When.
    pub at: Time,
    /// From when on it is purged, and cannot be restored.
    pub purge_at: Time,
    /// When nothing but its name was left.
    pub purged_at: Option<Time>,
}

/// Which users are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserFilter {
    /// Only of this tenant.
    pub tenant: Option<TenantId>,
    /// Only of this status.
    pub status: Option<UserStatus>,
    /// Only those that are locked (or not) at this time.
    pub locked: Option<(bool, Time)>,
    /// Only tenant administrators, or only others.
    pub tenant_admin: Option<bool>,
    /// Only those without a login since, and, where they never had one, made before.
    pub inactive_since: Option<Time>,
    /// Only those whose address contains this text, literally.
    pub email_contains: Option<String>,
    /// Only those who hold this role.
    pub role: Option<RoleId>,
    /// Only those with all of these references, each a name of `[a-z0-9_]` and its value.
    pub external_refs: Vec<(String, String)>,
    /// Only those who are tenant administrators or hold a role that grants this or everything.
    pub may: Option<Right>,
}

/// Which sessions are wanted; ended ones never are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionFilter {
    /// Only of this tenant.
    pub tenant: Option<TenantId>,
    /// Only of this user.
    pub user: Option<UserId>,
    /// Only of this device id.
    pub device: Option<String>,
    /// Only from this address.
    pub ip: Option<String>,
    /// Only those unused since.
    pub idle_since: Option<Time>,
    /// Only those last active after this (the idle limit).
    pub active_after: Time,
    /// Only those made after this (the absolute limit).
    pub created_after: Time,
}

/// Which lockouts are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockoutFilter {
    /// Only of this tenant.
    pub tenant: Option<TenantId>,
    /// Also names that no user has.
    pub include_unknown: bool,
    /// Only those whose last failure came from this address.
    pub ip: Option<String>,
    /// Locked at this time.
    pub at: Time,
    /// Failures at or before this are over.
    pub since: Time,
}

/// A tenant with its users counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantRow {
    /// The tenant.
    pub tenant: Tenant,
    /// Users that are not deleted.
    pub users: u32,
    /// Whether it is deleted.
    pub deletion: Option<Deletion>,
    /// When it was restored last: tokens made until then are void.
    pub restored_at: Option<Time>,
}

/// A user with its tenant's slug and lock.
#[derive(Debug, Clone, PartialEq)]
pub struct UserRow {
    /// The user.
    pub user: User,
    /// Slug of its tenant.
    pub tenant: Slug,
    /// End of the lock by failures or by hand, if one is set (it may be past).
    pub locked_until: Option<Time>,
    /// Whether a lock by hand without an end is set.
    pub locked_for_good: bool,
}

/// A session with its owner's address and tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// The session.
    pub session: Session,
    /// Slug of its tenant.
    pub tenant: Slug,
    /// Address of its owner.
    pub email: Email,
}

/// A lockout with its owner's address and tenant, where known.
#[derive(Debug, Clone, PartialEq)]
pub struct LockoutRow {
    /// The counter.
    pub lockout: Lockout,
    /// Slug of its tenant.
    pub tenant: Option<Slug>,
    /// Address of the user.
    pub email: Option<Email>,
}

/// How many of what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tenants, `system` apart.
    pub tenants: u64,
    /// Of those, suspended.
    pub tenants_suspended: u64,
    /// Users that are not deleted.
    pub users: u64,
    /// Sessions alive.
    pub sessions: u64,
    /// Names locked now.
    pub locked: u64,
}

/// What attempts are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptsBy {
    /// Client's address.
    Ip,
    /// Name that was tried, of a user or of nobody.
    Subject,
    /// Tenant.
    Tenant,
}

/// Attempts that have something in common, counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptsCount {
    /// Address, where they are counted by it.
    pub ip: Option<String>,
    /// Tenant, where they are counted by name or tenant.
    pub tenant: Option<TenantId>,
    /// User, where they are counted by name.
    pub user: Option<UserId>,
    /// Name, where they are counted by it.
    pub subject: Option<CounterKey>,
    /// Failed ones.
    pub failed: u64,
    /// Those that signed in.
    pub succeeded: u64,
    /// Different names.
    pub subjects: u64,
}

/// Members of a role who hold some of these rights by nothing but the role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleCrowd {
    /// The role.
    pub role: RoleId,
    /// The rights.
    pub rights: Vec<Right>,
    /// Sessions are alive that were active after this.
    pub active_after: Time,
    /// And made after this.
    pub created_after: Time,
}

/// A row of attempts, as far as a counter goes by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TryRow {
    /// Its id.
    pub id: AttemptId,
    /// The first of its attempts.
    pub at: Time,
    /// The last.
    pub last_at: Time,
    /// How many.
    pub count: u64,
    /// How they ended.
    pub outcome: Outcome,
    /// Tenant, where the slug names one.
    pub tenant: Option<TenantId>,
    /// User, where the name is a known one.
    pub user: Option<UserId>,
    /// Whether they went to the own counter of a known device.
    pub on_device: bool,
}

/// Which attempts are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttemptFilter {
    /// Only of this tenant.
    pub tenant: Option<TenantId>,
    /// Only of this user.
    pub user: Option<UserId>,
    /// Only for the name with this key, which no user needs to have.
    pub subject: Option<CounterKey>,
    /// Only from this address.
    pub ip: Option<String>,
    /// Only failed ones.
    pub failed: bool,
    /// Only those whose last try was at or after this.
    pub since: Option<Time>,
    /// Only the one that this request made. It is looked for around the time that the id tells.
    pub request: Option<RequestId>,
    /// Only those of requests that their caller gave this id.
    pub correlation_id: Option<String>,
}
