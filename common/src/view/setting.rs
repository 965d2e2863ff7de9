//! A setting of a tenant as it is shown.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::time::Time;

/// Where a setting's value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SettingSource {
    /// The configuration: the tenant has no value of its own.
    Default,
    /// The operator, for this tenant.
    Operator,
    /// The tenant itself.
    Tenant,
}

impl SettingSource {
    /// The source as it stands in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Operator => "operator",
            Self::Tenant => "tenant",
        }
    }
}

/// What holds for a tenant, one key of it. Values are in the spelling of the configuration; several
/// names are separated by commas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SettingView {
    /// Slug of the tenant.
    pub tenant: String,
    /// Name of the key, as in the configuration.
    pub key: String,
    /// What holds.
    pub value: String,
    /// Where that comes from.
    pub source: SettingSource,
    /// Who may set it: `operator`, or `tenant` where the tenant may become stricter by itself.
    pub class: String,
    /// What the tenant may not be looser than; null where it may set nothing, or any that is allowed.
    pub bound: Option<String>,
    /// What the operator may set.
    pub allowed: String,
    /// When the value that holds was set for this tenant.
    pub updated_at: Option<Time>,
}
