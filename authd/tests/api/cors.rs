//! Pages of other origins: `acme` and `beta` have origins of their own, the operator has one.

use std::sync::Arc;
use std::time::Duration;

use authd::app::{Settings, tenant};
use axum::http::HeaderMap;
use common::call::Socket;
use common::call::setting::Set;
use serde_json::json;

use crate::house::{ADA, Answer, Ask, BETTER, GOOD, House, WRONG, get, login, post, refresh};
use crate::mailing::{Mailing, reset};
use crate::support::{FakePost, Plan, new_tenant, operator, plan};

const ACME: &str = "https://app.acme.test";
const BETA: &str = "https://app.beta.test";
const OPERATOR: &str = "https://desk.operator.test";
const CHECK: &str = "/v1/auth/check";

async fn house() -> House {
    let house = House::with(Plan {
        post: Some(Arc::new(FakePost::default())),
        ..plan()
    })
    .await;
    house.tenant(new_tenant("beta")).await;
    house.tenant(new_tenant("plain")).await;
    house.user("beta", "eve@beta.test").await;
    change(&house, |own| {
        Arc::make_mut(&mut own.tenant).cors_origins = vec![OPERATOR.to_owned()];
    });
    set(&house, "acme", ACME).await;
    set(&house, "beta", BETA).await;
    house
}

async fn set(house: &House, tenant: &str, origins: &str) {
    let request = Set {
        tenant: tenant.to_owned(),
        key: "cors.origins".to_owned(),
        value: origins.to_owned(),
        reason: None,
    };
    let set = tenant::settings::set(&house.app, &operator(Socket::Admin), request).await;
    set.unwrap();
}

/// As a reload does.
fn change(house: &House, edit: impl Fn(&mut Settings)) {
    let mut own: Settings = (*house.app.settings()).clone();
    edit(&mut own);
    house.app.settings.set(own);
}

fn of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap())
}

/// The origin whose pages may read an answer; every answer says that it may vary.
#[track_caller]
fn granted(answer: &Answer) -> Option<&str> {
    let headers = &answer.headers;
    assert_eq!(of(headers, "vary"), Some("Origin"), "{answer:?}");
    let origin = of(headers, "access-control-allow-origin");
    let exposed = of(headers, "access-control-expose-headers");
    assert_eq!(exposed.is_some(), origin.is_some(), "{answer:?}");
    assert_eq!(of(headers, "access-control-allow-credentials"), None);
    origin
}

/// The same request from pages of all origins: only those named may read the answer.
async fn is_for(house: &House, ask: Ask, status: u16, readers: &[&str]) {
    for origin in [ACME, BETA, OPERATOR, "null"] {
        let answer = house.ask(ask.clone().header("origin", origin)).await;
        let told = format!("{} {} from {origin}: {answer:?}", ask.method, ask.path);
        assert_eq!(answer.status, status, "{told}");
        let expected = readers.contains(&origin).then_some(origin);
        assert_eq!(granted(&answer), expected, "{told}");
    }
    let answer = house.ask(ask).await;
    assert_eq!((answer.status, granted(&answer)), (status, None));
}

fn question(path: &str, origin: &str, method: &str) -> Ask {
    Ask {
        method: "OPTIONS",
        ..get(path)
    }
    .header("origin", origin)
    .header("access-control-request-method", method)
    .header("access-control-request-headers", "authorization")
}

