//! What locks, what counts, and what becomes of tries that nobody waits for.

use std::sync::Arc;
use std::time::Duration;

use authd::app::login::{self, Login};
use authd::app::{Client, settle_earlier_runs};
use authd::crypto::HashSettings;
use common::error::ErrorCode;
use common::id::RequestId;
use common::secret::Secret;
use domain::lockout::{Boot, CounterKind, LockoutPolicy};
use domain::password::Password;
use store::Claim;

use crate::hold::{Gate, GatedRandom, hold};
use crate::house::{ADA, GOOD, House, WRONG, login, until};
use crate::support::{NOW, Plan, plan};

const UNKNOWN: &str = "canary-unknown@nowhere.test";

async fn gated() -> (Arc<House>, Arc<Gate>) {
    let gate = Arc::new(Gate::default());
    let house = House::with(Plan {
        hashing: HashSettings {
            threads: 1,
            queue_length: 200,
            ..plan().hashing
        },
        hash_random: GatedRandom::behind(&gate),
        ..plan()
    })
    .await;
    (Arc::new(house), gate)
}

#[tokio::test]
async fn a65_g15_a_right_password_whose_request_is_over_succeeds_without_a_session() {
    let (house, gate) = gated().await;
    let older = house.sign_in().await;
    house.ask(login(ADA, WRONG)).await;
    let before = house.sessions(house.ada).await;
    hold(&house.app, &gate).await;
    let claim = Claim::detached();
    let client = Client {
        ip: [203, 0, 113, 7].into(),
        has_own_address: true,
        correlation_id: None,
        request_id: RequestId::from_bytes([5; 16]),
        claim: claim.clone(),
    };
    let wish = Login {
        tenant: "acme".to_owned(),
        email: ADA.parse().unwrap(),
        password: Password::new(&Secret::new(GOOD.to_owned())).unwrap(),
        device: None,
        device_secret: None,
    };
    let app = Arc::clone(&house.app);
    let task = tokio::spawn(async move { login::login(&app, client, wish).await });
    let subject = house.subject(ADA);
    until(async || house.counter(subject).await.open.len() == 1).await;
    assert!(claim.expire());
    gate.open();
    let error = task.await.unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::RequestTimeout);
    assert_eq!(
        house.sessions(house.ada).await,
        before,
        "none made, none ended"
    );
    assert_eq!(house.count(ADA, "success_abandoned").await, 1);
    assert!(house.counter(subject).await.open.is_empty());
    assert_eq!(house.failures(ADA).await, 0, "it is a success");
    assert_eq!(house.check(older.access()).await.status, 200);
}

#[tokio::test]
async fn a65_g15_fifty_abandoned_guesses_all_settle_and_five_are_evaluated() {
    let (house, gate) = gated().await;
    hold(&house.app, &gate).await;
    let clients: Vec<_> = (0..50).map(|_| house.start(login(ADA, WRONG))).collect();
    let subject = house.subject(ADA);
    until(async || house.app.pool.places_taken() == 51).await;
    until(async || house.counter(subject).await.open.len() == 5).await;
    for client in &clients {
        client.abort();
    }
    gate.open();
    until(async || house.count(ADA, "wrong_password").await == 5).await;
    until(async || house.count(ADA, "locked").await == 45).await;
    let counter = house.counter(subject).await;
    assert!(counter.open.is_empty(), "all have settled");
    assert!(counter.locked_until.is_some());
    until(async || house.app.pool.places_taken() == 0).await;
}

/// Opens reservations of a run that is over.
async fn leave_open(house: &House, times: u32) {
    let (key, tenant, now) = (house.subject(ADA), house.acme, house.app.now());
    house
        .write(move |tx| {
            for _ in 0..times {
                let boot = Boot([42; 16]);
                tx.counters_mut()
                    .reserve(&key, CounterKind::Subject, Some(tenant), now, boot)?;
            }
            Ok(())
        })
        .await;
}

