//! Service clients over HTTP: their tokens, what they are told of tokens, and what they revoke.

use std::time::Duration;

use authd::app::{client, housekeeping, role, tenant};
use common::call::client::{ClientRef, Create, Delete, Rotate, Show};
use common::call::{self, Socket};
use common::secret::Secret;
use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::house::{ADA, Answer, Ask, GOOD, House, form, get, login, refresh};
use crate::support::{new_tenant, operator};

pub(crate) const ALL: [&str; 3] = ["introspect", "revocations", "revoke"];
const INACTIVE: &str = "{\"active\":false}";
const MINUTE: Duration = Duration::from_mins(1);

/// A client of a tenant, with what it proves itself by.
pub(crate) struct Service {
    pub(crate) id: String,
    pub(crate) secret: String,
}

pub(crate) fn creating(tenant: &str, scopes: &[&str]) -> Create {
    Create {
        tenant: tenant.to_owned(),
        name: "billing".to_owned(),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        roles: Vec::new(),
        expires_seconds: None,
    }
}

impl Service {
    pub(crate) async fn make(house: &House, request: Create) -> Self {
        let change = client::create(&house.app, &operator(Socket::Admin), request).await;
        let change = change.unwrap();
        Self {
            id: change.id.unwrap(),
            secret: change.client_secret.unwrap().expose().to_owned(),
        }
    }

    pub(crate) async fn of(house: &House, tenant: &str) -> Self {
        Self::make(house, creating(tenant, &ALL)).await
    }

    /// Lets the client ask.
    pub(crate) fn asks(&self, ask: Ask) -> Ask {
        let text = format!("{}:{}", self.id, self.secret);
        let header = format!("Basic {}", BASE64.encode(text.as_bytes()));
        ask.header("authorization", &header)
    }

    pub(crate) async fn token(&self, house: &House) -> Answer {
        let grant = form("/oauth2/token", "grant_type=client_credentials");
        house.ask(self.asks(grant)).await
    }

    async fn introspect(&self, house: &House, token: &str) -> Answer {
        let ask = form("/oauth2/introspect", &format!("token={token}"));
        house.ask(self.asks(ask)).await
    }

    pub(crate) async fn revoke(&self, house: &House, token: &str) -> Answer {
        let ask = form("/oauth2/revoke", &format!("token={token}"));
        house.ask(self.asks(ask)).await
    }

    fn reference(&self) -> ClientRef {
        ClientRef {
            tenant: None,
            name: self.id.clone(),
        }
    }

    /// Makes the next secret; `now` ends all before.
    async fn rotate(&self, house: &House, now: bool) -> Self {
        let request = Rotate {
            client: self.reference(),
            now,
            reason: None,
        };
        let change = client::rotate(&house.app, &operator(Socket::Admin), request).await;
        Self {
            id: self.id.clone(),
            secret: change.unwrap().client_secret.unwrap().expose().to_owned(),
        }
    }

    pub(crate) async fn delete(&self, house: &House) {
        let request = Delete {
            client: self.reference(),
            reason: None,
        };
        client::delete(&house.app, &operator(Socket::Admin), request)
            .await
            .unwrap();
    }

    /// Asserts that neither the secret nor a token is good any more.
    async fn is_dead(&self, house: &House, token: &str) {
        let refused = self.token(house).await;
        refused.is(401, "invalid_client");
        let refused = self.introspect(house, token).await;
        refused.is(401, "invalid_client");
        assert_ne!(house.check(token).await.status, 200);
    }
}

async fn cashier(house: &House) {
    let admin = operator(Socket::Admin);
    let define = call::permission::Define {
        tenant: Some("acme".to_owned()),
        name: "orders:view".to_owned(),
        description: None,
    };
    authd::app::permission::define(&house.app, &admin, define)
        .await
        .unwrap();
    let create = call::role::Create {
        tenant: Some("acme".to_owned()),
        name: "cashier".to_owned(),
        description: None,
        permissions: vec!["orders:view".to_owned()],
    };
    role::create(&house.app, &admin, create).await.unwrap();
}

fn claims(token: &str) -> Value {
    let body = token.split('.').nth(1).unwrap();
    let bytes = data_encoding::BASE64URL_NOPAD.decode(body.as_bytes());
    serde_json::from_slice(&bytes.unwrap()).unwrap()
}

