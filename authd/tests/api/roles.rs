//! `/v1/roles`, `/v1/system-roles`, `/v1/permissions`: what they show and do for whom they serve.

use std::collections::BTreeSet;
use std::time::Duration;

use authd::app::permission;
use common::call::Socket;
use common::call::permission::Define;
use serde_json::{Value, json};

use crate::house::{Answer, get};
use crate::support::operator;
use crate::world::{Actor, World, request};

async fn ask(
    world: &World,
    by: &Actor,
    method: &'static str,
    path: &str,
    body: Option<Value>,
) -> Answer {
    let ask = request(method, path, body).with(&by.token);
    world.ask(ask).await
}

async fn done(
    world: &World,
    by: &Actor,
    method: &'static str,
    path: &str,
    body: Option<Value>,
) -> Answer {
    let answer = ask(world, by, method, path, body).await;
    assert!(answer.status < 300, "{method} {path}: {answer:?}");
    answer
}

fn texts(items: &Value, name: &str) -> Vec<String> {
    let items = items.as_array().unwrap().iter();
    items
        .map(|item| item[name].as_str().unwrap().to_owned())
        .collect()
}

/// What check says of a permission; of who is refused it names no roles.
async fn check(world: &World, by: &Actor, permission: &str) -> (u16, String, String) {
    let path = format!("/v1/auth/check?permission={permission}");
    let answer = world.ask(get(&path).with(&by.token)).await;
    let roles = answer.headers["x-auth-roles"].to_str().unwrap().to_owned();
    (answer.status, answer.code().to_owned(), roles)
}

#[tokio::test]
async fn s08_a_permission_is_defined_and_listed() {
    let world = World::new().await;
    let admin = world.actor("acme", &["flag"]).await;
    let permission = json!({"name": "orders:view", "description": "  See orders "});
    let made = done(&world, &admin, "POST", "/v1/permissions", Some(permission)).await;
    assert_eq!(made.status, 201);
    assert_eq!(made.headers["location"], "/v1/permissions/orders:view");
    assert_eq!(made.body["description"], "See orders");
    assert_eq!(made.body["scope"], "tenant");
    assert_eq!(made.body["updated_at"], made.body["created_at"]);
    let path = "/v1/permissions?resource=orders";
    let list = done(&world, &admin, "GET", path, None).await;
    assert_eq!(list.body["items"], json!([made.body]));
}

#[tokio::test]
async fn s09_a_role_is_made_shown_changed_and_removed() {
    let world = World::new().await;
    let admin = world.actor("acme", &["flag"]).await;
    let permission = json!({"name": "orders:view", "description": "See orders"});
    done(&world, &admin, "POST", "/v1/permissions", Some(permission)).await;
    let body = json!({"name": "seller", "description": "Sells", "permissions":
        ["users:view", "orders:view", "users:view"]});
    let made = done(&world, &admin, "POST", "/v1/roles", Some(body)).await;
    let id = made.body["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/roles/{id}");
    assert_eq!(made.status, 201);
    assert_eq!(made.headers["location"], path.as_str());
    assert_eq!(
        made.body["permissions"],
        json!(["orders:view", "users:view"])
    );
    assert_eq!(made.body["members"], 0);
    assert_eq!(made.body.get("tenant"), None);
    let shown = done(&world, &admin, "GET", &path, None).await;
    assert_eq!(shown.body, made.body);
    assert_eq!(shown.headers["etag"], made.headers["etag"]);
    world.house().clock.advance(Duration::from_secs(1));
    let body = json!({"name": "till", "description": null});
    let edited = done(&world, &admin, "PATCH", &path, Some(body)).await;
    assert_eq!(edited.body["name"], "till");
    assert_eq!(edited.body["description"], Value::Null);
    assert_eq!(edited.body["permissions"], made.body["permissions"]);
    assert_ne!(edited.body["updated_at"], made.body["updated_at"]);
    assert_eq!(edited.body["created_at"], made.body["created_at"]);
    let granted = format!("{path}/permissions");
    let listed = done(&world, &admin, "GET", &granted, None).await;
    assert_eq!(
        listed.body,
        json!({"items": [
            {"permission": "orders:view", "scope": "tenant", "description": "See orders"},
            {"permission": "users:view", "scope": "built_in", "description": null},
        ], "next_cursor": null})
    );
    let body = json!({"permissions": ["ALL_PERMISSIONS"]});
    let listed = done(&world, &admin, "PUT", &granted, Some(body)).await;
    assert_eq!(
        texts(&listed.body["items"], "permission"),
        ["ALL_PERMISSIONS"]
    );
    let gone = ask(&world, &admin, "DELETE", &path, None).await;
    gone.is(204, "");
    for (method, path) in [("GET", &path), ("DELETE", &path), ("GET", &granted)] {
        let answer = ask(&world, &admin, method, path, None).await;
        answer.is(404, "not_found");
    }
}

