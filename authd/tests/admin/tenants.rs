//! Making, listing and showing tenants.

use authd::app::tenant;
use common::call::tenant::{Create, List, Show};
use common::error::ErrorCode;

use crate::desk::{Desk, new_tenant};

#[tokio::test]
async fn a_tenant_takes_what_it_is_not_given_from_the_configuration() {
    let desk = Desk::new();
    let change = tenant::create(&desk.app, &desk.admin(), new_tenant("acme"))
        .await
        .unwrap();
    assert!(change.changed && change.audit_id.is_some());
    assert_eq!(change.action, "tenant.create");
    assert_eq!(change.subject, "acme");
    let request = Show {
        tenant: change.id.unwrap(),
    };
    let view = tenant::show(&desk.app, &desk.admin(), request)
        .await
        .unwrap();
    assert_eq!(view.name, "acme");
    assert_eq!(view.time_zone, "Africa/Nairobi");
    assert_eq!(view.subscription.plan, "free");
    assert_eq!(view.subscription.max_users, Some(25));
    assert_eq!(view.subscription.users, 0);
}

#[tokio::test]
async fn rule_15_a_tenant_without_a_seat_is_told() {
    let desk = Desk::new();
    for (slug, seats) in [("none", 0), ("one", 1)] {
        let request = Create {
            max_users: Some(seats),
            ..new_tenant(slug)
        };
        let change = tenant::create(&desk.app, &desk.admin(), request)
            .await
            .unwrap();
        let is_told = change
            .notes
            .iter()
            .any(|note| note.ends_with("authctl tenant set none --max-users 25"));
        assert_eq!(is_told, seats == 0, "{:?}", change.notes);
    }
}

#[tokio::test]
async fn rule_15_a_bare_end_follows_the_tenants_own_zone() {
    let desk = Desk::new();
    let request = Create {
        ends: Some("2027-03-31".to_owned()),
        time_zone: Some("America/New_York".to_owned()),
        name: Some("  Acme Hotels ".to_owned()),
        ..new_tenant("acme")
    };
    tenant::create(&desk.app, &desk.admin(), request)
        .await
        .unwrap();
    let request = Show {
        tenant: "acme".to_owned(),
    };
    let view = tenant::show(&desk.app, &desk.admin(), request)
        .await
        .unwrap();
    assert_eq!(view.name, "Acme Hotels");
    let end = view.subscription.ends_at.unwrap().to_string();
    assert_eq!(end, "2027-04-01T03:59:59.999Z");
}

#[tokio::test]
async fn rule_19_a_slug_is_never_given_twice() {
    let desk = Desk::new();
    desk.tenant("acme").await;
    for slug in ["acme", "system"] {
        let error = tenant::create(&desk.app, &desk.admin(), new_tenant(slug))
            .await
            .unwrap_err();
        assert_eq!(error.code, ErrorCode::NameTaken, "{slug}");
    }
}

#[tokio::test]
async fn values_that_break_a_rule_are_named() {
    let desk = Desk::new();
    let slug = new_tenant("Acme!");
    let name = Create {
        name: Some("a\u{202e}b".to_owned()),
        ..new_tenant("acme")
    };
    let zone = Create {
        time_zone: Some("Mars/Olympus".to_owned()),
        ..new_tenant("acme")
    };
    let ends = Create {
        ends: Some("2020-01-01".to_owned()),
        ..new_tenant("acme")
    };
    let plan = Create {
        plan: Some("a b".to_owned()),
        ..new_tenant("acme")
    };
    for (request, path) in [
        (slug, "/slug"),
        (name, "/name"),
        (zone, "/time_zone"),
        (ends, "/ends"),
        (plan, "/plan"),
    ] {
        let error = tenant::create(&desk.app, &desk.admin(), request)
            .await
            .unwrap_err();
        assert_eq!(error.code, ErrorCode::ValidationFailed, "{path}");
        assert_eq!(error.fields[0].path, path);
    }
    let page = tenant::list(&desk.app, &desk.admin(), List::default())
        .await
        .unwrap();
    assert!(page.items.is_empty());
}
