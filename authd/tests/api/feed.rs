//! The feed of revocations: signed pages, in order, of one tenant, and never with a gap.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use authd::app::housekeeping;
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::clients::{Service, creating};
use crate::house::{Answer, Ask, GOOD, House, get, login, until};
use crate::support::{new_tenant, operator};
use common::call::Socket;
use common::call::client::Create;

fn ask(service: &Service, query: &str) -> Ask {
    service.asks(get(&format!("/v1/revocations?{query}")))
}

/// The claims of a page whose signature is that of a published key.
fn page(house: &House, answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.headers["content-type"], "application/jwt");
    let part = |n: usize| -> Value {
        let text = answer.text.split('.').nth(n).unwrap();
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    };
    assert_eq!(part(0)["typ"], "revocations+jwt");
    // What is longer is no token to the inspection.
    if answer.text.len() < 8192 {
        let seen = house.app.keys.inspect(&answer.text).unwrap();
        assert_eq!(seen.is_signed, Some(true));
    }
    part(1)
}

async fn pages(house: &House, service: &Service, query: &str) -> Value {
    page(house, &house.ask(ask(service, query)).await)
}

/// A call that has proved itself, and waits for what comes behind a number.
async fn wait(house: &House, service: &Service, since: &Value) -> JoinHandle<Answer> {
    house.clock.advance(Duration::from_secs(1));
    let waiting = house.start(ask(service, &format!("since={since}&wait_seconds=25")));
    let (id, now) = (service.id.parse().unwrap(), house.app.now());
    until(async || house.app.client_uses.last_active(id) == Some(now)).await;
    assert!(!waiting.is_finished());
    waiting
}

fn sid(token: &str) -> Value {
    let body = token.split('.').nth(1).unwrap();
    let bytes = BASE64URL_NOPAD.decode(body.as_bytes()).unwrap();
    let claims: Value = serde_json::from_slice(&bytes).unwrap();
    claims["sid"].clone()
}

#[tokio::test]
async fn a79_v4_1_5_pages_are_signed_for_one_client_and_soon_over() {
    let house = House::new().await;
    let service = Service::of(&house, "acme").await;
    let head = pages(&house, &service, "").await;
    assert_eq!(head["items"], json!([]));
    assert_eq!(head["since"], head["upto"]);
    let user = house.sign_in().await;
    assert_eq!(service.revoke(&house, user.refresh()).await.status, 200);
    let since = format!("since={}", head["upto"]);
    let answer = house.ask(ask(&service, &since)).await;
    let told = page(&house, &answer);
    let now = house.app.now().seconds();
    assert_eq!(told["iss"], house.app.settings().issuer);
    assert_eq!(told["aud"], service.id.as_str());
    assert_eq!(told["tid"], house.acme.to_string());
    assert_eq!(
        (&told["iat"], &told["exp"]),
        (&json!(now), &json!(now + 60))
    );
    assert_eq!(told["since"], head["upto"]);
    let number = head["upto"].as_u64().unwrap() + 1;
    assert_eq!(told["upto"], number);
    let item = json!({"kind": "session", "number": number, "sid": sid(user.access())});
    assert_eq!(told["items"], json!([item]));
    // A page opens nothing (RFC 8725 3.11).
    house.check(&answer.text).await.is(401, "invalid_token");
    // Another client of the tenant gets its own.
    let other = Create {
        name: "other".to_owned(),
        ..creating("acme", &["revocations"])
    };
    let other = Service::make(&house, other).await;
    assert_eq!(
        pages(&house, &other, &since).await["aud"],
        other.id.as_str()
    );
}

