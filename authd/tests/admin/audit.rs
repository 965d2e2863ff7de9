//! What the audit log holds of the changes, and what it never holds.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use authd::app::{attempt, audit, user};
use authd::crypto::sha256;
use common::call;
use common::call::audit::{List, Show};
use common::call::user::{Create, Disable, FirstPassword, NewPassword, SetPassword};
use common::error::ErrorCode;
use common::view::{AuditView, Page};
use domain::audit::mac_input;

use crate::desk::{Desk, GOOD, given, new_user, reference};

#[tokio::test]
async fn rule_30_every_change_is_one_row_of_an_unbroken_chain() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    desk.user("acme", "bob@acme.test").await;
    let disable = || Disable {
        user: reference("acme", "bob@acme.test"),
        reason: Some("left".to_owned()),
    };
    let change = user::disable(&desk.app, &desk.admin(), disable())
        .await
        .unwrap();
    // A repeat changes nothing, and a refused call neither.
    user::disable(&desk.app, &desk.admin(), disable())
        .await
        .unwrap();
    desk.create(new_user("acme", "bob@acme.test"))
        .await
        .unwrap_err();

    let rows = desk.audit(acme).await;
    let actions: Vec<&str> = rows.iter().map(|row| row.entry.action.as_str()).collect();
    assert_eq!(actions, ["tenant.create", "user.create", "user.disable"]);
    let mut previous = [0; 32];
    for (row, number) in rows.iter().zip(1..) {
        assert_eq!((row.number, row.previous), (number, previous));
        let mut salted = row.entry.salt.to_vec();
        salted.extend(serde_json::to_vec(&row.entry.payload).unwrap());
        assert_eq!(row.digest, sha256(&salted));
        let input = mac_input(&row.entry, row.number, &row.previous, &row.digest);
        assert_eq!(row.mac, desk.app.keys.seal(&input));
        assert_eq!(row.entry.actor.user.as_deref(), Some("jane"));
        previous = row.mac;
    }
    let last = rows.last().unwrap();
    assert_eq!(Some(last.entry.id), change.audit_id);
    assert_eq!(Some(&last.entry.object), change.id.as_ref());
    assert_eq!(last.entry.payload["reason"], "left");
    assert_eq!(last.entry.payload["before"]["status"], "active");
    assert_eq!(last.entry.payload["after"]["status"], "disabled");
}

#[tokio::test]
async fn rule_27_no_password_or_hash_is_in_the_log() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let request = Create {
        password: FirstPassword::Generate,
        kra_pin: Some("A123456789X".to_owned()),
        ..new_user("acme", "bob@acme.test")
    };
    let first = desk.create(request).await.unwrap();
    let set = |password| SetPassword {
        user: reference("acme", "bob@acme.test"),
        password,
        permanent: false,
        reason: None,
    };
    let generated = user::set_password(&desk.app, &desk.admin(), set(NewPassword::Generate))
        .await
        .unwrap();
    user::set_password(&desk.app, &desk.admin(), set(given(GOOD)))
        .await
        .unwrap();
    let log = format!("{:?}", desk.audit(acme).await);
    for secret in [
        first.generated_password.unwrap().expose(),
        generated.generated_password.unwrap().expose(),
        GOOD,
        "$argon2",
        "A123456789X",
    ] {
        assert!(!log.contains(secret), "{secret}");
    }
    let rows = desk.audit(acme).await;
    assert_eq!(rows[1].entry.payload["after"]["password_generated"], true);
    assert_eq!(rows[3].entry.payload["after"]["password_generated"], false);
}

fn actions(page: &Page<AuditView>) -> Vec<&str> {
    page.items.iter().map(|row| row.action.as_str()).collect()
}

