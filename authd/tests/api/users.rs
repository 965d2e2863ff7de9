//! `/v1/users`: what administrators see and do, and what they cannot (rules 14, 18, 25).

use std::collections::BTreeSet;
use std::time::Duration;

use authd::app::{Administrator, App, Client, administer, authenticate, user};
use common::call::Socket;
use common::call::user::{Create, Disable, Revoke};
use common::error::ErrorCode;
use common::id::RequestId;
use common::view::UserStatus;
use domain::mail::Template;
use domain::permission::BUILT_IN;
use serde_json::{Value, json};
use store::Claim;

use crate::house::{Answer, GOOD, get, post, refresh};
use crate::support::{new_tenant, new_user, operator};
use crate::world::{Actor, World, named, request};

fn of(id: &str) -> String {
    format!("/v1/users/{id}")
}

/// Everything that changes a user, and what it does it with.
fn changes(id: &str) -> Vec<(&'static str, String, Option<Value>)> {
    let at = |rest: &str| format!("/v1/users/{id}{rest}");
    vec![
        ("PATCH", at(""), Some(json!({"locale": "sw-KE"}))),
        ("PATCH", at(""), Some(json!({"email": "x@acme.test"}))),
        ("PATCH", at(""), Some(json!({"is_tenant_admin": false}))),
        ("POST", at("/disable"), None),
        ("POST", at("/enable"), None),
        ("POST", at("/unlock"), None),
        ("POST", at("/password-reset"), None),
        ("POST", at("/resend-invitation"), None),
        ("PUT", at("/roles"), Some(json!({"roles": []}))),
        ("POST", at("/roles"), Some(json!({"role": "clerk"}))),
        ("DELETE", at("/roles/clerk"), None),
        ("DELETE", at(""), None),
    ]
}

#[tokio::test]
async fn a83_nobody_acts_on_a_stronger_one() {
    let world = World::new().await;
    let rights = [
        "users:view",
        "users:edit",
        "users:delete",
        "lockouts:delete",
    ];
    let weaker = world.actor("acme", &rights).await;
    let all_but_all = world.actor("acme", BUILT_IN).await;
    world.define("orders:view").await;
    let flag = world.make(Create {
        tenant_admin: true,
        ..new_user("acme", "flag@acme.test", GOOD)
    });
    let stronger = [
        world.invited("acme", &["orders:view"]).await,
        world.invited("acme", &["ALL_PERMISSIONS"]).await,
        flag.await,
    ];
    for id in &stronger {
        let before = world.user(world.house().acme, id).await;
        let traces = world.traces().await;
        for (method, path, body) in changes(id) {
            for actor in [&weaker, &all_but_all] {
                let ask = request(method, &path, body.clone()).with(&actor.token);
                world.ask(ask).await.is(403, "permission_denied");
            }
        }
        assert_eq!(world.user(world.house().acme, id).await, before);
        assert_eq!(world.traces().await, traces);
    }
    let equal = world.invited("acme", &rights).await;
    let answer = request("POST", &format!("{}/disable", of(&equal)), None);
    world.ask(answer.with(&weaker.token)).await.is(204, "");
}

