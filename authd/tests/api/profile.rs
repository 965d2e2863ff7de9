//! The signed-in user's own profile: what may be changed of it, by whom, and bound to what (rule 29).

use std::time::Duration;

use authd::app::{authenticate, me, picture};
use common::error::ErrorCode;
use common::id::RequestId;
use domain::picture::{Picture, PictureAddress, PictureKind};
use serde_json::{Value, json};
use store::Claim;

use crate::house::{ADA, Answer, Ask, GOOD, House, WRONG, get, login, post};

fn patch(token: &str, body: Value) -> Ask {
    Ask {
        method: "PATCH",
        ..post("/v1/me", body).with(token)
    }
}

#[track_caller]
fn refused_at(answer: &Answer, path: &str, code: &str) {
    answer.is(422, "validation_failed");
    let fields = answer.body["fields"].as_array().unwrap();
    assert_eq!(fields.len(), 1, "{answer:?}");
    assert_eq!(fields[0]["path"], path, "{answer:?}");
    assert_eq!(fields[0]["code"], code, "{answer:?}");
}

#[tokio::test]
async fn s15_a_user_changes_name_phone_address_and_locale() {
    let house = House::new().await;
    let session = house.sign_in().await;
    let token = session.access();
    let before = house.ask(get("/v1/me").with(token)).await;
    let body = json!({
        "name": {"given": " Ada ", "family": "O'Brien-Ng\u{169}g\u{129}"},
        "phone": "+254 700-000 000",
        "address": {"line1": "1 Road", "city": "Nairobi", "country": "KE"},
        "locale": "sw-KE",
    });
    let changed = house.ask(patch(token, body)).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    let user = &changed.body;
    assert_eq!(user["name"]["given"], "Ada");
    assert_eq!(user["name"]["display"], "Ada O'Brien-Ng\u{169}g\u{129}");
    assert_eq!(user["phone"], "+254700000000");
    assert_eq!(user["address"]["country"], "KE");
    assert_eq!(user["locale"], "sw-KE");
    let read = house.ask(get("/v1/me").with(token)).await;
    assert_eq!(read.body, changed.body);
    assert_eq!(read.headers["etag"], changed.headers["etag"]);
    assert_ne!(read.headers["etag"], before.headers["etag"]);
    // Members are merged; null takes away; what is not named stays.
    let body = json!({"address": {"city": null, "line2": "2nd floor"}, "phone": null});
    let merged = house.ask(patch(token, body)).await;
    let address = &merged.body["address"];
    assert_eq!(
        (&address["line1"], &address["line2"], &address["city"]),
        (&json!("1 Road"), &json!("2nd floor"), &Value::Null)
    );
    assert_eq!(merged.body["phone"], Value::Null);
    assert_eq!(merged.body["locale"], "sw-KE");
    // A shown name that nobody chose follows the others; a chosen one stays.
    let named = house
        .ask(patch(token, json!({"name": {"given": "Grace"}})))
        .await;
    assert_eq!(
        named.body["name"]["display"],
        "Grace O'Brien-Ng\u{169}g\u{129}"
    );
    let body = json!({"name": {"display": "The Admiral"}});
    house.ask(patch(token, body)).await;
    let named = house
        .ask(patch(token, json!({"name": {"family": null}})))
        .await;
    assert_eq!(named.body["name"]["display"], "The Admiral");
    let gone = house
        .ask(patch(
            token,
            json!({"name": null, "address": null, "locale": null}),
        ))
        .await;
    for field in ["address", "locale"] {
        assert_eq!(gone.body[field], Value::Null, "{field}");
    }
    assert_eq!(gone.body["name"]["display"], Value::Null);
}

