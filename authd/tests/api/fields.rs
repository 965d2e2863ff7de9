//! Fields (4C, ASVS 8.2.3): who may write which, that being shown is no leave to write, and that what a
//! path names is not named again by a body.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::house::{Answer, Ask, GOOD, get, post};
use crate::matrix::ROWS;
use crate::registration::open_plan;
use crate::world::{Actor, World, request};

/// A thing that is shown and changed under one path, and the fields that may be changed by PATCH.
struct Entity {
    path: String,
    by: Actor,
    writable: &'static [&'static str],
}

fn entity(path: String, by: &Actor, writable: &'static [&'static str]) -> Entity {
    Entity {
        path,
        by: by.clone(),
        writable,
    }
}

/// Every entity that has a PATCH and a GET.
async fn entities(world: &World) -> Vec<Entity> {
    let admin = world.actor("acme", &["flag"]).await;
    let root = world.actor("system", &["ALL_PERMISSIONS"]).await;
    let user = world.invited("acme", &[]).await;
    let role = world.role(Some("acme"), "seller", &[]).await;
    let system = world.role(None, "system:reader", &[]).await;
    let acme = world.house().acme;
    let person: &[&str] = &["name", "phone", "address", "locale"];
    let employee = &[
        "name",
        "phone",
        "address",
        "locale",
        "email",
        "employee",
        "external_refs",
        "is_tenant_admin",
    ];
    let of_role = &["name", "description", "permissions"];
    vec![
        entity("/v1/me".to_owned(), &admin, person),
        entity(format!("/v1/users/{user}"), &admin, employee),
        entity(format!("/v1/roles/{role}"), &admin, of_role),
        entity(format!("/v1/system-roles/{system}"), &root, of_role),
        entity("/v1/tenant".to_owned(), &admin, &["name"]),
        entity(format!("/v1/tenants/{acme}"), &root, &["name", "time_zone"]),
    ]
}

/// Names of fields that other systems take, and ours nowhere.
const FOREIGN: &[&str] = &[
    "is_admin",
    "admin",
    "adm",
    "role_ids",
    "tenant_id",
    "tenant",
    "user_id",
    "password",
    "password_hash",
    "hash",
    "is_active",
    "verified",
    "permission",
    "rights",
    "locked_until",
    "subject",
    "version",
    "__proto__",
    "constructor",
    "$set",
];

fn camel(name: &str) -> String {
    let mut is_border = false;
    let mut whole = String::new();
    for letter in name.chars() {
        if letter != '_' && is_border && !whole.is_empty() {
            whole.extend(letter.to_uppercase());
        } else if letter != '_' {
            whole.push(letter);
        }
        is_border = letter == '_';
    }
    whole
}

async fn patch(world: &World, entity: &Entity, body: Value) -> Answer {
    let ask = request("PATCH", &entity.path, Some(body));
    world.ask(ask.with(&entity.by.token)).await
}

async fn shown(world: &World, entity: &Entity) -> Map<String, Value> {
    let answer = world.ask(get(&entity.path).with(&entity.by.token)).await;
    assert_eq!(answer.status, 200, "{}: {answer:?}", entity.path);
    answer.body.as_object().unwrap().clone()
}

#[tokio::test]
async fn v8_2_3_row_4c_cve_2026_97177_what_is_shown_is_not_thereby_written() {
    let world = World::new().await;
    for entity in entities(&world).await {
        let before = shown(&world, &entity).await;
        let traces = world.traces().await;
        let names = before
            .keys()
            .map(String::as_str)
            .chain(FOREIGN.iter().copied());
        for name in names.filter(|name| !entity.writable.contains(name)) {
            // Alone, with the value that it has, and beside one that may be written.
            let value = before.get(name).cloned().unwrap_or(json!(true));
            let good = entity.writable[0];
            for body in [
                json!({name: value}),
                json!({name: null}),
                json!({name: value, good: before.get(good)}),
                json!({camel(name): value}),
                json!({good: {name: value}}),
            ] {
                let answer = patch(&world, &entity, body.clone()).await;
                let what = format!("{}: {body}", entity.path);
                // Within a field that is a text it is a wrong type.
                let is_nested = body[good].is_object() && good != name && body.get(name).is_none();
                let codes: &[&str] = if is_nested {
                    &["unknown_field", "malformed_request"]
                } else {
                    &["unknown_field"]
                };
                assert_eq!(answer.status, 400, "{what}: {answer:?}");
                assert!(codes.contains(&answer.code()), "{what}: {answer:?}");
            }
        }
        for name in entity.writable.iter().filter(|name| name.contains('_')) {
            let answer = patch(&world, &entity, json!({camel(name): before[*name]})).await;
            answer.is(400, "unknown_field");
        }
        assert_eq!(shown(&world, &entity).await, before);
        assert_eq!(world.traces().await, traces, "{}", entity.path);
        // The list of what may be written is no shorter than it is said to be.
        for name in entity.writable {
            let value = before.get(*name).cloned().unwrap_or(Value::Null);
            let answer = patch(&world, &entity, json!({*name: value})).await;
            assert_eq!(answer.status, 200, "{} {name}: {answer:?}", entity.path);
        }
        assert_eq!(shown(&world, &entity).await, before);
    }
}