#[tokio::test]
async fn a65_what_an_earlier_run_left_open_counts_at_its_own_time_at_the_next_try() {
    let house = House::new().await;
    leave_open(&house, 4).await;
    house.clock.advance(Duration::from_secs(60));
    house
        .ask(login(ADA, WRONG))
        .await
        .is(401, "invalid_credentials");
    house.ask(login(ADA, GOOD)).await.is(429, "login_locked");
    assert_eq!(house.count(ADA, "unsettled").await, 4);
    let rows = house.attempts().await;
    let unsettled = rows
        .iter()
        .find(|row| row.first.outcome.as_str() == "unsettled");
    assert_eq!(unsettled.unwrap().first.at, NOW);
}

#[tokio::test]
async fn a65_what_an_earlier_run_left_open_leaves_with_its_own_window() {
    let house = House::new().await;
    leave_open(&house, 4).await;
    house.clock.advance(Duration::from_secs(14 * 60 + 59));
    house
        .ask(login(ADA, WRONG))
        .await
        .is(401, "invalid_credentials");
    house.ask(login(ADA, GOOD)).await.is(429, "login_locked");
    // The same a second later: the four have left the window.
    let house = House::new().await;
    leave_open(&house, 4).await;
    house.clock.advance(Duration::from_secs(15 * 60));
    house
        .ask(login(ADA, WRONG))
        .await
        .is(401, "invalid_credentials");
    assert_eq!(house.ask(login(ADA, GOOD)).await.status, 200);
}

#[tokio::test]
async fn a65_five_left_open_lock_from_their_own_time_at_the_start() {
    let house = House::new().await;
    leave_open(&house, 5).await;
    house.clock.advance(Duration::from_secs(600));
    assert_eq!(settle_earlier_runs(&house.app).await.unwrap(), 5);
    assert_eq!(settle_earlier_runs(&house.app).await.unwrap(), 0);
    let answer = house.ask(login(ADA, GOOD)).await;
    answer.is(429, "login_locked");
    assert_eq!(answer.headers["retry-after"], "300");
    assert_eq!(house.count(ADA, "unsettled").await, 5);
    house.clock.advance(Duration::from_secs(300));
    house.sign_in().await;
}

#[tokio::test]
async fn a65_a_try_open_for_thirty_seconds_is_a_failure_and_cannot_succeed_afterwards() {
    let (house, gate) = gated().await;
    hold(&house.app, &gate).await;
    let slow = house.start(login(ADA, GOOD));
    let subject = house.subject(ADA);
    until(async || house.counter(subject).await.open.len() == 1).await;
    house.clock.advance(Duration::from_secs(30));
    let next = house.start(login(ADA, WRONG));
    until(async || house.count(ADA, "unsettled").await == 1).await;
    gate.open();
    slow.await.unwrap().is(503, "unavailable");
    next.await.unwrap().is(401, "invalid_credentials");
    assert!(house.sessions(house.ada).await.is_empty());
    assert_eq!(house.failures(ADA).await, 2);
}

/// Wrong tries of one name, the locked ones side by side.
async fn storm(house: &Arc<House>, email: &str, evaluated: usize, all: usize) {
    for _ in 0..evaluated {
        house
            .ask(login(email, WRONG))
            .await
            .is(401, "invalid_credentials");
    }
    let mut left = all - evaluated;
    while left > 0 {
        let batch = left.min(100);
        let tasks: Vec<_> = (0..batch)
            .map(|_| house.start(login(email, WRONG)))
            .collect();
        for task in tasks {
            task.await.unwrap().is(429, "login_locked");
        }
        left -= batch;
    }
}

