//! Who may make, change and remove roles and permissions over the API (rules 14, 17, 18).

use std::time::Duration;

use authd::app::entity::Expected;
use authd::app::role;
use common::call::role::RoleRef;
use common::error::ErrorCode;
use domain::permission::{BUILT_IN, Permission};
use serde_json::{Value, json};

use crate::house::{GOOD, get, post, refresh};
use crate::users::enter;
use crate::world::{Actor, World, request};

/// A change that is asked for.
type Act = (&'static str, String, Option<Value>);

/// All rights on roles and permissions, and some more.
fn keeper<'r>(more: &[&'r str]) -> Vec<&'r str> {
    let mut rights = vec![
        "roles:view",
        "roles:create",
        "roles:edit",
        "roles:delete",
        "permissions:view",
        "permissions:create",
        "permissions:delete",
        "users:view",
        "users:edit",
    ];
    rights.extend(more);
    rights
}

/// Everything that changes a role.
fn changes(id: &str) -> Vec<Act> {
    let role = format!("/v1/roles/{id}");
    let permissions = format!("{role}/permissions");
    let patch = |body| ("PATCH", role.clone(), Some(body));
    vec![
        patch(json!({"description": "For a day"})),
        patch(json!({"name": "other"})),
        patch(json!({"permissions": []})),
        patch(json!({"permissions": ["roles:view"]})),
        patch(json!({})),
        ("PUT", permissions.clone(), Some(json!({"permissions": []}))),
        (
            "PUT",
            permissions,
            Some(json!({"permissions": ["roles:view"]})),
        ),
        ("DELETE", role, None),
    ]
}

async fn refused(world: &World, by: &Actor, acts: Vec<Act>, status: u16, code: &str) {
    for (method, path, body) in acts {
        let traces = world.traces().await;
        let ask = request(method, &path, body).with(&by.token);
        world.ask(ask).await.is(status, code);
        assert_eq!(world.traces().await, traces, "{method} {path}");
    }
}

/// Gives a user one role more.
async fn give(world: &World, by: &Actor, user: &str, role: &str) {
    let path = format!("/v1/users/{user}/roles");
    let ask = request("POST", &path, Some(json!({"role": role})));
    world.ask(ask.with(&by.token)).await.is(204, "");
}

