//! Changing the profile of a user: what is given alone, by the rules of its making.

use std::collections::BTreeMap;
use std::time::Duration;

use authd::app::user;
use common::call::user::{Create, Set, Show};
use common::error::ErrorCode;
use common::view::{Name, UserView};
use store::Scope;

use crate::desk::{Desk, new_user, reference};

const BOB: &str = "bob@acme.test";

/// A change of nothing.
pub(crate) fn nothing(tenant: &str, email: &str) -> Set {
    Set {
        user: reference(tenant, email),
        tenant_admin: None,
        name: Name::default(),
        phone: None,
        locale: None,
        employee_id: None,
        kra_pin: None,
        external_refs: BTreeMap::new(),
        unset: Vec::new(),
        reason: None,
    }
}

fn bob() -> Create {
    Create {
        name: Name {
            given: Some("Bob".to_owned()),
            family: Some("Kamau".to_owned()),
            display: None,
        },
        phone: Some("+254700000000".to_owned()),
        kra_pin: Some("A123456789B".to_owned()),
        external_refs: BTreeMap::from([("branch_id".to_owned(), "7".to_owned())]),
        permanent: true,
        ..new_user("acme", BOB)
    }
}

async fn shown(desk: &Desk) -> UserView {
    let request = Show {
        tenant: Some("acme".to_owned()),
        user: BOB.to_owned(),
    };
    user::show(&desk.app, &desk.admin(), request)
        .await
        .unwrap()
        .user
}

#[tokio::test]
async fn rule_30_what_is_given_of_a_profile_changes_and_the_rest_stays() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let id = desk.create(bob()).await.unwrap().id.unwrap();
    let id = id.parse().unwrap();
    desk.sign_in(acme, id).await;
    let before = shown(&desk).await;
    desk.clock.advance(Duration::from_mins(1));
    desk.scopes.take();
    let request = Set {
        name: Name {
            family: Some(" Otieno ".to_owned()),
            ..Name::default()
        },
        phone: Some("+254 711-111 111".to_owned()),
        locale: Some("sw-KE".to_owned()),
        external_refs: BTreeMap::from([("branch_id".to_owned(), "r-9".to_owned())]),
        unset: vec!["kra_pin".to_owned()],
        reason: Some("married".to_owned()),
        ..nothing("acme", BOB)
    };
    let change = user::set(&desk.app, &desk.admin(), request.clone()).await;
    assert!(change.unwrap().changed);
    assert_eq!(desk.scopes.take(), [Scope::User(id)]);
    assert_eq!(desk.open_sessions(acme, id).await, 1);
    let after = shown(&desk).await;
    // The shown name was made of the other two, so it follows them.
    assert_eq!(after.name.display.as_deref(), Some("Bob Otieno"));
    assert_eq!(after.phone.as_deref(), Some("+254711111111"));
    assert_eq!(after.locale.as_deref(), Some("sw-KE"));
    assert_eq!(after.employee.kra_pin, None);
    let references: Vec<_> = after.external_refs.iter().collect();
    assert_eq!(references, [(&"branch_id".to_owned(), &"r-9".to_owned())]);
    assert!(after.updated_at > before.updated_at);
    assert_eq!(
        (after.email, after.status, after.is_tenant_admin),
        (before.email, before.status, before.is_tenant_admin)
    );
    let row = desk.audit(acme).await.pop().unwrap();
    assert_eq!(row.entry.action, "user.set");
    let payload = &row.entry.payload;
    assert_eq!(payload["reason"], "married");
    assert_eq!(payload["before"]["family_name"], "Kamau");
    assert_eq!(payload["after"]["family_name"], "Otieno");
    assert!(payload["after"].get("given_name").is_none());
    let told = payload.to_string();
    assert!(
        !told.contains("+254") && !told.contains("A123456789B"),
        "{told}"
    );
    let again = user::set(&desk.app, &desk.admin(), request).await.unwrap();
    assert!(!again.changed && again.audit_id.is_none());
    assert_eq!(desk.scopes.take(), []);
}

#[tokio::test]
async fn a_shown_name_that_was_chosen_stays_until_it_is_taken_away() {
    let desk = Desk::new();
    desk.tenant("acme").await;
    desk.create(bob()).await.unwrap();
    let named = |given: Option<&str>, display: Option<&str>| Set {
        name: Name {
            given: given.map(ToOwned::to_owned),
            family: None,
            display: display.map(ToOwned::to_owned),
        },
        ..nothing("acme", BOB)
    };
    let taken = Set {
        unset: vec!["display_name".to_owned(), "ref.branch_id".to_owned()],
        ..nothing("acme", BOB)
    };
    for (request, expected) in [
        (named(None, Some("Chef Bob")), "Chef Bob"),
        (named(Some("Robert"), None), "Chef Bob"),
        (taken, "Robert Kamau"),
    ] {
        user::set(&desk.app, &desk.admin(), request).await.unwrap();
        assert_eq!(shown(&desk).await.name.display.as_deref(), Some(expected));
    }
    assert!(shown(&desk).await.external_refs.is_empty());
}

/// Changes that break a rule, and the path that is blamed.
fn broken() -> Vec<(Set, &'static str)> {
    let nothing = || nothing("acme", BOB);
    let unset = |field: &str| Set {
        unset: vec![field.to_owned()],
        ..nothing()
    };
    let reference = |name: &str| BTreeMap::from([(name.to_owned(), "1".to_owned())]);
    let with = |change: fn(&mut Set, String), value: &str| {
        let mut wanted = nothing();
        change(&mut wanted, value.to_owned());
        wanted
    };
    vec![
        (with(|set, value| set.phone = Some(value), "0711"), "/phone"),
        (
            with(|set, value| set.locale = Some(value), "klingon!"),
            "/locale",
        ),
        (
            with(|set, value| set.kra_pin = Some(value), "B12"),
            "/kra_pin",
        ),
        (
            with(|set, value| set.employee_id = Some(value), &"x".repeat(999)),
            "/employee_id",
        ),
        (
            with(|set, value| set.name.given = Some(value), "a\u{202e}b"),
            "/name/given",
        ),
        (
            Set {
                external_refs: reference("unknown_id"),
                ..nothing()
            },
            "/external_refs",
        ),
        (unset("email"), "/unset"),
        (unset("ref"), "/unset"),
        (
            Set {
                phone: Some("+254711111111".to_owned()),
                ..unset("phone")
            },
            "/unset",
        ),
        (
            Set {
                external_refs: reference("branch_id"),
                ..unset("ref.branch_id")
            },
            "/unset",
        ),
    ]
}

#[tokio::test]
async fn values_are_held_to_the_rules_of_making_a_user() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    desk.create(bob()).await.unwrap();
    for (request, path) in broken() {
        let error = user::set(&desk.app, &desk.admin(), request)
            .await
            .unwrap_err();
        assert_eq!(error.code, ErrorCode::ValidationFailed, "{path}");
        assert_eq!(error.fields[0].path, path);
    }
    assert_eq!(desk.audit(acme).await.len(), 2);
}