#[tokio::test]
async fn rule_29_no_other_field_is_taken_from_a_user() {
    let house = House::new().await;
    let session = house.sign_in().await;
    let before = house.ask(get("/v1/me").with(session.access())).await;
    for body in [
        json!({"email": "eve@acme.test"}),
        json!({"email_verified": false}),
        json!({"roles": ["system:superadmin"]}),
        json!({"is_tenant_admin": true}),
        json!({"status": "disabled"}),
        json!({"employee": {"employee_id": "E-1"}}),
        json!({"external_refs": {"branch_id": "b2"}}),
        json!({"picture_url": "/v1/pictures/x"}),
        json!({"password": GOOD}),
        json!({"tenant_id": "ten_x"}),
        json!({"id": "usr_x"}),
        json!({"created_at": "2020-01-01T00:00:00Z"}),
        json!({"name": {"given": "Ada", "middle": "B"}}),
        json!({"address": {"planet": "Mars"}}),
        json!({"phone": "+254700000001", "is_tenant_admin": true}),
    ] {
        let answer = house.ask(patch(session.access(), body.clone())).await;
        assert_eq!(
            (answer.status, answer.code()),
            (400, "unknown_field"),
            "{body}"
        );
    }
    let after = house.ask(get("/v1/me").with(session.access())).await;
    assert_eq!(after.body, before.body);
}

fn emoji(count: usize) -> String {
    "\u{1F60A}".repeat(count)
}

/// Values that break a rule, where they stand, and the reason.
fn broken() -> Vec<(Value, &'static str, &'static str)> {
    vec![
        (json!({"phone": "0700000000"}), "/phone", "invalid_phone"),
        (
            json!({"phone": "+2547000000000000"}),
            "/phone",
            "invalid_phone",
        ),
        (json!({"phone": ""}), "/phone", "invalid_phone"),
        (json!({"locale": "en_US"}), "/locale", "invalid_locale"),
        (json!({"locale": "../en"}), "/locale", "invalid_locale"),
        (
            json!({"name": {"given": emoji(101)}}),
            "/name/given",
            "too_long",
        ),
        (
            json!({"name": {"family": "a\u{202e}b"}}),
            "/name/family",
            "forbidden_characters",
        ),
        (
            json!({"name": {"display": "a\nb"}}),
            "/name/display",
            "forbidden_characters",
        ),
        (json!({"name": {"given": "  "}}), "/name/given", "empty"),
        (
            json!({"address": {"line1": emoji(201)}}),
            "/address/line1",
            "too_long",
        ),
        (
            json!({"address": {"city": "a\u{7}"}}),
            "/address/city",
            "forbidden_characters",
        ),
        (
            json!({"address": {"country": "Kenya"}}),
            "/address/country",
            "invalid_country",
        ),
        (
            json!({"address": {"country": "ke"}}),
            "/address/country",
            "invalid_country",
        ),
        // The good half is not done either.
        (
            json!({"locale": "en", "phone": "1"}),
            "/phone",
            "invalid_phone",
        ),
    ]
}

#[tokio::test]
async fn rule_29_a_value_that_breaks_a_rule_is_named_and_nothing_is_changed() {
    let house = House::new().await;
    let session = house.sign_in().await;
    let token = session.access();
    let before = house.ask(get("/v1/me").with(token)).await;
    for (body, path, code) in broken() {
        refused_at(&house.ask(patch(token, body)).await, path, code);
    }
    let after = house.ask(get("/v1/me").with(token)).await;
    assert_eq!(after.body, before.body);
    // Lengths count code points, and markup is kept as it is.
    let body = json!({"name": {"given": emoji(100)}, "address": {"line1": "<b>\"&'"}});
    let kept = house.ask(patch(token, body)).await;
    assert_eq!(kept.body["name"]["given"], emoji(100));
    assert_eq!(kept.body["address"]["line1"], "<b>\"&'");
    for body in [json!({"phone": 1}), json!({"name": "Ada"}), json!([])] {
        let answer = house.ask(patch(token, body)).await;
        answer.is(400, "malformed_request");
    }
}

