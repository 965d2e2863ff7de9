//! `explain permission`: the chain with who granted what and when, and what would give it.

use authd::app::{explain, permission, role, user};
use common::call::explain::Permission;
use common::call::permission::Define;
use common::call::role::Create;
use common::call::user::{Disable, Grant};
use common::view::PermissionExplanation;

use crate::desk::{Desk, reference};
use crate::profiles::nothing;

async fn ask(desk: &Desk, permission: &str) -> PermissionExplanation {
    let request = Permission {
        tenant: Some("acme".to_owned()),
        user: "bob@acme.test".to_owned(),
        permission: permission.to_owned(),
    };
    explain::permission(&desk.app, &desk.admin(), request)
        .await
        .unwrap()
}

async fn furnish(desk: &Desk) {
    desk.tenant("acme").await;
    desk.user("acme", "bob@acme.test").await;
    for name in ["orders:edit", "orders:view"] {
        let define = Define {
            tenant: Some("acme".to_owned()),
            name: name.to_owned(),
            description: None,
        };
        permission::define(&desk.app, &desk.admin(), define)
            .await
            .unwrap();
    }
    for (name, granted) in [
        ("manager", "orders:edit"),
        ("owner", "ALL_PERMISSIONS"),
        ("viewer", "orders:view"),
    ] {
        let create = Create {
            tenant: Some("acme".to_owned()),
            name: name.to_owned(),
            description: None,
            permissions: vec![granted.to_owned()],
        };
        role::create(&desk.app, &desk.admin(), create)
            .await
            .unwrap();
    }
}

async fn grant(desk: &Desk, role: &str) {
    let grant = Grant {
        user: reference("acme", "bob@acme.test"),
        roles: vec![role.to_owned()],
    };
    user::grant(&desk.app, &desk.admin(), grant).await.unwrap();
}

#[tokio::test]
async fn a_permission_is_explained_by_who_granted_it_and_when() {
    let desk = Desk::new();
    furnish(&desk).await;
    let denied = ask(&desk, "orders:edit").await;
    assert!(!denied.allowed && denied.via.is_empty());
    assert_eq!(
        denied.roles_that_would,
        ["system:superadmin", "manager", "owner"]
    );
    desk.clock.advance(std::time::Duration::from_secs(60));
    let then = desk.app.now();
    grant(&desk, "manager").await;
    desk.clock.advance(std::time::Duration::from_secs(60));
    grant(&desk, "owner").await;
    let told = ask(&desk, "orders:edit").await;
    assert!(told.allowed && told.roles_that_would.is_empty());
    let [manager, owner] = told.via.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(
        (manager.role.as_deref(), manager.by.as_str()),
        (Some("manager"), "orders:edit")
    );
    assert_eq!(manager.granted_at, Some(then));
    let by = manager.granted_by.as_ref().unwrap();
    assert_eq!((by.user.as_deref(), by.uid), (Some("jane"), Some(1001)));
    assert_eq!(
        (owner.role.as_deref(), owner.by.as_str()),
        (Some("owner"), "ALL_PERMISSIONS")
    );
    assert_eq!(told.hindered_by, None);
    // What exists in `system` alone is held by nobody else, whatever the role says.
    let elsewhere = Permission {
        tenant: Some("acme".to_owned()),
        user: "bob@acme.test".to_owned(),
        permission: "tenants:create".to_owned(),
    };
    let told = explain::permission(&desk.app, &desk.admin(), elsewhere).await;
    assert!(told.is_err_and(|error| error.code.as_str() == "unknown_permission"));
}

#[tokio::test]
async fn the_flag_is_explained_by_the_change_that_set_it() {
    let desk = Desk::new();
    furnish(&desk).await;
    desk.user("acme", "ann@acme.test").await;
    desk.clock.advance(std::time::Duration::from_secs(60));
    let then = desk.app.now();
    let set = common::call::user::Set {
        tenant_admin: Some(true),
        ..nothing("acme", "bob@acme.test")
    };
    user::set(&desk.app, &desk.admin(), set).await.unwrap();
    let disable = Disable {
        user: reference("acme", "bob@acme.test"),
        reason: None,
    };
    user::disable(&desk.app, &desk.admin(), disable)
        .await
        .unwrap();
    let told = ask(&desk, "orders:view").await;
    let [flag] = told.via.as_slice() else {
        panic!("{told:?}");
    };
    assert!(flag.tenant_admin && flag.role.is_none());
    assert_eq!(flag.granted_at, Some(then));
    assert_eq!(
        flag.granted_by.as_ref().unwrap().user.as_deref(),
        Some("jane")
    );
    assert_eq!(told.hindered_by.as_deref(), Some("disabled"));
}
