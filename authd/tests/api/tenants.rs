//! `/v1/tenant` and `/v1/tenants`: what a tenant's administrators see and set of it, and what those of
//! `system` do with any (rules 14 to 16, 20).

use std::time::Duration;

use common::call::user::Create;
use common::id::TenantId;
use common::time::Time;
use serde_json::{Value, json};

use crate::house::{ADA, Answer, GOOD, get, login, post};
use crate::support::{new_tenant, new_user};
use crate::world::{Actor, World, request};

fn of(id: &str, rest: &str) -> String {
    format!("/v1/tenants/{id}{rest}")
}

/// Somebody of `system` who may do everything everywhere.
async fn owner(world: &World) -> Actor {
    world.actor("system", &["ALL_PERMISSIONS"]).await
}

async fn ask(
    world: &World,
    actor: &Actor,
    method: &'static str,
    path: &str,
    body: Option<Value>,
) -> Answer {
    let ask = request(method, path, body).with(&actor.token);
    world.ask(ask).await
}

#[track_caller]
fn refused_at(answer: &Answer, path: &str, code: &str) {
    answer.is(422, "validation_failed");
    let field = &answer.body["fields"][0];
    assert_eq!(
        (&field["path"], &field["code"]),
        (&json!(path), &json!(code))
    );
}

async fn system_id(world: &World) -> String {
    let store = &world.house().app.store;
    let found = store.read(|tx| tx.tenants().by_slug(&"system".parse().unwrap()));
    found.await.unwrap().unwrap().id.to_string()
}

#[tokio::test]
async fn s11_a_tenant_is_made_and_changed_by_those_of_system() {
    let world = World::new().await;
    let owner = owner(&world).await;
    let body = json!({"slug": "initech", "name": " Initech ", "time_zone": "Europe/Berlin",
        "subscription": {"plan": "pro", "ends_at": "2027-03-31", "max_users": 7}});
    let made = ask(&world, &owner, "POST", "/v1/tenants", Some(body.clone())).await;
    assert_eq!(made.status, 201, "{made:?}");
    let id = made.body["id"].as_str().unwrap().to_owned();
    assert_eq!(made.headers["location"], of(&id, ""));
    let subscription = json!({"plan": "pro", "ends_at": "2027-03-31T21:59:59.999Z",
        "max_users": 7, "users": 0});
    assert_eq!(made.body["subscription"], subscription);
    assert_eq!(made.body["name"], "Initech");
    ask(&world, &owner, "POST", "/v1/tenants", Some(body))
        .await
        .is(409, "name_taken");
    let rows = world.rows("tenant.create").await;
    let row = rows.iter().find(|row| row.entry.object == id).unwrap();
    let home: TenantId = system_id(&world).await.parse().unwrap();
    let actor = &row.entry.actor;
    assert_eq!(
        (actor.channel.as_str(), actor.tenant_id),
        ("api", Some(home))
    );

    let shown = ask(&world, &owner, "GET", &of(&id, ""), None).await;
    assert_eq!(shown.body, made.body);
    assert_eq!(shown.headers["etag"], made.headers["etag"]);
    let tag = shown.headers["etag"].to_str().unwrap().to_owned();
    let patch = |body: Value| request("PATCH", &of(&id, ""), Some(body)).with(&owner.token);
    let body = json!({"name": "Initrode", "time_zone": "Africa/Nairobi"});
    let changed = world.ask(patch(body).header("if-match", &tag)).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(changed.body["time_zone"], "Africa/Nairobi");
    let stale = patch(json!({"name": "Late"})).header("if-match", &tag);
    world.ask(stale).await.is(412, "precondition_failed");
    for field in ["slug", "status", "subscription", "id", "created_at"] {
        let mut body = json!({});
        body[field] = json!("x");
        world.ask(patch(body)).await.is(400, "unknown_field");
    }
    let zone = world.ask(patch(json!({"time_zone": "Mars/Base"}))).await;
    refused_at(&zone, "/time_zone", "invalid_time_zone");
    let none = world.ask(patch(json!({"name": null}))).await;
    refused_at(&none, "/name", "required");
}

