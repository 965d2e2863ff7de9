//! A hash of weaker parameters is made anew by a login: behind its answer, and never over a password
//! that changed meanwhile (A13, A64).

use std::sync::Arc;

use authd::app::App;
use authd::crypto::{HashPool, HashSettings, SeededRandom};
use domain::user::Credential;

use crate::hold::gated_pool;
use crate::house::{
    ADA, BETTER, GOOD, House, beside, change, login, router, send, set_password, until,
};
use crate::support::plan;

const WEAK: &str = "$argon2id$v=19$m=64,t=1,p=1$";
const STRONG: &str = "$argon2id$v=19$m=64,t=3,p=1$";

fn stronger() -> HashSettings {
    HashSettings {
        iterations: 3,
        ..plan().hashing
    }
}

async fn credential(house: &House) -> Credential {
    let (acme, ada) = (house.acme, house.ada);
    let found = house
        .app
        .store
        .read(move |tx| tx.tenant(acme).credentials().of(ada))
        .await;
    let found: Result<_, store::StoreError> = found;
    found.unwrap().unwrap()
}

async fn is_quiet(app: &Arc<App>) {
    until(async || app.pool.spare_places_taken() == 0).await;
}

#[tokio::test]
async fn a13_a_login_renews_a_weaker_hash_and_nothing_else_moves() {
    let house = House::new().await;
    let before = credential(&house).await;
    assert!(before.hash.expose().starts_with(WEAK));
    let pool = HashPool::start(stronger(), Arc::new(SeededRandom::new(5))).unwrap();
    let strong = beside(&house.app, pool);
    let through = router(&strong, None);
    // A wrong password renews nothing.
    let wrong = send(&through, login(ADA, BETTER)).await;
    wrong.is(401, "invalid_credentials");
    is_quiet(&strong).await;
    assert_eq!(credential(&house).await.hash.expose(), before.hash.expose());
    let answer = send(&through, login(ADA, GOOD)).await;
    assert_eq!(answer.status, 200);
    is_quiet(&strong).await;
    let after = credential(&house).await;
    assert!(after.hash.expose().starts_with(STRONG));
    assert_eq!(
        after.version, before.version,
        "what stands on it stays good"
    );
    assert_eq!(
        (after.kind, after.changed_at),
        (before.kind, before.changed_at)
    );
    assert_eq!(house.check(answer.access()).await.status, 200);
    // With the weaker parameters back it is left alone.
    assert_eq!(house.ask(login(ADA, GOOD)).await.status, 200);
    is_quiet(&house.app).await;
    assert_eq!(credential(&house).await.hash.expose(), after.hash.expose());
    strong.pool.stop();
}

#[tokio::test]
async fn a64_a_change_that_overtakes_the_renewal_stands() {
    for by_owner in [true, false] {
        let house = House::new().await;
        let (pool, gate) = gated_pool(stronger());
        let held = beside(&house.app, pool);
        gate.close();
        // Checking draws nothing and passes the gate; making a hash draws its salt and waits.
        let answer = send(&router(&held, None), login(ADA, GOOD)).await;
        assert_eq!(answer.status, 200, "the answer did not wait");
        until(async || gate.waiting() == 1).await;
        if by_owner {
            let changed = house.ask(change(answer.access(), GOOD, BETTER)).await;
            assert_eq!(changed.status, 204, "{changed:?}");
        } else {
            set_password(&house.app, ADA, BETTER, true).await;
        }
        let chosen = credential(&house).await;
        gate.open();
        is_quiet(&held).await;
        let stands = credential(&house).await;
        assert_eq!(stands.hash.expose(), chosen.hash.expose());
        assert_eq!(stands.version, chosen.version);
        assert_eq!(house.ask(login(ADA, BETTER)).await.status, 200);
        house
            .ask(login(ADA, GOOD))
            .await
            .is(401, "invalid_credentials");
        held.pool.stop();
    }
}

#[tokio::test]
async fn a64_a_renewal_that_overtakes_a_change_does_not_hinder_it() {
    let house = House::new().await;
    let session = house.sign_in().await;
    let (pool, gate) = gated_pool(plan().hashing);
    let held = beside(&house.app, pool);
    gate.close();
    let through = router(&held, None);
    let ask = change(session.access(), GOOD, BETTER);
    let waiting = tokio::spawn(async move { send(&through, ask).await });
    until(async || gate.waiting() == 1).await;
    let pool = HashPool::start(stronger(), Arc::new(SeededRandom::new(5))).unwrap();
    let strong = beside(&house.app, pool);
    let ask = login(ADA, GOOD).device("other", "mobile", None);
    assert_eq!(send(&router(&strong, None), ask).await.status, 200);
    is_quiet(&strong).await;
    assert!(credential(&house).await.hash.expose().starts_with(STRONG));
    gate.open();
    assert_eq!(waiting.await.unwrap().status, 204);
    assert_eq!(house.ask(login(ADA, BETTER)).await.status, 200);
    house
        .ask(login(ADA, GOOD))
        .await
        .is(401, "invalid_credentials");
    held.pool.stop();
    strong.pool.stop();
}
