//! Pruning the log of attempts by hand.

use authd::app::attempt;
use common::call::attempt::{List, Prune};
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
