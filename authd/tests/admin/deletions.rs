//! Deleting users: what goes, what stays, and what must be typed.

use authd::app::{audit, user};
use common::call;
use common::call::user::{Create, Delete};
use common::error::ErrorCode;
use common::id::{TenantId, UserId};
use store::Scope;

use crate::desk::{Desk, new_user, reference};
use crate::profiles::nothing;

const BOB: &str = "bob@acme.test";

fn delete(confirm: Option<&str>) -> Delete {
    Delete {
        user: reference("acme", BOB),
        hard: false,
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

fn hard(confirm: Option<&str>) -> Delete {
    Delete {
        hard: true,
        ..delete(confirm)
    }
}

/// Attempts with an address, and audit rows without contents.
fn personal_rows(desk: &Desk) -> (i64, i64) {
    let database = rusqlite::Connection::open(desk.database()).unwrap();
    let count = |sql: &str| -> i64 { database.query_row(sql, [], |row| row.get(0)).unwrap() };
    (
        count("SELECT count(*) FROM attempts WHERE ip IS NOT NULL"),
        count("SELECT count(*) FROM audit WHERE payload IS NULL"),
    )
}

#[tokio::test]
async fn a93_a_person_is_erased_from_the_logs_and_the_chain_stays_whole() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let bob = desk.user("acme", BOB).await;
    let eve = desk.user("acme", "eve@acme.test").await;
    for user in [bob, eve] {
        desk.attempt(acme, Some(user)).await;
        desk.sign_in(acme, user).await;
    }
    let profile = call::user::Set {
        phone: Some("+254700000001".to_owned()),
        ..nothing("acme", BOB)
    };
    user::set(&desk.app, &desk.admin(), profile).await.unwrap();
    let before = personal_rows(&desk);
    let dry = user::delete(&desk.app, &desk.rehearsing(), hard(Some(BOB))).await;
    assert!(dry.unwrap().notes[0].contains("personal"));
    assert_eq!(personal_rows(&desk), before, "a rehearsal erases nothing");
    let refused = user::delete(&desk.app, &desk.admin(), hard(None)).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::ValidationFailed);
    assert_eq!(personal_rows(&desk), before, "nor does what is refused");
    user::delete(&desk.app, &desk.admin(), hard(Some(BOB)))
        .await
        .unwrap();
    let database = rusqlite::Connection::open(desk.database()).unwrap();
    let of = |id: &[u8; 16]| -> (i64, i64) {
        let sql = "SELECT count(*), count(ip) FROM attempts WHERE user_id = ?1";
        let counted = database.query_row(sql, [id], |row| Ok((row.get(0)?, row.get(1)?)));
        counted.unwrap()
    };
    assert_eq!(of(bob.as_bytes()), (1, 0));
    assert_eq!(of(eve.as_bytes()), (1, 1), "others keep theirs");
    the_chain_is_whole(&desk, acme, bob).await;
}

#[tokio::test]
async fn a93_an_erasure_that_is_refused_erases_nothing() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let request = Create {
        tenant_admin: true,
        permanent: true,
        ..new_user("acme", BOB)
    };
    let bob = desk.create(request).await.unwrap().id.unwrap();
    let bob = bob.parse().unwrap();
    desk.sign_in(acme, bob).await;
    desk.attempt(acme, Some(bob)).await;
    let before = (personal_rows(&desk), desk.audit(acme).await.len());
    let refused = user::delete(&desk.app, &desk.admin(), hard(Some(BOB))).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::LastAdmin);
    let after = (personal_rows(&desk), desk.audit(acme).await.len());
    assert_eq!(after, before);
}

async fn the_chain_is_whole(desk: &Desk, acme: TenantId, bob: UserId) {
    let rows = desk.audit(acme).await;
    let about = rows
        .iter()
        .filter(|row| row.entry.object == bob.to_string());
    let told: Vec<(&str, bool)> = about
        .map(|row| (row.entry.action.as_str(), row.entry.payload.is_null()))
        .collect();
    assert_eq!(
        told,
        [
            ("user.create", true),
            ("user.set", true),
            ("user.erase", true),
            ("user.delete", false)
        ]
    );
    assert!(
        rows.iter()
            .all(|row| !row.entry.payload.to_string().contains("+2547"))
    );
    let verify = call::audit::Verify {
        tenant: Some("acme".to_owned()),
        ..call::audit::Verify::default()
    };
    let chains = audit::verify(&desk.app, &desk.admin(), verify)
        .await
        .unwrap();
    let [chain] = chains.items.as_slice() else {
        panic!("{chains:?}");
    };
    assert!(chain.ok && chain.erased == 3, "{chain:?}");
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
