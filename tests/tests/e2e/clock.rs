//! A wall clock that jumps, and the locale and time zone of whoever started the daemon (R16, R17).

use std::time::Duration;

use common::time::{Clock, SystemClock, Time};
use harness::{Daemon, Home};
use serde_json::Value;

use crate::scene::{ALICE, alice, lock, open};

const HOUR: i64 = 3600;
const YEAR: i64 = 365 * 24 * HOUR;

/// Moves the clock, and waits until the daemon has seen it.
fn jump(daemon: &Daemon, seconds: i64) {
    let seen = |log: &str| log.matches("wall clock jumped").count();
    let before = seen(&daemon.log());
    daemon.clock().shift(seconds);
    harness::eventually("the jump is logged", Duration::from_secs(10), || {
        (seen(&daemon.log()) > before).then_some(())
    });
}

fn is_unharmed(daemon: &Daemon) {
    let ready = daemon.api().send(&harness::Request::get("/readyz"));
    assert_eq!(ready.status, 200, "{}", ready.text());
    let log = daemon.log();
    assert!(!log.contains("panicked"), "{log}");
}

/// Seconds that a locked name has to wait.
fn rest(daemon: &Daemon) -> u64 {
    let locked = daemon.api().login(&alice());
    assert_eq!(locked.outcome(), "429 login_locked");
    let header = locked.header("retry-after").expect("a wait");
    header.parse().expect("whole seconds, never negative")
}

#[test]
fn r16_a_lock_is_never_endless_however_the_clock_jumps_back() {
    for by in [-HOUR, -YEAR] {
        let home = Home::new().with_clock();
        let daemon = open(&home);
        lock(&daemon, ALICE);
        jump(&daemon, by);
        let wait = rest(&daemon);
        assert!((1..=900).contains(&wait), "{wait}");
        let list = daemon.authctl().items(&["lockout", "list"]);
        let until = list
            .first()
            .and_then(|item| item.get("locked_until"))
            .and_then(Value::as_str)
            .expect("an end")
            .to_owned();
        let until: Time = until.parse().expect("a time");
        let now = SystemClock.now().millis() + by * 1000;
        assert!(until.millis() <= now + 905_000, "{until}");
        jump(&daemon, 901);
        daemon.api().tokens(&alice());
        is_unharmed(&daemon);
    }
}

#[test]
fn r16_a_lock_made_before_a_jump_that_no_daemon_saw_is_not_endless() {
    let home = Home::new().with_clock();
    let daemon = open(&home);
    lock(&daemon, ALICE);
    assert_eq!(daemon.stop().code, Some(0));
    home.clock().shift(-YEAR);
    let daemon = home.start();
    let wait = rest(&daemon);
    assert!((1..=900).contains(&wait), "{wait}");
    jump(&daemon, 901);
    daemon.api().tokens(&alice());
}

#[test]
fn r16_a_jump_forward_ends_a_lock_and_never_makes_it_negative() {
    let home = Home::new().with_clock();
    let daemon = open(&home);
    lock(&daemon, ALICE);
    jump(&daemon, HOUR);
    daemon.api().tokens(&alice());
    lock(&daemon, ALICE);
    jump(&daemon, YEAR);
    daemon.api().tokens(&alice());
    jump(&daemon, -YEAR);
    is_unharmed(&daemon);
    daemon.api().tokens(&alice());
}

#[test]
fn r16_tokens_of_the_future_are_refused_beyond_the_skew() {
    let home = Home::new().with_clock();
    let daemon = open(&home);
    let api = daemon.api();
    let tokens = api.tokens(&alice());
    assert_eq!(api.check(&tokens.access).status, 200);
    daemon.clock().shift(-20);
    assert_eq!(api.check(&tokens.access).status, 200);
    for by in [-HOUR, 1 - YEAR] {
        jump(&daemon, by);
        assert_eq!(api.check(&tokens.access).outcome(), "401 invalid_token");
        assert_eq!(api.me(&tokens.access).outcome(), "401 invalid_token");
    }
    // The session itself goes on: it gets a token of the present.
    let next = harness::Tokens::of(&api.refresh(&tokens.refresh));
    assert_eq!(api.check(&next.access).status, 200);
    jump(&daemon, YEAR + HOUR);
    assert_eq!(api.check(&next.access).outcome(), "401 token_expired");
    is_unharmed(&daemon);
}

#[test]
fn r16_the_refresh_grace_is_never_endless() {
    let home = Home::new().with_clock();
    let daemon = open(&home);
    let api = daemon.api();
    let first = api.tokens(&alice());
    let second = harness::Tokens::of(&api.refresh(&first.refresh));
    // A small step back, as of a clock that is set right, cuts off nobody who asks again.
    daemon.clock().shift(-2);
    assert_eq!(api.refresh(&first.refresh).status, 200);
    jump(&daemon, -HOUR);
    let reused = api.refresh(&first.refresh);
    assert_eq!(reused.outcome(), "401 refresh_token_reused");
    assert!(api.refresh(&second.refresh).outcome().starts_with("401"));
}

