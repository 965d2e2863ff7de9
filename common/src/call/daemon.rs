//! Calls about the running daemon: its configuration, its log, and whether it serves.
//! What they change is not in the database, so none can be rehearsed: their answers are no
//! [`Change`], which could be.

use serde::{Deserialize, Serialize};

use crate::call::{AdminCall, Change, Method};
use crate::view::{ConfigView, ReloadView};

/// A change outside of the database; written like any other.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Steered(pub Change);

/// Shows the configuration that runs.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Only what is not as compiled in.
    pub changed: bool,
}

impl AdminCall for Config {
    type Answer = ConfigView;
    const NAME: &'static str = "daemon config";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/daemon/config";
}

/// Reads the configuration again and takes what needs no restart. A wrong one changes nothing.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reload {
    /// Why, for the audit row.
    pub reason: Option<String>,
}

impl AdminCall for Reload {
    type Answer = ReloadView;
    const NAME: &'static str = "daemon reload";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/daemon/reload";
}

/// Sets the level of the log until the next start, another `log.level` at a reload, or for a time.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogLevel {
    /// Level or directives.
    pub level: String,
    /// Seconds after which that of the configuration holds again.
    #[serde(default)]
    pub seconds: Option<u64>,
    /// Why, for the audit row.
    #[serde(default)]
    pub reason: Option<String>,
}

impl AdminCall for LogLevel {
    type Answer = Steered;
    const NAME: &'static str = "daemon log-level";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/daemon/log-level";
}

/// Has `/readyz` say no, so that balancers send nobody more; whoever comes is still served.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drain {
    /// False takes it back.
    pub on: bool,
    /// Why, for the audit row.
    #[serde(default)]
    pub reason: Option<String>,
}

impl AdminCall for Drain {
    type Answer = Steered;
    const NAME: &'static str = "daemon drain";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/daemon/drain";
}

/// Closes the API for all but health, keys and the check of tokens, or opens it again.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Maintenance {
    /// Whether it is closed.
    pub on: bool,
    /// What callers are told.
    #[serde(default)]
    pub message: Option<String>,
    /// Why, for the audit row.
    #[serde(default)]
    pub reason: Option<String>,
}

impl AdminCall for Maintenance {
    type Answer = Steered;
    const NAME: &'static str = "daemon maintenance";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/daemon/maintenance";
}
