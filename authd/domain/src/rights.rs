//! What somebody may do: the set that roles and the tenant-admin flag make together (rule 16), the
//! catalogue that it is asked by (rule 17), and who may grant and act on whom (rule 18).

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::permission::{ALL_PERMISSIONS, InvalidPermission, Permission};
use crate::role::RoleName;

/// What a role can grant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Right {
    /// `ALL_PERMISSIONS`: everything within the holder's tenant, and in `system` everything.
    All,
    /// One permission.
    One(Permission),
}

impl Right {
    /// The name, as it is spelt everywhere.
    pub fn as_str(&self) -> &str {
        match self {
            Self::All => ALL_PERMISSIONS,
            Self::One(permission) => permission.as_str(),
        }
    }
}

impl FromStr for Right {
    type Err = InvalidPermission;

    fn from_str(text: &str) -> Result<Self, InvalidPermission> {
        if text == ALL_PERMISSIONS {
            return Ok(Self::All);
        }
        text.parse().map(Self::One)
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where rights act: the permissions of [`Permission::is_system_only`] have no effect elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Realm {
    /// The built-in tenant `system`.
    System,
    /// Any other tenant.
    Tenant,
}

/// The rights of one user, as they take effect in its tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rights {
    realm: Realm,
    has_all: bool,
    named: BTreeSet<Permission>,
}

impl Rights {
    /// Puts together what the roles grant and the tenant-admin flag, which equals
    /// `ALL_PERMISSIONS` (rule 16).
    pub fn new(
        realm: Realm,
        is_tenant_admin: bool,
        granted: impl IntoIterator<Item = Right>,
    ) -> Self {
        let mut rights = Self {
            realm,
            has_all: is_tenant_admin,
            named: BTreeSet::new(),
        };
        for right in granted {
            match right {
                Right::All => rights.has_all = true,
                Right::One(permission) if rights.is_effective(&permission) => {
                    rights.named.insert(permission);
                }
                Right::One(_) => {}
            }
        }
        rights
    }

    /// Whether everything within the tenant is allowed.
    pub const fn has_all(&self) -> bool {
        self.has_all
    }

    /// Whether an act that needs this permission is allowed.
    pub fn allows(&self, permission: &Permission) -> bool {
        self.is_effective(permission) && (self.has_all || self.named.contains(permission))
    }

    /// Whether a right is held.
    pub fn holds(&self, right: &Right) -> bool {
        match right {
            Right::All => self.has_all,
            Right::One(permission) => self.allows(permission),
        }
    }

    /// The names, sorted; `ALL_PERMISSIONS` alone where that is held.
    pub fn names(&self) -> Vec<String> {
        if self.has_all {
            return vec![ALL_PERMISSIONS.to_owned()];
        }
        self.named.iter().map(ToString::to_string).collect()
    }

    fn is_effective(&self, permission: &Permission) -> bool {
        self.realm == Realm::System || !permission.is_system_only()
    }

    /// Nobody grants what they do not hold (rule 18): the first of the rights that is missing, be it
    /// given to a user or put into a role.
    pub fn first_missing<'r>(
        &self,
        granted: impl IntoIterator<Item = &'r Right>,
    ) -> Option<&'r Right> {
        granted.into_iter().find(|right| !self.holds(right))
    }

    /// Nobody acts on a stronger one (rule 18): whether everything that the other holds is held here
    /// too. Equals may act on each other.
    pub fn covers(&self, other: &Self) -> bool {
        if other.realm == Realm::System && self.realm != Realm::System {
            return false;
        }
        if self.has_all {
            return true;
        }
        !other.has_all && other.named.is_subset(&self.named)
    }
}

/// The permissions that exist in a tenant beside the built-in ones: the system-wide, and its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Catalogue {
    defined: BTreeSet<Permission>,
}

impl Catalogue {
    /// Takes what was defined.
    pub fn new(defined: impl IntoIterator<Item = Permission>) -> Self {
        Self {
            defined: defined.into_iter().collect(),
        }
    }

    /// What was defined, beside the built-in ones.
    pub fn defined(&self) -> impl Iterator<Item = &Permission> {
        self.defined.iter()
    }

    /// Whether a permission of this name exists.
    pub fn contains(&self, permission: &Permission) -> bool {
        permission.is_built_in() || self.defined.contains(permission)
    }
}

/// What a check of one permission says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It is held.
    Allowed,
    /// It exists and is not held.
    Denied,
    /// It is malformed or in no catalogue.
    Unknown,
}

/// All that a user's roles come to, equal for all users of a tenant with the same roles.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Access {
    /// Roles held, sorted by name.
    pub roles: Vec<RoleName>,
    /// What is allowed.
    pub rights: Rights,
    /// What may be asked for.
    pub catalogue: Catalogue,
}

