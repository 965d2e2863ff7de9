//! Calls about the log of login attempts.

use serde::{Deserialize, Serialize};

use crate::call::{AdminCall, Change, Method, Paging, Socket, TenantFilter};
use crate::time::Time;
use crate::view::{AttemptTopView, AttemptView, Page};

/// Lists attempts, the newest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct List {
    /// Slug or id of the tenant; all of them where it is absent.
    pub tenant: TenantFilter,
    /// Only those of this user, an id or an address.
    pub user: Option<String>,
    /// Only those from this address or range.
    pub ip: Option<String>,
    /// Only failed ones.
    pub failed: bool,
    /// Only those at or after this time.
    pub since: Option<Time>,
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
    type Answer = Page<AttemptView>;
    const NAME: &'static str = "attempt list";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/attempt/list";
    const ALSO_ON: &'static [Socket] = &[Socket::Monitor];
}

/// Shows one row of the log with its trace.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Show {
    /// `att_…`
    pub id: String,
}

impl AdminCall for Show {
    type Answer = AttemptView;
    const NAME: &'static str = "attempt show";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/attempt/show";
}

/// What attempts are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// Client's address.
    Ip,
    /// User, or the name that no user has.
    User,
    /// Tenant.
    Tenant,
}

/// Counts attempts, those with the most failed ones first. A folded row counts with all of its
/// attempts, for the address of the last of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Top {
    /// Slug or id of the tenant; all of them where it is absent.
    pub tenant: TenantFilter,
    /// What they are counted by.
    pub by: By,
    /// Only those at or after this time.
    pub since: Time,
    /// Rows wanted, 1 to 200; 20 where it is absent.
    pub limit: Option<u32>,
}

impl AdminCall for Top {
    type Answer = Page<AttemptTopView>;
    const NAME: &'static str = "attempt top";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/attempt/top";
}

/// Removes old rows of the log.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prune {
    /// Rows whose last try is older than so many seconds; a day at least.
    pub older_than_seconds: u64,
    /// Why, for the audit row.
    pub reason: Option<String>,
}

impl AdminCall for Prune {
    type Answer = Change;
    const NAME: &'static str = "attempt prune";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/attempt/prune";
}
