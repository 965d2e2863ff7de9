//! Deleting a tenant, restoring it, and what its purge leaves.

use std::time::Duration;

use authd::app::{audit, lockout, session, tenant, user};
use common::call;
use common::call::audit::Verify;
use common::call::tenant::{Create, Delete, List, Restore, Show};
use common::error::ErrorCode;
use common::id::TenantId;
use common::view::TenantStatus;
use domain::lockout::CounterKey;
use store::Scope;

use crate::desk::{Desk, new_tenant, reference};

const BOB: &str = "bob@acme.test";
const GRACE: Duration = Duration::from_hours(30 * 24);
/// A minute less than the grace.
const WITHIN: Duration = Duration::from_mins(30 * 24 * 60 - 1);

fn delete(slug: &str, confirm: Option<&str>) -> Delete {
    Delete {
        tenant: slug.to_owned(),
        confirm: confirm.map(ToOwned::to_owned),
        reason: Some("closed down".to_owned()),
    }
}

fn restore(slug: &str) -> Restore {
    Restore {
        tenant: slug.to_owned(),
        reason: None,
    }
}

fn show(slug: &str) -> Show {
    Show {
        tenant: slug.to_owned(),
    }
}

async fn listed(desk: &Desk, status: Option<TenantStatus>) -> Vec<String> {
    let request = List {
        status,
        ..List::default()
    };
    let page = tenant::list(&desk.app, &desk.monitor(), request).await;
    let items = page.unwrap().items.into_iter();
    items.map(|tenant| tenant.slug).collect()
}

#[tokio::test]
async fn rule_19_what_ended_with_a_tenant_stays_ended_when_it_is_restored() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let bob = desk.user("acme", BOB).await;
    for _ in 0..60 {
        desk.sign_in(acme, bob).await;
    }
    desk.scopes.take();
    let deleted = tenant::delete(&desk.app, &desk.admin(), delete("acme", Some("acme"))).await;
    let deleted = deleted.unwrap();
    assert_eq!((deleted.changed, deleted.sessions_ended), (true, 60));
    assert_eq!(desk.scopes.take(), [Scope::Tenant(acme)]);
    let purge_at = desk.app.now().plus(GRACE);
    assert_eq!(deleted.notes, [format!("it is purged after {purge_at}")]);
    assert_eq!(desk.open_sessions(acme, bob).await, 0);
    assert_eq!(desk.devices(acme, bob).await, 0);
    let again = tenant::delete(&desk.app, &desk.admin(), delete("acme", Some("acme"))).await;
    assert!(!again.unwrap().changed);

    // A session that came in between, as a login that began before would leave it, ends as well.
    desk.sign_in(acme, bob).await;
    desk.clock.advance(WITHIN);
    let restored = tenant::restore(&desk.app, &desk.admin(), restore("acme"))
        .await
        .unwrap();
    assert!(restored.changed);
    assert_eq!(desk.scopes.take(), [Scope::Tenant(acme)]);
    assert_eq!(desk.open_sessions(acme, bob).await, 0);
    assert_eq!(desk.devices(acme, bob).await, 0);
    let again = tenant::restore(&desk.app, &desk.admin(), restore("acme")).await;
    assert!(!again.unwrap().changed);
    let view = tenant::show(&desk.app, &desk.admin(), show("acme")).await;
    let view = view.unwrap();
    assert_eq!((view.status, view.purge_at), (TenantStatus::Active, None));
    let rows = desk.audit(acme).await;
    let last: Vec<_> = rows.iter().rev().take(2).map(|row| &row.entry).collect();
    assert_eq!(last[1].action, "tenant.delete");
    assert_eq!(last[1].payload["reason"], "closed down");
    assert_eq!(last[1].payload["before"]["users"], 1);
    assert_eq!(last[0].action, "tenant.restore");
    assert_eq!(last[0].payload["after"]["status"], "active");
}

#[tokio::test]
async fn a95_a_tenant_is_not_deleted_unless_its_slug_was_typed() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    for confirm in [None, Some(""), Some("globex"), Some("ACME")] {
        let error = tenant::delete(&desk.app, &desk.admin(), delete("acme", confirm)).await;
        let error = error.unwrap_err();
        assert_eq!(error.code, ErrorCode::ValidationFailed);
        assert_eq!(error.fields[0].path, "/confirm");
    }
    // The id may name it, and the slug is typed all the same.
    let by_id = delete(&acme.to_string(), Some(&acme.to_string()));
    let error = tenant::delete(&desk.app, &desk.admin(), by_id).await;
    assert_eq!(error.unwrap_err().code, ErrorCode::ValidationFailed);
    assert_eq!(desk.audit(acme).await.len(), 1);
}

