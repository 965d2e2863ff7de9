//! Sessions as the operator sees and ends them.

use std::sync::Arc;
use std::time::Duration;

use authd::app::{audit, session};
use common::call;
use common::call::session::{List, Matching, Revoke, Show, Target};
use common::error::ErrorCode;
use common::id::{TenantId, UserId};
use domain::session::{EndReason, Session};
use store::Scope;

use crate::desk::{Desk, reference};

fn revoke(target: Target) -> Revoke {
    Revoke {
        target,
        confirm: None,
        reason: None,
    }
}

#[tokio::test]
async fn sessions_are_listed_while_they_are_alive() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let bob = desk.user("acme", "bob@acme.test").await;
    let id = desk.sign_in(acme, bob).await;
    let admin = desk.admin();
    let list = || session::list(&desk.app, &admin, List::default());
    let page = list().await.unwrap();
    let [row] = page.items.as_slice() else {
        panic!("{:?}", page.items);
    };
    assert_eq!(row.id, id);
    assert_eq!(row.email.as_deref(), Some("bob@acme.test"));
    assert_eq!(row.device.as_ref().unwrap().id, "canary-device");
    assert_eq!(
        row.expires_at,
        row.created_at.plus(Duration::from_hours(14 * 24))
    );
    desk.clock.advance(Duration::from_hours(24));
    let idle = |hours: u64| List {
        idle_seconds: Some(hours * 3600),
        ..List::default()
    };
    let page = session::list(&desk.app, &desk.admin(), idle(23)).await;
    assert_eq!(page.unwrap().items.len(), 1);
    let page = session::list(&desk.app, &desk.admin(), idle(25)).await;
    assert!(page.unwrap().items.is_empty());
    desk.clock.advance(Duration::from_hours(13 * 24));
    assert!(list().await.unwrap().items.is_empty());
}

#[tokio::test]
async fn rule_11_one_session_or_all_of_a_user_end() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let bob = desk.user("acme", "bob@acme.test").await;
    let first = desk.sign_in(acme, bob).await;
    desk.sign_in(acme, bob).await;
    desk.sign_in(acme, bob).await;
    desk.scopes.take();
    let one = || revoke(Target::Session(first.to_string()));
    let change = session::revoke(&desk.app, &desk.admin(), one())
        .await
        .unwrap();
    assert_eq!((change.changed, change.sessions_ended), (true, 1));
    assert_eq!(desk.scopes.take(), [Scope::Session(first)]);
    let again = session::revoke(&desk.app, &desk.admin(), one())
        .await
        .unwrap();
    assert!(!again.changed);
    let user = revoke(Target::User(reference("acme", "bob@acme.test")));
    let change = session::revoke(&desk.app, &desk.admin(), user)
        .await
        .unwrap();
    assert_eq!(change.sessions_ended, 2);
    assert_eq!(desk.scopes.take(), [Scope::User(bob)]);
    assert_eq!(desk.open_sessions(acme, bob).await, 0);
    let error = session::revoke(
        &desk.app,
        &desk.admin(),
        revoke(Target::Session("ses_01h455vb4pex5vsknk084sn02q".to_owned())),
    )
    .await
    .unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
}

#[tokio::test]
async fn a_whole_tenant_needs_its_name_typed() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let globex = desk.tenant("globex").await;
    let bob = desk.user("acme", "bob@acme.test").await;
    let eve = desk.user("globex", "eve@x.test").await;
    desk.sign_in(acme, bob).await;
    desk.sign_in(globex, eve).await;
    desk.scopes.take();
    for confirm in [None, Some("globex"), Some("ACME"), Some("")] {
        let request = Revoke {
            confirm: confirm.map(ToOwned::to_owned),
            ..revoke(Target::Tenant("acme".to_owned()))
        };
        let error = session::revoke(&desk.app, &desk.admin(), request)
            .await
            .unwrap_err();
        assert_eq!(error.code, ErrorCode::ValidationFailed);
        assert_eq!(error.fields[0].path, "/confirm");
    }
    assert_eq!(desk.open_sessions(acme, bob).await, 1);
    let request = Revoke {
        confirm: Some("acme".to_owned()),
        ..revoke(Target::Tenant(acme.to_string()))
    };
    let change = session::revoke(&desk.app, &desk.admin(), request)
        .await
        .unwrap();
    assert_eq!(change.sessions_ended, 1);
    assert_eq!(desk.scopes.take(), [Scope::Tenant(acme)]);
    assert_eq!(desk.open_sessions(acme, bob).await, 0);
    assert_eq!(desk.open_sessions(globex, eve).await, 1);
}

