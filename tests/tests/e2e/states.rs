//! States that an administrator or time sets: closed tenants, ended subscriptions, locks by hand;
//! and rehearsals of changes.

use std::time::Duration;

use harness::{Api, Daemon, Home, PASSWORD, Tokens};
use serde_json::{Value, json};

use crate::scene::{ALICE, alice, guess, open};

const DAY: Duration = Duration::from_hours(24);

/// That login, refresh and check are refused alike, and only a right password is told why.
fn is_closed(api: &Api, tokens: &Tokens, code: &str) {
    let refused = format!("403 {code}");
    assert_eq!(api.check(&tokens.access).outcome(), refused);
    assert_eq!(api.refresh(&tokens.refresh).outcome(), refused);
    assert_eq!(api.login(&alice()).outcome(), refused);
    let wrong = api.login(&guess(ALICE));
    assert_eq!(wrong.outcome(), "401 invalid_credentials");
}

fn is_open(api: &Api, tokens: &Tokens) {
    assert_eq!(api.check(&tokens.access).status, 200);
}

#[test]
fn a74_a_suspended_tenant_is_refused_at_the_next_request() {
    let home = Home::new();
    let daemon = open(&home);
    let authctl = daemon.authctl();
    let api = daemon.api();
    let tokens = api.tokens(&alice());
    // Warm: token and state are in the cache.
    is_open(&api, &tokens);
    let said = authctl.ok(&["tenant", "suspend", "acme", "--reason", "unpaid", "-y"]);
    assert_eq!(said, "Suspended tenant acme.\n");
    is_closed(&api, &tokens, "tenant_suspended");
    let status = authctl.json(&["tenant", "show", "acme"]);
    assert_eq!(status.pointer("/item/status"), Some(&json!("suspended")));
    let again = authctl.ok(&["tenant", "suspend", "acme", "-y"]);
    assert_eq!(
        again,
        "Tenant acme is already suspended; nothing changed.\n"
    );

    // Refused sessions are not ended ones.
    assert_eq!(
        authctl.ok(&["tenant", "resume", "acme"]),
        "Resumed tenant acme.\n"
    );
    is_open(&api, &tokens);
    api.tokens(&alice());
    let system = authctl.run(&["tenant", "suspend", "system", "-y"]);
    assert_eq!(system.code, Some(7), "{system:?}");
    let unanswered = authctl.run(&["tenant", "suspend", "acme"]);
    assert_eq!(unanswered.code, Some(12), "{unanswered:?}");
}

#[test]
fn a44_a_subscription_ends_by_time_alone_after_its_grace() {
    let home = Home::new()
        .with_clock()
        .setting("tenant.expiry_grace", "\"2d\"")
        .setting("token.access_ttl", "\"1h\"")
        .setting("session.idle_timeout", "\"30d\"");
    let daemon = open(&home);
    let authctl = daemon.authctl();
    let api = daemon.api();
    let first = api.tokens(&alice());
    // The end is an instant within the life of a token, to be met with a warm cache.
    let end = in_the_future(&daemon, Duration::from_mins(30));
    authctl.ok(&["tenant", "set", "acme", "--ends", &end]);
    is_open(&api, &first);
    daemon.clock().forward(Duration::from_mins(31));
    is_open(&api, &first);
    daemon.clock().forward(Duration::from_mins(2 * 24 * 60 - 5));
    let late = api.tokens(&alice());
    is_open(&api, &late);
    daemon.clock().forward(Duration::from_mins(5));
    is_closed(&api, &late, "subscription_ended");

    authctl.ok(&["tenant", "set", "acme", "--ends", "never"]);
    is_open(&api, &late);
    api.tokens(&alice());
}

/// A time after the daemon's present, as its API tells it.
fn in_the_future(daemon: &Daemon, by: Duration) -> String {
    let shown = daemon.authctl().json(&["tenant", "show", "acme"]);
    let made = shown.pointer("/item/created_at").and_then(Value::as_str);
    let made: common::time::Time = made.expect("a time").parse().expect("a time");
    made.plus(by).to_string()
}

#[test]
fn a42_seats_are_not_taken_from_users() {
    let home = Home::new();
    let daemon = open(&home);
    let authctl = daemon.authctl();
    authctl.create_user("acme", "bob@acme.test", PASSWORD);
    let refused = authctl.run(&["tenant", "set", "acme", "--max-users", "1"]);
    assert_eq!(refused.code, Some(7), "{refused:?}");
    assert!(refused.stderr.contains("at least 2"), "{refused:?}");
    let done = authctl.ok(&["-t", "acme", "tenant", "set", "--max-users", "2"]);
    assert_eq!(done, "Changed tenant acme.\n");
    let usage = daemon.monitor().items(&["tenant", "usage", "acme"]);
    let row = usage.first().expect("a row");
    assert_eq!(row.get("users"), Some(&json!(2)));
    assert_eq!(row.get("max_users"), Some(&json!(2)));
    let nothing = authctl.run(&["tenant", "set", "acme"]);
    assert_eq!(nothing.code, Some(2), "{nothing:?}");
}

