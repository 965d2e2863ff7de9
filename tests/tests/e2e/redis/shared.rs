//! What a Redis is good for: a daemon that remembers nothing finds what an earlier one knew, and failed
//! logins are counted on.

use harness::{Home, RedisServer, WRONG_PASSWORD};

use super::{beside, figure, is_down, is_up, standing};
use crate::scene::{ALICE, alice, guess, open};

#[test]
fn s17_a_warm_check_asks_no_redis() {
    let redis = RedisServer::start();
    let home = beside(&redis);
    let daemon = open(&home);
    is_up(&daemon);
    let tokens = daemon.api().tokens(&alice());
    assert_eq!(daemon.api().check(&tokens.access).status, 200);
    redis.wait_for_names(|name| name.contains(":t:"), 1);
    let asked = || redis.calls("getrange");
    let before = asked();
    for _ in 0..200 {
        assert_eq!(daemon.api().check(&tokens.access).status, 200);
        assert_eq!(daemon.api().me(&tokens.access).status, 200);
    }
    assert_eq!(asked(), before);
    assert!(before >= 3, "{before}");
    // Nor does what could not be a token.
    let cut = tokens.access.rsplit_once('.').expect("a token").0;
    for forged in ["a.b.c", "rubbish", cut, &format!("{}.{cut}", "e30")] {
        assert_eq!(daemon.api().check(forged).status, 401);
    }
    assert_eq!(asked(), before);
}

#[test]
fn s17_tenant_and_rights_are_found_by_a_daemon_that_remembers_nothing() {
    let redis = RedisServer::start();
    let home = beside(&redis);
    let daemon = open(&home);
    is_up(&daemon);
    let authctl = daemon.authctl();
    authctl.ok(&["-t", "acme", "permission", "define", "orders:view"]);
    authctl.ok(&[
        "-t",
        "acme",
        "role",
        "create",
        "waiter",
        "--permission",
        "orders:view",
    ]);
    authctl.ok(&["-t", "acme", "user", "grant", ALICE, "waiter"]);
    authctl.ok(&[
        "-t",
        "acme",
        "tenant",
        "settings",
        "set",
        "session.policy",
        "limit:7",
    ]);
    let tokens = daemon.api().tokens(&alice());
    let wants =
        harness::Request::get("/v1/auth/check?permission=orders:view").bearer(&tokens.access);
    let first = daemon.api().send(&wants);
    assert_eq!(first.status, 200);
    redis.wait_for_names(|name| name.contains(":s:"), 2);
    redis.wait_for_names(|name| name.contains(":t:"), 1);
    daemon.stop();
    let daemon = home.start();
    is_up(&daemon);
    let second = daemon.api().send(&wants);
    assert_eq!(second.status, 200);
    // Token, tenant, rights.
    assert_eq!(figure(&daemon, "hits"), 3, "{}", standing(&daemon));
    assert_eq!(figure(&daemon, "refused"), 0, "{}", standing(&daemon));
    let told = |answer: &harness::Response| {
        let mut headers = answer.headers.clone();
        headers.retain(|(name, _)| name.to_ascii_lowercase().starts_with("x-auth"));
        headers
    };
    assert_eq!(told(&first), told(&second));
    let unknown =
        harness::Request::get("/v1/auth/check?permission=orders:edit").bearer(&tokens.access);
    let answer = daemon.api().send(&unknown);
    assert_eq!(answer.outcome(), "403 unknown_permission");
}

fn with_budget(redis: &RedisServer) -> Home {
    beside(redis).setting("login_budget.failures_per_ip", "3")
}

#[test]
fn a71_failures_of_an_address_outlast_the_daemon_and_redis_alike() {
    let mut redis = RedisServer::start();
    let home = with_budget(&redis);
    let daemon = open(&home);
    is_up(&daemon);
    for name in ["a@acme.test", "b@acme.test"] {
        let answer = daemon.api().login(&guess(name));
        assert_eq!(answer.outcome(), "401 invalid_credentials");
    }
    redis.wait_for_names(|name| name.contains(":b:"), 1);
    // Another daemon counts on: the third is the last.
    daemon.stop();
    let daemon = home.start();
    is_up(&daemon);
    let answer = daemon.api().login(&guess("c@acme.test"));
    assert_eq!(answer.outcome(), "401 invalid_credentials");
    harness::eventually("it is counted", super::NOTICED, || {
        (redis.calls("lpush") >= 3).then_some(())
    });
    let refused = daemon.api().login(&alice());
    assert_eq!(refused.outcome(), "429 rate_limited");
    let wait: u64 = refused
        .header("retry-after")
        .and_then(|text| text.parse().ok())
        .expect("Retry-After");
    assert!((1..=900).contains(&wait), "{wait}");
    // What this daemon saw itself it still knows when Redis has forgotten, and when it is gone.
    daemon.stop();
    redis.say("FLUSHALL");
    let daemon = home.start();
    is_up(&daemon);
    for name in ["a@acme.test", "b@acme.test", "c@acme.test"] {
        let answer = daemon.api().login(&guess(name));
        assert_eq!(answer.outcome(), "401 invalid_credentials");
    }
    redis.say("FLUSHALL");
    assert_eq!(daemon.api().login(&alice()).outcome(), "429 rate_limited");
    redis.kill();
    is_down(&daemon);
    assert_eq!(daemon.api().login(&alice()).outcome(), "429 rate_limited");
}

#[test]
fn a71_what_a_stranger_writes_as_failures_blocks_no_longer_than_the_window() {
    let redis = RedisServer::start();
    let home = with_budget(&redis);
    let daemon = open(&home);
    is_up(&daemon);
    let answer = daemon.api().login(&guess("a@acme.test"));
    assert_eq!(answer.outcome(), "401 invalid_credentials");
    let names = redis.wait_for_names(|name| name.contains(":b:"), 1);
    let name = names.first().expect("a budget").clone();
    for poison in [
        "9223372036854775807",
        "-9223372036854775808",
        "x",
        "",
        "99999999999999999999",
    ] {
        redis.ask(&[b"DEL", name.as_bytes()]);
        for _ in 0..3 {
            redis.ask(&[b"LPUSH", name.as_bytes(), poison.as_bytes()]);
        }
        let answer = daemon.api().login(&alice());
        if poison.starts_with("9223") {
            assert_eq!(answer.outcome(), "429 rate_limited", "{poison}");
            let wait = answer
                .header("retry-after")
                .and_then(|text| text.parse().ok());
            assert!(wait.is_some_and(|wait: u64| wait <= 900), "{wait:?}");
        } else {
            assert_eq!(answer.status, 200, "{poison}: {}", answer.text());
        }
    }
    // A name of another type is an error of Redis, and no answer.
    redis.ask(&[b"DEL", name.as_bytes()]);
    redis.ask(&[b"SET", name.as_bytes(), WRONG_PASSWORD.as_bytes()]);
    assert_eq!(daemon.api().login(&alice()).status, 200);
}
