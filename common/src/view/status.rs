//! The daemon at a glance.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::time::Time;
use crate::view::MailStatus;

/// Answer of `authctl status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatusView {
    /// `running` or `draining`.
    pub status: String,
    /// Version of the daemon.
    pub version: String,
    /// Process id.
    pub pid: u32,
    /// When it became ready.
    pub started_at: Time,
    /// Files that the configuration was read from, in order.
    pub config_files: Vec<String>,
    /// The HTTP side.
    pub api: ApiStatus,
    /// The database.
    pub database: DatabaseStatus,
    /// The caches.
    pub cache: CacheStatus,
    /// Signing keys.
    pub keys: KeyStatus,
    /// Mail.
    pub mail: MailStatus,
    /// How many of what.
    pub counts: Counts,
    /// The newest backup in `backup.dir`; null where there is none.
    #[serde(default)]
    pub backup: Option<BackupStatus>,
    /// What the operator should look at.
    pub warnings: Vec<Warning>,
}

/// The HTTP side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApiStatus {
    /// Public address.
    pub public_url: String,
    /// Addresses bound.
    pub listen: Vec<String>,
    /// Answers a second, over the last minute.
    pub requests_per_second: f64,
    /// 99th percentile of the time to answer over the last minute; null without requests.
    pub p99_seconds: Option<f64>,
    /// Share of 5xx answers over the last minute, 0 to 1.
    pub error_rate: f64,
}

/// The database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DatabaseStatus {
    /// `sqlite`
    pub backend: String,
    /// Path of the file.
    pub path: String,
    /// Size of the file.
    pub bytes: u64,
    /// Size of the write-ahead log.
    pub wal_bytes: u64,
    /// Free space beside it.
    pub free_bytes: u64,
    /// Version of the schema.
    pub schema: u32,
    /// Migrations not applied.
    pub pending: u32,
}

/// The newest backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BackupStatus {
    /// The moment that it shows.
    pub at: Time,
    /// Whether it was found sound when it was made.
    pub verified: bool,
}

/// The caches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CacheStatus {
    /// Entries held.
    pub entries: u64,
    /// Look-ups answered.
    pub hits: u64,
    /// Look-ups that went to the database.
    pub misses: u64,
    /// The Redis beside the database; null where none is configured.
    #[serde(default)]
    pub redis: Option<RedisStatus>,
}

/// A Redis beside the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RedisStatus {
    /// Where it is, without secrets.
    pub address: String,
    /// Whether it is asked at present.
    pub connected: bool,
    /// For how long that has been so, in seconds.
    pub for_seconds: u64,
    /// Why it is not asked.
    #[serde(default)]
    pub reason: Option<String>,
    /// Values that were there and good.
    pub hits: u64,
    /// Values that were not there.
    pub misses: u64,
    /// Values that were forged, damaged, or older than a change.
    pub refused: u64,
    /// Questions that were answered.
    pub answered: u64,
    /// Questions that were not: no answer in time, an error, a broken connection.
    pub failed: u64,
    /// Questions that were not asked, because the connection was down or crowded.
    pub skipped: u64,
    /// Values, notes and notices that were not handed over.
    pub dropped: u64,
    /// Times that the connection was lost.
    pub losses: u64,
    /// Seconds since a node was last heard saying that something was taken away.
    #[serde(default)]
    pub heard_seconds_ago: Option<u64>,
}

/// Signing keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KeyStatus {
    /// Keys in the JWKS.
    pub total: u32,
    /// Key that signs.
    pub active_kid: String,
    /// When the next one is to follow it.
    #[serde(default)]
    pub rotates_at: Option<Time>,
}

/// How many of what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// Tenants, `system` apart.
    pub tenants: u64,
    /// Of those, suspended.
    pub tenants_suspended: u64,
    /// Users that are not deleted.
    pub users: u64,
    /// Sessions alive.
    pub sessions: u64,
    /// Names locked now, known and unknown.
    pub locked: u64,
}

/// Something to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Warning {
    /// Stable name, such as `proxy_untrusted`.
    pub code: String,
    /// The tenant that it concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// For people.
    pub message: String,
}

/// Answer of `authctl version` and `ping`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VersionView {
    /// Version of the daemon.
    pub version: String,
    /// Admin protocol.
    pub protocol: u32,
    /// Version of the schema.
    pub schema: u32,
}
