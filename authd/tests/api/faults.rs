//! Randomness, time and storage that fail: nothing is issued, nothing is left behind.

use std::sync::Arc;
use std::time::Duration;

use authd::crypto::HashSettings;

use crate::hold::{EndingRandom, Gate, GatedRandom, hold};
use crate::house::{
    ADA, BETTER, GOOD, House, WRONG, change, get, login, post, refresh, router, send,
    try_set_password, until,
};
use crate::support::{Plan, plan};
use serde_json::json;

async fn with_ending_random() -> (House, Arc<EndingRandom>) {
    let random = EndingRandom::new();
    let house = House::with(Plan {
        random: Arc::clone(&random) as _,
        ..plan()
    })
    .await;
    (house, random)
}

#[tokio::test]
async fn g8_g15_a_login_without_random_bytes_leaves_nothing_wherever_they_run_out() {
    let (house, random) = with_ending_random().await;
    let subject = house.subject(ADA);
    let older = house.sign_in().await;
    let (sessions, devices) = (
        house.sessions(house.ada).await,
        house.devices(house.ada).await,
    );
    let mut draws = 0;
    loop {
        random.ends_after(draws);
        let answer = house
            .ask(login(ADA, GOOD).device("d", "mobile", None))
            .await;
        random.ends_after(u64::MAX);
        if answer.status == 200 {
            break;
        }
        answer.is(500, "internal");
        assert_eq!(house.sessions(house.ada).await, sessions, "{draws}");
        assert_eq!(house.devices(house.ada).await, devices, "{draws}");
        let counter = house.counter(subject).await;
        assert!(
            counter.open.is_empty() && counter.failures.is_empty(),
            "{draws}"
        );
        assert_eq!(house.app.pool.places_taken(), 0, "{draws}");
        assert_eq!(house.check(older.access()).await.status, 200);
        draws += 1;
    }
    assert!(draws > 5, "{draws}");
}

#[tokio::test]
async fn g8_g15_a_wrong_try_without_random_bytes_is_no_failure() {
    let (house, random) = with_ending_random().await;
    for draws in 0.. {
        random.ends_after(draws);
        let answer = house.ask(login(ADA, WRONG)).await;
        random.ends_after(u64::MAX);
        let counter = house.counter(house.subject(ADA)).await;
        assert!(counter.open.is_empty(), "{draws}");
        if answer.status == 401 {
            assert_eq!(counter.failures.len(), 1);
            break;
        }
        answer.is(500, "internal");
        assert!(counter.failures.is_empty(), "{draws}");
    }
}

#[tokio::test]
async fn g8_g7_a_refresh_without_random_bytes_rotates_nothing() {
    let (house, random) = with_ending_random().await;
    let session = house.sign_in().await;
    let before = house.sessions(house.ada).await;
    for draws in 0.. {
        // The first draw is the request's id.
        random.ends_after(draws);
        let answer = house.ask(refresh(session.refresh())).await;
        random.ends_after(u64::MAX);
        if answer.status == 200 {
            break;
        }
        answer.is(500, "internal");
        assert_eq!(house.sessions(house.ada).await, before, "{draws}");
    }
    assert_eq!(house.sessions(house.ada).await[0].generation, 1);
}

#[tokio::test]
async fn g8_a_change_without_random_bytes_keeps_the_old_password() {
    let (house, random) = with_ending_random().await;
    let session = house.sign_in().await;
    for draws in 0.. {
        random.ends_after(draws);
        let answer = house.ask(change(session.access(), GOOD, BETTER)).await;
        random.ends_after(u64::MAX);
        if answer.status == 204 {
            break;
        }
        answer.is(500, "internal");
        let other = house
            .ask(login(ADA, GOOD).device("other", "tablet", None))
            .await;
        assert_eq!(other.status, 200, "{draws}");
        assert_eq!(house.check(session.access()).await.status, 200, "{draws}");
    }
    house
        .ask(login(ADA, GOOD))
        .await
        .is(401, "invalid_credentials");
}