#[tokio::test]
async fn a53_an_answer_is_for_the_pages_of_its_tokens_tenant() {
    let house = house().await;
    let ada = house.ask(login(ADA, GOOD)).await;
    let body = json!({"tenant": "beta", "email": "eve@beta.test", "password": GOOD});
    let eve = house.ask(post("/v1/auth/login", body)).await;
    for path in [
        CHECK,
        "/v1/me",
        "/v1/me/sessions",
        &format!("{CHECK}?include=permissions"),
    ] {
        // Cold, and warm: a check is then answered in front of the router, with the same bytes.
        for _ in 0..2 {
            is_for(&house, get(path).with(ada.access()), 200, &[ACME]).await;
            is_for(&house, get(path).with(eve.access()), 200, &[BETA]).await;
        }
    }
    let warm = get(CHECK).with(ada.access()).header("origin", ACME);
    let ready = house.ready(warm.header("x-request-id", "a")).await.unwrap();
    assert_eq!(granted(&ready), Some(ACME));
    // Refusals, too: a page has to read why.
    is_for(&house, get("/v1/users").with(ada.access()), 403, &[ACME]).await;
    is_for(&house, get("/v1/me?x=1").with(ada.access()), 400, &[ACME]).await;
    is_for(&house, get("/nowhere").with(ada.access()), 404, &[ACME]).await;
    house.clock.advance(Duration::from_mins(11));
    is_for(&house, get("/v1/me").with(ada.access()), 401, &[ACME]).await;
    is_for(&house, get(CHECK).with(ada.access()), 401, &[ACME]).await;
    // Where there is no tenant, nobody reads.
    is_for(&house, get("/v1/me"), 401, &[]).await;
    is_for(&house, get("/v1/me").with("a.b.c"), 401, &[]).await;
    is_for(&house, get("/.well-known/jwks.json"), 200, &[]).await;
    // A setting holds from the next request on.
    set(&house, "acme", BETA).await;
    is_for(&house, get("/v1/me").with(ada.access()), 401, &[BETA]).await;
}

#[tokio::test]
async fn a53_an_answer_is_for_the_pages_of_its_bodys_tenant() {
    let house = house().await;
    let named = |tenant: &str| json!({"tenant": tenant, "email": ADA, "password": WRONG});
    for (tenant, reader) in [
        ("beta", BETA),
        // Without values of its own, or not there at all: as the installation.
        ("plain", OPERATOR),
        ("nobody", OPERATOR),
        ("-", OPERATOR),
    ] {
        let ask = post("/v1/auth/login", named(tenant));
        is_for(&house, ask, 401, &[reader]).await;
        let body = json!({"tenant": tenant, "email": "x@y.test"});
        for path in ["/v1/auth/password/forgot", "/v1/auth/verify-email/resend"] {
            is_for(&house, post(path, body.clone()), 202, &[reader]).await;
        }
    }
    // The body's tenant counts, whatever the token's is.
    let ada = house.ask(login(ADA, GOOD)).await;
    let body = json!({"tenant": "plain", "email": "x@y.test", "password": WRONG});
    let ask = post("/v1/auth/login", body).with(ada.access());
    is_for(&house, ask, 401, &[OPERATOR]).await;
    is_for(
        &house,
        post("/v1/auth/login", json!({"tenant": 5})),
        400,
        &[],
    )
    .await;
    // A refresh token, also one that is over: the last of these ends its session.
    is_for(&house, refresh(ada.refresh()), 200, &[ACME]).await;
    house.ask(refresh(ada.refresh())).await;
    house.clock.advance(Duration::from_mins(1));
    is_for(&house, refresh(ada.refresh()), 401, &[ACME]).await;
    let out = json!({"refresh_token": ada.refresh()});
    is_for(&house, post("/v1/auth/logout", out), 401, &[ACME]).await;
    is_for(&house, refresh("no.token"), 401, &[]).await;
}

#[tokio::test]
async fn a53_a_mailed_tokens_tenant_is_that_of_its_answer() {
    let mailing = Mailing::new().await;
    let house = &mailing.house;
    set(house, "acme", ACME).await;
    let token = mailing.token().await;
    is_for(house, reset(&token, "short"), 422, &[ACME]).await;
    is_for(house, reset("unknown", BETTER), 410, &[]).await;
}