#[tokio::test]
async fn a68_g14_ten_thousand_tries_fold_alike_for_known_and_unknown_names() {
    let mut plan = plan();
    // So many that also evaluated tries fold.
    Arc::make_mut(&mut plan.settings.tenant).lockout = LockoutPolicy {
        threshold: 150,
        ..plan.settings.tenant.lockout
    };
    let house = Arc::new(House::with(plan).await);
    let mut shapes = Vec::new();
    for (email, outcome) in [(ADA, "wrong_password"), (UNKNOWN, "unknown_user")] {
        storm(&house, email, 150, 10_000).await;
        let subject = house.subject(email);
        let rows: Vec<_> = house
            .attempts()
            .await
            .into_iter()
            .filter(|row| row.first.subject == subject)
            .collect();
        let mut counts: Vec<u64> = rows.iter().map(|row| row.count).collect();
        counts.sort_unstable();
        assert_eq!(counts.iter().sum::<u64>(), 10_000, "no try is lost");
        assert_eq!(house.count(email, outcome).await, 150);
        assert_eq!(house.count(email, "locked").await, 9_850);
        assert!(house.counter(subject).await.locked_until.is_some());
        shapes.push(counts);
    }
    assert_eq!(shapes[0], shapes[1], "both fold at the same row");
    assert_eq!(shapes[0].len(), 102);
    assert_eq!(shapes[0][100..], [50, 9_850]);
    let canary = b"canary-unknown";
    for entry in std::fs::read_dir(house.folder()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(canary.len()).any(|window| window == canary));
    }
}

#[tokio::test]
async fn a61_tries_during_a_lock_do_not_move_its_end_and_the_count_starts_anew() {
    let house = House::new().await;
    for _ in 0..5 {
        house
            .ask(login(ADA, WRONG))
            .await
            .is(401, "invalid_credentials");
    }
    for minute in 0..15 {
        let answer = house.ask(login(ADA, WRONG)).await;
        answer.is(429, "login_locked");
        let rest = (15 - minute) * 60;
        assert_eq!(answer.headers["retry-after"], rest.to_string());
        house.clock.advance(Duration::from_secs(60));
    }
    for _ in 0..4 {
        house
            .ask(login(ADA, WRONG))
            .await
            .is(401, "invalid_credentials");
    }
    house.sign_in().await;
}

#[tokio::test]
async fn g15_a_right_password_that_is_refused_neither_counts_nor_clears() {
    let house = House::new().await;
    let mut ending = crate::support::new_tenant("ending");
    ending.ends = Some("2026-09-22T00:00:00Z".to_owned());
    house.tenant(ending).await;
    house.user("ending", ADA).await;
    let in_tenant = |password: &str| {
        let mut ask = login(ADA, password);
        ask.body.as_mut().unwrap()["tenant"] = "ending".into();
        ask
    };
    house.disable().await;
    house.clock.advance(Duration::from_secs(8 * 24 * 3600));
    for _ in 0..3 {
        house
            .ask(login(ADA, WRONG))
            .await
            .is(401, "invalid_credentials");
        house
            .ask(in_tenant(WRONG))
            .await
            .is(401, "invalid_credentials");
    }
    for _ in 0..10 {
        house
            .ask(login(ADA, GOOD))
            .await
            .is(403, "account_disabled");
        house
            .ask(in_tenant(GOOD))
            .await
            .is(403, "subscription_ended");
    }
    let ended = house.app.keys.subject("ending", &ADA.parse().unwrap());
    for key in [house.subject(ADA), ended] {
        let counter = house.counter(key).await;
        assert_eq!((counter.failures.len(), counter.open.len()), (3, 0));
    }
    for _ in 0..2 {
        house
            .ask(login(ADA, WRONG))
            .await
            .is(401, "invalid_credentials");
        house
            .ask(in_tenant(WRONG))
            .await
            .is(401, "invalid_credentials");
    }
    house.ask(login(ADA, GOOD)).await.is(429, "login_locked");
    house.ask(in_tenant(GOOD)).await.is(429, "login_locked");
    assert_eq!(house.count(ADA, "account_disabled").await, 10);
}

