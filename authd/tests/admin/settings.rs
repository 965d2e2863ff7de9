//! `tenant settings`: what is shown, what is refused, and the row that a change leaves.

use authd::app::tenant::settings::{get, list, set, unset};
use common::call::Change;
use common::call::setting::{Get, List, Set, Unset};
use common::view::{SettingSource, SettingValue, SettingView};
use domain::setting::Setting;
use serde_json::json;
use store::Scope;

use crate::desk::Desk;

async fn change(desk: &Desk, key: &str, value: &str) -> Result<Change, authd::app::Error> {
    let request = Set {
        tenant: "acme".to_owned(),
        key: key.to_owned(),
        value: value.to_owned(),
        reason: Some("ticket 7".to_owned()),
    };
    set(&desk.app, &desk.admin(), request).await
}

async fn shown(desk: &Desk, tenant: &str, key: &str) -> SettingView {
    let request = Get {
        tenant: tenant.to_owned(),
        key: key.to_owned(),
    };
    get(&desk.app, &desk.admin(), request).await.unwrap()
}

#[tokio::test]
async fn s10_every_key_is_listed_with_where_it_comes_from() {
    let desk = Desk::new();
    desk.tenant("acme").await;
    change(&desk, "lockout.threshold", "3").await.unwrap();
    change(&desk, "refs.names", "").await.unwrap();
    let mut request = List {
        tenant: "acme".to_owned(),
        limit: Some(5),
        ..List::default()
    };
    let mut rows = Vec::new();
    loop {
        let page = list(&desk.app, &desk.admin(), request.clone())
            .await
            .unwrap();
        assert!(page.items.len() <= 5);
        rows.extend(page.items);
        match page.next_cursor {
            Some(cursor) => request.cursor = Some(cursor),
            None => break,
        }
    }
    let keys: Vec<&str> = rows.iter().map(|row| row.key.as_str()).collect();
    assert_eq!(keys, Setting::ALL.map(Setting::name));
    let of = |key: &str| rows.iter().find(|row| row.key == key).unwrap();
    let threshold = of("lockout.threshold");
    assert_eq!(threshold.value, SettingValue::Number(3));
    assert_eq!(threshold.bound, Some(SettingValue::Number(3)));
    assert_eq!(threshold.source, SettingSource::Operator);
    assert_eq!(threshold.updated_at, Some(desk.app.now()));
    let window = of("lockout.window");
    assert_eq!(
        (window.value.to_string(), window.class.as_str()),
        ("15m".to_owned(), "tenant")
    );
    assert_eq!(window.source, SettingSource::Default);
    assert_eq!(
        (window.allowed.as_str(), window.updated_at),
        ("1m to 30d", None)
    );
    let policy = of("session.policy");
    assert_eq!((policy.class.as_str(), &policy.bound), ("operator", &None));
    assert_eq!(of("refs.names").value, SettingValue::Names(Vec::new()));
}

#[tokio::test]
async fn rule_30_a_change_leaves_its_row_and_a_second_one_none() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    desk.tenant("beta").await;
    desk.scopes.take();
    let first = change(&desk, "lockout.window", "30m").await.unwrap();
    assert!(first.changed && first.audit_id.is_some());
    assert_eq!(desk.scopes.take(), [Scope::Tenant(acme)]);
    // Another spelling of the same time is the same value.
    let second = change(&desk, "lockout.window", "1800s").await.unwrap();
    assert!(!second.changed && second.audit_id.is_none());
    change(&desk, "lockout.window", "1h").await.unwrap();
    let request = Unset {
        tenant: "acme".to_owned(),
        key: "lockout.window".to_owned(),
        reason: None,
    };
    let gone = unset(&desk.app, &desk.admin(), request.clone())
        .await
        .unwrap();
    assert!(gone.changed);
    let nothing = unset(&desk.app, &desk.admin(), request).await.unwrap();
    assert!(!nothing.changed);
    let rows = desk.audit(acme).await;
    let told: Vec<_> = rows
        .iter()
        .skip(1)
        .map(|row| (row.entry.action.as_str(), row.entry.payload.clone()))
        .collect();
    let row = |before: serde_json::Value, after: serde_json::Value, why: serde_json::Value| {
        json!({
            "before": {"lockout.window": before},
            "after": {"lockout.window": after},
            "reason": why,
        })
    };
    let why = json!("ticket 7");
    assert_eq!(
        told,
        [
            (
                "tenant.settings.set",
                row(json!(null), json!("30m"), why.clone())
            ),
            ("tenant.settings.set", row(json!("30m"), json!("1h"), why)),
            (
                "tenant.settings.unset",
                row(json!("1h"), json!(null), json!(null))
            ),
        ]
    );
    assert_eq!(
        shown(&desk, "beta", "lockout.window")
            .await
            .value
            .to_string(),
        "15m"
    );
}