#[tokio::test]
async fn s09_system_roles_are_managed_in_system() {
    let world = World::new().await;
    let root = world.actor("system", &["ALL_PERMISSIONS"]).await;
    for name in ["ops", "system:audit"] {
        let body = json!({"name": name, "permissions": ["tenants:view"]});
        let made = done(&world, &root, "POST", "/v1/system-roles", Some(body)).await;
        let id = made.body["id"].as_str().unwrap();
        let path = format!("/v1/system-roles/{id}");
        assert_eq!(made.headers["location"], path.as_str());
        let bare = name.trim_start_matches("system:");
        assert_eq!(made.body["name"], format!("system:{bare}"));
        let body = json!({"name": format!("{bare}2"), "permissions": ["users:view"]});
        let edited = done(&world, &root, "PATCH", &path, Some(body)).await;
        assert_eq!(edited.body["name"], format!("system:{bare}2"));
        assert_eq!(edited.body["permissions"], json!(["users:view"]));
    }
    let list = done(&world, &root, "GET", "/v1/system-roles", None).await;
    let names = texts(&list.body["items"], "name");
    assert!(names.contains(&"system:ops2".to_owned()), "{names:?}");
    assert!(names.iter().all(|name| name.starts_with("system:")));
    let items = list.body["items"].as_array().unwrap();
    for role in items {
        let path = format!("/v1/system-roles/{}", role["id"].as_str().unwrap());
        let gone = ask(&world, &root, "DELETE", &path, None).await;
        // Its own and the built-in one stay.
        if role["name"] == "system:superadmin" {
            gone.is(403, "permission_denied");
            let body = Some(json!({"description": "Mine"}));
            let edit = ask(&world, &root, "PATCH", &path, body).await;
            edit.is(403, "permission_denied");
        } else {
            gone.is(204, "");
        }
    }
    // The tenant `system` has roles of its own beside them; they are not among them.
    let own = world.role(Some("system"), "porter", &[]).await;
    for path in ["", "/permissions", "/members"] {
        let path = format!("/v1/system-roles/{own}{path}");
        let answer = ask(&world, &root, "GET", &path, None).await;
        answer.is(404, "not_found");
    }
    let path = format!("/v1/system-roles/{own}");
    let gone = ask(&world, &root, "DELETE", &path, None).await;
    gone.is(404, "not_found");
    for name in ["x", "system:x", "system:system:ops", "A", "a,b", ""] {
        let body = Some(json!({"name": name}));
        let answer = ask(&world, &root, "POST", "/v1/system-roles", body).await;
        answer.is(422, "validation_failed");
    }
}

#[tokio::test]
async fn a40_every_edit_over_the_api_is_in_force_with_the_next_request() {
    let world = World::new().await;
    let admin = world.actor("acme", &["flag"]).await;
    world.define("orders:view").await;
    let role = world.role(Some("acme"), "seller", &["orders:view"]).await;
    let actor = world.actor("acme", &[]).await;
    let path = format!("/v1/users/{}/roles", actor.id);
    done(&world, &admin, "POST", &path, Some(json!({"role": role}))).await;
    let path = format!("/v1/roles/{role}");
    let granted = format!("{path}/permissions");
    let none = Some(json!({"permissions": []}));
    let some = Some(json!({"permissions": ["orders:view"]}));
    let rename = Some(json!({"name": "till"}));
    let steps = [
        ("PUT", &granted, none.clone(), 403, ""),
        ("PUT", &granted, some.clone(), 200, "seller"),
        ("PATCH", &path, rename, 200, "till"),
        ("PATCH", &path, none, 403, ""),
        ("PATCH", &path, some, 200, "till"),
        ("DELETE", &path, None, 403, ""),
    ];
    let before = check(&world, &actor, "orders:view").await;
    assert_eq!(before, (200, String::new(), "seller".to_owned()));
    for (method, path, body, status, roles) in steps {
        done(&world, &admin, method, path, body).await;
        let now = check(&world, &actor, "orders:view").await;
        assert_eq!((now.0, now.2.as_str()), (status, roles), "{method}");
    }
    let path = "/v1/permissions/orders:view";
    done(&world, &admin, "DELETE", path, None).await;
    let gone = check(&world, &actor, "orders:view").await;
    assert_eq!(gone.1, "unknown_permission");
}

