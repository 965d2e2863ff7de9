//! Roles, permissions and who holds them: each owner sees its own rows alone, and what is made
//! again under an old name inherits nothing.

use common::id::RoleId;
use domain::permission::{DefinedPermission, Permission};
use domain::rights::Right;
use domain::role::{Role, RoleName};
use domain::user::UserStatus;

use super::{at, page, read, tenant_id, two_tenants, user, user_id, write};
use crate::error::StoreError;
use crate::resource::{RoleFilter, UserFilter};
use crate::unit::{Priority, Store};

fn role_id(n: u8) -> RoleId {
    RoleId::from_bytes([n; 16])
}

fn name(text: &str) -> RoleName {
    text.parse().unwrap()
}

fn permission(text: &str) -> Permission {
    text.parse().unwrap()
}

fn role(n: u8, owner: Option<u8>, text: &str, rights: &[&str]) -> Role {
    let mut rights: Vec<Right> = rights.iter().map(|right| right.parse().unwrap()).collect();
    rights.sort();
    Role {
        id: role_id(n),
        tenant_id: owner.map(tenant_id),
        name: name(text),
        description: Some(format!("Role {n}")),
        rights,
        created_at: at(0),
        updated_at: at(0),
    }
}

fn defined(owner: Option<u8>, text: &str) -> DefinedPermission {
    DefinedPermission {
        tenant_id: owner.map(tenant_id),
        name: permission(text),
        description: None,
        created_at: at(0),
    }
}

/// `cashier` in `acme` (11), a role of the same name in `beta` (12), `system:auditor` (13); Bob
/// holds the first and the last.
fn three_roles(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        let acme = tx.tenant_mut(tenant_id(1));
        acme.roles_mut().insert(&role(
            11,
            Some(1),
            "cashier",
            &["orders:view", "orders:edit"],
        ))?;
        tx.tenant_mut(tenant_id(2)).roles_mut().insert(&role(
            12,
            Some(2),
            "cashier",
            &["orders:view"],
        ))?;
        tx.system_roles_mut()
            .insert(&role(13, None, "system:auditor", &["audit:view"]))?;
        assert!(acme.grants_mut().grant(user_id(1), role_id(11), at(3))?);
        assert!(acme.grants_mut().grant(user_id(1), role_id(13), at(3))?);
        assert!(!acme.grants_mut().grant(user_id(1), role_id(11), at(4))?);
        Ok(())
    });
}

pub(crate) fn roles_read_back(store: &Store) {
    three_roles(store);
    read(store, |tx| {
        let acme = tx.tenant(tenant_id(1));
        let cashier = role(11, Some(1), "cashier", &["orders:view", "orders:edit"]);
        assert_eq!(
            acme.roles().by_name(&name("cashier"))?,
            Some(cashier.clone())
        );
        assert_eq!(acme.roles().by_id(role_id(11))?, Some(cashier.clone()));
        assert_eq!(acme.roles().count()?, 1);
        assert_eq!(acme.roles().members(role_id(11))?, 1);
        let auditor = role(13, None, "system:auditor", &["audit:view"]);
        assert_eq!(
            tx.system_roles().by_name(&name("system:auditor"))?,
            Some(auditor.clone())
        );
        assert_eq!(
            tx.system_roles().tenants_of_members(role_id(13))?,
            [tenant_id(1)]
        );
        assert_eq!(acme.grants().of(user_id(1))?, [cashier, auditor]);
        let mut rights = acme.grants().rights_of(user_id(1))?;
        rights.sort();
        let rights: Vec<&str> = rights.iter().map(Right::as_str).collect();
        assert_eq!(rights, ["audit:view", "orders:edit", "orders:view"]);
        let bob = acme.users().by_id(user_id(1))?.unwrap();
        assert_eq!(bob.roles, [name("cashier"), name("system:auditor")]);
        Ok(())
    });
    let twin = store.write_blocking(Priority::Normal, |tx| {
        tx.system_roles_mut()
            .insert(&role(14, None, "system:auditor", &[]))
    });
    assert!(matches!(twin, Err(StoreError::Damaged { .. })));
}

