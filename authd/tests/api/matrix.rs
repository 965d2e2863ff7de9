//! Every route that needs a permission, against everybody who may come: the table of routes says what
//! it needs, a row here how it is called. A route without a row fails (ASVS 8.2.1).

use std::collections::BTreeSet;

use authd::http::router::{Access, table};
use common::id::RoleId;
use domain::permission::{BUILT_IN, Permission};
use serde_json::Value;
use store::StoreError;

use crate::house::{Answer, Ask};
use crate::pictures::photo;
use crate::support::new_tenant;
use crate::world::{Actor, World, request};

/// How a route is called, and what it answers whom it serves.
pub(crate) struct Row {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    /// JSON; `{n}` becomes a new name.
    pub(crate) body: &'static str,
    pub(crate) status: u16,
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
pub(crate) const ROWS: &[Row] = &[
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
    row("PUT", "/v1/users/{id}/picture", PHOTO, 200),
    row("DELETE", "/v1/users/{id}/picture", "", 204),
    row("GET", "/v1/users/{id}/sessions", "", 200),
    row("DELETE", "/v1/users/{id}/sessions", "", 204),
    row("DELETE", "/v1/users/{id}/sessions/{session}", "", 204),
    row("GET", "/v1/users/{id}/login-attempts", "", 200),
    row("GET", "/v1/login-attempts", "", 200),
    row("GET", "/v1/lockouts", "", 200),
    row("GET", "/v1/sessions", "", 200),
    row("GET", "/v1/audit", "", 200),
    row("GET", "/v1/roles", "", 200),
    row("POST", "/v1/roles", r#"{"name": "{n}"}"#, 201),
    row("GET", "/v1/roles/{id}", "", 200),
    row("PATCH", "/v1/roles/{id}", r#"{"description": "For a day"}"#, 200),
    row("DELETE", "/v1/roles/{id}", "", 204),
    row("GET", "/v1/roles/{id}/permissions", "", 200),
    row("PUT", "/v1/roles/{id}/permissions", r#"{"permissions": []}"#, 200),
    row("GET", "/v1/roles/{id}/members", "", 200),
    row("GET", "/v1/system-roles", "", 200),
    row("POST", "/v1/system-roles", r#"{"name": "system:{n}"}"#, 201),
    row("GET", "/v1/system-roles/{id}", "", 200),
    row("PATCH", "/v1/system-roles/{id}", r#"{"description": "For a day"}"#, 200),
    row("DELETE", "/v1/system-roles/{id}", "", 204),
    row("GET", "/v1/system-roles/{id}/permissions", "", 200),
    row("PUT", "/v1/system-roles/{id}/permissions", r#"{"permissions": []}"#, 200),
    row("GET", "/v1/system-roles/{id}/members", "", 200),
    row("GET", "/v1/permissions", "", 200),
    row("POST", "/v1/permissions", r#"{"name": "{n}:view"}"#, 201),
    row("DELETE", "/v1/permissions/{name}", "", 204),
    row("GET", "/v1/clients", "", 200),
    row("POST", "/v1/clients", r#"{"name": "{n}"}"#, 201),
    row("GET", "/v1/clients/{id}", "", 200),
    row("PATCH", "/v1/clients/{id}", r#"{"name": "{n}"}"#, 200),
    row("DELETE", "/v1/clients/{id}", "", 204),
    row("POST", "/v1/clients/{id}/rotate", "", 200),
    row("GET", "/v1/tenant", "", 200),
    row("PATCH", "/v1/tenant", r#"{"name": "{n}"}"#, 200),
    row("GET", "/v1/tenant/settings", "", 200),
    row("PATCH", "/v1/tenant/settings", r#"{"lockout.threshold": 4}"#, 200),
    row("GET", "/v1/tenant/subscription", "", 200),
    row("GET", "/v1/tenants", "", 200),
    row("POST", "/v1/tenants", r#"{"slug": "{n}"}"#, 201),
    row("GET", "/v1/tenants/{id}", "", 200),
    row("PATCH", "/v1/tenants/{id}", r#"{"name": "{n}"}"#, 200),
    row("DELETE", "/v1/tenants/{id}", "", 204),
    row("PUT", "/v1/tenants/{id}/subscription", SUBSCRIPTION, 200),
    row("POST", "/v1/tenants/{id}/suspend", "", 204),
    row("POST", "/v1/tenants/{id}/resume", "", 204),
];

/// What takes a person who signed in just now (rule 14), whoever may do it.
const FRESH: &[(&str, &str)] = &[
    ("POST", "/v1/clients"),
    ("POST", "/v1/clients/{id}/rotate"),
    ("DELETE", "/v1/tenants/{id}"),
    ("DELETE", "/v1/system-roles/{id}"),
];

const SUBSCRIPTION: &str = r#"{"plan": "pro", "ends_at": null, "max_users": null}"#;

/// Stands for a body that is a picture.
const PHOTO: &str = "photo";
/// An id of a session of the right form that nothing has.
const NO_SESSION: &str = "ses_00000000000000000000000009";

/// What the path of a route names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Object {
    Nothing,
    User,
    SignedIn,
    Pictured,
    Role,
    SystemRole,
    Permission,
    Client,
    Tenant,
}

impl Object {
    /// A name of the right form that nothing has.
    fn nobody(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::User | Self::SignedIn | Self::Pictured => "usr_00000000000000000000000009",
            Self::Role | Self::SystemRole => "rol_00000000000000000000000009",
            Self::Permission => "nobody:view",
            Self::Client => "cli_00000000000000000000000009",
            Self::Tenant => "ten_00000000000000000000000009",
        }
    }

    /// Makes one of `acme`, or for all tenants.
    async fn make(self, world: &World) -> String {
        let name = world.name();
        match self {
            Self::Nothing => String::new(),
            Self::User => world.invited("acme", &[]).await,
            Self::SignedIn => world.actor("acme", &[]).await.id,
            Self::Pictured => {
                let id = world.invited("acme", &[]).await;
                world.picture(&id).await;
                id
            }
            Self::Role => world.role(Some("acme"), &name, &[]).await,
            Self::SystemRole => world.role(None, &format!("system:{name}"), &[]).await,
            Self::Permission => {
                let name = format!("{name}:view");
                world.define(&name).await;
                name
            }
            Self::Client => world.service("acme", &[]).await.id,
            Self::Tenant => world.house().tenant(new_tenant(&name)).await.to_string(),
        }
    }

    /// What there is of it.
    async fn state(self, world: &World, id: &str) -> String {
        let acme = world.house().acme;
        match self {
            Self::Nothing => String::new(),
            Self::User | Self::SignedIn | Self::Pictured => {
                format!("{:?}", world.user(acme, id).await)
            }
            Self::Role | Self::SystemRole => {
                let id: RoleId = id.parse().unwrap();
                let store = &world.house().app.store;
                let read = store.read(move |tx| tx.operator().role(id)).await;
                format!("{:?}", read.unwrap())
            }
            Self::Permission => {
                let name: Permission = id.parse().unwrap();
                let store = &world.house().app.store;
                let read = store.read(move |tx| tx.tenant(acme).permissions().by_name(&name));
                format!("{:?}", read.await.unwrap())
            }
            Self::Client => {
                let id = id.parse().unwrap();
                let store = &world.house().app.store;
                let row: Result<_, StoreError> = store.read(move |tx| tx.client(id)).await;
                format!("{:?}", row.unwrap())
            }
            Self::Tenant => {
                let id = id.parse().unwrap();
                let store = &world.house().app.store;
                let row = store.read(move |tx| tx.tenants().ever_by_id(id)).await;
                format!("{:?}", row.unwrap())
            }
        }
    }
}

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

    fn object(&self) -> Object {
        for (start, object) in [
            ("/v1/users/{id}/sessions/{session}", Object::SignedIn),
            ("/v1/users/{id}/picture", Object::Pictured),
            ("/v1/users/{id}", Object::User),
            ("/v1/roles/{id}", Object::Role),
            ("/v1/system-roles/{id}", Object::SystemRole),
            ("/v1/permissions/{name}", Object::Permission),
            ("/v1/clients/{id}", Object::Client),
            ("/v1/tenants/{id}", Object::Tenant),
        ] {
            if self.path.starts_with(start) {
                return object;
            }
        }
        assert!(
            !self.path.contains('{'),
            "{}: what does it name?",
            self.path
        );
        Object::Nothing
    }

    fn needs_id(&self) -> bool {
        self.object() != Object::Nothing
    }

    pub(crate) fn is_wide(&self) -> bool {
        let permission: Permission = self.permission().parse().unwrap();
        permission.is_system_only()
    }

    /// What it needs beside its permission: members of a system role are users of any tenant.
    fn beside(&self) -> &'static [&'static str] {
        match self.path {
            "/v1/system-roles/{id}/members" => &["users:view", "tenants:view"],
            _ => &[],
        }
    }

    fn changes(&self) -> bool {
        self.method != "GET"
    }

    /// The call about one object, with a query.
    async fn ask(&self, world: &World, id: &str, query: &str) -> Ask {
        let session = world.session_of(id).await;
        let session = session.unwrap_or_else(|| NO_SESSION.to_owned());
        self.about(world, id, &session, query)
    }

    /// The same with a session of the user, where the path names one.
    pub(crate) fn about(&self, world: &World, id: &str, session: &str, query: &str) -> Ask {
        let path = self.path.replace("{id}", id).replace("{name}", id);
        let path = path.replace("{role}", "clerk");
        let path = path.replace("{session}", session);
        if self.body == PHOTO {
            let ask = request(self.method, &format!("{path}{query}"), None);
            return ask.bytes("image/jpeg", &photo(8));
        }
        let body = self.body.replace("{n}", &world.name());
        let body = (!body.is_empty()).then(|| serde_json::from_str::<Value>(&body).unwrap());
        request(self.method, &format!("{path}{query}"), body)
    }

    /// The call about an object of `acme` that is made for it.
    async fn fresh(&self, world: &World, query: &str) -> Ask {
        let id = self.object().make(world).await;
        self.ask(world, &id, query).await
    }
}

/// An answer without what differs between any two.
pub(crate) fn bytes(answer: &Answer, ids: &[&str]) -> String {
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
        let object = row.object();
        let target = object.make(&world).await;
        let before = object.state(&world, &target).await;
        let traces = world.traces().await;
        let ask = async || row.ask(&world, &target, "").await;
        world.ask(ask().await).await.is(401, "missing_token");
        let mut refused = vec![&ordinary];
        refused.extend(single.iter().filter_map(|(held, actor)| {
            let serves = *held == permission.as_str() && !permission.is_system_only();
            (!serves).then_some(actor)
        }));
        for actor in refused {
            let answer = world.ask(ask().await.with(&actor.token)).await;
            assert_eq!(answer.code(), "permission_denied", "{what}: {answer:?}");
            // Before the object is looked up, and before the body is read.
            let mut broken = row.ask(&world, object.nobody(), "").await;
            broken.body = Some("broken".into());
            let answer = world.ask(broken.with(&actor.token)).await;
            answer.is(403, "permission_denied");
        }
        assert_eq!(object.state(&world, &target).await, before, "{what}");
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
async fn a35_rule_16_what_is_for_all_tenants_serves_users_of_system_alone() {
    let world = World::new().await;
    let all = world.actor("system", &["ALL_PERMISSIONS"]).await;
    let admin = world.actor("acme", &["ALL_PERMISSIONS"]).await;
    let wide: Vec<&Row> = ROWS.iter().filter(|row| row.is_wide()).collect();
    assert!(!wide.is_empty());
    for row in wide {
        let what = format!("{} {}", row.method, row.path);
        let mut needed = vec![row.permission()];
        needed.extend(row.beside());
        let fitting = world.actor("system", &needed).await;
        for actor in [&fitting, &all] {
            let ask = row.fresh(&world, "").await.with(&actor.token);
            let answer = world.ask(ask).await;
            assert_eq!(answer.status, row.status, "{what}: {answer:?}");
        }
        let object = row.object();
        let target = object.make(&world).await;
        let before = object.state(&world, &target).await;
        // Everything but the permission; all but one of what it needs.
        let other = BUILT_IN.iter().filter(|name| **name != row.permission());
        let mut refused = vec![other.copied().collect::<Vec<_>>()];
        for missing in row.beside() {
            let rest = needed.iter().filter(|name| *name != missing);
            refused.push(rest.copied().collect());
        }
        for rights in refused {
            let actor = world.actor("system", &rights).await;
            let traces = world.traces().await;
            for id in [target.as_str(), object.nobody()] {
                let ask = row.ask(&world, id, "").await.with(&actor.token);
                world.ask(ask).await.is(403, "permission_denied");
            }
            assert_eq!(world.traces().await, traces, "{what}");
        }
        let ask = row.ask(&world, &target, "").await.with(&admin.token);
        world.ask(ask).await.is(403, "permission_denied");
        assert_eq!(object.state(&world, &target).await, before, "{what}");
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
    for row in ROWS.iter().filter(|row| row.needs_id() && !row.is_wide()) {
        let object = row.object();
        let target = object.make(&world).await;
        let before = object.state(&world, &target).await;
        let traces = world.traces().await;
        for actor in &foreign {
            let of = async |id: &str| {
                let ask = row.ask(&world, id, "").await.with(&actor.token);
                world.ask(ask).await
            };
            let real = of(&target).await;
            real.is(404, "not_found");
            let real = bytes(&real, &[&target]);
            let nobody = object.nobody();
            assert_eq!(real, bytes(&of(nobody).await, &[nobody]));
            assert_eq!(real, bytes(&of("usr_no-id").await, &["usr_no-id"]));
            assert_eq!(real, bytes(&of(&target.to_uppercase()).await, &[]));
        }
        assert_eq!(object.state(&world, &target).await, before);
        assert_eq!(world.traces().await, traces);
    }
}

#[tokio::test]
async fn rule_16_another_tenant_needs_a_permission_on_tenants_beside_that_of_the_act() {
    let world = World::new().await;
    let admin = world.actor("acme", &["flag"]).await;
    for row in ROWS {
        let permission = row.permission();
        let (beside, other) = if row.changes() {
            ("tenants:edit", "tenants:view")
        } else {
            ("tenants:view", "tenants:edit")
        };
        let at = async |actor: &Actor, query: &str| {
            let ask = row.fresh(&world, query).await.with(&actor.token);
            world.ask(ask).await
        };
        let both = world.actor("system", &[permission, beside]).await;
        if row.is_wide() {
            at(&both, "?tenant=acme").await.is(400, "unknown_parameter");
            continue;
        }
        at(&admin, "?tenant=acme")
            .await
            .is(400, "unknown_parameter");
        at(&admin, "?tenant=globex")
            .await
            .is(400, "unknown_parameter");
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

#[tokio::test]
async fn a35_each_route_serves_service_clients_by_their_roles_in_their_tenant_alone() {
    let world = World::new().await;
    for row in ROWS {
        let what = format!("{} {}", row.method, row.path);
        let permission = row.permission();
        let others = BUILT_IN.iter().filter(|name| **name != permission);
        let others: Vec<&str> = others.copied().collect();
        let fitting: Vec<&str> = std::iter::once(permission)
            .chain(row.beside().iter().copied())
            .collect();
        let is_fresh = FRESH.contains(&(row.method, row.path));
        let home = if row.is_wide() { "system" } else { "acme" };
        let object = row.object();
        let target = object.make(&world).await;
        let weak = world.service(home, &others).await;
        let strong = world.service(home, &fitting).await;
        let elsewhere = world.service("globex", &fitting).await;
        let before = object.state(&world, &target).await;
        let traces = world.traces().await;
        let token = weak.token(world.house()).await.access().to_owned();
        let answer = world.ask(row.ask(&world, &target, "").await.with(&token));
        answer.await.is(403, "permission_denied");
        let token = elsewhere.token(world.house()).await.access().to_owned();
        let ask = row.ask(&world, &target, "").await.with(&token);
        if row.is_wide() {
            world.ask(ask).await.is(403, "permission_denied");
        } else if row.needs_id() && !is_fresh {
            world.ask(ask).await.is(404, "not_found");
        }
        let token = strong.token(world.house()).await.access().to_owned();
        let ask = row.ask(&world, &target, "?tenant=globex").await;
        world
            .ask(ask.with(&token))
            .await
            .is(400, "unknown_parameter");
        if is_fresh {
            let ask = row.ask(&world, &target, "").await.with(&token);
            world.ask(ask).await.is(403, "permission_denied");
        }
        assert_eq!(object.state(&world, &target).await, before, "{what}");
        assert_eq!(world.traces().await, traces, "{what}");
        if !is_fresh {
            let ask = row.fresh(&world, "").await.with(&token);
            let answer = world.ask(ask).await;
            assert_eq!(answer.status, row.status, "{what}: {answer:?}");
        }
        for service in [weak, strong, elsewhere] {
            service.delete(world.house()).await;
        }
    }
}