#[tokio::test]
async fn row_4c_cve_2019_16097_nobody_registers_or_edits_himself_into_rights() {
    let mut plan = open_plan(|_| ());
    plan.settings.default_max_users = 5000;
    let world = World::with(plan).await;
    let ordinary = world.actor("acme", &[]).await;
    let me = world.ask(get("/v1/me").with(&ordinary.token)).await;
    let names = [
        "is_admin",
        "is_tenant_admin",
        "tenant_id",
        "roles",
        "role_ids",
        "permissions",
        "email_verified",
        "id",
        "created_at",
        "status",
        "has_admin_role",
    ];
    for name in names {
        for name in [name.to_owned(), camel(name)] {
            for value in [json!(true), json!(["system:superadmin"]), json!({"a": 1})] {
                let register = json!({"tenant": "acme", "email": "eve@acme.test",
                    "password": GOOD, "name": {"given": "Eve"}});
                let own = json!({"name": {"given": "Eve"}});
                for (method, path, body) in [
                    ("POST", "/v1/auth/register", register),
                    ("PATCH", "/v1/me", own),
                ] {
                    let mut flat = body.clone();
                    flat[&name] = value.clone();
                    let mut nested = body.clone();
                    nested["name"][&name] = value.clone();
                    let whole = json!({"user": flat.clone()});
                    for body in [flat, nested, whole] {
                        let ask = Ask {
                            token: Some(ordinary.token.clone()),
                            ..request(method, path, Some(body))
                        };
                        world.ask(ask).await.is(400, "unknown_field");
                    }
                }
            }
        }
    }
    let after = world.ask(get("/v1/me").with(&ordinary.token)).await;
    assert_eq!(after.body, me.body);
    let nobody = json!({"tenant": "acme", "email": "eve@acme.test", "password": GOOD});
    world
        .ask(post("/v1/auth/login", nobody))
        .await
        .is(401, "invalid_credentials");
}

/// A body with something else named in it, beside what it should say.
fn naming(body: &Value, own: &str, other: &Value, tenant: &Value) -> Vec<(Value, &'static str)> {
    let mut bodies = vec![
        (json!([body]), "malformed_request"),
        (json!([body, body]), "malformed_request"),
    ];
    for name in [
        "id",
        "tenant_id",
        "tenant",
        "user_id",
        "role_id",
        "object",
        "owner",
    ] {
        let value = if name.starts_with("tenant") {
            tenant
        } else {
            other
        };
        for value in [value.clone(), json!([value]), json!([own, value])] {
            let mut body = body.clone();
            body[name] = value;
            bodies.push((body, "unknown_field"));
        }
    }
    bodies
}

/// The id of a path is the one that is acted on, whatever a body says beside it.
#[tokio::test]
async fn row_4c_cve_2026_15630_ghsa_7h45_q5jx_7r87_a_body_names_no_object_beside_its_path() {
    let world = World::new().await;
    let admin = world.actor("acme", &["flag"]).await;
    let root = world.actor("system", &["ALL_PERMISSIONS"]).await;
    let foreign = world.actor("globex", &[]).await.id;
    let theirs = world.role(Some("globex"), "theirs", &[]).await;
    let tenants = get("/v1/tenants?limit=200").with(&root.token);
    let tenants = world.ask(tenants).await;
    let mut tenants = tenants.body["items"].as_array().unwrap().iter();
    let globex = tenants.find(|tenant| tenant["slug"] == "globex").unwrap()["id"].clone();
    let user = world.invited("acme", &[]).await;
    let role = world.role(Some("acme"), "own", &[]).await;
    let system = world.role(None, "system:own", &[]).await;
    let acme = world.house().acme.to_string();
    let traces = world.traces().await;
    let mut tried = BTreeSet::new();
    for row in ROWS.iter().filter(|row| row.body.starts_with('{')) {
        let (own, other, by) = match row.path.split('/').nth(2).unwrap_or_default() {
            "roles" => (&role, json!(theirs), &admin),
            "system-roles" => (&system, json!(role), &root),
            "tenants" => (&acme, globex.clone(), &root),
            _ => (&user, json!(foreign), &admin),
        };
        tried.insert(row.path);
        let about = |id: &str| row.about(&world, id, "ses_00000000000000000000000009", "");
        let body = about(own).body.unwrap();
        for (body, code) in naming(&body, own, &other, &globex) {
            // The caller's own in the path, and another's; the body is wrong for both.
            for id in [own, other.as_str().unwrap()] {
                let mut ask = about(id).with(&by.token);
                ask.body = Some(body.clone());
                let answer = world.ask(ask).await;
                // A setting that is given an array is of a wrong type before it is an unknown one.
                let is_refused =
                    answer.status == 400 && [code, "malformed_request"].contains(&answer.code());
                let is_foreign = id != own && answer.status == 404;
                let what = format!("{} {} {body}", row.method, row.path);
                assert!(is_refused || is_foreign, "{what}: {answer:?}");
            }
        }
    }
    assert!(tried.len() > 10, "{tried:?}");
    assert_eq!(world.traces().await, traces);
}