#[tokio::test]
async fn a37_nobody_grants_what_they_do_not_hold() {
    let world = World::new().await;
    world.define("orders:view").await;
    world.role(Some("acme"), "all", &["ALL_PERMISSIONS"]).await;
    world.role(Some("acme"), "seller", &["orders:view"]).await;
    world.role(None, "system:ops", &["tenants:view"]).await;
    let every_single: Vec<&str> = BUILT_IN.to_vec();
    let weak = world.actor("acme", &every_single).await;
    let target = world.invited("acme", &[]).await;
    let before = world.user(world.house().acme, &target).await;
    let traces = world.traces().await;
    let mut asks = vec![
        ("PATCH", of(&target), json!({"is_tenant_admin": true})),
        ("PATCH", of(&weak.id), json!({"is_tenant_admin": true})),
        (
            "POST",
            "/v1/users".to_owned(),
            json!({"email": "x@acme.test", "is_tenant_admin": true}),
        ),
    ];
    // A38: what a system role grants beyond tenants is nobody's to give within one.
    for role in ["all", "seller", "system:superadmin", "system:ops"] {
        for id in [&target, &weak.id] {
            asks.push(("POST", format!("{}/roles", of(id)), json!({"role": role})));
            asks.push(("PUT", format!("{}/roles", of(id)), json!({"roles": [role]})));
        }
        let body = json!({"email": "x@acme.test", "roles": [role]});
        asks.push(("POST", "/v1/users".to_owned(), body));
    }
    for (method, path, body) in asks {
        let ask = request(method, &path, Some(body)).with(&weak.token);
        world.ask(ask).await.is(403, "permission_denied");
    }
    assert_eq!(world.user(world.house().acme, &target).await, before);
    let after = world.traces().await;
    assert_eq!(after.1, traces.1);
    // What is held is granted: by the tenant's administrator, in the next request (A40).
    let admin = world.actor("acme", &["flag"]).await;
    let roles = format!("{}/roles", of(&target));
    let answer = request("PUT", &roles, Some(json!({"roles": ["seller", "all"]})));
    let answer = world.ask(answer.with(&admin.token)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let names = answer.body["items"].as_array().unwrap().iter();
    let names: Vec<_> = names.map(|role| role["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["all", "seller"]);
    let ops = request("POST", &roles, Some(json!({"role": "system:ops"})));
    world
        .ask(ops.with(&admin.token))
        .await
        .is(403, "permission_denied");
}

#[tokio::test]
async fn v7_5_3_a78_administrators_are_made_after_a_fresh_sign_in_alone() {
    let world = World::new().await;
    world.role(Some("acme"), "all", &["ALL_PERMISSIONS"]).await;
    let admin = world.actor("acme", &["flag"]).await;
    let body = json!({"tenant": "acme", "email": admin.email, "password": GOOD,
        "device": {"id": "desk", "type": "desktop"}});
    let login = world.ask(post("/v1/auth/login", body.clone())).await;
    let target = world.invited("acme", &[]).await;
    world.house().clock.advance(Duration::from_mins(16));
    // However fresh the token is.
    let fresh = world.ask(refresh(login.refresh())).await;
    let acts = [
        ("PATCH", of(&target), json!({"is_tenant_admin": true})),
        (
            "POST",
            format!("{}/roles", of(&target)),
            json!({"role": "all"}),
        ),
        (
            "PUT",
            format!("{}/roles", of(&target)),
            json!({"roles": ["all"]}),
        ),
        (
            "POST",
            "/v1/users".to_owned(),
            json!({"email": "boss@acme.test", "is_tenant_admin": true}),
        ),
    ];
    let traces = world.traces().await;
    for (method, path, body) in acts.clone() {
        let ask = request(method, &path, Some(body)).with(fresh.access());
        let answer = world.ask(ask).await;
        answer.is(401, "reauthentication_required");
        assert!(answer.headers.contains_key("www-authenticate"));
    }
    assert_eq!(world.traces().await, traces);
    // What is none of these acts needs no fresh one.
    let harmless = request("PATCH", &of(&target), Some(json!({"locale": "sw"})));
    assert_eq!(world.ask(harmless.with(fresh.access())).await.status, 200);
    let login = world.ask(post("/v1/auth/login", body)).await;
    world.house().clock.advance(Duration::from_mins(15));
    let fresh = world.ask(refresh(login.refresh())).await;
    for (method, path, body) in acts {
        let target = world.invited("acme", &[]).await;
        let path = match path.split_once("usr_") {
            Some((start, rest)) => {
                let rest = rest.split_once('/').map(|(_, rest)| format!("/{rest}"));
                format!("{start}{target}{}", rest.unwrap_or_default())
            }
            None => path,
        };
        let ask = request(method, &path, Some(body)).with(fresh.access());
        let answer = world.ask(ask).await;
        assert!(answer.status < 300, "{method} {path}: {answer:?}");
    }
}

#[tokio::test]
async fn a41_no_field_is_taken_that_is_not_the_callers_to_set() {
    let world = World::new().await;
    let admin = world.actor("acme", &["flag"]).await;
    let target = world.invited("acme", &[]).await;
    let before = world.user(world.house().acme, &target).await;
    let corpus = [
        ("id", json!("usr_00000000000000000000000009")),
        ("tenant", json!("globex")),
        ("tenant_id", json!("ten_00000000000000000000000009")),
        ("email_verified", json!(true)),
        ("status", json!("active")),
        ("password", json!("seven blue herons walk home")),
        ("password_hash", json!("$argon2id$")),
        ("permanent", json!(true)),
        ("permissions", json!(["ALL_PERMISSIONS"])),
        ("tenant_admin", json!(true)),
        ("is_admin", json!(true)),
        ("adm", json!(true)),
        ("picture_url", json!("https://evil.test/")),
        ("last_login_at", json!("2026-01-01T00:00:00Z")),
        ("locked_until", Value::Null),
        ("created_at", json!("2026-01-01T00:00:00Z")),
        ("updated_at", json!("2026-01-01T00:00:00Z")),
        ("subject", json!("00")),
        ("version", json!(1)),
        ("__proto__", json!({})),
        ("$set", json!({"is_tenant_admin": true})),
        ("employee.kra_pin", json!("A123456789X")),
    ];
    for (name, value) in &corpus {
        let mut body = json!({"email": "new@acme.test"});
        body[*name] = value.clone();
        let ask = request("POST", "/v1/users", Some(body)).with(&admin.token);
        world.ask(ask).await.is(400, "unknown_field");
        let mut body = json!({"locale": "sw"});
        body[*name] = value.clone();
        let ask = request("PATCH", &of(&target), Some(body)).with(&admin.token);
        world.ask(ask).await.is(400, "unknown_field");
    }
    // Roles have a path of their own.
    for body in [
        json!({"roles": ["clerk"]}),
        json!({"name": {"first": "x"}}),
        json!({"employee": {"salary": 1}}),
    ] {
        let ask = request("PATCH", &of(&target), Some(body)).with(&admin.token);
        world.ask(ask).await.is(400, "unknown_field");
    }
    assert_eq!(world.user(world.house().acme, &target).await, before);
    let list = get("/v1/users?email_contains=new@").with(&admin.token);
    assert_eq!(world.ask(list).await.body["items"], json!([]));
}

/// Lets somebody in to change something, long before the change.
pub(crate) async fn enter(app: &App, actor: &Actor, permission: &'static str) -> Administrator {
    let client = Client {
        ip: [203, 0, 113, 7].into(),
        has_own_address: true,
        correlation_id: None,
        request_id: RequestId::from_bytes([5; 16]),
        claim: Claim::detached(),
    };
    let agent = authenticate::agent(app, client, &actor.token).await;
    let needed = administer::Needed {
        permission,
        changes: true,
    };
    administer::enter(app, agent.unwrap(), needed, None)
        .await
        .unwrap()
}

#[tokio::test]
async fn g16_a_right_that_is_gone_when_the_write_begins_is_gone() {
    let world = World::new().await;
    let app = &world.house().app;
    let actor = world.actor("acme", &["users:edit"]).await;
    let target = world.invited("acme", &[]).await;
    let disable = |id: &str| Disable {
        user: named(id),
        reason: None,
    };
    let administrator = enter(app, &actor, "users:edit").await;
    // The one who is acted on grows stronger meanwhile.
    let role = world.role(Some("acme"), "auditor", &["audit:view"]).await;
    let grow = common::call::user::Grant {
        user: named(&target),
        roles: vec![role.clone()],
    };
    user::grant(app, &operator(Socket::Admin), grow)
        .await
        .unwrap();
    let refused = user::disable(app, &administrator, disable(&target)).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::PermissionDenied);
    let shrink = Revoke {
        user: named(&target),
        roles: vec![role],
    };
    user::revoke(app, &operator(Socket::Admin), shrink)
        .await
        .unwrap();
    // The one who acts loses the right meanwhile.
    let held = world.user(world.house().acme, &actor.id).await.unwrap();
    let lose = Revoke {
        user: named(&actor.id),
        roles: held.roles.iter().map(ToString::to_string).collect(),
    };
    user::revoke(app, &operator(Socket::Admin), lose)
        .await
        .unwrap();
    let refused = user::disable(app, &administrator, disable(&target)).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::PermissionDenied);
    // Or is closed.
    let other = world.actor("acme", &["users:edit"]).await;
    let administrator = enter(app, &other, "users:edit").await;
    user::disable(app, &operator(Socket::Admin), disable(&other.id))
        .await
        .unwrap();
    let refused = user::disable(app, &administrator, disable(&target)).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::SessionRevoked);
    // Or belongs to a tenant that is closed.
    let third = world.actor("acme", &["users:edit"]).await;
    let administrator = enter(app, &third, "users:edit").await;
    world.house().suspend().await;
    let refused = user::disable(app, &administrator, disable(&target)).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::TenantSuspended);
    world.house().resume().await;
    let status = world
        .user(world.house().acme, &target)
        .await
        .unwrap()
        .status;
    assert_eq!(status, UserStatus::Invited);
}

