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