/// What is masked for one who may not edit is masked wherever it is shown.
#[tokio::test]
async fn v8_2_3_v14_2_6_nobody_reads_the_tax_number_or_phone_of_others_without_leave_to_edit() {
    let world = World::new().await;
    let admin = world.actor("acme", &["flag"]).await;
    let (phone, pin) = ("+254711222333", "A987654321Z");
    let user = world.actor("acme", &[]).await;
    let path = format!("/v1/users/{}", user.id);
    let body = json!({"phone": phone, "employee": {"kra_pin": pin}});
    let set = request("PATCH", &path, Some(body)).with(&admin.token);
    let set = world.ask(set).await;
    assert!(
        set.text.contains(phone) && set.text.contains(pin),
        "{set:?}"
    );
    let grant = request(
        "POST",
        &format!("{path}/roles"),
        Some(json!({"role": "clerk"})),
    );
    world.ask(grant.with(&admin.token)).await.is(204, "");
    let roles = world
        .ask(get("/v1/roles?system=false").with(&admin.token))
        .await;
    let clerk = roles.body["items"].as_array().unwrap().iter();
    let clerk = clerk.filter(|role| role["name"] == "clerk");
    let clerk = clerk
        .map(|role| role["id"].as_str().unwrap().to_owned())
        .next();
    let rest: Vec<&str> = domain::permission::BUILT_IN
        .iter()
        .copied()
        .filter(|name| *name != "users:edit")
        .collect();
    let reader = world.actor("acme", &rest).await;
    let session = world.session_of(&user.id).await.unwrap();
    let mut served = 0;
    for row in ROWS.iter().filter(|row| row.method == "GET") {
        let id = match row.path.split('/').nth(2).unwrap_or_default() {
            "roles" => clerk.clone().unwrap(),
            _ => user.id.clone(),
        };
        let ask = row.about(&world, &id, &session, "").with(&reader.token);
        let answer = world.ask(ask).await;
        served += usize::from(answer.status == 200);
        let what = format!("{}: {}", row.path, answer.text);
        assert!(!answer.text.contains(phone), "{what}");
        assert!(!answer.text.contains(pin), "{what}");
    }
    assert!(served > 15, "{served} lists and objects were read");
}

/// ASVS 1.2.3: a name is a text within JSON, whatever an application would make of it.
#[tokio::test]
async fn v1_2_3_markup_in_a_name_stays_within_its_text() {
    let world = World::new().await;
    let user = world.actor("acme", &[]).await;
    for name in [
        "</script><script>alert(1)</script>",
        "\"}, {\"is_tenant_admin\": true}",
        "\\u0022\\",
        "%s%n{}${7*7}",
        "' OR 1=1 --",
    ] {
        let body = json!({"name": {"display": name}});
        let ask = request("PATCH", "/v1/me", Some(body)).with(&user.token);
        let answer = world.ask(ask).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        for answer in [answer, world.ask(get("/v1/me").with(&user.token)).await] {
            assert_eq!(answer.headers["content-type"], "application/json");
            assert_eq!(answer.body["name"]["display"], name, "{}", answer.text);
            assert_eq!(answer.body["is_tenant_admin"], false);
        }
    }
    // Ends of lines in scripts, and what turns the direction of a text, are in no name.
    for name in ["a\u{2028}b", "a\u{2029}b", "a\u{202e}b"] {
        let body = json!({"name": {"display": name}});
        let ask = request("PATCH", "/v1/me", Some(body)).with(&user.token);
        world.ask(ask).await.is(422, "validation_failed");
    }
}

