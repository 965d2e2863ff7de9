//! Sessions as the operator sees and ends them.

use std::time::Duration;

use authd::app::session;
use common::call::session::{List, Revoke, Target};
use common::error::ErrorCode;
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
