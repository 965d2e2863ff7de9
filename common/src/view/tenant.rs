//! The tenant as it is shown.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::TenantId;
use crate::time::Time;

/// Whether a tenant may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TenantStatus {
    /// In use.
    Active,
    /// Closed by the operator; data stays.
    Suspended,
    /// Deleted by the operator; data stays until it is purged.
    Deleted,
}

impl TenantStatus {
    /// The status as it stands in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Deleted => "deleted",
        }
    }
}

/// A tenant's plan and seats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionView {
    /// A label of the operator's.
    pub plan: String,
    /// Last moment of the subscription, before the grace; null where it has no end.
    pub ends_at: Option<Time>,
    /// Most users that are not deleted; null where there is no limit.
    pub max_users: Option<u32>,
    /// Users that are not deleted.
    pub users: u32,
}

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TenantView {
    /// `ten_…`
    pub id: TenantId,
    /// Name in requests and on the command line; never given twice.
    pub slug: String,
    /// Name for people.
    pub name: String,
    /// Whether it may be used.
    pub status: TenantStatus,
    /// IANA name; ends of subscriptions follow it.
    pub time_zone: String,
    /// Plan and seats.
    pub subscription: SubscriptionView,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
    /// From when on a deleted one is purged, and cannot be restored; null for all others.
    pub purge_at: Option<Time>,
}

/// What a tenant uses; attempts are those of the last day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TenantUsageView {
    /// Slug.
    pub tenant: String,
    /// Users that are not deleted.
    pub users: u32,
    /// Most of them; null where there is no limit.
    pub max_users: Option<u32>,
    /// Sessions alive.
    pub sessions: u64,
    /// Logins that succeeded in the last 24 hours.
    pub logins_24h: u64,
    /// Tries that did not, in the last 24 hours.
    pub failed_24h: u64,
}