#[tokio::test]
async fn a_change_over_the_api_tells_who_made_it() {
    let world = World::new().await;
    let admin = world.actor("acme", &["users:edit"]).await;
    let target = world.invited("acme", &[]).await;
    let path = format!("{}/disable", of(&target));
    let ask = request("POST", &path, None);
    world.ask(ask.with(&admin.token)).await.is(204, "");
    let row = world.row("user.disable").await;
    let actor = row.entry.actor;
    assert_eq!(actor.channel, "api");
    assert_eq!(actor.user_id.unwrap().to_string(), admin.id);
    assert_eq!(actor.tenant_id, None);
    let rights = ["tenants:edit", "users:edit"];
    let guest = world.actor("system", &rights).await;
    let path = format!("{}/enable?tenant=acme", of(&target));
    let ask = request("POST", &path, None);
    world.ask(ask.with(&guest.token)).await.is(204, "");
    let row = world.row("user.enable").await;
    assert_eq!(row.entry.tenant_id, Some(world.house().acme));
    assert_ne!(row.entry.actor.tenant_id, Some(world.house().acme));
    assert!(row.entry.actor.tenant_id.is_some(), "whence they came");
}

async fn patch(world: &World, by: &Actor, id: &str, body: Value, tag: Option<&str>) -> Answer {
    let mut ask = request("PATCH", &of(id), Some(body)).with(&by.token);
    if let Some(tag) = tag {
        ask = ask.header("if-match", tag);
    }
    world.ask(ask).await
}

