//! The life of signing keys as callers see it: rotation without a lost token, and the end of a key
//! with all that it signed (A26, R39).

use std::sync::Arc;
use std::time::Duration;

use authd::app::{App, key};
use common::call::Socket;
use common::call::key::{List, Retire, Revoke, Rotate};
use common::error::ErrorCode;
use common::view::KeyView;
use domain::key::{KeyPurpose, KeyState, SigningAlgorithm};
use serde_json::{Value, json};

use crate::house::{House, beside, get, refresh};
use crate::support::operator;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

async fn rotate(house: &House, after: Option<u64>) -> String {
    let request = Rotate {
        activate_after_seconds: after,
        reason: None,
    };
    let change = key::rotate(&house.app, &operator(Socket::Admin), request).await;
    change.unwrap().id.unwrap()
}

pub(crate) fn revoking(id: &str) -> Revoke {
    Revoke {
        key: id.to_owned(),
        confirm: Some(id.to_owned()),
        reason: Some("a laptop was lost".to_owned()),
    }
}

fn retiring(id: &str) -> Retire {
    Retire {
        key: id.to_owned(),
        reason: None,
    }
}

async fn keys(house: &House) -> Vec<KeyView> {
    let page = key::list(&house.app, &operator(Socket::Monitor), List::default()).await;
    page.unwrap().items
}

async fn states(house: &House) -> Vec<String> {
    keys(house).await.into_iter().map(|key| key.state).collect()
}

/// The ids that verifiers are told, and how long they may keep them.
async fn published(house: &House) -> (Vec<String>, u64) {
    let answer = house.ask(get("/.well-known/jwks.json")).await;
    let ids = answer.body["keys"].as_array().unwrap();
    let ids = ids
        .iter()
        .map(|key| key["kid"].as_str().unwrap().to_owned());
    let cached = answer.headers["cache-control"].to_str().unwrap();
    let seconds = cached.strip_prefix("public, max-age=").unwrap();
    (ids.collect(), seconds.parse().unwrap())
}

