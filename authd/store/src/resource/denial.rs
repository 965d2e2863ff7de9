//! Tokens that are denied before their time.

use common::id::TenantId;
use common::time::Time;

/// Why and how long a token is denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Tenant of the token; none where an operator named nothing but its id.
    pub tenant: Option<TenantId>,
    /// When it was denied.
    pub denied_at: Time,
    /// When the token is over anyway.
    pub expires_at: Time,
    /// What the operator said.
    pub reason: Option<String>,
}
