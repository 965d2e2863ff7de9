//! What a transaction can do with roles, permissions and who holds them. The same traits serve the
//! system roles and system-wide permissions, and those of one tenant: each sees its own rows alone.

#![expect(
    clippy::missing_errors_doc,
    reason = "all methods share one list of errors, which stands in `resource.rs`"
)]

use common::id::{RoleId, TenantId, UserId};
use common::time::Time;
use domain::permission::{DefinedPermission, Permission};
use domain::rights::Right;
use domain::role::{Role, RoleName};
use domain::tenant::Slug;

use crate::error::StoreError;

/// Roles, to read.
pub trait RolesRead {
    /// By id.
    fn by_id(&self, id: RoleId) -> Result<Option<Role>, StoreError>;
    /// By name; a name of the other kind names nothing here.
    fn by_name(&self, name: &RoleName) -> Result<Option<Role>, StoreError>;
    /// How many there are.
    fn count(&self) -> Result<u32, StoreError>;
    /// Names, sorted; there are at most [`domain::role::ROLE_LIMIT`].
    fn names(&self) -> Result<Vec<RoleName>, StoreError>;
    /// How many users hold a role.
    fn members(&self, id: RoleId) -> Result<u64, StoreError>;
    /// Tenants whose users or service clients hold a role.
    fn tenants_of_members(&self, id: RoleId) -> Result<Vec<TenantId>, StoreError>;
}

/// Roles, to write.
pub trait Roles: RolesRead {
    /// Adds one; its name must be free.
    fn insert(&self, role: &Role) -> Result<(), StoreError>;
    /// Writes name, description, rights and time of change; the name must be free, or its own.
    fn update(&self, role: &Role) -> Result<(), StoreError>;
    /// Gives all who hold a role another one; returns how many held it.
    fn reassign(&self, from: RoleId, to: RoleId, at: Time) -> Result<u64, StoreError>;
    /// Removes one, and takes it from all who hold it.
    fn delete(&self, id: RoleId) -> Result<(), StoreError>;
}

/// Defined permissions, to read; the built-in ones are no rows.
pub trait PermissionsRead {
    /// By name.
    fn by_name(&self, name: &Permission) -> Result<Option<DefinedPermission>, StoreError>;
    /// All, sorted by name; there are at most [`domain::permission::PERMISSION_LIMIT`].
    fn all(&self) -> Result<Vec<DefinedPermission>, StoreError>;
}

/// Defined permissions, to write.
pub trait Permissions: PermissionsRead {
    /// Adds one; its name must be free.
    fn insert(&self, permission: &DefinedPermission) -> Result<(), StoreError>;
    /// Removes one, and takes it from the roles that held it through this definition: a
    /// tenant's own from the tenant's roles; a system-wide one from all roles but those of tenants
    /// that define it themselves. Returns how many roles lost it.
    fn delete(&self, name: &Permission) -> Result<u64, StoreError>;
}

/// Which roles the users of one tenant hold, to read.
pub trait GrantsRead {
    /// The roles of a user, sorted by name, system roles last.
    fn of(&self, user: UserId) -> Result<Vec<Role>, StoreError>;
    /// When a user was granted each of its roles.
    fn since(&self, user: UserId) -> Result<Vec<(RoleId, Time)>, StoreError>;
    /// What the roles of a user grant, each once.
    fn rights_of(&self, user: UserId) -> Result<Vec<Right>, StoreError>;
    /// What the users and service clients that hold a role hold altogether, by whatever role, each
    /// once; [`Right::All`] where a user of them has the flag.
    fn rights_of_members(&self, role: RoleId) -> Result<Vec<Right>, StoreError>;
    /// How many users of the tenant hold a role, one of its own or a system role.
    fn members(&self, role: RoleId) -> Result<u64, StoreError>;
    /// Whether somebody could administer the tenant today: active, has signed in, and holds the
    /// flag or `ALL_PERMISSIONS` (rule 18).
    fn has_working_admin(&self) -> Result<bool, StoreError>;
}

/// Which roles the users of one tenant hold, to write.
pub trait Grants: GrantsRead {
    /// Grants a role: of this tenant, or a system role. False if it was held already.
    fn grant(&self, user: UserId, role: RoleId, at: Time) -> Result<bool, StoreError>;
    /// Takes a role away. False if it was not held.
    fn revoke(&self, user: UserId, role: RoleId) -> Result<bool, StoreError>;
    /// Sets or clears the tenant-admin flag. False if there is no such user.
    fn set_tenant_admin(&self, user: UserId, is_admin: bool, at: Time) -> Result<bool, StoreError>;
}

/// Which roles are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleFilter {
    /// The system roles and those of this tenant; members are counted in it alone.
    pub tenant: Option<TenantId>,
    /// Only system roles, or only those of tenants.
    pub system: Option<bool>,
    /// Only those that grant this by its name.
    pub granting: Option<Right>,
}

/// A role with its tenant's slug and its members counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleRow {
    /// The role.
    pub role: Role,
    /// Slug of its tenant; none for a system role.
    pub tenant: Option<Slug>,
    /// Users who hold it.
    pub members: u64,
}