#[tokio::test]
async fn tenants_are_listed_page_by_page_for_those_of_system() {
    let world = World::new().await;
    let owner = owner(&world).await;
    let body = json!({"slug": "initech", "subscription": {"plan": "pro"}});
    let made = ask(&world, &owner, "POST", "/v1/tenants", Some(body)).await;
    assert_eq!(made.status, 201, "{made:?}");
    let list = |query: &str| get(&format!("/v1/tenants{query}")).with(&owner.token);
    let slugs = |answer: &Answer| -> Vec<String> {
        let items = answer.body["items"].as_array().unwrap().iter();
        items
            .map(|item| item["slug"].as_str().unwrap().to_owned())
            .collect()
    };
    let all = world.ask(list("")).await;
    assert_eq!(slugs(&all), ["acme", "globex", "initech", "system"]);
    assert_eq!(slugs(&world.ask(list("?plan=pro")).await), ["initech"]);
    let soon = world.ask(list("?ending_seconds=60")).await;
    assert_eq!(slugs(&soon), Vec::<String>::new());
    let first = world.ask(list("?limit=2")).await;
    assert_eq!(slugs(&first), ["acme", "globex"]);
    let cursor = first.body["next_cursor"].as_str().unwrap();
    let second = world.ask(list(&format!("?limit=2&cursor={cursor}"))).await;
    assert_eq!(slugs(&second), ["initech", "system"]);
    world
        .ask(list("?colour=red"))
        .await
        .is(400, "unknown_parameter");
}

#[tokio::test]
async fn rule_16_a81_all_permissions_elsewhere_reach_no_list_of_tenants() {
    let world = World::new().await;
    let acme = world.house().acme.to_string();
    let strangers = [
        world.actor("acme", &["flag"]).await,
        world.actor("acme", &["ALL_PERMISSIONS"]).await,
        world.actor("acme", &["tenants:view", "tenants:edit"]).await,
        world.actor("system", &["users:view"]).await,
    ];
    for actor in &strangers {
        for path in ["/v1/tenants".to_owned(), of(&acme, "")] {
            ask(&world, actor, "GET", &path, None)
                .await
                .is(403, "permission_denied");
        }
    }
    // An id alone names a tenant here, and only one that there is.
    let owner = owner(&world).await;
    for name in [
        "acme",
        "ten_00000000000000000000000009",
        &acme.to_uppercase(),
    ] {
        ask(&world, &owner, "GET", &of(name, ""), None)
            .await
            .is(404, "not_found");
    }
}

#[tokio::test]
async fn rule_16_a81_system_is_not_renamed_ended_closed_or_deleted() {
    let world = World::new().await;
    let owner = owner(&world).await;
    let id = system_id(&world).await;
    let subscription = json!({"plan": "pro", "ends_at": null, "max_users": null});
    let traces = world.traces().await;
    for (method, path, body) in [
        ("PATCH", of(&id, ""), Some(json!({"name": "Mine"}))),
        (
            "PATCH",
            "/v1/tenant".to_owned(),
            Some(json!({"name": "Mine"})),
        ),
        ("PUT", of(&id, "/subscription"), Some(subscription)),
        ("POST", of(&id, "/suspend"), None),
        ("POST", of(&id, "/resume"), None),
        ("DELETE", of(&id, ""), None),
    ] {
        ask(&world, &owner, method, &path, body)
            .await
            .is(403, "permission_denied");
    }
    ask(
        &world,
        &owner,
        "POST",
        "/v1/tenants",
        Some(json!({"slug": "system"})),
    )
    .await
    .is(409, "name_taken");
    assert_eq!(world.traces().await, traces);
}