impl Access {
    /// Judges a permission by the text that a caller sent.
    pub fn decide(&self, name: &str) -> Decision {
        let allowed = match name.parse() {
            Ok(Right::All) => self.rights.has_all(),
            Ok(Right::One(permission)) if self.catalogue.contains(&permission) => {
                self.rights.allows(&permission)
            }
            Ok(Right::One(_)) | Err(_) => return Decision::Unknown,
        };
        if allowed {
            Decision::Allowed
        } else {
            Decision::Denied
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Realm::{System, Tenant};

    fn right(text: &str) -> Right {
        text.parse().unwrap()
    }

    fn rights(realm: Realm, flag: bool, granted: &str) -> Rights {
        Rights::new(realm, flag, granted.split_whitespace().map(right))
    }

    #[test]
    fn a39_all_permissions_ends_at_the_tenant_and_in_system_nowhere() {
        for (realm, flag, granted, asked, allowed) in [
            (Tenant, false, "", "orders:view", false),
            (Tenant, false, "orders:view", "orders:view", true),
            (Tenant, false, "orders:view", "orders:edit", false),
            (Tenant, false, "ALL_PERMISSIONS", "orders:edit", true),
            (Tenant, true, "", "orders:edit", true),
            (Tenant, true, "", "users:delete", true),
            (Tenant, true, "", "tenants:view", false),
            (
                Tenant,
                false,
                "ALL_PERMISSIONS",
                "subscriptions:edit",
                false,
            ),
            (Tenant, false, "tenants:view", "tenants:view", false),
            (System, false, "tenants:view", "tenants:view", true),
            (System, false, "tenants:view", "tenants:edit", false),
            (System, false, "ALL_PERMISSIONS", "tenants:delete", true),
            (System, true, "", "system_roles:edit", true),
        ] {
            let held = rights(realm, flag, granted);
            assert_eq!(
                held.holds(&right(asked)),
                allowed,
                "{realm:?} {flag} {granted:?} {asked}"
            );
        }
        assert_eq!(
            rights(Tenant, true, "orders:view").names(),
            [ALL_PERMISSIONS]
        );
        assert_eq!(
            rights(Tenant, false, "orders:view orders:edit tenants:view").names(),
            ["orders:edit", "orders:view"]
        );
    }

    #[test]
    fn a37_nobody_grants_what_they_do_not_hold() {
        let every_single = crate::permission::BUILT_IN.join(" ");
        for (realm, held, granted, missing) in [
            (Tenant, "", "orders:view", Some("orders:view")),
            (Tenant, "orders:view", "orders:view", None),
            (
                Tenant,
                "orders:view",
                "orders:view orders:edit",
                Some("orders:edit"),
            ),
            (
                Tenant,
                "roles:edit users:edit",
                "ALL_PERMISSIONS",
                Some("ALL_PERMISSIONS"),
            ),
            // All of them one by one are not ALL_PERMISSIONS.
            (
                System,
                every_single.as_str(),
                "ALL_PERMISSIONS",
                Some("ALL_PERMISSIONS"),
            ),
            (
                Tenant,
                "ALL_PERMISSIONS",
                "ALL_PERMISSIONS orders:edit",
                None,
            ),
            (
                Tenant,
                "ALL_PERMISSIONS",
                "tenants:edit",
                Some("tenants:edit"),
            ),
            (System, "ALL_PERMISSIONS", "tenants:edit", None),
            (Tenant, "", "", None),
        ] {
            let granted: Vec<Right> = granted.split_whitespace().map(right).collect();
            let found = rights(realm, false, held).first_missing(&granted);
            assert_eq!(found.map(Right::as_str), missing, "{held:?} {granted:?}");
        }
    }

    #[test]
    fn a83_nobody_acts_on_a_stronger_one() {
        let every_single = crate::permission::BUILT_IN.join(" ");
        for ((realm, flag, held), (other_realm, other_flag, other_held), may) in [
            ((Tenant, false, ""), (Tenant, false, ""), true),
            (
                (Tenant, false, "users:edit"),
                (Tenant, false, "orders:view"),
                false,
            ),
            (
                (Tenant, false, "users:edit orders:view"),
                (Tenant, false, "orders:view"),
                true,
            ),
            ((Tenant, false, "users:edit"), (Tenant, true, ""), false),
            (
                (Tenant, false, every_single.as_str()),
                (Tenant, true, ""),
                false,
            ),
            (
                (Tenant, false, every_single.as_str()),
                (Tenant, false, "ALL_PERMISSIONS"),
                false,
            ),
            ((Tenant, true, ""), (Tenant, false, "ALL_PERMISSIONS"), true),
            (
                (Tenant, false, "ALL_PERMISSIONS"),
                (Tenant, true, "orders:view"),
                true,
            ),
            // What has no effect in a tenant makes nobody stronger there.
            ((Tenant, false, ""), (Tenant, false, "tenants:edit"), true),
            ((Tenant, true, ""), (System, false, ""), false),
            ((System, false, "users:edit"), (Tenant, true, ""), false),
            ((System, true, ""), (Tenant, true, "orders:view"), true),
        ] {
            let actor = rights(realm, flag, held);
            let other = rights(other_realm, other_flag, other_held);
            assert_eq!(actor.covers(&other), may, "{actor:?} on {other:?}");
        }
    }

    #[test]
    fn a82_what_is_in_no_catalogue_is_unknown_even_to_those_who_may_everything() {
        let access = |flag| Access {
            roles: Vec::new(),
            rights: rights(Tenant, flag, "orders:view gone:view"),
            catalogue: Catalogue::new(["orders:view".parse().unwrap()]),
        };
        for (asked, cashier, admin) in [
            ("orders:view", Decision::Allowed, Decision::Allowed),
            ("users:view", Decision::Denied, Decision::Allowed),
            ("tenants:view", Decision::Denied, Decision::Denied),
            ("ALL_PERMISSIONS", Decision::Denied, Decision::Allowed),
            ("gone:view", Decision::Unknown, Decision::Unknown),
            ("orders:edit", Decision::Unknown, Decision::Unknown),
            ("orders:*", Decision::Unknown, Decision::Unknown),
            ("all_permissions", Decision::Unknown, Decision::Unknown),
            ("", Decision::Unknown, Decision::Unknown),
        ] {
            assert_eq!(access(false).decide(asked), cashier, "{asked}");
            assert_eq!(access(true).decide(asked), admin, "{asked}");
        }
    }
}