#[test]
fn a62_a_lock_by_hand_holds_for_everybody_until_an_administrator_ends_it() {
    let home = Home::new().with_clock();
    let daemon = open(&home);
    let authctl = daemon.authctl();
    let api = daemon.api();
    let first = api.tokens(&alice().device("phone"));
    let secret = first.answer.get("device_secret").and_then(Value::as_str);
    let known = alice().device_with_secret("phone", secret.expect("a device secret"));
    let said = authctl.ok(&["lockout", "add", "acme/alice@acme.test", "--until-cleared"]);
    assert_eq!(
        said,
        "Locked alice@acme.test until it is cleared in tenant acme.\n"
    );
    // A right password, a wrong one, a known device, and a name that nobody has: one answer.
    authctl.ok(&["lockout", "add", "acme/ghost@acme.test", "--until-cleared"]);
    let right = api.login(&alice());
    assert_eq!(right.outcome(), "429 login_locked");
    assert_eq!(right.header("retry-after"), Some("900"));
    for login in [guess(ALICE), known.clone(), guess("ghost@acme.test")] {
        assert_eq!(api.login(&login).likeness(), right.likeness());
    }
    daemon.clock().forward(10 * DAY);
    assert_eq!(api.login(&alice()).outcome(), "429 login_locked");
    authctl.ok(&["user", "unlock", "acme/alice@acme.test"]);
    api.tokens(&alice());

    let said = authctl.ok(&["-t", "acme", "lockout", "add", ALICE, "--for", "1h"]);
    assert_eq!(said, "Locked alice@acme.test for 1h in tenant acme.\n");
    let listed = authctl.items(&["lockout", "list"]);
    assert_eq!(
        listed.first().and_then(|row| row.get("manual")),
        Some(&json!(true))
    );
    daemon.clock().forward(Duration::from_mins(50));
    let rest = api.login(&alice());
    let seconds = rest
        .header("retry-after")
        .and_then(|text| text.parse().ok());
    assert!(
        seconds.is_some_and(|left: u64| (540..=600).contains(&left)),
        "{rest:?}"
    );
    daemon.clock().forward(Duration::from_mins(11));
    // A known device is one again when the lock is over.
    let back = api.login(&known);
    assert_eq!(back.status, 200);
    assert_eq!(
        back.json().get("device_secret").filter(|v| !v.is_null()),
        None
    );
}

#[test]
fn a96_a_rehearsal_says_what_would_happen_and_nothing_happens() {
    let home = Home::new();
    let daemon = open(&home);
    let authctl = daemon.authctl();
    let api = daemon.api();
    let tokens = api.tokens(&alice());
    let would = authctl.ok(&["--dry-run", "-t", "acme", "user", "disable", ALICE]);
    assert_eq!(
        would,
        "Would disable user alice@acme.test in tenant acme; 1 session would end.\n"
    );
    is_open(&api, &tokens);
    let result = authctl.json(&["tenant", "suspend", "acme", "--dry-run"]);
    assert_eq!(result.get("dry_run"), Some(&json!(true)));
    assert_eq!(result.get("changed"), Some(&json!(true)));
    assert_eq!(result.get("audit_id"), Some(&Value::Null));
    is_open(&api, &tokens);
    // A name to type is not asked for either: nothing is at stake.
    let all = authctl.ok(&["session", "revoke", "--tenant", "acme", "--dry-run"]);
    assert!(
        all.starts_with("Would end all sessions of tenant acme"),
        "{all}"
    );
    let refused = authctl.run(&["tenant", "create", "acme", "--dry-run"]);
    assert_eq!(refused.code, Some(6), "{refused:?}");
    is_open(&api, &tokens);
    let done = authctl.ok(&["-t", "acme", "user", "disable", ALICE, "-y"]);
    assert_eq!(
        done,
        "Disabled user alice@acme.test in tenant acme; 1 session ended.\n"
    );
}

#[test]
fn rule_19_a_new_user_of_the_same_address_inherits_nothing() {
    let home = Home::new();
    let daemon = open(&home);
    let authctl = daemon.authctl();
    let api = daemon.api();
    let old = api.tokens(&alice().device("phone"));
    let secret = old.answer.get("device_secret").and_then(Value::as_str);
    let known = alice().device_with_secret("phone", secret.expect("a device secret"));
    is_open(&api, &old);
    let unsaid = authctl.run(&["-t", "acme", "user", "delete", ALICE, "-y"]);
    assert_eq!(unsaid.code, Some(12), "{unsaid:?}");
    let slip = authctl.run(&["-t", "acme", "user", "delete", ALICE, "--confirm", "bob"]);
    assert_eq!(slip.code, Some(2), "{slip:?}");
    is_open(&api, &old);
    let said = authctl.ok(&["-t", "acme", "user", "delete", ALICE, "--confirm", ALICE]);
    assert_eq!(
        said,
        "Deleted user alice@acme.test in tenant acme; 1 session ended.\n"
    );
    let is_dead = |api: &Api| {
        assert_eq!(api.check(&old.access).status, 401);
        assert_eq!(api.refresh(&old.refresh).status, 401);
    };
    is_dead(&api);
    assert_eq!(api.login(&alice()).outcome(), "401 invalid_credentials");
    authctl.create_user("acme", ALICE, PASSWORD);
    is_dead(&api);
    // The failure before was the name's, and the device is none of the new user's.
    let new = api.login(&known);
    assert_eq!(new.status, 200, "{}", new.text());
    assert!(
        new.json()
            .get("device_secret")
            .is_some_and(Value::is_string)
    );
    let attempts = authctl.items(&["-t", "acme", "attempt", "list"]);
    let ids: Vec<_> = attempts.iter().map(|row| row["user_id"].clone()).collect();
    assert_eq!(ids.len(), 3, "{ids:?}");
    assert_ne!(ids.first(), ids.last());
    let missing = authctl.run(&[
        "-t",
        "acme",
        "user",
        "delete",
        "nobody@acme.test",
        "--confirm",
        "x",
    ]);
    assert_eq!(missing.code, Some(5), "{missing:?}");
}
