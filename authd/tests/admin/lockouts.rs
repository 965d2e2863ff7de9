//! Locked names as the operator sees and clears them.

use authd::app::lockout;
use common::call::lockout::{Clear, ClearAll, List, Show};
use common::error::ErrorCode;
use domain::lockout::CounterKey;

use crate::desk::{Desk, reference};

fn key(desk: &Desk, email: &str) -> CounterKey {
    desk.app.keys.subject("acme", &email.parse().unwrap())
}

fn show(email: &str) -> Show {
    Show {
        tenant: Some("acme".to_owned()),
        user: email.to_owned(),
    }
}

fn clear(email: &str) -> Clear {
    Clear {
        user: reference("acme", email),
        reason: Some("called".to_owned()),
    }
}

#[tokio::test]
async fn locked_names_are_listed_known_and_unknown() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let bob = desk.user("acme", "bob@acme.test").await;
    desk.lock(acme, key(&desk, "bob@acme.test")).await;
    desk.lock(acme, key(&desk, "ghost@acme.test")).await;
    desk.user("acme", "eve@acme.test").await;
    desk.fail(acme, key(&desk, "eve@acme.test"), 4).await;
    let page = lockout::list(&desk.app, &desk.admin(), List::default())
        .await
        .unwrap();
    let [row] = page.items.as_slice() else {
        panic!("{:?}", page.items);
    };
    assert_eq!(row.user_id, Some(bob));
    assert_eq!(row.failures, 5);
    assert_eq!(row.last_ip.as_deref(), Some("203.0.113.7"));
    let all = |ip: Option<&str>| List {
        include_unknown: true,
        ip: ip.map(ToOwned::to_owned),
        ..List::default()
    };
    for (ip, rows) in [
        (None, 2),
        (Some("203.0.113.7"), 2),
        (Some("203.0.113.0/24"), 2),
        (Some("198.51.100.0/24"), 0),
    ] {
        let page = lockout::list(&desk.app, &desk.admin(), all(ip)).await;
        let page = page.unwrap();
        assert_eq!(page.items.len(), rows, "{ip:?}");
        assert!(
            page.items
                .iter()
                .all(|row| row.email.is_some() != row.subject_hash.is_some())
        );
    }
    desk.clock
        .advance(desk.app.settings().tenant.lockout.duration);
    let page = lockout::list(&desk.app, &desk.admin(), all(None)).await;
    assert!(page.unwrap().items.is_empty());
}

#[tokio::test]
async fn rule_1_a_name_that_no_user_has_is_shown_and_cleared_by_its_tenant() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let ghost = "ghost@acme.test";
    desk.fail(acme, key(&desk, ghost), 3).await;
    let shown = lockout::show(&desk.app, &desk.admin(), show(ghost))
        .await
        .unwrap();
    assert_eq!(shown.failures, 3);
    assert_eq!(shown.email, None);
    assert_eq!(shown.subject_hash, Some(key(&desk, ghost).to_hex()));
    let without = Show {
        tenant: None,
        user: ghost.to_owned(),
    };
    let error = lockout::show(&desk.app, &desk.admin(), without)
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);

    let change = lockout::clear(&desk.app, &desk.admin(), clear(ghost))
        .await
        .unwrap();
    assert!(change.changed);
    let shown = lockout::show(&desk.app, &desk.admin(), show(ghost))
        .await
        .unwrap();
    assert_eq!((shown.failures, shown.locked_until), (0, None));
    // The raw text may be a password: the log knows its hash alone.
    let row = desk.audit(acme).await.pop().unwrap();
    assert_eq!(row.entry.object, key(&desk, ghost).to_hex());
    assert!(!format!("{row:?}").contains("ghost"));
}

#[tokio::test]
async fn rule_2_a_clear_ends_the_lock_and_the_count_once() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let bob = desk.user("acme", "bob@acme.test").await;
    let key = key(&desk, "bob@acme.test");
    desk.lock(acme, key).await;
    let change = lockout::clear(&desk.app, &desk.admin(), clear("bob@acme.test"))
        .await
        .unwrap();
    assert_eq!(change.id, Some(bob.to_string()));
    let row = desk.audit(acme).await.pop().unwrap();
    assert_eq!(row.entry.action, "lockout.clear");
    assert_eq!(row.entry.payload["reason"], "called");
    assert_eq!(row.entry.payload["before"]["failures"], 5);
    let policy = desk.app.settings().tenant.lockout;
    let now = desk.app.now();
    let state = desk
        .app
        .store
        .read(move |tx| tx.counters().state(&key, now.minus(policy.window)))
        .await
        .unwrap();
    assert_eq!(state.locked(&policy, now), None);
    assert_eq!(state.failures_at(&policy, now), 0);
    let again = lockout::clear(&desk.app, &desk.admin(), clear("bob@acme.test"))
        .await
        .unwrap();
    assert!(!again.changed && again.audit_id.is_none());
}

