//! Pruning the log of attempts by hand, and counting it.

use std::sync::Arc;
use std::time::Duration;

use authd::app::attempt;
use common::call;
use common::call::attempt::{By, List, Prune};
use common::error::ErrorCode;

use crate::desk::Desk;

async fn rows(desk: &Desk) -> usize {
    let mut request = List {
        limit: Some(200),
        ..List::default()
    };
    let mut all = 0;
    loop {
        let page = attempt::list(&desk.app, &desk.admin(), request.clone()).await;
        let page = page.unwrap();
        all += page.items.len();
        if page.next_cursor.is_none() {
            return all;
        }
        request.cursor = page.next_cursor;
    }
}

#[tokio::test]
async fn rule_30_old_attempts_are_pruned_by_the_chunk_with_one_row() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let bob = desk.user("acme", "bob@acme.test").await;
    desk.sign_in(acme, bob).await;
    desk.attempts_of_the_past(acme, 1100).await;
    desk.attempt(acme, Some(bob)).await;
    let prune = |seconds| Prune {
        older_than_seconds: seconds,
        reason: Some("policy".to_owned()),
    };
    let error = attempt::prune(&desk.app, &desk.admin(), prune(86_399)).await;
    assert_eq!(error.unwrap_err().code, ErrorCode::ValidationFailed);
    let chain = desk.audit_wide().await.len();
    let none = attempt::prune(&desk.app, &desk.admin(), prune(3 * 86_400)).await;
    assert!(!none.unwrap().changed);
    let dry = attempt::prune(&desk.app, &desk.rehearsing(), prune(86_400)).await;
    assert_eq!(dry.unwrap().notes, ["500 or more rows of the log"]);
    assert_eq!(rows(&desk).await, 1101);
    let change = attempt::prune(&desk.app, &desk.admin(), prune(86_400)).await;
    assert_eq!(change.unwrap().notes, ["1100 rows of the log"]);
    assert_eq!(rows(&desk).await, 1);
    // Nothing else was over.
    assert_eq!(desk.open_sessions(acme, bob).await, 1);
    assert_eq!(desk.devices(acme, bob).await, 1);
    let told = desk.audit_wide().await;
    assert_eq!(told.len(), chain + 1);
    assert_eq!(told.last().unwrap().entry.action, "attempt.prune");
}

#[tokio::test]
async fn attempts_are_counted_by_address_name_and_tenant() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let bob = desk.user("acme", "bob@acme.test").await;
    for user in [Some(bob), None] {
        desk.attempt(acme, user).await;
    }
    let top = |by, limit| {
        let request = call::attempt::Top {
            tenant: Some("acme".to_owned()),
            by,
            since: desk.app.now().minus(Duration::from_hours(1)),
            limit,
        };
        let (app, admin) = (Arc::clone(&desk.app), desk.admin());
        async move { attempt::top(&app, &admin, request).await }
    };
    let rows = top(By::Ip, None).await.unwrap().items;
    let [row] = rows.as_slice() else {
        panic!("{rows:?}");
    };
    assert_eq!(row.ip.as_deref(), Some("203.0.113.7"));
    assert_eq!((row.failed, row.ok, row.users), (2, 0, 2));
    let rows = top(By::User, None).await.unwrap().items;
    assert_eq!(rows.len(), 2, "{rows:?}");
    let known = rows.iter().find(|row| row.user_id == Some(bob)).unwrap();
    assert_eq!(known.email.as_deref(), Some("bob@acme.test"));
    assert_eq!((known.subject_hash.as_deref(), known.failed), (None, 1));
    let unknown = rows.iter().find(|row| row.user_id.is_none()).unwrap();
    assert!(unknown.subject_hash.is_some() && unknown.email.is_none());
    let rows = top(By::Tenant, None).await.unwrap().items;
    assert_eq!(rows[0].tenant.as_deref(), Some("acme"));
    for limit in [0, 201] {
        let error = top(By::Ip, Some(limit)).await.unwrap_err();
        assert_eq!(error.fields[0].path, "/limit");
    }
}