#[tokio::test]
async fn rule_29_unknown_keys_and_values_beyond_the_bounds_are_refused() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let before = desk.audit(acme).await;
    for (key, value, path, hint) in [
        (
            "lockout.treshold",
            "3",
            "/key",
            Some("Did you mean lockout.threshold?"),
        ),
        (
            "api.listen",
            "127.0.0.1:1",
            "/key",
            Some("authctl tenant settings list"),
        ),
        ("lockout.threshold", "0", "/value", None),
        ("lockout.threshold", "101", "/value", None),
        ("password.min_length", "7", "/value", None),
        ("token.access_ttl", "61m", "/value", None),
        ("session.idle_timeout", "900", "/value", None),
        ("session.policy", "limit:51", "/value", None),
        ("token.audience", "", "/value", None),
    ] {
        let refused = change(&desk, key, value).await.unwrap_err();
        assert_eq!(refused.code.as_str(), "validation_failed", "{key} {value}");
        let field = refused.fields.first().unwrap();
        assert_eq!(field.path, path, "{key} {value}");
        assert!(field.message.contains(key), "{}", field.message);
        match hint {
            Some(hint) => assert!(refused.hint.unwrap().contains(hint)),
            None => assert!(refused.hint.is_none()),
        }
    }
    assert_eq!(desk.audit(acme).await, before);
    let unknown = Set {
        tenant: "acm".to_owned(),
        key: "lockout.threshold".to_owned(),
        value: "3".to_owned(),
        reason: None,
    };
    let unknown = set(&desk.app, &desk.admin(), unknown).await.unwrap_err();
    assert_eq!(unknown.code.as_str(), "not_found");
}

/// Counts and lists go by each tenant's own limits.
#[tokio::test]
async fn sessions_are_counted_and_listed_by_their_tenants_limits() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let beta = desk.tenant("beta").await;
    let bob = desk.user("acme", "bob@acme.test").await;
    let eve = desk.user("beta", "eve@beta.test").await;
    for days in [20, 10, 0] {
        desk.sign_in(acme, bob).await;
        desk.sign_in(beta, eve).await;
        let step = if days == 0 { 0 } else { 10 };
        desk.clock
            .advance(std::time::Duration::from_hours(24 * step));
    }
    // Idle for 20, 10 and 0 days; the installation's limit is 14 days.
    change(&desk, "session.idle_timeout", "30d").await.unwrap();
    let counted = |tenant: &'static str| {
        let request = common::call::tenant::Usage {
            tenant: Some(tenant.to_owned()),
            ..Default::default()
        };
        let app = std::sync::Arc::clone(&desk.app);
        let admin = desk.admin();
        async move {
            let page = authd::app::tenant::usage(&app, &admin, request).await;
            page.unwrap().items[0].sessions
        }
    };
    // The oldest of acme had ended before, and stays so.
    assert_eq!((counted("acme").await, counted("beta").await), (2, 2));
    desk.clock.advance(std::time::Duration::from_hours(24 * 10));
    assert_eq!((counted("acme").await, counted("beta").await), (2, 1));
    let all = common::call::session::List::default();
    let page = authd::app::session::list(&desk.app, &desk.admin(), all).await;
    let mut tenants: Vec<_> = page
        .unwrap()
        .items
        .into_iter()
        .filter_map(|row| row.tenant)
        .collect();
    tenants.sort_unstable();
    assert_eq!(tenants, ["acme", "acme", "beta"]);
    let (running, admin) = (crate::desk::running(), desk.admin());
    let request = common::call::status::Status {};
    let status = authd::app::status::status(&desk.app, &running, &admin, request).await;
    assert_eq!(status.unwrap().counts.sessions, 3);
}