/// Sessions of a user that began now, from an address; more than a job ends at once, if asked for.
async fn sign_in_from(desk: &Desk, tenant: TenantId, user: UserId, ip: &str, count: u32) {
    let first = desk.sign_in(tenant, user).await;
    let read = desk.app.store.read(move |tx| tx.session(first)).await;
    let like = read.unwrap().unwrap();
    let ip = Some(ip.to_owned());
    let now = desk.app.now();
    let sessions: Vec<Session> = (0..count)
        .map(|_| Session {
            id: desk.app.new_id(now).unwrap(),
            ip: ip.clone(),
            ..like.clone()
        })
        .collect();
    desk.write(move |tx| {
        let rows = tx.tenant_mut(tenant);
        rows.sessions_mut().end(first, now, EndReason::Expired)?;
        sessions
            .iter()
            .try_for_each(|session| rows.sessions_mut().insert(session))
    })
    .await;
}

#[tokio::test]
async fn sessions_and_attempts_are_listed_by_address_and_by_range() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let bob = desk.user("acme", "bob@acme.test").await;
    for (ip, count) in [("203.0.113.7", 2), ("203.0.113.200", 1), ("2001:db8::7", 1)] {
        sign_in_from(&desk, acme, bob, ip, count).await;
    }
    let listed = async |ip: &str| {
        let request = List {
            ip: Some(ip.to_owned()),
            ..List::default()
        };
        session::list(&desk.app, &desk.admin(), request)
            .await
            .map(|page| page.items.len())
            .map_err(|error| error.fields[0].path.to_string())
    };
    for (ip, count) in [
        ("203.0.113.7", 2),
        ("203.0.113.7/32", 2),
        ("203.0.113.0/25", 2),
        ("203.0.113.0/24", 3),
        ("2001:db8::/64", 1),
        ("::/0", 1),
        ("198.51.100.0/24", 0),
    ] {
        assert_eq!(listed(ip).await, Ok(count), "{ip}");
    }
    assert_eq!(listed("203.0.113.0/33").await, Err("/ip".to_owned()));
    let attempts = async |ip: &str| {
        let request = call::attempt::List {
            ip: Some(ip.to_owned()),
            ..call::attempt::List::default()
        };
        let page = authd::app::attempt::list(&desk.app, &desk.admin(), request).await;
        page.unwrap().items
    };
    desk.attempt(acme, Some(bob)).await;
    let one = attempts("0.0.0.0/0").await;
    assert_eq!(one.len(), 1);
    let ip = one[0].ip.clone().unwrap();
    assert_eq!(attempts(&ip).await, one);
    assert_eq!(attempts("198.51.100.0/30").await, []);
}

fn matching(tenant: Option<&str>, ip: Option<&str>, age: Option<u64>) -> Revoke {
    revoke(Target::Matching(Matching {
        tenant: tenant.map(str::to_owned),
        ip: ip.map(str::to_owned),
        older_than_seconds: age,
    }))
}

async fn rows_of(desk: &Desk, action: &str) -> usize {
    let request = call::audit::List {
        action: Some(action.to_owned()),
        ..call::audit::List::default()
    };
    let page = audit::list(&desk.app, &desk.admin(), request).await;
    page.unwrap().items.len()
}

#[tokio::test]
async fn rule_11_a_tenant_of_many_sessions_is_ended_whole_and_told_once() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let bob = desk.user("acme", "bob@acme.test").await;
    sign_in_from(&desk, acme, bob, "203.0.113.7", 450).await;
    let request = || Revoke {
        confirm: Some("acme".to_owned()),
        ..revoke(Target::Tenant("acme".to_owned()))
    };
    let rehearsed = session::revoke(&desk.app, &desk.rehearsing(), request()).await;
    assert_eq!(rehearsed.unwrap().sessions_ended, 450);
    assert_eq!(desk.open_sessions(acme, bob).await, 450);
    desk.scopes.take();
    let change = session::revoke(&desk.app, &desk.admin(), request()).await;
    assert_eq!(change.unwrap().sessions_ended, 450);
    assert_eq!(desk.open_sessions(acme, bob).await, 0);
    assert_eq!(desk.scopes.take(), [Scope::Tenant(acme); 3]);
    assert_eq!(rows_of(&desk, "session.revoke").await, 1);
    let again = session::revoke(&desk.app, &desk.admin(), request()).await;
    assert!(!again.unwrap().changed);
}