#[tokio::test]
async fn rule_18_v7_5_3_a_tenants_first_administrator_needs_all_rights_and_a_fresh_sign_in() {
    let world = World::new().await;
    let body = |slug: &str| json!({"slug": slug, "admin_email": format!("boss@{slug}.test")});
    let single = world.actor("system", &["tenants:create"]).await;
    let post = async |actor: &Actor, body: Value| {
        ask(&world, actor, "POST", "/v1/tenants", Some(body)).await
    };
    let traces = world.traces().await;
    post(&single, body("initech"))
        .await
        .is(403, "permission_denied");
    // What a subscription needs later it needs at once.
    let plan = json!({"slug": "initech", "subscription": {"plan": "pro"}});
    post(&single, plan.clone())
        .await
        .is(403, "permission_denied");
    assert_eq!(world.traces().await, traces);
    let owner = owner(&world).await;
    let made = post(&owner, body("initech")).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.body["subscription"]["users"], 1);
    let letters = world.mailing.delivered().await;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].to.as_str(), "boss@initech.test");
    assert!(!made.text.contains("boss"), "{}", made.text);
    let both = world
        .actor("system", &["tenants:create", "subscriptions:edit"])
        .await;
    let plan = json!({"slug": "hooli", "subscription": {"plan": "pro"}});
    assert_eq!(post(&both, plan).await.status, 201);
    let ends = json!({"slug": "x1", "subscription": {"ends_at": "2020-01-01"}});
    refused_at(
        &post(&both, ends).await,
        "/subscription/ends_at",
        "in_the_past",
    );
    let stale = stale(&world, &owner).await;
    post(&stale, body("globex2"))
        .await
        .is(401, "reauthentication_required");
    assert_eq!(post(&stale, json!({"slug": "x2"})).await.status, 201);
}

/// The same person with a new token of an old sign-in.
async fn stale(world: &World, actor: &Actor) -> Actor {
    let body = json!({"tenant": "system", "email": actor.email, "password": GOOD});
    let login = world.ask(post("/v1/auth/login", body)).await;
    world.house().clock.advance(Duration::from_mins(16));
    let fresh = world.ask(crate::house::refresh(login.refresh())).await;
    Actor {
        token: fresh.access().to_owned(),
        ..actor.clone()
    }
}

#[tokio::test]
async fn v2_2_3_v2_3_5_a_subscription_keeps_every_seat_and_ends_behind_its_start() {
    let world = World::new().await;
    let biller = world.actor("system", &["subscriptions:edit"]).await;
    let acme = world.house().acme.to_string();
    let put = async |body: Value| {
        let path = of(&acme, "/subscription");
        ask(&world, &biller, "PUT", &path, Some(body)).await
    };
    let whole = |plan: &str, ends: Value, seats: Value| json!({"plan": plan, "ends_at": ends, "max_users": seats});
    world.invited("acme", &[]).await;
    let traces = world.traces().await;
    refused_at(
        &put(whole("pro", Value::Null, json!(1))).await,
        "/max_users",
        "below_users",
    );
    for past in ["2020-01-01", "2026-09-20T00:00:00Z"] {
        let answer = put(whole("pro", json!(past), json!(9))).await;
        refused_at(&answer, "/ends_at", "in_the_past");
    }
    refused_at(
        &put(whole("a b", Value::Null, json!(9))).await,
        "/plan",
        "invalid_plan",
    );
    // What is left out is not taken for "no limit".
    for missing in ["plan", "ends_at", "max_users"] {
        let mut body = whole("pro", Value::Null, Value::Null);
        body.as_object_mut().unwrap().remove(missing);
        put(body).await.is(400, "malformed_request");
    }
    assert_eq!(world.traces().await, traces);
    let done = put(whole("pro", json!("2026-12-31"), json!(2))).await;
    assert_eq!(done.status, 200, "{done:?}");
    let subscription = &done.body["subscription"];
    assert_eq!(subscription["ends_at"], "2026-12-31T20:59:59.999Z");
    assert_eq!(
        (&subscription["plan"], &subscription["max_users"]),
        (&json!("pro"), &json!(2))
    );
    // The seats are taken: nobody comes in, whoever asks.
    let admin_ask = post("/v1/users", json!({"email": "third@acme.test"}));
    let all = owner(&world).await;
    let mut there = admin_ask.clone().with(&all.token);
    there.path.push_str("?tenant=acme");
    world.ask(there).await.is(409, "user_limit_reached");
    // The end that it has is no new one, whenever it was.
    world.house().clock.advance(Duration::from_hours(120 * 24));
    let token = world.sign_in("system", &biller.email).await;
    let late = Actor {
        token,
        ..biller.clone()
    };
    let body = whole("free", json!("2026-12-31T20:59:59.999Z"), json!(2));
    let path = of(&acme, "/subscription");
    let done = ask(&world, &late, "PUT", &path, Some(body)).await;
    assert_eq!(done.body["subscription"]["plan"], "free", "{done:?}");
}