fn kid(token: &str) -> String {
    let (header, _) = token.split_once('.').unwrap();
    let bytes = data_encoding::BASE64URL_NOPAD.decode(header.as_bytes());
    let header: Value = serde_json::from_slice(&bytes.unwrap()).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a26_keys_follow_one_another_by_the_clock_and_no_token_is_lost() {
    let house = House::new().await;
    let first = house.app.keys.kid();
    let token = house.sign_in().await.access().to_owned();
    assert_eq!(key::tend(&house.app).await.unwrap(), 0);
    house.clock.advance(DAY * 89 + HOUR * 23);
    assert_eq!(key::tend(&house.app).await.unwrap(), 1);
    let (ids, seconds) = published(&house).await;
    assert_eq!(ids.len(), 2);
    assert!(seconds < 3600 && seconds > 0, "{seconds}");
    assert_eq!(house.app.keys.kid(), first, "announced keys do not sign");
    let before = house.sign_in().await.access().to_owned();
    assert_eq!(kid(&before), first);
    house.clock.advance(Duration::from_mins(59));
    assert_eq!(key::tend(&house.app).await.unwrap(), 0);
    let last = house.sign_in().await.access().to_owned();
    house.clock.advance(Duration::from_mins(1));
    assert_eq!(key::tend(&house.app).await.unwrap(), 1);
    assert_eq!(house.check(&last).await.status, 200, "of the retiring key");
    let after = house.sign_in().await.access().to_owned();
    assert_eq!((kid(&token), kid(&last)), (first.clone(), first.clone()));
    assert_ne!(kid(&after), first);
    assert_eq!(house.check(&after).await.status, 200);
    assert_eq!(states(&house).await, ["active", "retiring"]);
    house.clock.advance(DAY);
    assert_eq!(key::tend(&house.app).await.unwrap(), 1);
    assert_eq!(states(&house).await, ["active", "gone"]);
    assert_eq!(published(&house).await.0, [kid(&after)]);
    house.check(&last).await.is(401, "invalid_token");
}

#[tokio::test]
async fn a26_a_daemon_that_starts_late_announces_first() {
    let house = House::new().await;
    let first = house.app.keys.kid();
    house.clock.advance(DAY * 400);
    assert_eq!(key::tend(&house.app).await.unwrap(), 1);
    assert_eq!(house.app.keys.kid(), first);
    assert_eq!(states(&house).await, ["announced", "active"]);
    house.clock.set(crate::support::NOW);
    assert_eq!(key::tend(&house.app).await.unwrap(), 0, "R16: back in time");
    house.clock.advance(DAY * 400 + HOUR);
    assert_eq!(key::tend(&house.app).await.unwrap(), 1);
    assert_ne!(house.app.keys.kid(), first);
}

#[tokio::test]
async fn a26_another_algorithm_is_announced_and_then_signs() {
    let house = House::new().await;
    let first = house.app.keys.kid();
    let token = house.sign_in().await.access().to_owned();
    for algorithm in [SigningAlgorithm::Es256, SigningAlgorithm::Rs256] {
        let app = with_algorithm(&house, algorithm);
        assert_eq!(key::tend(&app).await.unwrap(), 1, "announced");
        let jwks = app.keys.jwks();
        let all = jwks["keys"].as_array().unwrap();
        assert!(all.iter().any(|key| key["alg"] == algorithm.as_str()));
        house.clock.advance(HOUR);
        assert_eq!(key::tend(&app).await.unwrap(), 1, "signs");
        let new = house.sign_in().await.access().to_owned();
        let signs = keys(&house).await;
        assert_eq!(signs[0].alg, algorithm.as_str());
        assert_eq!(kid(&new), signs[0].id.to_string());
        assert_eq!(house.check(&new).await.status, 200);
    }
    assert_eq!(kid(&token), first);
    assert_eq!(states(&house).await, ["active", "retiring", "retiring"]);
}

fn with_algorithm(house: &House, algorithm: SigningAlgorithm) -> Arc<App> {
    let app = beside(&house.app, house.app.pool.clone());
    let mut settings = authd::app::Settings::clone(&app.settings());
    settings.keys.algorithm = algorithm;
    app.settings.set(settings);
    app
}

#[tokio::test]
async fn r39_a_revoked_key_takes_all_its_tokens_with_it_and_another_signs_at_once() {
    for announced in [false, true] {
        let house = House::new().await;
        let signed_in = house.sign_in().await;
        let token = signed_in.access().to_owned();
        // In the cache from here on.
        assert_eq!(house.check(&token).await.status, 200);
        let old = kid(&token);
        let mut next = None;
        if announced {
            next = Some(rotate(&house, None).await);
        }
        let mut unsure = revoking(&old);
        unsure.confirm = None;
        let refused = key::revoke(&house.app, &operator(Socket::Admin), unsure).await;
        assert_eq!(refused.unwrap_err().code, ErrorCode::ValidationFailed);
        let admin = operator(Socket::Admin);
        let change = key::revoke(&house.app, &admin, revoking(&old))
            .await
            .unwrap();
        assert!(change.changed && change.audit_id.is_some());
        house.check(&token).await.is(401, "invalid_token");
        let (ids, _) = published(&house).await;
        assert_eq!(ids.len(), 1);
        assert!(!ids.contains(&old));
        if let Some(next) = next {
            assert_eq!(ids, [next]);
        }
        // Sessions live on: whoever holds a refresh token gets one of the new key.
        let refreshed = house.ask(refresh(signed_in.refresh())).await;
        assert_eq!(kid(refreshed.access()), ids[0]);
        assert_eq!(house.check(refreshed.access()).await.status, 200);
        let id = old.parse().unwrap();
        let row = house.app.store.read(move |tx| tx.keys().by_id(id)).await;
        let row = row.map_err(|error: store::StoreError| error).unwrap();
        let row = row.unwrap();
        assert_eq!(row.state, KeyState::Gone);
        assert!(row.wrapped.is_empty(), "the private half is forgotten");
        let change = key::revoke(&house.app, &admin, revoking(&old))
            .await
            .unwrap();
        assert!(!change.changed);
    }
}

#[tokio::test]
async fn a26_a_key_is_retired_when_another_is_known_to_verifiers() {
    let house = House::new().await;
    let token = house.sign_in().await.access().to_owned();
    let old = kid(&token);
    let admin = operator(Socket::Admin);
    let refused = async || {
        let refused = key::retire(&house.app, &admin, retiring(&old)).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Conflict);
        (
            refused.developer_message.into_owned(),
            refused.hint.unwrap(),
        )
    };
    let (_, hint) = refused().await;
    assert!(hint.ends_with("authctl key rotate"), "{hint}");
    let next = rotate(&house, Some(60)).await;
    let due = keys(&house).await[0].activates_at;
    let (_, hint) = refused().await;
    assert!(hint.starts_with("Wait") && hint.ends_with(&due.to_string()));
    assert_eq!(rotate(&house, None).await, next);
    let (why, hint) = refused().await;
    assert!(why.contains(&next), "too young: {why}");
    let (known, due) = (
        house.app.now().plus(Duration::from_mins(15)),
        keys(&house).await[0].activates_at,
    );
    let times = [known, due].map(|time| time.to_string());
    assert!(times.iter().all(|time| hint.contains(time)), "{hint}");
    house.clock.advance(Duration::from_mins(15));
    let fresh = house.sign_in().await.access().to_owned();
    let change = key::retire(&house.app, &admin, retiring(&old))
        .await
        .unwrap();
    assert!(change.changed);
    assert_eq!(house.app.keys.kid(), next);
    assert_eq!(house.check(&fresh).await.status, 200);
    let change = key::retire(&house.app, &admin, retiring(&old))
        .await
        .unwrap();
    assert!(!change.changed);
    // An announced one is taken back.
    let spare = rotate(&house, Some(7200)).await;
    key::retire(&house.app, &admin, retiring(&spare))
        .await
        .unwrap();
    assert_eq!(states(&house).await, ["gone", "active", "retiring"]);
    for nobody in ["key_01h455vb4pex5vsknk084sn02q", "x", ""] {
        let refused = key::retire(&house.app, &admin, retiring(nobody)).await;
        assert_eq!(refused.unwrap_err().code, ErrorCode::NotFound, "{nobody}");
    }
    // Keys of other purposes are none of it.
    let all = house.app.store.read(|tx| tx.keys().all()).await;
    let all = all.map_err(|error: store::StoreError| error).unwrap();
    let mac = all.iter().find(|key| key.purpose == KeyPurpose::Refresh);
    let mac = mac.unwrap().id.to_string();
    let refused = key::revoke(&house.app, &admin, revoking(&mac)).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::NotFound);
}

