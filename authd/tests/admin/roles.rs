//! Roles and permissions: what may be made, what a change takes with it, and who stays.

use authd::app::{Error, permission, role, user};
use common::call;
use common::call::Change;
use common::call::role::RoleRef;
use common::error::ErrorCode;
use common::id::TenantId;
use common::view::RoleView;
use domain::rights::Decision;
use store::{Scope, StoreError};

use crate::desk::{Desk, new_user, reference};

fn texts(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn named(tenant: Option<&str>, name: &str) -> RoleRef {
    RoleRef {
        tenant: tenant.map(ToOwned::to_owned),
        name: name.to_owned(),
    }
}

async fn define(desk: &Desk, tenant: Option<&str>, name: &str) -> Result<Change, Error> {
    let request = call::permission::Define {
        tenant: tenant.map(ToOwned::to_owned),
        name: name.to_owned(),
        description: None,
    };
    permission::define(&desk.app, &desk.admin(), request).await
}

async fn undefine(desk: &Desk, tenant: Option<&str>, name: &str) -> Result<Change, Error> {
    let request = call::permission::Undefine {
        tenant: tenant.map(ToOwned::to_owned),
        name: name.to_owned(),
    };
    permission::undefine(&desk.app, &desk.admin(), request).await
}

async fn make(
    desk: &Desk,
    tenant: Option<&str>,
    name: &str,
    grants: &[&str],
) -> Result<Change, Error> {
    let request = call::role::Create {
        tenant: tenant.map(ToOwned::to_owned),
        name: name.to_owned(),
        description: None,
        permissions: texts(grants),
    };
    role::create(&desk.app, &desk.admin(), request).await
}

async fn remove(desk: &Desk, role: RoleRef, reassign: Option<&str>) -> Result<Change, Error> {
    let request = call::role::Delete {
        confirm: Some(role.name.clone()),
        role,
        reassign: reassign.map(ToOwned::to_owned),
    };
    role::delete(&desk.app, &desk.admin(), request).await
}

async fn deny(desk: &Desk, role: RoleRef, names: &[&str]) -> Result<Change, Error> {
    let request = call::role::Deny {
        role,
        permissions: texts(names),
    };
    role::deny(&desk.app, &desk.admin(), request).await
}

async fn grant(desk: &Desk, tenant: &str, email: &str, roles: &[&str]) -> Result<Change, Error> {
    let request = call::user::Grant {
        user: reference(tenant, email),
        roles: texts(roles),
    };
    user::grant(&desk.app, &desk.admin(), request).await
}

async fn revoke(desk: &Desk, tenant: &str, email: &str, roles: &[&str]) -> Result<Change, Error> {
    let request = call::user::Revoke {
        user: reference(tenant, email),
        roles: texts(roles),
    };
    user::revoke(&desk.app, &desk.admin(), request).await
}

async fn flag(desk: &Desk, tenant: &str, email: &str, on: bool) -> Result<Change, Error> {
    let request = call::user::Set {
        tenant_admin: Some(on),
        ..crate::profiles::nothing(tenant, email)
    };
    user::set(&desk.app, &desk.admin(), request).await
}

async fn show(desk: &Desk, tenant: Option<&str>, name: &str) -> Result<RoleView, Error> {
    let request = call::role::Show {
        tenant: tenant.map(ToOwned::to_owned),
        role: name.to_owned(),
    };
    role::show(&desk.app, &desk.admin(), request).await
}

async fn holds(desk: &Desk, tenant: &str, email: &str, name: &str) -> Result<Vec<String>, Error> {
    let request = call::permission::Check {
        tenant: Some(tenant.to_owned()),
        user: email.to_owned(),
        permission: name.to_owned(),
    };
    let verdict = permission::check(&desk.app, &desk.admin(), request).await?;
    assert_eq!(verdict.allowed, !verdict.via.is_empty());
    let via = verdict.via.into_iter();
    Ok(via
        .map(|via| via.role.unwrap_or_else(|| "flag".to_owned()))
        .collect())
}

/// A tenant with `orders:view`, `orders:edit`, a cashier who may both, and Bob who is one.
async fn shop(desk: &Desk) -> TenantId {
    let acme = desk.tenant("acme").await;
    for name in ["orders:view", "orders:edit"] {
        define(desk, Some("acme"), name).await.unwrap();
    }
    make(
        desk,
        Some("acme"),
        "cashier",
        &["orders:view", "orders:edit"],
    )
    .await
    .unwrap();
    desk.user("acme", "bob@acme.test").await;
    grant(desk, "acme", "bob@acme.test", &["cashier"])
        .await
        .unwrap();
    desk.scopes.take();
    acme
}

fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> ErrorCode {
    result.unwrap_err().code
}

#[tokio::test]
async fn a82_names_and_permissions_are_held_to_their_form_and_catalogue() {
    let desk = Desk::new();
    shop(&desk).await;
    for name in ["system:x", "a,b", "A", "x", "system:system:x"] {
        let refused = make(&desk, Some("acme"), name, &[]).await;
        assert_eq!(code(refused), ErrorCode::ValidationFailed, "{name}");
    }
    assert_eq!(
        code(make(&desk, None, "loose", &[]).await),
        ErrorCode::ValidationFailed
    );
    for (tenant, grants, expected) in [
        (Some("acme"), "*:view", ErrorCode::ValidationFailed),
        (Some("acme"), "orders:*", ErrorCode::ValidationFailed),
        (Some("acme"), "Orders:view", ErrorCode::ValidationFailed),
        (Some("acme"), "orders:veiw", ErrorCode::UnknownPermission),
        // What exists in `system` only exists not here, and a tenant's own not in a system role.
        (Some("acme"), "tenants:view", ErrorCode::UnknownPermission),
        (None, "orders:view", ErrorCode::UnknownPermission),
    ] {
        let name = if tenant.is_some() {
            "other"
        } else {
            "system:other"
        };
        let refused = make(&desk, tenant, name, &[grants]).await;
        assert_eq!(code(refused), expected, "{grants}");
    }
    let near = make(&desk, Some("acme"), "other", &["orders:veiw"])
        .await
        .unwrap_err();
    assert!(near.hint.unwrap().starts_with("Did you mean orders:view?"));
    make(
        &desk,
        None,
        "system:auditor",
        &["tenants:view", "audit:view"],
    )
    .await
    .unwrap();
    assert_eq!(
        code(make(&desk, Some("acme"), "cashier", &[]).await),
        ErrorCode::NameTaken
    );
    assert_eq!(
        code(make(&desk, None, "system:auditor", &[]).await),
        ErrorCode::NameTaken
    );
}

#[tokio::test]
async fn a82_the_catalogue_takes_a_name_once_and_keeps_its_own() {
    let desk = Desk::new();
    shop(&desk).await;
    for (tenant, name, expected) in [
        (Some("acme"), "orders:view", ErrorCode::NameTaken),
        (Some("acme"), "users:view", ErrorCode::NameTaken),
        (None, "users:view", ErrorCode::NameTaken),
        (None, "ALL_PERMISSIONS", ErrorCode::ValidationFailed),
    ] {
        assert_eq!(code(define(&desk, tenant, name).await), expected, "{name}");
    }
    assert_eq!(
        code(undefine(&desk, None, "users:view").await),
        ErrorCode::PermissionDenied
    );
    assert_eq!(
        code(undefine(&desk, None, "orders:view").await),
        ErrorCode::NotFound
    );
}

#[tokio::test]
async fn a40_every_change_of_rights_is_one_invalidation() {
    let desk = Desk::new();
    let acme = shop(&desk).await;
    let bob = desk.user("acme", "bea@acme.test").await;
    desk.scopes.take();
    grant(&desk, "acme", "bea@acme.test", &["cashier"])
        .await
        .unwrap();
    assert_eq!(desk.scopes.take(), [Scope::User(bob)]);
    let cashier = || named(Some("acme"), "cashier");
    assert!(
        deny(&desk, cashier(), &["orders:edit"])
            .await
            .unwrap()
            .changed
    );
    assert_eq!(desk.scopes.take(), [Scope::Tenant(acme)]);
    assert!(
        !deny(&desk, cashier(), &["orders:edit"])
            .await
            .unwrap()
            .changed
    );
    assert_eq!(desk.scopes.take(), []);
    define(&desk, None, "reports:view").await.unwrap();
    assert_eq!(desk.scopes.take(), [Scope::Global]);
    make(&desk, None, "system:reader", &["reports:view"])
        .await
        .unwrap();
    assert_eq!(desk.scopes.take(), []);
    deny(&desk, named(None, "system:reader"), &["reports:view"])
        .await
        .unwrap();
    assert_eq!(desk.scopes.take(), [Scope::Global]);
    remove(&desk, cashier(), None).await.unwrap();
    assert_eq!(desk.scopes.take(), [Scope::Tenant(acme)]);
    flag(&desk, "acme", "bea@acme.test", true).await.unwrap();
    assert_eq!(desk.scopes.take(), [Scope::User(bob)]);
}

#[tokio::test]
async fn a82_what_is_made_again_belongs_to_nobody() {
    let desk = Desk::new();
    shop(&desk).await;
    let bob = "bob@acme.test";
    assert_eq!(
        holds(&desk, "acme", bob, "orders:edit").await.unwrap(),
        ["cashier"]
    );
    let gone = undefine(&desk, Some("acme"), "orders:edit").await.unwrap();
    assert_eq!(gone.notes, ["1 role lost it."]);
    assert_eq!(
        code(holds(&desk, "acme", bob, "orders:edit").await),
        ErrorCode::UnknownPermission
    );
    define(&desk, Some("acme"), "orders:edit").await.unwrap();
    assert!(
        holds(&desk, "acme", bob, "orders:edit")
            .await
            .unwrap()
            .is_empty()
    );
    let gone = remove(&desk, named(Some("acme"), "cashier"), None)
        .await
        .unwrap();
    assert_eq!(gone.notes, ["1 user lost it."]);
    make(&desk, Some("acme"), "cashier", &["orders:view"])
        .await
        .unwrap();
    assert!(
        holds(&desk, "acme", bob, "orders:view")
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        show(&desk, Some("acme"), "cashier").await.unwrap().members,
        0
    );
}

#[tokio::test]
async fn members_get_another_role_for_one_that_goes() {
    let desk = Desk::new();
    shop(&desk).await;
    make(&desk, Some("acme"), "clerk", &["orders:view"])
        .await
        .unwrap();
    let cashier = || named(Some("acme"), "cashier");
    assert_eq!(
        code(remove(&desk, cashier(), Some("cashier")).await),
        ErrorCode::ValidationFailed
    );
    assert_eq!(
        code(remove(&desk, cashier(), Some("nobody")).await),
        ErrorCode::NotFound
    );
    let gone = remove(&desk, cashier(), Some("clerk")).await.unwrap();
    assert_eq!(gone.notes, ["1 user got clerk instead."]);
    assert_eq!(
        holds(&desk, "acme", "bob@acme.test", "orders:view")
            .await
            .unwrap(),
        ["clerk"]
    );
    // A system role may be held anywhere, so a tenant's role cannot stand in for it.
    make(&desk, None, "system:reader", &[]).await.unwrap();
    let refused = remove(&desk, named(None, "system:reader"), Some("clerk")).await;
    assert_eq!(code(refused), ErrorCode::ValidationFailed);
}

#[tokio::test]
async fn a36_roles_of_another_tenant_are_not_there() {
    let desk = Desk::new();
    shop(&desk).await;
    desk.tenant("globex").await;
    desk.user("globex", "eve@globex.test").await;
    let cashier = show(&desk, Some("acme"), "cashier")
        .await
        .unwrap()
        .id
        .to_string();
    for name in ["cashier", cashier.as_str()] {
        let refused = grant(&desk, "globex", "eve@globex.test", &[name]).await;
        assert_eq!(code(refused), ErrorCode::NotFound, "{name}");
        assert_eq!(
            code(show(&desk, Some("globex"), name).await),
            ErrorCode::NotFound
        );
        let request = call::user::Create {
            roles: texts(&[name]),
            ..new_user("globex", "new@globex.test")
        };
        assert_eq!(code(desk.create(request).await), ErrorCode::NotFound);
    }
    assert_eq!(
        show(&desk, None, &cashier).await.unwrap().tenant.as_deref(),
        Some("acme")
    );
    assert_eq!(
        code(holds(&desk, "globex", "eve@globex.test", "orders:view").await),
        ErrorCode::UnknownPermission
    );
}

#[tokio::test]
async fn a38_the_built_in_role_stays_as_it_is() {
    let desk = Desk::new();
    let superadmin = || named(None, "system:superadmin");
    assert_eq!(
        code(deny(&desk, superadmin(), &["ALL_PERMISSIONS"]).await),
        ErrorCode::PermissionDenied
    );
    assert_eq!(
        code(remove(&desk, superadmin(), None).await),
        ErrorCode::PermissionDenied
    );
    make(&desk, None, "system:reader", &[]).await.unwrap();
    let unconfirmed = call::role::Delete {
        role: named(None, "system:reader"),
        reassign: None,
        confirm: Some("reader".to_owned()),
    };
    let refused = role::delete(&desk.app, &desk.admin(), unconfirmed).await;
    assert_eq!(refused.unwrap_err().fields[0].path, "/confirm");
    remove(&desk, named(None, "system:reader"), None)
        .await
        .unwrap();
}

#[tokio::test]
async fn a39_a_system_role_acts_in_its_holders_own_tenant() {
    let desk = Desk::new();
    let acme = shop(&desk).await;
    let bob = "bob@acme.test";
    grant(&desk, "acme", bob, &["system:superadmin"])
        .await
        .unwrap();
    assert_eq!(
        holds(&desk, "acme", bob, "users:delete").await.unwrap(),
        ["system:superadmin"]
    );
    assert_eq!(
        holds(&desk, "acme", bob, "orders:view").await.unwrap(),
        ["cashier", "system:superadmin"]
    );
    assert_eq!(
        code(holds(&desk, "acme", bob, "tenants:view").await),
        ErrorCode::UnknownPermission
    );
    let bob = reference("acme", bob);
    let access = desk
        .app
        .store
        .read(move |tx| -> Result<_, StoreError> {
            let tenant = tx.tenants().by_id(acme)?.unwrap();
            let user = tx
                .tenant(acme)
                .users()
                .by_email(&bob.name.parse().unwrap())?
                .unwrap();
            authd::app::access::of(tx, &tenant, &user)
        })
        .await
        .unwrap();
    assert_eq!(access.decide("tenants:view"), Decision::Denied);
    assert_eq!(access.decide("orders:edit"), Decision::Allowed);
}

#[tokio::test]
async fn a84_the_last_administrator_stays_whatever_the_way() {
    let desk = Desk::new();
    let acme = shop(&desk).await;
    make(&desk, Some("acme"), "owner", &["ALL_PERMISSIONS"])
        .await
        .unwrap();
    let bob = "bob@acme.test";
    // One who has not signed in does not count, so there is nothing to lose yet.
    grant(&desk, "acme", bob, &["owner"]).await.unwrap();
    revoke(&desk, "acme", bob, &["owner"]).await.unwrap();
    grant(&desk, "acme", bob, &["owner"]).await.unwrap();
    let id = user::show(
        &desk.app,
        &desk.admin(),
        call::user::Show {
            tenant: Some("acme".to_owned()),
            user: bob.to_owned(),
        },
    )
    .await
    .unwrap()
    .user
    .id;
    desk.sign_in(acme, id).await;
    flag(&desk, "acme", bob, true).await.unwrap();
    flag(&desk, "acme", bob, false).await.unwrap();
    let owner = || named(Some("acme"), "owner");
    assert_eq!(
        code(revoke(&desk, "acme", bob, &["owner"]).await),
        ErrorCode::LastAdmin
    );
    assert_eq!(
        code(deny(&desk, owner(), &["ALL_PERMISSIONS"]).await),
        ErrorCode::LastAdmin
    );
    assert_eq!(
        code(remove(&desk, owner(), None).await),
        ErrorCode::LastAdmin
    );
    assert_eq!(
        code(remove(&desk, owner(), Some("cashier")).await),
        ErrorCode::LastAdmin
    );
    let closed = call::user::Disable {
        user: reference("acme", bob),
        reason: None,
    };
    assert_eq!(
        code(user::disable(&desk.app, &desk.admin(), closed).await),
        ErrorCode::LastAdmin
    );
    let held = holds(&desk, "acme", bob, "users:edit").await.unwrap();
    assert_eq!(held, ["owner"], "a refused act has done nothing");
}

#[tokio::test]
async fn a84_another_administrator_has_to_have_signed_in() {
    let desk = Desk::new();
    let acme = shop(&desk).await;
    make(&desk, Some("acme"), "owner", &["ALL_PERMISSIONS"])
        .await
        .unwrap();
    let owner = || named(Some("acme"), "owner");
    let ann = desk.user("acme", "ann@acme.test").await;
    grant(&desk, "acme", "ann@acme.test", &["owner"])
        .await
        .unwrap();
    desk.sign_in(acme, ann).await;
    let ann = "ann@acme.test";
    // Bea could take over only once she has signed in.
    let bea = desk.user("acme", "bea@acme.test").await;
    flag(&desk, "acme", "bea@acme.test", true).await.unwrap();
    assert_eq!(
        code(revoke(&desk, "acme", ann, &["owner"]).await),
        ErrorCode::LastAdmin
    );
    desk.sign_in(acme, bea).await;
    remove(&desk, owner(), None).await.unwrap();
    assert_eq!(
        code(flag(&desk, "acme", "bea@acme.test", false).await),
        ErrorCode::LastAdmin
    );
}

#[tokio::test]
async fn a84_a_system_role_takes_no_tenants_last_administrator() {
    let desk = Desk::new();
    let acme = shop(&desk).await;
    make(&desk, None, "system:boss", &["ALL_PERMISSIONS"])
        .await
        .unwrap();
    let bea = desk.user("acme", "bea@acme.test").await;
    grant(&desk, "acme", "bea@acme.test", &["system:boss"])
        .await
        .unwrap();
    desk.sign_in(acme, bea).await;
    let boss = || named(None, "system:boss");
    assert_eq!(
        code(deny(&desk, boss(), &["ALL_PERMISSIONS"]).await),
        ErrorCode::LastAdmin
    );
    assert_eq!(
        code(remove(&desk, boss(), None).await),
        ErrorCode::LastAdmin
    );
    remove(&desk, boss(), Some("system:superadmin"))
        .await
        .unwrap();
    assert_eq!(
        holds(&desk, "acme", "bea@acme.test", "users:edit")
            .await
            .unwrap(),
        ["system:superadmin"]
    );
}

#[tokio::test]
async fn who_can_names_people_and_the_reason() {
    let desk = Desk::new();
    shop(&desk).await;
    desk.user("acme", "amy@acme.test").await;
    flag(&desk, "acme", "amy@acme.test", true).await.unwrap();
    desk.tenant("globex").await;
    desk.user("globex", "eve@globex.test").await;
    flag(&desk, "globex", "eve@globex.test", true)
        .await
        .unwrap();
    let who = async |tenant: Option<&str>, name: &str| {
        let request = call::permission::WhoCan {
            tenant: tenant.map(ToOwned::to_owned),
            permission: name.to_owned(),
            limit: Some(200),
            cursor: None,
        };
        let page = permission::who_can(&desk.app, &desk.admin(), request).await?;
        Ok::<_, Error>(
            page.items
                .into_iter()
                .map(|held| held.email)
                .collect::<Vec<_>>(),
        )
    };
    assert_eq!(
        who(Some("acme"), "orders:edit").await.unwrap(),
        ["amy@acme.test", "bob@acme.test"]
    );
    // Globex has no such permission, so its administrator does not hold it.
    assert_eq!(
        who(None, "orders:edit").await.unwrap(),
        ["amy@acme.test", "bob@acme.test"]
    );
    assert_eq!(
        who(None, "users:view").await.unwrap(),
        ["amy@acme.test", "eve@globex.test"]
    );
    assert_eq!(
        code(who(Some("globex"), "orders:edit").await),
        ErrorCode::UnknownPermission
    );
    assert_eq!(
        code(who(None, "oders:edit").await),
        ErrorCode::UnknownPermission
    );
}

#[tokio::test]
async fn rule_30_every_change_has_its_row() {
    let desk = Desk::new();
    let acme = shop(&desk).await;
    deny(&desk, named(Some("acme"), "cashier"), &["orders:edit"])
        .await
        .unwrap();
    revoke(&desk, "acme", "bob@acme.test", &["cashier"])
        .await
        .unwrap();
    let rows = desk.audit(acme).await;
    let actions: Vec<&str> = rows.iter().map(|row| row.entry.action.as_str()).collect();
    assert_eq!(
        actions,
        [
            "tenant.create",
            "permission.define",
            "permission.define",
            "role.create",
            "user.create",
            "user.grant",
            "role.deny",
            "user.revoke",
        ]
    );
    let edit = &rows
        .iter()
        .find(|row| row.entry.action == "role.deny")
        .unwrap()
        .entry
        .payload;
    assert_eq!(
        edit["before"]["permissions"],
        serde_json::json!(["orders:edit", "orders:view"])
    );
    assert_eq!(
        edit["after"]["permissions"],
        serde_json::json!(["orders:view"])
    );
    // What belongs to no tenant stands in the installation's own chain.
    make(&desk, None, "system:reader", &[]).await.unwrap();
    let own = desk
        .app
        .store
        .read(|tx| tx.audit().rows(None, 1, 10))
        .await
        .unwrap();
    assert_eq!(own[0].entry.action, "role.create");
}