/// ASVS 1.4.2: numbers that fit no type, no bound or no sense are told so.
#[tokio::test]
async fn v1_4_2_numbers_beyond_their_bounds_are_refused_by_their_names() {
    let world = World::new().await;
    let root = world.actor("system", &["ALL_PERMISSIONS"]).await;
    let admin = world.actor("acme", &["flag"]).await;
    let traces = world.traces().await;
    let numbers = "-1 4294967296 9223372036854775808 1e309 1.5";
    let path = format!("/v1/tenants/{}/subscription", world.house().acme);
    for number in numbers.split(' ').chain(["\"9\""]) {
        let text = format!(r#"{{"plan": "pro", "ends_at": null, "max_users": {number}}}"#);
        let ask = request("PUT", &path, None).bytes("application/json", text.as_bytes());
        let answer = world.ask(ask.with(&root.token)).await;
        assert!([400, 422].contains(&answer.status), "{number}: {answer:?}");
    }
    for limit in numbers.split(' ').chain(["0", "201", "0x10", "+5", ""]) {
        for list in ["users", "roles", "sessions", "audit", "me/sessions"] {
            let ask = get(&format!("/v1/{list}?limit={limit}")).with(&admin.token);
            let answer = world.ask(ask).await;
            assert!(
                [400, 422].contains(&answer.status),
                "{list} {limit}: {answer:?}"
            );
        }
    }
    let lives = "-1s 0s 9223372036854775808d 99999999999d 1e309s";
    let whole = [0, -1, 4_294_967_296, i64::MAX].map(|number| ("lockout.threshold", json!(number)));
    let lives = lives
        .split(' ')
        .map(|life| ("session.max_age", json!(life)));
    for (key, value) in whole.into_iter().chain(lives) {
        let ask = request("PATCH", "/v1/tenant/settings", Some(json!({key: value})));
        let answer = world.ask(ask.with(&admin.token)).await;
        answer.is(422, "validation_failed");
        assert_eq!(answer.body["fields"][0]["path"], format!("/{key}"));
    }
    assert_eq!(world.traces().await, traces);
}

/// ASVS 1.2.4, 1.2.9, 1.3.10 over the API: what is asked for is a text, whatever a database, a pattern or
/// a format would make of it.
#[tokio::test]
async fn v1_2_4_v1_2_9_no_filter_of_a_list_is_more_than_a_text() {
    let world = World::new().await;
    let root = world.actor("system", &["ALL_PERMISSIONS"]).await;
    world.actor("system", &["users:view"]).await;
    let hostile = [
        "%27%20OR%201%3D1--",
        "%25",
        "_",
        "%5B",
        "(a%2B)%2B%24",
        "%25s%25n%7B%7D",
        "%2527",
        "%22%3B%20DROP%20TABLE%20users%3B",
    ];
    let filters = [
        (
            "/v1/users",
            "email_contains role status is_tenant_admin locked",
        ),
        ("/v1/login-attempts", "user ip since failed"),
        ("/v1/sessions", "user ip"),
        ("/v1/lockouts", "ip include_unknown"),
        ("/v1/audit", "actor action object since until"),
        ("/v1/roles", "permission system"),
        ("/v1/permissions", "resource"),
        ("/v1/tenants", "plan ending_seconds"),
    ];
    let mut literal = 0;
    for (list, names) in filters {
        let all = world.ask(get(list).with(&root.token)).await;
        assert_eq!(all.status, 200, "{list}: {all:?}");
        for text in hostile {
            for name in names.split(' ') {
                let ask = get(&format!("{list}?{name}={text}")).with(&root.token);
                let answer = world.ask(ask).await;
                let what = format!("{list} {name}={text}: {answer:?}");
                assert!([200, 400, 404, 422].contains(&answer.status), "{what}");
                assert_ne!(answer.code(), "unknown_parameter", "{what}");
                if answer.status == 200 {
                    assert_eq!(answer.body["items"], json!([]), "{what}");
                    literal += 1;
                }
            }
            let ask = get(&format!("{list}?cursor={text}")).with(&root.token);
            world.ask(ask).await.is(400, "invalid_cursor");
            for name in ["sort", "order", "order_by", "filter", "q"] {
                let ask = get(&format!("{list}?{name}={text}")).with(&root.token);
                world.ask(ask).await.is(400, "unknown_parameter");
            }
        }
    }
    assert!(literal > 20, "{literal} were searched for");
}
