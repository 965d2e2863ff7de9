//! Calls about the settings of one tenant: the operator's values for it (rule 20).

use serde::{Deserialize, Serialize};

use crate::call::{AdminCall, Change, Method, Paging};
use crate::view::{Page, SettingView};

/// Lists what holds for a tenant.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// Slug or `ten_…` id.
    pub tenant: String,
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
    type Answer = Page<SettingView>;
    const NAME: &'static str = "tenant settings list";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/tenant/settings/list";
}

/// Shows what holds for a tenant of one key.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Get {
    /// Slug or `ten_…` id.
    pub tenant: String,
    /// Name of the key.
    pub key: String,
}

impl AdminCall for Get {
    type Answer = SettingView;
    const NAME: &'static str = "tenant settings get";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/tenant/settings/get";
}

/// Sets the operator's value for a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// Slug or `ten_…` id.
    pub tenant: String,
    /// Name of the key.
    pub key: String,
    /// Value in the spelling of the configuration; several names separated by commas.
    pub value: String,
    /// Why, for the audit row.
    pub reason: Option<String>,
}

impl AdminCall for Set {
    type Answer = Change;
    const NAME: &'static str = "tenant settings set";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/tenant/settings/set";
}

/// Takes the operator's value for a tenant away: the configuration's holds again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unset {
    /// Slug or `ten_…` id.
    pub tenant: String,
    /// Name of the key.
    pub key: String,
    /// Why, for the audit row.
    pub reason: Option<String>,
}

impl AdminCall for Unset {
    type Answer = Change;
    const NAME: &'static str = "tenant settings unset";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/tenant/settings/unset";
}
