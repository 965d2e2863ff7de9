//! What a tenant uses: the row that is counted, and from when on.

use common::id::TenantId;
use common::time::Time;
use domain::tenant::Slug;

/// What one tenant uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRow {
    /// The tenant.
    pub id: TenantId,
    /// Its slug.
    pub tenant: Slug,
    /// Users that are not deleted.
    pub users: u32,
    /// Most of them.
    pub max_users: Option<u32>,
    /// Sessions alive.
    pub sessions: u64,
    /// Logins that succeeded.
    pub logins: u64,
    /// Logins that did not, locked ones among them.
    pub failed: u64,
}

/// From when on something counts as used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsageSince {
    /// Sessions last active after this (the idle limit).
    pub active_after: Time,
    /// Sessions made after this (the absolute limit).
    pub created_after: Time,
    /// Attempts whose last try was at or after this.
    pub attempts: Time,
}