#[tokio::test]
async fn a_patch_sets_takes_away_and_keeps_under_its_tag() {
    let world = World::new().await;
    let admin = world.actor("acme", &["users:view", "users:edit"]).await;
    let id = world.invited("acme", &[]).await;
    let patch = async |body, tag| patch(&world, &admin, &id, body, tag).await;
    let all = json!({
        "name": {"given": "Zoe", "family": "Otieno"},
        "phone": "+254 700 123456",
        "address": {"line1": "Moi Avenue 1", "city": "Nairobi", "country": "KE"},
        "locale": "sw-KE",
        "employee": {"employee_id": "7", "kra_pin": "A123456789X"},
        "external_refs": {"branch_id": "br_3"},
    });
    let answer = patch(all, None).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["name"]["display"], "Zoe Otieno");
    assert_eq!(answer.body["phone"], "+254700123456");
    let tag = answer.headers["etag"].to_str().unwrap().to_owned();
    let shown = world.ask(get(&of(&id)).with(&admin.token)).await;
    assert_eq!(shown.headers["etag"], tag.as_str());
    assert_eq!(shown.body, answer.body);
    world.house().clock.advance(Duration::from_secs(1));
    let less = json!({
        "name": {"family": null},
        "phone": null,
        "address": {"line1": null},
        "employee": {"kra_pin": null},
        "external_refs": {"branch_id": null},
    });
    let answer = patch(less.clone(), Some(&tag)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = &answer.body;
    assert_eq!(
        body["name"],
        json!({"given": "Zoe", "family": null, "display": "Zoe"})
    );
    assert_eq!(body["phone"], Value::Null);
    assert_eq!(body["address"]["city"], "Nairobi");
    assert_eq!(body["address"]["line1"], Value::Null);
    assert_eq!(
        body["employee"],
        json!({"employee_id": "7", "kra_pin": null})
    );
    assert_eq!(body["external_refs"], json!({}));
    assert_eq!(body["locale"], "sw-KE");
}