#[tokio::test]
async fn rule_30_changes_are_listed_the_newest_first_and_by_every_filter() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    desk.clock.advance(Duration::from_secs(60));
    let bob = desk.user("acme", "bob@acme.test").await;
    desk.clock.advance(Duration::from_secs(60));
    desk.tenant("globex").await;
    let list = async |request: List| {
        audit::list(&desk.app, &desk.admin(), request)
            .await
            .unwrap()
    };
    let none = List::default;

    let all = list(none()).await;
    assert_eq!(
        actions(&all),
        ["tenant.create", "user.create", "tenant.create"]
    );
    let made = &all.items[1];
    assert_eq!(made.tenant.as_deref(), Some("acme"));
    assert_eq!((made.number, made.object.clone()), (2, bob.to_string()));
    assert_eq!(made.email.as_deref(), Some("bob@acme.test"));
    let actor = made.actor.as_ref().unwrap();
    assert_eq!(actor.user.as_deref(), Some("jane"));
    assert_eq!((made.before.as_ref(), made.after.as_ref()), (None, None));

    let tenant = |name: &str| List {
        tenant: Some(name.to_owned()),
        ..none()
    };
    let both = ["user.create", "tenant.create"];
    assert_eq!(actions(&list(tenant("acme")).await), both);
    assert_eq!(actions(&list(tenant(&acme.to_string())).await), both);
    let uid = actor.uid.unwrap().to_string();
    for (actor, rows) in [("jane", 3), (uid.as_str(), 3), ("jan", 0), ("%", 0)] {
        let request = List {
            actor: Some(actor.to_owned()),
            ..none()
        };
        assert_eq!(list(request).await.items.len(), rows, "{actor}");
    }
    for (action, rows) in [
        ("user.create", 1),
        ("tenant.", 2),
        ("user", 0),
        ("user.%", 0),
    ] {
        let request = List {
            action: Some(action.to_owned()),
            ..none()
        };
        assert_eq!(list(request).await.items.len(), rows, "{action}");
    }
}

#[tokio::test]
async fn rule_30_changes_of_one_object_or_time_are_found() {
    let desk = Desk::new();
    desk.tenant("acme").await;
    desk.clock.advance(Duration::from_secs(60));
    let since = Some(desk.app.now());
    let bob = desk.user("acme", "bob@acme.test").await;
    desk.clock.advance(Duration::from_secs(60));
    let until = Some(desk.app.now());
    desk.tenant("globex").await;
    let of_bob = List {
        object: Some(bob.to_string()),
        ..List::default()
    };
    // The first moment belongs to it, the last does not.
    let between = List {
        since,
        until,
        ..List::default()
    };
    for request in [of_bob, between] {
        let page = audit::list(&desk.app, &desk.admin(), request).await;
        assert_eq!(actions(&page.unwrap()), ["user.create"]);
    }
}

#[tokio::test]
async fn a_page_of_changes_goes_on_where_the_one_before_ended() {
    let desk = Desk::new();
    for slug in ["a1", "b1", "c1", "d1"] {
        desk.tenant(slug).await;
        desk.clock.advance(Duration::from_secs(1));
    }
    let (mut cursor, mut seen) = (None, Vec::new());
    loop {
        let request = List {
            limit: Some(3),
            cursor,
            ..List::default()
        };
        let page = audit::list(&desk.app, &desk.admin(), request)
            .await
            .unwrap();
        seen.extend(page.items.into_iter().filter_map(|row| row.tenant));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["d1", "c1", "b1", "a1"]);
}

#[tokio::test]
async fn rule_30_one_change_is_shown_with_what_was_and_is() {
    let desk = Desk::new();
    desk.tenant("acme").await;
    desk.user("acme", "bob@acme.test").await;
    let request = Disable {
        user: reference("acme", "bob@acme.test"),
        reason: Some("left".to_owned()),
    };
    let change = user::disable(&desk.app, &desk.admin(), request)
        .await
        .unwrap();
    let show = async |id: String| audit::show(&desk.app, &desk.admin(), Show { id }).await;
    let row = show(change.audit_id.unwrap().to_string()).await.unwrap();
    assert_eq!(row.reason.as_deref(), Some("left"));
    assert_eq!(row.before.unwrap()["status"], "active");
    assert_eq!(row.after.unwrap()["status"], "disabled");
    for id in ["aud_01h455vb4pex5vsknk084sn02q", "42", ""] {
        let error = show(id.to_owned()).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::NotFound, "{id}");
    }
}

