//! Registrations as the operator sees and ends them.

use std::time::Duration;

use authd::app::registration;
use common::call::registration::{Delete, List};
use common::error::ErrorCode;

use crate::desk::{Desk, reference};

fn of(tenant: Option<&str>, email: &str) -> Delete {
    let mut named = reference("acme", email);
    named.tenant = tenant.map(str::to_owned);
    Delete {
        registration: named,
        reason: Some("spam".to_owned()),
    }
}

#[tokio::test]
async fn rule_21_registrations_are_listed_and_masked_on_the_monitor_socket() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let beta = desk.tenant("beta").await;
    for (tenant, email) in [
        (acme, "a@acme.test"),
        (acme, "a@acme.test"),
        (beta, "b@beta.test"),
    ] {
        desk.registration(tenant, email).await;
    }
    let rows = registration::list(&desk.app, &desk.admin(), List::default())
        .await
        .unwrap()
        .items;
    let told: Vec<_> = rows
        .iter()
        .map(|row| (row.tenant.as_str(), row.email.as_deref(), row.tries_left))
        .collect();
    let [a, b] = [
        ("acme", Some("a@acme.test"), 4),
        ("beta", Some("b@beta.test"), 4),
    ];
    assert_eq!(told, [a, a, b]);
    assert_eq!(rows[0].network.as_deref(), Some("203.0.113.7"));
    let paged = List {
        tenant: Some("acme".to_owned()),
        limit: Some(1),
        cursor: None,
    };
    let first = registration::list(&desk.app, &desk.admin(), paged.clone())
        .await
        .unwrap();
    let next = List {
        cursor: first.next_cursor,
        ..paged
    };
    let second = registration::list(&desk.app, &desk.admin(), next)
        .await
        .unwrap();
    assert_eq!((&first.items[0], &second.items[0]), (&rows[0], &rows[1]));
    assert_eq!(second.next_cursor, None);
    let masked = registration::list(&desk.app, &desk.monitor(), List::default())
        .await
        .unwrap();
    assert!(
        masked
            .items
            .iter()
            .all(|row| row.email.is_none() && row.network.is_none())
    );
    desk.clock.advance(Duration::from_hours(48));
    let over = registration::list(&desk.app, &desk.admin(), List::default())
        .await
        .unwrap();
    assert_eq!(over.items, []);
}

#[tokio::test]
async fn rule_30_a_registration_ends_by_the_id_that_the_list_shows() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    for _ in 0..2 {
        desk.registration(acme, "a@acme.test").await;
    }
    desk.tenant("beta").await;
    let ids = async || {
        let page = registration::list(&desk.app, &desk.admin(), List::default()).await;
        let items = page.unwrap().items.into_iter();
        items.map(|row| row.id.to_string()).collect::<Vec<_>>()
    };
    let delete = async |call: Delete| registration::delete(&desk.app, &desk.admin(), call).await;
    let waiting = ids().await;
    let elsewhere = delete(of(Some("beta"), &waiting[1])).await.unwrap_err();
    assert_eq!(elsewhere.code, ErrorCode::NotFound);
    let change = delete(of(None, &waiting[1])).await.unwrap();
    assert_eq!(
        (change.id.as_deref(), change.subject.as_str()),
        (Some(waiting[1].as_str()), "a@acme.test")
    );
    let rows = desk.audit(acme).await;
    assert_eq!(
        rows[rows.len() - 1].entry.payload["before"]["registrations"],
        1
    );
    assert_eq!(
        ids().await,
        waiting[..1],
        "the other one of the address waits"
    );
    let again = delete(of(None, &waiting[1])).await.unwrap_err();
    assert_eq!(again.code, ErrorCode::NotFound);
}

#[tokio::test]
async fn rule_30_ending_registrations_leaves_one_row_and_no_link() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let beta = desk.tenant("beta").await;
    for tenant in [acme, acme, beta] {
        desk.registration(tenant, "a@acme.test").await;
    }
    let delete = async |call: Delete| registration::delete(&desk.app, &desk.admin(), call).await;
    let several = delete(of(None, "a@acme.test")).await.unwrap_err();
    assert_eq!(several.code, ErrorCode::ValidationFailed);
    let change = delete(of(Some("acme"), "A@acme.test")).await.unwrap();
    assert!(change.changed && change.audit_id.is_some());
    let rows = desk.audit(acme).await;
    let last = &rows[rows.len() - 1].entry;
    assert_eq!(last.action, "registration.delete");
    assert_eq!(last.payload["before"]["registrations"], 2);
    let again = delete(of(Some("acme"), "a@acme.test")).await.unwrap_err();
    assert_eq!(again.code, ErrorCode::NotFound);
    // The other tenant's is there, and is the only one now.
    let change = delete(of(None, "a@acme.test")).await.unwrap();
    assert_eq!(change.tenant.as_deref(), Some("beta"));
    for text in ["", "usr_1", "no address"] {
        let refused = delete(of(Some("acme"), text)).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::ValidationFailed, "{text}");
    }
}
