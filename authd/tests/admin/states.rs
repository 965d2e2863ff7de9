//! Closing, opening and changing tenants; locks by hand; what tenants use.

use std::time::Duration;

use authd::app::{lockout, tenant};
use common::call::lockout::{Add, Clear, Show as ShowLock, Term};
use common::call::tenant::{Delete, Resume, Set, Show, Suspend, Usage};
use common::error::ErrorCode;
use common::view::{TenantStatus, TenantView};
use domain::lockout::CounterKey;
use store::Scope;

use crate::desk::{Desk, reference};

async fn shown(desk: &Desk, slug: &str) -> TenantView {
    let request = Show {
        tenant: slug.to_owned(),
    };
    tenant::show(&desk.app, &desk.admin(), request)
        .await
        .unwrap()
}

fn suspend(slug: &str) -> Suspend {
    Suspend {
        tenant: slug.to_owned(),
        reason: Some("unpaid".to_owned()),
    }
}

fn set(slug: &str) -> Set {
    Set {
        tenant: slug.to_owned(),
        ..Set::default()
    }
}

#[tokio::test]
async fn a74_suspending_and_resuming_outdate_the_tenant_once() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let bob = desk.user("acme", "bob@acme.test").await;
    desk.sign_in(acme, bob).await;
    desk.scopes.take();
    let change = tenant::suspend(&desk.app, &desk.admin(), suspend("acme"))
        .await
        .unwrap();
    assert!(change.changed);
    assert_eq!(
        change.notes,
        ["1 session is refused until the tenant is resumed"]
    );
    assert_eq!(desk.scopes.take(), [Scope::Tenant(acme)]);
    assert_eq!(shown(&desk, "acme").await.status, TenantStatus::Suspended);
    // Closed, not ended.
    assert_eq!(desk.open_sessions(acme, bob).await, 1);
    let again = tenant::suspend(&desk.app, &desk.admin(), suspend("acme"))
        .await
        .unwrap();
    assert!(!again.changed && desk.scopes.take().is_empty());

    let resume = || Resume {
        tenant: acme.to_string(),
        reason: None,
    };
    let change = tenant::resume(&desk.app, &desk.admin(), resume()).await;
    assert!(change.unwrap().changed);
    assert_eq!(desk.scopes.take(), [Scope::Tenant(acme)]);
    assert_eq!(shown(&desk, "acme").await.status, TenantStatus::Active);
    let again = tenant::resume(&desk.app, &desk.admin(), resume()).await;
    assert!(!again.unwrap().changed);
    let rows = desk.audit(acme).await;
    let actions: Vec<&str> = rows.iter().map(|row| row.entry.action.as_str()).collect();
    assert_eq!(
        actions,
        [
            "tenant.create",
            "user.create",
            "tenant.suspend",
            "tenant.resume"
        ]
    );
    assert_eq!(rows[2].entry.payload["reason"], "unpaid");
    assert_eq!(rows[2].entry.payload["before"]["status"], "active");
    assert_eq!(rows[2].entry.payload["after"]["status"], "suspended");
}

#[tokio::test]
async fn rule_15_a_tenant_changes_what_is_given_alone() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let before = shown(&desk, "acme").await;
    desk.clock.advance(Duration::from_mins(1));
    desk.scopes.take();
    let request = Set {
        name: Some(" Acme Hotels ".to_owned()),
        ends: Some("2027-03-31".to_owned()),
        time_zone: Some("America/New_York".to_owned()),
        max_users: Some(100),
        ..set("acme")
    };
    let change = tenant::set(&desk.app, &desk.admin(), request.clone())
        .await
        .unwrap();
    assert!(change.changed && change.audit_id.is_some());
    assert_eq!(desk.scopes.take(), [Scope::Tenant(acme)]);
    let after = shown(&desk, "acme").await;
    assert_eq!(after.name, "Acme Hotels");
    assert_eq!(after.subscription.max_users, Some(100));
    assert_eq!(after.subscription.plan, before.subscription.plan);
    let end = after.subscription.ends_at.unwrap();
    assert_eq!(end.to_string(), "2027-04-01T03:59:59.999Z");
    assert!(after.updated_at > before.updated_at);
    assert_eq!(after.created_at, before.created_at);
    let row = desk.audit(acme).await.pop().unwrap();
    assert_eq!(row.entry.payload["before"]["name"], "acme");
    assert_eq!(row.entry.payload["after"]["max_users"], 100);
    assert!(row.entry.payload["after"].get("plan").is_none());
    let again = tenant::set(&desk.app, &desk.admin(), request)
        .await
        .unwrap();
    assert!(!again.changed && again.audit_id.is_none());
    // Another zone alone moves no end that was set.
    let zone = Set {
        time_zone: Some("Africa/Nairobi".to_owned()),
        ..set("acme")
    };
    tenant::set(&desk.app, &desk.admin(), zone).await.unwrap();
    let moved = shown(&desk, "acme").await;
    assert_eq!(moved.subscription.ends_at, Some(end));
    let never = Set {
        ends: Some("never".to_owned()),
        ..set("acme")
    };
    tenant::set(&desk.app, &desk.admin(), never).await.unwrap();
    assert_eq!(shown(&desk, "acme").await.subscription.ends_at, None);
}