#[tokio::test]
async fn g8_g7_a_closed_store_refuses_everything_and_issues_nothing() {
    let house = House::new().await;
    let cold = house
        .ask(login(ADA, GOOD).device("cold", "mobile", None))
        .await;
    house.app.store.close();
    let asks = [
        login(ADA, GOOD),
        login(ADA, WRONG),
        login("nobody@acme.test", WRONG),
        refresh(cold.refresh()),
        post("/v1/auth/logout", json!({})).with(cold.access()),
        post("/v1/auth/logout", json!({"refresh_token": cold.refresh()})),
        change(cold.access(), GOOD, BETTER),
        get("/v1/auth/check").with(cold.access()),
        get("/v1/me").with(cold.access()),
        get("/v1/me/sessions").with(cold.access()),
        get("/readyz"),
    ];
    for ask in asks {
        let path = ask.path.clone();
        let answer = house.ask(ask).await;
        assert_eq!(
            (answer.status, answer.code()),
            (503, "unavailable"),
            "{path}"
        );
        assert!(answer.headers.contains_key("retry-after"), "{path}");
        assert!(answer.body.get("access_token").is_none());
    }
    assert_eq!(house.ask(get("/healthz")).await.status, 200);
    assert_eq!(house.app.pool.places_taken(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g7_r27_a_request_that_timed_out_has_done_nothing_and_leaks_nothing() {
    let gate = Arc::new(Gate::default());
    let house = House::with(Plan {
        hashing: HashSettings {
            threads: 1,
            ..plan().hashing
        },
        hash_random: GatedRandom::behind(&gate),
        ..plan()
    })
    .await;
    let session = house
        .ask(login(ADA, GOOD).device("d", "mobile", None))
        .await;
    let before = house.sessions(house.ada).await;
    let hasty = router(&house.app, Some(Duration::from_millis(200)));
    hold(&house.app, &gate).await;
    let asks = [
        login(ADA, GOOD),
        login(ADA, WRONG),
        change(session.access(), GOOD, BETTER),
    ];
    for ask in asks {
        let answer = send(&hasty, ask).await;
        answer.is(503, "request_timeout");
        assert!(answer.headers.contains_key("retry-after"));
    }
    gate.open();
    until(async || house.app.pool.places_taken() == 0).await;
    let subject = house.subject(ADA);
    until(async || house.counter(subject).await.open.is_empty()).await;
    assert_eq!(house.sessions(house.ada).await, before);
    assert_eq!(house.count(ADA, "success_abandoned").await, 1);
    assert_eq!(
        house.count(ADA, "wrong_password").await,
        1,
        "it still settles (G15)"
    );
    house
        .ask(login(ADA, BETTER))
        .await
        .is(401, "invalid_credentials");
    house.sign_in().await;
}

#[tokio::test]
async fn g7_a_password_that_no_thread_hashes_in_time_is_overload_and_sets_nothing() {
    let gate = Arc::new(Gate::default());
    let house = House::with(Plan {
        hashing: HashSettings {
            threads: 1,
            queue_deadline: Duration::from_millis(50),
            ..plan().hashing
        },
        hash_random: GatedRandom::behind(&gate),
        ..plan()
    })
    .await;
    hold(&house.app, &gate).await;
    let app = Arc::clone(&house.app);
    let set = tokio::spawn(async move { try_set_password(&app, ADA, BETTER, true).await });
    let waiting = house.start(login(ADA, GOOD));
    until(async || house.app.pool.places_taken() == 3).await;
    tokio::time::sleep(Duration::from_millis(60)).await;
    gate.open();
    let error = set.await.unwrap().unwrap_err();
    assert_eq!(error.code, common::error::ErrorCode::Overloaded);
    waiting.await.unwrap().is(503, "overloaded");
    let counter = house.counter(house.subject(ADA)).await;
    assert!(counter.open.is_empty() && counter.failures.is_empty());
    house.sign_in().await;
}
