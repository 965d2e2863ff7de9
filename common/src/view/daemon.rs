//! The running daemon's configuration as the operator sees it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::AuditId;

/// One key of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConfigValueView {
    /// Full name, `section.key`.
    pub key: String,
    /// Its value as TOML; null if unset. A key for a secret names the credential, never its content.
    pub value: Option<String>,
    /// Where it came from: `FILE:LINE`, `default`, `environment NAME`, `--set KEY`.
    pub from: String,
    /// Whether it is as compiled in.
    pub is_default: bool,
    /// For a key that names a credential: whether there is one of that name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_is_set: Option<bool>,
    /// Whether a change needs a restart.
    pub needs_restart: bool,
}

/// The configuration that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConfigView {
    /// Files it was read from, in order.
    pub files: Vec<String>,
    /// The keys, section by section.
    pub settings: Vec<ConfigValueView>,
    /// The level of the log, where it is another than that of the configuration.
    pub log_level: Option<String>,
}

/// One key that a reload found changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyChangeView {
    /// Full name.
    pub key: String,
    /// The former value as TOML; empty if unset.
    pub before: String,
    /// The new one.
    pub after: String,
    /// Whether it needs a restart: it has not taken effect.
    pub needs_restart: bool,
}

/// One fault of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConfigFaultView {
    /// Where it stands: `FILE:LINE:COLUMN`, or another layer; null if nowhere.
    pub at: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// What came out of a reload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReloadView {
    /// What is wrong with the configuration; if anything is, the former one holds as it was.
    pub faults: Vec<ConfigFaultView>,
    /// Keys with another value than the one that ran.
    pub changed: Vec<KeyChangeView>,
    /// What should be looked at.
    pub warnings: Vec<ConfigFaultView>,
    /// The audit row; null where nothing took effect.
    pub audit_id: Option<AuditId>,
}
