//! Where mailed and printed links lead: to authd's own pages, or to a tenant's own on the hosts that the
//! operator allows it (rules 14 and 20).

use std::time::Duration;

use authd::app::tenant::settings;
use authd::app::{password_reset, user};
use authd::mail::Letter;
use common::call::setting::{Get, Set};
use common::call::user::{Create, FirstPassword, ResetPassword};
use common::call::{Change, Socket};
use common::view::{SettingSource, SettingValue, SettingView};
use serde_json::{Value, json};

use crate::house::{ADA, Answer, BETTER, GOOD, login, post, refresh};
use crate::mailing::forgot;
use crate::registration::{register, verify};
use crate::support::{new_user, operator, reference};
use crate::world::{Actor, World, request};

const SETTINGS: &str = "/v1/tenant/settings";
const OWN: &str = "http://127.0.0.1:8440";
const HOST: &str = "app.acme.test";

/// `acme` may have pages on a host, and opens its registration.
async fn world() -> World {
    let world = World::new().await;
    set(&world, "links.allowed_hosts", HOST).await;
    set(&world, "registration.enabled", "true").await;
    world
}

async fn set(world: &World, key: &str, value: &str) -> Change {
    let request = Set {
        tenant: "acme".to_owned(),
        key: key.to_owned(),
        value: value.to_owned(),
        reason: None,
    };
    let app = &world.house().app;
    settings::set(app, &operator(Socket::Admin), request)
        .await
        .unwrap()
}

async fn shown(world: &World, key: &str) -> SettingView {
    let request = Get {
        tenant: "acme".to_owned(),
        key: key.to_owned(),
    };
    let app = &world.house().app;
    settings::get(app, &operator(Socket::Admin), request)
        .await
        .unwrap()
}

async fn admin(world: &World) -> Actor {
    world.actor("acme", &["tenant:view", "tenant:edit"]).await
}

async fn patch(world: &World, token: &str, body: Value) -> Answer {
    let ask = request("PATCH", SETTINGS, Some(body)).with(token);
    world.ask(ask).await
}

/// The link of the one letter to somebody, split at its fragment.
fn link_to(letters: &[Letter], to: &str) -> (String, String) {
    let mut links = letters
        .iter()
        .filter(|letter| letter.to.as_str() == to)
        .filter_map(|letter| letter.facts.link.as_ref());
    let (Some(link), None) = (links.next(), links.next()) else {
        panic!("not one link to {to}");
    };
    let (page, token) = link.expose().split_once('#').unwrap();
    (page.to_owned(), token.to_owned())
}

#[tokio::test]
async fn v1_2_2_every_mailed_link_leads_to_the_tenants_own_page_and_its_token_comes_back() {
    let world = world().await;
    let admin = admin(&world).await;
    let pages = json!({
        "links.reset_url": "https://app.acme.test/reset?lang=en&x=%26%23%3F",
        "links.verify_url": "https://app.acme.test",
        "links.confirm_url": "https://app.acme.test/a/b;c=d?",
    });
    let done = patch(&world, &admin.token, pages.clone()).await;
    assert_eq!(done.status, 200, "{done:?}");
    let rows = world.rows("tenant.settings.set").await;
    let mut told = rows.iter().map(|row| &row.entry.payload["after"]);
    assert!(told.any(|after| *after == pages), "{rows:?}");
    world.ask(forgot("acme", ADA)).await.is(202, "");
    let (page, token) = link_to(&world.mailing.delivered().await, ADA);
    assert_eq!(page, pages["links.reset_url"]);
    world.mailing.reset(&token, BETTER).await.is(204, "");
    world.mailing.delivered().await;
    let new = "new+a&b@acme.test";
    world.ask(register(new, GOOD)).await.is(202, "");
    let (page, token) = link_to(&world.mailing.delivered().await, new);
    assert_eq!(page, pages["links.verify_url"]);
    world.ask(verify(&token, GOOD)).await.is(200, "");
    let signed_in = world.ask(login(new, GOOD)).await;
    let wish = json!({"new_email": "next@acme.test", "current_password": GOOD});
    let wish = post("/v1/me/email", wish).with(signed_in.access());
    world.ask(wish).await.is(202, "");
    let (page, token) = link_to(&world.mailing.delivered().await, "next@acme.test");
    assert_eq!(page, pages["links.confirm_url"]);
    let confirm = post("/v1/auth/confirm-email", json!({"token": token}));
    world.ask(confirm).await.is(204, "");
    // Another tenant's lead where they led.
    let other = world.actor("globex", &[]).await;
    world.ask(forgot("globex", &other.email)).await.is(202, "");
    let (page, _) = link_to(&world.mailing.delivered().await, &other.email);
    assert_eq!(page, format!("{OWN}/reset-password"));
}