#[tokio::test]
async fn a42_no_seat_that_is_taken_goes() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    for email in ["bob@acme.test", "eve@acme.test"] {
        desk.user("acme", email).await;
    }
    let seats = |seats| Set {
        max_users: Some(seats),
        plan: Some("small".to_owned()),
        ..set("acme")
    };
    let rows = desk.audit(acme).await.len();
    let error = tenant::set(&desk.app, &desk.admin(), seats(1))
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::UserLimitReached);
    assert!(error.hint.unwrap().contains("at least 2"));
    assert_eq!(shown(&desk, "acme").await.subscription.plan, "free");
    assert_eq!(desk.audit(acme).await.len(), rows);
    tenant::set(&desk.app, &desk.admin(), seats(2))
        .await
        .unwrap();
    for (request, path) in [
        (
            Set {
                ends: Some("2020-01-01".to_owned()),
                ..set("acme")
            },
            "/ends",
        ),
        (
            Set {
                time_zone: Some("Mars/Olympus".to_owned()),
                ..set("acme")
            },
            "/time_zone",
        ),
        (
            Set {
                plan: Some("a b".to_owned()),
                ..set("acme")
            },
            "/plan",
        ),
        (
            Set {
                name: Some("a\u{202e}b".to_owned()),
                ..set("acme")
            },
            "/name",
        ),
    ] {
        let error = tenant::set(&desk.app, &desk.admin(), request).await;
        assert_eq!(error.unwrap_err().fields[0].path, path);
    }
}

#[tokio::test]
async fn a81_system_is_neither_closed_nor_deleted_nor_renamed_nor_ended() {
    let desk = Desk::new();
    let tenants = store::Priority::Normal;
    let system = domain::tenant::Tenant {
        id: common::id::TenantId::from_bytes([9; 16]),
        slug: domain::tenant::Slug::system(),
        name: "system".to_owned(),
        status: TenantStatus::Active,
        time_zone: "UTC".to_owned(),
        plan: "free".to_owned(),
        ends_at: None,
        max_users: None,
        created_at: desk.app.now(),
        updated_at: desk.app.now(),
    };
    desk.app
        .store
        .write(tenants, store::Claim::detached(), move |tx| {
            tx.tenants_mut().insert(&system)
        })
        .await
        .unwrap();
    let error = tenant::suspend(&desk.app, &desk.admin(), suspend("system"))
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::PermissionDenied);
    let name = Set {
        name: Some("Root".to_owned()),
        ..set("system")
    };
    let ends = Set {
        ends: Some("2030-01-01".to_owned()),
        ..set("system")
    };
    let request = Delete {
        tenant: "system".to_owned(),
        confirm: Some("system".to_owned()),
        reason: None,
    };
    let error = tenant::delete(&desk.app, &desk.admin(), request).await;
    assert_eq!(error.unwrap_err().code, ErrorCode::PermissionDenied);
    for request in [name, ends] {
        let error = tenant::set(&desk.app, &desk.admin(), request).await;
        assert_eq!(error.unwrap_err().code, ErrorCode::PermissionDenied);
    }
    let view = shown(&desk, "system").await;
    assert_eq!(
        (view.name.as_str(), view.subscription.ends_at),
        ("system", None)
    );
}

#[tokio::test]
async fn usage_tells_users_sessions_and_the_logins_of_a_day() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    desk.tenant("globex").await;
    let bob = desk.user("acme", "bob@acme.test").await;
    desk.sign_in(acme, bob).await;
    desk.attempt(acme, Some(bob)).await;
    desk.attempt(acme, None).await;
    let page = tenant::usage(&desk.app, &desk.monitor(), Usage::default())
        .await
        .unwrap();
    let rows: Vec<_> = page
        .items
        .iter()
        .map(|row| (row.tenant.as_str(), row.users, row.sessions, row.failed_24h))
        .collect();
    assert_eq!(rows, [("acme", 1, 1, 2), ("globex", 0, 0, 0)]);
    desk.clock.advance(Duration::from_hours(25));
    let request = Usage {
        tenant: Some("acme".to_owned()),
        ..Usage::default()
    };
    let page = tenant::usage(&desk.app, &desk.monitor(), request).await;
    let row = page.unwrap().items.pop().unwrap();
    assert_eq!((row.max_users, row.failed_24h), (Some(25), 0));
}

