//! Temporary passwords, and wrong current ones (rules 3, 13, 24).

use std::sync::Arc;
use std::time::Duration;

use crate::house::{
    ADA, Answer, BETTER, GOOD, House, WRONG, change, get, login, post, refresh, set_password,
};
use serde_json::json;

const NEW: &str = "new@acme.test";

async fn first_login(house: &House) -> Answer {
    let answer = house.ask(login(NEW, GOOD)).await;
    assert_eq!(answer.body["password_change_required"], true, "{answer:?}");
    answer
}

#[tokio::test]
async fn a17_g18_the_token_of_a_temporary_password_is_good_for_the_change_alone() {
    let house = House::new().await;
    let user = house.temporary(NEW).await;
    let answer = first_login(&house).await;
    assert!(answer.body.get("refresh_token").is_none());
    assert!(answer.body.get("session").is_none());
    assert_eq!(answer.body["expires_in"], 600);
    assert!(house.sessions(user).await.is_empty());
    let token = answer.access().to_owned();
    for path in ["/v1/auth/check", "/v1/me", "/v1/me/sessions"] {
        house
            .ask(get(path).with(&token))
            .await
            .is(403, "password_change_required");
    }
    let logout = post("/v1/auth/logout", json!({})).with(&token);
    house.ask(logout).await.is(403, "password_change_required");
    house.ask(refresh(&token)).await.is(401, "invalid_token");
    assert_eq!(house.ask(change(&token, GOOD, BETTER)).await.status, 204);
    // Used: dead, also for the password that it made.
    house
        .ask(change(&token, BETTER, GOOD))
        .await
        .is(401, "invalid_token");
    house
        .ask(login(NEW, GOOD))
        .await
        .is(401, "invalid_credentials");
    let signed_in = house.ask(login(NEW, BETTER)).await;
    assert_eq!(signed_in.body["password_change_required"], false);
    assert_eq!(house.check(signed_in.access()).await.status, 200);
}

#[tokio::test]
async fn a17_a_temporary_password_allows_five_logins() {
    let house = House::new().await;
    house.temporary(NEW).await;
    let mut tokens = Vec::new();
    for _ in 0..5 {
        tokens.push(first_login(&house).await.access().to_owned());
    }
    house
        .ask(login(NEW, GOOD))
        .await
        .is(401, "invalid_credentials");
    assert_eq!(
        house.failures(NEW).await,
        0,
        "it was right, so it does not count"
    );
    // Consumed by the change, not by the login: each token still changes it, once.
    assert_eq!(
        house.ask(change(&tokens[0], GOOD, BETTER)).await.status,
        204
    );
    house
        .ask(change(&tokens[1], GOOD, BETTER))
        .await
        .is(401, "invalid_token");
}

#[tokio::test]
async fn a17_a_temporary_password_lives_72_hours_and_its_token_ten_minutes() {
    let house = House::new().await;
    house.temporary(NEW).await;
    house.clock.advance(Duration::from_secs(72 * 3600 - 1));
    let token = first_login(&house).await.access().to_owned();
    house.clock.advance(Duration::from_secs(1));
    house
        .ask(login(NEW, GOOD))
        .await
        .is(401, "invalid_credentials");
    house.clock.advance(Duration::from_secs(598));
    house
        .ask(change(&token, WRONG, BETTER))
        .await
        .is(401, "invalid_credentials");
    house.clock.advance(Duration::from_secs(30));
    house
        .ask(change(&token, GOOD, BETTER))
        .await
        .is(401, "token_expired");
}

#[tokio::test]
async fn g2_g3_no_token_of_a_temporary_password_outlives_what_it_was_made_for() {
    let house = House::new().await;
    house.temporary(NEW).await;
    let token = first_login(&house).await.access().to_owned();
    set_password(&house.app, NEW, BETTER, false).await;
    house
        .ask(change(&token, BETTER, GOOD))
        .await
        .is(401, "invalid_token");
    house
        .ask(change(&token, GOOD, BETTER))
        .await
        .is(401, "invalid_token");
    let token = house.ask(login(NEW, BETTER)).await.access().to_owned();
    house.disable_named(NEW).await;
    house
        .ask(change(&token, BETTER, GOOD))
        .await
        .is(401, "session_revoked");
    house.enable(NEW).await;
    house
        .ask(change(&token, BETTER, GOOD))
        .await
        .is(401, "invalid_token");
    assert_eq!(house.ask(login(NEW, BETTER)).await.status, 200);
}

