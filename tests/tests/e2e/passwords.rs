//! Passwords: changing one, generated ones, and what is refused before it costs anything.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use harness::{Home, Login, OTHER_PASSWORD, PASSWORD, WRONG_PASSWORD, eventually};
use serde_json::{Value, json};

use crate::scene::{ALICE, alice, guess, lock, open};

#[test]
fn a16_a_change_needs_the_old_password_and_ends_other_sessions() {
    let home = Home::new().setting("session.policy", "\"per_device\"");
    let daemon = open(&home);
    let api = daemon.api();
    let here = api.tokens(&alice().device("phone"));
    let there = api.tokens(&alice().device("tablet"));

    let refused = api.change_password(&here.access, WRONG_PASSWORD, OTHER_PASSWORD);
    assert_eq!(refused.outcome(), "401 invalid_credentials");
    assert_eq!(api.check(&there.access).status, 200);

    let changed = api.change_password(&here.access, PASSWORD, OTHER_PASSWORD);
    assert_eq!(changed.status, 204, "{}", changed.text());
    assert_eq!(api.check(&here.access).status, 200);
    assert_eq!(api.check(&there.access).outcome(), "401 session_revoked");
    assert_eq!(api.refresh(&there.refresh).status, 401);
    assert_eq!(api.login(&alice()).outcome(), "401 invalid_credentials");
    api.tokens(&Login::new("acme", ALICE, OTHER_PASSWORD));
}

#[test]
fn asvs_6_1_3_the_fifth_wrong_current_password_ends_the_session_and_locks_nobody() {
    let home = Home::new();
    let daemon = open(&home);
    let api = daemon.api();
    let tokens = api.tokens(&alice());
    for _ in 0..5 {
        let refused = api.change_password(&tokens.access, WRONG_PASSWORD, OTHER_PASSWORD);
        assert_eq!(refused.status, 401);
    }
    assert_eq!(api.check(&tokens.access).status, 401);
    assert!(daemon.authctl().items(&["lockout", "list"]).is_empty());
    api.tokens(&alice());
}

#[test]
fn a12_weak_passwords_are_refused_and_the_field_says_why() {
    let home = Home::new();
    let daemon = open(&home);
    let api = daemon.api();
    let tokens = api.tokens(&alice());
    let long = "a ".repeat(200);
    for weak in [
        "short",
        "passwordpassword1",
        "alice alice alice",
        "acme acme acme acme",
        &long,
    ] {
        let refused = api.change_password(&tokens.access, PASSWORD, weak);
        assert_eq!(refused.outcome(), "422 password_rejected", "{weak}");
        assert_eq!(refused.field("/fields/0/path"), "/new_password", "{weak}");
        assert_ne!(refused.field("/fields/0/message"), "", "{weak}");
    }
    api.tokens(&alice());
}

#[test]
fn a14_a_megabyte_of_password_costs_no_hash() {
    let home = Home::new();
    let daemon = open(&home);
    let started = Instant::now();
    let megabyte = Login::new("acme", ALICE, &"x".repeat(1024 * 1024));
    assert_eq!(
        daemon.api().login(&megabyte).outcome(),
        "413 body_too_large"
    );
    let fitting = Login::new("acme", ALICE, &"x".repeat(60 * 1024));
    let refused = daemon.api().login(&fitting);
    assert_eq!(refused.status, 422, "{}", refused.text());
    let unknown = Login::new("acme", "nobody@acme.test", &"x".repeat(60 * 1024));
    assert_eq!(daemon.api().login(&unknown).likeness(), refused.likeness());
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(daemon.authctl().items(&["attempt", "list"]).is_empty());
}

#[test]
fn rule_24_a_generated_password_is_good_for_changing_it_only() {
    let home = Home::new();
    let daemon = open(&home);
    let authctl = daemon.authctl();
    let bob = "bob@acme.test";
    let made = authctl.json(&["-t", "acme", "user", "create", "--email", bob, "--generate"]);
    let generated = made
        .get("generated_password")
        .and_then(Value::as_str)
        .expect("shown once")
        .to_owned();
    let api = daemon.api();
    let answer = api.login(&Login::new("acme", bob, &generated));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let body = answer.json();
    assert_eq!(
        body.get("password_change_required"),
        Some(&Value::from(true))
    );
    assert_eq!(answer.field("/refresh_token"), "");
    let token = answer.field("/access_token");
    assert_eq!(api.check(&token).outcome(), "403 password_change_required");
    assert!([401, 403].contains(&api.me(&token).status));

    let changed = api.change_password(&token, &generated, OTHER_PASSWORD);
    assert_eq!(changed.status, 204, "{}", changed.text());
    assert_eq!(
        api.login(&Login::new("acme", bob, &generated)).outcome(),
        "401 invalid_credentials"
    );
    let tokens = api.tokens(&Login::new("acme", bob, OTHER_PASSWORD));
    assert_eq!(api.check(&tokens.access).status, 200);
    let shown = authctl.json(&["-t", "acme", "user", "show", bob]);
    assert_eq!(shown.pointer("/item/status"), Some(&json!("active")));
}

#[test]
fn rule_19_enabling_revives_no_token_for_changing_a_password() {
    let home = Home::new();
    let daemon = open(&home);
    let authctl = daemon.authctl();
    let set = ["-t", "acme", "user", "set-password", ALICE, "--generate"];
    let result = authctl.json(&set);
    let generated = result
        .get("generated_password")
        .and_then(Value::as_str)
        .expect("a generated password");
    let login = Login::new("acme", ALICE, generated);
    let before = daemon.api().login(&login).field("/access_token");
    authctl.ok(&["-t", "acme", "user", "disable", ALICE, "--yes"]);
    authctl.ok(&["-t", "acme", "user", "enable", ALICE]);
    let refused = daemon
        .api()
        .change_password(&before, generated, OTHER_PASSWORD);
    assert_eq!(refused.outcome(), "401 invalid_token");
    // The password itself is what it was: a new token does it.
    let after = daemon.api().login(&login).field("/access_token");
    let changed = daemon
        .api()
        .change_password(&after, generated, OTHER_PASSWORD);
    assert_eq!(changed.status, 204, "{}", changed.text());
}

