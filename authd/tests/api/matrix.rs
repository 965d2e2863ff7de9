//! Every route that needs a permission, against everybody who may come: the table of routes says what
//! it needs, a row here how it is called. A route without a row fails (ASVS 8.2.1).

use std::collections::BTreeSet;

use authd::http::router::{Access, table};
use domain::permission::{BUILT_IN, Permission};
use serde_json::Value;

use crate::house::{Answer, Ask};
use crate::world::{Actor, World, request};

/// How a route is called, and what it answers whom it serves.
struct Row {
    method: &'static str,
    path: &'static str,
    /// JSON; `{n}` becomes a new name.
    body: &'static str,
    status: u16,
}

const fn row(method: &'static str, path: &'static str, body: &'static str, status: u16) -> Row {
    Row {
        method,
        path,
        body,
        status,
    }
}

#[rustfmt::skip]
const ROWS: &[Row] = &[
    row("GET", "/v1/users", "", 200),
    row("POST", "/v1/users", r#"{"email": "{n}@acme.test"}"#, 201),
    row("GET", "/v1/users/{id}", "", 200),
    row("PATCH", "/v1/users/{id}", r#"{"locale": "sw-KE"}"#, 200),
    row("DELETE", "/v1/users/{id}", "", 204),
    row("POST", "/v1/users/{id}/disable", "", 204),
    row("POST", "/v1/users/{id}/enable", "", 204),
    row("POST", "/v1/users/{id}/unlock", "", 204),
    row("POST", "/v1/users/{id}/password-reset", "", 202),
    row("POST", "/v1/users/{id}/resend-invitation", "", 202),
    row("GET", "/v1/users/{id}/roles", "", 200),
    row("PUT", "/v1/users/{id}/roles", r#"{"roles": ["clerk"]}"#, 200),
    row("POST", "/v1/users/{id}/roles", r#"{"role": "clerk"}"#, 204),
    row("DELETE", "/v1/users/{id}/roles/{role}", "", 204),
    row("GET", "/v1/users/{id}/permissions", "", 200),
];

/// An id of the right form that nothing has.
const NOBODY: &str = "usr_00000000000000000000000009";

impl Row {
    fn permission(&self) -> &'static str {
        let found = table()
            .into_iter()
            .find(|route| (route.method, route.path) == (self.method, self.path));
        match found.map(|route| route.access) {
            Some(Access::Permission(permission)) => permission,
            other => panic!("{} {}: {other:?}", self.method, self.path),
        }
    }

    fn needs_id(&self) -> bool {
        self.path.contains("{id}")
    }

    fn changes(&self) -> bool {
        self.method != "GET"
    }

    /// The call about one object, with a query.
    fn ask(&self, world: &World, id: &str, query: &str) -> Ask {
        let path = self.path.replace("{id}", id).replace("{role}", "clerk");
        let body = self.body.replace("{n}", &world.name());
        let body = (!body.is_empty()).then(|| serde_json::from_str::<Value>(&body).unwrap());
        request(self.method, &format!("{path}{query}"), body)
    }

    /// The call about an object of `acme` that is made for it.
    async fn fresh(&self, world: &World, query: &str) -> Ask {
        let id = if self.needs_id() {
            world.invited("acme", &[]).await
        } else {
            String::new()
        };
        self.ask(world, &id, query)
    }
}

/// An answer without what differs between any two.
fn bytes(answer: &Answer, ids: &[&str]) -> String {
    let mut text = answer.text.clone();
    if let Some(id) = answer.body["request_id"].as_str() {
        text = text.replace(id, "REQUEST");
    }
    for id in ids {
        text = text.replace(id, "ID");
    }
    let mut headers: Vec<String> = answer
        .headers
        .iter()
        .filter(|(name, _)| !["x-request-id", "date"].contains(&name.as_str()))
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    headers.sort();
    format!("{} {headers:?} {text}", answer.status)
}

#[test]
fn v8_2_1_every_route_with_a_permission_has_its_row() {
    let routes: BTreeSet<_> = table()
        .into_iter()
        .filter_map(|route| match route.access {
            Access::Permission(permission) => {
                let parsed: Permission = permission.parse().unwrap();
                assert!(parsed.is_built_in(), "{route:?}");
                Some((route.path, route.method))
            }
            Access::Public | Access::SignedIn | Access::ServiceClient => None,
        })
        .collect();
    let rows: BTreeSet<_> = ROWS.iter().map(|row| (row.path, row.method)).collect();
    assert_eq!(routes, rows);
    assert_eq!(rows.len(), ROWS.len(), "a row stands there twice");
}

#[tokio::test]
async fn a35_each_route_serves_its_own_permission_and_no_other() {
    let world = World::new().await;
    let ordinary = world.actor("acme", &[]).await;
    let admin = world.actor("acme", &["flag"]).await;
    let mut single: Vec<(&str, Actor)> = Vec::new();
    for permission in BUILT_IN {
        single.push((permission, world.actor("acme", &[permission]).await));
    }
    for row in ROWS {
        let what = format!("{} {}", row.method, row.path);
        let permission: Permission = row.permission().parse().unwrap();
        let target = world.invited("acme", &[]).await;
        let before = world.user(world.house().acme, &target).await;
        let traces = world.traces().await;
        let ask = || row.ask(&world, &target, "");
        world.ask(ask()).await.is(401, "missing_token");
        let mut refused = vec![&ordinary];
        refused.extend(single.iter().filter_map(|(held, actor)| {
            let serves = *held == permission.as_str() && !permission.is_system_only();
            (!serves).then_some(actor)
        }));
        for actor in refused {
            let answer = world.ask(ask().with(&actor.token)).await;
            assert_eq!(answer.code(), "permission_denied", "{what}: {answer:?}");
            // Before the object is looked up, and before the body is read.
            let mut broken = row.ask(&world, NOBODY, "");
            broken.body = Some("broken".into());
            let answer = world.ask(broken.with(&actor.token)).await;
            answer.is(403, "permission_denied");
        }
        assert_eq!(
            world.user(world.house().acme, &target).await,
            before,
            "{what}"
        );
        assert_eq!(world.traces().await, traces, "{what}");
        let served = single
            .iter()
            .filter(|(held, _)| *held == permission.as_str());
        for (_, actor) in served.chain([&("", admin.clone())]) {
            let answer = world
                .ask(row.fresh(&world, "").await.with(&actor.token))
                .await;
            let wanted = if permission.is_system_only() {
                403
            } else {
                row.status
            };
            assert_eq!(answer.status, wanted, "{what}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a36_what_is_foreign_answers_like_what_there_is_not_byte_for_byte() {
    let world = World::new().await;
    let foreign = [
        world.actor("globex", &["flag"]).await,
        world.actor("system", &["flag"]).await,
        world.actor("system", &["ALL_PERMISSIONS"]).await,
    ];
    for row in ROWS.iter().filter(|row| row.needs_id()) {
        let target = world.invited("acme", &[]).await;
        let before = world.user(world.house().acme, &target).await;
        let traces = world.traces().await;
        for actor in &foreign {
            let of = async |id: &str| {
                let ask = row.ask(&world, id, "").with(&actor.token);
                world.ask(ask).await
            };
            let real = of(&target).await;
            real.is(404, "not_found");
            let real = bytes(&real, &[&target]);
            assert_eq!(real, bytes(&of(NOBODY).await, &[NOBODY]));
            assert_eq!(real, bytes(&of("usr_no-id").await, &["usr_no-id"]));
            assert_eq!(real, bytes(&of(&target.to_uppercase()).await, &[]));
        }
        assert_eq!(world.user(world.house().acme, &target).await, before);
        assert_eq!(world.traces().await, traces);
    }
}

#[tokio::test]
async fn rule_16_another_tenant_needs_a_permission_on_tenants_beside_that_of_the_act() {
    let world = World::new().await;
    let admin = world.actor("acme", &["flag"]).await;
    for row in ROWS {
        let permission = row.permission();
        let is_wide = permission.parse::<Permission>().unwrap().is_system_only();
        let (beside, other) = if row.changes() {
            ("tenants:edit", "tenants:view")
        } else {
            ("tenants:view", "tenants:edit")
        };
        let at = async |actor: &Actor, query: &str| {
            let ask = row.fresh(&world, query).await.with(&actor.token);
            world.ask(ask).await
        };
        at(&admin, "?tenant=acme")
            .await
            .is(400, "unknown_parameter");
        at(&admin, "?tenant=globex")
            .await
            .is(400, "unknown_parameter");
        let both = world.actor("system", &[permission, beside]).await;
        if is_wide {
            at(&both, "?tenant=acme").await.is(400, "unknown_parameter");
            continue;
        }
        for rights in [&[permission][..], &[permission, other], &[beside, other]] {
            let actor = world.actor("system", rights).await;
            at(&actor, "?tenant=acme")
                .await
                .is(403, "permission_denied");
            at(&actor, "?tenant=nowhere")
                .await
                .is(403, "permission_denied");
        }
        let answer = at(&both, "?tenant=acme").await;
        assert_eq!(answer.status, row.status, "{permission}: {answer:?}");
        at(&both, "?tenant=nowhere").await.is(404, "not_found");
        at(&both, "?tenant=Not%20a%20slug")
            .await
            .is(404, "not_found");
        at(&both, "?tenant=acme&tenant=globex")
            .await
            .is(400, "malformed_request");
        at(&both, "?tenant=acme&nothing=1")
            .await
            .is(400, "unknown_parameter");
        if row.needs_id() {
            at(&both, "?tenant=globex").await.is(404, "not_found");
            at(&both, "").await.is(404, "not_found");
        }
    }
}