#[tokio::test]
async fn r40_a44_an_end_that_was_set_over_the_api_passes_without_a_write() {
    let mut plan = crate::support::plan();
    plan.settings.default_max_users = 5000;
    plan.settings.expiry_grace = Duration::from_mins(5);
    let world = World::with(plan).await;
    let owner = owner(&world).await;
    let acme = world.house().acme.to_string();
    let ends: Time = world.house().app.now().plus(Duration::from_mins(2));
    let ada = world.ask(login(ADA, GOOD)).await;
    let token = ada.access().to_owned();
    let check = async |status: u16, subscription: &str| {
        let answer = world.house().check(&token).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(answer.headers["x-auth-subscription"], subscription);
        answer
    };
    check(200, "active").await;
    let body = json!({"plan": "pro", "ends_at": ends.to_string(), "max_users": null});
    let path = of(&acme, "/subscription");
    let set = ask(&world, &owner, "PUT", &path, Some(body)).await;
    assert_eq!(set.status, 200, "{set:?}");
    check(200, "active").await;
    world.house().clock.advance(Duration::from_mins(3));
    check(200, "grace").await;
    world.house().clock.advance(Duration::from_mins(5));
    check(403, "ended").await.is(403, "subscription_ended");
    world
        .ask(login(ADA, GOOD))
        .await
        .is(403, "subscription_ended");
    // Extended, it is open to the same token at once.
    let body = json!({"plan": "pro", "ends_at": null, "max_users": null});
    let set = ask(&world, &owner, "PUT", &path, Some(body)).await;
    assert_eq!(set.status, 200, "{set:?}");
    check(200, "active").await;
}

#[tokio::test]
async fn a74_v7_5_3_a_tenant_is_closed_opened_and_after_a_fresh_sign_in_deleted() {
    let world = World::new().await;
    let owner = owner(&world).await;
    let acme = world.house().acme.to_string();
    let ada = world.ask(login(ADA, GOOD)).await;
    let post = async |verb: &str| ask(&world, &owner, "POST", &of(&acme, verb), None).await;
    post("/suspend").await.is(204, "");
    let refused = world.house().check(ada.access()).await;
    refused.is(403, "tenant_suspended");
    post("/suspend").await.is(204, "");
    post("/resume").await.is(204, "");
    assert_eq!(world.house().check(ada.access()).await.status, 200);
    let stale = stale(&world, &owner).await;
    let traces = world.traces().await;
    ask(&world, &stale, "DELETE", &of(&acme, ""), None)
        .await
        .is(401, "reauthentication_required");
    assert_eq!(world.traces().await, traces);
    let token = world.sign_in("system", &owner.email).await;
    let owner = Actor { token, ..owner };
    ask(&world, &owner, "DELETE", &of(&acme, ""), None)
        .await
        .is(204, "");
    world
        .ask(login(ADA, GOOD))
        .await
        .is(401, "invalid_credentials");
    for (method, path, body) in [
        ("GET", of(&acme, ""), None),
        ("PATCH", of(&acme, ""), Some(json!({"name": "x"}))),
        ("POST", of(&acme, "/resume"), None),
        ("DELETE", of(&acme, ""), None),
    ] {
        ask(&world, &owner, method, &path, body)
            .await
            .is(404, "not_found");
    }
    let list = ask(&world, &owner, "GET", "/v1/tenants", None).await;
    assert!(!list.text.contains(&acme), "{}", list.text);
    let taken = Some(json!({"slug": "acme"}));
    ask(&world, &owner, "POST", "/v1/tenants", taken)
        .await
        .is(409, "name_taken");
}

