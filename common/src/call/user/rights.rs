//! Calls about what a user may do.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::call::{AdminCall, Change, Method, UserRef};
use crate::view::{HeldPermission, Name, Page};

/// Grants roles to a user.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The user.
    pub user: UserRef,
    /// Roles of the user's tenant or system roles, by id or name.
    pub roles: Vec<String>,
}

impl AdminCall for Grant {
    type Answer = Change;
    const NAME: &'static str = "user grant";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/user/grant";
}

/// Takes roles from a user.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    /// The user.
    pub user: UserRef,
    /// Roles of the user's tenant or system roles, by id or name.
    pub roles: Vec<String>,
}

impl AdminCall for Revoke {
    type Answer = Change;
    const NAME: &'static str = "user revoke";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/user/revoke";
}

/// Shows what a user may do, and by which role.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permissions {
    /// Slug or id of the tenant.
    pub tenant: Option<String>,
    /// Id or address.
    pub user: String,
}

impl AdminCall for Permissions {
    type Answer = Page<HeldPermission>;
    const NAME: &'static str = "user permissions";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/user/permissions";
}

/// Changes a user; what is absent stays.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// The user.
    pub user: UserRef,
    /// Whether the user may do everything within the tenant.
    pub tenant_admin: Option<bool>,
    /// Parts of the name of the person.
    #[serde(default)]
    pub name: Name,
    /// E.164.
    pub phone: Option<String>,
    /// BCP 47 tag.
    pub locale: Option<String>,
    /// The employer's own number.
    pub employee_id: Option<String>,
    /// Tax number.
    pub kra_pin: Option<String>,
    /// References to other services, by name, beside those that there are.
    #[serde(default)]
    pub external_refs: BTreeMap<String, String>,
    /// What is taken away: `given_name`, `family_name`, `display_name`, `phone`, `locale`,
    /// `employee_id`, `kra_pin` or `ref.NAME`.
    #[serde(default)]
    pub unset: Vec<String>,
    /// Why, for the audit row.
    pub reason: Option<String>,
}

impl AdminCall for Set {
    type Answer = Change;
    const NAME: &'static str = "user set";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/user/set";
}
