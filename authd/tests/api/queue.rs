//! A full hash queue: who is refused, and who still gets a place.

use std::time::{Duration, Instant};

use authd::crypto::{HashSettings, Lane};
use serde_json::json;

use crate::hold::{Gate, GatedRandom, hold};
use crate::house::{ADA, BETTER, GOOD, House, WRONG, change, login, post, until};
use crate::support::{Plan, plan};
use std::sync::Arc;

/// One thread that can be held, and eight places, four of them for everybody.
async fn narrow() -> (House, Arc<Gate>) {
    let gate = Arc::new(Gate::default());
    let house = House::with(Plan {
        hashing: HashSettings {
            threads: 1,
            queue_length: 8,
            ..plan().hashing
        },
        hash_random: GatedRandom::behind(&gate),
        ..plan()
    })
    .await;
    (house, gate)
}

#[tokio::test]
async fn a63_a15_g22_a_full_queue_refuses_at_once_and_counts_nothing() {
    let (house, gate) = narrow().await;
    let memory = house.app.pool.memory_bytes();
    hold(&house.app, &gate).await;
    let waiting: Vec<_> = (0..4)
        .map(|n| house.start(login(&format!("waiting{n}@acme.test"), WRONG)))
        .collect();
    until(async || house.app.pool.places_taken() == 5).await;
    let before = house.attempts().await.len();
    for _ in 0..200 {
        let answer = house.ask(login(ADA, WRONG)).await;
        answer.is(503, "overloaded");
        assert!(answer.headers.contains_key("retry-after"));
        assert!(answer.took < Duration::from_secs(2));
    }
    house.ask(login(ADA, GOOD)).await.is(503, "overloaded");
    assert_eq!(house.attempts().await.len(), before, "no row of the log");
    let counter = house.counter(house.subject(ADA)).await;
    assert!(counter.failures.is_empty() && counter.open.is_empty());
    assert_eq!(house.app.pool.places_taken(), 5, "no place leaks (G7)");
    gate.open();
    for answer in waiting {
        answer.await.unwrap().is(401, "invalid_credentials");
    }
    until(async || house.app.pool.places_taken() == 0).await;
    house.sign_in().await;
    // One thread keeps the memory of one hash, however many have waited.
    assert!(house.app.pool.memory_bytes() <= memory.max(2 * 64 * 1024));
}

#[tokio::test]
async fn a63_after_four_failures_twenty_parallel_right_logins_lock_nobody() {
    let house = House::with(Plan {
        hashing: HashSettings {
            queue_length: 64,
            ..plan().hashing
        },
        ..plan()
    })
    .await;
    for _ in 0..4 {
        house
            .ask(login(ADA, WRONG))
            .await
            .is(401, "invalid_credentials");
    }
    let all: Vec<_> = (0..20).map(|_| house.start(login(ADA, GOOD))).collect();
    for answer in all {
        assert_eq!(answer.await.unwrap().status, 200);
    }
    assert_eq!(house.failures(ADA).await, 0);
}

#[tokio::test]
async fn a5_parallel_guesses_get_five_evaluations() {
    let house = House::with(Plan {
        hashing: HashSettings {
            queue_length: 200,
            ..plan().hashing
        },
        ..plan()
    })
    .await;
    for email in [ADA, "nobody@acme.test"] {
        let all: Vec<_> = (0..60).map(|_| house.start(login(email, WRONG))).collect();
        let (mut refused, mut locked) = (0, 0);
        for answer in all {
            match answer.await.unwrap().code() {
                "invalid_credentials" => refused += 1,
                "login_locked" => locked += 1,
                other => panic!("{other}"),
            }
        }
        assert_eq!((refused, locked), (5, 55), "{email}");
    }
}

#[tokio::test]
async fn a72_g22_the_kept_half_serves_password_change_and_known_devices_in_a_storm() {
    let (house, gate) = narrow().await;
    let bob = "bob@acme.test";
    house.user("acme", bob).await;
    let known = house
        .ask(login(bob, GOOD).device("d1", "mobile", None))
        .await;
    let secret = known.secret().unwrap().to_owned();
    let session = house.sign_in().await;
    hold(&house.app, &gate).await;
    let storm: Vec<_> = (0..4)
        .map(|n| house.start(login(&format!("storm{n}@acme.test"), WRONG)))
        .collect();
    until(async || house.app.pool.places_taken() == 5).await;
    house.ask(login(ADA, GOOD)).await.is(503, "overloaded");
    let device = house.start(login(bob, GOOD).device("d1", "mobile", Some(&secret)));
    until(async || house.app.pool.places_taken() == 6).await;
    let changed = house.start(change(session.access(), GOOD, BETTER));
    until(async || house.app.pool.places_taken() == 7).await;
    // The storm goes on, and gets no place of theirs.
    assert!(house.app.pool.place(Lane::Common).is_err());
    house.ask(login(ADA, GOOD)).await.is(503, "overloaded");
    gate.open();
    assert_eq!(device.await.unwrap().status, 200);
    assert_eq!(changed.await.unwrap().status, 204);
    for answer in storm {
        answer.await.unwrap().is(401, "invalid_credentials");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a72_sign_out_is_quick_while_locked_tries_flood() {
    let house = Arc::new(House::new().await);
    for _ in 0..5 {
        house.ask(login("locked@acme.test", WRONG)).await;
    }
    let sessions = {
        let mut sessions = Vec::new();
        for n in 0..20 {
            let ask = login(ADA, GOOD).device(&format!("d{n}"), "browser", None);
            sessions.push(house.ask(ask).await.access().to_owned());
        }
        sessions
    };
    let is_over = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let flood: Vec<_> = (0..32)
        .map(|_| {
            let (house, is_over) = (Arc::clone(&house), Arc::clone(&is_over));
            tokio::spawn(async move {
                let mut tries = 0_u64;
                while !is_over.load(std::sync::atomic::Ordering::SeqCst) {
                    let answer = house.ask(login("locked@acme.test", GOOD)).await;
                    answer.is(429, "login_locked");
                    tries += 1;
                }
                tries
            })
        })
        .collect();
    let mut times = Vec::new();
    for token in &sessions {
        let start = Instant::now();
        let answer = house
            .ask(post("/v1/auth/logout", json!({})).with(token))
            .await;
        assert_eq!(answer.status, 204, "{answer:?}");
        times.push(start.elapsed());
        house.check(token).await.is(401, "session_revoked");
    }
    is_over.store(true, std::sync::atomic::Ordering::SeqCst);
    let mut tries = 0;
    for task in flood {
        tries += task.await.unwrap();
    }
    times.sort();
    assert!(times[10] < Duration::from_millis(100), "{times:?}");
    assert_eq!(house.count("locked@acme.test", "locked").await, tries);
}
