//! Roles: names for sets of permissions (rule 17). A system role is defined once and acts in its
//! holder's own tenant; a tenant role lives in one tenant. A name is a label and grants nothing.

use std::fmt;
use std::str::FromStr;

use common::id::{RoleId, TenantId};
use common::time::Time;

use crate::rights::Right;

/// What stands before the name of a system role.
pub const SYSTEM_PREFIX: &str = "system:";
/// The built-in system role that holds `ALL_PERMISSIONS`.
pub const SUPERADMIN: &str = "system:superadmin";
/// Form of a role's name (JSON Schema, ECMA-262).
pub const ROLE_PATTERN: &str = "^(system:)?[a-z][a-z0-9_-]{1,62}$";
/// Most roles of one tenant, and most system roles.
pub const ROLE_LIMIT: u32 = 500;
/// Most roles of one user: their names stand in each token.
pub const ROLES_OF_USER_LIMIT: usize = 32;
/// Longest description of a role or a permission, in code points.
pub const DESCRIPTION_LIMIT: usize = 200;

/// A role's name as it is shown: `cashier`, or `system:superadmin` for a system role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleName(String);

/// Why a text is no role's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected 2 to 63 characters of a-z, 0-9, _ and -, the first a letter")]
pub struct InvalidRoleName;

impl RoleName {
    /// The name of a system role from its bare name.
    ///
    /// # Errors
    /// For anything but a bare name.
    pub fn of_system(bare: &str) -> Result<Self, InvalidRoleName> {
        if !is_bare(bare) {
            return Err(InvalidRoleName);
        }
        Ok(Self(format!("{SYSTEM_PREFIX}{bare}")))
    }

    /// The name of a tenant's role.
    ///
    /// # Errors
    /// For anything but a bare name.
    pub fn of_tenant(bare: &str) -> Result<Self, InvalidRoleName> {
        if !is_bare(bare) {
            return Err(InvalidRoleName);
        }
        Ok(Self(bare.to_owned()))
    }

    /// The name as it is shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name without the prefix of a system role.
    pub fn bare(&self) -> &str {
        self.0.strip_prefix(SYSTEM_PREFIX).unwrap_or(&self.0)
    }

    /// Whether it names a system role.
    pub fn is_system(&self) -> bool {
        self.0.starts_with(SYSTEM_PREFIX)
    }
}

fn is_bare(text: &str) -> bool {
    (2..=63).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
}

impl FromStr for RoleName {
    type Err = InvalidRoleName;

    fn from_str(text: &str) -> Result<Self, InvalidRoleName> {
        match text.strip_prefix(SYSTEM_PREFIX) {
            Some(bare) => Self::of_system(bare),
            None => Self::of_tenant(text),
        }
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A role. What it grants hangs on its id: one of the same name made later inherits nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// `rol_…`
    pub id: RoleId,
    /// The tenant that it lives in; none for a system role.
    pub tenant_id: Option<TenantId>,
    /// Unique in its tenant, or among the system roles.
    pub name: RoleName,
    /// For people.
    pub description: Option<String>,
    /// What it grants, sorted.
    pub rights: Vec<Right>,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}

impl Role {
    /// Whether it came with authd and stays as it is.
    pub fn is_built_in(&self) -> bool {
        self.name.as_str() == SUPERADMIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a82_role_names_have_one_form() {
        for (text, system) in [
            ("cashier", false),
            ("a2_-", false),
            ("system:superadmin", true),
        ] {
            let name: RoleName = text.parse().unwrap();
            assert_eq!((name.as_str(), name.is_system()), (text, system));
            assert_eq!(name.bare(), text.trim_start_matches("system:"));
        }
        let longest = "x".repeat(63);
        assert!(longest.parse::<RoleName>().is_ok());
        for text in [
            "",
            "x",
            "A",
            "Cashier",
            "a,b",
            "a b",
            "1a",
            "_a",
            "system:",
            "system:x",
            "system:system:ab",
            "other:ab",
            "ALL_PERMISSIONS",
            "caf\u{e9}",
            &"x".repeat(64),
        ] {
            assert!(text.parse::<RoleName>().is_err(), "{text}");
        }
        // What a tenant may call its own role never reads like a system role.
        assert!(RoleName::of_tenant("system:superadmin").is_err());
    }
}