#[tokio::test]
async fn a_tenant_sets_its_own_name_and_nothing_else_of_itself() {
    let world = World::new().await;
    let admin = world.actor("acme", &["tenant:view", "tenant:edit"]).await;
    let shown = ask(&world, &admin, "GET", "/v1/tenant", None).await;
    assert_eq!(shown.body["slug"], "acme");
    let tag = shown.headers["etag"].to_str().unwrap().to_owned();
    let own = ask(&world, &admin, "GET", "/v1/tenant/subscription", None).await;
    assert_eq!(own.body, shown.body["subscription"]);
    for field in ["slug", "time_zone", "status", "subscription", "plan"] {
        let mut body = json!({"name": "Other"});
        body[field] = json!("x");
        ask(&world, &admin, "PATCH", "/v1/tenant", Some(body))
            .await
            .is(400, "unknown_field");
    }
    let bad = ask(
        &world,
        &admin,
        "PATCH",
        "/v1/tenant",
        Some(json!({"name": "a\u{202e}b"})),
    );
    refused_at(&bad.await, "/name", "invalid_text");
    let rename = request("PATCH", "/v1/tenant", Some(json!({"name": "Acme Hotels"})));
    let rename = rename.with(&admin.token).header("if-match", &tag);
    let renamed = world.ask(rename.clone()).await;
    assert_eq!(renamed.body["name"], "Acme Hotels", "{renamed:?}");
    world.ask(rename).await.is(412, "precondition_failed");
    let row = world.row("tenant.set").await.entry;
    assert_eq!(row.payload["after"], json!({"name": "Acme Hotels"}));
    let globex = world.actor("globex", &["flag"]).await;
    let other = ask(&world, &globex, "GET", "/v1/tenant", None).await;
    assert_eq!(other.body["name"], "globex");
}

/// The setting of that key in an answer.
fn setting<'a>(answer: &'a Answer, key: &str) -> &'a Value {
    let items = answer.body["items"].as_array().unwrap();
    items.iter().find(|item| item["key"] == key).unwrap()
}

const SETTINGS: &str = "/v1/tenant/settings";

#[tokio::test]
async fn rule_20_a85_a_tenant_loosens_nothing_and_touches_none_of_the_operators_settings() {
    let world = World::new().await;
    let admin = world.actor("acme", &["tenant:view", "tenant:edit"]).await;
    let patch = async |body: Value| ask(&world, &admin, "PATCH", SETTINGS, Some(body)).await;
    let before = ask(&world, &admin, "GET", SETTINGS, None).await;
    assert_eq!(setting(&before, "lockout.threshold")["source"], "default");
    let traces = world.traces().await;
    for (key, value) in [
        ("session.policy", json!("limit:50")),
        ("token.audience", json!(["me"])),
        ("employees.show_password", json!(true)),
        ("attempts.retention", Value::Null),
    ] {
        let mut body = json!({"lockout.threshold": 2});
        body[key] = value;
        patch(body).await.is(403, "permission_denied");
    }
    for (key, looser) in [
        ("lockout.threshold", json!(6)),
        ("password.min_length", json!(8)),
        ("session.max_age", json!("365d")),
    ] {
        // All of it or nothing.
        let mut body = json!({"device.secret_ttl": "1d"});
        body[key] = looser;
        refused_at(&patch(body).await, &format!("/{key}"), "too_loose");
    }
    for (key, beyond) in [
        ("lockout.threshold", json!(0)),
        ("lockout.threshold", json!(-3)),
        ("lockout.threshold", json!(u64::MAX)),
        ("lockout.threshold", json!(4_294_967_297_u64)),
        ("session.max_age", json!("3")),
        ("refs.names", json!(["branch_id,restaurant_id"])),
        ("refs.names", json!([""])),
    ] {
        let broken = patch(json!({key: beyond})).await;
        refused_at(&broken, &format!("/{key}"), "invalid_value");
    }
    let unknown = patch(json!({"lockout.treshold": 3})).await;
    unknown.is(400, "unknown_field");
    let said = unknown.body["developer_message"].as_str().unwrap();
    assert!(said.contains("lockout.threshold"), "{said}");
    for (key, wrong) in [
        ("lockout.threshold", json!("3")),
        ("lockout.threshold", json!(true)),
        ("lockout.threshold", json!([3])),
        ("lockout.threshold", json!(3.5)),
        ("lockout.threshold", json!({"value": 3})),
        ("session.max_age", json!(86_400)),
        ("registration.enabled", json!("false")),
        ("refs.names", json!("branch_id")),
    ] {
        let answer = patch(json!({key: wrong})).await;
        answer.is(400, "malformed_request");
    }
    assert_eq!(world.traces().await, traces);
    let after = ask(&world, &admin, "GET", SETTINGS, None).await;
    assert_eq!(after.body, before.body);
    assert_eq!(after.headers["etag"], before.headers["etag"]);
}