#[tokio::test]
async fn a_change_may_be_bound_to_what_was_read() {
    let house = House::new().await;
    let session = house.sign_in().await;
    let token = session.access();
    let read = house.ask(get("/v1/me").with(token)).await;
    let tag = read.headers["etag"].to_str().unwrap().to_owned();
    let change =
        |locale: &str, tag: &str| patch(token, json!({ "locale": locale })).header("if-match", tag);
    let changed = house.ask(change("en", &format!("\"other\", {tag}"))).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    house
        .ask(change("fr", &tag))
        .await
        .is(412, "precondition_failed");
    let now = changed.headers["etag"].to_str().unwrap();
    house
        .ask(change("fr", &format!("W/{now}")))
        .await
        .is(412, "precondition_failed");
    house
        .ask(change("fr", "not a tag"))
        .await
        .is(400, "malformed_request");
    let read = house.ask(get("/v1/me").with(token)).await;
    assert_eq!(read.body["locale"], "en");
    assert_eq!(house.ask(change("fr", "*")).await.status, 200);
    // What changes nothing leaves the tag.
    let again = house.ask(change("fr", "*")).await;
    let read = house.ask(get("/v1/me").with(token)).await;
    assert_eq!(again.headers["etag"], read.headers["etag"]);
    let merge = Ask {
        body: None,
        ..patch(token, Value::Null)
    }
    .bytes("application/merge-patch+json", b"{\"locale\":\"sw\"}");
    assert_eq!(house.ask(merge.clone()).await.body["locale"], "sw");
    house
        .ask(merge.bytes("text/plain", b"{\"locale\":\"en\"}"))
        .await
        .is(415, "unsupported_media_type");
}

#[tokio::test]
async fn a_user_sees_attempts_of_its_own_without_the_reasons() {
    let house = House::new().await;
    house.user("acme", "eve@acme.test").await;
    house.ask(login("eve@acme.test", WRONG)).await;
    house.ask(login(ADA, WRONG)).await;
    house.clock.advance(Duration::from_secs(1));
    let session = house.sign_in().await;
    let list = |query: &str| get(&format!("/v1/me/login-attempts{query}")).with(session.access());
    let all = house.ask(list("")).await;
    let items = all.body["items"].as_array().unwrap();
    assert_eq!(items.len(), 2, "{all:?}");
    assert_eq!(
        (&items[0]["success"], &items[1]["success"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(items[1]["ip"], "203.0.113.7");
    for item in items {
        assert_eq!(item["user_id"], house.ada.to_string());
        let trace = item.get("trace").and_then(Value::as_array);
        assert!(trace.is_none_or(Vec::is_empty), "{item}");
    }
    let first = house.ask(list("?limit=1")).await;
    let cursor = first.body["next_cursor"].as_str().unwrap();
    let second = house.ask(list(&format!("?limit=1&cursor={cursor}"))).await;
    assert_eq!(second.body["items"][0], items[1]);
    assert_eq!(second.body["next_cursor"], Value::Null);
    // The cursor is this list's and this user's.
    let other = house.ask(login("eve@acme.test", GOOD)).await;
    let stolen = get(&format!("/v1/me/login-attempts?cursor={cursor}")).with(other.access());
    house.ask(stolen).await.is(400, "invalid_cursor");
    let elsewhere = get(&format!("/v1/me/sessions?cursor={cursor}")).with(session.access());
    house.ask(elsewhere).await.is(400, "invalid_cursor");
    house
        .ask(list("?user=x"))
        .await
        .is(400, "unknown_parameter");
}

#[tokio::test]
async fn g16_what_was_let_in_by_a_session_that_has_ended_since_is_not_written() {
    let house = House::new().await;
    let session = house.sign_in().await;
    let client = authd::app::Client {
        ip: "203.0.113.7".parse().unwrap(),
        has_own_address: true,
        correlation_id: None,
        request_id: RequestId::from_bytes([1; 16]),
        claim: Claim::detached(),
    };
    let app = &house.app;
    let checked = authenticate::authenticate(app, client, session.access()).await;
    let caller = checked.unwrap().caller;
    house.disable().await;
    let made = Picture {
        address: PictureAddress::from_bytes([7; 16]),
        kind: PictureKind::Jpeg,
        bytes: vec![1],
        created_at: app.now(),
    };
    let refused = [
        picture::put_own(app, &caller, made).await.unwrap_err(),
        picture::remove_own(app, &caller).await.unwrap_err(),
        me::update(
            app,
            &caller,
            me::ProfilePatch::default(),
            authd::app::entity::Expected::Anything,
        )
        .await
        .unwrap_err(),
    ];
    for error in refused {
        assert_eq!(error.code, ErrorCode::SessionRevoked);
    }
    let user = me::show(app, &caller).await.unwrap();
    assert_eq!(user.picture, None);
}