#[tokio::test]
async fn a82_names_have_one_form_and_permissions_their_catalogue() {
    let world = World::new().await;
    let admin = world.actor("acme", &["flag"]).await;
    let role = world.role(Some("acme"), "seller", &[]).await;
    let one = format!("/v1/roles/{role}");
    for name in ["system:x", "system:ops", "a,b", "A", "x", "", "1a"] {
        let body = json!({"name": name});
        for (method, path) in [("POST", "/v1/roles"), ("PATCH", one.as_str())] {
            let answer = ask(&world, &admin, method, path, Some(body.clone())).await;
            answer.is(422, "validation_failed");
            assert_eq!(answer.body["fields"][0]["path"], "/name");
        }
    }
    let nameless = ask(&world, &admin, "PATCH", &one, Some(json!({"name": null}))).await;
    nameless.is(422, "validation_failed");
    for (name, code) in [
        ("*:view", "validation_failed"),
        ("orders:*", "validation_failed"),
        ("Orders:view", "validation_failed"),
        ("all_permissions", "validation_failed"),
        ("orders:view", "unknown_permission"),
        ("system_roles:edit", "unknown_permission"),
    ] {
        let body = json!({"permissions": [name]});
        let mut new = body.clone();
        new["name"] = json!("other");
        let granted = format!("{one}/permissions");
        for (method, path, body) in [
            ("POST", "/v1/roles", new),
            ("PATCH", &one, body.clone()),
            ("PUT", &granted, body),
        ] {
            let answer = ask(&world, &admin, method, path, Some(body)).await;
            answer.is(422, code);
        }
    }
}

#[tokio::test]
async fn a82_a_name_is_well_formed_and_taken_once() {
    let world = World::new().await;
    let admin = world.actor("acme", &["flag"]).await;
    let role = world.role(Some("acme"), "seller", &[]).await;
    let one = format!("/v1/roles/{role}");
    for name in ["*:view", "orders:*", "Orders:view", "ALL_PERMISSIONS", "a"] {
        let body = json!({"name": name});
        let answer = ask(&world, &admin, "POST", "/v1/permissions", Some(body)).await;
        answer.is(422, "validation_failed");
    }
    for (path, name) in [
        ("/v1/roles", "clerk"),
        ("/v1/permissions", "users:view"),
        ("/v1/permissions", "tenants:view"),
    ] {
        let body = Some(json!({"name": name}));
        let answer = ask(&world, &admin, "POST", path, body).await;
        answer.is(409, "name_taken");
    }
    let answer = ask(
        &world,
        &admin,
        "PATCH",
        &one,
        Some(json!({"name": "clerk"})),
    )
    .await;
    answer.is(409, "name_taken");
    let description = "x".repeat(201);
    for (path, name) in [("/v1/roles", "other"), ("/v1/permissions", "a:b")] {
        let body = json!({"name": name, "description": description});
        let answer = ask(&world, &admin, "POST", path, Some(body)).await;
        answer.is(422, "validation_failed");
    }
}

#[tokio::test]
async fn a82_what_is_made_again_over_the_api_is_held_by_nobody() {
    let world = World::new().await;
    let admin = world.actor("acme", &["flag"]).await;
    let permission = Some(json!({"name": "orders:view"}));
    done(
        &world,
        &admin,
        "POST",
        "/v1/permissions",
        permission.clone(),
    )
    .await;
    let actor = world.actor("acme", &["orders:view"]).await;
    let (_, _, name) = check(&world, &actor, "orders:view").await;
    done(
        &world,
        &admin,
        "DELETE",
        "/v1/permissions/orders:view",
        None,
    )
    .await;
    done(&world, &admin, "POST", "/v1/permissions", permission).await;
    assert_eq!(check(&world, &actor, "orders:view").await.0, 403);
    let list = done(&world, &admin, "GET", "/v1/roles?system=false", None).await;
    let roles = list.body["items"].as_array().unwrap().iter();
    let role = roles.filter(|role| role["name"] == name.as_str());
    let id = role.map(|role| role["id"].as_str().unwrap()).next();
    let path = format!("/v1/roles/{}", id.unwrap());
    done(&world, &admin, "DELETE", &path, None).await;
    let again = Some(json!({"name": name, "permissions": ["orders:view"]}));
    let again = done(&world, &admin, "POST", "/v1/roles", again).await;
    assert_eq!(again.body["members"], 0);
    let now = check(&world, &actor, "orders:view").await;
    assert_eq!((now.0, now.2.as_str()), (403, ""));
}

