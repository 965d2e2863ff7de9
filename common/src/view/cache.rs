//! Caches, as the operator sees them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One of the caches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CacheView {
    /// `memory` or `redis`.
    pub cache: String,
    /// Entries held; null where only the other end knows.
    pub entries: Option<u64>,
    /// Look-ups answered.
    pub hits: u64,
    /// Look-ups that were not, forged and outdated entries among them.
    pub misses: u64,
    /// Share of hits, 0 to 1; null without look-ups.
    pub ratio: Option<f64>,
    /// Bytes handed over since the start; null for memory.
    pub bytes: Option<u64>,
    /// `up`, or why it is not asked.
    pub state: String,
    /// Seconds since a node was last heard saying that something was taken away; null where none was.
    #[serde(default)]
    pub heard_seconds_ago: Option<u64>,
}