async fn shown(world: &World, by: &Actor, role: &str) -> Value {
    let ask = get(&format!("/v1/roles/{role}")).with(&by.token);
    let answer = world.ask(ask).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

#[tokio::test]
async fn a83_a_role_is_as_strong_as_what_it_grants() {
    let world = World::new().await;
    world.define("orders:view").await;
    let admin = world.actor("acme", &["flag"]).await;
    let weaker = world.actor("acme", &keeper(&[])).await;
    let all_but_all = world.actor("acme", BUILT_IN).await;
    let seller = world.role(Some("acme"), "seller", &["orders:view"]).await;
    let boss = world.role(Some("acme"), "boss", &["ALL_PERMISSIONS"]).await;
    for id in [&seller, &boss] {
        let before = shown(&world, &admin, id).await;
        for actor in [&weaker, &all_but_all] {
            refused(&world, actor, changes(id), 403, "permission_denied").await;
        }
        assert_eq!(shown(&world, &admin, id).await, before);
    }
    // Who holds it may.
    let equal = world.actor("acme", &keeper(&["orders:view"])).await;
    let path = format!("/v1/roles/{seller}");
    let ask = request("PATCH", &path, Some(json!({"permissions": []})));
    assert_eq!(world.ask(ask.with(&equal.token)).await.status, 200);
}

#[tokio::test]
async fn a83_a_role_is_as_strong_as_who_holds_it() {
    let world = World::new().await;
    world.define("orders:view").await;
    let admin = world.actor("acme", &["flag"]).await;
    let weaker = world.actor("acme", &keeper(&[])).await;
    let mut roles = Vec::new();
    for (name, rights) in [
        ("one", &["orders:view"][..]),
        ("two", &["audit:view"]),
        ("three", &["ALL_PERMISSIONS"]),
    ] {
        let role = world.role(Some("acme"), name, &["users:view"]).await;
        let stronger = world.invited("acme", rights).await;
        give(&world, &admin, &stronger, &role).await;
        roles.push((role, stronger));
    }
    let role = world.role(Some("acme"), "four", &["users:view"]).await;
    give(&world, &admin, &admin.id, &role).await;
    roles.push((role, admin.id.clone()));
    for (role, user) in &roles {
        let before = shown(&world, &admin, role).await;
        let holder = world.user(world.house().acme, user).await;
        refused(&world, &weaker, changes(role), 403, "permission_denied").await;
        assert_eq!(shown(&world, &admin, role).await, before);
        assert_eq!(world.user(world.house().acme, user).await, holder);
    }
    // Held by nobody who is stronger: whoever holds it is an equal, or the actor.
    let role = world.role(Some("acme"), "five", &["users:view"]).await;
    let equal = world.invited("acme", &["roles:view"]).await;
    give(&world, &admin, &equal, &role).await;
    give(&world, &admin, &weaker.id, &role).await;
    let path = format!("/v1/roles/{role}/permissions");
    let ask = request("PUT", &path, Some(json!({"permissions": ["users:edit"]})));
    let answer = world.ask(ask.with(&weaker.token)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let path = format!("/v1/roles/{role}");
    let gone = request("DELETE", &path, None).with(&weaker.token);
    world.ask(gone).await.is(204, "");
}

#[tokio::test]
async fn a83_a_permission_is_taken_from_nobody_who_is_stronger() {
    let world = World::new().await;
    for name in ["orders:view", "orders:edit", "stock:view"] {
        world.define(name).await;
    }
    let admin = world.actor("acme", &["flag"]).await;
    let weaker = world
        .actor("acme", &keeper(&["orders:view", "stock:view"]))
        .await;
    world.role(Some("acme"), "editor", &["orders:edit"]).await;
    let stronger = world.invited("acme", &["stock:view", "audit:view"]).await;
    let before = world.user(world.house().acme, &stronger).await;
    let undefine = |name: &str| vec![("DELETE", format!("/v1/permissions/{name}"), None)];
    for name in ["orders:edit", "stock:view"] {
        refused(&world, &weaker, undefine(name), 403, "permission_denied").await;
    }
    assert_eq!(world.user(world.house().acme, &stronger).await, before);
    for (actor, name) in [(&weaker, "orders:view"), (&admin, "stock:view")] {
        let ask = request("DELETE", &format!("/v1/permissions/{name}"), None);
        world.ask(ask.with(&actor.token)).await.is(204, "");
    }
}

#[tokio::test]
async fn a37_no_role_grants_what_its_maker_does_not_hold() {
    let world = World::new().await;
    world.define("orders:view").await;
    let admin = world.actor("acme", &["flag"]).await;
    let weak = world.actor("acme", &keeper(&[])).await;
    let strong_single = world.actor("acme", BUILT_IN).await;
    let own = world.role(Some("acme"), "own", &["users:view"]).await;
    let others = world.role(Some("acme"), "others", &["users:view"]).await;
    let equal = world.invited("acme", &["users:view"]).await;
    for actor in [&weak, &strong_single] {
        give(&world, &admin, &actor.id, &own).await;
    }
    give(&world, &admin, &equal, &others).await;
    world.role(Some("acme"), "boss", &["ALL_PERMISSIONS"]).await;
    let list = get("/v1/roles?system=false&permission=ALL_PERMISSIONS");
    let boss = world.ask(list.with(&admin.token)).await.body["items"][0].clone();
    assert_eq!(boss["name"], "boss");
    for rights in [
        json!(["orders:view"]),
        json!(["users:view", "orders:view"]),
        boss["permissions"].clone(),
    ] {
        let mut acts = vec![(
            "POST",
            "/v1/roles".to_owned(),
            Some(json!({"name": "clone", "permissions": rights})),
        )];
        for id in [&own, &others] {
            let path = format!("/v1/roles/{id}");
            let body = Some(json!({"permissions": rights}));
            acts.push(("PATCH", path.clone(), body.clone()));
            acts.push(("PUT", format!("{path}/permissions"), body));
        }
        for actor in [&weak, &strong_single] {
            refused(&world, actor, acts.clone(), 403, "permission_denied").await;
        }
        let body = json!({"name": world.name(), "permissions": rights});
        let made = request("POST", "/v1/roles", Some(body)).with(&admin.token);
        assert_eq!(world.ask(made).await.status, 201);
    }
    // To define one is not to hold it.
    let definition = json!({"name": "stock:view"});
    let ask = request("POST", "/v1/permissions", Some(definition)).with(&weak.token);
    assert_eq!(world.ask(ask).await.status, 201);
    let body = Some(json!({"name": "stock", "permissions": ["stock:view"]}));
    let acts = vec![("POST", "/v1/roles".to_owned(), body)];
    refused(&world, &weak, acts, 403, "permission_denied").await;
}

#[tokio::test]
async fn a38_a_tenant_reads_system_roles_and_changes_none() {
    let world = World::new().await;
    let reader = world.role(None, "system:reader", &["users:view"]).await;
    let admin = world.actor("acme", &["flag"]).await;
    let wide = world.actor("acme", &["system_roles:edit"]).await;
    let list = world.ask(get("/v1/roles").with(&admin.token)).await.body;
    let names = list["items"].as_array().unwrap().iter();
    let names: Vec<_> = names.map(|role| role["name"].as_str().unwrap()).collect();
    let (system, own) = names.split_at(names.len() - 1);
    assert!(system.iter().all(|name| name.starts_with("system:")));
    assert!(system.contains(&"system:superadmin") && system.contains(&"system:reader"));
    assert_eq!(own, ["clerk"]);
    let superadmin = list["items"].as_array().unwrap().iter();
    let superadmin = superadmin
        .filter(|role| role["name"] == "system:superadmin")
        .map(|role| role["id"].as_str().unwrap());
    for id in superadmin.chain([reader.as_str()]) {
        let before = shown(&world, &admin, id).await;
        refused(&world, &admin, changes(id), 403, "permission_denied").await;
        assert_eq!(shown(&world, &admin, id).await, before);
        let path = format!("/v1/system-roles/{id}");
        let body = Some(json!({"permissions": []}));
        for actor in [&admin, &wide] {
            let acts = vec![("PATCH", path.clone(), body.clone())];
            refused(&world, actor, acts, 403, "permission_denied").await;
        }
    }
    for name in ["system:mine", "system:reader"] {
        let acts = vec![("POST", "/v1/roles".to_owned(), Some(json!({"name": name})))];
        refused(&world, &admin, acts, 422, "validation_failed").await;
    }
    // A user of `system` changes them where they are, and not as if they were a tenant's.
    let root = world.actor("system", &["ALL_PERMISSIONS"]).await;
    refused(&world, &root, changes(&reader), 403, "permission_denied").await;
    let path = format!("/v1/system-roles/{reader}");
    let ask = request("PATCH", &path, Some(json!({"permissions": []})));
    let answer = world.ask(ask.with(&root.token)).await;
    assert_eq!(answer.body["permissions"], json!([]), "{answer:?}");
}

#[tokio::test]
async fn a39_a37_what_is_for_all_tenants_is_no_right_within_one() {
    let world = World::new().await;
    let admin = world.actor("acme", &["ALL_PERMISSIONS"]).await;
    let path = "/v1/permissions?resource=tenants";
    let listed = world.ask(get(path).with(&admin.token)).await;
    assert_eq!(listed.body["items"], json!([]));
    let body = Some(json!({"name": "wide", "permissions": ["tenants:view"]}));
    let acts = vec![("POST", "/v1/roles".to_owned(), body.clone())];
    refused(&world, &admin, acts, 422, "unknown_permission").await;
    // In `system` everything is everything.
    let root = world.actor("system", &["ALL_PERMISSIONS"]).await;
    for path in ["/v1/roles", "/v1/system-roles"] {
        let ask = request("POST", path, body.clone()).with(&root.token);
        let answer = world.ask(ask).await;
        assert_eq!(answer.status, 201, "{answer:?}");
    }
    let single = world
        .actor("system", &["system_roles:create", "roles:create"])
        .await;
    let body = Some(json!({"name": "other", "permissions": ["tenants:view"]}));
    for path in ["/v1/roles", "/v1/system-roles"] {
        let acts = vec![("POST", path.to_owned(), body.clone())];
        refused(&world, &single, acts, 403, "permission_denied").await;
    }
}

#[tokio::test]
async fn v7_5_3_a78_what_makes_administrators_needs_a_fresh_sign_in() {
    let world = World::new().await;
    let role = world.role(Some("acme"), "other", &[]).await;
    let second = world.role(Some("acme"), "second", &[]).await;
    let boss = world.role(Some("acme"), "boss", &["ALL_PERMISSIONS"]).await;
    let system = world.role(None, "system:reader", &[]).await;
    let admin = world.actor("acme", &["flag"]).await;
    let root = world.actor("system", &["ALL_PERMISSIONS"]).await;
    let all = Some(json!({"permissions": ["ALL_PERMISSIONS"]}));
    let new = |right| Some(json!({"name": "new", "permissions": [right]}));
    let granted = format!("/v1/roles/{role}/permissions");
    let (patched, gone) = (
        format!("/v1/roles/{second}"),
        format!("/v1/system-roles/{system}"),
    );
    let (roles, wide) = ("/v1/roles".to_owned(), "/v1/system-roles".to_owned());
    let makes: Vec<(&Actor, &str, Act)> = vec![
        (&admin, "acme", ("POST", roles, new("ALL_PERMISSIONS"))),
        (&admin, "acme", ("PUT", granted, all.clone())),
        (&admin, "acme", ("PATCH", patched, all)),
        (&root, "system", ("POST", wide, new("tenants:view"))),
        (&root, "system", ("DELETE", gone, None)),
    ];
    for (actor, tenant, (method, path, body)) in makes {
        let who = json!({"tenant": tenant, "email": actor.email, "password": GOOD,
            "device": {"id": "desk", "type": "desktop"}});
        let login = world.ask(post("/v1/auth/login", who)).await;
        world.house().clock.advance(Duration::from_mins(16));
        // However fresh the token is.
        let stale = world.ask(refresh(login.refresh())).await;
        let traces = world.traces().await;
        let ask = request(method, &path, body.clone()).with(stale.access());
        let answer = world.ask(ask).await;
        answer.is(401, "reauthentication_required");
        assert_eq!(world.traces().await, traces);
        if tenant == "acme" {
            // What adds no such right needs none.
            let harmless = json!({"description": "The boss", "permissions": ["ALL_PERMISSIONS"]});
            let harmless = request("PATCH", &format!("/v1/roles/{boss}"), Some(harmless));
            let answer = world.ask(harmless.with(stale.access())).await;
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        let token = world.sign_in(tenant, &actor.email).await;
        let answer = world.ask(request(method, &path, body).with(&token)).await;
        assert!(answer.status < 300, "{method} {path}: {answer:?}");
    }
}

#[tokio::test]
async fn a43_a84_no_edit_of_a_role_takes_the_last_administrator() {
    let world = World::new().await;
    let admin = world.actor("acme", &["ALL_PERMISSIONS"]).await;
    let list = get("/v1/roles?permission=ALL_PERMISSIONS&system=false");
    let list = world.ask(list.with(&admin.token)).await;
    let role = list.body["items"][0]["id"].as_str().unwrap().to_owned();
    // One who has never signed in, and one who is closed, would not do.
    world.invited("acme", &["ALL_PERMISSIONS"]).await;
    let closed = world.actor("acme", &["ALL_PERMISSIONS"]).await;
    let path = format!("/v1/users/{}/disable", closed.id);
    let close = request("POST", &path, None).with(&admin.token);
    world.ask(close).await.is(204, "");
    let path = format!("/v1/roles/{role}");
    // All of them one by one are not ALL_PERMISSIONS.
    let is_wide = |name: &&&str| name.parse::<Permission>().unwrap().is_system_only();
    let every_single: Vec<&&str> = BUILT_IN.iter().filter(|name| !is_wide(name)).collect();
    let acts = || -> Vec<Act> {
        vec![
            ("PATCH", path.clone(), Some(json!({"permissions": null}))),
            (
                "PATCH",
                path.clone(),
                Some(json!({"permissions": every_single})),
            ),
            (
                "PUT",
                format!("{path}/permissions"),
                Some(json!({"permissions": ["users:view"]})),
            ),
            ("DELETE", path.clone(), None),
        ]
    };
    refused(&world, &admin, acts(), 409, "last_admin").await;
    for (name, status, code) in [
        ("ALL_PERMISSIONS", 404, "not_found"),
        ("users:view", 403, "permission_denied"),
    ] {
        let acts = vec![("DELETE", format!("/v1/permissions/{name}"), None)];
        refused(&world, &admin, acts, status, code).await;
    }
    let still = world.ask(get("/v1/users").with(&admin.token)).await;
    assert_eq!(still.status, 200);
}

#[tokio::test]
async fn a84_of_two_who_give_up_at_once_one_stays() {
    let world = World::new().await;
    let mut both = Vec::new();
    for name in ["first", "second"] {
        let actor = world.actor("acme", &keeper(&[])).await;
        let role = world.role(Some("acme"), name, &["ALL_PERMISSIONS"]).await;
        both.push((actor, role));
    }
    let flag = world.actor("acme", &["flag"]).await;
    for (actor, role) in &both {
        give(&world, &flag, &actor.id, role).await;
    }
    let path = format!("/v1/users/{}", flag.id);
    let ask = request("DELETE", &path, None).with(&both[0].0.token);
    world.ask(ask).await.is(204, "");
    let give_up = |n: usize| {
        let (actor, role): &(Actor, String) = &both[n];
        let ask = request("DELETE", &format!("/v1/roles/{role}"), None);
        world.ask(ask.with(&actor.token))
    };
    let (one, other) = tokio::join!(give_up(0), give_up(1));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 409], "{one:?} {other:?}");
    let loser = if one.status == 409 { one } else { other };
    loser.is(409, "last_admin");
}

#[tokio::test]
async fn a84_a_system_role_takes_no_tenants_last_administrator_over_the_api_either() {
    let world = World::new().await;
    let role = world.role(None, "system:owner", &["ALL_PERMISSIONS"]).await;
    let root = world.actor("system", &["ALL_PERMISSIONS"]).await;
    let flag = world.actor("acme", &["flag"]).await;
    let owner = world.actor("acme", &[]).await;
    give(&world, &flag, &owner.id, "system:owner").await;
    let ask = request("DELETE", &format!("/v1/users/{}", flag.id), None);
    world.ask(ask.with(&owner.token)).await.is(204, "");
    let path = format!("/v1/system-roles/{role}");
    let acts = vec![
        ("PATCH", path.clone(), Some(json!({"permissions": []}))),
        (
            "PUT",
            format!("{path}/permissions"),
            Some(json!({"permissions": []})),
        ),
        ("DELETE", path, None),
    ];
    refused(&world, &root, acts, 409, "last_admin").await;
}

#[tokio::test]
async fn g16_a_role_is_judged_as_it_is_when_the_write_begins() {
    let world = World::new().await;
    let app = &world.house().app;
    let admin = world.actor("acme", &["flag"]).await;
    let weaker = world.actor("acme", &keeper(&[])).await;
    let id = world.role(Some("acme"), "seller", &["users:view"]).await;
    let holder = world.invited("acme", &[]).await;
    give(&world, &admin, &holder, &id).await;
    let administrator = enter(app, &weaker, "roles:edit").await;
    let replace = || {
        let named = RoleRef {
            tenant: None,
            name: id.clone(),
        };
        role::replace(app, &administrator, named, Vec::new(), Expected::Anything)
    };
    // Who holds it grows stronger, and it itself does, after the actor was let in.
    let auditor = world.role(Some("acme"), "auditor", &["audit:view"]).await;
    give(&world, &admin, &holder, &auditor).await;
    assert_eq!(
        replace().await.unwrap_err().code,
        ErrorCode::PermissionDenied
    );
    let path = format!("/v1/users/{holder}");
    let gone = request("DELETE", &path, None).with(&admin.token);
    world.ask(gone).await.is(204, "");
    let edit = async |rights: Value| {
        let path = format!("/v1/roles/{id}/permissions");
        let ask = request("PUT", &path, Some(json!({"permissions": rights})));
        assert_eq!(world.ask(ask.with(&admin.token)).await.status, 200);
    };
    edit(json!(["audit:view"])).await;
    assert_eq!(
        replace().await.unwrap_err().code,
        ErrorCode::PermissionDenied
    );
    edit(json!(["users:edit"])).await;
    assert_eq!(replace().await.unwrap().items, []);
}