#[tokio::test]
async fn a_patch_under_an_old_tag_or_of_bad_values_changes_nothing() {
    let world = World::new().await;
    let admin = world.actor("acme", &["users:view", "users:edit"]).await;
    let id = world.invited("acme", &[]).await;
    let patch = async |body, tag| patch(&world, &admin, &id, body, tag).await;
    let old = patch(json!({"locale": "sw"}), None).await;
    let tag = old.headers["etag"].to_str().unwrap().to_owned();
    let answer = patch(json!({"locale": "sw-KE"}), Some(&tag)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    // The tag is another one now.
    let traces = world.traces().await;
    patch(json!({"locale": "en"}), Some(&tag))
        .await
        .is(412, "precondition_failed");
    let weak = format!("W/{}", answer.headers["etag"].to_str().unwrap());
    patch(json!({"locale": "en"}), Some(&weak))
        .await
        .is(412, "precondition_failed");
    patch(json!({"locale": "en"}), Some("x"))
        .await
        .is(400, "malformed_request");
    assert_eq!(world.traces().await, traces);
    assert_eq!(patch(json!({"locale": "en"}), Some("*")).await.status, 200);
    for (body, path) in [
        (json!({"employee": {"kra_pin": "B1"}}), "/employee/kra_pin"),
        (json!({"phone": "0700"}), "/phone"),
        (json!({"address": {"country": "Kenya"}}), "/address/country"),
        (json!({"name": {"given": "a\u{202e}b"}}), "/name/given"),
        (json!({"external_refs": {"adm": "1"}}), "/external_refs"),
    ] {
        let answer = patch(body, None).await;
        answer.is(422, "validation_failed");
        assert_eq!(answer.body["fields"][0]["path"], path);
    }
    let mut ask = request("PATCH", &of(&id), Some(json!({"locale": "de"}))).with(&admin.token);
    ask.kind = "application/merge-patch+json";
    assert_eq!(world.ask(ask.clone()).await.status, 200);
    ask.kind = "text/plain";
    world.ask(ask).await.is(415, "unsupported_media_type");
}

#[tokio::test]
async fn phone_and_tax_number_are_masked_for_who_may_not_edit() {
    let world = World::new().await;
    let editor = world.actor("acme", &["users:view", "users:edit"]).await;
    let viewer = world.actor("acme", &["users:view"]).await;
    let id = world.invited("acme", &[]).await;
    let body = json!({"phone": "+254700123456", "employee": {"kra_pin": "A123456789X"}});
    let ask = request("PATCH", &of(&id), Some(body)).with(&editor.token);
    assert_eq!(world.ask(ask).await.status, 200);
    for (actor, phone, pin) in [
        (&editor, "+254700123456", "A123456789X"),
        (&viewer, "+254•••••••56", "A•••••••••X"),
    ] {
        let one = world.ask(get(&of(&id)).with(&actor.token)).await.body;
        let list = get("/v1/users?status=invited").with(&actor.token);
        let list = world.ask(list).await.body;
        for user in [&one, &list["items"][0]] {
            assert_eq!(user["phone"], phone, "{user}");
            assert_eq!(user["employee"]["kra_pin"], pin);
            assert_eq!(user.get("tenant"), None);
        }
    }
}

#[tokio::test]
async fn lists_are_of_one_tenant_and_their_cursors_of_one_caller() {
    let world = World::new().await;
    let viewer = world.actor("acme", &["users:view"]).await;
    let other = world.actor("acme", &["users:view"]).await;
    let foreign = world.actor("globex", &["flag"]).await;
    for _ in 0..5 {
        world.invited("acme", &[]).await;
        world.invited("globex", &[]).await;
    }
    let mut seen = BTreeSet::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/v1/users?limit=3{cursor}");
        let page = world.ask(get(&path).with(&viewer.token)).await;
        assert_eq!(page.status, 200, "{page:?}");
        for user in page.body["items"].as_array().unwrap() {
            let email = user["email"].as_str().unwrap();
            assert!(email.ends_with("@acme.test"), "{email}");
            assert!(seen.insert(email.to_owned()), "{email} twice");
        }
        let Some(next) = page.body["next_cursor"].as_str() else {
            break;
        };
        cursor = format!("&cursor={next}");
        for (actor, path) in [
            (&other, format!("/v1/users?limit=3{cursor}")),
            (&foreign, format!("/v1/users?limit=3{cursor}")),
            (&viewer, format!("/v1/users?status=active{cursor}")),
        ] {
            let answer = world.ask(get(&path).with(&actor.token)).await;
            answer.is(400, "invalid_cursor");
        }
    }
    // Ada, two viewers, five more.
    assert_eq!(seen.len(), 8);
}

