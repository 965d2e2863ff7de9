//! Calls about counted and locked names.

use serde::{Deserialize, Serialize};

use crate::call::{AdminCall, Change, Method, Paging, Socket, TenantFilter, UserRef};
use crate::time::Time;
use crate::view::{LockoutView, Page, SimulationView};

/// Lists names that are locked now.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct List {
    /// Slug or id of the tenant; all of them where it is absent.
    pub tenant: TenantFilter,
    /// Also names that no user has.
    pub include_unknown: bool,
    /// Only those whose last failure came from this address or CIDR.
    pub ip: Option<String>,
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
    type Answer = Page<LockoutView>;
    const NAME: &'static str = "lockout list";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/lockout/list";
    const ALSO_ON: &'static [Socket] = &[Socket::Monitor, Socket::Helpdesk];
}

/// Shows the counter of one name; with a tenant also of an address that no user has.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Show {
    /// Slug or id of the tenant.
    pub tenant: Option<String>,
    /// Id or address.
    pub user: String,
}

impl AdminCall for Show {
    type Answer = LockoutView;
    const NAME: &'static str = "lockout show";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/lockout/show";
}

/// Clears the counter and the lock of one name; with a tenant also of an address that no user has.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clear {
    /// The user, or the address that no user has.
    pub user: UserRef,
    /// Why, for the audit row.
    pub reason: Option<String>,
}

impl AdminCall for Clear {
    type Answer = Change;
    const NAME: &'static str = "lockout clear";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/lockout/clear";
    const ALSO_ON: &'static [Socket] = &[Socket::Helpdesk];
}

/// Clears counters and locks of all names that are locked now, or of those last tried from a range;
/// also of names that no user has.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClearAll {
    /// Slug or id of the tenant; all of them where it is absent.
    pub tenant: TenantFilter,
    /// Only those whose last failure came from this address or CIDR.
    pub ip: Option<String>,
    /// The word `all`, typed, where there is no `ip`.
    pub confirm: Option<String>,
    /// Why, for the audit row.
    pub reason: Option<String>,
}

impl AdminCall for ClearAll {
    type Answer = Change;
    const NAME: &'static str = "lockout clear";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/lockout/clear-all";
}

/// How long a lock by hand holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Term {
    /// So many seconds.
    Seconds(u64),
    /// Until an administrator clears it.
    UntilCleared,
}

/// Locks one name by hand, for its known devices too; with a tenant also an address that no user
/// has. An earlier lock by hand is replaced.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Add {
    /// The user, or the address that no user has.
    pub user: UserRef,
    /// How long.
    pub term: Term,
    /// Why, for the audit row.
    pub reason: Option<String>,
}

impl AdminCall for Add {
    type Answer = Change;
    const NAME: &'static str = "lockout add";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/lockout/add";
}

/// Replays the recorded attempts under the present policy of each tenant, and under another one; what
/// of it is absent stays as it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Simulate {
    /// Slug or id of the tenant; all of them where it is absent.
    pub tenant: TenantFilter,
    /// Attempts at or after this.
    pub since: Time,
    /// Failures that lock.
    pub threshold: Option<u32>,
    /// Time in which they count.
    pub window_seconds: Option<u64>,
    /// Length of a lock.
    pub duration_seconds: Option<u64>,
}

impl AdminCall for Simulate {
    type Answer = SimulationView;
    const NAME: &'static str = "lockout simulate";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/lockout/simulate";
    const IS_JOB: bool = true;
}
