//! One login attempt, or several folded into a row.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{AttemptId, UserId};
use crate::time::Time;
use crate::view::DeviceView;

/// A row of the log of attempts (product.md, rule 5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AttemptView {
    /// `att_…`
    pub id: AttemptId,
    /// When it happened; the first one of a folded row.
    pub at: Time,
    /// Slug, where the tenant exists; on the operator's side alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub tenant: Option<String>,
    /// User, for a known one.
    pub user_id: Option<UserId>,
    /// User's address; for the operator, and for administrators who may see users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-permission" = "users:view"))]
    pub email: Option<String>,
    /// Keyed hash in hex, for a name that no user has; for the operator and for administrators.
    pub subject_hash: Option<String>,
    /// Client's address; null where the caller may not see it.
    pub ip: Option<String>,
    /// Whether it signed in.
    pub success: bool,
    /// Stable reason, such as `wrong_password`.
    pub outcome: String,
    /// Device that the client named.
    pub device: Option<DeviceView>,
    /// Attempts in this row.
    pub count: u64,
    /// The last one of a folded row.
    pub last_at: Option<Time>,
    /// Request that made it (the first one of a folded row).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// How the decision was reached, in steps; on the operator's side alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(skip)]
    pub trace: Vec<String>,
    /// What the decision went by; on the operator's side alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub decision: Option<DecisionView>,
    /// The caller's own id of that request; on the operator's side alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub correlation_id: Option<String>,
}

/// What the decision of an attempt went by at that moment. Rows outlive the code that wrote them: what
/// a reason of an earlier version means never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DecisionView {
    /// Version of the reasons.
    pub v: u32,
    /// Stable name of the rule that decided.
    pub reason: String,
    /// Which counter it went to: `name`, or the known `device`'s own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counter: Option<String>,
    /// Failures that lock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<u32>,
    /// Time in which they count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_seconds: Option<u64>,
    /// Length of a lock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<u64>,
    /// Failures that counted then, this one included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failures: Option<u32>,
    /// End of the lock that held, or that this made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked_until: Option<Time>,
}

/// Attempts of one address, user or tenant, counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AttemptTopView {
    /// The address, where they are counted by it; null for attempts without one.
    pub ip: Option<String>,
    /// Slug, where they are counted by user or tenant; null for names of no tenant.
    pub tenant: Option<String>,
    /// The user, where they are counted by it and there is one.
    pub user_id: Option<UserId>,
    /// The user's address.
    pub email: Option<String>,
    /// Keyed hash in hex, for a name that no user has.
    pub subject_hash: Option<String>,
    /// Failed attempts.
    pub failed: u64,
    /// Attempts that signed in.
    pub ok: u64,
    /// Different names that were tried.
    pub users: u64,
}
