//! Known, unknown, disabled and password-less names cannot be told apart.

use std::sync::Arc;
use std::time::Duration;

use common::id::UserId;
use domain::lockout::LockoutPolicy;
use serde_json::{Value, json};

use crate::house::{ADA, Answer, GOOD, House, WRONG, login};
use crate::support::plan;

const SAMPLES: usize = 200;
const DISABLED: &str = "bob@acme.test";
const WITHOUT_PASSWORD: &str = "eve@acme.test";
const UNKNOWN: &str = "nobody@acme.test";

/// Adds a user without a credential, as an invitation will.
async fn add_user_without_password(house: &House) {
    let (tenant, ada) = (house.acme, house.ada);
    let subject = house.subject(WITHOUT_PASSWORD);
    house
        .write(move |tx| {
            let rows = tx.tenant_mut(tenant);
            let mut user = rows.users().by_id(ada)?.unwrap();
            user.id = UserId::from_bytes([77; 16]);
            user.email = WITHOUT_PASSWORD.parse().unwrap();
            user.subject = subject;
            rows.users_mut().insert(&user)
        })
        .await;
}

/// What an outsider can compare, without the request's own id.
fn seen(answer: &Answer) -> (u16, Vec<String>, String) {
    let mut names: Vec<_> = answer
        .headers
        .iter()
        .map(|(name, value)| match name.as_str() {
            "x-request-id" => name.to_string(),
            other => format!("{other}: {}", value.to_str().unwrap()),
        })
        .collect();
    names.sort();
    let mut body = answer.body.clone();
    body["request_id"] = "req".into();
    (answer.status, names, body.to_string())
}

async fn house(threshold: u32, hashing: authd::crypto::HashSettings) -> House {
    let mut plan = plan();
    Arc::make_mut(&mut plan.settings.tenant).lockout = LockoutPolicy {
        threshold,
        ..plan.settings.tenant.lockout
    };
    plan.hashing = hashing;
    let house = House::with(plan).await;
    house.user("acme", DISABLED).await;
    house.disable_named(DISABLED).await;
    add_user_without_password(&house).await;
    house
}

#[tokio::test]
async fn a10_g14_refused_and_locked_names_answer_alike_whatever_they_are() {
    let house = house(5, plan().hashing).await;
    let other_tenant = |email: &str| {
        let mut ask = login(email, WRONG);
        ask.body.as_mut().unwrap()["tenant"] = "no-such-tenant".into();
        ask
    };
    for try_number in 0..7 {
        let reference = house.ask(login(ADA, WRONG)).await;
        let (status, code) = match try_number {
            0..5 => (401, "invalid_credentials"),
            _ => (429, "login_locked"),
        };
        reference.is(status, code);
        for email in [DISABLED, WITHOUT_PASSWORD, UNKNOWN] {
            let answer = house.ask(login(email, WRONG)).await;
            assert_eq!(seen(&answer), seen(&reference), "{email}, try {try_number}");
        }
        let answer = house.ask(other_tenant(ADA)).await;
        assert_eq!(seen(&answer), seen(&reference), "try {try_number}");
    }
    // What is no login at all is told before any name is looked at (4A.CVE-2018-15473).
    let before = house.attempts().await.len();
    for (field, value) in [
        ("password", Value::Null),
        ("password", json!("x".repeat(1025))),
        ("device", json!({"id": 7})),
        ("device", json!({"type": "mobile"})),
        ("tenant", json!(["acme"])),
        ("remember", json!(true)),
    ] {
        let of = |email: &str| {
            let mut ask = login(email, WRONG);
            ask.body.as_mut().unwrap()[field] = value.clone();
            ask
        };
        let reference = house.ask(of(ADA)).await;
        assert!([400, 422].contains(&reference.status), "{reference:?}");
        for email in [DISABLED, WITHOUT_PASSWORD, UNKNOWN] {
            let answer = house.ask(of(email)).await;
            assert_eq!(seen(&answer), seen(&reference), "{email}, {field}");
        }
    }
    assert_eq!(house.attempts().await.len(), before);
    // Locked: right passwords answer like wrong ones, and like unknown names.
    let locked = house.ask(login(UNKNOWN, GOOD)).await;
    for email in [ADA, DISABLED] {
        let answer = house.ask(login(email, GOOD)).await;
        assert_eq!(seen(&answer), seen(&locked), "{email}");
    }
    assert_eq!(locked.headers["retry-after"], "900");
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Largest distance between two empirical distributions (Kolmogorov, Smirnov); both are sorted.
fn distance(one: &[Duration], other: &[Duration]) -> f64 {
    let share = |times: &[Duration], at: Duration| {
        let below = times.partition_point(|time| *time <= at);
        f64::from(u32::try_from(below).unwrap()) / f64::from(u32::try_from(times.len()).unwrap())
    };
    one.iter()
        .chain(other)
        .map(|&at| (share(one, at) - share(other, at)).abs())
        .fold(0.0, f64::max)
}

#[tokio::test]
async fn a10_the_times_of_refusals_are_one_distribution_that_begins_at_the_floor() {
    let hashing = authd::crypto::HashSettings {
        memory_kib: 4096,
        ..plan().hashing
    };
    let mut house = house(u32::MAX, hashing).await;
    let floor = house.app.pool.calibrate(&[]);
    // As the daemon does at its start.
    let app = crate::house::beside(&house.app, house.app.pool.clone());
    app.login_floor.set(floor);
    house.router = crate::house::router(&app, None);
    let names = [ADA, UNKNOWN, DISABLED, WITHOUT_PASSWORD];
    let mut times = vec![Vec::new(); names.len()];
    for round in 0..SAMPLES {
        // The hash threads take turns: each name must come to each of them as often.
        for place in 0..names.len() {
            let number = (round + place) % names.len();
            let answer = house.ask(login(names[number], WRONG)).await;
            answer.is(401, "invalid_credentials");
            assert!(answer.took >= floor, "{}: {:?}", names[number], answer.took);
            times[number].push(answer.took);
        }
    }
    let medians: Vec<_> = times.iter_mut().map(|times| median(times)).collect();
    for (number, email) in names.iter().enumerate().skip(1) {
        let distance = distance(&times[0], &times[number]);
        // Two samples of 200 of one distribution differ by more in one of ten million runs.
        assert!(distance < 0.29, "{email}: {distance}, medians {medians:?}");
        let ratio = medians[number].as_secs_f64() / medians[0].as_secs_f64();
        assert!((0.8..1.25).contains(&ratio), "{email}: medians {medians:?}");
    }
}