#[tokio::test]
async fn a_printed_link_leads_to_the_tenants_own_page() {
    let world = world().await;
    let admin = admin(&world).await;
    let page = "https://app.acme.test/reset";
    patch(&world, &admin.token, json!({ "links.reset_url": page }))
        .await
        .is(200, "");
    let app = &world.house().app;
    let request = ResetPassword {
        user: reference("acme", ADA),
        print_link: true,
        expires_seconds: None,
        reason: None,
    };
    let printed =
        user_link(&password_reset::send_or_print(app, &operator(Socket::Admin), request).await);
    assert!(printed.starts_with(&format!("{page}#")), "{printed}");
    let request = Create {
        password: FirstPassword::Link,
        ..new_user("acme", "waiter@acme.test", GOOD)
    };
    let printed = user_link(&user::create(app, &operator(Socket::Admin), request).await);
    assert!(printed.starts_with(&format!("{page}#")), "{printed}");
    let token = printed.split_once('#').unwrap().1;
    world.mailing.reset(token, BETTER).await.is(204, "");
}

fn user_link(change: &Result<Change, authd::app::Error>) -> String {
    let shown = serde_json::to_value(change.as_ref().unwrap()).unwrap();
    shown["link"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn rule_20_a85_a_page_elsewhere_is_refused_and_nothing_is_changed() {
    let world = world().await;
    let admin = admin(&world).await;
    let globex = world.actor("globex", &["tenant:edit"]).await;
    let traces = world.traces().await;
    for (url, code) in [
        ("https://evil.test/reset", "too_loose"),
        ("https://app.acme.test.evil.test/reset", "too_loose"),
        ("https://evil-app.acme.test/reset", "too_loose"),
        ("https://acme.test/reset", "too_loose"),
        ("https://evil.test/?app.acme.test", "too_loose"),
        ("https://app.acme.test:8443/reset", "too_loose"),
        ("https://app.acme.test:443/reset", "too_loose"),
        ("http://localhost/reset", "too_loose"),
        ("http://app.acme.test/reset", "invalid_value"),
        ("https://user@app.acme.test/reset", "invalid_value"),
        ("https://app.acme.test:443@evil.test/", "invalid_value"),
        ("https://app.acme.test\\@evil.test/", "invalid_value"),
        ("https://app.acme.test:80:443/", "invalid_value"),
        ("https://app.acme.test:99999/", "invalid_value"),
        ("https://APP.acme.test/", "invalid_value"),
        ("https://app.acme.test/#here", "invalid_value"),
        ("//app.acme.test/reset", "invalid_value"),
        ("/reset", "invalid_value"),
        ("", "invalid_value"),
        ("javascript:alert(1)", "invalid_value"),
        ("javascript://app.acme.test/%0aalert(1)", "invalid_value"),
        ("data:text/html,x", "invalid_value"),
        (
            "https://app.acme.test/\r\nBcc: eve@evil.test",
            "invalid_value",
        ),
    ] {
        for key in ["links.confirm_url", "links.reset_url", "links.verify_url"] {
            // All of it or nothing.
            let mut body = json!({"cors.origins": ["https://app.acme.test"]});
            body[key] = json!(url);
            let answer = patch(&world, &admin.token, body).await;
            answer.is(422, "validation_failed");
            let field = &answer.body["fields"][0];
            assert_eq!(
                (&field["path"], &field["code"]),
                (&json!(format!("/{key}")), &json!(code)),
                "{url}"
            );
        }
    }
    // A tenant without hosts has no pages of its own, and no origins.
    for (key, value) in [
        ("links.reset_url", json!("https://app.acme.test/reset")),
        ("cors.origins", json!(["https://app.acme.test"])),
    ] {
        let answer = patch(&world, &globex.token, json!({ key: value })).await;
        answer.is(422, "validation_failed");
        let said = answer.body["developer_message"].as_str().unwrap();
        assert!(said.ends_with("allows the tenant: none"), "{said}");
    }
    assert_eq!(world.traces().await, traces);
}

#[tokio::test]
async fn rule_14_v7_5_3_a78_pages_and_origins_are_changed_after_a_fresh_sign_in_alone() {
    let world = world().await;
    let admin = admin(&world).await;
    let owner = world.actor("system", &["ALL_PERMISSIONS"]).await;
    let mut sessions = Vec::new();
    for (tenant, actor) in [("acme", &admin), ("system", &owner)] {
        let body = json!({"tenant": tenant, "email": actor.email, "password": GOOD});
        sessions.push(world.ask(post("/v1/auth/login", body)).await);
    }
    world.house().clock.advance(Duration::from_mins(16));
    let mut tokens = Vec::new();
    for session in &sessions {
        let fresh = world.ask(refresh(session.refresh())).await;
        tokens.push(fresh.access().to_owned());
    }
    let traces = world.traces().await;
    let page = json!("https://app.acme.test/reset");
    for (key, value) in [
        ("links.confirm_url", page.clone()),
        ("links.reset_url", page.clone()),
        ("links.verify_url", page.clone()),
        ("links.reset_url", Value::Null),
        ("cors.origins", json!(["https://app.acme.test"])),
        ("cors.origins", json!([])),
    ] {
        let mut body = json!({"lockout.threshold": 3});
        body[key] = value;
        let answer = patch(&world, &tokens[0], body).await;
        answer.is(401, "reauthentication_required");
        assert!(answer.headers.contains_key("www-authenticate"));
    }
    // Nor whoever sets the hosts themselves.
    let there = format!("{SETTINGS}?tenant=acme");
    for (key, value) in [
        ("links.allowed_hosts", json!(["evil.test"])),
        ("links.reset_url", json!("https://evil.test/")),
        ("cors.origins", json!(["https://evil.test"])),
    ] {
        let ask = request("PATCH", &there, Some(json!({ key: value }))).with(&tokens[1]);
        world.ask(ask).await.is(401, "reauthentication_required");
    }
    // It is no way around the class.
    let body = json!({"links.allowed_hosts": ["evil.test"]});
    patch(&world, &tokens[0], body)
        .await
        .is(403, "permission_denied");
    assert_eq!(world.traces().await, traces);
    let harmless = patch(&world, &tokens[0], json!({"lockout.threshold": 3})).await;
    assert_eq!(harmless.status, 200, "{harmless:?}");
    let again = world.sign_in("acme", &admin.email).await;
    let done = patch(&world, &again, json!({ "links.reset_url": page })).await;
    assert_eq!(done.status, 200, "{done:?}");
}

#[tokio::test]
async fn rule_20_a85_a_host_that_is_allowed_no_more_takes_its_pages_along_at_once() {
    let world = world().await;
    let admin = admin(&world).await;
    let own = "https://app.acme.test/reset";
    let body = json!({"links.reset_url": own, "cors.origins": ["https://app.acme.test"]});
    patch(&world, &admin.token, body).await.is(200, "");
    let holds = shown(&world, "links.reset_url").await;
    assert_eq!(
        (holds.value.to_string(), holds.source),
        (own.to_owned(), SettingSource::Tenant)
    );
    let hosts = SettingValue::Names(vec![HOST.to_owned()]);
    assert_eq!((holds.bound, holds.unused), (Some(hosts), None));
    // Asked for while the page held, and sent when it does no more.
    world.ask(forgot("acme", ADA)).await.is(202, "");
    let change = set(&world, "links.allowed_hosts", "b.acme.test").await;
    let told = change.notes.concat();
    for key in ["links.reset_url", "cors.origins"] {
        assert!(told.contains(&format!("own {key}")), "{told}");
    }
    let (page, token) = link_to(&world.mailing.delivered().await, ADA);
    assert_eq!(page, format!("{OWN}/reset-password"));
    world.mailing.reset(&token, BETTER).await.is(204, "");
    let holds = shown(&world, "links.reset_url").await;
    assert_eq!(holds.value.to_string(), format!("{OWN}/reset-password"));
    assert_eq!(holds.source, SettingSource::Default);
    assert_eq!(holds.unused, Some(SettingValue::Text(own.to_owned())));
    // The tenant sees it too.
    let seen = world
        .ask(request("GET", SETTINGS, None).with(&admin.token))
        .await;
    let items = seen.body["items"].as_array().unwrap();
    let item = items.iter().find(|item| item["key"] == "cors.origins");
    assert_eq!(item.unwrap()["unused"], json!(["https://app.acme.test"]));
    let change = set(&world, "links.allowed_hosts", HOST).await;
    assert!(change.notes.concat().contains("holds again"), "{change:?}");
    assert_eq!(
        shown(&world, "links.reset_url").await.value.to_string(),
        own
    );
}
