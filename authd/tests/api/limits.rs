//! Every limit of a body's member in the OpenAPI document, at the limit and one beyond it; and bodies that
//! the document does not allow.

use std::collections::BTreeSet;

use domain::role::ROLES_OF_USER_LIMIT;
use serde_json::{Map, Value, json};

use crate::document::{document, resolved};
use crate::house::{Answer, Ask, get, post};
use crate::support::new_tenant;
use crate::world::{World, request};

/// A body of an operation, as the document has it.
struct Case {
    method: &'static str,
    path: String,
    schema: &'static Value,
    example: Value,
}

/// All operations that take JSON.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (path, methods) in document()["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let media = &operation["requestBody"]["content"]["application/json"];
            if media.is_null() {
                continue;
            }
            let methods = ["POST", "PUT", "PATCH"];
            let mut known = methods.into_iter();
            cases.push(Case {
                method: known
                    .find(|known| known.eq_ignore_ascii_case(method))
                    .unwrap(),
                path: path.clone(),
                schema: resolved(&media["schema"]),
                example: media["example"].clone(),
            });
        }
    }
    assert!(cases.len() >= 25, "{}", cases.len());
    cases
}

/// Where the password of the session's owner is asked for.
const CHECKS_PASSWORD: &[&str] = &["/v1/auth/password/change", "/v1/me/email"];

/// Objects that paths name, and somebody who may do everything to them.
struct Stage {
    world: World,
    tenant: String,
    user: String,
    client: String,
    role: String,
    system_role: String,
    everything: String,
    owner: String,
}

impl Stage {
    async fn new() -> Self {
        let world = World::new().await;
        // Names of roles are looked up before they are counted.
        for n in 0..=ROLES_OF_USER_LIMIT {
            world.role(Some("acme"), &format!("r{n}"), &[]).await;
        }
        let (role, system_role) = (world.name(), format!("system:{}", world.name()));
        let everything = world.actor("system", &["ALL_PERMISSIONS"]).await.token;
        let maker = world.actor("acme", &["flag"]).await.token;
        let made = request("POST", "/v1/clients", Some(json!({"name": "counter"})));
        let made = world.ask(made.with(&maker)).await;
        let client = made.body["id"].as_str().unwrap().to_owned();
        Self {
            tenant: world
                .house()
                .tenant(new_tenant("initech"))
                .await
                .to_string(),
            client,
            user: world.invited("acme", &[]).await,
            role: world.role(Some("acme"), &role, &[]).await,
            system_role: world.role(None, &system_role, &[]).await,
            owner: world.actor("acme", &["flag"]).await.token,
            everything,
            world,
        }
    }

    /// The example, of somebody who was not made by the one before.
    fn example(&self, case: &Case) -> Value {
        let mut example = case.example.clone();
        if case.method == "POST" && case.path == "/v1/users" {
            example["email"] = format!("{}@acme.test", self.world.name()).into();
        }
        if case.path.starts_with("/v1/clients") && !example["name"].is_null() {
            example["name"] = self.world.name().into();
        }
        example
    }

    /// The request with a body, of somebody who may send it.
    fn ask(&self, case: &Case, body: &Value) -> Ask {
        let id = match case.path.as_str() {
            path if path.starts_with("/v1/users") => &self.user,
            path if path.starts_with("/v1/clients") => &self.client,
            path if path.starts_with("/v1/roles") => &self.role,
            path if path.starts_with("/v1/system-roles") => &self.system_role,
            _ => &self.tenant,
        };
        let path = case.path.replace("{id}", id);
        let is_wide = path.starts_with("/v1/tenants") || path.starts_with("/v1/system-roles");
        let token = if is_wide {
            &self.everything
        } else {
            &self.owner
        };
        let ask = request(case.method, &path, Some(body.clone()));
        // What needs no token is asked by nobody; so nobody signs out by it.
        if path.starts_with("/v1/auth/") {
            return ask;
        }
        ask.with(token)
    }

    async fn send(&self, case: &Case, body: &Value) -> Answer {
        let ask = self.ask(case, body);
        if !CHECKS_PASSWORD.contains(&case.path.as_str()) {
            return self.world.ask(ask).await;
        }
        // The fifth wrong one ends the session, and a right one may change what the next goes by.
        let changer = self.world.actor("acme", &[]).await;
        self.world.ask(ask.with(&changer.token)).await
    }
}

/// A limit of one member: what fits just so, and what no longer does.
struct Limit {
    pointer: String,
    fits: Value,
    exceeds: Value,
}