fn add(email: &str, term: Term) -> Add {
    Add {
        user: reference("acme", email),
        term,
        reason: Some("stolen laptop".to_owned()),
    }
}

fn key(desk: &Desk, email: &str) -> CounterKey {
    desk.app.keys.subject("acme", &email.parse().unwrap())
}

async fn rest(desk: &Desk, email: &str) -> Option<Duration> {
    let key = key(desk, email);
    let policy = desk.app.settings().tenant.lockout;
    let now = desk.app.now();
    let state = desk
        .app
        .store
        .read(move |tx| tx.counters().state(&key, now.minus(policy.window)))
        .await
        .unwrap();
    state.locked(&policy, now)
}

#[tokio::test]
async fn a62_a_lock_by_hand_ends_at_its_time_or_by_an_administrator() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let bob = desk.user("acme", "bob@acme.test").await;
    desk.sign_in(acme, bob).await;
    let hour = Term::Seconds(3600);
    let change = lockout::add(&desk.app, &desk.admin(), add("bob@acme.test", hour))
        .await
        .unwrap();
    assert_eq!(change.id, Some(bob.to_string()));
    assert!(change.notes[0].starts_with("1 session stays"));
    assert_eq!(
        rest(&desk, "bob@acme.test").await,
        Some(Duration::from_hours(1))
    );
    desk.clock.advance(Duration::from_hours(1));
    assert_eq!(rest(&desk, "bob@acme.test").await, None);

    let add = |term| add("bob@acme.test", term);
    lockout::add(&desk.app, &desk.admin(), add(Term::UntilCleared))
        .await
        .unwrap();
    let again = lockout::add(&desk.app, &desk.admin(), add(Term::UntilCleared)).await;
    assert!(!again.unwrap().changed);
    // What ends a lock by failures leaves it alone.
    desk.lock(acme, key(&desk, "bob@acme.test")).await;
    let cleared = key(&desk, "bob@acme.test");
    desk.write(move |tx| tx.counters_mut().clear(&cleared).map(drop))
        .await;
    desk.clock.advance(Duration::from_hours(24 * 365));
    let duration = desk.app.settings().tenant.lockout.duration;
    assert_eq!(rest(&desk, "bob@acme.test").await, Some(duration));
    let show = ShowLock {
        tenant: Some("acme".to_owned()),
        user: "bob@acme.test".to_owned(),
    };
    let view = lockout::show(&desk.app, &desk.admin(), show).await.unwrap();
    assert!(view.manual && view.locked_until.is_none());
    let clear = Clear {
        user: reference("acme", "bob@acme.test"),
        reason: None,
    };
    lockout::clear(&desk.app, &desk.admin(), clear)
        .await
        .unwrap();
    assert_eq!(rest(&desk, "bob@acme.test").await, None);
    let row = desk.audit(acme).await;
    let added: Vec<_> = row
        .iter()
        .filter(|row| row.entry.action == "lockout.add")
        .collect();
    assert_eq!(added.len(), 2);
    assert_eq!(added[1].entry.payload["after"]["manual_until"], "cleared");
    assert_eq!(added[0].entry.payload["reason"], "stolen laptop");
}

#[tokio::test]
async fn a62_an_address_that_no_user_has_is_locked_with_its_tenant() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let ghost = "ghost@acme.test";
    lockout::add(&desk.app, &desk.admin(), add(ghost, Term::UntilCleared))
        .await
        .unwrap();
    assert!(rest(&desk, ghost).await.is_some());
    let row = desk.audit(acme).await.pop().unwrap();
    assert_eq!(row.entry.object, key(&desk, ghost).to_hex());
    assert!(!format!("{row:?}").contains("ghost"));
    for term in [Term::Seconds(0), Term::Seconds(u64::MAX)] {
        let error = lockout::add(&desk.app, &desk.admin(), add(ghost, term)).await;
        assert_eq!(error.unwrap_err().fields[0].path, "/term");
    }
    let nowhere = Add {
        user: common::call::UserRef {
            tenant: None,
            name: ghost.to_owned(),
        },
        ..add(ghost, Term::UntilCleared)
    };
    let error = lockout::add(&desk.app, &desk.admin(), nowhere).await;
    assert_eq!(error.unwrap_err().code, ErrorCode::NotFound);
}
