//! Why a login ended as it did, and why a user may do something, as the operator reads it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::UserId;
use crate::time::Time;
use crate::view::{ActorView, AttemptView, TenantStatus, UserStatus};

/// How a name stands, what became of its attempts, and what to do next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LoginExplanation {
    /// The user, for a known name.
    pub user_id: Option<UserId>,
    /// Its address, or the one that was asked for and that no user has.
    pub email: Option<String>,
    /// Slug, where the tenant exists.
    pub tenant: Option<String>,
    /// What would hinder a right password now, `open` for nothing; of one attempt its outcome.
    pub verdict: String,
    /// End of the lock that holds now.
    pub locked_until: Option<Time>,
    /// How the name stands now; null where nobody knows whose the attempts were.
    pub standing: Option<NameStanding>,
    /// The attempts, the newest first.
    pub attempts: Vec<ExplainedAttempt>,
    /// What to do, as commands to paste.
    pub next: Vec<String>,
}

/// How a name stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NameStanding {
    /// Whether the tenant was named neither by the caller nor by an id.
    pub only_match: bool,
    /// Its counter.
    pub lock: LockStanding,
    /// Where the user stands; null for a name that no user has.
    pub status: Option<UserStatus>,
    /// Whether the owner has proved the address; null for a name that no user has.
    pub email_verified: Option<bool>,
    /// `own`, `temporary`, `temporary_over` or `none`; null for a name that no user has.
    pub password: Option<String>,
    /// Whether somebody registered with the address and has not proved it yet.
    pub registration_waits: bool,
    /// Where the tenant stands.
    pub tenant_status: TenantStatus,
    /// End of its subscription.
    pub tenant_ends_at: Option<Time>,
    /// Whether that end and its grace are over.
    pub tenant_ended: bool,
    /// Known devices, each with a counter of its own.
    pub devices: Vec<DeviceStanding>,
}

/// The counter of a name, and what it goes by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LockStanding {
    /// Whether it is locked.
    pub locked: bool,
    /// Whether an administrator set the lock.
    pub manual: bool,
    /// End of it; null for one without an end.
    pub locked_until: Option<Time>,
    /// Failures that made the lock, or that count now.
    pub failures: u32,
    /// The first of them, where the log still has it.
    pub since: Option<Time>,
    /// Failures that lock.
    pub threshold: u32,
    /// Time in which they count.
    pub window_seconds: u64,
    /// Length of a lock.
    pub duration_seconds: u64,
}

/// A known device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceStanding {
    /// Last login with its secret.
    pub last_used_at: Time,
    /// Failures of its own counter.
    pub failures: u32,
    /// Whether that is locked.
    pub locked: bool,
}

/// An attempt, and why it ended so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExplainedAttempt {
    /// The row of the log.
    #[serde(flatten)]
    pub attempt: AttemptView,
    /// Why, one sentence a step.
    pub why: Vec<String>,
}

/// Whether a user holds a permission, and by what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PermissionExplanation {
    /// Whether the user holds it.
    pub allowed: bool,
    /// What it comes from.
    pub via: Vec<ViaExplanation>,
    /// The permission.
    pub permission: String,
    /// The user.
    pub user_id: UserId,
    /// Its address.
    pub email: String,
    /// Slug.
    pub tenant: String,
    /// Where it is denied: roles of the tenant and of the system that would give it.
    pub roles_that_would: Vec<String>,
    /// What hinders the user although the permission is held: `disabled`, `tenant_suspended` or
    /// `subscription_ended`.
    pub hindered_by: Option<String>,
}

/// One thing that a permission comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ViaExplanation {
    /// Name of the role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Whether it is the flag of tenant administrators.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tenant_admin: bool,
    /// What of it gives the permission: its own name, or `ALL_PERMISSIONS`.
    pub by: String,
    /// When the user got it; null where nobody wrote it down.
    pub granted_at: Option<Time>,
    /// Who gave it; null where the audit log has no row of it any more.
    pub granted_by: Option<ActorView>,
}
