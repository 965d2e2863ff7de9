//! Calls about what is kept to answer faster; all of it may be lost at any moment.

use serde::{Deserialize, Serialize};

use crate::call::daemon::Steered;
use crate::call::{AdminCall, Method, Socket};
use crate::view::{CacheView, Page};

/// How much the caches hold, and how often that helped.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Stats {
    /// Rows wanted; there are never many.
    pub limit: Option<u32>,
    /// Where the page before ended; there is one page.
    pub cursor: Option<String>,
}

impl AdminCall for Stats {
    type Answer = Page<CacheView>;
    const NAME: &'static str = "cache stats";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/cache/stats";
    const ALSO_ON: &'static [Socket] = &[Socket::Monitor];
}

/// Forgets everything, or what is kept of a tenant, in memory and in Redis. Nobody is signed out: the
/// next requests ask the database.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Flush {
    /// Tenant, by slug or id; all if none.
    pub tenant: Option<String>,
    /// Why, for the audit row.
    pub reason: Option<String>,
}

impl AdminCall for Flush {
    type Answer = Steered;
    const NAME: &'static str = "cache flush";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/cache/flush";
}