#[tokio::test]
async fn a53_the_question_before_a_request_is_answered_from_all_tenants() {
    let house = house().await;
    let token = house.ask(login(ADA, GOOD)).await.access().to_owned();
    for origin in [ACME, BETA, OPERATOR] {
        for (path, method) in [
            ("/v1/me", "PATCH"),
            ("/v1/auth/login", "POST"),
            (CHECK, "GET"),
        ] {
            let answer = house.ask(question(path, origin, method)).await;
            assert_eq!((answer.status, answer.bytes.len()), (204, 0));
            let headers = &answer.headers;
            let said = [
                ("vary", Some("Origin")),
                ("access-control-allow-origin", Some(origin)),
                ("access-control-allow-methods", Some("GET, POST")),
                (
                    "access-control-allow-headers",
                    Some("authorization, content-type"),
                ),
                ("access-control-max-age", Some("600")),
                ("access-control-allow-credentials", None),
                ("access-control-expose-headers", None),
            ];
            for (name, value) in said {
                assert_eq!(of(headers, name), value, "{name} {origin}");
            }
        }
    }
    // Closed for maintenance it is answered as ever; without the question's header it is none.
    house.app.maintenance.set(Some("closed".to_owned()));
    let answer = house.ask(question("/v1/me", ACME, "GET")).await;
    assert_eq!(granted_by_question(&answer), Some(ACME));
    let closed = house
        .ask(get("/v1/me").with(&token).header("origin", ACME))
        .await;
    closed.is(503, "unavailable");
    assert_eq!(granted(&closed), Some(ACME));
    house.app.maintenance.set(None);
    let plain = Ask {
        method: "OPTIONS",
        ..get("/v1/me").header("origin", ACME)
    };
    house.ask(plain).await.is(405, "method_not_allowed");
}

fn granted_by_question(answer: &Answer) -> Option<&str> {
    assert_eq!(
        (answer.status, of(&answer.headers, "vary")),
        (204, Some("Origin"))
    );
    of(&answer.headers, "access-control-allow-origin")
}

#[tokio::test]
async fn v3_4_2_an_origin_that_only_looks_like_one_is_none() {
    let house = house().await;
    let token = house.ask(login(ADA, GOOD)).await.access().to_owned();
    for origin in [
        "null",
        "*",
        "",
        "https://app.acme.test.evil.test",
        "https://APP.acme.test",
        "https://app.acme.test:443",
        "https://app.acme.test:8443",
        "https://x.app.acme.test",
        "https://acme.test",
        "https://evilapp.acme.test",
        "http://app.acme.test",
        "https://app.acme.test/",
        "https://app.acme.test https://desk.operator.test",
        "app.acme.test",
    ] {
        for _ in 0..2 {
            let answer = house
                .ask(get(CHECK).with(&token).header("origin", origin))
                .await;
            assert_eq!((answer.status, granted(&answer)), (200, None), "{origin}");
        }
        let answer = house.ask(question("/v1/me", origin, "GET")).await;
        assert_eq!(granted_by_question(&answer), None, "{origin}");
    }
    // Two of them are none.
    let twice = get(CHECK).with(&token).header("origin", ACME);
    assert_eq!(
        granted(&house.ask(twice.header("origin", ACME)).await),
        None
    );
}

#[tokio::test]
async fn v3_4_2_credentials_go_to_named_origins_alone() {
    let house = house().await;
    let token = house.ask(login(ADA, GOOD)).await.access().to_owned();
    let asks = || {
        [
            get(CHECK).with(&token).header("origin", ACME),
            question("/v1/me", ACME, "GET"),
        ]
    };
    for (origins, credentials, allowed, sent) in [
        (ACME, true, Some(ACME), Some("true")),
        ("*", false, Some("*"), None),
        ("*", true, None, None),
    ] {
        set(&house, "acme", origins).await;
        change(&house, |own| own.cors.credentials = credentials);
        for ask in asks().into_iter().chain(asks()) {
            let answer = house.ask(ask).await;
            let headers = &answer.headers;
            assert_eq!(
                of(headers, "access-control-allow-origin"),
                allowed,
                "{origins}"
            );
            assert_eq!(
                of(headers, "access-control-allow-credentials"),
                sent,
                "{origins}"
            );
        }
    }
}
