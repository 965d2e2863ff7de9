//! Two whole tenants over the whole API (4C, ASVS 8.2.2, 8.4.1): wherever a request names something, what
//! belongs to the other tenant is what there is not; nothing of it is told, and nothing of it is moved.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use authd::app::permission;
use authd::http::router::{Access, table};
use common::call::Socket;
use common::call::permission::Define;
use common::id::TenantId;
use data_encoding::BASE64URL_NOPAD;
use rusqlite::types::Value as Cell;
use serde_json::{Value, json};

use crate::clients::{Service, creating};
use crate::house::{Answer, Ask, GOOD, WRONG, form, get, post};
use crate::matrix::{ROWS, Row, bytes};
use crate::pictures::photo;
use crate::registration::open_plan;
use crate::support::{new_user, operator};
use crate::world::{Actor, World, request};

/// Stands for the id in a path, a query or a body.
const ID: &str = "$id";

/// What a place takes the id of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    User,
    Role,
    Session,
    Permission,
    Client,
}

/// A place in a request that names something of a tenant, beside the first one of a path.
struct Place {
    method: &'static str,
    /// `{user}` and `{role}` are the caller's own, `{n}` a new name.
    path: &'static str,
    body: &'static str,
    kind: Kind,
}

const fn place(method: &'static str, path: &'static str, body: &'static str, kind: Kind) -> Place {
    Place {
        method,
        path,
        body,
        kind,
    }
}

