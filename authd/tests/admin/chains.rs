//! `audit verify`: what was done to a chain shows at its row.

use authd::app::audit::{mark, verify};
use authd::app::{tenant, user};
use common::call::audit::{Mark, Verify};
use common::call::tenant::Set;
use common::call::user::Disable;
use common::view::AuditChainView;
use rusqlite::Connection;

use crate::desk::{Desk, reference};

async fn chains(desk: &Desk) -> Vec<AuditChainView> {
    verify(&desk.app, &desk.monitor(), Verify::default())
        .await
        .unwrap()
        .items
}

async fn acme(desk: &Desk) -> AuditChainView {
    let request = Verify {
        tenant: Some("acme".to_owned()),
        ..Verify::default()
    };
    let page = verify(&desk.app, &desk.admin(), request).await.unwrap();
    page.items.into_iter().next().unwrap()
}

/// A tenant with five rows: made, user made, three changes.
async fn filled() -> Desk {
    let desk = Desk::new();
    desk.tenant("acme").await;
    desk.tenant("globex").await;
    desk.user("acme", "bob@acme.test").await;
    for plan in ["pro", "free"] {
        let request = Set {
            tenant: "acme".to_owned(),
            plan: Some(plan.to_owned()),
            ..Set::default()
        };
        tenant::set(&desk.app, &desk.admin(), request)
            .await
            .unwrap();
    }
    let request = Disable {
        user: reference("acme", "bob@acme.test"),
        reason: None,
    };
    user::disable(&desk.app, &desk.admin(), request)
        .await
        .unwrap();
    desk
}

/// Does what only somebody with the file in hand can do.
fn tamper(desk: &Desk, sql: &str) {
    let changed = Connection::open(desk.database()).unwrap().execute(sql, []);
    assert!(changed.unwrap() > 0, "{sql}");
}

const OF_ACME: &str = "chain = (SELECT id FROM tenants WHERE slug = 'acme')";

#[tokio::test]
async fn a93_whole_chains_are_intact_and_the_head_is_the_last_row() {
    let desk = filled().await;
    let chains = chains(&desk).await;
    let told: Vec<_> = chains
        .iter()
        .map(|chain| (chain.tenant.as_deref(), chain.entries, chain.ok))
        .collect();
    assert_eq!(told, [(Some("acme"), 5, true), (Some("globex"), 1, true)]);
    let request = Mark {
        tenant: Some("acme".to_owned()),
        number: 5,
    };
    let last = mark(&desk.app, &desk.monitor(), request.clone())
        .await
        .unwrap();
    assert_eq!(last.head, chains[0].head);
    let request = Mark {
        number: 6,
        ..request
    };
    let none = mark(&desk.app, &desk.monitor(), request).await.unwrap();
    assert_eq!(none.head, None);
}

#[tokio::test]
async fn a93_a_changed_missing_or_swapped_row_is_named() {
    for (sql, first_bad) in [
        (
            "UPDATE audit SET action = 'tenant.resume' WHERE number = 3",
            3,
        ),
        (
            "UPDATE audit SET payload = replace(payload, 'pro', 'max') WHERE number = 3",
            3,
        ),
        ("UPDATE audit SET at = at + 1 WHERE number = 2", 2),
        ("UPDATE audit SET actor = '{}' WHERE number = 4", 4),
        ("UPDATE audit SET mac = zeroblob(32) WHERE number = 4", 4),
        ("UPDATE audit SET digest = zeroblob(3) WHERE number = 5", 5),
        ("DELETE FROM audit WHERE number = 2", 2),
        ("DELETE FROM audit WHERE number = 1", 1),
        ("UPDATE audit SET number = 9 WHERE number = 5", 5),
        (
            "UPDATE audit SET number = CASE number WHEN 3 THEN -4 ELSE -3 END WHERE number IN (3, 4)",
            3,
        ),
    ] {
        let desk = filled().await;
        tamper(&desk, &format!("{sql} AND {OF_ACME}"));
        let chain = acme(&desk).await;
        assert!(!chain.ok, "{sql}");
        assert_eq!(chain.first_bad, Some(first_bad), "{sql}");
        assert_eq!(chain.entries, first_bad - 1, "{sql}");
        let globex = chains(&desk).await.pop().unwrap();
        assert!(globex.ok, "{sql}");
    }
}

#[tokio::test]
async fn a93_an_emptied_chain_and_one_of_nobody_show() {
    let desk = filled().await;
    tamper(&desk, &format!("DELETE FROM audit WHERE {OF_ACME}"));
    let chain = acme(&desk).await;
    assert_eq!(
        (chain.ok, chain.first_bad, chain.head),
        (false, Some(1), None)
    );
}

#[tokio::test]
async fn a93_an_erased_payload_breaks_nothing_and_is_counted() {
    let desk = filled().await;
    let sql = "UPDATE audit SET payload = NULL, salt = NULL WHERE number = 2";
    tamper(&desk, &format!("{sql} AND {OF_ACME}"));
    let chain = acme(&desk).await;
    assert_eq!((chain.ok, chain.entries, chain.erased), (true, 5, 1));
}

#[tokio::test]
async fn a93_a_cut_tail_is_whole_by_itself_and_shorter_than_its_mark() {
    let desk = filled().await;
    let request = Mark {
        tenant: Some("acme".to_owned()),
        number: 5,
    };
    let before = mark(&desk.app, &desk.admin(), request.clone())
        .await
        .unwrap();
    assert!(before.head.is_some());
    tamper(
        &desk,
        &format!("DELETE FROM audit WHERE number = 5 AND {OF_ACME}"),
    );
    let chain = acme(&desk).await;
    assert_eq!((chain.ok, chain.entries), (true, 4));
    let after = mark(&desk.app, &desk.admin(), request).await.unwrap();
    assert_eq!(after.head, None);
}
