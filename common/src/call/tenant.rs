//! Calls about tenants.

use serde::{Deserialize, Serialize};

use crate::call::{AdminCall, Change, Method, Paging, Socket};
use crate::view::{Page, TenantStatus, TenantView};

/// Makes a tenant.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// `[a-z][a-z0-9-]{1,62}`, never used before.
    pub slug: String,
    /// Name for people; the slug where it is absent.
    pub name: Option<String>,
    /// Label of the plan; `tenant.default_plan` where it is absent.
    pub plan: Option<String>,
    /// Seats; `tenant.default_max_users` where it is absent.
    pub max_users: Option<u32>,
    /// RFC 3339 time, or a date: the end of that day in the tenant's time zone.
    pub ends: Option<String>,
    /// IANA name; `tenant.time_zone` where it is absent.
    pub time_zone: Option<String>,
}

impl AdminCall for Create {
    type Answer = Change;
    const NAME: &'static str = "tenant create";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/tenant/create";
}

/// Lists tenants by slug.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct List {
    /// Only those of this status.
    pub status: Option<TenantStatus>,
    /// Only those of this plan.
    pub plan: Option<String>,
    /// Only those whose subscription ends within so many seconds from now.
    pub ending_seconds: Option<u64>,
    /// Rows wanted, 1 to 200.
    pub limit: Option<u32>,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

impl List {
    /// The page that is asked for.
    pub fn paging(&self) -> Paging {
        Paging {
            limit: self.limit,
            cursor: self.cursor.clone(),
        }
    }
}

impl AdminCall for List {
    type Answer = Page<TenantView>;
    const NAME: &'static str = "tenant list";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/tenant/list";
    const ALSO_ON: &'static [Socket] = &[Socket::Monitor];
}

/// Shows one tenant.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Show {
    /// Slug or `ten_…` id.
    pub tenant: String,
}

impl AdminCall for Show {
    type Answer = TenantView;
    const NAME: &'static str = "tenant show";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/tenant/show";
}