#[tokio::test]
async fn rfc6749_4_4_a_client_gets_a_short_token_of_its_own_roles() {
    let house = House::new().await;
    cashier(&house).await;
    let request = Create {
        roles: vec!["cashier".to_owned()],
        ..creating("acme", &[])
    };
    let service = Service::make(&house, request).await;
    let answer = service.token(&house).await;
    let token = answer.access();
    let members: Vec<&String> = answer.body.as_object().unwrap().keys().collect();
    assert_eq!(members, ["access_token", "expires_in", "token_type"]);
    assert_eq!(answer.body["expires_in"], 600);
    assert_eq!(answer.headers["cache-control"], "no-store");
    let told = claims(token);
    assert_eq!(told["sub"], service.id.as_str());
    assert_eq!(told["client_id"], service.id.as_str());
    assert_eq!(told["tid"], house.acme.to_string());
    assert_eq!(told["roles"], json!(["cashier"]));
    for absent in ["sid", "adm", "auth_time"] {
        assert!(told.get(absent).is_none(), "{absent}");
    }
    // Check answers for it, and for nothing beyond its roles.
    let checked = house.check(token).await;
    assert_eq!(checked.status, 200);
    assert_eq!(checked.body["client_id"], service.id.as_str());
    assert_eq!(checked.body["user_id"], Value::Null);
    assert_eq!(checked.body["session_id"], Value::Null);
    assert_eq!(checked.body["is_tenant_admin"], false);
    // An application must not take it for a user.
    assert_eq!(checked.headers["x-auth-user-id"], "");
    assert_eq!(checked.headers["x-auth-session-id"], "");
    assert_eq!(
        checked.headers["x-auth-tenant-id"],
        house.acme.to_string().as_str()
    );
    assert_eq!(checked.headers["x-auth-roles"], "cashier");
    for (permission, status) in [("orders:view", 200), ("users:view", 403)] {
        let path = format!("/v1/auth/check?permission={permission}");
        let answer = house.ask(get(&path).with(token)).await;
        assert_eq!(answer.status, status, "{permission}");
    }
    // It is no user: no account, no sessions, no password.
    for path in ["/v1/me", "/v1/me/sessions", "/v1/me/permissions"] {
        let answer = house.ask(get(path).with(token)).await;
        answer.is(403, "permission_denied");
    }
    house.clock.advance(MINUTE * 10);
    house.check(token).await.is(401, "token_expired");
}

#[tokio::test]
async fn rfc6749_5_2_refusals_have_the_members_of_oauth_beside_ours() {
    let house = House::new().await;
    let service = Service::of(&house, "acme").await;
    for (path, text, error) in [
        (
            "/oauth2/token",
            "grant_type=password",
            "unsupported_grant_type",
        ),
        ("/oauth2/token", "", "invalid_request"),
        (
            "/oauth2/token",
            "grant_type=client_credentials&scope=introspect",
            "invalid_scope",
        ),
        (
            "/oauth2/token",
            "grant_type=client_credentials&grant_type=client_credentials",
            "invalid_request",
        ),
        (
            "/oauth2/token",
            "grant_type=client_credentials&client_secret=x",
            "invalid_request",
        ),
        ("/oauth2/introspect", "", "invalid_request"),
        ("/oauth2/introspect", "token=%zz", "invalid_request"),
        ("/oauth2/revoke", "tokn=x", "invalid_request"),
        // A81: no tenant is chosen here, by nobody.
        (
            "/oauth2/token?tenant=acme",
            "grant_type=client_credentials",
            "invalid_request",
        ),
        (
            "/oauth2/introspect?tenant=acme",
            "token=x",
            "invalid_request",
        ),
        ("/oauth2/revoke?tenant=acme", "token=x", "invalid_request"),
    ] {
        let answer = house.ask(service.asks(form(path, text))).await;
        assert_eq!(answer.status, 400, "{path} {text}: {answer:?}");
        assert_eq!(answer.body["error"], error, "{path} {text}");
        assert_eq!(answer.headers["content-type"], "application/json");
        let description = answer.body["error_description"].as_str().unwrap();
        assert!(!description.is_empty() && !description.contains('"'));
        // Ours stand beside them.
        assert_eq!(answer.body["status"], 400);
        let request_id = answer.body["request_id"].as_str().unwrap();
        assert!(request_id.starts_with("req_"));
        assert!(!answer.code().is_empty());
    }
}

