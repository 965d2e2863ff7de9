//! Calls about what a user may do.

use serde::{Deserialize, Serialize};

use crate::call::{AdminCall, Change, Method, UserRef};
use crate::view::{HeldPermission, Page};

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
}

impl AdminCall for Set {
    type Answer = Change;
    const NAME: &'static str = "user set";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/user/set";
}