pub(crate) fn the_superadmin_is_built_in(store: &Store) {
    let found = read(store, |tx| {
        tx.system_roles().by_name(&name("system:superadmin"))
    });
    let found = found.unwrap();
    assert_eq!(found.rights, [Right::All]);
    assert!(found.is_built_in() && found.tenant_id.is_none());
}

pub(crate) fn a36_no_role_is_reached_through_another_tenant(store: &Store) {
    three_roles(store);
    write(store, |tx| {
        let beta = tx.tenant_mut(tenant_id(2));
        assert_eq!(beta.roles().by_id(role_id(11))?, None);
        assert_eq!(beta.roles().by_id(role_id(13))?, None);
        assert_eq!(tx.system_roles().by_id(role_id(11))?, None);
        assert_eq!(tx.system_roles().by_name(&name("cashier"))?, None);
        assert_eq!(beta.roles().by_name(&name("system:auditor"))?, None);
        assert_eq!(beta.roles().members(role_id(11))?, 0);
        assert!(beta.grants().of(user_id(1))?.is_empty());
        assert!(beta.grants().rights_of(user_id(1))?.is_empty());
        // Neither a foreign role nor a foreign user can be put together with one's own.
        assert!(!beta.grants_mut().grant(user_id(2), role_id(11), at(5))?);
        assert!(!beta.grants_mut().grant(user_id(1), role_id(12), at(5))?);
        assert!(!beta.grants_mut().revoke(user_id(1), role_id(11))?);
        assert!(
            !beta
                .grants_mut()
                .set_tenant_admin(user_id(1), true, at(5))?
        );
        beta.roles_mut()
            .update(&role(11, Some(2), "cashier", &[]))?;
        beta.roles_mut().delete(role_id(11))?;
        tx.system_roles_mut().delete(role_id(11))?;
        let acme = tx.tenant(tenant_id(1));
        assert_eq!(acme.roles().by_id(role_id(11))?.unwrap().rights.len(), 2);
        assert_eq!(acme.grants().of(user_id(1))?.len(), 2);
        Ok(())
    });
}

pub(crate) fn a82_a_role_made_again_has_no_members(store: &Store) {
    three_roles(store);
    write(store, |tx| {
        let acme = tx.tenant_mut(tenant_id(1));
        acme.roles_mut().delete(role_id(11))?;
        acme.roles_mut()
            .insert(&role(15, Some(1), "cashier", &["orders:view"]))?;
        assert_eq!(acme.roles().members(role_id(15))?, 0);
        let bob = acme.users().by_id(user_id(1))?.unwrap();
        assert_eq!(bob.roles, [name("system:auditor")]);
        Ok(())
    });
}

pub(crate) fn members_of_a_role_can_be_given_another(store: &Store) {
    three_roles(store);
    write(store, |tx| {
        let acme = tx.tenant_mut(tenant_id(1));
        acme.roles_mut().insert(&role(15, Some(1), "clerk", &[]))?;
        let roles = acme.roles_mut();
        assert_eq!(roles.reassign(role_id(11), role_id(15), at(6))?, 1);
        assert_eq!(roles.reassign(role_id(11), role_id(15), at(7))?, 1);
        roles.delete(role_id(11))?;
        let bob = acme.users().by_id(user_id(1))?.unwrap();
        assert_eq!(bob.roles, [name("clerk"), name("system:auditor")]);
        Ok(())
    });
}

pub(crate) fn a82_a_permission_defined_again_is_in_no_role(store: &Store) {
    three_roles(store);
    write(store, |tx| {
        let view = permission("orders:view");
        let acme = tx.tenant_mut(tenant_id(1));
        acme.permissions_mut()
            .insert(&defined(Some(1), "orders:view"))?;
        tx.system_permissions_mut()
            .insert(&defined(None, "orders:view"))?;
        assert!(acme.permissions().by_name(&view)?.is_some());
        assert_eq!(tx.tenant(tenant_id(2)).permissions().by_name(&view)?, None);
        // The system-wide one goes; acme has its own, and its role keeps it.
        assert_eq!(tx.system_permissions_mut().delete(&view)?, 1);
        assert_eq!(tx.system_permissions().all()?, []);
        let beta = tx.tenant(tenant_id(2)).roles().by_id(role_id(12))?.unwrap();
        assert_eq!(beta.rights, []);
        assert_eq!(acme.roles().by_id(role_id(11))?.unwrap().rights.len(), 2);
        assert_eq!(acme.permissions_mut().delete(&view)?, 1);
        acme.permissions_mut()
            .insert(&defined(Some(1), "orders:view"))?;
        let cashier = acme.roles().by_id(role_id(11))?.unwrap();
        assert_eq!(cashier.rights, ["orders:edit".parse::<Right>().unwrap()]);
        Ok(())
    });
}

