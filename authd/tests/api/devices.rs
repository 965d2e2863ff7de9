//! Known devices: a secret that selects a counter of its own, and nothing that a client claims.

use std::time::Duration;

use crate::house::{ADA, Ask, BETTER, GOOD, House, WRONG, change, login, set_password};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn known(password: &str, secret: &str) -> Ask {
    login(ADA, password).device("phone", "mobile", Some(secret))
}

async fn enrol(house: &House) -> String {
    let answer = house
        .ask(login(ADA, GOOD).device("phone", "mobile", None))
        .await;
    answer.secret().unwrap().to_owned()
}

async fn lock(house: &House) {
    for _ in 0..5 {
        house
            .ask(login(ADA, WRONG))
            .await
            .is(401, "invalid_credentials");
    }
    house.ask(login(ADA, GOOD)).await.is(429, "login_locked");
}

#[tokio::test]
async fn a69_a_locked_name_does_not_lock_its_owners_device_out() {
    let house = House::new().await;
    let secret = enrol(&house).await;
    lock(&house).await;
    let answer = house.ask(known(GOOD, &secret)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.secret(), None, "the old one stays");
    house.ask(login(ADA, GOOD)).await.is(429, "login_locked");
    // The device that has no secret is not known by its id (G13).
    let claimed = login(ADA, GOOD).device("phone", "mobile", None);
    house.ask(claimed).await.is(429, "login_locked");
}

#[tokio::test]
async fn a69_g13_a_thousand_device_ids_are_one_counter() {
    let house = House::new().await;
    for n in 0..1000 {
        let ask = login(ADA, WRONG).device(&format!("device-{n}"), "other", None);
        let answer = house.ask(ask).await;
        match n {
            0..5 => answer.is(401, "invalid_credentials"),
            _ => answer.is(429, "login_locked"),
        }
    }
    assert_eq!(house.count(ADA, "locked").await, 995);
    assert_eq!(house.count(ADA, "wrong_password").await, 5);
}

#[tokio::test]
async fn a70_the_fifth_wrong_try_with_a_secret_kills_it() {
    let house = House::new().await;
    let secret = enrol(&house).await;
    for _ in 0..5 {
        house
            .ask(known(WRONG, &secret))
            .await
            .is(401, "invalid_credentials");
        assert_eq!(house.failures(ADA).await, 0);
    }
    assert!(house.devices(house.ada).await.is_empty());
    house
        .ask(known(WRONG, &secret))
        .await
        .is(401, "invalid_credentials");
    assert_eq!(
        house.failures(ADA).await,
        1,
        "the next try is on the shared counter"
    );
    let answer = house.ask(known(GOOD, &secret)).await;
    assert_ne!(answer.secret(), None, "a new one is handed out");
}

#[tokio::test]
async fn a70_a_success_with_a_secret_clears_its_own_counter_alone() {
    let house = House::new().await;
    let secret = enrol(&house).await;
    for _ in 0..4 {
        house
            .ask(login(ADA, WRONG))
            .await
            .is(401, "invalid_credentials");
        house
            .ask(known(WRONG, &secret))
            .await
            .is(401, "invalid_credentials");
    }
    assert_eq!(house.ask(known(GOOD, &secret)).await.status, 200);
    assert_eq!(house.failures(ADA).await, 4, "the shared count stands");
    for _ in 0..4 {
        house
            .ask(known(WRONG, &secret))
            .await
            .is(401, "invalid_credentials");
    }
    assert_eq!(
        house.devices(house.ada).await.len(),
        1,
        "its own began anew"
    );
}

#[tokio::test]
async fn a70_unknown_foreign_and_expired_secrets_answer_as_none() {
    let house = House::new().await;
    let secret = enrol(&house).await;
    house.user("acme", "bob@acme.test").await;
    let bobs = house
        .ask(login("bob@acme.test", GOOD).device("phone", "mobile", None))
        .await;
    let bobs = bobs.secret().unwrap().to_owned();
    let mut unknown = secret.clone();
    let last = unknown.pop().unwrap();
    unknown.push(if last == 'A' { 'Q' } else { 'A' });
    lock(&house).await;
    for worthless in ["", "x", "авто", &unknown, &bobs] {
        house
            .ask(known(GOOD, worthless))
            .await
            .is(429, "login_locked");
    }
    // Used on its ninetieth day it lives on; unused for ninety it is dead.
    house.clock.advance(DAY * 89);
    assert_eq!(house.ask(known(GOOD, &secret)).await.secret(), None);
    house.clock.advance(DAY * 90);
    lock(&house).await;
    house
        .ask(known(GOOD, &secret))
        .await
        .is(429, "login_locked");
    house.clock.advance(Duration::from_secs(900));
    assert_ne!(house.ask(known(GOOD, &secret)).await.secret(), None);
}

#[tokio::test]
async fn a70_disable_and_every_new_password_kill_secrets() {
    for act in 0..3 {
        let house = House::new().await;
        let secret = enrol(&house).await;
        let password = match act {
            0 => {
                house.disable().await;
                house.enable(ADA).await;
                GOOD
            }
            1 => {
                set_password(&house.app, ADA, BETTER, true).await;
                BETTER
            }
            _ => {
                let session = house.sign_in().await;
                let answer = house.ask(change(session.access(), GOOD, BETTER)).await;
                assert_eq!(answer.status, 204, "{answer:?}");
                BETTER
            }
        };
        assert!(house.devices(house.ada).await.is_empty(), "{act}");
        lock(&house).await;
        house
            .ask(known(password, &secret))
            .await
            .is(429, "login_locked");
    }
}

#[tokio::test]
async fn a70_g22_the_eleventh_device_takes_the_place_of_the_one_unused_longest() {
    let house = House::new().await;
    let mut secrets = Vec::new();
    for n in 0..11 {
        let ask = login(ADA, GOOD).device(&format!("d{n}"), "mobile", None);
        secrets.push(house.ask(ask).await.secret().unwrap().to_owned());
        house.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(house.devices(house.ada).await.len(), 10);
    lock(&house).await;
    house
        .ask(known(GOOD, &secrets[0]))
        .await
        .is(429, "login_locked");
    for secret in &secrets[1..] {
        assert_eq!(house.ask(known(GOOD, secret)).await.status, 200);
    }
}

#[tokio::test]
async fn a70_a_secret_stands_nowhere_in_clear() {
    let house = House::new().await;
    let secret = enrol(&house).await;
    for entry in std::fs::read_dir(house.folder()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let random = secret.rsplit('_').next().unwrap().as_bytes();
        assert!(!bytes.windows(random.len()).any(|window| window == random));
    }
}
