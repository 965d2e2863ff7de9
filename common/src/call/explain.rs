//! Calls that explain: why a login ended as it did, and why a user may do something.

use serde::{Deserialize, Serialize};

use crate::call::{AdminCall, Method};
use crate::view::{LoginExplanation, PermissionExplanation};

/// Most attempts that one explanation tells.
pub const ATTEMPTS_LIMIT: u32 = 50;

/// Explains how a name stands and what became of its last attempts, or one attempt by its own id, its
/// request's, or the id that a caller gave that request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// Slug or id of the tenant.
    pub tenant: Option<String>,
    /// `usr_…`, address, `att_…`, `req_…`, or a correlation id.
    pub subject: String,
    /// Attempts wanted, 1 to 50; 5 where it is absent.
    pub last: Option<u32>,
}

impl AdminCall for Login {
    type Answer = LoginExplanation;
    const NAME: &'static str = "explain login";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/explain/login";
}

/// Explains by what a user holds a permission, or which roles would give it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permission {
    /// Slug or id of the tenant.
    pub tenant: Option<String>,
    /// Id or address.
    pub user: String,
    /// The permission, or `ALL_PERMISSIONS`.
    pub permission: String,
}

impl AdminCall for Permission {
    type Answer = PermissionExplanation;
    const NAME: &'static str = "explain permission";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/explain/permission";
}
