//! Calls about roles.

use serde::{Deserialize, Serialize};

use crate::call::{AdminCall, Change, Method, Paging, Socket, TenantFilter};
use crate::view::{Page, RoleView};

/// A role as the operator names it, with the tenant where one was given.
///
/// `name` is a `rol_…` id, `system:<name>`, or the name of a role of the tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleRef {
    /// Slug or id of the tenant.
    pub tenant: Option<String>,
    /// Id or name.
    pub name: String,
}

/// Lists roles by tenant and name, the system roles first.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct List {
    /// The system roles and those of this tenant, slug or id; all of them where it is absent.
    pub tenant: TenantFilter,
    /// Only system roles.
    pub system: bool,
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
    type Answer = Page<RoleView>;
    const NAME: &'static str = "role list";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/role/list";
    const ALSO_ON: &'static [Socket] = &[Socket::Monitor];
}

/// Shows one role.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Show {
    /// Slug or id of the tenant.
    pub tenant: Option<String>,
    /// Id or name.
    pub role: String,
}

impl AdminCall for Show {
    type Answer = RoleView;
    const NAME: &'static str = "role show";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/role/show";
}

/// Makes a role.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// Slug or id of the tenant; of no account for a system role.
    pub tenant: Option<String>,
    /// `[a-z][a-z0-9_-]{1,62}`, with `system:` before it for a system role.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// What it grants.
    #[serde(default)]
    pub permissions: Vec<String>,
}

impl AdminCall for Create {
    type Answer = Change;
    const NAME: &'static str = "role create";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/role/create";
}

/// Changes a role; what is absent stays.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// The role.
    pub role: RoleRef,
    /// For people; the empty text removes it.
    pub description: Option<String>,
    /// Everything that it grants from now on.
    pub permissions: Option<Vec<String>>,
}

impl AdminCall for Set {
    type Answer = Change;
    const NAME: &'static str = "role set";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/role/set";
}

/// Adds permissions to a role.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allow {
    /// The role.
    pub role: RoleRef,
    /// What it grants too from now on.
    pub permissions: Vec<String>,
}

impl AdminCall for Allow {
    type Answer = Change;
    const NAME: &'static str = "role allow";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/role/allow";
}

/// Removes permissions from a role.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deny {
    /// The role.
    pub role: RoleRef,
    /// What it no longer grants.
    pub permissions: Vec<String>,
}

impl AdminCall for Deny {
    type Answer = Change;
    const NAME: &'static str = "role deny";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/role/deny";
}

/// Removes a role; its members lose it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delete {
    /// The role.
    pub role: RoleRef,
    /// Another role, id or name, that its members get instead.
    pub reassign: Option<String>,
    /// The name of a system role again, as typed: it may be held in every tenant.
    pub confirm: Option<String>,
}

impl AdminCall for Delete {
    type Answer = Change;
    const NAME: &'static str = "role delete";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/role/delete";
}