#[tokio::test]
async fn rfc6749_5_2_the_shape_of_oauth_is_that_of_its_paths_alone() {
    let house = House::new().await;
    let service = Service::of(&house, "acme").await;
    let json = Ask {
        body: Some(json!({"grant_type": "client_credentials"})),
        method: "POST",
        ..get("/oauth2/token")
    };
    let answer = house.ask(service.asks(json)).await;
    answer.is(415, "unsupported_media_type");
    assert_eq!(answer.body["error"], "invalid_request");
    // Elsewhere the shape is ours alone.
    let answer = house.ask(get("/v1/revocations")).await;
    answer.is(401, "invalid_client");
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    assert_eq!(answer.body.get("error"), None);
}

#[tokio::test]
async fn v10_4_10_a_client_that_does_not_prove_itself_is_told_one_thing() {
    let house = House::new().await;
    let service = Service::of(&house, "acme").await;
    let user = house.sign_in().await;
    let mut answers = Vec::new();
    for (id, secret) in [
        ("cli_01h455vb4pex5vsknk084sn02q", service.secret.as_str()),
        (service.id.as_str(), "authd_cs_"),
        (service.id.as_str(), &service.secret.replace("cs", "ds")),
        (service.id.as_str(), user.refresh()),
        (&service.id.to_uppercase(), &service.secret),
        ("", ""),
    ] {
        let stranger = Service {
            id: id.to_owned(),
            secret: secret.to_owned(),
        };
        let mut answer = stranger.token(&house).await;
        answer.is(401, "invalid_client");
        assert_eq!(answer.body["error"], "invalid_client");
        answer.body["request_id"] = Value::Null;
        answers.push(answer.body);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    let good = service.token(&house).await;
    assert_eq!(good.status, 200);
    // The database holds SHA-256 only (rule 26).
    let body = service.secret.strip_prefix("authd_cs_").unwrap();
    let raw = data_encoding::BASE64URL_NOPAD
        .decode(body.as_bytes())
        .unwrap();
    for file in std::fs::read_dir(house.folder()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap_or_default();
        for secret in [body.as_bytes(), &raw] {
            assert!(!bytes.windows(secret.len()).any(|part| part == secret));
        }
    }
}

#[tokio::test]
async fn v10_4_16_each_endpoint_wants_its_scope() {
    let house = House::new().await;
    let token = house.sign_in().await.access().to_owned();
    let endpoints = [
        (
            "introspect",
            form("/oauth2/introspect", &format!("token={token}")),
        ),
        ("revoke", form("/oauth2/revoke", "token=unknown")),
        ("revocations", get("/v1/revocations")),
    ];
    for scope in ALL {
        let request = Create {
            name: scope.to_owned(),
            ..creating("acme", &[scope])
        };
        let service = Service::make(&house, request).await;
        for (wanted, ask) in &endpoints {
            let answer = house.ask(service.asks(ask.clone())).await;
            if scope == *wanted {
                assert_eq!(answer.status, 200, "{scope} {wanted}");
                continue;
            }
            answer.is(403, "permission_denied");
            if ask.path.starts_with("/oauth2") {
                assert_eq!(answer.body["error"], "unauthorized_client");
            }
        }
    }
    assert_eq!(house.check(&token).await.status, 200, "nothing was revoked");
}

#[tokio::test]
async fn rfc7662_an_active_token_is_told_of_and_nobody_is_active_by_that() {
    let house = House::new().await;
    let service = Service::of(&house, "acme").await;
    let user = house.sign_in().await;
    let before = house.sessions(house.ada).await[0].last_active_at;
    house.clock.advance(MINUTE);
    let answer = service.introspect(&house, user.access()).await;
    assert_eq!(answer.status, 200);
    let told = claims(user.access());
    assert_eq!(answer.body["active"], true);
    assert_eq!(answer.body["token_type"], "Bearer");
    for claim in [
        "iss",
        "aud",
        "sub",
        "client_id",
        "jti",
        "iat",
        "nbf",
        "exp",
        "tid",
        "tenant",
        "sid",
        "auth_time",
        "roles",
        "adm",
    ] {
        assert_eq!(answer.body[claim], told[claim], "{claim}");
    }
    assert!(house.app.activity.all().is_empty());
    assert_eq!(house.sessions(house.ada).await[0].last_active_at, before);
    // A hint is taken and changes nothing.
    let hinted = format!("token={}&token_type_hint=refresh_token", user.access());
    let hinted = service.asks(form("/oauth2/introspect", &hinted));
    assert_eq!(house.ask(hinted).await.body, answer.body);
    // Its own token, too.
    let own = service.token(&house).await;
    let answer = service.introspect(&house, own.access()).await;
    assert_eq!(answer.body["sub"], service.id.as_str());
    assert_eq!(answer.body["client_id"], service.id.as_str());
    assert_eq!(answer.body.get("sid"), None);
    // Roles are those of now, not those of the token.
    let admin = operator(Socket::Admin);
    let grant = call::user::Grant {
        user: crate::support::reference("acme", ADA),
        roles: vec!["system:superadmin".to_owned()],
    };
    authd::app::user::grant(&house.app, &admin, grant)
        .await
        .unwrap();
    let answer = service.introspect(&house, user.access()).await;
    assert_eq!(answer.body["roles"], json!(["system:superadmin"]));
}

#[tokio::test]
async fn a27_a77_rfc7662_whatever_is_not_active_is_byte_for_byte_the_same() {
    let house = House::new().await;
    let service = Service::of(&house, "acme").await;
    house.tenant(new_tenant("beta")).await;
    house.user("beta", "eve@beta.test").await;
    house.temporary("tmp@acme.test").await;
    let mut body = login("eve@beta.test", GOOD);
    body.body.as_mut().unwrap()["tenant"] = "beta".into();
    let foreign = house.ask(body).await.access().to_owned();
    assert_eq!(house.check(&foreign).await.status, 200);
    let limited = house.ask(login("tmp@acme.test", GOOD)).await;
    let foreign_client = Service::of(&house, "beta").await;
    let signed_out = house.sign_in().await.access().to_owned();
    let out = Ask {
        method: "POST",
        ..get("/v1/auth/logout").with(&signed_out)
    };
    assert_eq!(house.ask(out).await.status, 204);
    let user = house.sign_in().await;
    let mut forged = user.access().to_owned();
    forged.truncate(forged.len() - 4);
    let dead = Service::make(
        &house,
        Create {
            name: "dead".to_owned(),
            ..creating("acme", &[])
        },
    )
    .await;
    let of_dead = dead.token(&house).await.access().to_owned();
    dead.delete(&house).await;
    let tokens = [
        "unknown".to_owned(),
        "a.b.c".to_owned(),
        forged,
        foreign,
        foreign_client.token(&house).await.access().to_owned(),
        limited.access().to_owned(),
        user.refresh().to_owned(),
        signed_out,
        of_dead,
    ];
    for token in &tokens {
        let answer = service.introspect(&house, token).await;
        assert_eq!(
            (answer.status, answer.text.as_str()),
            (200, INACTIVE),
            "{token}"
        );
        assert_eq!(answer.headers["content-type"], "application/json");
    }
}

#[tokio::test]
async fn rfc7662_time_and_administrators_make_a_token_inactive_and_an_outage_does_not() {
    let house = House::new().await;
    let service = Service::of(&house, "acme").await;
    let user = house.sign_in().await;
    house.disable().await;
    let answer = service.introspect(&house, user.access()).await;
    assert_eq!(answer.text, INACTIVE);
    house.enable(ADA).await;
    let fresh = house.sign_in().await;
    assert_eq!(
        service.introspect(&house, fresh.access()).await.body["active"],
        true
    );
    house.clock.advance(MINUTE * 10);
    let answer = service.introspect(&house, fresh.access()).await;
    assert_eq!(answer.text, INACTIVE);
    // What is not known is not said to be inactive.
    house.app.store.close();
    let answer = service.introspect(&house, fresh.access()).await;
    answer.is(503, "unavailable");
    assert_eq!(answer.body["error"], "temporarily_unavailable");
}

#[tokio::test]
async fn rfc7009_what_is_revoked_is_refused_from_the_answer_on() {
    let house = House::new().await;
    let service = Service::of(&house, "acme").await;
    // An access token, alone: its session goes on.
    let user = house.sign_in().await;
    assert_eq!(house.check(user.access()).await.status, 200);
    let answer = service.revoke(&house, user.access()).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, ""));
    house.check(user.access()).await.is(401, "invalid_token");
    let next = house.ask(refresh(user.refresh())).await;
    assert_eq!(house.check(next.access()).await.status, 200);
    // A refresh token, with its session and all that came of it; an older one as well.
    assert_eq!(service.revoke(&house, next.refresh()).await.status, 200);
    house.check(next.access()).await.is(401, "session_revoked");
    house
        .ask(refresh(next.refresh()))
        .await
        .is(401, "session_revoked");
    let older = house.sign_in().await;
    house.clock.advance(MINUTE);
    let newer = house.ask(refresh(older.refresh())).await;
    assert_eq!(service.revoke(&house, older.refresh()).await.status, 200);
    house.check(newer.access()).await.is(401, "session_revoked");
    // A token of a client, and one that is good for changing a password.
    let own = service.token(&house).await.access().to_owned();
    assert_eq!(house.check(&own).await.status, 200);
    assert_eq!(service.revoke(&house, &own).await.status, 200);
    house.check(&own).await.is(401, "invalid_token");
    house.temporary("tmp@acme.test").await;
    let limited = house.ask(login("tmp@acme.test", GOOD)).await;
    assert_eq!(service.revoke(&house, limited.access()).await.status, 200);
    let change = crate::house::change(limited.access(), GOOD, crate::house::BETTER);
    assert_eq!(house.ask(change).await.status, 401);
    // Again, and whatever there never was.
    for token in [own.as_str(), "unknown", "a.b.c", next.refresh()] {
        let answer = service.revoke(&house, token).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, ""), "{token}");
    }
}