#[test]
fn r16_sessions_end_by_the_clock_and_nothing_breaks() {
    let home = Home::new().with_clock();
    let daemon = open(&home);
    let api = daemon.api();
    let tokens = api.tokens(&alice());
    jump(&daemon, YEAR);
    assert_eq!(api.check(&tokens.access).outcome(), "401 token_expired");
    assert_eq!(
        api.refresh(&tokens.refresh).outcome(),
        "401 session_expired"
    );
    let later = api.tokens(&alice());
    jump(&daemon, -2 * YEAR);
    assert_eq!(api.check(&later.access).outcome(), "401 invalid_token");
    let earlier = api.tokens(&alice());
    assert_eq!(api.check(&earlier.access).status, 200);
    is_unharmed(&daemon);
    assert_eq!(daemon.stop().code, Some(0));
}

/// Whether a text is an RFC 3339 time with its offset: `2026-11-24T07:11:42.000Z` or `…-05:00`.
fn has_offset(text: &str) -> bool {
    let is_time = text.parse::<Time>().is_ok() && text.get(10..11) == Some("T");
    let has_zone = text.ends_with('Z')
        || text
            .get(text.len().saturating_sub(6)..)
            .is_some_and(|zone| zone.starts_with(['+', '-']) && zone.get(3..4) == Some(":"));
    is_time && has_zone
}

/// That every member of a JSON value whose name ends with `_at` or `_until` is such a time.
fn times_have_offsets(value: &Value, found: &mut u32) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let is_time = name.ends_with("_at") || name.ends_with("_until");
                if let Some(text) = member.as_str().filter(|_| is_time) {
                    assert!(has_offset(text), "{name}: {text}");
                    *found += 1;
                }
                times_have_offsets(member, found);
            }
        }
        Value::Array(items) => items
            .iter()
            .for_each(|item| times_have_offsets(item, found)),
        _ => {}
    }
}

#[test]
fn r17_zone_and_locale_change_no_time() {
    let surroundings: [&[(&str, &str)]; 4] = [
        &[("TZ", "America/New_York"), ("LANG", "C")],
        &[],
        &[("TZ", "Pacific/Chatham"), ("LC_ALL", "de_DE.UTF-8")],
        &[("TZ", ":/nonexistent"), ("LANG", "C.UTF-8")],
    ];
    for variables in surroundings {
        let home = variables.iter().fold(Home::new(), |home, (name, value)| {
            home.environment(name, value)
        });
        let daemon = open(&home);
        let tokens = daemon.api().tokens(&alice());
        lock(&daemon, "nobody@acme.test");
        let mut found = 0;
        let sessions = Value::from(daemon.authctl().items(&["session", "list"]));
        times_have_offsets(&sessions, &mut found);
        let lockouts = Value::from(daemon.authctl().items(&["lockout", "list"]));
        times_have_offsets(&lockouts, &mut found);
        times_have_offsets(&daemon.api().me(&tokens.access).json(), &mut found);
        assert!(found >= 4, "{variables:?}: only {found} times");
        for line in daemon.log().lines() {
            let line: Value = serde_json::from_str(line).expect("a JSON line");
            let time = ["ts", "time", "timestamp"]
                .iter()
                .find_map(|name| line.get(name).and_then(Value::as_str));
            assert!(time.is_some_and(has_offset), "{line}");
        }
        let now = SystemClock.now();
        let claims = tokens.claims();
        let issued = claims.get("iat").and_then(Value::as_i64).expect("iat");
        assert!(now.seconds().abs_diff(issued) < 30, "{variables:?}");
    }
}

#[test]
fn r17_the_nights_on_which_clocks_change_leave_windows_alone() {
    // New York, 2027: 2 a.m. becomes 3 a.m., and in autumn 1 a.m. comes twice.
    for night in ["2027-03-14T06:53:00Z", "2027-11-07T05:53:00Z"] {
        let home = Home::new()
            .with_clock()
            .environment("TZ", "America/New_York");
        let night: Time = night.parse().expect("a time");
        home.clock()
            .shift(night.seconds() - SystemClock.now().seconds());
        let daemon = open(&home);
        lock(&daemon, ALICE);
        assert!((880..=900).contains(&rest(&daemon)));
        daemon.clock().shift(14 * 60);
        assert!((1..=60).contains(&rest(&daemon)));
        daemon.clock().shift(61);
        daemon.api().tokens(&alice());
    }
}