#[tokio::test]
async fn a82_a_tenant_removes_its_own_permissions_alone() {
    let world = World::new().await;
    let admin = world.actor("acme", &["flag"]).await;
    let foreign = world.actor("globex", &["flag"]).await;
    world.define("orders:view").await;
    let request = Define {
        tenant: None,
        name: "reports:view".to_owned(),
        description: None,
    };
    let by = operator(Socket::Admin);
    permission::define(&world.house().app, &by, request)
        .await
        .unwrap();
    let listed = async |by: &Actor, query: &str| {
        let path = format!("/v1/permissions{query}");
        let list = done(&world, by, "GET", &path, None).await;
        texts(&list.body["items"], "permission")
    };
    let own = ["orders:view".to_owned()];
    assert_eq!(listed(&admin, "?resource=orders").await, own);
    assert_eq!(
        listed(&foreign, "?resource=orders").await,
        [] as [String; 0]
    );
    assert_eq!(
        listed(&foreign, "?resource=reports").await,
        ["reports:view"]
    );
    let delete = async |by: &Actor, name: &str| {
        let path = format!("/v1/permissions/{name}");
        ask(&world, by, "DELETE", &path, None).await
    };
    let traces = world.traces().await;
    for (name, status, code) in [
        ("users:view", 403, "permission_denied"),
        ("tenants:view", 403, "permission_denied"),
        ("reports:view", 403, "permission_denied"),
        ("stock:view", 404, "not_found"),
        ("Orders:view", 404, "not_found"),
        ("ALL_PERMISSIONS", 404, "not_found"),
    ] {
        delete(&admin, name).await.is(status, code);
    }
    delete(&foreign, "orders:view").await.is(404, "not_found");
    assert_eq!(world.traces().await, traces);
    delete(&admin, "orders:view").await.is(204, "");
    assert_eq!(listed(&admin, "?resource=orders").await, [] as [String; 0]);
}

#[tokio::test]
async fn a41_no_field_of_a_role_or_permission_is_taken_that_is_not_the_callers_to_set() {
    let world = World::new().await;
    let admin = world.actor("acme", &["flag"]).await;
    let role = world.role(Some("acme"), "seller", &[]).await;
    let one = format!("/v1/roles/{role}");
    let corpus = [
        ("id", json!("rol_00000000000000000000000009")),
        ("tenant", json!("globex")),
        ("tenant_id", Value::Null),
        ("tenantId", json!("ten_00000000000000000000000009")),
        ("system", json!(true)),
        ("members", json!(0)),
        ("users", json!([admin.id])),
        ("scope", json!("system")),
        ("rights", json!(["ALL_PERMISSIONS"])),
        ("is_tenant_admin", json!(true)),
        ("built_in", json!(true)),
        ("created_at", json!("2026-01-01T00:00:00Z")),
        ("updated_at", json!("2026-01-01T00:00:00Z")),
        ("__proto__", json!({})),
    ];
    let traces = world.traces().await;
    for (name, value) in corpus {
        for (method, path, body) in [
            ("POST", "/v1/roles", json!({"name": "new"})),
            ("PATCH", &one, json!({"description": "x"})),
            ("POST", "/v1/permissions", json!({"name": "new:view"})),
            (
                "PUT",
                &format!("{one}/permissions"),
                json!({"permissions": []}),
            ),
        ] {
            let mut body = body;
            body[name] = value.clone();
            let answer = ask(&world, &admin, method, path, Some(body)).await;
            answer.is(400, "unknown_field");
        }
    }
    assert_eq!(world.traces().await, traces);
}