#[rustfmt::skip]
const PLACES: &[Place] = &[
    place("GET", "/v1/users?role=$id", "", Kind::Role),
    place("POST", "/v1/users", r#"{"email": "{n}@acme.test", "roles": ["$id"]}"#, Kind::Role),
    place("PUT", "/v1/users/{user}/roles", r#"{"roles": ["$id"]}"#, Kind::Role),
    place("POST", "/v1/users/{user}/roles", r#"{"role": "$id"}"#, Kind::Role),
    place("DELETE", "/v1/users/{user}/roles/$id", "", Kind::Role),
    place("DELETE", "/v1/users/{user}/sessions/$id", "", Kind::Session),
    place("DELETE", "/v1/me/sessions/$id", "", Kind::Session),
    place("GET", "/v1/login-attempts?user=$id", "", Kind::User),
    place("GET", "/v1/sessions?user=$id", "", Kind::User),
    place("GET", "/v1/audit?actor=$id", "", Kind::User),
    place("GET", "/v1/audit?object=$id", "", Kind::User),
    place("GET", "/v1/audit?object=$id", "", Kind::Role),
    place("GET", "/v1/audit?object=$id", "", Kind::Session),
    place("GET", "/v1/audit?object=$id", "", Kind::Permission),
    place("GET", "/v1/audit?object=$id", "", Kind::Client),
    place("GET", "/v1/roles?permission=$id", "", Kind::Permission),
    place("POST", "/v1/roles", r#"{"name": "{n}", "permissions": ["$id"]}"#, Kind::Permission),
    place("PATCH", "/v1/roles/{role}", r#"{"permissions": ["$id"]}"#, Kind::Permission),
    place("PUT", "/v1/roles/{role}/permissions", r#"{"permissions": ["$id"]}"#, Kind::Permission),
    place("GET", "/v1/auth/check?permission=$id", "", Kind::Permission),
    place("GET", "/v1/auth/check?any_permission=$id", "", Kind::Permission),
];

/// Paths that name something, and are asked by nobody's right: whoever has a picture's address has it.
const OF_NO_TENANT: &[&str] = &["/v1/pictures/{address}"];

impl Kind {
    /// A name of the right form that nothing has.
    fn nobody(self) -> &'static str {
        match self {
            Self::User => "usr_00000000000000000000000009",
            Self::Role => "rol_00000000000000000000000009",
            Self::Session => "ses_00000000000000000000000009",
            Self::Client => "cli_00000000000000000000000009",
            Self::Permission => "nobody:view",
        }
    }
}

/// A tenant with one of everything.
struct Side {
    tenant: &'static str,
    id: TenantId,
    admin: Actor,
    user: String,
    session: String,
    role: String,
    permission: String,
    service: Service,
    client_token: String,
}

impl Side {
    /// Furnishes a tenant; whatever it is called by bears the tenant's name or is its own id.
    async fn furnish(world: &World, tenant: &'static str, id: TenantId) -> Self {
        let house = world.house();
        let admin = world.actor(tenant, &["flag"]).await;
        let permission = define(world, tenant, &format!("{tenant}:view")).await;
        let name = format!("{tenant}-role");
        let role = world.role(Some(tenant), &name, &[&permission]).await;
        let user = world.actor(tenant, &[]).await;
        let session = house.check(&user.token).await.body["session_id"].clone();
        let service = Service::of(house, tenant).await;
        let client_token = service.token(house).await.access().to_owned();
        let side = Self {
            tenant,
            id,
            admin,
            user: user.id,
            session: session.as_str().unwrap().to_owned(),
            role,
            permission,
            service,
            client_token,
        };
        side.live_in(world, &user.email).await;
        side
    }

    /// A person with all fields and a picture, failures and a lock, a registration, a setting.
    async fn live_in(&self, world: &World, email: &str) {
        let person = json!({
            "name": {"given": self.canary("given")},
            "phone": "+254700123456",
            "address": {"line1": self.canary("street")},
            "employee": {"employee_id": self.canary("number"), "kra_pin": "A123456789X"},
            "external_refs": {"branch_id": self.canary("branch")},
        });
        let user = format!("/v1/users/{}", self.user);
        let done = self
            .asks(world, request("PATCH", &user, Some(person)))
            .await;
        assert_eq!(done.status, 200, "{done:?}");
        let picture = request("PUT", &format!("{user}/picture"), None);
        let picture = self.asks(world, picture.bytes("image/jpeg", &photo(8)));
        assert_eq!(picture.await.status, 200);
        let roles = json!({"role": self.role});
        let ask = request("POST", &format!("{user}/roles"), Some(roles));
        self.asks(world, ask).await.is(204, "");
        let setting = json!({"lockout.duration": "16m"});
        let ask = request("PATCH", "/v1/tenant/settings", Some(setting));
        let set = self.asks(world, ask).await;
        assert_eq!(set.status, 200, "{set:?}");
        let nobody = format!("{}@nowhere.test", self.canary("nobody"));
        for name in [email, &nobody] {
            for _ in 0..5 {
                let body = json!({"tenant": self.tenant, "email": name, "password": WRONG});
                world.ask(post("/v1/auth/login", body)).await;
            }
        }
        let body = json!({"tenant": self.tenant, "email": format!("new@{}.test", self.tenant),
            "password": GOOD, "name": {"given": self.canary("new")}});
        let registered = world.ask(post("/v1/auth/register", body)).await;
        registered.is(202, "");
    }

    fn canary(&self, what: &str) -> String {
        format!("{}-{what}", self.tenant)
    }

    fn of(&self, kind: Kind) -> &str {
        match kind {
            Kind::User => &self.user,
            Kind::Role => &self.role,
            Kind::Session => &self.session,
            Kind::Permission => &self.permission,
            Kind::Client => &self.service.id,
        }
    }

    /// What no answer to anybody else contains.
    fn names(&self) -> Vec<String> {
        let id = self.id.to_string();
        let own = [
            self.tenant,
            &id,
            &self.admin.id,
            &self.user,
            &self.session,
            &self.role,
            &self.service.id,
        ];
        own.iter().map(ToString::to_string).collect()
    }

    async fn asks(&self, world: &World, ask: Ask) -> Answer {
        world.ask(ask.with(&self.admin.token)).await
    }

    /// Makes what a row is about; its id, and that of a session of it.
    async fn own(&self, world: &World, row: &Row) -> (String, String) {
        let (tenant, name) = (self.tenant, world.name());
        let none = Kind::Session.nobody().to_owned();
        if row.path.contains("{session}") {
            let actor = world.actor(tenant, &[]).await;
            let checked = world.house().check(&actor.token).await;
            let session = checked.body["session_id"].as_str().unwrap().to_owned();
            return (actor.id, session);
        }
        let id = match row.path.split('/').nth(2).unwrap_or_default() {
            "users" => {
                let email = format!("{name}@{tenant}.test");
                let id = world.make(new_user(tenant, &email, GOOD)).await;
                let path = format!("/v1/users/{id}/picture");
                let picture = request("PUT", &path, None).bytes("image/jpeg", &photo(8));
                assert_eq!(self.asks(world, picture).await.status, 200);
                id
            }
            "roles" => world.role(Some(tenant), &name, &[]).await,
            "permissions" => define(world, tenant, &format!("{name}:view")).await,
            "clients" => {
                let request = common::call::client::Create {
                    name,
                    ..creating(tenant, &[])
                };
                Service::make(world.house(), request).await.id
            }
            "tenants" => self.id.to_string(),
            "system-roles" => self.role.clone(),
            _ => String::new(),
        };
        (id, none)
    }
}

async fn define(world: &World, tenant: &str, name: &str) -> String {
    let request = Define {
        tenant: Some(tenant.to_owned()),
        name: name.to_owned(),
        description: None,
    };
    let by = operator(Socket::Admin);
    permission::define(&world.house().app, &by, request)
        .await
        .unwrap();
    name.to_owned()
}

/// Acme and Globex, furnished alike.
async fn twins() -> (World, [Side; 2]) {
    let mut plan = open_plan(|_| ());
    plan.settings.default_max_users = 5000;
    let world = World::with(plan).await;
    let tenants = world.house().app.store.read(|tx| {
        let slug = |slug: &str| tx.tenants().by_slug(&slug.parse().unwrap());
        Ok::<_, store::StoreError>(["acme", "globex"].map(slug))
    });
    let [acme, globex] = tenants.await.unwrap();
    let acme = Side::furnish(&world, "acme", acme.unwrap().unwrap().id).await;
    let globex = Side::furnish(&world, "globex", globex.unwrap().unwrap().id).await;
    (world, [acme, globex])
}

/// All rows of the database but those of one tenant.
fn all_but(world: &World, tenant: TenantId) -> String {
    let file = world.house().folder().join("authd.db");
    let database = rusqlite::Connection::open(file).unwrap();
    let list = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'sqlite_sequence'";
    let mut names = database.prepare(list).unwrap();
    let names = names.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let names: Vec<String> = names.collect::<Result<_, _>>().unwrap();
    let mut text = String::new();
    for table in names {
        let mut rows = database
            .prepare(&format!(
                "SELECT * FROM {table} WHERE {}",
                is_other(&database, &table)
            ))
            .unwrap();
        let columns = rows.column_count();
        let tenant: &[u8] = tenant.as_bytes();
        let cells = rows.query_map([tenant], |row| {
            (0..columns).map(|n| row.get::<_, Cell>(n)).collect()
        });
        let mut lines = BTreeSet::new();
        for row in cells.unwrap() {
            let row: Vec<Cell> = row.unwrap();
            lines.insert(format!("{table} {row:?}"));
        }
        for line in lines {
            writeln!(text, "{line}").unwrap();
        }
    }
    text
}

/// How a table tells which of its rows belong to another tenant; all of one that does not tell count.
fn is_other(database: &rusqlite::Connection, table: &str) -> String {
    let of = |owner: &str, column: &str| {
        format!("{column} NOT IN (SELECT id FROM {owner} WHERE tenant_id IS ?1)")
    };
    match table {
        "tenants" => "id IS NOT ?1".to_owned(),
        "audit" => "chain IS NOT ?1".to_owned(),
        "role_permissions" => of("roles", "role_id"),
        // A user that is gone by now is nobody's, and so is the list of denied tokens.
        "invalidations" => "kind = 1 OR id IN (SELECT id FROM tenants WHERE id IS NOT ?1 \
            UNION SELECT id FROM users WHERE tenant_id IS NOT ?1 \
            UNION SELECT id FROM sessions WHERE tenant_id IS NOT ?1)"
            .to_owned(),
        "pictures" => of("users", "user_id"),
        "client_secrets" | "client_roles" => of("clients", "client_id"),
        "tries" => "counter NOT IN (SELECT key FROM counters WHERE tenant_id IS ?1)".to_owned(),
        _ => {
            let columns = format!(
                "SELECT count(*) FROM pragma_table_info('{table}') WHERE name = 'tenant_id'"
            );
            let count: i64 = database.query_row(&columns, [], |row| row.get(0)).unwrap();
            let is_other = if count == 1 {
                "tenant_id IS NOT ?1"
            } else {
                "?1 = ?1"
            };
            is_other.to_owned()
        }
    }
}

/// Everything that an answer says; of a signed one, what is within.
fn said(answer: &Answer) -> String {
    let mut text = format!("{:?} {}", answer.headers, answer.text);
    for part in answer.text.split('.') {
        let Ok(bytes) = BASE64URL_NOPAD.decode(part.as_bytes()) else {
            continue;
        };
        text.push_str(&String::from_utf8_lossy(&bytes));
    }
    text
}

#[track_caller]
fn tells_nothing_of(other: &Side, what: &str, answer: &Answer) {
    let said = said(answer);
    for name in other.names() {
        assert!(!said.contains(&name), "{what} tells {name}: {said}");
    }
}

/// What a signed-in user, a client and a stranger may ask for beside what needs a permission.
fn beside(side: &Side, other: &Side) -> Vec<(&'static str, Ask, u16)> {
    let me = |path, status| (path, get(path).with(&side.admin.token), status);
    let mut asks = vec![
        me("/v1/me", 200),
        me("/v1/me/permissions", 200),
        me("/v1/me/sessions", 200),
        me("/v1/me/login-attempts", 200),
        me("/v1/me/picture", 404),
        me("/v1/auth/check?include=permissions", 200),
    ];
    for path in [
        "/readyz",
        "/.well-known/jwks.json",
        "/.well-known/oauth-authorization-server",
    ] {
        asks.push((path, get(path), 200));
    }
    let own = request("PATCH", "/v1/me", Some(json!({"locale": "sw"})));
    asks.push(("/v1/me", own.with(&side.admin.token), 200));
    let login = json!({"tenant": side.tenant, "email": other.admin.email, "password": GOOD});
    asks.push(("/v1/auth/login", post("/v1/auth/login", login), 401));
    let page = get("/v1/revocations?since=0");
    asks.push(("/v1/revocations", side.service.asks(page), 200));
    for path in ["/oauth2/introspect", "/oauth2/revoke"] {
        for token in [&other.admin.token, &other.client_token] {
            let told = form(path, &format!("token={token}"));
            asks.push((path, side.service.asks(told), 200));
        }
    }
    asks
}

#[tokio::test]
async fn v8_4_1_two_tenants_over_the_whole_api_know_and_move_nothing_of_each_other() {
    let (world, sides) = twins().await;
    let [acme, globex] = &sides;
    for (side, other) in [(acme, globex), (globex, acme)] {
        let before = all_but(&world, side.id);
        assert!(before.contains(&other.canary("street")), "{before}");
        for row in ROWS {
            let what = format!("{} {} of {}", row.method, row.path, side.tenant);
            let (id, session) = side.own(&world, row).await;
            let ask = |id: &str, session: &str| {
                let mut ask = row.about(&world, id, session, "");
                if let Some(email) = ask.body.as_mut().and_then(|body| body.get_mut("email")) {
                    *email = json!(format!("{}@{}.test", world.name(), side.tenant));
                }
                ask.with(&side.admin.token)
            };
            let theirs = match row.path.split('/').nth(2).unwrap_or_default() {
                "users" => other.user.clone(),
                "roles" | "system-roles" => other.role.clone(),
                "permissions" => other.permission.clone(),
                "clients" => other.service.id.clone(),
                "tenants" => other.id.to_string(),
                _ => String::new(),
            };
            if row.path.contains('{') {
                let refused = world.ask(ask(&theirs, &other.session)).await;
                let wanted = if row.is_wide() { 403 } else { 404 };
                assert_eq!(refused.status, wanted, "{what}: {refused:?}");
                tells_nothing_of(other, &what, &refused);
            }
            let served = world.ask(ask(&id, &session)).await;
            let wanted = if row.is_wide() { 403 } else { row.status };
            assert_eq!(served.status, wanted, "{what}: {served:?}");
            tells_nothing_of(other, &what, &served);
        }
        for (what, ask, status) in beside(side, other) {
            let answer = world.ask(ask).await;
            assert_eq!(answer.status, status, "{what}: {answer:?}");
            tells_nothing_of(other, what, &answer);
        }
        // The log of attempts of names is by the slug as it was given; the login above is one of it.
        assert_eq!(all_but(&world, side.id), before, "{} moved it", side.tenant);
        for token in [&other.admin.token, &other.client_token] {
            assert_eq!(world.house().check(token).await.status, 200);
        }
    }
}

/// A request that names `id` at a place; paths name the caller's own user and role.
fn at(place: &Place, world: &World, side: &Side, id: &str) -> Ask {
    let path = place.path.replace(ID, id);
    let path = path
        .replace("{user}", &side.user)
        .replace("{role}", &side.role);
    let body = place.body.replace(ID, id).replace("{n}", &world.name());
    let body = (!body.is_empty()).then(|| serde_json::from_str::<Value>(&body).unwrap());
    request(place.method, &path, body)
}

#[tokio::test]
async fn v8_2_2_wherever_an_id_stands_that_of_another_tenant_is_that_of_nothing() {
    let (world, [acme, globex]) = twins().await;
    let before = all_but(&world, acme.id);
    let traces = world.traces().await;
    for place in PLACES {
        let what = format!("{} {}", place.method, place.path);
        let foreign = globex.of(place.kind);
        let answered = async |id: &str| {
            let answer = acme.asks(&world, at(place, &world, &acme, id)).await;
            tells_nothing_of(&globex, &what, &answer_without(&answer, id));
            bytes(&answer, &[id])
        };
        let nobody = answered(place.kind.nobody()).await;
        assert_eq!(answered(foreign).await, nobody, "{what}");
    }
    assert_eq!(world.traces().await, traces, "no row, no mail");
    assert_eq!(all_but(&world, acme.id), before);
    // The places are read: what is the caller's own is answered otherwise.
    for place in PLACES
        .iter()
        .filter(|place| place.path != "/v1/audit?object=$id")
    {
        let own = acme.of(place.kind);
        let served = acme.asks(&world, at(place, &world, &acme, own)).await;
        let nobody = place.kind.nobody();
        let refused = acme.asks(&world, at(place, &world, &acme, nobody)).await;
        let what = format!("{} {}", place.method, place.path);
        // Its own user has done nothing, so its changes are none either.
        if place.path != "/v1/audit?actor=$id" && place.path != "/v1/me/sessions/$id" {
            assert_ne!(bytes(&served, &[own]), bytes(&refused, &[nobody]), "{what}");
        }
    }
}

/// The answer as if it had not repeated what was asked for.
fn answer_without(answer: &Answer, id: &str) -> Answer {
    Answer {
        text: answer.text.replace(id, ""),
        ..answer.clone()
    }
}

/// Tokens: what another tenant's client is told of them, and revokes of them.
#[tokio::test]
async fn v8_2_2_a_token_of_another_tenant_is_told_and_revoked_like_none() {
    let (world, [acme, globex]) = twins().await;
    for path in ["/oauth2/introspect", "/oauth2/revoke"] {
        let told = async |token: &str| {
            let ask = form(path, &format!("token={token}"));
            let answer = world.ask(acme.service.asks(ask)).await;
            bytes(&answer, &[token])
        };
        let nothing = told("no.such.token").await;
        for token in [&globex.admin.token, &globex.client_token] {
            assert_eq!(told(token).await, nothing, "{path}");
            assert_eq!(world.house().check(token).await.status, 200);
        }
    }
}

/// A parameter in a path is one of those that are asked above, or of no tenant.
#[test]
fn v8_2_2_every_id_in_a_path_is_asked() {
    let rows: BTreeSet<_> = ROWS.iter().map(|row| (row.method, row.path)).collect();
    for route in table() {
        let segments = route.path.split('/').filter(|part| part.starts_with('{'));
        let count = segments.count();
        let is_row = rows.contains(&(route.method, route.path));
        // The first one of a row by the walks over the rows, each further one by a place.
        let asked = usize::from(is_row);
        let last = route.path.rsplit_once('/').map(|(start, _)| start);
        let is_place = PLACES.iter().any(|place| {
            let path = place.path.split('?').next().unwrap_or_default();
            let start = path.rsplit_once('/').map(|(start, _)| start);
            let start = start.map(|start| start.replace("{user}", "{id}"));
            path.ends_with(ID) && place.method == route.method && start.as_deref() == last
        });
        let asked = asked + usize::from(is_place && (count > 1 || !is_row));
        let is_open = OF_NO_TENANT.contains(&route.path);
        assert!(
            asked >= count || is_open,
            "{route:?}: no foreign id is tried"
        );
    }
}

#[tokio::test]
async fn row_4c_cve_2026_9094_no_token_is_carried_into_another_tenant_by_a_parameter() {
    let (world, [acme, globex]) = twins().await;
    let before = all_but(&world, acme.id);
    for name in ["tenant", "tenant_id", "org", "owner"] {
        for route in table() {
            let what = format!("{} {}?{name}=", route.method, route.path);
            let path = route
                .path
                .replace("{id}", &acme.user)
                .replace("{name}", &acme.permission);
            let path = path
                .replace("{role}", "clerk")
                .replace("{session}", &acme.session);
            let id = globex.id.to_string();
            let value = if name == "tenant" { globex.tenant } else { &id };
            let ask = request(route.method, &format!("{path}?{name}={value}"), None);
            let (ask, code) = match route.access {
                // Who asks for a picture, a page or the keys is nobody in particular.
                Access::Public => continue,
                Access::ServiceClient => (acme.service.asks(ask), "unknown_parameter"),
                Access::SignedIn if route.path == "/v1/auth/check" => {
                    (ask.with(&acme.admin.token), "permission_denied")
                }
                Access::SignedIn => (ask.with(&acme.admin.token), "unknown_parameter"),
                Access::Permission(permission) => {
                    let is_wide = permission
                        .parse::<domain::permission::Permission>()
                        .unwrap()
                        .is_system_only();
                    let code = if is_wide {
                        "permission_denied"
                    } else {
                        "unknown_parameter"
                    };
                    (ask.with(&acme.admin.token), code)
                }
            };
            let answer = world.ask(ask).await;
            assert_eq!(answer.code(), code, "{what}: {answer:?}");
            tells_nothing_of(&globex, &what, &answer);
        }
    }
    assert_eq!(all_but(&world, acme.id), before);
    assert_eq!(world.house().check(&acme.admin.token).await.status, 200);
}

/// GET and HEAD are safe: whoever asks for whatever there is, nothing is another afterwards.
#[tokio::test]
async fn v3_5_3_no_get_and_no_head_changes_anything() {
    let (world, [acme, _]) = twins().await;
    let root = world.actor("system", &["ALL_PERMISSIONS"]).await;
    let nobody = TenantId::from_bytes([0; 16]);
    let before = all_but(&world, nobody);
    let mut served = 0;
    for route in table().into_iter().filter(|route| route.method == "GET") {
        let object = match route.path.split('/').nth(2).unwrap_or_default() {
            "roles" => &acme.role,
            "tenants" => &acme.id.to_string(),
            _ => &acme.user,
        };
        let path = route.path.replace("{id}", object);
        for method in ["GET", "HEAD"] {
            let ask = request(method, &path, None);
            let asks = match route.access {
                Access::ServiceClient => vec![acme.service.asks(ask)],
                _ => vec![
                    ask.clone(),
                    ask.clone().with(&acme.admin.token),
                    ask.with(&root.token),
                ],
            };
            for ask in asks {
                served += u32::from(world.ask(ask).await.status == 200);
            }
        }
    }
    assert!(served > 100, "{served} were answered");
    assert_eq!(all_but(&world, nobody), before);
}