pub(crate) fn a84_only_working_administrators_count(store: &Store) {
    three_roles(store);
    write(store, |tx| {
        let acme = tx.tenant_mut(tenant_id(1));
        let (users, grants) = (acme.users_mut(), acme.grants_mut());
        assert!(!grants.has_working_admin()?);
        assert!(grants.set_tenant_admin(user_id(1), true, at(5))?);
        assert!(!grants.has_working_admin()?, "never signed in");
        users.set_last_login(user_id(1), at(6))?;
        assert!(grants.has_working_admin()?);
        users.set_status(user_id(1), UserStatus::Disabled, at(7))?;
        assert!(!grants.has_working_admin()?, "disabled");
        users.set_status(user_id(1), UserStatus::Active, at(7))?;
        grants.set_tenant_admin(user_id(1), false, at(8))?;
        assert!(!grants.has_working_admin()?);
        // A role of another tenant makes nobody an administrator of this one.
        let beta = tx.tenant_mut(tenant_id(2));
        beta.roles_mut()
            .update(&role(12, Some(2), "cashier", &["ALL_PERMISSIONS"]))?;
        beta.grants_mut().grant(user_id(2), role_id(12), at(9))?;
        beta.users_mut().set_last_login(user_id(2), at(9))?;
        assert!(!grants.has_working_admin()? && beta.grants().has_working_admin()?);
        acme.roles_mut()
            .update(&role(11, Some(1), "cashier", &["ALL_PERMISSIONS"]))?;
        assert!(grants.has_working_admin()?);
        assert!(grants.revoke(user_id(1), role_id(11))?);
        assert!(!grants.revoke(user_id(1), role_id(11))?);
        assert!(!grants.has_working_admin()?);
        Ok(())
    });
}

pub(crate) fn roles_are_listed_with_their_members(store: &Store) {
    three_roles(store);
    let listed = |filter: RoleFilter, after: Option<&'static str>| {
        read(store, move |tx| {
            tx.operator().roles(&filter, &page(10, after))
        })
        .into_iter()
        .map(|row| {
            let place = row.tenant.map(|slug| slug.to_string()).unwrap_or_default();
            format!("{place}/{} {}", row.role.name, row.members)
        })
        .collect::<Vec<_>>()
    };
    let all = [
        "/system:auditor 1",
        "/system:superadmin 0",
        "acme/cashier 1",
        "beta/cashier 0",
    ];
    assert_eq!(listed(RoleFilter::default(), None), all);
    assert_eq!(listed(RoleFilter::default(), Some("/superadmin")), all[2..]);
    assert_eq!(
        listed(RoleFilter::default(), Some("acme/cashier")),
        all[3..]
    );
    let of = |n| RoleFilter {
        tenant: Some(tenant_id(n)),
        ..RoleFilter::default()
    };
    assert_eq!(listed(of(1), None), all[..3]);
    assert_eq!(
        listed(of(2), None),
        [
            "/system:auditor 0",
            "/system:superadmin 0",
            "beta/cashier 0"
        ]
    );
    let system = RoleFilter {
        system: Some(true),
        ..RoleFilter::default()
    };
    assert_eq!(listed(system, None), all[..2]);
    let own = |tenant| RoleFilter {
        tenant,
        system: Some(false),
        ..RoleFilter::default()
    };
    assert_eq!(listed(own(None), None), all[2..]);
    assert_eq!(listed(own(Some(tenant_id(1))), None), all[2..3]);
    let granting = |name: &str| RoleFilter {
        granting: Some(name.parse().unwrap()),
        ..RoleFilter::default()
    };
    assert_eq!(listed(granting("orders:view"), None), all[2..]);
    assert_eq!(listed(granting("orders:edit"), None), all[2..3]);
    assert_eq!(listed(granting("ALL_PERMISSIONS"), None), all[1..2]);
}