#[tokio::test]
async fn a26_a_rotation_by_hand_moves_the_announced_key_and_is_bounded() {
    let house = House::new().await;
    let next = rotate(&house, None).await;
    assert_eq!(rotate(&house, Some(7200)).await, next, "moved, not doubled");
    let due = keys(&house).await[0].activates_at;
    assert_eq!(due, house.app.now().plus(HOUR * 2));
    assert_eq!(rotate(&house, Some(0)).await, next, "at once");
    assert_eq!(house.app.keys.kid(), next);
    let admin = operator(Socket::Admin);
    let request = |seconds| Rotate {
        activate_after_seconds: Some(seconds),
        reason: None,
    };
    let refused = key::rotate(&house.app, &admin, request(u64::MAX)).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::ValidationFailed);
    for _ in 1..8 {
        rotate(&house, Some(0)).await;
    }
    let refused = key::rotate(&house.app, &admin, request(0)).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::Conflict);
    assert_eq!(published(&house).await.0.len(), 9);
}

#[tokio::test]
async fn a96_a_rehearsed_change_of_keys_leaves_the_ring() {
    let house = House::new().await;
    let token = house.sign_in().await.access().to_owned();
    let before = (published(&house).await, keys(&house).await);
    let admin = operator(Socket::Admin);
    let rehearsing = authd::app::Operator {
        claim: admin.claim.rehearsing(),
        ..admin
    };
    let request = Rotate {
        activate_after_seconds: Some(0),
        reason: None,
    };
    key::rotate(&house.app, &rehearsing, request).await.unwrap();
    let change = key::revoke(&house.app, &rehearsing, revoking(&kid(&token))).await;
    assert!(change.unwrap().changed);
    assert_eq!((published(&house).await, keys(&house).await), before);
    assert_eq!(house.check(&token).await.status, 200);
}

#[tokio::test]
async fn rule_30_every_step_of_a_key_leaves_its_row() {
    let house = House::new().await;
    rotate(&house, None).await;
    house.clock.advance(HOUR);
    key::tend(&house.app).await.unwrap();
    let rows = house.app.store.read(|tx| tx.audit().rows(None, 1, 9)).await;
    let rows = rows.map_err(|error: store::StoreError| error).unwrap();
    let told: Vec<(&str, &str)> = rows
        .iter()
        .map(|row| (row.entry.action.as_str(), row.entry.actor.channel.as_str()))
        .collect();
    assert_eq!(told, [("key.rotate", "admin"), ("key.activate", "daemon")]);
    let payload = rows[0].entry.payload.to_string();
    assert!(payload.contains("announced"), "{payload}");
    assert_eq!(rows[1].entry.payload["reason"], json!(null));
}

#[tokio::test]
async fn rule_19_renewed_keys_take_no_token_of_the_old_ones() {
    let house = House::new().await;
    rotate(&house, None).await;
    let token = house.sign_in().await.access().to_owned();
    let app = &house.app;
    let (random, wrap) = (app.random.as_ref(), app.keys.wrap());
    let before = app.keys.seal(b"row");
    let algorithm = SigningAlgorithm::Es256;
    let renewed = key::renew(&app.store, random, wrap, algorithm, app.now()).await;
    renewed.unwrap();
    let stored = app.store.read(|tx| tx.keys().all()).await;
    let stored = stored.map_err(|error: store::StoreError| error).unwrap();
    assert_eq!(stored.len(), 5, "one of each purpose");
    let ring = authd::crypto::KeyRing::open(&stored, wrap).unwrap();
    assert_eq!(ring.published(), 1);
    assert_ne!(ring.kid(), kid(&token));
    assert_eq!(ring.refresh_key_number(), 2);
    let cursor = app.keys.seal_cursor(b"list", b"row").unwrap();
    assert_eq!(ring.open_cursor(b"list", &cursor), None);
    assert_eq!(ring.seal(b"row"), before, "the audit chain goes on");
    let settings = app.settings();
    let expected = authd::crypto::Expected {
        issuer: settings.issuer.clone(),
        password_change_audience: settings.password_change_audience(),
        skew: Duration::ZERO,
    };
    assert!(app.keys.verify(&token, &expected, app.now()).is_ok());
    assert!(ring.verify(&token, &expected, app.now()).is_err());
}
