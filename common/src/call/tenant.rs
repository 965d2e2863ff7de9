//! Calls about tenants.

use serde::{Deserialize, Serialize};

use crate::call::{AdminCall, Change, Method, Paging, Socket, TenantFilter};
use crate::view::{Page, TenantStatus, TenantUsageView, TenantView};

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
    /// Address of the tenant's first administrator, who is invited; none is made where it is absent.
    pub admin_email: Option<String>,
    /// Whether the administrator's link is answered instead of an invitation mailed.
    #[serde(default)]
    pub print_link: bool,
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

/// Changes what is given of a tenant, and nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// Slug or `ten_…` id.
    pub tenant: String,
    /// Name for people.
    pub name: Option<String>,
    /// Label of the plan.
    pub plan: Option<String>,
    /// Seats; not below the users that there are.
    pub max_users: Option<u32>,
    /// RFC 3339 time, a date (the end of that day in the tenant's time zone), or `never`.
    pub ends: Option<String>,
    /// IANA name; an end that is not given anew stays the moment it is.
    pub time_zone: Option<String>,
    /// Why, for the audit row.
    pub reason: Option<String>,
}

impl AdminCall for Set {
    type Answer = Change;
    const NAME: &'static str = "tenant set";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/tenant/set";
}

/// Closes a tenant: logins, refreshes and checks answer 403 until it is resumed; nothing is lost.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suspend {
    /// Slug or `ten_…` id.
    pub tenant: String,
    /// Why, for the audit row.
    pub reason: Option<String>,
}

impl AdminCall for Suspend {
    type Answer = Change;
    const NAME: &'static str = "tenant suspend";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/tenant/suspend";
}

/// Opens a suspended tenant again.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resume {
    /// Slug or `ten_…` id.
    pub tenant: String,
    /// Why, for the audit row.
    pub reason: Option<String>,
}

impl AdminCall for Resume {
    type Answer = Change;
    const NAME: &'static str = "tenant resume";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/tenant/resume";
}

/// Deletes a tenant: it is as one that never was, until it is restored or purged.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delete {
    /// Slug or `ten_…` id.
    pub tenant: String,
    /// The slug, as it was typed to confirm.
    pub confirm: Option<String>,
    /// Why, for the audit row.
    pub reason: Option<String>,
}

impl AdminCall for Delete {
    type Answer = Change;
    const NAME: &'static str = "tenant delete";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/tenant/delete";
}

/// Brings a deleted tenant back while it is not purged; what ended with it stays ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restore {
    /// Slug or `ten_…` id.
    pub tenant: String,
    /// Why, for the audit row.
    pub reason: Option<String>,
}

impl AdminCall for Restore {
    type Answer = Change;
    const NAME: &'static str = "tenant restore";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/tenant/restore";
}

/// Tells what tenants use, one of them or all.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Usage {
    /// Slug or `ten_…` id; all of them where it is absent.
    pub tenant: TenantFilter,
    /// Rows wanted, 1 to 200.
    pub limit: Option<u32>,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

impl Usage {
    /// The page that is asked for.
    pub fn paging(&self) -> Paging {
        Paging {
            limit: self.limit,
            cursor: self.cursor.clone(),
        }
    }
}

impl AdminCall for Usage {
    type Answer = Page<TenantUsageView>;
    const NAME: &'static str = "tenant usage";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/tenant/usage";
    const ALSO_ON: &'static [Socket] = &[Socket::Monitor];
}