pub(crate) fn a83_what_the_members_of_a_role_hold_is_known(store: &Store) {
    three_roles(store);
    write(store, |tx| {
        let acme = tx.tenant_mut(tenant_id(1));
        let held = |tenant: u8, role: u8| {
            let mut held = tx
                .tenant(tenant_id(tenant))
                .grants()
                .rights_of_members(role_id(role))?;
            held.sort();
            Ok::<_, StoreError>(held.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        // By the role itself and by every other one that a member has.
        let bobs = ["audit:view", "orders:edit", "orders:view"];
        assert_eq!(held(1, 11)?, bobs);
        assert_eq!(held(1, 13)?, bobs);
        assert_eq!(acme.grants().members(role_id(13))?, 1);
        // What somebody else holds is none of theirs, and neither is another tenant's.
        acme.roles_mut()
            .insert(&role(15, Some(1), "clerk", &["orders:view"]))?;
        assert!(held(1, 15)?.is_empty());
        assert!(held(2, 11)?.is_empty() && held(2, 13)?.is_empty());
        assert_eq!(tx.tenant(tenant_id(2)).grants().members(role_id(13))?, 0);
        acme.grants_mut()
            .set_tenant_admin(user_id(1), true, at(4))?;
        assert_eq!(held(1, 11)?.first().unwrap(), "ALL_PERMISSIONS");
        assert!(held(1, 15)?.is_empty());
        Ok(())
    });
}

pub(crate) fn a_role_is_renamed_within_its_owner(store: &Store) {
    three_roles(store);
    write(store, |tx| {
        let acme = tx.tenant_mut(tenant_id(1));
        let renamed = role(11, Some(1), "till", &["orders:view"]);
        acme.roles_mut().update(&renamed)?;
        assert_eq!(acme.roles().by_name(&name("cashier"))?, None);
        assert_eq!(acme.roles().by_name(&name("till"))?, Some(renamed));
        tx.system_roles_mut()
            .update(&role(13, None, "system:reader", &[]))?;
        let bob = acme.users().by_id(user_id(1))?.unwrap();
        assert_eq!(bob.roles, [name("system:reader"), name("till")]);
        Ok(())
    });
}

pub(crate) fn roles_are_found_and_counted_over_all_tenants(store: &Store) {
    three_roles(store);
    read(store, |tx| {
        let operator = tx.operator();
        assert_eq!(
            operator
                .role(role_id(12))?
                .unwrap()
                .tenant
                .unwrap()
                .as_str(),
            "beta"
        );
        assert_eq!(operator.role(role_id(99))?, None);
        let view: Right = "orders:view".parse().unwrap();
        let count = |tenant| -> Result<_, StoreError> {
            let found = operator.roles_by_right(tenant)?;
            Ok(found.into_iter().find(|(right, _)| *right == view))
        };
        assert_eq!(count(None)?, Some((view.clone(), 2)));
        assert_eq!(count(Some(tenant_id(1)))?, Some((view.clone(), 1)));
        Ok(())
    });
}

pub(crate) fn users_are_found_by_what_they_hold(store: &Store) {
    three_roles(store);
    write(store, |tx| {
        let beta = tx.tenant_mut(tenant_id(2));
        let mut admin = user(3, 2, "admin@beta.test");
        admin.is_tenant_admin = true;
        beta.users_mut().insert(&admin)
    });
    let found = |filter: UserFilter| {
        read(store, move |tx| {
            tx.operator().users(&filter, &page(10, None))
        })
        .into_iter()
        .map(|row| row.user.email.to_string())
        .collect::<Vec<_>>()
    };
    let holding = |n| UserFilter {
        role: Some(role_id(n)),
        ..UserFilter::default()
    };
    assert_eq!(found(holding(11)), ["bob@acme.test"]);
    assert!(found(holding(12)).is_empty());
    let may = |text: &str| UserFilter {
        may: Some(text.parse().unwrap()),
        ..UserFilter::default()
    };
    assert_eq!(
        found(may("orders:edit")),
        ["bob@acme.test", "admin@beta.test"]
    );
    assert_eq!(found(may("orders:delete")), ["admin@beta.test"]);
}
