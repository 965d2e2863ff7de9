//! A counted name, locked or not, as who administers sees it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::UserId;
use crate::time::Time;

/// The counter of one subject (product.md, rules 1 and 2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LockoutView {
    /// Address, for a known user alone; null for administrators who may not see users.
    #[schemars(extend("x-permission" = "users:view"))]
    pub email: Option<String>,
    /// User, for a known one.
    pub user_id: Option<UserId>,
    /// Keyed hash in hex, for a name that no user has.
    pub subject_hash: Option<String>,
    /// Slug, where the tenant exists.
    pub tenant: Option<String>,
    /// Evaluated failures that count now.
    pub failures: u32,
    /// Length of the window in seconds.
    pub window_seconds: u64,
    /// Last evaluated failure.
    pub last_attempt_at: Option<Time>,
    /// End of the lock; null where the name is not locked, or locked without an end.
    pub locked_until: Option<Time>,
    /// Whether an administrator set the lock.
    pub manual: bool,
    /// Address of the last evaluated failure.
    pub last_ip: Option<String>,
}

/// What two policies would have done with the recorded attempts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SimulationView {
    /// The present policy and the one that was asked about.
    pub policies: Vec<SimulatedPolicy>,
    /// Attempts from here on.
    pub since: Time,
    /// Attempts that were looked at.
    pub attempts: u64,
    /// Names that they tried.
    pub names: u64,
    /// Rows that stand for several attempts; these were spread evenly over the time of their row.
    pub folded_rows: u64,
    /// Attempts in them.
    pub folded_attempts: u64,
    /// Attempts that a lock refused unevaluated; where a policy would not have, they are taken for wrong.
    pub taken_for_wrong: u64,
    /// Attempts on the counters of known devices, which lock no name and were left out.
    pub on_devices: u64,
}

/// What one policy would have done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SimulatedPolicy {
    /// `present` or `asked`.
    pub policy: String,
    /// Failures that lock; null where tenants have different ones.
    pub threshold: Option<u32>,
    /// Time in which they count; null where tenants have different ones.
    pub window_seconds: Option<u64>,
    /// Length of a lock; null where tenants have different ones.
    pub duration_seconds: Option<u64>,
    /// Locks that it would have set.
    pub locks: u64,
    /// Names that it would have locked at least once.
    pub names: u64,
    /// Of those, names of users.
    pub real_users: u64,
    /// Wrong passwords that it would have had evaluated.
    pub guesses_let_through: u64,
}
