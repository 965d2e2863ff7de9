//! Calls about permissions, roles and settings of a tenant as a whole: what a file wants, compared with
//! what there is, made so, and written out as such a file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::call::{AdminCall, Change, Method};
use crate::view::{SettingValue, TenantDiffView};

/// What a tenant is to have. What it does not name stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// The operator's values, by key, of the type that the key has in the configuration.
    #[serde(default)]
    pub settings: BTreeMap<String, SettingValue>,
    /// Permissions that the tenant defines.
    #[serde(default)]
    pub permissions: Vec<WantedPermission>,
    /// Roles of the tenant.
    #[serde(default)]
    pub roles: Vec<WantedRole>,
}

/// A permission that a tenant is to define.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WantedPermission {
    /// `resource:action`.
    pub name: String,
    /// For people; as it is where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A role that a tenant is to have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WantedRole {
    /// Name within the tenant.
    pub name: String,
    /// For people; as it is where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// All that it grants; as it is where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Vec<String>>,
}

/// Compares what is wanted with what a tenant has.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Diff {
    /// Slug or id of the tenant.
    pub tenant: String,
    /// What it is to have.
    pub wanted: Wanted,
    /// Whether roles and permissions that are not wanted are to go.
    #[serde(default)]
    pub prune: bool,
}

impl AdminCall for Diff {
    type Answer = TenantDiffView;
    const NAME: &'static str = "diff";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/diff";
    const ONLY_READS: bool = true;
}

/// Makes a tenant have what is wanted, in one transaction.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Apply {
    /// Slug or id of the tenant.
    pub tenant: String,
    /// What it is to have.
    pub wanted: Wanted,
    /// Whether roles and permissions that are not wanted are to go.
    #[serde(default)]
    pub prune: bool,
    /// The tenant's slug again where something goes.
    #[serde(default)]
    pub confirm: Option<String>,
    /// Why, for the audit rows.
    #[serde(default)]
    pub reason: Option<String>,
}

impl AdminCall for Apply {
    type Answer = Change;
    const NAME: &'static str = "apply";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/apply";
}

/// Writes out what a tenant has, in the form that is wanted; never users.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// Slug or id of the tenant.
    pub tenant: String,
}

impl AdminCall for Export {
    type Answer = Wanted;
    const NAME: &'static str = "tenant export";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/tenant/export";
}
