//! Every code that the API can answer with, each asked for once.

use std::collections::BTreeSet;
use std::time::Duration;

use common::error::ErrorCode;
use serde_json::json;

use crate::house::{ADA, Ask, BETTER, GOOD, House, WRONG, change, get, login, post, refresh};
use crate::registration::register;

/// Codes that only the sockets give, or that nothing gives yet.
const NOT_OF_THIS_API: &[&str] = &["name_taken", "no_mail_transport"];

/// Codes that need a fault or a race, with the tests that bring them about.
const ELSEWHERE: &[(&str, &str)] = &[
    ("internal", "faults"),
    ("unavailable", "faults"),
    ("request_timeout", "faults"),
    ("overloaded", "queue"),
    ("conflict", "races"),
    ("session_superseded", "policies"),
    ("rate_limited", "lockout"),
    ("tenant_suspended", "cuts"),
    ("subscription_ended", "cuts"),
    ("session_expired", "cuts"),
    ("invalid_cursor", "users"),
    ("reauthentication_required", "users"),
    ("email_taken", "users"),
    ("user_limit_reached", "users"),
    ("last_admin", "users"),
    ("precondition_failed", "users"),
    ("feed_gap", "feed"),
];

fn stated(mut ask: Ask, method: &'static str) -> Ask {
    ask.method = method;
    ask
}

/// Requests without a session.
fn anonymous() -> Vec<(Ask, u16, &'static str)> {
    let with = |name: &str, value: serde_json::Value| {
        let mut ask = login(ADA, GOOD);
        ask.body.as_mut().unwrap()[name] = value;
        ask
    };
    let mut text = login(ADA, GOOD);
    let body = text.body.take();
    text.headers.push(("content-type", "text/plain".to_owned()));
    let untyped = text;
    assert!(body.is_some());
    vec![
        (post("/v1/auth/login", json!([1])), 400, "malformed_request"),
        (with("remember", true.into()), 400, "unknown_field"),
        (
            with("tenant", "a b\u{202e}".into()),
            422,
            "validation_failed",
        ),
        (with("email", "nobody".into()), 422, "validation_failed"),
        (
            with("password", "x".repeat(2000).into()),
            422,
            "validation_failed",
        ),
        (
            login(ADA, GOOD).device("d", "spaceship", None),
            422,
            "validation_failed",
        ),
        (
            with("password", "x".repeat(70_000).into()),
            413,
            "body_too_large",
        ),
        (untyped, 415, "unsupported_media_type"),
        (get("/v1/me?a=b"), 401, "missing_token"),
        (get("/v1/revocations"), 401, "invalid_client"),
        (get("/v1/nothing"), 404, "not_found"),
        (register(ADA, GOOD), 403, "registration_closed"),
        (get("/v1/auth/login"), 405, "method_not_allowed"),
        (login(ADA, WRONG), 401, "invalid_credentials"),
        (refresh("x"), 401, "invalid_token"),
        (post("/v1/auth/logout", json!({})), 401, "missing_token"),
    ]
}

#[tokio::test]
async fn a52_every_code_that_a_route_can_give_is_given() {
    let house = House::new().await;
    let session = house.sign_in().await;
    let token = session.access();
    let mut asks = anonymous();
    let check = |query: &str| get(&format!("/v1/auth/check?{query}")).with(token);
    asks.extend([
        (get("/v1/me?a=b").with(token), 400, "unknown_parameter"),
        (check("permission=users:view"), 403, "permission_denied"),
        (check("permission=Users"), 403, "unknown_permission"),
        (check("a=b"), 403, "permission_denied"),
        (change(token, GOOD, "short"), 422, "password_rejected"),
        (
            post(
                "/v1/auth/password/reset",
                json!({"token": "x", "new_password": BETTER}),
            ),
            410,
            "link_expired",
        ),
        (change(token, WRONG, BETTER), 401, "invalid_credentials"),
        (change(token, GOOD, GOOD), 422, "password_rejected"),
        (
            stated(get("/v1/me/sessions/x").with(token), "DELETE"),
            404,
            "not_found",
        ),
    ]);
    let mut given = BTreeSet::new();
    for (ask, status, code) in asks {
        let what = format!("{} {}", ask.method, ask.path);
        let answer = house.ask(ask).await;
        assert_eq!(
            (answer.status, answer.code()),
            (status, code),
            "{what}: {answer:?}"
        );
        given.insert(code);
    }
    given.extend(given_over_time(&house).await);
    given.extend(NOT_OF_THIS_API);
    given.extend(ELSEWHERE.iter().map(|(code, _)| code));
    let all: BTreeSet<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(given, all);
}

/// Codes that come with what happened before.
async fn given_over_time(house: &House) -> Vec<&'static str> {
    let old = house.sign_in().await;
    house.clock.advance(Duration::from_secs(5));
    house.ask(refresh(old.refresh())).await;
    house.clock.advance(Duration::from_secs(60 * 15));
    house.check(old.access()).await.is(401, "token_expired");
    house
        .ask(refresh(old.refresh()))
        .await
        .is(401, "refresh_token_reused");
    house
        .ask(refresh(old.refresh()))
        .await
        .is(401, "session_revoked");
    house.temporary("new@acme.test").await;
    let temporary = house.ask(login("new@acme.test", GOOD)).await;
    house
        .check(temporary.access())
        .await
        .is(403, "password_change_required");
    for _ in 0..5 {
        house.ask(login("nobody@acme.test", WRONG)).await;
    }
    let locked = house.ask(login("nobody@acme.test", WRONG)).await;
    locked.is(429, "login_locked");
    house.disable().await;
    house
        .ask(login(ADA, GOOD))
        .await
        .is(403, "account_disabled");
    vec![
        "token_expired",
        "refresh_token_reused",
        "session_revoked",
        "password_change_required",
        "login_locked",
        "account_disabled",
    ]
}
