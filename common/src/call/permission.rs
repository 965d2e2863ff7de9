//! Calls about permissions: the catalogue, and who holds what.

use serde::{Deserialize, Serialize};

use crate::call::{AdminCall, Change, Method, Paging, Socket, TenantFilter};
use crate::view::{HolderView, Page, PermissionView, Via};

/// Lists the catalogue by name: built-in and system-wide permissions, and those of the tenant.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct List {
    /// Slug or id of the tenant whose own are listed too.
    pub tenant: TenantFilter,
    /// Only those on this resource.
    pub resource: Option<String>,
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
    type Answer = Page<PermissionView>;
    const NAME: &'static str = "permission list";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/permission/list";
    const ALSO_ON: &'static [Socket] = &[Socket::Monitor];
}

/// Asks whether a user holds a permission.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Slug or id of the tenant.
    pub tenant: Option<String>,
    /// Id or address.
    pub user: String,
    /// The permission, or `ALL_PERMISSIONS`.
    pub permission: String,
}

/// Answer of [`Check`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whether the user holds it.
    pub allowed: bool,
    /// What it comes from.
    pub via: Vec<Via>,
}

impl AdminCall for Check {
    type Answer = Verdict;
    const NAME: &'static str = "permission check";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/permission/check";
}

/// Defines a permission, for one tenant or system-wide.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Define {
    /// Slug or id of the tenant; system-wide where it is absent.
    pub tenant: Option<String>,
    /// `resource:action`.
    pub name: String,
    /// For people.
    pub description: Option<String>,
}

impl AdminCall for Define {
    type Answer = Change;
    const NAME: &'static str = "permission define";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/permission/define";
}

/// Removes a defined permission, from the roles that grant it too.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Undefine {
    /// Slug or id of the tenant; system-wide where it is absent.
    pub tenant: Option<String>,
    /// `resource:action`.
    pub name: String,
}

impl AdminCall for Undefine {
    type Answer = Change;
    const NAME: &'static str = "permission undefine";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/permission/undefine";
}

/// Lists users who hold a permission and are not disabled.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhoCan {
    /// Slug or id of the tenant; all of them where it is absent.
    pub tenant: TenantFilter,
    /// The permission, or `ALL_PERMISSIONS`.
    pub permission: String,
    /// Rows wanted, 1 to 200.
    pub limit: Option<u32>,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

impl WhoCan {
    /// The page that is asked for.
    pub fn paging(&self) -> Paging {
        Paging {
            limit: self.limit,
            cursor: self.cursor.clone(),
        }
    }
}

impl AdminCall for WhoCan {
    type Answer = Page<HolderView>;
    const NAME: &'static str = "who-can";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/permission/who-can";
}