#[tokio::test]
async fn rule_20_a_tenant_tightens_its_settings_and_takes_that_back() {
    let world = World::new().await;
    let admin = world.actor("acme", &["tenant:view", "tenant:edit"]).await;
    let patch = async |body: Value| ask(&world, &admin, "PATCH", SETTINGS, Some(body)).await;
    let body = json!({"lockout.threshold": 3, "session.max_age": "1d"});
    let done = patch(body).await;
    assert_eq!(done.status, 200, "{done:?}");
    let threshold = setting(&done, "lockout.threshold");
    assert_eq!(threshold["value"], 3);
    assert_eq!(
        (&threshold["source"], &threshold["class"]),
        (&json!("tenant"), &json!("tenant"))
    );
    let row = world.row("tenant.settings.set").await.entry;
    assert_eq!(
        row.payload["after"],
        json!({"lockout.threshold": "3", "session.max_age": "1d"})
    );
    let shown = ask(&world, &admin, "GET", SETTINGS, None).await;
    assert_eq!(shown.headers["etag"], done.headers["etag"]);
    // What is shown can be sent back, each value in its own type.
    for key in [
        "claims.external_refs",
        "lockout.threshold",
        "registration.enabled",
        "session.max_age",
    ] {
        let same = patch(json!({key: setting(&shown, key)["value"]})).await;
        assert_eq!(same.status, 200, "{key} {same:?}");
    }
    patch(json!({"claims.external_refs": null, "registration.enabled": null})).await;
    // They hold from the next request on.
    for _ in 0..3 {
        world
            .ask(login(ADA, "not her password"))
            .await
            .is(401, "invalid_credentials");
    }
    world.ask(login(ADA, GOOD)).await.is(429, "login_locked");
    let gone = patch(json!({"lockout.threshold": null})).await;
    assert_eq!(setting(&gone, "lockout.threshold")["source"], "default");
    let tag = done.headers["etag"].to_str().unwrap();
    let stale = request("PATCH", SETTINGS, Some(json!({"lockout.threshold": 2})));
    let stale = stale.with(&admin.token).header("if-match", tag);
    world.ask(stale).await.is(412, "precondition_failed");
}

#[tokio::test]
async fn rule_20_those_of_system_set_the_operators_values_and_the_tenant_stays_within() {
    let world = World::new().await;
    let system = world
        .actor("system", &["tenant:edit", "tenants:edit"])
        .await;
    let admin = world.actor("acme", &["tenant:view", "tenant:edit"]).await;
    let there = format!("{SETTINGS}?tenant=acme");
    let body = json!({"lockout.threshold": 9, "session.policy": "per_device",
        "employees.show_password": true});
    let done = ask(&world, &system, "PATCH", &there, Some(body)).await;
    assert_eq!(done.status, 200, "{done:?}");
    for key in ["lockout.threshold", "session.policy"] {
        assert_eq!(setting(&done, key)["source"], "operator");
    }
    let own = ask(
        &world,
        &admin,
        "PATCH",
        SETTINGS,
        Some(json!({"lockout.threshold": 7})),
    )
    .await;
    assert_eq!(setting(&own, "lockout.threshold")["value"], 7);
    assert_eq!(setting(&own, "lockout.threshold")["bound"], 9);
    // The tenant's null takes its own value away, not the operator's.
    let body = json!({"lockout.threshold": null});
    let back = ask(&world, &admin, "PATCH", SETTINGS, Some(body)).await;
    assert_eq!(setting(&back, "lockout.threshold")["value"], 9);
    let globex = world.actor("globex", &["flag"]).await;
    let other = ask(&world, &globex, "GET", SETTINGS, None).await;
    assert_eq!(setting(&other, "lockout.threshold")["value"], 5);
}