#[tokio::test]
async fn a79_a_client_sees_nothing_of_another_tenant() {
    let house = House::new().await;
    house.tenant(new_tenant("beta")).await;
    house.user("beta", "eve@beta.test").await;
    let (acme, beta) = (
        Service::of(&house, "acme").await,
        Service::of(&house, "beta").await,
    );
    let mut eve = login("eve@beta.test", GOOD);
    eve.body.as_mut().unwrap()["tenant"] = "beta".into();
    let eve = house.ask(eve).await;
    let ada = house.sign_in().await;
    beta.revoke(&house, eve.access()).await;
    acme.revoke(&house, ada.access()).await;
    acme.revoke(&house, ada.refresh()).await;
    let kinds = |told: &Value| -> Vec<String> {
        let items = told["items"].as_array().unwrap();
        items.iter().map(|item| item["kind"].to_string()).collect()
    };
    let told = pages(&house, &acme, "since=0").await;
    assert_eq!(kinds(&told), ["\"jti\"", "\"session\""]);
    assert!(
        !told
            .to_string()
            .contains(sid(eve.access()).as_str().unwrap())
    );
    let told = pages(&house, &beta, "since=0").await;
    assert_eq!(kinds(&told), ["\"jti\""]);
    // What belongs to no tenant is told to all of them.
    let request = common::call::token::Revoke {
        jti: "w4Z2uPRcTH2vVcGmEGVYbQ".to_owned(),
        reason: None,
    };
    authd::app::token::revoke(&house.app, &operator(Socket::Admin), request)
        .await
        .unwrap();
    for service in [&acme, &beta] {
        let told = pages(&house, service, "since=0").await;
        let last = told["items"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(last["jti"], "w4Z2uPRcTH2vVcGmEGVYbQ");
    }
}

#[tokio::test]
async fn a79_acts_of_administrators_are_in_the_feed() {
    let house = House::new().await;
    let service = Service::of(&house, "acme").await;
    let admin = operator(Socket::Admin);
    house.sign_in().await;
    let at = house.app.now().seconds();
    house.disable().await;
    let rotated = common::call::key::Revoke {
        key: house.app.keys.kid(),
        confirm: Some(house.app.keys.kid()),
        reason: None,
    };
    authd::app::key::revoke(&house.app, &admin, rotated)
        .await
        .unwrap();
    let suspend = common::call::tenant::Suspend {
        tenant: "acme".to_owned(),
        reason: None,
    };
    authd::app::tenant::suspend(&house.app, &admin, suspend)
        .await
        .unwrap();
    house
        .ask(ask(&service, "since=0"))
        .await
        .is(401, "invalid_client");
    let resume = common::call::tenant::Resume {
        tenant: "acme".to_owned(),
        reason: None,
    };
    authd::app::tenant::resume(&house.app, &admin, resume)
        .await
        .unwrap();
    let told = pages(&house, &service, "since=0").await;
    let items = told["items"].as_array().unwrap();
    let kinds: Vec<&str> = items
        .iter()
        .map(|item| item["kind"].as_str().unwrap())
        .collect();
    let mut expected = kinds.clone();
    expected.sort_unstable();
    assert_eq!(expected, ["key", "session", "tenant", "user"], "{told}");
    let user = items.iter().find(|item| item["kind"] == "user").unwrap();
    assert_eq!(user["sub"], house.ada.to_string());
    assert_eq!(user["not_before"], at + 1);
}

#[tokio::test]
async fn a79_what_is_too_old_or_ahead_is_a_gap() {
    let house = House::new().await;
    let service = Service::of(&house, "acme").await;
    house.sign_in().await;
    house.disable().await;
    let told = pages(&house, &service, "since=0").await;
    let upto = told["upto"].as_u64().unwrap();
    assert!(upto > 0);
    let ahead = format!("since={}", upto + 1);
    let refused = house.ask(ask(&service, &ahead)).await;
    refused.is(410, "feed_gap");
    house.clock.advance(Duration::from_hours(7 * 24 + 1));
    housekeeping::prune(&house.app).await.unwrap();
    for since in [0, upto - 1] {
        let refused = house.ask(ask(&service, &format!("since={since}"))).await;
        refused.is(410, "feed_gap");
    }
    // Whoever has seen the last one has missed nothing.
    let told = pages(&house, &service, &format!("since={upto}")).await;
    assert_eq!((&told["items"], &told["upto"]), (&json!([]), &json!(upto)));
    for (query, status) in [
        ("since=-1", 400),
        ("since=x", 400),
        ("since=18446744073709551615", 410),
        ("since=0&since=0", 400),
        ("tenant=acme", 400),
        ("since=0&wait_seconds=26", 422),
    ] {
        let answer = house.ask(ask(&service, query)).await;
        assert_eq!(answer.status, status, "{query}");
    }
}

#[tokio::test]
async fn a_long_poll_is_answered_by_what_it_waits_for() {
    let house = House::new().await;
    let service = Service::of(&house, "acme").await;
    let head = pages(&house, &service, "").await["upto"].clone();
    let user = house.sign_in().await;
    let waiting = wait(&house, &service, &head).await;
    assert!(!waiting.is_finished());
    // What does not concern it leaves it waiting.
    house.tenant(new_tenant("beta")).await;
    assert!(!waiting.is_finished());
    assert_eq!(service.revoke(&house, user.refresh()).await.status, 200);
    let answer = waiting.await.unwrap();
    assert!(answer.took < Duration::from_secs(20), "{:?}", answer.took);
    let told = page(&house, &answer);
    assert_eq!(told["items"][0]["sid"], sid(user.access()));
}

#[tokio::test]
async fn a_long_poll_ends_with_the_daemon_and_holds_nothing_up() {
    let house = House::new().await;
    let service = Service::of(&house, "acme").await;
    let head = pages(&house, &service, "").await["upto"].clone();
    let waiting = wait(&house, &service, &head).await;
    let app = Arc::clone(&house.app);
    app.draining.store(true, Ordering::Release);
    let answer = waiting.await.unwrap();
    assert!(answer.took < Duration::from_secs(20), "{:?}", answer.took);
    assert_eq!(page(&house, &answer)["items"], json!([]));
    app.draining.store(false, Ordering::Release);
    // Without a wait it answers at once.
    let told = pages(&house, &service, &format!("since={head}")).await;
    assert_eq!(told["upto"], head);
}

#[tokio::test]
async fn a79_a_crowd_of_revocations_comes_in_pages_without_a_gap() {
    let house = House::new().await;
    let service = Service::of(&house, "acme").await;
    let tenant = house.acme;
    for chunk in 0..3_u32 {
        house
            .write(move |tx| {
                for n in 0..250_u32 {
                    let denial = store::Denial {
                        tenant: Some(tenant),
                        denied_at: common::time::Time::from_millis(1_790_000_000_000),
                        expires_at: common::time::Time::from_millis(1_790_000_600_000),
                        reason: None,
                    };
                    tx.deny(&format!("jti-{}", chunk * 250 + n), &denial)?;
                }
                Ok(())
            })
            .await;
    }
    let first = pages(&house, &service, "since=0").await;
    assert_eq!(first["items"].as_array().unwrap().len(), 500);
    let next = format!("since={}", first["upto"]);
    let second = pages(&house, &service, &next).await;
    assert_eq!(second["items"].as_array().unwrap().len(), 250);
    assert_eq!(second["items"][0]["jti"], "jti-500");
    assert_eq!(second["upto"], second["items"][249]["number"]);
}

#[tokio::test]
async fn rule_11_a_client_that_ends_while_it_waits_is_told_nothing_more() {
    let house = House::new().await;
    let service = Service::of(&house, "acme").await;
    let head = pages(&house, &service, "").await["upto"].clone();
    let waiting = wait(&house, &service, &head).await;
    service.delete(&house).await;
    let answer = waiting.await.unwrap();
    answer.is(401, "invalid_client");
    assert!(answer.took < Duration::from_secs(20), "{:?}", answer.took);
}
