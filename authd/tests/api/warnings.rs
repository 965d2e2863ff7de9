//! Mails before a subscription ends: each once, to those who can do something about it (rule 15).

use std::time::Duration;

use authd::app::tenant::{self, warnings};
use common::call::Socket;
use common::call::tenant::Set;
use common::call::user::{Create, Disable};
use common::time::Time;
use domain::mail::Template;
use serde_json::json;

use crate::house::GOOD;
use crate::support::{new_user, operator};
use crate::world::{World, named};

const DAY: Duration = Duration::from_hours(24);

async fn ends(world: &World, tenant: &str, end: &str) {
    let request = Set {
        tenant: tenant.to_owned(),
        ends: Some(end.to_owned()),
        ..Set::default()
    };
    let app = &world.house().app;
    tenant::set(app, &operator(Socket::Admin), request)
        .await
        .unwrap();
}

async fn admin(world: &World, tenant: &str, email: &str) -> String {
    world
        .make(Create {
            permanent: true,
            tenant_admin: true,
            ..new_user(tenant, email, GOOD)
        })
        .await
}

/// Puts the clock to a moment.
fn at(world: &World, then: &str) {
    let house = world.house();
    house.clock.advance(moment(then).since(house.app.now()));
}

/// Runs a round; who was told, and of which end.
async fn told(world: &World) -> Vec<(String, Option<Time>)> {
    warnings::warn(&world.house().app).await.unwrap();
    let letters = world.mailing.delivered().await;
    let mut told: Vec<_> = letters
        .into_iter()
        .map(|letter| {
            assert_eq!(letter.template, Template::SubscriptionEnding);
            assert!(letter.facts.link.is_none() && letter.facts.password.is_none());
            (letter.to.to_string(), letter.facts.expires_at)
        })
        .collect();
    told.sort();
    told
}

fn moment(text: &str) -> Time {
    text.parse().unwrap()
}

#[tokio::test]
async fn rule_15_v6_4_5_each_administrator_is_told_30_14_7_and_1_days_before_once_each() {
    let world = World::new().await;
    assert_eq!(told(&world).await, []);
    admin(&world, "acme", "ann@acme.test").await;
    admin(&world, "globex", "gus@globex.test").await;
    let all = world.role(Some("acme"), "all", &["ALL_PERMISSIONS"]).await;
    world
        .make(Create {
            permanent: true,
            roles: vec![all],
            ..new_user("acme", "bob@acme.test", GOOD)
        })
        .await;
    world.invited("acme", &["users:view"]).await;
    // Those who cannot sign in hear nothing.
    world
        .make(Create {
            tenant_admin: true,
            ..new_user("acme", "invited@acme.test", GOOD)
        })
        .await;
    let closed = admin(&world, "acme", "closed@acme.test").await;
    let disable = Disable {
        user: named(&closed),
        reason: None,
    };
    authd::app::user::disable(&world.house().app, &operator(Socket::Admin), disable)
        .await
        .unwrap();
    // Midnight in Nairobi, which is the tenant's zone.
    ends(&world, "acme", "2026-12-31").await;
    let both = || {
        let end = Some(moment("2026-12-31T20:59:59.999Z"));
        vec![
            ("ann@acme.test".to_owned(), end),
            ("bob@acme.test".to_owned(), end),
        ]
    };
    assert_eq!(told(&world).await, []);
    for days in ["2026-12-01", "2026-12-17", "2026-12-24", "2026-12-30"] {
        at(&world, &format!("{days}T20:59:59.998Z"));
        assert_eq!(told(&world).await, [], "{days}");
        at(&world, &format!("{days}T20:59:59.999Z"));
        assert_eq!(told(&world).await, both(), "{days}");
        assert_eq!(told(&world).await, [], "{days}: once");
        world.house().clock.advance(DAY / 2);
        assert_eq!(told(&world).await, [], "{days}: once");
    }
    at(&world, "2027-01-01T00:00:00Z");
    assert_eq!(told(&world).await, []);
}

#[tokio::test]
async fn rule_15_what_came_while_nobody_was_there_is_told_in_one_mail() {
    let world = World::new().await;
    assert_eq!(told(&world).await, []);
    admin(&world, "acme", "ann@acme.test").await;
    ends(&world, "acme", "2026-12-31").await;
    at(&world, "2026-12-25T00:00:00Z");
    assert_eq!(told(&world).await.len(), 1);
    // Extended, it is told of again before the new end; and the old one is forgotten.
    ends(&world, "acme", "2027-06-30").await;
    at(&world, "2026-12-31T00:00:00Z");
    assert_eq!(told(&world).await, []);
    at(&world, "2027-05-31T21:00:00Z");
    let end = Some(moment("2027-06-30T20:59:59.999Z"));
    assert_eq!(told(&world).await, [("ann@acme.test".to_owned(), end)]);
}

#[tokio::test]
async fn rule_15_a_round_that_was_cut_off_goes_on_where_it_was() {
    let world = World::new().await;
    admin(&world, "acme", "ann@acme.test").await;
    admin(&world, "globex", "gus@globex.test").await;
    ends(&world, "acme", "2026-12-31").await;
    ends(&world, "globex", "2026-12-31").await;
    at(&world, "2026-12-01T21:00:00Z");
    let millis = |text: &str| moment(text).millis();
    // As it stands on disk when the daemon ends behind the first of two tenants.
    let fact = json!({"since": millis("2026-12-01T20:00:00Z"),
        "round": {"until": millis("2026-12-01T20:59:59.999Z"), "after": "acme"}});
    let fact = fact.to_string().into_bytes();
    world
        .house()
        .write(move |tx| tx.meta_mut().set("subscription_warnings", &fact))
        .await;
    let end = Some(moment("2026-12-31T20:59:59.999Z"));
    assert_eq!(told(&world).await, [("gus@globex.test".to_owned(), end)]);
    assert_eq!(told(&world).await, []);
}

#[tokio::test]
async fn rule_15_a_mail_that_waited_is_dropped_where_the_end_was_moved() {
    let world = World::new().await;
    let app = &world.house().app;
    warnings::warn(app).await.unwrap();
    admin(&world, "acme", "ann@acme.test").await;
    ends(&world, "acme", "2026-12-31").await;
    at(&world, "2026-12-24T21:00:00Z");
    assert_eq!(warnings::warn(app).await.unwrap(), 1);
    ends(&world, "acme", "2027-12-31").await;
    assert_eq!(world.mailing.delivered().await.len(), 0);
    assert_eq!(world.mailing.waiting().await, []);
}