#[tokio::test]
async fn a16_the_fifth_wrong_current_password_ends_the_session_and_locks_nobody() {
    let house = House::new().await;
    let other = house
        .ask(login(ADA, GOOD).device("other", "tablet", None))
        .await;
    let session = house.sign_in().await;
    for _ in 0..5 {
        assert_eq!(house.check(session.access()).await.status, 200);
        let answer = house.ask(change(session.access(), WRONG, BETTER)).await;
        answer.is(401, "invalid_credentials");
    }
    house
        .check(session.access())
        .await
        .is(401, "session_revoked");
    house
        .ask(refresh(session.refresh()))
        .await
        .is(401, "session_revoked");
    assert_eq!(house.check(other.access()).await.status, 200);
    assert_eq!(house.failures(ADA).await, 0);
    house.sign_in().await;
}

#[tokio::test]
async fn a17_the_fifth_wrong_current_password_kills_the_token_of_a_temporary_one() {
    let house = House::new().await;
    house.temporary(NEW).await;
    let token = first_login(&house).await.access().to_owned();
    for _ in 0..5 {
        let answer = house.ask(change(&token, WRONG, BETTER)).await;
        answer.is(401, "invalid_credentials");
    }
    house
        .ask(change(&token, GOOD, BETTER))
        .await
        .is(401, "invalid_token");
    first_login(&house).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a16_parallel_wrong_current_passwords_are_evaluated_five_times() {
    let house = Arc::new(House::new().await);
    house.temporary(NEW).await;
    let session = house.sign_in().await.access().to_owned();
    let token = first_login(&house).await.access().to_owned();
    for proof in [session, token] {
        let all: Vec<_> = (0..30)
            .map(|_| house.start(change(&proof, WRONG, BETTER)))
            .collect();
        let (mut evaluated, mut refused) = (0, 0);
        for answer in all {
            let answer = answer.await.unwrap();
            assert_eq!(answer.status, 401, "{answer:?}");
            match answer.code() {
                "invalid_credentials" => evaluated += 1,
                _ => refused += 1,
            }
        }
        assert_eq!((evaluated, refused), (5, 25));
        let answer = house.ask(change(&proof, GOOD, BETTER)).await;
        assert_eq!(answer.status, 401, "{answer:?}");
    }
}

#[tokio::test]
async fn a16_a_change_ends_the_other_sessions_and_keeps_its_own() {
    let house = House::new().await;
    let other = house
        .ask(login(ADA, GOOD).device("other", "tablet", None))
        .await;
    let own = house.sign_in().await;
    for token in [other.access(), own.access()] {
        assert_eq!(house.check(token).await.status, 200);
    }
    assert_eq!(
        house.ask(change(own.access(), GOOD, BETTER)).await.status,
        204
    );
    house.check(other.access()).await.is(401, "session_revoked");
    house
        .ask(refresh(other.refresh()))
        .await
        .is(401, "session_revoked");
    assert_eq!(house.check(own.access()).await.status, 200);
    assert_eq!(house.ask(refresh(own.refresh())).await.status, 200);
    house
        .ask(login(ADA, GOOD))
        .await
        .is(401, "invalid_credentials");
    house
        .ask(change(own.access(), BETTER, "short"))
        .await
        .is(422, "password_rejected");
}

#[tokio::test]
async fn v6_2_10_a_chosen_password_does_not_grow_old() {
    let house = House::new().await;
    house.clock.advance(Duration::from_hours(400 * 24));
    let answer = house.ask(login(ADA, GOOD)).await;
    answer.is(200, "");
    assert_eq!(answer.body["password_change_required"], false);
}
