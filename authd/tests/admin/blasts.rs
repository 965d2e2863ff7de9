//! The blast radius of rehearsed changes of rights: whom it would touch, exactly or as an estimate, and
//! that nothing of it stays.

use authd::app::{permission, role, user};
use common::call::permission::Define;
use common::call::role::{Create, Delete, Deny, RoleRef};
use common::call::user::{Grant, Revoke};
use common::call::{Blast, Touched};
use rusqlite::Connection;

use crate::desk::{Desk, reference};

async fn furnish(desk: &Desk) {
    for name in ["orders:edit", "orders:view"] {
        let define = Define {
            tenant: Some("acme".to_owned()),
            name: name.to_owned(),
            description: None,
        };
        let defined = permission::define(&desk.app, &desk.admin(), define).await;
        defined.unwrap();
    }
    let both = vec!["orders:edit".to_owned(), "orders:view".to_owned()];
    for (name, permissions) in [
        ("manager", both),
        ("viewer", vec!["orders:view".to_owned()]),
    ] {
        let create = Create {
            tenant: Some("acme".to_owned()),
            name: name.to_owned(),
            description: None,
            permissions,
        };
        let created = role::create(&desk.app, &desk.admin(), create).await;
        created.unwrap();
    }
}

async fn grant(desk: &Desk, email: &str, role: &str) {
    let grant = Grant {
        user: reference("acme", email),
        roles: vec![role.to_owned()],
    };
    user::grant(&desk.app, &desk.admin(), grant).await.unwrap();
}

fn manager() -> RoleRef {
    RoleRef {
        tenant: Some("acme".to_owned()),
        name: "manager".to_owned(),
    }
}

fn deny(names: &[&str]) -> Deny {
    Deny {
        role: manager(),
        permissions: names.iter().map(|name| (*name).to_owned()).collect(),
    }
}

fn touched(list: &[(&str, u64)]) -> Vec<Touched> {
    let one = |(permission, users): &(&str, u64)| Touched {
        permission: (*permission).to_owned(),
        users: *users,
    };
    list.iter().map(one).collect()
}

#[tokio::test]
async fn a96_a_rehearsal_tells_whom_the_loss_of_a_right_touches() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    furnish(&desk).await;
    for name in ["ann", "bob", "eve"] {
        let email = format!("{name}@acme.test");
        let id = desk.user("acme", &email).await;
        desk.sign_in(acme, id).await;
        grant(&desk, &email, "manager").await;
    }
    grant(&desk, "eve@acme.test", "viewer").await;
    let both = deny(&["orders:edit", "orders:view"]);
    let change = role::deny(&desk.app, &desk.rehearsing(), both)
        .await
        .unwrap();
    assert_eq!(
        change.blast,
        Some(Blast {
            users: 3,
            sessions: 3,
            takes: touched(&[("orders:edit", 3), ("orders:view", 2)]),
            gives: Vec::new(),
            estimated: false,
        })
    );
    assert_eq!(
        change.notes,
        [
            "Takes orders:edit from 3 users.",
            "Takes orders:view from 2 users.",
            "3 live sessions change.",
        ]
    );
    // Eve keeps what another role gives her.
    let view = deny(&["orders:view"]);
    let change = role::deny(&desk.app, &desk.rehearsing(), view)
        .await
        .unwrap();
    let blast = change.blast.unwrap();
    assert_eq!((blast.users, blast.sessions), (2, 2));
    let delete = Delete {
        role: manager(),
        reassign: Some("viewer".to_owned()),
        confirm: None,
    };
    let change = role::delete(&desk.app, &desk.rehearsing(), delete).await;
    let blast = change.unwrap().blast.unwrap();
    assert_eq!(blast.takes, touched(&[("orders:edit", 3)]));
    let revoke = Revoke {
        user: reference("acme", "eve@acme.test"),
        roles: vec!["manager".to_owned()],
    };
    let change = user::revoke(&desk.app, &desk.rehearsing(), revoke).await;
    let blast = change.unwrap().blast.unwrap();
    assert_eq!((blast.users, blast.sessions), (1, 1));
    assert_eq!(blast.takes, touched(&[("orders:edit", 1)]));
    // A change that is made tells no such numbers: they cost.
    let done = role::deny(&desk.app, &desk.admin(), deny(&["orders:edit"])).await;
    assert_eq!(done.unwrap().blast, None);
}

#[tokio::test]
async fn a96_a_large_crowd_is_counted_beside_the_writer_and_said_to_be_an_estimate() {
    let desk = Desk::new();
    desk.tenant("acme").await;
    furnish(&desk).await;
    desk.user("acme", "bob@acme.test").await;
    grant(&desk, "bob@acme.test", "manager").await;
    let database = Connection::open(desk.database()).unwrap();
    database
        .execute_batch(
            "INSERT INTO users (id, tenant_id, email, email_verified, external_refs, status, \
             is_tenant_admin, subject, created_at, updated_at) \
             SELECT randomblob(16), u.tenant_id, 'n' || n.value || '@acme.test', 1, '{}', 'active', \
             0, randomblob(32), 0, 0 FROM users u, (WITH RECURSIVE c (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM c WHERE value < 1200) SELECT value FROM c) n \
             WHERE u.email = 'bob@acme.test'; \
             INSERT INTO user_roles (user_id, role_id, tenant_id, granted_at) \
             SELECT u.id, m.role_id, u.tenant_id, 0 FROM users u, user_roles m \
             WHERE u.email <> 'bob@acme.test' AND u.email LIKE 'n%@acme.test'",
        )
        .unwrap();
    let change = role::deny(&desk.app, &desk.rehearsing(), deny(&["orders:edit"])).await;
    let change = change.unwrap();
    let blast = change.blast.unwrap();
    assert_eq!(
        (blast.users, blast.sessions, blast.estimated),
        (1201, 0, true)
    );
    assert_eq!(change.notes[0], "Takes orders:edit from about 1201 users.");
    let text = serde_json::to_value(&blast).unwrap();
    assert_eq!(text["estimated"], true);
}