#[tokio::test]
async fn rule_11_sessions_from_an_address_or_of_an_age_end_in_one_change() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let globex = desk.tenant("globex").await;
    let bob = desk.user("acme", "bob@acme.test").await;
    let eve = desk.user("globex", "eve@x.test").await;
    sign_in_from(&desk, acme, bob, "198.51.100.4", 250).await;
    sign_in_from(&desk, acme, bob, "203.0.113.7", 1).await;
    sign_in_from(&desk, globex, eve, "198.51.100.9", 2).await;
    let end = |request| {
        let (app, admin) = (Arc::clone(&desk.app), desk.admin());
        async move { session::revoke(&app, &admin, request).await }
    };
    let one = end(matching(Some("globex"), Some("198.51.100.9"), None)).await;
    let one = one.unwrap();
    assert_eq!((one.changed, one.sessions_ended), (true, 2));
    assert_eq!(one.tenant.as_deref(), Some("globex"));
    assert_eq!(one.subject, "sessions from 198.51.100.9");
    let all = end(matching(None, Some("198.51.100.0/24"), None)).await;
    let all = all.unwrap();
    assert_eq!((all.sessions_ended, all.tenant), (250, None));
    assert_eq!(all.subject, "sessions from 198.51.100.0/24");
    assert_eq!(desk.open_sessions(acme, bob).await, 1);
    assert_eq!(rows_of(&desk, "session.revoke").await, 2);
    let none = end(matching(None, None, Some(3600))).await;
    assert!(!none.unwrap().changed);
    desk.clock.advance(Duration::from_hours(2));
    sign_in_from(&desk, globex, eve, "203.0.113.7", 1).await;
    let old = end(matching(None, Some("203.0.113.7"), Some(3600))).await;
    assert_eq!(old.unwrap().sessions_ended, 1);
    assert_eq!(desk.open_sessions(acme, bob).await, 0);
    assert_eq!(desk.open_sessions(globex, eve).await, 1);
}

#[tokio::test]
async fn an_address_or_an_age_never_means_all() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let bob = desk.user("acme", "bob@acme.test").await;
    desk.sign_in(acme, bob).await;
    for (request, path) in [
        (matching(None, Some("0.0.0.0/0"), None), "/ip"),
        (matching(None, Some("::/0"), Some(7200)), "/ip"),
        (matching(None, Some("nowhere"), None), "/ip"),
        (matching(None, None, Some(59)), "/older_than_seconds"),
        (matching(Some("acme"), None, None), "/target"),
    ] {
        let refused = session::revoke(&desk.app, &desk.admin(), request).await;
        let error = refused.unwrap_err();
        assert_eq!(error.code, ErrorCode::ValidationFailed, "{path}");
        assert_eq!(error.fields[0].path, path);
    }
    assert_eq!(desk.open_sessions(acme, bob).await, 1);
}

#[tokio::test]
async fn a_session_is_shown_alive_and_ended() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let bob = desk.user("acme", "bob@acme.test").await;
    let id = desk.sign_in(acme, bob).await;
    let show = |id: &str| {
        let request = Show { id: id.to_owned() };
        let (app, admin) = (Arc::clone(&desk.app), desk.admin());
        async move { session::show(&app, &admin, request).await }
    };
    let alive = show(&id.to_string()).await.unwrap();
    assert_eq!(alive.email.as_deref(), Some("bob@acme.test"));
    assert_eq!(alive.authenticated_at, Some(alive.created_at));
    assert_eq!((alive.ended_at, alive.end_reason), (None, None));
    desk.clock.advance(Duration::from_mins(5));
    let one = revoke(Target::Session(id.to_string()));
    session::revoke(&desk.app, &desk.admin(), one)
        .await
        .unwrap();
    let ended = show(&id.to_string()).await.unwrap();
    assert_eq!(ended.ended_at, Some(desk.app.now()));
    assert_eq!(ended.end_reason.as_deref(), Some("revoked"));
    for unknown in ["ses_01h455vb4pex5vsknk084sn02q", "usr_x", ""] {
        assert_eq!(show(unknown).await.unwrap_err().code, ErrorCode::NotFound);
    }
}