async fn locked(desk: &Desk) -> usize {
    let request = List {
        include_unknown: true,
        ..List::default()
    };
    let page = lockout::list(&desk.app, &desk.admin(), request).await;
    page.unwrap().items.len()
}

#[tokio::test]
async fn rule_30_the_locks_of_an_address_are_cleared_with_one_row() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    desk.user("acme", "bob@acme.test").await;
    desk.lock(acme, key(&desk, "bob@acme.test")).await;
    desk.lock(acme, key(&desk, "ghost@acme.test")).await;
    let other = key(&desk, "eve@acme.test");
    desk.lock_from(acme, other, "198.51.100.7").await;
    let request = |ip: &str| ClearAll {
        ip: Some(ip.to_owned()),
        reason: Some("own office".to_owned()),
        ..ClearAll::default()
    };
    let rows = desk.audit_wide().await.len();
    let dry = lockout::clear_all(&desk.app, &desk.rehearsing(), request("203.0.113.0/24")).await;
    assert!(dry.unwrap().changed);
    assert_eq!(locked(&desk).await, 3);
    let change = lockout::clear_all(&desk.app, &desk.admin(), request("203.0.113.0/24")).await;
    let change = change.unwrap();
    assert!(change.changed);
    assert_eq!(change.subject, "2 names last tried from 203.0.113.0/24");
    assert_eq!(locked(&desk).await, 1);
    let told = desk.audit_wide().await;
    assert_eq!(told.len(), rows + 1);
    let entry = &told.last().unwrap().entry;
    assert_eq!(entry.action, "lockout.clear-all");
    assert_eq!(entry.payload["before"]["names"], 2);
    assert_eq!(entry.payload["reason"], "own office");
    let again = lockout::clear_all(&desk.app, &desk.admin(), request("203.0.113.0/24")).await;
    assert!(!again.unwrap().changed);
    let error = lockout::clear_all(&desk.app, &desk.admin(), request("office")).await;
    assert_eq!(error.unwrap_err().fields[0].path, "/ip");
}

#[tokio::test]
async fn a95_all_locks_are_cleared_when_the_word_was_typed() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let globex = desk.tenant("globex").await;
    // More than one chunk, by failures and by hand.
    desk.write(move |tx| {
        for n in 0..450_u16 {
            let mut bytes = [1; 32];
            bytes[..2].copy_from_slice(&n.to_be_bytes());
            let by_hand = domain::lockout::ManualLock { until: None };
            let key = CounterKey::from_bytes(bytes);
            tx.counters_mut().lock_by_hand(&key, acme, by_hand)?;
        }
        Ok(())
    })
    .await;
    desk.lock(globex, CounterKey::from_bytes([9; 32])).await;
    let request = |tenant: Option<&str>, confirm: Option<&str>| ClearAll {
        tenant: tenant.map(ToOwned::to_owned),
        confirm: confirm.map(ToOwned::to_owned),
        ..ClearAll::default()
    };
    for confirm in [None, Some(""), Some("451"), Some("acme")] {
        let error = lockout::clear_all(&desk.app, &desk.admin(), request(None, confirm)).await;
        let error = error.unwrap_err();
        assert_eq!(error.code, ErrorCode::ValidationFailed);
        assert_eq!(error.fields[0].path, "/confirm");
    }
    let change =
        lockout::clear_all(&desk.app, &desk.admin(), request(Some("acme"), Some("all"))).await;
    assert_eq!(change.unwrap().subject, "450 names");
    assert_eq!(locked(&desk).await, 1);
    // Of one tenant it is told in the tenant's chain.
    let row = desk.audit(acme).await.pop().unwrap();
    assert_eq!(row.entry.action, "lockout.clear-all");
    let change = lockout::clear_all(&desk.app, &desk.admin(), request(None, Some("all"))).await;
    assert_eq!(change.unwrap().subject, "1 name");
    assert_eq!(locked(&desk).await, 0);
}
