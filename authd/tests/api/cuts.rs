//! What ends a session is seen by the next request: with a warm cache, with a load that the commit
//! overtakes, and by time alone.

use std::sync::Arc;
use std::time::Duration;

use authd::app::housekeeping;
use serde_json::json;

use crate::clients::Service;
use crate::hold::GatedCache;
use crate::house::{
    ADA, Answer, BETTER, GOOD, House, change, get, login, post, refresh, set_password, until,
};
use crate::support::{new_tenant, plan};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Acts that take a session away, and what its requests are answered with from then on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act {
    SignOut,
    SignOutByRefresh,
    SignOutElsewhere,
    EndedByOwner,
    ChangedElsewhere,
    PasswordSet,
    Disabled,
    Reused,
}

impl Act {
    pub(crate) const ALL: [Self; 8] = [
        Self::SignOut,
        Self::SignOutByRefresh,
        Self::SignOutElsewhere,
        Self::EndedByOwner,
        Self::ChangedElsewhere,
        Self::PasswordSet,
        Self::Disabled,
        Self::Reused,
    ];

    pub(crate) async fn commit(self, house: &House, cut: &Answer, other: &Answer) {
        let logout = |body| post("/v1/auth/logout", body);
        let answer = match self {
            Self::SignOut => house.ask(logout(json!({})).with(cut.access())).await,
            Self::SignOutByRefresh => {
                let body = json!({"refresh_token": cut.refresh()});
                house.ask(logout(body)).await
            }
            Self::SignOutElsewhere => {
                let body = json!({"scope": "others"});
                house.ask(logout(body).with(other.access())).await
            }
            Self::EndedByOwner => {
                let id = cut.body["session"]["id"].as_str().unwrap();
                let mut ask = get(&format!("/v1/me/sessions/{id}")).with(other.access());
                ask.method = "DELETE";
                house.ask(ask).await
            }
            Self::ChangedElsewhere => house.ask(change(other.access(), GOOD, BETTER)).await,
            Self::PasswordSet => return set_password(&house.app, ADA, BETTER, true).await,
            Self::Disabled => return house.disable().await,
            Self::Reused => {
                house.clock.advance(Duration::from_secs(11));
                let reused = house.ask(refresh(cut.refresh())).await;
                return reused.is(401, "refresh_token_reused");
            }
        };
        assert_eq!(answer.status, 204, "{self:?}: {answer:?}");
    }
}

pub(crate) async fn two_sessions(house: &House) -> (Answer, Answer) {
    let cut = house
        .ask(login(ADA, GOOD).device("cut", "mobile", None))
        .await;
    let other = house
        .ask(login(ADA, GOOD).device("other", "tablet", None))
        .await;
    (cut, other)
}

async fn is_dead(house: &House, cut: &Answer, act: Act) {
    for path in ["/v1/auth/check", "/v1/me", "/v1/me/sessions"] {
        let answer = house.ask(get(path).with(cut.access())).await;
        assert_eq!(answer.code(), "session_revoked", "{act:?} {path}");
    }
    let answer = house.ask(refresh(cut.refresh())).await;
    assert_eq!(
        (answer.status, answer.code()),
        (401, "session_revoked"),
        "{act:?}"
    );
    let answer = house.ask(change(cut.access(), GOOD, BETTER)).await;
    assert_eq!(
        (answer.status, answer.code()),
        (401, "session_revoked"),
        "{act:?}"
    );
}

