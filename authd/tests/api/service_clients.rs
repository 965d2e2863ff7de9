//! `/v1/clients…`, and what service clients do over the routes of administrators by their own tokens.

use std::time::Duration;

use authd::app::{Agent, Client, administer, authenticate, client, role, user};
use common::call::Socket;
use common::call::client::{ClientRef, Rotate};
use common::call::role::{Deny, RoleRef};
use common::call::user::Disable;
use common::error::ErrorCode;
use common::id::RequestId;
use serde_json::{Value, json};
use store::Claim;

use crate::clients::Service;
use crate::house::{Answer, form, get};
use crate::support::operator;
use crate::world::{Actor, World, named, request};

const ALL_OF_CLIENTS: [&str; 4] = [
    "clients:view",
    "clients:create",
    "clients:edit",
    "clients:delete",
];

fn of(id: &str) -> String {
    format!("/v1/clients/{id}")
}

async fn make(world: &World, by: &Actor, body: Value) -> Answer {
    let ask = request("POST", "/v1/clients", Some(body));
    world.ask(ask.with(&by.token)).await
}

async fn patch(world: &World, by: &Actor, id: &str, body: Value) -> Answer {
    let ask = request("PATCH", &of(id), Some(body));
    world.ask(ask.with(&by.token)).await
}

/// The client of an answer that shows its secret.
fn service(answer: &Answer) -> Service {
    Service {
        id: answer.body["id"].as_str().unwrap().to_owned(),
        secret: answer.body["client_secret"].as_str().unwrap().to_owned(),
    }
}

async fn token(world: &World, service: &Service) -> String {
    service.token(world.house()).await.access().to_owned()
}

/// Somebody who may do all with clients, and give them everything that the tests give.
async fn keeper(world: &World) -> Actor {
    let mut rights = ALL_OF_CLIENTS.to_vec();
    rights.extend(["sessions:view", "sessions:delete", "audit:view"]);
    world.actor("acme", &rights).await
}

#[tokio::test]
async fn a_client_is_made_over_the_api_and_its_secret_shown_once() {
    let world = World::new().await;
    let admin = keeper(&world).await;
    let end = world.house().app.now().plus(Duration::from_hours(1));
    let body = json!({
        "name": " Billing ",
        "scopes": ["revoke", "introspect"],
        "roles": ["clerk"],
        "expires_at": end,
    });
    let made = make(&world, &admin, body).await;
    assert_eq!(made.status, 201, "{made:?}");
    let first = service(&made);
    assert_eq!(made.headers["location"], of(&first.id).as_str());
    assert_eq!(made.headers.get("etag"), None);
    assert_eq!(made.body["name"], "Billing");
    assert_eq!(made.body["scopes"], json!(["introspect", "revoke"]));
    assert_eq!(made.body["roles"], json!(["clerk"]));
    assert_eq!(made.body["expires_at"], json!(end));
    assert_eq!(made.body.get("tenant"), None);
    let shown = world.ask(get(&of(&first.id)).with(&admin.token)).await;
    assert_eq!(shown.body.get("client_secret"), None);
    let list = world.ask(get("/v1/clients").with(&admin.token)).await;
    assert_eq!(list.body["items"], json!([shown.body]));
    assert_eq!(first.token(world.house()).await.status, 200);
}

#[tokio::test]
async fn a_client_is_changed_under_a_tag_that_no_use_moves() {
    let world = World::new().await;
    let admin = keeper(&world).await;
    world.role(Some("acme"), "auditor", &["audit:view"]).await;
    let end = world.house().app.now().plus(Duration::from_hours(1));
    let body = json!({"name": "Billing", "expires_at": end});
    let first = service(&make(&world, &admin, body).await);
    let before = world.ask(get(&of(&first.id)).with(&admin.token)).await;
    assert_eq!(before.body["last_used_at"], Value::Null);
    let used = token(&world, &first).await;
    let shown = world.ask(get(&of(&first.id)).with(&admin.token)).await;
    assert_ne!(shown.body["last_used_at"], Value::Null);
    assert_eq!(shown.headers["etag"], before.headers["etag"]);
    let tag = shown.headers["etag"].to_str().unwrap();
    let body = json!({"name": "Invoices", "scopes": ["introspect"], "roles": ["auditor"]});
    let under = async |tag: &str, body: Value| {
        let ask = request("PATCH", &of(&first.id), Some(body));
        world
            .ask(ask.with(&admin.token).header("if-match", tag))
            .await
    };
    let changed = under(tag, body.clone()).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(changed.body["name"], "Invoices");
    assert_eq!(changed.body["scopes"], json!(["introspect"]));
    assert_eq!(changed.body["roles"], json!(["auditor"]));
    assert_eq!(changed.body["expires_at"], json!(end), "kept");
    under(tag, json!({"name": "x"}))
        .await
        .is(412, "precondition_failed");
    // In force with the next request.
    let asked = get("/v1/auth/check?permission=audit:view").with(&used);
    assert_eq!(world.ask(asked).await.status, 200);
    // What changes nothing leaves no row.
    assert_eq!(patch(&world, &admin, &first.id, body).await.status, 200);
    assert_eq!(world.rows("client.set").await.len(), 1);
    let mortal = json!({"expires_at": null, "roles": null});
    let answer = patch(&world, &admin, &first.id, mortal).await;
    assert_eq!(answer.body["expires_at"], Value::Null);
    assert_eq!(answer.body["roles"], json!([]));
}