#[tokio::test]
async fn a_change_of_a_role_is_made_under_its_tag() {
    let world = World::new().await;
    let admin = world.actor("acme", &["roles:view", "roles:edit"]).await;
    let role = world.role(Some("acme"), "seller", &["roles:view"]).await;
    let path = format!("/v1/roles/{role}");
    let granted = format!("{path}/permissions");
    let change = async |method, path: &str, body: &Value, tag: &str| {
        let ask = request(method, path, Some(body.clone())).with(&admin.token);
        world.ask(ask.header("if-match", tag)).await
    };
    for (method, path, one, other) in [
        (
            "PATCH",
            &path,
            json!({"description": "One"}),
            json!({"description": "Other"}),
        ),
        (
            "PUT",
            &granted,
            json!({"permissions": ["roles:edit"]}),
            json!({"permissions": []}),
        ),
    ] {
        let shown = done(&world, &admin, "GET", path, None).await;
        let old = shown.headers["etag"].to_str().unwrap().to_owned();
        let answer = change(method, path, &one, &old).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let new = answer.headers["etag"].to_str().unwrap().to_owned();
        assert_ne!(old, new);
        let shown = done(&world, &admin, "GET", path, None).await;
        assert_eq!(shown.headers["etag"], new.as_str());
        let traces = world.traces().await;
        for (tag, status, code) in [
            (old.clone(), 412, "precondition_failed"),
            (format!("W/{new}"), 412, "precondition_failed"),
            ("x".to_owned(), 400, "malformed_request"),
        ] {
            change(method, path, &other, &tag).await.is(status, code);
        }
        assert_eq!(world.traces().await, traces);
        let shown_again = done(&world, &admin, "GET", path, None).await;
        assert_eq!(shown_again.body, shown.body);
        assert_eq!(change(method, path, &other, "*").await.status, 200);
    }
}

#[tokio::test]
async fn rule_30_every_change_of_a_role_or_permission_is_one_row() {
    let world = World::new().await;
    let admin = world.actor("acme", &["flag"]).await;
    let root = world.actor("system", &["ALL_PERMISSIONS"]).await;
    let own = world.role(Some("acme"), "seller", &[]).await;
    let system = world.role(None, "system:reader", &[]).await;
    let one = format!("/v1/roles/{own}");
    let wide = format!("/v1/system-roles/{system}");
    let all = Some(json!({"permissions": ["users:view"]}));
    let description = Some(json!({"description": "x"}));
    let named = |name: &str| Some(json!({"name": name}));
    let granted = |path: &str| format!("{path}/permissions");
    for (by, method, path, body) in [
        (&admin, "POST", "/v1/permissions".to_owned(), named("a:b")),
        (&admin, "DELETE", "/v1/permissions/a:b".to_owned(), None),
        (&admin, "POST", "/v1/roles".to_owned(), named("other")),
        (&admin, "PATCH", one.clone(), description.clone()),
        (&admin, "PUT", granted(&one), all.clone()),
        (&admin, "DELETE", one, None),
        (&root, "POST", "/v1/system-roles".to_owned(), named("other")),
        (&root, "PATCH", wide.clone(), description),
        (&root, "PUT", granted(&wide), all),
        (&root, "DELETE", wide, None),
    ] {
        let count = async || world.traces().await.0.iter().sum::<u64>();
        let before = count().await;
        done(&world, by, method, &path, body.clone()).await;
        assert_eq!(count().await, before + 1, "{method} {path}");
        // What changes nothing leaves none.
        if method == "PATCH" || method == "PUT" {
            done(&world, by, method, &path, body).await;
            assert_eq!(count().await, before + 1, "{method} {path}");
        }
    }
    let row = world.row("permission.undefine").await;
    let (entry, actor) = (&row.entry, &row.entry.actor);
    assert_eq!(entry.tenant_id, Some(world.house().acme));
    assert_eq!(actor.channel, "api");
    assert_eq!(actor.user_id.unwrap().to_string(), admin.id);
}

