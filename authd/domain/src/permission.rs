//! Permissions: an action on a resource, `orders:edit`; the built-in catalogue (rule 17).
//! `ALL_PERMISSIONS` is the one name without a colon and is spelt so everywhere.

use std::fmt;
use std::str::FromStr;

use common::id::TenantId;
use common::time::Time;

/// Everything within one's tenant, and in `system` everything.
pub const ALL_PERMISSIONS: &str = "ALL_PERMISSIONS";

/// Permissions that authd itself asks for.
pub const BUILT_IN: &[&str] = &[
    "audit:view",
    "clients:create",
    "clients:delete",
    "clients:edit",
    "clients:view",
    "lockouts:delete",
    "lockouts:view",
    "login_attempts:view",
    "permissions:create",
    "permissions:delete",
    "permissions:view",
    "roles:create",
    "roles:delete",
    "roles:edit",
    "roles:view",
    "sessions:delete",
    "sessions:view",
    "subscriptions:edit",
    "system_roles:create",
    "system_roles:delete",
    "system_roles:edit",
    "system_roles:view",
    "tenant:edit",
    "tenant:view",
    "tenants:create",
    "tenants:delete",
    "tenants:edit",
    "tenants:view",
    "users:create",
    "users:delete",
    "users:edit",
    "users:view",
];

/// Form of a permission's name (JSON Schema, ECMA-262).
pub const PERMISSION_PATTERN: &str = "^[a-z][a-z0-9_]{0,31}:[a-z][a-z0-9_]{0,31}$";
/// Form of what a role grants: a permission, or [`ALL_PERMISSIONS`].
pub const RIGHT_PATTERN: &str = "^([a-z][a-z0-9_]{0,31}:[a-z][a-z0-9_]{0,31}|ALL_PERMISSIONS)$";

/// Most permissions that one tenant defines, and most that are defined system-wide.
pub const PERMISSION_LIMIT: u32 = 1000;

/// A permission that somebody defined: system-wide, or for one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinedPermission {
    /// The tenant that it exists in; none where it exists in all of them.
    pub tenant_id: Option<TenantId>,
    /// The name.
    pub name: Permission,
    /// For people.
    pub description: Option<String>,
    /// When it was defined.
    pub created_at: Time,
}

/// Resources whose permissions exist in the `system` tenant only (rule 16).
const SYSTEM_ONLY: &[&str] = &["tenants:", "subscriptions:", "system_roles:"];

/// A permission's name, `[a-z][a-z0-9_]{0,31}:[a-z][a-z0-9_]{0,31}`; no wildcards.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permission(String);

/// Why a text is no permission.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected resource:action of a-z, 0-9 and _, like orders:edit")]
pub struct InvalidPermission;

impl Permission {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it exists in the `system` tenant only.
    pub fn is_system_only(&self) -> bool {
        SYSTEM_ONLY
            .iter()
            .any(|resource| self.0.starts_with(resource))
    }

    /// Whether authd itself asks for it.
    pub fn is_built_in(&self) -> bool {
        BUILT_IN.binary_search(&self.0.as_str()).is_ok()
    }
}

impl FromStr for Permission {
    type Err = InvalidPermission;

    fn from_str(text: &str) -> Result<Self, InvalidPermission> {
        let is_word = |word: &str| {
            (1..=32).contains(&word.len())
                && word.starts_with(|c: char| c.is_ascii_lowercase())
                && word
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        match text.split_once(':') {
            Some((resource, action)) if is_word(resource) && is_word(action) => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(InvalidPermission),
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_sorted_and_well_formed() {
        assert!(BUILT_IN.is_sorted());
        for name in BUILT_IN {
            assert!(name.parse::<Permission>().unwrap().is_built_in(), "{name}");
        }
    }

    #[test]
    fn a82_other_spellings_are_refused() {
        for text in [
            "*:view",
            "orders:*",
            "Orders:view",
            "orders",
            "orders:",
            ":view",
            "a:b:c",
            "ALL_PERMISSIONS",
        ] {
            assert!(text.parse::<Permission>().is_err(), "{text}");
        }
        assert!(
            "tenants:view"
                .parse::<Permission>()
                .unwrap()
                .is_system_only()
        );
        assert!(
            !"tenant:view"
                .parse::<Permission>()
                .unwrap()
                .is_system_only()
        );
    }
}