#[tokio::test]
async fn lists_are_narrowed_by_what_is_known_and_by_nothing_else() {
    let world = World::new().await;
    let viewer = world.actor("acme", &["users:view"]).await;
    for _ in 0..5 {
        world.invited("acme", &[]).await;
    }
    let editor = world.actor("acme", &["users:view", "users:edit"]).await;
    let path = format!("/v1/users/{}", viewer.id);
    let refers = json!({"external_refs": {"branch_id": "r.7"}});
    let patch = request("PATCH", &path, Some(refers)).with(&editor.token);
    assert_eq!(world.ask(patch).await.status, 200);
    for (query, count) in [
        ("external_ref=branch_id:r.7", 1),
        ("external_ref=branch_id:r_7", 0),
        ("external_ref=branch_id:r.7,restaurant_id:1", 0),
        ("external_ref=shelf_id:7", 0),
        ("status=invited", 5),
        ("status=disabled", 0),
        ("is_tenant_admin=true", 0),
        ("email_contains=ada", 1),
        ("locked=true", 0),
        ("role=clerk", 0),
    ] {
        let path = format!("/v1/users?{query}");
        let page = world.ask(get(&path).with(&viewer.token)).await;
        assert_eq!(
            page.body["items"].as_array().unwrap().len(),
            count,
            "{query}"
        );
    }
    for (query, status, code) in [
        ("limit=0", 422, "validation_failed"),
        ("limit=201", 422, "validation_failed"),
        ("password=x", 400, "unknown_parameter"),
        ("external_ref=branch_id", 422, "validation_failed"),
        ("external_ref=a'b:7", 422, "validation_failed"),
        ("status=closed", 400, "malformed_request"),
        ("role=nobody", 404, "not_found"),
    ] {
        let path = format!("/v1/users?{query}");
        world
            .ask(get(&path).with(&viewer.token))
            .await
            .is(status, code);
    }
}

#[tokio::test]
async fn an_employee_gets_a_generated_password_by_mail_and_the_caller_never_sees_it() {
    let world = World::new().await;
    let admin = world.actor("acme", &["users:view", "users:create"]).await;
    let body = json!({
        "email": "Zoe@ACME.test",
        "name": {"given": "Zoe"},
        "address": {"city": "Nairobi"},
        "employee": {"employee_id": "7"},
        "roles": ["clerk"],
    });
    let ask = request("POST", "/v1/users", Some(body.clone())).with(&admin.token);
    let answer = world.ask(ask).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let id = answer.body["id"].as_str().unwrap();
    assert_eq!(answer.headers["location"], of(id).as_str());
    assert_eq!(answer.body["email"], "zoe@acme.test");
    assert_eq!(answer.body["status"], "invited");
    assert_eq!(answer.body["roles"], json!(["clerk"]));
    assert_eq!(answer.body["address"]["city"], "Nairobi");
    assert!(!answer.text.contains("password"), "{}", answer.text);
    let shown = world.ask(get(&of(id)).with(&admin.token)).await;
    assert_eq!(shown.body, answer.body);
    assert_eq!(shown.headers["etag"], answer.headers["etag"]);
    let letters = world.mailing.delivered().await;
    let templates: Vec<_> = letters.iter().map(|letter| letter.template).collect();
    assert_eq!(templates, [Template::Invitation]);
    let ask = request("POST", "/v1/users", Some(body.clone())).with(&admin.token);
    world.ask(ask).await.is(409, "email_taken");
    // Who may not see users is not told that it is the address.
    let blind = world.actor("acme", &["users:create"]).await;
    let ask = request("POST", "/v1/users", Some(body)).with(&blind.token);
    world.ask(ask).await.is(409, "conflict");
    let full = common::call::tenant::Create {
        max_users: Some(1),
        ..new_tenant("full")
    };
    world.house().tenant(full).await;
    let owner = world.actor("full", &["flag"]).await;
    let one = json!({"email": "one@full.test"});
    let ask = request("POST", "/v1/users", Some(one)).with(&owner.token);
    world.ask(ask).await.is(409, "user_limit_reached");
    let pin = json!({"email": "y@acme.test", "employee": {"kra_pin": "1"}});
    let ask = request("POST", "/v1/users", Some(pin)).with(&admin.token);
    let answer = world.ask(ask).await;
    assert_eq!(answer.body["fields"][0]["path"], "/employee/kra_pin");
}

#[tokio::test]
async fn a43_the_last_administrator_stays_whatever_is_asked() {
    let world = World::new().await;
    let admin = world.actor("acme", &["flag"]).await;
    for (method, path, body) in [
        (
            "PATCH",
            of(&admin.id),
            Some(json!({"is_tenant_admin": false})),
        ),
        (
            "PATCH",
            of(&admin.id),
            Some(json!({"is_tenant_admin": null})),
        ),
        ("POST", format!("{}/disable", of(&admin.id)), None),
        ("DELETE", of(&admin.id), None),
    ] {
        let ask = request(method, &path, body).with(&admin.token);
        world.ask(ask).await.is(409, "last_admin");
    }
    let other = world.actor("acme", &["flag"]).await;
    let ask = request("DELETE", &of(&other.id), None).with(&admin.token);
    world.ask(ask).await.is(204, "");
    let me = world.ask(get("/v1/me").with(&other.token)).await;
    me.is(401, "invalid_token");
}