#[tokio::test]
async fn rule_24_v6_4_6_a_password_that_is_shown_is_shown_once_and_good_for_changing_it_only() {
    let world = World::new().await;
    let system = owner(&world).await;
    let there = format!("{SETTINGS}?tenant=acme");
    let body = json!({"employees.show_password": true});
    let set = ask(&world, &system, "PATCH", &there, Some(body)).await;
    assert_eq!(set.status, 200, "{set:?}");
    let admin = world.actor("acme", &["users:create", "users:view"]).await;
    let body = json!({"email": "waiter@acme.test"});
    let made = ask(&world, &admin, "POST", "/v1/users", Some(body)).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert!(!made.headers.contains_key("etag"));
    let password = made.body["generated_password"].as_str().unwrap().to_owned();
    assert!(password.len() >= 15);
    assert_eq!(made.body["status"], "invited");
    assert_eq!(world.mailing.delivered().await.len(), 0);
    let id = made.body["id"].as_str().unwrap();
    let shown = ask(&world, &admin, "GET", &format!("/v1/users/{id}"), None).await;
    assert!(!shown.text.contains("password"), "{}", shown.text);
    let actor: String = admin.id.clone();
    let rows = world.rows("user.create").await;
    let row = rows
        .iter()
        .find(|row| {
            row.entry
                .actor
                .user_id
                .is_some_and(|by| by.to_string() == actor)
        })
        .unwrap();
    assert_eq!(row.entry.payload["after"]["password_generated"], true);
    assert!(!row.entry.payload.to_string().contains(&password));
    let signed_in = world.ask(login("waiter@acme.test", &password)).await;
    assert_eq!(signed_in.body["password_change_required"], true);
    // Nobody chooses the password of another, and nobody's account is made elsewhere by that.
    let body = json!({"email": "x@acme.test", "password": "seven blue herons"});
    ask(&world, &admin, "POST", "/v1/users", Some(body))
        .await
        .is(400, "unknown_field");
    let globex = world.actor("globex", &["flag"]).await;
    let body = json!({"email": "waiter@globex.test"});
    let made = ask(&world, &globex, "POST", "/v1/users", Some(body)).await;
    assert_eq!(made.body["generated_password"], Value::Null);
    assert_eq!(world.mailing.delivered().await.len(), 1);
}

#[tokio::test]
async fn a42_parallel_seats_over_the_api_are_never_more_than_there_are() {
    let world = World::new().await;
    let owner = owner(&world).await;
    let id = world
        .house()
        .tenant(new_tenant("initech"))
        .await
        .to_string();
    let boss = world
        .make(Create {
            permanent: true,
            tenant_admin: true,
            ..new_user("initech", "boss@initech.test", GOOD)
        })
        .await;
    assert!(!boss.is_empty());
    let body = json!({"plan": "pro", "ends_at": null, "max_users": 3});
    let set = ask(&world, &owner, "PUT", &of(&id, "/subscription"), Some(body)).await;
    assert_eq!(set.status, 200, "{set:?}");
    let token = world.sign_in("initech", "boss@initech.test").await;
    let asks: Vec<_> = (0..6)
        .map(|number| {
            let body = json!({"email": format!("u{number}@initech.test")});
            world.house().start(post("/v1/users", body).with(&token))
        })
        .collect();
    let mut made = 0;
    for answer in asks {
        let answer = answer.await.unwrap();
        made += u32::from(answer.status == 201);
        assert!([201, 409].contains(&answer.status), "{answer:?}");
    }
    assert_eq!(made, 2);
}
