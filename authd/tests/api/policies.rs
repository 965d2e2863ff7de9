//! How many sessions a user may have side by side.

use std::sync::Arc;
use std::time::Duration;

use domain::session::SessionPolicy;

use crate::house::{ADA, Answer, GOOD, House, get, login};
use crate::support::plan;

struct Devices {
    house: House,
    signed_in: Vec<(&'static str, Answer)>,
}

impl Devices {
    async fn under(policy: SessionPolicy) -> Self {
        let mut plan = plan();
        Arc::make_mut(&mut plan.settings.tenant).session_policy = policy;
        Self {
            house: House::with(plan).await,
            signed_in: Vec::new(),
        }
    }

    /// Signs in from a device; an empty id is the nameless one. Returns how many ended.
    async fn sign_in(&mut self, name: &'static str, id: &str, kind: &str) -> usize {
        self.house.clock.advance(Duration::from_secs(1));
        let ask = login(ADA, GOOD);
        let ask = if id.is_empty() {
            ask
        } else {
            ask.device(id, kind, None)
        };
        let answer = self.house.ask(ask).await;
        let ended = answer.body["ended_sessions"].as_array().unwrap().len();
        self.signed_in.push((name, answer));
        ended
    }

    /// The sign-ins whose sessions live; all others are superseded.
    async fn alive(&self) -> Vec<&'static str> {
        let mut alive = Vec::new();
        for (name, answer) in &self.signed_in {
            let check = self.house.check(answer.access()).await;
            if check.status == 200 {
                alive.push(*name);
            } else {
                check.is(401, "session_superseded");
            }
        }
        assert_eq!(self.house.sessions(self.house.ada).await.len(), alive.len());
        alive
    }
}

#[tokio::test]
async fn a29_single_ends_all_others() {
    let mut devices = Devices::under(SessionPolicy::Single).await;
    assert_eq!(devices.sign_in("first", "a", "mobile").await, 0);
    assert_eq!(devices.sign_in("second", "b", "mobile").await, 1);
    assert_eq!(devices.sign_in("nameless", "", "").await, 1);
    assert_eq!(devices.alive().await, ["nameless"]);
}

#[tokio::test]
async fn a30_per_device_replaces_the_same_device_alone() {
    let mut devices = Devices::under(SessionPolicy::PerDevice).await;
    for (name, id) in [
        ("a", "a"),
        ("b", "b"),
        ("none", ""),
        ("a again", "a"),
        ("none again", ""),
    ] {
        devices.sign_in(name, id, "mobile").await;
    }
    assert_eq!(devices.alive().await, ["b", "a again", "none again"]);
}

#[tokio::test]
async fn a30_per_device_type_replaces_the_same_type_and_the_same_device() {
    let mut devices = Devices::under(SessionPolicy::PerDeviceType).await;
    devices.sign_in("phone", "a", "mobile").await;
    devices.sign_in("screen", "b", "desktop").await;
    devices.sign_in("other phone", "c", "mobile").await;
    assert_eq!(devices.alive().await, ["screen", "other phone"]);
    // The device's type is a claim: the same id replaces its own session all the same.
    devices.sign_in("screen as tablet", "b", "tablet").await;
    assert_eq!(devices.alive().await, ["other phone", "screen as tablet"]);
}

#[tokio::test]
async fn a30_limit_ends_the_one_unused_longest() {
    let mut devices = Devices::under(SessionPolicy::Limit(3)).await;
    for name in ["a", "b", "c"] {
        devices.sign_in(name, name, "mobile").await;
    }
    // A use that is in memory alone counts.
    devices.house.clock.advance(Duration::from_secs(1));
    let first = devices.signed_in[0].1.access().to_owned();
    assert_eq!(devices.house.check(&first).await.status, 200);
    assert_eq!(devices.sign_in("d", "d", "mobile").await, 1);
    assert_eq!(devices.alive().await, ["a", "c", "d"]);
}

#[tokio::test]
async fn g22_fifty_sessions_are_the_most_under_any_policy() {
    let mut devices = Devices::under(SessionPolicy::PerDevice).await;
    for n in 0..53 {
        devices.sign_in("", &format!("d{n}"), "browser").await;
    }
    let open = devices.house.sessions(devices.house.ada).await;
    assert_eq!(open.len(), 50);
    let last = devices.signed_in.last().unwrap().1.access().to_owned();
    let own = devices.house.ask(get("/v1/me/sessions").with(&last)).await;
    assert_eq!(own.body["items"].as_array().unwrap().len(), 50);
}

#[tokio::test]
async fn a30_7_2_4_the_same_device_gets_a_new_session_and_its_old_tokens_die() {
    for policy in [
        SessionPolicy::Single,
        SessionPolicy::PerDevice,
        SessionPolicy::PerDeviceType,
        SessionPolicy::Limit(50),
    ] {
        let mut devices = Devices::under(policy).await;
        devices.sign_in("old", "a", "mobile").await;
        devices.sign_in("new", "a", "mobile").await;
        assert_eq!(devices.alive().await, ["new"], "{policy}");
        let id = |n: usize| devices.signed_in[n].1.body["session"]["id"].clone();
        assert_ne!(id(0), id(1));
    }
}
