//! A disk that is full or broken, and another process that holds the database (R5, R8, R42).

use std::time::{Duration, Instant};

use harness::{Dice, Faults, Home, Journal, Login, PASSWORD, Request, parallel};
use rusqlite::Connection as Database;
use serde_json::json;

use crate::scene::{ALICE, alice, guess, open};

#[test]
fn r5_a_full_disk_refuses_writes_fails_closed_and_passes() {
    let home = Home::new();
    let daemon = open(&home);
    let api = daemon.api();
    let tokens = api.tokens(&alice());
    let faults = Faults::inject(&daemon, "pwrite64", "error=ENOSPC");
    let refused = api.login(&alice());
    assert_eq!(refused.outcome(), "503 unavailable");
    assert!(refused.header("retry-after").is_some());
    assert!(!refused.text().contains("token"), "{}", refused.text());
    assert_eq!(api.login(&guess(ALICE)).outcome(), "503 unavailable");
    assert_eq!(api.logout(&tokens.access).outcome(), "503 unavailable");
    assert_eq!(api.refresh(&tokens.refresh).outcome(), "503 unavailable");
    let changed = api.change_password(&tokens.access, PASSWORD, "quite another set of words");
    assert_eq!(changed.outcome(), "503 unavailable");
    let created = daemon.authctl().run(&["tenant", "create", "globex"]);
    assert_ne!(created.code, Some(0), "{created:?}");
    assert_ne!(created.code, Some(101), "{created:?}");
    // What needs no write goes on.
    assert_eq!(api.check(&tokens.access).status, 200);
    assert_eq!(api.me(&tokens.access).status, 200);
    daemon.authctl().ok(&["user", "list"]);
    drop(faults);
    // It recovers by itself, and nothing of what was refused was done.
    let refreshed = api.refresh(&tokens.refresh);
    assert_eq!(refreshed.status, 200, "{}", refreshed.text());
    assert_eq!(api.logout(&tokens.access).status, 204);
    assert_eq!(api.check(&tokens.access).status, 401);
    api.tokens(&alice());
    assert_eq!(
        daemon.authctl().run(&["tenant", "show", "globex"]).code,
        Some(5)
    );
    assert!(daemon.authctl().items(&["lockout", "list"]).is_empty());
    assert_eq!(daemon.stop().code, Some(0));
}

#[test]
fn r5_no_space_at_the_nth_write_leaves_each_act_whole_or_undone() {
    let home = Home::new();
    let daemon = open(&home);
    let mut dice = Dice::of(5);
    let mut journals: Vec<Journal> = (0..3)
        .map(|number| {
            let email = format!("client{number}@acme.test");
            daemon.authctl().create_user("acme", &email, PASSWORD);
            Journal::new(email)
        })
        .collect();
    for when in ["1", "2", "3", "4", "7", "12", "1+3", "2+5"] {
        let faults = Faults::inject(&daemon, "pwrite64", &format!("error=ENOSPC:when={when}"));
        Journal::load_all(&mut journals, daemon.api(), &mut dice, 6, || {});
        drop(faults);
        for journal in &mut journals {
            journal.verify(daemon.api());
        }
    }
    // And so it is on disk.
    daemon.kill();
    let daemon = home.start();
    for journal in &mut journals {
        journal.verify(daemon.api());
    }
}

#[test]
fn r42_a_failed_sync_promises_nothing_and_ends_the_daemon_with_74() {
    let home = Home::new();
    let daemon = open(&home);
    let faults = Faults::inject(&daemon, "fdatasync,fsync", "error=EIO");
    let refused = daemon.authctl().run(&["tenant", "create", "lost"]);
    assert_ne!(refused.code, Some(0), "{refused:?}");
    assert!(!refused.stdout.contains("Created"), "{refused:?}");
    let exit = daemon.wait();
    assert_eq!(exit.code, Some(74), "{}", exit.stderr);
    assert!(!exit.stderr.contains("panicked"), "{}", exit.stderr);
    drop(faults);
    // The supervisor starts it again, and what was promised before is there.
    let daemon = home.start();
    daemon.api().tokens(&alice());
    let users = daemon.authctl().items(&["-t", "acme", "user", "list"]);
    assert_eq!(users.len(), 1);
}

#[test]
fn r42_a_sign_in_whose_sync_fails_gets_no_token() {
    let home = Home::new();
    let daemon = open(&home);
    let tokens = daemon.api().tokens(&alice());
    let _faults = Faults::inject(&daemon, "fdatasync,fsync", "error=EIO");
    let api = daemon.api();
    let answers = parallel(4, move |number| match number {
        0 | 1 => api.try_send(&Request::post("/v1/auth/login").json(alice().body())),
        _ => api.try_send(
            &Request::post("/v1/auth/logout")
                .bearer(&tokens.access)
                .json(&json!({})),
        ),
    });
    for answer in answers.iter().flatten() {
        assert_eq!(answer.outcome(), "503 unavailable");
    }
    assert_eq!(daemon.wait().code, Some(74));
    home.start().api().tokens(&alice());
}

#[test]
fn r8_another_writer_is_waited_for_and_then_refused() {
    let home = Home::new().setting("database.busy_timeout", "\"1s\"");
    let daemon = open(&home);
    for number in 0..10 {
        let email = format!("user{number}@acme.test");
        daemon.authctl().create_user("acme", &email, PASSWORD);
    }
    let api = daemon.api();
    let tokens = api.tokens(&alice());
    let other = Database::open(home.database()).expect("a database");
    other.execute_batch("BEGIN EXCLUSIVE").expect("the lock");
    let started = Instant::now();
    let storm = std::thread::spawn(move || {
        parallel(10, move |number| {
            let email = format!("user{number}@acme.test");
            api.login(&Login::new("acme", &email, PASSWORD))
        })
    });
    let ended = api.logout(&tokens.access);
    assert_eq!(ended.outcome(), "503 unavailable");
    for refused in storm.join().expect("the clients live") {
        assert_eq!(refused.outcome(), "503 unavailable");
        assert!(refused.header("retry-after").is_some());
    }
    // Those that wait are refused together, not one busy timeout after the other.
    assert!(started.elapsed() < Duration::from_secs(6));
    assert_eq!(api.check(&tokens.access).status, 200);
    other.execute_batch("ROLLBACK").expect("the lock goes");
    for _ in 0..2 {
        assert_eq!(
            api.login(&guess(ALICE)).outcome(),
            "401 invalid_credentials"
        );
    }
    // Every failure counts, and only those that were evaluated.
    let counters = daemon.authctl().items(&["attempt", "list"]);
    let failed: Vec<_> = counters
        .iter()
        .filter(|attempt| attempt.get("outcome") == Some(&"wrong_password".into()))
        .collect();
    assert!(!failed.is_empty(), "{counters:?}");
    assert_eq!(api.logout(&tokens.access).status, 204);
}