#[tokio::test]
async fn v10_4_10_secrets_follow_one_another_over_the_api_and_go_with_the_client() {
    let world = World::new().await;
    let admin = keeper(&world).await;
    let first = service(&make(&world, &admin, json!({"name": "Billing"})).await);
    let rotate = |body: Option<Value>| {
        let path = format!("{}/rotate", of(&first.id));
        world.ask(request("POST", &path, body).with(&admin.token))
    };
    let dead = async |service: &Service| {
        let answer = service.token(world.house()).await;
        answer.is(401, "invalid_client");
    };
    let second = service(&rotate(None).await);
    for service in [&first, &second] {
        assert_eq!(service.token(world.house()).await.status, 200);
    }
    rotate(Some(json!({"later": true})))
        .await
        .is(400, "unknown_field");
    let third = rotate(Some(json!({"now": true}))).await;
    assert_eq!(third.body["secrets"].as_array().unwrap().len(), 1);
    dead(&first).await;
    dead(&second).await;
    let third = service(&third);
    assert_eq!(third.token(world.house()).await.status, 200);
    let ask = request("DELETE", &of(&first.id), None).with(&admin.token);
    world.ask(ask).await.is(204, "");
    let gone = world.ask(get(&of(&first.id)).with(&admin.token)).await;
    gone.is(404, "not_found");
    dead(&third).await;
    for (action, rows) in [
        ("client.create", 1),
        ("client.rotate", 2),
        ("client.delete", 1),
    ] {
        let told = world.rows(action).await;
        assert_eq!(told.len(), rows, "{action}");
        for row in told {
            let user = row.entry.actor.user_id.unwrap();
            assert_eq!(user.to_string(), admin.id);
            assert!(!row.entry.payload.to_string().contains("authd_cs_"));
        }
    }
}

#[tokio::test]
async fn what_no_client_may_be_is_refused_over_the_api() {
    let world = World::new().await;
    let admin = world.actor("acme", &["flag"]).await;
    let now = world.house().app.now();
    let made = make(&world, &admin, json!({"name": "billing"})).await;
    let id = service(&made).id;
    let old = now.plus(Duration::from_secs(10));
    let mortal = make(&world, &admin, json!({"name": "mortal", "expires_at": old})).await;
    let mortal = service(&mortal).id;
    let traces = world.traces().await;
    let late = now.plus(Duration::from_hours(24 * 365 * 10 + 1));
    for (body, path) in [
        (json!({"name": "a/b"}), "/name"),
        (json!({"name": "x", "scopes": ["all"]}), "/scopes"),
        (json!({"name": "x", "expires_at": now}), "/expires_at"),
        (json!({"name": "x", "expires_at": late}), "/expires_at"),
    ] {
        for answer in [
            make(&world, &admin, body.clone()).await,
            patch(&world, &admin, &id, body.clone()).await,
        ] {
            answer.is(422, "validation_failed");
            assert_eq!(answer.body["fields"][0]["path"], path);
        }
    }
    for answer in [
        make(&world, &admin, json!({"name": "billing"})).await,
        patch(&world, &admin, &id, json!({"name": "mortal"})).await,
    ] {
        answer.is(409, "name_taken");
    }
    patch(&world, &admin, &id, json!({"name": null}))
        .await
        .is(422, "validation_failed");
    for body in [json!({"secrets": []}), json!({"generation": 1})] {
        let answer = patch(&world, &admin, &id, body).await;
        answer.is(400, "unknown_field");
    }
    assert_eq!(world.traces().await, traces);
    // What has ended stays ended (rule 19).
    world.house().clock.advance(Duration::from_secs(11));
    for end in [Value::Null, json!(late)] {
        let body = json!({"expires_at": end});
        let answer = patch(&world, &admin, &mortal, body).await;
        assert!([409, 422].contains(&answer.status), "{answer:?}");
    }
    let later = world.house().app.now().plus(Duration::from_hours(1));
    let answer = patch(&world, &admin, &mortal, json!({"expires_at": later})).await;
    answer.is(409, "conflict");
    assert_eq!(world.traces().await, traces);
}

