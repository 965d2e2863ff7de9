//! A deleted tenant over HTTP: as one that never was, at the next request, and nothing revives.

use std::sync::Arc;
use std::time::Duration;

use authd::app::tenant;
use common::call::Socket;
use common::call::tenant::{Delete, Restore};
use serde_json::json;

use crate::house::{ADA, BETTER, GOOD, House, WRONG, change, get, login, post, refresh};
use crate::mailing::Mailing;
use crate::support::operator;

const NEW: &str = "new@acme.test";

async fn delete(house: &House) {
    let request = Delete {
        tenant: "acme".to_owned(),
        confirm: Some("acme".to_owned()),
        reason: None,
    };
    let app = Arc::clone(&house.app);
    tenant::delete(&app, &operator(Socket::Admin), request)
        .await
        .unwrap();
}

async fn restore(house: &House) {
    let request = Restore {
        tenant: "acme".to_owned(),
        reason: None,
    };
    let app = Arc::clone(&house.app);
    tenant::restore(&app, &operator(Socket::Admin), request)
        .await
        .unwrap();
}

#[tokio::test]
async fn rule_1_logins_to_a_deleted_tenant_count_and_answer_as_to_an_unknown_one() {
    let house = House::new().await;
    delete(&house).await;
    let unknown = |password: &str| {
        let body = json!({"tenant": "never-was", "email": ADA, "password": password});
        post("/v1/auth/login", body)
    };
    for try_number in 0..6 {
        // The right password is no better than a wrong one, and there is no word of the deletion.
        let password = if try_number == 2 { GOOD } else { WRONG };
        let one = house.ask(login(ADA, password)).await;
        let other = house.ask(unknown(password)).await;
        let (status, code) = match try_number {
            0..5 => (401, "invalid_credentials"),
            _ => (429, "login_locked"),
        };
        one.is(status, code);
        other.is(status, code);
        assert_eq!(one.body["message"], other.body["message"]);
    }
    // One counter before and after: the lock outlasts the restore.
    restore(&house).await;
    house.ask(login(ADA, GOOD)).await.is(429, "login_locked");
    house.clock.advance(Duration::from_secs(901));
    assert_eq!(house.ask(login(ADA, GOOD)).await.status, 200);
}

#[tokio::test]
async fn rule_19_no_token_session_or_device_of_a_deleted_tenant_revives() {
    let house = House::new().await;
    house.temporary(NEW).await;
    let first = login(ADA, GOOD).device("phone", "mobile", None);
    let signed_in = house.ask(first).await;
    let (access, again) = (
        signed_in.access().to_owned(),
        signed_in.refresh().to_owned(),
    );
    let secret = signed_in.secret().unwrap().to_owned();
    let limited = house.ask(login(NEW, GOOD)).await.access().to_owned();
    // Warm caches hide nothing.
    assert_eq!(house.check(&access).await.status, 200);
    let is_refused = async || {
        assert_eq!(house.check(&access).await.status, 401);
        assert_eq!(house.ask(get("/v1/me").with(&access)).await.status, 401);
        assert_eq!(house.ask(refresh(&again)).await.status, 401);
        let changed = house.ask(change(&limited, GOOD, BETTER)).await;
        changed.is(401, "invalid_token");
    };
    delete(&house).await;
    is_refused().await;
    house.clock.advance(Duration::from_secs(2));
    restore(&house).await;
    is_refused().await;
    // Signing in anew works, and the secret of the device is a new one.
    house.clock.advance(Duration::from_secs(2));
    let known = login(ADA, GOOD).device("phone", "mobile", Some(&secret));
    let signed_in = house.ask(known).await;
    assert_eq!(house.check(signed_in.access()).await.status, 200);
    assert!(signed_in.secret().is_some_and(|new| new != secret));
    let limited = house.ask(login(NEW, GOOD)).await.access().to_owned();
    let changed = house.ask(change(&limited, GOOD, BETTER)).await;
    assert_eq!(changed.status, 204);
}

#[tokio::test]
async fn rule_19_no_mailed_link_of_a_deleted_tenant_revives() {
    let mailing = Mailing::new().await;
    let token = mailing.token().await;
    // One that waits would bring a new link.
    mailing.forgot(ADA).await.is(202, "");
    delete(&mailing.house).await;
    mailing.reset(&token, BETTER).await.is(410, "link_expired");
    restore(&mailing.house).await;
    mailing.reset(&token, BETTER).await.is(410, "link_expired");
    assert!(mailing.delivered().await.is_empty());
    assert_eq!(mailing.house.ask(login(ADA, GOOD)).await.status, 200);
}
