//! Roles and permissions as they are shown.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{RoleId, UserId};
use crate::time::Time;

/// A role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoleView {
    /// `rol_…`
    pub id: RoleId,
    /// Name; `system:<name>` for a system role.
    pub name: String,
    /// Slug of its tenant; left out for a system role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// What it grants, sorted.
    pub permissions: Vec<String>,
    /// Users who hold it.
    pub members: u64,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}

/// A role in the hands of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HeldRole {
    /// `rol_…`
    pub id: RoleId,
    /// Name; `system:<name>` for a system role.
    pub name: String,
    /// For people.
    pub description: Option<String>,
}

/// Where a permission exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PermissionScope {
    /// In every tenant: authd itself asks for it.
    BuiltIn,
    /// In every tenant: the operator defined it.
    System,
    /// In one tenant, which defined it.
    Tenant,
}

impl PermissionScope {
    /// The scope as it stands in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BuiltIn => "built_in",
            Self::System => "system",
            Self::Tenant => "tenant",
        }
    }
}

/// A permission of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PermissionView {
    /// Resource and action, `orders:edit`.
    pub permission: String,
    /// Where it exists.
    pub scope: PermissionScope,
    /// For people.
    pub description: Option<String>,
    /// Roles that grant it by its name.
    pub roles: u64,
    /// When it was defined; null for a built-in one.
    pub created_at: Option<Time>,
    /// When it was last changed: never, so when it was defined.
    pub updated_at: Option<Time>,
}

/// A permission that a role grants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GrantedPermission {
    /// The permission, or `ALL_PERMISSIONS`.
    pub permission: String,
    /// Where it exists.
    pub scope: PermissionScope,
    /// For people.
    pub description: Option<String>,
}

/// What a permission comes from: a role, or the tenant-admin flag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Via {
    /// Name of the role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Whether it is the flag.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tenant_admin: bool,
}

/// A permission that a user holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HeldPermission {
    /// The permission, or `ALL_PERMISSIONS`.
    pub permission: String,
    /// What it comes from.
    pub via: Vec<Via>,
}

/// A user who holds a permission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HolderView {
    /// The user.
    pub user_id: UserId,
    /// The user's address.
    pub email: String,
    /// Slug of the user's tenant.
    pub tenant: String,
    /// What it comes from.
    pub via: Vec<Via>,
}
