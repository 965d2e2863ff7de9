//! Two things at once, in an order that is forced or that does not matter.

use std::sync::Arc;

use authd::crypto::HashSettings;
use domain::session::SessionPolicy;

use crate::hold::{gated_pool, hold};
use crate::house::{
    ADA, BETTER, GOOD, House, beside, change, login, refresh, router, send, set_password, until,
};
use crate::mailing::Mailing;
use crate::support::plan;

const OTHER: &str = "two white herons stand still";

fn one_thread() -> HashSettings {
    HashSettings {
        threads: 1,
        ..plan().hashing
    }
}

/// Ada's login with the old password waits in a held queue while `during` runs elsewhere.
async fn login_overtaken(house: &House, during: impl Future<Output = ()>) {
    let (pool, gate) = gated_pool(one_thread());
    let held = beside(&house.app, pool);
    hold(&held, &gate).await;
    let through = router(&held, None);
    let ask = login(ADA, GOOD).device("waiting", "mobile", None);
    let waiting = tokio::spawn(async move { send(&through, ask).await });
    let subject = house.subject(ADA);
    until(async || house.counter(subject).await.open.len() == 1).await;
    during.await;
    let before = house.sessions(house.ada).await;
    gate.open();
    waiting.await.unwrap().is(401, "invalid_credentials");
    assert_eq!(
        house.sessions(house.ada).await,
        before,
        "no session was made"
    );
    assert!(house.devices(house.ada).await.is_empty());
    let counter = house.counter(subject).await;
    assert_eq!((counter.open.len(), counter.failures.len()), (0, 0));
    assert_eq!(house.count(ADA, "credential_stale").await, 1);
    held.pool.stop();
}

#[tokio::test]
async fn a64_g16_a_login_that_an_administrators_password_overtakes_makes_no_session() {
    for permanent in [true, false] {
        let house = House::new().await;
        login_overtaken(&house, set_password(&house.app, ADA, BETTER, permanent)).await;
    }
}

#[tokio::test]
async fn a64_g16_a_login_that_the_owners_change_overtakes_makes_no_session() {
    let house = House::new().await;
    let session = house.sign_in().await;
    login_overtaken(&house, async {
        let answer = house.ask(change(session.access(), GOOD, BETTER)).await;
        assert_eq!(answer.status, 204, "{answer:?}");
    })
    .await;
    assert_eq!(house.sessions(house.ada).await.len(), 1);
}

#[tokio::test]
async fn a64_g16_a_login_that_a_disabling_overtakes_makes_no_session() {
    let house = House::new().await;
    login_overtaken(&house, house.disable()).await;
}

#[tokio::test]
async fn a64_g16_a_login_that_a_mailed_link_overtakes_makes_no_session() {
    let mailing = Mailing::new().await;
    let token = mailing.token().await;
    login_overtaken(&mailing.house, async {
        mailing.reset(&token, BETTER).await.is(204, "");
    })
    .await;
}

/// A link that was good when it was used, and is over when its password has been hashed.
#[tokio::test]
async fn g16_a_link_that_ends_in_the_queue_sets_no_password() {
    for is_disabled in [false, true] {
        let mailing = Mailing::new().await;
        let house = &mailing.house;
        let token = mailing.token().await;
        let (pool, gate) = gated_pool(one_thread());
        let held = beside(&house.app, pool);
        hold(&held, &gate).await;
        let before = held.pool.places_taken();
        let through = router(&held, None);
        let ask = crate::mailing::reset(&token, BETTER);
        let waiting = tokio::spawn(async move { send(&through, ask).await });
        until(async || held.pool.places_taken() > before).await;
        if is_disabled {
            house.disable().await;
        } else {
            house.clock.advance(std::time::Duration::from_hours(1));
        }
        gate.open();
        waiting.await.unwrap().is(410, "link_expired");
        if is_disabled {
            house.enable(ADA).await;
        }
        house
            .ask(login(ADA, BETTER))
            .await
            .is(401, "invalid_credentials");
        house.sign_in().await;
        held.pool.stop();
    }
}

#[tokio::test]
async fn a62_g16_a_lock_by_hand_overtakes_whatever_is_being_hashed() {
    for (email, password) in [(ADA, GOOD), (ADA, OTHER), ("nobody@acme.test", OTHER)] {
        let house = House::new().await;
        let (pool, gate) = gated_pool(one_thread());
        let held = beside(&house.app, pool);
        hold(&held, &gate).await;
        let through = router(&held, None);
        let ask = login(email, password);
        let waiting = tokio::spawn(async move { send(&through, ask).await });
        let subject = house.subject(email);
        until(async || house.counter(subject).await.open.len() == 1).await;
        house.lock_by_hand(email).await;
        gate.open();
        waiting.await.unwrap().is(429, "login_locked");
        assert!(house.sessions(house.ada).await.is_empty());
        let counter = house.counter(subject).await;
        assert_eq!((counter.open.len(), counter.failures.len()), (0, 0));
        assert_eq!(house.count(email, "locked").await, 1);
        held.pool.stop();
    }
}