#[test]
fn rule_24_a_generated_password_ends_after_five_logins() {
    let home = Home::new();
    let daemon = open(&home);
    let authctl = daemon.authctl();
    let set = ["-t", "acme", "user", "set-password", ALICE, "--generate"];
    let result = authctl.json(&set);
    let generated = result
        .get("generated_password")
        .and_then(Value::as_str)
        .expect("shown once");
    let login = Login::new("acme", ALICE, generated);
    for _ in 0..5 {
        assert_eq!(daemon.api().login(&login).status, 200);
    }
    assert_eq!(
        daemon.api().login(&login).outcome(),
        "401 invalid_credentials"
    );
}

#[test]
fn a67_refused_logins_answer_no_sooner_than_the_dearest_hash() {
    let home = Home::new();
    let daemon = open(&home);
    let mut slowest_right = Duration::ZERO;
    for _ in 0..3 {
        let started = Instant::now();
        daemon.api().tokens(&alice());
        slowest_right = slowest_right.max(started.elapsed());
    }
    let mut times = Vec::new();
    for email in [ALICE, "nobody@acme.test", ALICE, "nobody@acme.test"] {
        let started = Instant::now();
        assert_eq!(daemon.api().login(&guess(email)).status, 401);
        times.push(started.elapsed());
    }
    let fastest = times.iter().min().expect("four times");
    // A hash takes some 14 ms and more; nothing that is refused comes back before one.
    assert!(
        *fastest >= Duration::from_millis(5),
        "{times:?} {slowest_right:?}"
    );
}

#[test]
fn a10_the_answer_for_a_locked_name_waits_for_the_floor_too() {
    let home = Home::new();
    let daemon = open(&home);
    let names = [ALICE, "nobody@acme.test"];
    for name in names {
        lock(&daemon, name);
    }
    // Not hashed, it would come within a millisecond or two, and sooner for an unknown name.
    for name in names {
        let started = Instant::now();
        assert_eq!(
            daemon.api().login(&guess(name)).outcome(),
            "429 login_locked"
        );
        let took = started.elapsed();
        assert!(took >= Duration::from_millis(10), "{took:?}");
    }
}

/// A home whose daemon has a folder of credentials.
fn with_credentials() -> Home {
    let home = Home::new();
    let folder = home.path("credentials");
    fs::create_dir_all(&folder).expect("a folder");
    let folder = folder.display().to_string();
    home.environment("CREDENTIALS_DIRECTORY", &folder)
}

/// Puts this pepper there, or takes away the one that is.
fn put_pepper(home: &Home, pepper: Option<&str>) {
    let file = home.path("credentials/authd.pepper");
    if file.exists() {
        fs::remove_file(&file).expect("the file goes");
    }
    if let Some(text) = pepper {
        fs::write(&file, text).expect("a file");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o400)).expect("its mode");
    }
}

fn scheme(home: &Home) -> String {
    let database = rusqlite::Connection::open(home.database()).expect("the database");
    database
        .query_row("SELECT scheme FROM credentials", [], |row| row.get(0))
        .expect("a scheme")
}

/// A91 for the pepper: added later, it comes in with the next login; from then on no start does
/// without it.
#[test]
fn a91_a_pepper_comes_in_with_a_login_and_is_needed_from_then_on() {
    let one = "5a".repeat(31) + "01";
    let other = "5a".repeat(31) + "02";
    let home = with_credentials();
    let daemon = open(&home);
    assert_eq!(daemon.api().login(&alice()).status, 200);
    assert_eq!(daemon.stop().code, Some(0));
    assert!(!scheme(&home).contains("keyid"));
    put_pepper(&home, Some(&one));
    let daemon = home.start();
    assert_eq!(daemon.api().login(&alice()).status, 200);
    eventually("the hash is made anew", Duration::from_secs(10), || {
        scheme(&home).contains("keyid").then_some(())
    });
    assert_eq!(daemon.api().login(&alice()).status, 200);
    assert_eq!(daemon.stop().code, Some(0));
    for wrong in [None, Some(other.as_str()), Some("short")] {
        put_pepper(&home, wrong);
        let ended = home.try_start().map(drop).expect_err("no start");
        assert_eq!(ended.code, Some(78), "{ended:?}");
        assert!(ended.stderr.contains("pepper"), "{ended:?}");
        assert!(ended.stderr.contains("authd.pepper"), "{ended:?}");
        let checked = home.authd(&["check-config"]);
        assert_eq!(checked.code, Some(78), "{checked:?}");
        assert!(checked.stderr.contains("authd.pepper"), "{checked:?}");
    }
    put_pepper(&home, Some(&one));
    assert_eq!(home.authd(&["check-config"]).code, Some(0));
    let daemon = home.start();
    assert_eq!(daemon.api().login(&alice()).status, 200);
    let lacks = daemon.authctl().ok(&["backup", "create"]);
    assert!(lacks.contains("pepper (id "), "{lacks}");
    assert!(lacks.contains("/etc/credstore/authd.pepper"), "{lacks}");
    assert_eq!(daemon.stop().code, Some(0));
    let file = home.path("offline.db");
    let lacks = home.authd(&["db", "backup", file.to_str().expect("a path")]);
    assert!(lacks.stdout.contains("pepper (id "), "{lacks:?}");
}