#[tokio::test]
async fn a74_a34_a25_g1_a_warm_cache_refuses_from_the_answer_on() {
    for act in Act::ALL {
        let house = House::new().await;
        let (cut, other) = two_sessions(&house).await;
        if matches!(act, Act::Reused) {
            assert_eq!(house.ask(refresh(cut.refresh())).await.status, 200);
        }
        for _ in 0..2 {
            assert_eq!(house.check(cut.access()).await.status, 200);
            assert_eq!(house.check(other.access()).await.status, 200);
        }
        act.commit(&house, &cut, &other).await;
        is_dead(&house, &cut, act).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a74_g1_g20_a_load_that_the_commit_overtakes_is_never_served() {
    // A sign-out by its own access token loads the state itself; its commit is that of the next.
    for act in Act::ALL.into_iter().skip(1) {
        let cache = GatedCache::new();
        let mut plan = plan();
        plan.cache = Arc::clone(&cache) as _;
        let house = House::with(plan).await;
        let (cut, other) = two_sessions(&house).await;
        if matches!(act, Act::Reused) {
            assert_eq!(house.ask(refresh(cut.refresh())).await.status, 200);
        }
        assert_eq!(house.check(other.access()).await.status, 200);
        // The load has read its snapshot, and stores it after the commit.
        cache.gate.close();
        let loading = house.start(get("/v1/auth/check").with(cut.access()));
        until(async || cache.gate.waiting() == 1).await;
        act.commit(&house, &cut, &other).await;
        cache.gate.open();
        assert_eq!(loading.await.unwrap().status, 200, "it began before");
        is_dead(&house, &cut, act).await;
    }
}

#[tokio::test]
async fn r40_a74_g20_the_end_of_a_subscription_passes_by_the_clock_alone() {
    let house = House::new().await;
    let mut ending = new_tenant("ending");
    // The end of that day in Nairobi is 21:00 UTC.
    ending.ends = Some("2026-09-22".to_owned());
    house.tenant(ending).await;
    house.user("ending", ADA).await;
    let mut ask = login(ADA, GOOD);
    ask.body.as_mut().unwrap()["tenant"] = "ending".into();
    let session = house.ask(ask.clone()).await;
    let end = "2026-09-22T21:00:00Z".parse().unwrap();
    let mut current = session.clone();
    let header = |answer: &Answer| answer.headers["x-auth-subscription"].clone();
    assert_eq!(header(&house.check(current.access()).await), "active");
    house.clock.set(end);
    house.clock.advance(Duration::from_secs(1));
    current = house.ask(refresh(current.refresh())).await;
    assert_eq!(header(&house.check(current.access()).await), "grace");
    house.clock.set(end);
    house.clock.advance(Duration::from_secs(7 * 24 * 3600 - 60));
    current = house.ask(refresh(current.refresh())).await;
    assert_eq!(header(&house.check(current.access()).await), "grace");
    let hits = house.app.cache.stats().misses;
    house.clock.advance(Duration::from_secs(61));
    let refused = house.check(current.access()).await;
    refused.is(403, "subscription_ended");
    assert_eq!(header(&refused), "ended");
    assert_eq!(house.app.cache.stats().misses, hits, "the cache was warm");
    house
        .ask(refresh(current.refresh()))
        .await
        .is(403, "subscription_ended");
    house.ask(ask).await.is(403, "subscription_ended");
    house
        .ask(change(current.access(), GOOD, BETTER))
        .await
        .is(403, "subscription_ended");
}

#[tokio::test]
async fn a32_a74_g20_the_idle_limit_passes_by_the_clock_alone() {
    let mut plan = plan();
    Arc::make_mut(&mut plan.settings.tenant).access_ttl = DAY * 200;
    let house = House::with(plan).await;
    let session = house.sign_in().await;
    let idle = DAY * 14;
    assert_eq!(house.check(session.access()).await.status, 200);
    house.clock.advance(Duration::from_secs(14 * 24 * 3600 - 1));
    assert_eq!(
        house.check(session.access()).await.status,
        200,
        "a use begins it anew"
    );
    house.clock.advance(idle);
    house
        .check(session.access())
        .await
        .is(401, "session_expired");
    house
        .ask(refresh(session.refresh()))
        .await
        .is(401, "session_expired");
    // A cache that is lost changes nothing, nor does what is in memory of uses.
    house.app.cache.flush();
    house
        .check(session.access())
        .await
        .is(401, "session_expired");
}

#[tokio::test]
async fn a32_a74_the_absolute_limit_passes_though_it_is_used_and_refreshed_daily() {
    let house = House::new().await;
    let mut current = house.sign_in().await;
    let first = house.sessions(house.ada).await.remove(0);
    for _ in 0..89 {
        house.clock.advance(DAY);
        current = house.ask(refresh(current.refresh())).await;
        assert_eq!(house.check(current.access()).await.status, 200);
        housekeeping::flush_activity(&house.app, true)
            .await
            .unwrap();
    }
    let last = house.sessions(house.ada).await.remove(0);
    assert_eq!(
        last.auth_time, first.auth_time,
        "refresh never moves it (A73)"
    );
    house.clock.advance(Duration::from_secs(24 * 3600 - 60));
    current = house.ask(refresh(current.refresh())).await;
    assert_eq!(current.body["refresh_expires_in"], 60);
    assert_eq!(house.check(current.access()).await.status, 200);
    house.clock.advance(Duration::from_secs(60));
    house
        .check(current.access())
        .await
        .is(401, "session_expired");
    house
        .ask(refresh(current.refresh()))
        .await
        .is(401, "session_expired");
}

#[tokio::test]
async fn a73_the_grace_hands_out_the_same_successor_and_extends_nothing() {
    let house = House::new().await;
    let first = house.sign_in().await;
    house.clock.advance(Duration::from_secs(5));
    let second = house.ask(refresh(first.refresh())).await;
    let row = house.sessions(house.ada).await;
    for seconds in [4, 6] {
        house.clock.advance(Duration::from_secs(seconds));
        let again = house.ask(refresh(first.refresh())).await;
        if seconds == 4 {
            assert_eq!(again.refresh(), second.refresh());
            let left = second.body["refresh_expires_in"].as_u64().unwrap() - 4;
            assert_eq!(again.body["refresh_expires_in"], left);
            assert_eq!(house.sessions(house.ada).await, row);
        } else {
            // Ten seconds after the rotation; the use in between has moved nothing.
            again.is(401, "refresh_token_reused");
        }
    }
    house
        .check(second.access())
        .await
        .is(401, "session_revoked");
}

#[tokio::test]
async fn a73_two_rotations_within_the_grace_make_the_first_token_reuse() {
    let house = House::new().await;
    let first = house.sign_in().await;
    let second = house.ask(refresh(first.refresh())).await;
    let third = house.ask(refresh(second.refresh())).await;
    house
        .ask(refresh(first.refresh()))
        .await
        .is(401, "refresh_token_reused");
    house.check(third.access()).await.is(401, "session_revoked");
    house
        .ask(refresh(third.refresh()))
        .await
        .is(401, "session_revoked");
}

#[tokio::test]
async fn a34_a_suspended_tenant_is_closed_to_every_token() {
    let house = House::new().await;
    house.temporary("new@acme.test").await;
    let temporary = house.ask(login("new@acme.test", GOOD)).await;
    let signed_in = house.sign_in().await;
    let service = Service::of(&house, "acme").await;
    let of_service = service.token(&house).await;
    house.suspend().await;
    // Six right passwords: refused, and neither counted nor cleared.
    for _ in 0..6 {
        for email in [ADA, "new@acme.test"] {
            let refused = house.ask(login(email, GOOD)).await;
            refused.is(403, "tenant_suspended");
        }
    }
    assert_eq!(house.failures(ADA).await, 0);
    let refused = house.ask(refresh(signed_in.refresh())).await;
    refused.is(403, "tenant_suspended");
    for token in [signed_in.access(), temporary.access(), of_service.access()] {
        let refused = house.check(token).await;
        assert_eq!(refused.status, 403, "{refused:?}");
    }
    let refused = house.ask(change(temporary.access(), GOOD, BETTER)).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    service.token(&house).await.is(401, "invalid_client");
}

#[tokio::test]
async fn g2_enabling_a_user_again_revives_nothing() {
    let house = House::new().await;
    let (cut, other) = two_sessions(&house).await;
    assert_eq!(house.check(cut.access()).await.status, 200);
    house.disable().await;
    house
        .ask(login(ADA, GOOD))
        .await
        .is(403, "account_disabled");
    house.enable(ADA).await;
    for session in [&cut, &other] {
        house
            .check(session.access())
            .await
            .is(401, "session_revoked");
        house
            .ask(refresh(session.refresh()))
            .await
            .is(401, "session_revoked");
    }
    let anew = house.sign_in().await;
    assert_eq!(house.check(anew.access()).await.status, 200);
    house.check(cut.access()).await.is(401, "session_revoked");
}

#[tokio::test]
async fn g13_what_a_client_claims_gives_nothing() {
    let house = House::new().await;
    house.user("acme", "bob@acme.test").await;
    let (ada, _) = two_sessions(&house).await;
    let bob = house.ask(login("bob@acme.test", GOOD)).await;
    let bobs = bob.body["session"]["id"].as_str().unwrap();
    // Another's session is none at all.
    for id in [bobs, "ses_00000000000000000000000000", "x", "%00"] {
        let mut ask = get(&format!("/v1/me/sessions/{id}")).with(ada.access());
        ask.method = "DELETE";
        house.ask(ask).await.is(404, "not_found");
    }
    let forged = get("/v1/auth/check")
        .with(ada.access())
        .header("x-auth-user-id", bob.body["user"]["id"].as_str().unwrap())
        .header("x-user-id", "admin")
        .header("x-tenant-id", "system")
        .header("x-request-id", "req_forged");
    let answer = house.ask(forged).await;
    assert_eq!(answer.body["user_id"], ada.body["user"]["id"]);
    assert_eq!(answer.body["is_tenant_admin"], false);
    assert_ne!(answer.headers["x-request-id"], "req_forged");
    assert_eq!(house.check(bob.access()).await.status, 200);
}
