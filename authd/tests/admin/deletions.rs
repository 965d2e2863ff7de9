//! Deleting users: what goes, what stays, and what must be typed.

use authd::app::user;
use common::call::user::{Create, Delete};
use common::error::ErrorCode;
use store::Scope;

use crate::desk::{Desk, new_user, reference};

const BOB: &str = "bob@acme.test";

fn delete(confirm: Option<&str>) -> Delete {
    Delete {
        user: reference("acme", BOB),
        confirm: confirm.map(ToOwned::to_owned),
        reason: Some("left".to_owned()),
    }
}

#[tokio::test]
async fn rule_19_a_deleted_user_leaves_nothing_but_its_attempts() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let bob = desk.user("acme", BOB).await;
    desk.sign_in(acme, bob).await;
    desk.attempt(acme, Some(bob)).await;
    let key = desk.app.keys.subject("acme", &BOB.parse().unwrap());
    desk.lock(acme, key).await;
    desk.scopes.take();
    let change = user::delete(&desk.app, &desk.admin(), delete(Some(BOB)))
        .await
        .unwrap();
    assert_eq!((change.changed, change.sessions_ended), (true, 1));
    assert_eq!(change.id, Some(bob.to_string()));
    assert_eq!(desk.scopes.take(), [Scope::User(bob)]);
    let row = desk.audit(acme).await.pop().unwrap();
    assert_eq!(row.entry.action, "user.delete");
    assert_eq!(row.entry.payload["reason"], "left");
    assert!(!row.entry.payload.to_string().contains("bob@"));
    let again = user::delete(&desk.app, &desk.admin(), delete(Some(BOB))).await;
    assert_eq!(again.unwrap_err().code, ErrorCode::NotFound);

    let new = desk.user("acme", BOB).await;
    assert_ne!(new, bob);
    assert_eq!(desk.open_sessions(acme, new).await, 0);
    assert_eq!(desk.devices(acme, new).await, 0);
    let since = desk
        .app
        .now()
        .minus(desk.app.settings().tenant.lockout.window);
    let state = desk
        .app
        .store
        .read(move |tx| tx.counters().state(&key, since))
        .await
        .unwrap();
    assert_eq!(state, domain::lockout::CounterState::default());
}

#[tokio::test]
async fn a95_a_user_is_not_deleted_unless_its_address_was_typed() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    desk.user("acme", BOB).await;
    for confirm in [None, Some(""), Some("1"), Some("eve@acme.test")] {
        let error = user::delete(&desk.app, &desk.admin(), delete(confirm)).await;
        let error = error.unwrap_err();
        assert_eq!(error.code, ErrorCode::ValidationFailed);
        assert_eq!(error.fields[0].path, "/confirm");
    }
    assert_eq!(desk.audit(acme).await.len(), 2);
}

#[tokio::test]
async fn a84_the_last_administrator_is_not_deleted() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let request = Create {
        tenant_admin: true,
        permanent: true,
        ..new_user("acme", BOB)
    };
    let bob = desk.create(request).await.unwrap().id.unwrap();
    desk.sign_in(acme, bob.parse().unwrap()).await;
    let error = user::delete(&desk.app, &desk.admin(), delete(Some(BOB))).await;
    assert_eq!(error.unwrap_err().code, ErrorCode::LastAdmin);
}