#[tokio::test]
async fn a71_sixty_people_behind_one_address_sign_in_within_a_minute() {
    let mut plan = plan();
    plan.settings.login_budget.failures_per_ip = 20;
    plan.settings.default_max_users = 100;
    let house = House::with(plan).await;
    for n in 0..60 {
        house.user("acme", &format!("person{n}@acme.test")).await;
    }
    for n in 0..60 {
        let email = format!("person{n}@acme.test");
        // A third of them mistypes first.
        if n % 4 == 0 {
            house
                .ask(login(&email, WRONG))
                .await
                .is(401, "invalid_credentials");
        }
        assert_eq!(house.ask(login(&email, GOOD)).await.status, 200);
        house.clock.advance(Duration::from_millis(900));
    }
}

#[tokio::test]
async fn a71_a_spent_budget_refuses_its_address_and_marks_no_name() {
    let mut plan = plan();
    plan.settings.login_budget.failures_per_ip = 4;
    plan.settings.login_budget.exempt = vec!["198.51.100.0/24".parse().unwrap()];
    let house = House::with(plan).await;
    let device = house
        .ask(login(ADA, GOOD).device("d", "mobile", None))
        .await;
    let secret = device.secret().unwrap().to_owned();
    let (here, beside, away) = ("2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1");
    for n in 0..4 {
        let wrong = login(&format!("n{n}@acme.test"), WRONG).from(here);
        house.ask(wrong).await.is(401, "invalid_credentials");
    }
    for from in [here, beside] {
        for password in [GOOD, WRONG] {
            let answer = house.ask(login(ADA, password).from(from)).await;
            answer.is(429, "rate_limited");
            assert_eq!(answer.headers["retry-after"], "900");
        }
        // A claim does not choose another address (G13).
        let forged = login(ADA, GOOD)
            .from(from)
            .header("x-forwarded-for", "192.0.2.1");
        house.ask(forged).await.is(429, "rate_limited");
    }
    assert_eq!(house.failures(ADA).await, 0, "the name is not marked");
    house
        .ask(login(ADA, WRONG).from(away))
        .await
        .is(401, "invalid_credentials");
    assert_eq!(house.ask(login(ADA, GOOD).from(away)).await.status, 200);
    let known = login(ADA, GOOD)
        .device("d", "mobile", Some(&secret))
        .from(here);
    assert_eq!(house.ask(known).await.status, 200);
    for n in 0..9 {
        let wrong = login(&format!("m{n}@acme.test"), WRONG).from("198.51.100.9");
        house.ask(wrong).await.is(401, "invalid_credentials");
    }
    // A private peer that forwards for others, while no proxy is trusted: no budget for it (rule 7).
    for n in 0..9 {
        let wrong = login(&format!("p{n}@acme.test"), WRONG).from("10.0.0.1");
        let forwarded = wrong.header("x-forwarded-for", "192.0.2.1");
        house.ask(forwarded).await.is(401, "invalid_credentials");
    }
    house.clock.advance(Duration::from_secs(900));
    assert_eq!(house.ask(login(ADA, GOOD).from(here)).await.status, 200);
}

/// 4A.CVE-2025-24806, 4C.CVE-2021-3754: there is one kind of name to sign in with, so that no two kinds
/// can collide or count apart.
#[tokio::test]
async fn cve_2025_24806_cve_2021_3754_an_address_alone_is_a_name_to_sign_in_with() {
    let house = House::new().await;
    let phone = serde_json::json!({"phone": "+254700123456"});
    let signed_in = house.sign_in().await;
    let mut ask = crate::house::post("/v1/me", phone).with(signed_in.access());
    ask.method = "PATCH";
    assert_eq!(house.ask(ask).await.status, 200);
    let before = house.attempts().await.len();
    let id = house.ada.to_string();
    for name in [
        &*id,
        "+254700123456",
        "E-17",
        "ada",
        "ada@acme.test,eve@acme.test",
        "Ada <ada@acme.test>",
        "v@xn--example-.org",
        "",
    ] {
        for password in [GOOD, WRONG] {
            let answer = house.ask(login(name, password)).await;
            assert_eq!(answer.code(), "validation_failed", "{name}: {answer:?}");
        }
    }
    assert_eq!(house.attempts().await.len(), before);
    assert_eq!(house.failures(ADA).await, 0);
}
