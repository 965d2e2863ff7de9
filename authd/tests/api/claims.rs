//! What access tokens show of their user's rights (`claims.permissions`), and that authd itself reads
//! nothing of it back.

use authd::app::role;
use authd::app::tenant::settings;
use common::call::Socket;
use common::call::role::{RoleRef, Set};
use common::call::setting;
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use crate::house::{Answer, GOOD, get, post, refresh};
use crate::support::operator;
use crate::world::{World, request};

async fn show(world: &World) {
    let request = setting::Set {
        tenant: "acme".to_owned(),
        key: "claims.permissions".to_owned(),
        value: "true".to_owned(),
        reason: None,
    };
    let app = &world.house().app;
    settings::set(app, &operator(Socket::Admin), request)
        .await
        .unwrap();
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    let bytes = BASE64URL_NOPAD.decode(payload.as_bytes()).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

async fn login(world: &World, tenant: &str, email: &str) -> Answer {
    let body = json!({"tenant": tenant, "email": email, "password": GOOD});
    world.ask(post("/v1/auth/login", body)).await
}

async fn check(world: &World, token: &str, permission: &str) -> Answer {
    let path = format!("/v1/auth/check?permission={permission}");
    world.ask(get(&path).with(token)).await
}

#[tokio::test]
async fn tokens_show_permissions_where_the_tenant_says_so() {
    let world = World::new().await;
    let rights = ["users:view", "roles:view", "audit:view"];
    let (clerk, boss) = (
        world.actor("acme", &rights).await,
        world.actor("acme", &["flag"]).await,
    );
    let other = world.actor("globex", &rights).await;
    assert!(claims(&clerk.token).get("permissions").is_none());
    show(&world).await;
    let signed_in = login(&world, "acme", &clerk.email).await;
    let refreshed = world.ask(refresh(signed_in.refresh())).await;
    for answer in [&signed_in, &refreshed] {
        let claims = claims(answer.access());
        let sorted = json!(["audit:view", "roles:view", "users:view"]);
        assert_eq!(claims["permissions"], sorted);
        assert!(claims.get("perms_omitted").is_none());
        check(&world, answer.access(), "users:view")
            .await
            .is(200, "");
    }
    let all = login(&world, "acme", &boss.email).await;
    assert_eq!(
        claims(all.access())["permissions"],
        json!(["ALL_PERMISSIONS"])
    );
    let theirs = login(&world, "globex", &other.email).await;
    assert!(claims(theirs.access()).get("permissions").is_none());
}

/// The claim of a token that lives is of the moment at which it was made; decisions are of now.
#[tokio::test]
async fn rule_11_a_change_of_a_role_is_decided_at_once_whatever_the_token_shows() {
    let world = World::new().await;
    show(&world).await;
    let id = world.role(Some("acme"), "cook", &["users:view"]).await;
    let cook = world.actor("acme", &[]).await;
    let give = |method| {
        let path = format!("/v1/users/{}/roles", cook.id);
        request(method, &path, Some(json!({"role": "cook"})))
    };
    let boss = world.actor("acme", &["flag"]).await;
    let given = world.ask(give("POST").with(&boss.token)).await;
    assert!(given.status < 300, "{given:?}");
    let signed_in = login(&world, "acme", &cook.email).await;
    let token = signed_in.access();
    // Warm, so that the change has something to outdate.
    for _ in 0..2 {
        check(&world, token, "users:view").await.is(200, "");
    }
    let app = &world.house().app;
    let request = Set {
        role: RoleRef {
            tenant: Some("acme".to_owned()),
            name: id,
        },
        description: None,
        permissions: Some(vec!["audit:view".to_owned()]),
    };
    role::set(app, &operator(Socket::Admin), request)
        .await
        .unwrap();
    assert_eq!(claims(token)["permissions"], json!(["users:view"]));
    check(&world, token, "users:view")
        .await
        .is(403, "permission_denied");
    check(&world, token, "audit:view").await.is(200, "");
    let users = world.ask(get("/v1/users").with(token)).await;
    users.is(403, "permission_denied");
    let mine = world.ask(get("/v1/me/permissions").with(token)).await;
    assert_eq!(mine.body["items"], json!(["audit:view"]));
    let next = world.ask(refresh(signed_in.refresh())).await;
    assert_eq!(claims(next.access())["permissions"], json!(["audit:view"]));
}

/// Names of permissions, beginning with a letter, that are together so many bytes as JSON.
async fn of_length(world: &World, letter: char, bytes: usize) -> Vec<String> {
    // Each takes two quotes and a comma, which stands for a bracket in the last.
    let (count, rest) = ((bytes - 1) / 60, (bytes - 1) % 60);
    let long = |number| format!("{letter}{number:03}{}:{}", "x".repeat(20), "y".repeat(32));
    let mut names: Vec<String> = (0..count).map(long).collect();
    names.push(format!("{letter}999:{}", "y".repeat(rest - 8)));
    assert_eq!(serde_json::to_vec(&names).unwrap().len(), bytes);
    for name in &names {
        world.define(name).await;
    }
    names
}

#[tokio::test]
async fn permissions_beyond_four_kibibytes_are_left_out_and_that_is_said() {
    let world = World::new().await;
    show(&world).await;
    for (letter, bytes, fits) in [('p', 4096, true), ('q', 4097, false)] {
        let names = of_length(&world, letter, bytes).await;
        let rights: Vec<&str> = names.iter().map(String::as_str).collect();
        let actor = world.actor("acme", &rights).await;
        let shown = claims(&actor.token);
        assert_eq!(shown.get("permissions").is_some(), fits, "{bytes}");
        assert_eq!(
            shown.get("perms_omitted"),
            (!fits).then_some(&Value::Bool(true))
        );
        assert!(actor.token.len() < 8 * 1024, "{}", actor.token.len());
        for _ in 0..2 {
            check(&world, &actor.token, rights[0]).await.is(200, "");
        }
    }
}

#[tokio::test]
async fn rule_20_a_tenant_turns_the_claim_off_and_never_on() {
    let world = World::new().await;
    let admin = world.actor("acme", &["tenant:view", "tenant:edit"]).await;
    // Each sign-in ends the one before it.
    let patch = async |token: &str, value: Value| {
        let body = json!({"claims.permissions": value});
        let ask = request("PATCH", "/v1/tenant/settings", Some(body));
        world.ask(ask.with(token)).await
    };
    patch(&admin.token, json!(true))
        .await
        .is(422, "validation_failed");
    show(&world).await;
    patch(&admin.token, json!(false)).await.is(200, "");
    let signed_in = login(&world, "acme", &admin.email).await;
    assert!(claims(signed_in.access()).get("permissions").is_none());
    patch(signed_in.access(), Value::Null).await.is(200, "");
    let signed_in = login(&world, "acme", &admin.email).await;
    assert!(claims(signed_in.access()).get("permissions").is_some());
}