#[tokio::test]
async fn rfc7009_a_client_revokes_nothing_of_another_tenant() {
    let house = House::new().await;
    house.tenant(new_tenant("beta")).await;
    let service = Service::of(&house, "beta").await;
    let user = house.sign_in().await;
    for token in [user.access(), user.refresh()] {
        assert_eq!(service.revoke(&house, token).await.status, 200);
    }
    assert_eq!(house.check(user.access()).await.status, 200);
    assert_eq!(house.ask(refresh(user.refresh())).await.status, 200);
}

#[tokio::test]
async fn rfc7009_a_revocation_that_cannot_be_written_is_503_and_never_200() {
    let house = House::new().await;
    let service = Service::of(&house, "acme").await;
    let user = house.sign_in().await;
    let other = rusqlite::Connection::open(house.folder().join("authd.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    for token in [user.access(), user.refresh()] {
        let answer = service.revoke(&house, token).await;
        answer.is(503, "unavailable");
        assert_eq!(answer.headers["retry-after"], "1");
        assert_eq!(answer.body["error"], "temporarily_unavailable");
    }
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(house.check(user.access()).await.status, 200);
    assert_eq!(service.revoke(&house, user.access()).await.status, 200);
}

#[tokio::test]
async fn a79_clients_die_with_their_tenant_and_their_time() {
    let house = House::new().await;
    let request = Create {
        expires_seconds: Some(240),
        ..creating("acme", &ALL)
    };
    let service = Service::make(&house, request).await;
    let answer = service.token(&house).await;
    assert_eq!(answer.body["expires_in"], 240, "not beyond the client");
    let token = answer.access().to_owned();
    assert_eq!(house.check(&token).await.status, 200);
    let admin = operator(Socket::Admin);
    let suspend = call::tenant::Suspend {
        tenant: "acme".to_owned(),
        reason: None,
    };
    tenant::suspend(&house.app, &admin, suspend).await.unwrap();
    house.check(&token).await.is(403, "tenant_suspended");
    service.is_dead(&house, &token).await;
    let resume = call::tenant::Resume {
        tenant: "acme".to_owned(),
        reason: None,
    };
    tenant::resume(&house.app, &admin, resume).await.unwrap();
    assert_eq!(service.token(&house).await.status, 200);
    house.clock.advance(MINUTE * 4);
    service.is_dead(&house, &token).await;
}

#[tokio::test]
async fn rule_19_a_restored_tenant_revives_no_client() {
    let house = House::new().await;
    let service = Service::of(&house, "acme").await;
    let token = service.token(&house).await.access().to_owned();
    assert_eq!(house.check(&token).await.status, 200);
    let admin = operator(Socket::Admin);
    let delete = call::tenant::Delete {
        tenant: "acme".to_owned(),
        confirm: Some("acme".to_owned()),
        reason: None,
    };
    tenant::delete(&house.app, &admin, delete).await.unwrap();
    service.is_dead(&house, &token).await;
    let restore = call::tenant::Restore {
        tenant: "acme".to_owned(),
        reason: None,
    };
    tenant::restore(&house.app, &admin, restore).await.unwrap();
    service.is_dead(&house, &token).await;
    // Whoever may make it live again makes it another secret, and the old token stays dead.
    let next = service.rotate(&house, false).await;
    assert_eq!(next.token(&house).await.status, 200);
    assert_ne!(house.check(&token).await.status, 200);
}

#[tokio::test]
async fn v10_4_10_secrets_follow_one_another_and_take_their_tokens_along() {
    let house = House::new().await;
    let first = Service::of(&house, "acme").await;
    let token = first.token(&house).await.access().to_owned();
    assert_eq!(house.check(&token).await.status, 200);
    let second = first.rotate(&house, false).await;
    // Two side by side, so that nothing stands still.
    for service in [&first, &second] {
        assert_eq!(service.token(&house).await.status, 200);
    }
    assert_eq!(house.check(&token).await.status, 200);
    let third = second.rotate(&house, false).await;
    first.is_dead(&house, &token).await;
    assert_eq!(second.token(&house).await.status, 200);
    let token = third.token(&house).await.access().to_owned();
    assert_eq!(house.check(&token).await.status, 200);
    // One that got into other hands ends at once.
    let fourth = third.rotate(&house, true).await;
    for service in [&second, &third] {
        service.is_dead(&house, &token).await;
    }
    let token = fourth.token(&house).await.access().to_owned();
    assert_eq!(house.check(&token).await.status, 200);
    fourth.delete(&house).await;
    fourth.is_dead(&house, &token).await;
}

#[tokio::test]
async fn a40_roles_of_a_client_change_with_the_next_request() {
    let house = House::new().await;
    cashier(&house).await;
    let request = Create {
        roles: vec!["cashier".to_owned()],
        ..creating("acme", &[])
    };
    let service = Service::make(&house, request).await;
    let token = service.token(&house).await.access().to_owned();
    let asked = || get("/v1/auth/check?permission=orders:view").with(&token);
    assert_eq!(house.ask(asked()).await.status, 200);
    let deny = call::role::Deny {
        role: call::role::RoleRef {
            tenant: Some("acme".to_owned()),
            name: "cashier".to_owned(),
        },
        permissions: vec!["orders:view".to_owned()],
    };
    let admin = operator(Socket::Admin);
    role::deny(&house.app, &admin, deny).await.unwrap();
    house.ask(asked()).await.is(403, "permission_denied");
}

#[tokio::test]
async fn last_uses_of_clients_are_written_once_a_minute_and_at_the_end() {
    let house = House::new().await;
    let service = Service::of(&house, "acme").await;
    let shown = || async {
        let request = Show {
            tenant: None,
            client: service.id.clone(),
        };
        let view = client::show(&house.app, &operator(Socket::Admin), request).await;
        view.unwrap().last_used_at
    };
    let stored = || async {
        let id = service.id.parse().unwrap();
        let row = house.app.store.read(move |tx| tx.client(id)).await;
        let row: Option<domain::client::ServiceClient> =
            row.map_err(|error: store::StoreError| error).unwrap();
        row.unwrap().last_used_at
    };
    assert_eq!(shown().await, None);
    let token = service.token(&house).await.access().to_owned();
    assert_eq!(shown().await, Some(house.app.now()));
    assert_eq!(
        housekeeping::flush_activity(&house.app, false)
            .await
            .unwrap(),
        0
    );
    assert_eq!(stored().await, None);
    house.clock.advance(MINUTE);
    house.check(&token).await;
    assert_eq!(
        housekeeping::flush_activity(&house.app, false)
            .await
            .unwrap(),
        1
    );
    assert_eq!(stored().await, Some(house.app.now()));
}

#[tokio::test]
async fn an_operator_sees_why_a_clients_token_is_refused() {
    let house = House::new().await;
    let service = Service::of(&house, "acme").await;
    let token = service.token(&house).await.access().to_owned();
    let inspect = || async {
        let request = call::token::Inspect {
            token: Secret::new(token.clone()),
        };
        let admin = operator(Socket::Admin);
        let seen = authd::app::token::inspect(&house.app, &admin, request).await;
        let seen = seen.unwrap();
        (seen.accepted, seen.revoked)
    };
    assert_eq!(inspect().await, (true, None));
    service.rotate(&house, true).await;
    let ended = Some("secret of the client ended".to_owned());
    assert_eq!(inspect().await, (false, ended));
    service.delete(&house).await;
    assert_eq!(inspect().await, (false, Some("client gone".to_owned())));
}