#[tokio::test]
async fn a79_a37_nobody_gives_a_client_what_they_do_not_hold() {
    let world = World::new().await;
    let admin = world.actor("acme", &ALL_OF_CLIENTS).await;
    world.role(Some("acme"), "auditor", &["audit:view"]).await;
    let made = make(&world, &admin, json!({"name": "billing"})).await;
    let id = service(&made).id;
    let traces = world.traces().await;
    for (gives, member) in [
        ("sessions:view", json!({"scopes": ["introspect"]})),
        ("sessions:view", json!({"scopes": ["revocations"]})),
        ("sessions:delete", json!({"scopes": ["revoke"]})),
        ("audit:view", json!({"roles": ["auditor"]})),
        ("ALL_PERMISSIONS", json!({"roles": ["system:superadmin"]})),
    ] {
        let mut body = member.clone();
        body["name"] = "more".into();
        for answer in [
            make(&world, &admin, body).await,
            patch(&world, &admin, &id, member).await,
        ] {
            answer.is(403, "permission_denied");
            assert!(answer.text.contains(gives), "{answer:?}");
        }
    }
    assert_eq!(world.traces().await, traces);
    let mut rights = ALL_OF_CLIENTS.to_vec();
    rights.extend(["sessions:view", "sessions:delete", "audit:view"]);
    let strong = world.actor("acme", &rights).await;
    let body = json!({"scopes": ["introspect", "revocations", "revoke"], "roles": ["auditor"]});
    let answer = patch(&world, &strong, &id, body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn a83_nobody_acts_on_a_stronger_client() {
    let world = World::new().await;
    let mut strong = ALL_OF_CLIENTS.to_vec();
    strong.extend(["sessions:view", "roles:edit", "roles:delete", "orders:view"]);
    world.define("orders:view").await;
    let weak = world
        .actor(
            "acme",
            &[&ALL_OF_CLIENTS[..], &["roles:edit", "roles:delete"]].concat(),
        )
        .await;
    let strong = world.actor("acme", &strong).await;
    let shared = world.role(Some("acme"), "shared", &[]).await;
    world.role(Some("acme"), "cashier", &["orders:view"]).await;
    let by_role = json!({"name": "by role", "roles": ["cashier", "shared"]});
    let by_scope = json!({"name": "by scope", "scopes": ["introspect"]});
    for (n, body) in [by_role, by_scope].into_iter().enumerate() {
        let made = make(&world, &strong, body).await;
        let service = service(&made);
        let before = world.traces().await;
        let less = json!({"name": "less", "roles": [], "scopes": []});
        patch(&world, &weak, &service.id, less)
            .await
            .is(403, "permission_denied");
        for (method, path) in [
            ("DELETE", of(&service.id)),
            ("POST", format!("{}/rotate", of(&service.id))),
        ] {
            let ask = request(method, &path, None).with(&weak.token);
            world.ask(ask).await.is(403, "permission_denied");
        }
        // Nor is the ground taken from under it by a role that it holds.
        let role = format!("/v1/roles/{shared}");
        let ask = request("DELETE", &role, None).with(&weak.token);
        if n == 0 {
            world.ask(ask).await.is(403, "permission_denied");
        }
        assert_eq!(world.traces().await, before);
        assert_eq!(service.token(world.house()).await.status, 200);
        let ask = request("DELETE", &of(&service.id), None).with(&strong.token);
        world.ask(ask).await.is(204, "");
    }
    let ask = request("DELETE", &format!("/v1/roles/{shared}"), None);
    world.ask(ask.with(&weak.token)).await.is(204, "");
}

#[tokio::test]
async fn a78_a_client_and_a_secret_are_made_after_a_fresh_sign_in_alone() {
    let world = World::new().await;
    let admin = world.actor("acme", &ALL_OF_CLIENTS).await;
    let made = make(&world, &admin, json!({"name": "billing"})).await;
    let id = service(&made).id;
    let body = json!({"tenant": "acme", "email": admin.email, "password": crate::house::GOOD});
    let login = world.ask(crate::house::post("/v1/auth/login", body)).await;
    world.house().clock.advance(Duration::from_mins(9));
    let next = crate::house::refresh(login.refresh());
    let next = world.ask(next).await;
    world.house().clock.advance(Duration::from_mins(7));
    // The token is as good as ever; the password was proved 16 minutes ago.
    let admin = Actor {
        token: next.access().to_owned(),
        ..admin
    };
    let traces = world.traces().await;
    make(&world, &admin, json!({"name": "other"}))
        .await
        .is(401, "reauthentication_required");
    let ask = request("POST", &format!("{}/rotate", of(&id)), None);
    world
        .ask(ask.with(&admin.token))
        .await
        .is(401, "reauthentication_required");
    assert_eq!(world.traces().await, traces);
    let answer = patch(&world, &admin, &id, json!({"name": "other"})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let token = world.sign_in("acme", &admin.email).await;
    let admin = Actor { token, ..admin };
    let answer = make(&world, &admin, json!({"name": "third"})).await;
    assert_eq!(answer.status, 201, "{answer:?}");
}

#[tokio::test]
async fn rule_18_a_client_acts_within_its_own_rights_and_the_row_names_it() {
    let world = World::new().await;
    let service = world.service("acme", &["users:edit", "users:view"]).await;
    let token = token(&world, &service).await;
    let (equal, stronger) = (
        world.invited("acme", &["users:view"]).await,
        world.invited("acme", &["audit:view"]).await,
    );
    let disable = |id: &str| {
        let ask = request("POST", &format!("/v1/users/{id}/disable"), None);
        world.ask(ask.with(&token))
    };
    disable(&stronger).await.is(403, "permission_denied");
    disable(&equal).await.is(204, "");
    let row = world.row("user.disable").await;
    let actor = row.entry.actor;
    assert_eq!(actor.channel, "api");
    assert_eq!(actor.client_id.unwrap().to_string(), service.id);
    assert_eq!((actor.user_id, actor.tenant_id), (None, None));
    // Those who may see the log of changes see it, and find it by the client.
    let auditor = world.actor("acme", &["audit:view"]).await;
    let path = format!("/v1/audit?actor={}", service.id);
    let list = world.ask(get(&path).with(&auditor.token)).await;
    assert_eq!(list.body["items"].as_array().unwrap().len(), 1, "{list:?}");
    let told = &list.body["items"][0]["actor"];
    assert_eq!(told["client_id"], service.id.as_str());
    assert_eq!(told.get("user_id"), None);
    // What it lists is bound to it.
    let users = world.ask(get("/v1/users?limit=1").with(&token)).await;
    assert_eq!(users.status, 200, "{users:?}");
    let cursor = users.body["next_cursor"].as_str().unwrap();
    let next = format!("/v1/users?limit=1&cursor={cursor}");
    assert_eq!(world.ask(get(&next).with(&token)).await.status, 200);
    let other = world.service("acme", &["users:view"]).await;
    let others = other.token(world.house()).await.access().to_owned();
    let answer = world.ask(get(&next).with(&others)).await;
    answer.is(400, "invalid_cursor");
}

/// Lets a client in to change something, long before the change.
async fn enter(world: &World, token: &str) -> authd::app::Administrator {
    let client = Client {
        ip: [203, 0, 113, 7].into(),
        has_own_address: true,
        correlation_id: None,
        request_id: RequestId::from_bytes([5; 16]),
        claim: Claim::detached(),
    };
    let app = &world.house().app;
    let agent = authenticate::agent(app, client, token).await.unwrap();
    assert!(matches!(agent, Agent::Client(_)));
    let needed = administer::Needed {
        permission: "users:edit",
        changes: true,
    };
    administer::enter(app, agent, needed, None).await.unwrap()
}

#[tokio::test]
async fn g16_what_let_a_client_in_is_looked_at_again_where_it_writes() {
    let world = World::new().await;
    let app = &world.house().app;
    let admin = operator(Socket::Admin);
    let target = world.invited("acme", &[]).await;
    let refused = async |let_in: &authd::app::Administrator| {
        let request = Disable {
            user: named(&target),
            reason: None,
        };
        let refused = user::disable(app, let_in, request).await;
        refused.unwrap_err().code
    };
    // Its role loses the right.
    let role_id = world.role(Some("acme"), "closer", &["users:edit"]).await;
    let body = json!({"name": "closer", "roles": ["closer"]});
    let flag = world.actor("acme", &["flag"]).await;
    let made = make(&world, &flag, body).await;
    let closer = service(&made);
    let let_in = enter(&world, &token(&world, &closer).await).await;
    let deny = Deny {
        role: RoleRef {
            tenant: None,
            name: role_id,
        },
        permissions: vec!["users:edit".to_owned()],
    };
    role::deny(app, &admin, deny).await.unwrap();
    assert_eq!(refused(&let_in).await, ErrorCode::PermissionDenied);
    // Its secrets end, its token is revoked, it is removed, its tenant is closed.
    let one = world.service("acme", &["users:edit"]).await;
    let let_in = enter(&world, &token(&world, &one).await).await;
    let rotate = Rotate {
        client: ClientRef {
            tenant: None,
            name: one.id.clone(),
        },
        now: true,
        reason: None,
    };
    client::rotate(app, &admin, rotate).await.unwrap();
    assert_eq!(refused(&let_in).await, ErrorCode::InvalidToken);
    let two = world.service("acme", &["users:edit"]).await;
    let of_two = token(&world, &two).await;
    let let_in = enter(&world, &of_two).await;
    let revoker = Service::of(world.house(), "acme").await;
    let revoked = revoker.revoke(world.house(), &of_two).await;
    assert_eq!(revoked.status, 200);
    assert_eq!(refused(&let_in).await, ErrorCode::InvalidToken);
    let three = world.service("acme", &["users:edit"]).await;
    let let_in = enter(&world, &token(&world, &three).await).await;
    three.delete(world.house()).await;
    assert_eq!(refused(&let_in).await, ErrorCode::InvalidToken);
    let four = world.service("acme", &["users:edit"]).await;
    let let_in = enter(&world, &token(&world, &four).await).await;
    world.house().suspend().await;
    assert_eq!(refused(&let_in).await, ErrorCode::TenantSuspended);
    world.house().resume().await;
    assert!(world.rows("user.disable").await.is_empty());
}

#[tokio::test]
async fn v8_3_3_a_service_hands_on_the_users_token_and_never_becomes_the_user() {
    let world = World::new().await;
    let service = world.service("acme", &["users:edit"]).await;
    let own = token(&world, &service).await;
    let user = world.actor("acme", &["audit:view"]).await;
    // The user's token, whoever sends it, has the user's rights and no more.
    let may = async |token: &str, permission: &str| {
        let path = format!("/v1/auth/check?permission={permission}");
        world.ask(get(&path).with(token)).await
    };
    let answer = may(&user.token, "audit:view").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["x-auth-user-id"], user.id.as_str());
    may(&user.token, "users:edit")
        .await
        .is(403, "permission_denied");
    // The service's own has the service's, and names no user, whatever is said beside it.
    may(&own, "audit:view").await.is(403, "permission_denied");
    let target = world.invited("acme", &[]).await;
    let path = format!("/v1/users/{target}/disable");
    let forged = request("POST", &path, None)
        .with(&own)
        .header("x-auth-user-id", &user.id)
        .header("x-user-id", &user.id);
    world.ask(forged).await.is(204, "");
    let actor = world.row("user.disable").await.entry.actor;
    assert_eq!(actor.user_id, None);
    assert_eq!(actor.client_id.unwrap().to_string(), service.id);
    let both = get("/v1/audit")
        .with(&own)
        .header("authorization", &format!("Bearer {}", user.token));
    world.ask(both).await.is(400, "malformed_request");
    for path in ["/v1/me", "/v1/me/sessions", "/v1/me/permissions"] {
        let answer = world.ask(get(path).with(&own)).await;
        answer.is(403, "permission_denied");
    }
    // And no token of a user comes of a service's secret.
    for grant in [
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "refresh_token",
        "password",
    ] {
        let body = format!("grant_type={}", grant.replace(':', "%3A"));
        let ask = service.asks(form("/oauth2/token", &body));
        let answer = world.ask(ask).await;
        assert_eq!(answer.body["error"], "unsupported_grant_type", "{grant}");
    }
}