/// Texts of a form: the longest, and one that is longer or has one character too many.
const FORMS: &[(&str, &str, &str)] = &[
    ("^[A-Z]{2}$", "KE", "KEN"),
    (
        r"^\+[1-9][0-9]{7,14}$",
        "+254700123456789",
        "+2547001234567890",
    ),
    (
        "^[a-z]{2,3}(-([A-Z]{2}|[A-Za-z]{4}|[0-9]{3})){0,2}$",
        "zho-Hant-TW",
        "zho-Hant-TW-TW",
    ),
    ("^[AP][0-9]{9}[A-Z]$", "A123456789X", "A1234567890X"),
    (
        "^[a-z][a-z0-9_]{0,31}:[a-z][a-z0-9_]{0,31}$",
        "a2345678901234567890123456789012:b2345678901234567890123456789012",
        "a2345678901234567890123456789012:b23456789012345678901234567890123",
    ),
    (
        "^([a-z][a-z0-9_]{0,31}:[a-z][a-z0-9_]{0,31}|ALL_PERMISSIONS)$",
        "users:view",
        "a23456789012345678901234567890123:view",
    ),
    (
        "^(system:)?[a-z][a-z0-9_-]{1,62}$",
        "a23456789012345678901234567890123456789012345678901234567890123",
        "a234567890123456789012345678901234567890123456789012345678901234",
    ),
    (
        "^[a-z][a-z0-9-]{0,61}[a-z0-9]$",
        "a23456789012345678901234567890123456789012345678901234567890123",
        "a234567890123456789012345678901234567890123456789012345678901234",
    ),
    (
        "^[A-Za-z0-9._-]{1,64}$",
        "a234567890123456789012345678901234567890123456789012345678901234",
        "a2345678901234567890123456789012345678901234567890123456789012345",
    ),
];

/// A text of so many code points that is like an example.
fn stretched(example: &str, length: usize) -> String {
    let count = example.chars().count();
    if let Some((local, _)) = example.split_once('@') {
        // Labels of at most 63, under a name of two letters.
        let room = length - local.len() - "@.ke".len();
        let label = "a".repeat(61) + ".";
        let mut domain = label.repeat(room / 62 + 1);
        domain.truncate(room);
        let domain = domain.trim_end_matches('.').to_owned();
        let padding = "a".repeat(room - domain.len());
        return format!("{local}{padding}@{domain}.ke");
    }
    // Letters of two bytes, in no order that a password would be refused for.
    let letter = |n: usize| char::from_u32(0xE0 + u32::try_from(n * 7 % 22).unwrap()).unwrap();
    let more: String = (0..length.saturating_sub(count)).map(letter).collect();
    format!("{more}{example}")
}

/// The limits of a schema, at every depth.
fn limits(schema: &Value, example: &Value, pointer: &str, found: &mut Vec<Limit>) {
    let schema = resolved(schema);
    let mut add = |fits: Value, exceeds: Value| {
        found.push(Limit {
            pointer: pointer.to_owned(),
            fits,
            exceeds,
        });
    };
    if let Some(pattern) = schema["pattern"].as_str() {
        let form = FORMS.iter().find(|(known, _, _)| *known == pattern);
        let (_, fits, exceeds) = form.unwrap_or_else(|| panic!("{pointer}: a row for {pattern}"));
        add((*fits).into(), (*exceeds).into());
    } else if let Some(most) = schema["maxLength"].as_u64() {
        let most = usize::try_from(most).unwrap();
        // An example that leaves it out.
        let is_address = pointer.ends_with("email");
        let likely = if is_address { "ada@acme.test" } else { "a" };
        let example = example.as_str().unwrap_or(likely);
        // A number of a tax office is all of one length.
        if schema["minLength"] != schema["maxLength"] {
            add(
                stretched(example, most).into(),
                stretched(example, most + 1).into(),
            );
        }
    }
    // The shortest new password is a setting's business.
    if schema["minLength"] == 1 && schema["x-policy"].is_null() {
        add(example.clone(), " ".into());
    }
    if let Some(most) = schema["maximum"].as_u64() {
        add(most.into(), (most + 1).into());
    }
    if let Some(most) = schema["maxItems"].as_u64() {
        let most = usize::try_from(most).unwrap();
        let names = |count| (0..count).map(|n| format!("r{n}")).collect::<Vec<_>>();
        add(names(most).into(), names(most + 1).into());
    }
    if let Some(most) = schema["maxProperties"].as_u64() {
        let names = |count| (0..count).map(|n| (format!("r{n}"), "x".into()));
        let object = |count| Value::Object(names(count).collect::<Map<_, _>>());
        add(object(most), object(most + 1));
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let pointer = format!("{pointer}/{name}");
        limits(property, &example[name], &pointer, found);
    }
    for choice in schema["anyOf"].as_array().into_iter().flatten() {
        limits(choice, example, pointer, found);
    }
}

/// The example with another value at a place.
fn with(example: &Value, pointer: &str, value: &Value) -> Value {
    let mut body = example.clone();
    if let Some(place) = body.pointer_mut(pointer) {
        *place = value.clone();
        return body;
    }
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = body.pointer_mut(parent);
    let parent = parent.unwrap_or_else(|| panic!("{pointer}: the example has nothing there"));
    parent[name] = value.clone();
    body
}