#[tokio::test]
async fn a94_the_monitor_socket_sees_no_person_in_the_audit_log() {
    let desk = Desk::new();
    desk.tenant("acme").await;
    desk.clock.advance(Duration::from_secs(1));
    desk.user("acme", "canary@acme.test").await;
    desk.clock.advance(Duration::from_secs(1));
    let request = Disable {
        user: reference("acme", "canary@acme.test"),
        reason: Some("canary-reason".to_owned()),
    };
    user::disable(&desk.app, &desk.admin(), request)
        .await
        .unwrap();
    let page = audit::list(&desk.app, &desk.monitor(), List::default()).await;
    let page = page.unwrap();
    let text = serde_json::to_string(&page).unwrap();
    assert_eq!(
        actions(&page),
        ["user.disable", "user.create", "tenant.create"]
    );
    assert!(!text.contains("canary") && !text.contains("jane"), "{text}");
    let request = List {
        actor: Some("jane".to_owned()),
        ..List::default()
    };
    let error = audit::list(&desk.app, &desk.monitor(), request).await;
    assert_eq!(error.unwrap_err().code, ErrorCode::PermissionDenied);
}

#[tokio::test]
async fn rule_5_one_attempt_is_shown_with_its_trace() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let bob = desk.user("acme", "bob@acme.test").await;
    desk.attempt(acme, Some(bob)).await;
    let list = attempt::list(&desk.app, &desk.admin(), call::attempt::List::default()).await;
    let row = list.unwrap().items.pop().unwrap();
    let show = async |id: String| {
        attempt::show(&desk.app, &desk.admin(), call::attempt::Show { id }).await
    };
    let shown = show(row.id.to_string()).await.unwrap();
    assert_eq!(shown, row);
    assert!(!shown.trace.is_empty());
    for id in ["att_01h455vb4pex5vsknk084sn02q", "42", ""] {
        let error = show(id.to_owned()).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::NotFound, "{id}");
    }
}

#[tokio::test]
async fn rule_30_an_export_holds_every_row_once_and_whole() {
    let desk = Desk::new();
    desk.tenant("acme").await;
    desk.tenant("globex").await;
    for n in 0..4 {
        desk.user("acme", &format!("u{n}@acme.test")).await;
    }
    let export = |tenant: Option<&str>, cursor| {
        let request = call::audit::Export {
            tenant: tenant.map(str::to_owned),
            limit: Some(2),
            cursor,
        };
        let (app, admin) = (Arc::clone(&desk.app), desk.admin());
        async move { audit::export(&app, &admin, request).await }
    };
    let mut rows: Vec<AuditView> = Vec::new();
    let mut cursor = None;
    loop {
        let page = export(None, cursor).await.unwrap();
        rows.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let acme = rows
        .iter()
        .filter(|row| row.tenant.as_deref() == Some("acme"));
    let numbers: Vec<u64> = acme.clone().map(|row| row.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    assert!(acme.skip(1).all(|row| row.after.is_some()), "{rows:?}");
    let ids: BTreeSet<_> = rows.iter().map(|row| row.id).collect();
    assert_eq!(ids.len(), rows.len());
    let listed = audit::list(&desk.app, &desk.admin(), List::default()).await;
    assert_eq!(listed.unwrap().items.len(), rows.len());
    let first = export(Some("acme"), None).await.unwrap();
    assert_eq!(first.items.len(), 2);
    let foreign = export(Some("globex"), first.next_cursor).await.unwrap_err();
    assert_eq!(foreign.code, ErrorCode::InvalidCursor);
}