#[tokio::test]
async fn lists_of_roles_are_narrowed_and_their_cursors_bound() {
    let world = World::new().await;
    let rights = ["roles:view", "permissions:view"];
    let viewer = world.actor("acme", &rights).await;
    let other = world.actor("acme", &rights).await;
    let foreign = world.actor("globex", &["flag"]).await;
    for name in ["one", "two", "three"] {
        world.role(Some("acme"), name, &["audit:view"]).await;
        world.role(Some("globex"), name, &["audit:view"]).await;
    }
    for (list, name, narrower) in [
        ("/v1/roles", "name", "system=false"),
        ("/v1/permissions", "permission", "resource=users"),
    ] {
        let mut seen = BTreeSet::new();
        let mut cursor = String::new();
        loop {
            let path = format!("{list}?limit=3{cursor}");
            let page = done(&world, &viewer, "GET", &path, None).await;
            for item in texts(&page.body["items"], name) {
                assert!(seen.insert(item.clone()), "{item} twice");
            }
            let Some(next) = page.body["next_cursor"].as_str() else {
                break;
            };
            cursor = format!("&cursor={next}");
            for (actor, path) in [
                (&other, format!("{list}?limit=3{cursor}")),
                (&foreign, format!("{list}?limit=3{cursor}")),
                (&viewer, format!("{list}?{narrower}{cursor}")),
            ] {
                let answer = ask(&world, actor, "GET", &path, None).await;
                answer.is(400, "invalid_cursor");
            }
        }
        let all = done(&world, &viewer, "GET", &format!("{list}?limit=200"), None).await;
        let all: BTreeSet<_> = texts(&all.body["items"], name).into_iter().collect();
        assert_eq!(seen, all, "{list}");
    }
    for (query, wanted) in [
        ("permission=audit:view", &["one", "three", "two"][..]),
        ("permission=ALL_PERMISSIONS", &["system:superadmin"]),
        ("permission=clients:edit", &[]),
    ] {
        let path = format!("/v1/roles?{query}");
        let page = done(&world, &viewer, "GET", &path, None).await;
        assert_eq!(texts(&page.body["items"], "name"), wanted, "{query}");
    }
    for (path, status, code) in [
        ("/v1/roles?limit=0", 422, "validation_failed"),
        ("/v1/roles?permission=x", 422, "validation_failed"),
        ("/v1/roles?system=maybe", 400, "malformed_request"),
        ("/v1/roles?name=x", 400, "unknown_parameter"),
        ("/v1/permissions?limit=201", 422, "validation_failed"),
        ("/v1/permissions?scope=x", 400, "unknown_parameter"),
    ] {
        let answer = ask(&world, &viewer, "GET", path, None).await;
        answer.is(status, code);
    }
}

#[tokio::test]
async fn members_are_those_of_the_tenant_that_is_administered() {
    let world = World::new().await;
    let viewer = world.actor("acme", &["users:view"]).await;
    let root = world.actor("system", &["ALL_PERMISSIONS"]).await;
    let system = world.role(None, "system:reader", &[]).await;
    let mut made = Vec::new();
    for tenant in ["acme", "acme", "acme", "globex"] {
        let admin = world.actor(tenant, &["flag"]).await;
        let id = world.invited(tenant, &[]).await;
        let path = format!("/v1/users/{id}/roles");
        let roles = Some(json!({"roles": ["clerk", "system:reader"]}));
        done(&world, &admin, "PUT", &path, roles).await;
        made.push(id);
    }
    let list = done(&world, &root, "GET", "/v1/roles?tenant=acme", None).await;
    let items = list.body["items"].as_array().unwrap().iter();
    let of = |name: &str| {
        let found = items.clone().find(|role| role["name"] == name).unwrap();
        assert_eq!(found["members"], 3, "of acme alone");
        found["id"].as_str().unwrap().to_owned()
    };
    let (clerk, reader) = (of("clerk"), of("system:reader"));
    assert_eq!(reader, system);
    for role in [&clerk, &reader] {
        let path = format!("/v1/roles/{role}/members");
        let page = done(&world, &viewer, "GET", &path, None).await;
        assert_eq!(texts(&page.body["items"], "id"), made[..3]);
        assert_eq!(page.body["items"][0].get("tenant"), None);
        let first = done(&world, &viewer, "GET", &format!("{path}?limit=2"), None).await;
        let next = first.body["next_cursor"].as_str().unwrap();
        let path = format!("{path}?limit=2&cursor={next}");
        let rest = done(&world, &viewer, "GET", &path, None).await;
        assert_eq!(texts(&rest.body["items"], "id"), made[2..3]);
        // A cursor of one role is none of another.
        let other = format!(
            "/v1/roles/{}/members?cursor={next}",
            if role == &clerk { &reader } else { &clerk }
        );
        let answer = ask(&world, &viewer, "GET", &other, None).await;
        answer.is(400, "invalid_cursor");
    }
    let path = format!("/v1/roles/{reader}");
    let shown = done(&world, &root, "GET", &format!("{path}?tenant=globex"), None).await;
    assert_eq!(shown.body["members"], 1);
    let path = format!("/v1/system-roles/{reader}");
    let shown = done(&world, &root, "GET", &path, None).await;
    assert_eq!(shown.body["members"], 4);
    let path = format!("{path}/members");
    let page = done(&world, &root, "GET", &path, None).await;
    assert_eq!(texts(&page.body["items"], "id"), made);
    assert_eq!(
        texts(&page.body["items"], "tenant"),
        ["acme", "acme", "acme", "globex"]
    );
}