/// Whether an answer refuses what stands at a place.
fn refuses(answer: &Answer, pointer: &str) -> bool {
    let fields = answer.body["fields"].as_array().into_iter().flatten();
    let mut paths = fields.filter_map(|field| field["path"].as_str());
    [400, 422].contains(&answer.status)
        && paths.any(|path| path == pointer || pointer.starts_with(&format!("{path}/")))
}

#[tokio::test]
async fn v2_1_1_every_limit_of_the_document_is_where_values_are_refused() {
    let stage = Stage::new().await;
    let mut seen = BTreeSet::new();
    for case in cases() {
        let mut found = Vec::new();
        limits(case.schema, &case.example, "", &mut found);
        for limit in found {
            let place = format!("{} {} {}", case.method, case.path, limit.pointer);
            let beyond = with(&stage.example(&case), &limit.pointer, &limit.exceeds);
            let answer = stage.send(&case, &beyond).await;
            assert!(
                refuses(&answer, &limit.pointer),
                "{place}: {} is taken: {answer:?}",
                limit.exceeds
            );
            let within = with(&stage.example(&case), &limit.pointer, &limit.fits);
            let answer = stage.send(&case, &within).await;
            let is_known = UNKNOWN_THERE.contains(&limit.pointer.as_str());
            assert!(
                !refuses(&answer, &limit.pointer) || is_known,
                "{place}: {} is refused: {answer:?}",
                limit.fits
            );
            seen.insert(limit.pointer);
        }
    }
    for pointer in [
        "/email",
        "/name/given",
        "/device/id",
        "/employee/kra_pin",
        "/slug",
        "/roles",
    ] {
        assert!(seen.contains(pointer), "{pointer}");
    }
}

/// Where a value of the right form names something that is not there, or says so of a whole object.
const UNKNOWN_THERE: &[&str] = &["/external_refs"];

/// Values of every kind, hostile ones among them.
fn values() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(-1),
        json!(1.5),
        json!(u64::MAX),
        json!(""),
        json!("\u{0}"),
        json!("\u{202e}x"),
        json!("x".repeat(5000)),
        json!("é\u{301}\u{1f600}"),
        json!("' OR 1=1 --"),
        json!([]),
        json!([null]),
        json!(["x", "x"]),
        json!({}),
        json!({"x": {"y": []}}),
    ]
}

/// Places of a schema's members, at every depth.
fn places(schema: &Value, pointer: &str, found: &mut Vec<String>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let pointer = format!("{pointer}/{name}");
        places(property, &pointer, found);
        found.push(pointer);
    }
    for choice in schema["anyOf"].as_array().into_iter().flatten() {
        places(choice, pointer, found);
    }
}

#[tokio::test]
async fn v2_2_1_bodies_outside_of_the_document_are_refused() {
    let stage = Stage::new().await;
    for case in cases() {
        let name = format!("{} {}", case.method, case.path);
        let is_refused = |answer: &Answer, what: &str| {
            let is_it = [400, 422].contains(&answer.status);
            assert!(is_it, "{name}: {what}: {answer:?}");
        };
        for wrong in [
            json!(null),
            json!([]),
            json!("x"),
            json!(1),
            json!({"nobody_knows_it": 1}),
        ] {
            let answer = stage.send(&case, &wrong).await;
            is_refused(&answer, &wrong.to_string());
        }
        let needed = case.schema["required"].as_array();
        for member in needed.into_iter().flatten().filter_map(Value::as_str) {
            let mut lacking = case.example.clone();
            lacking.as_object_mut().unwrap().remove(member);
            is_refused(&stage.send(&case, &lacking).await, member);
        }
        let mut found = Vec::new();
        places(case.schema, "", &mut found);
        for pointer in found {
            // A member more, beside each one.
            let (parent, _) = pointer.rsplit_once('/').unwrap();
            if case.example.pointer(parent).is_some_and(Value::is_object) {
                let more = with(
                    &case.example,
                    &format!("{parent}/nobody_knows_it"),
                    &json!(1),
                );
                is_refused(&stage.send(&case, &more).await, &pointer);
            }
            for value in values() {
                if case.example.pointer(parent).is_none() {
                    continue;
                }
                let body = with(&case.example, &pointer, &value);
                let answer = stage.send(&case, &body).await;
                // Some are fine, and some meet a state; none of them may break anything.
                assert!(answer.status < 500, "{name}: {pointer} {value}: {answer:?}");
                let is_of_no_kind = value == json!(1.5) || value == json!({"x": {"y": []}});
                if is_of_no_kind {
                    is_refused(&answer, &pointer);
                }
            }
        }
    }
}

#[tokio::test]
async fn the_document_is_served_to_everybody() {
    let world = World::new().await;
    let answer = world.ask(get("/openapi.json")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, *document());
    world
        .ask(get("/openapi.json?x=1"))
        .await
        .is(400, "unknown_parameter");
    let mut asked = post("/openapi.json", json!({}));
    asked.token = None;
    world.ask(asked).await.is(405, "method_not_allowed");
}