#[tokio::test]
async fn a_deleted_tenant_is_named_as_such_and_takes_no_changes() {
    let desk = Desk::new();
    desk.tenant("acme").await;
    desk.tenant("globex").await;
    let bob = desk.user("acme", BOB).await;
    tenant::delete(&desk.app, &desk.admin(), delete("acme", Some("acme")))
        .await
        .unwrap();
    assert_eq!(
        listed(&desk, None).await,
        ["acme", "globex"],
        "as long as it can be restored"
    );
    assert_eq!(listed(&desk, Some(TenantStatus::Deleted)).await, ["acme"]);
    assert_eq!(listed(&desk, Some(TenantStatus::Active)).await, ["globex"]);
    let view = tenant::show(&desk.app, &desk.admin(), show("acme")).await;
    let view = view.unwrap();
    assert_eq!(view.status, TenantStatus::Deleted);
    assert_eq!(view.purge_at, Some(desk.app.now().plus(GRACE)));
    let new = desk
        .create(crate::desk::new_user("acme", "new@acme.test"))
        .await;
    let error = new.unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
    assert_eq!(error.developer_message, "tenant acme is deleted");
    assert!(error.hint.unwrap().contains("tenant restore acme"));
    for name in [
        reference("acme", BOB),
        call::UserRef {
            tenant: None,
            name: bob.to_string(),
        },
    ] {
        let request = call::user::Disable {
            user: name,
            reason: None,
        };
        let error = user::disable(&desk.app, &desk.admin(), request).await;
        assert_eq!(error.unwrap_err().code, ErrorCode::NotFound);
    }
    let page = session::list(&desk.app, &desk.admin(), call::session::List::default()).await;
    assert!(page.unwrap().items.is_empty());
    let page = lockout::list(&desk.app, &desk.admin(), call::lockout::List::default()).await;
    assert!(page.unwrap().items.is_empty());
    // Its slug is given to nobody.
    let again = tenant::create(&desk.app, &desk.admin(), new_tenant("acme")).await;
    assert_eq!(again.unwrap_err().code, ErrorCode::NameTaken);
}

#[tokio::test]
async fn rule_30_a_purge_leaves_the_name_and_a_chain_that_can_be_checked() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let bob = desk.user("acme", BOB).await;
    desk.tenant("globex").await;
    let eve = desk.user("globex", "eve@globex.test").await;
    desk.sign_in(acme, bob).await;
    desk.attempt(acme, Some(bob)).await;
    let key: CounterKey = desk.app.keys.subject("acme", &BOB.parse().unwrap());
    desk.lock(acme, key).await;
    tenant::delete(&desk.app, &desk.admin(), delete("acme", Some("acme")))
        .await
        .unwrap();
    desk.clock.advance(WITHIN);
    assert_eq!(tenant::purge(&desk.app).await.unwrap(), 0);
    desk.clock.advance(Duration::from_mins(1));
    // From that moment on, whether or not anybody has come by yet.
    let late = tenant::restore(&desk.app, &desk.admin(), restore("acme")).await;
    assert_eq!(late.unwrap_err().code, ErrorCode::Conflict);
    assert_eq!(tenant::purge(&desk.app).await.unwrap(), 1);
    assert_eq!(tenant::purge(&desk.app).await.unwrap(), 0);

    assert_eq!(listed(&desk, None).await, ["globex"]);
    let error = tenant::restore(&desk.app, &desk.admin(), restore("acme")).await;
    assert_eq!(error.unwrap_err().code, ErrorCode::NotFound);
    nothing_is_left_of(&desk, acme);
    the_chain_is_whole(&desk, acme).await;
    let request: Create = new_tenant("acme");
    let again = tenant::create(&desk.app, &desk.admin(), request).await;
    assert_eq!(again.unwrap_err().code, ErrorCode::NameTaken);
    // The other tenant has lost nothing.
    let reference = call::UserRef {
        tenant: Some("globex".to_owned()),
        name: eve.to_string(),
    };
    let request = call::user::Disable {
        user: reference,
        reason: None,
    };
    user::disable(&desk.app, &desk.admin(), request)
        .await
        .unwrap();
}

fn nothing_is_left_of(desk: &Desk, acme: TenantId) {
    let database = rusqlite::Connection::open(desk.database()).unwrap();
    for (table, column, id) in [
        ("users", "tenant_id", acme),
        ("sessions", "tenant_id", acme),
        ("devices", "tenant_id", acme),
        ("credentials", "tenant_id", acme),
        ("attempts", "tenant_id", acme),
    ] {
        let sql = format!("SELECT count(*) FROM {table} WHERE {column} = ?1");
        let left: i64 = database
            .query_row(&sql, [id.as_bytes()], |row| row.get(0))
            .unwrap();
        assert_eq!(left, 0, "{table}");
    }
}

async fn the_chain_is_whole(desk: &Desk, acme: TenantId) {
    let rows = desk.audit(acme).await;
    let said: Vec<_> = rows
        .iter()
        .map(|row| (row.entry.action.as_str(), row.entry.payload.is_null()))
        .collect();
    assert_eq!(
        said,
        [
            ("tenant.create", false),
            ("user.create", true),
            ("tenant.delete", false),
            ("tenant.purge", false),
        ]
    );
    let request = Verify {
        tenant: Some("acme".to_owned()),
        ..Verify::default()
    };
    let page = audit::verify(&desk.app, &desk.admin(), request).await;
    let chain = page.unwrap().items.pop().unwrap();
    assert_eq!((chain.ok, chain.entries, chain.erased), (true, 4, 1));
    let all = audit::verify(&desk.app, &desk.admin(), Verify::default()).await;
    let all = all.unwrap().items;
    assert!(all.iter().all(|chain| chain.ok), "{all:?}");
    let named = all
        .iter()
        .filter(|chain| chain.tenant.as_deref() == Some("acme"));
    assert_eq!(named.count(), 1);
}