#[tokio::test]
async fn a64_g16_of_two_changes_the_first_to_commit_stands() {
    let house = House::new().await;
    let session = house.sign_in().await;
    let (pool, gate) = gated_pool(one_thread());
    let held = beside(&house.app, pool);
    hold(&held, &gate).await;
    let through = router(&held, None);
    let ask = change(session.access(), GOOD, OTHER);
    let waiting = tokio::spawn(async move { send(&through, ask).await });
    until(async || held.pool.places_taken() == 2).await;
    let answer = house.ask(change(session.access(), GOOD, BETTER)).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    gate.open();
    waiting.await.unwrap().is(409, "conflict");
    house
        .ask(login(ADA, OTHER))
        .await
        .is(401, "invalid_credentials");
    house
        .ask(login(ADA, GOOD))
        .await
        .is(401, "invalid_credentials");
    assert_eq!(house.ask(login(ADA, BETTER)).await.status, 200);
    held.pool.stop();
}

#[tokio::test]
async fn a64_g16_a_change_whose_session_ends_meanwhile_changes_nothing() {
    let house = House::new().await;
    let session = house.sign_in().await;
    let (pool, gate) = gated_pool(one_thread());
    let held = beside(&house.app, pool);
    hold(&held, &gate).await;
    let through = router(&held, None);
    let ask = change(session.access(), GOOD, OTHER);
    let waiting = tokio::spawn(async move { send(&through, ask).await });
    until(async || held.pool.places_taken() == 2).await;
    let logout = crate::house::post("/v1/auth/logout", serde_json::json!({}));
    assert_eq!(house.ask(logout.with(session.access())).await.status, 204);
    gate.open();
    waiting.await.unwrap().is(401, "session_revoked");
    house
        .ask(login(ADA, OTHER))
        .await
        .is(401, "invalid_credentials");
    house.sign_in().await;
    held.pool.stop();
}

#[tokio::test]
async fn g2_g16_a_change_by_token_that_a_disabling_overtakes_changes_nothing() {
    let house = House::new().await;
    let email = "new@acme.test";
    house.temporary(email).await;
    let token = house.ask(login(email, GOOD)).await.access().to_owned();
    let (pool, gate) = gated_pool(one_thread());
    let held = beside(&house.app, pool);
    hold(&held, &gate).await;
    let through = router(&held, None);
    let waiting = tokio::spawn(async move { send(&through, change(&token, GOOD, OTHER)).await });
    until(async || held.pool.places_taken() == 2).await;
    house.disable_named(email).await;
    gate.open();
    waiting.await.unwrap().is(401, "session_revoked");
    house.enable(email).await;
    house
        .ask(login(email, OTHER))
        .await
        .is(401, "invalid_credentials");
    held.pool.stop();
}

#[tokio::test]
async fn g16_what_a_suspension_of_the_tenant_overtakes_is_not_written() {
    let email = "new@acme.test";
    for of_token in [false, true] {
        let house = House::new().await;
        house.temporary(email).await;
        let who = if of_token { email } else { ADA };
        let access = house.ask(login(who, GOOD)).await.access().to_owned();
        let (pool, gate) = gated_pool(one_thread());
        let held = beside(&house.app, pool);
        hold(&held, &gate).await;
        let through = router(&held, None);
        let ask = change(&access, GOOD, OTHER);
        let waiting = tokio::spawn(async move { send(&through, ask).await });
        until(async || held.pool.places_taken() == 2).await;
        house.suspend().await;
        gate.open();
        waiting.await.unwrap().is(403, "tenant_suspended");
        house.resume().await;
        house
            .ask(login(who, OTHER))
            .await
            .is(401, "invalid_credentials");
        held.pool.stop();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a31_of_two_parallel_logins_exactly_one_session_lives() {
    let mut plan = plan();
    Arc::make_mut(&mut plan.settings.tenant).session_policy = SessionPolicy::Single;
    let house = Arc::new(House::with(plan).await);
    for round in 0..50 {
        let one = house.start(login(ADA, GOOD).device("one", "mobile", None));
        let two = house.start(login(ADA, GOOD).device("two", "browser", None));
        let answers = [one.await.unwrap(), two.await.unwrap()];
        assert_eq!(house.sessions(house.ada).await.len(), 1, "round {round}");
        let mut alive = 0;
        for answer in &answers {
            let check = house.check(answer.access()).await;
            if check.status == 200 {
                alive += 1;
                continue;
            }
            check.is(401, "session_superseded");
            let refreshed = house.ask(refresh(answer.refresh())).await;
            refreshed.is(401, "session_superseded");
        }
        assert_eq!(alive, 1, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a24_a_hundred_parallel_refreshes_hand_out_one_successor() {
    let house = Arc::new(House::new().await);
    let first = house.sign_in().await;
    let all: Vec<_> = (0..100)
        .map(|_| house.start(refresh(first.refresh())))
        .collect();
    let mut successors = std::collections::BTreeSet::new();
    for answer in all {
        let answer = answer.await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        successors.insert(answer.refresh().to_owned());
    }
    assert_eq!(successors.len(), 1);
    let session = house.sessions(house.ada).await.remove(0);
    assert_eq!(session.generation, 1);
    // The grace is over: what was handed out once more is reuse, and ends the session.
    house.clock.advance(std::time::Duration::from_secs(11));
    let late: Vec<_> = (0..20)
        .map(|_| house.start(refresh(first.refresh())))
        .collect();
    let mut reused = 0;
    for answer in late {
        let answer = answer.await.unwrap();
        assert_eq!(answer.status, 401, "{answer:?}");
        reused += usize::from(answer.code() == "refresh_token_reused");
    }
    assert!(reused >= 1);
    let successor = successors.pop_first().unwrap();
    house
        .ask(refresh(&successor))
        .await
        .is(401, "session_revoked");
    house.check(first.access()).await.is(401, "session_revoked");
}
