//! Another configuration for the daemon that runs (R24): by signal and by authctl, right and wrong,
//! while requests go on.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use harness::{Daemon, Home, Request, eventually};
use rustix::process::Signal;
use serde_json::Value;

use crate::scene::{ALICE, alice, guess, open};

/// Puts lines into a drop-in of the daemon's configuration.
fn drop_in(home: &Home, text: &str) {
    fs::write(home.path("authd.toml.d/50-test.toml"), text).expect("a drop-in");
}

fn count(told: &[String], line: &str) -> usize {
    told.iter().filter(|told| *told == line).count()
}

#[test]
fn r24_a_reload_takes_effect_and_names_what_waits() {
    let home = Home::new();
    let daemon = open(&home);
    let tokens = daemon.api().tokens(&alice());
    drop_in(
        &home,
        "[lockout]\nthreshold = 2\n[token]\naccess_ttl = \"2m\"\n[api]\nmax_connections = 99\n",
    );
    let authctl = daemon.authctl();
    assert_eq!(
        authctl.ok(&["daemon", "reload", "--wait"]),
        "Reloaded: 3 keys changed, 1 needs a restart (api.max_connections).\n"
    );
    // What was signed in stays so, and what begins now goes by the new values.
    let refreshed = daemon.api().refresh(&tokens.refresh).json();
    assert_eq!(refreshed["expires_in"], 120);
    let outcomes: Vec<String> = (0..3)
        .map(|_| daemon.api().login(&guess(ALICE)).outcome())
        .collect();
    assert_eq!(outcomes[2], "429 login_locked", "{outcomes:?}");
    let shown = authctl.ok(&["daemon", "config", "--changed"]);
    assert!(
        shown.contains("threshold = 2  # from ") && shown.contains("50-test.toml:2\n"),
        "{shown}"
    );
    assert!(!shown.contains("max_connections"), "{shown}");
    let rows = authctl.json(&["audit", "verify"]);
    assert!(rows.to_string().contains("\"ok\":true"), "{rows}");
}

#[test]
fn r24_a_wrong_file_changes_nothing_and_the_exit_is_1() {
    let home = Home::new();
    let daemon = open(&home);
    drop_in(&home, "[lockout]\nthreshold = 2\ntreshold = 3\n");
    let refused = daemon.authctl().run(&["daemon", "reload"]);
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    let place = "authd.toml.d/50-test.toml:3:1: unknown key";
    assert!(refused.stderr.contains(place), "{}", refused.stderr);
    daemon.wait_for_log("the configuration is wrong, the former one holds");
    for _ in 0..3 {
        let outcome = daemon.api().login(&guess(ALICE)).outcome();
        assert_eq!(outcome, "401 invalid_credentials");
    }
    // A file that goes is a change like any other.
    fs::remove_file(home.path("authd.toml.d/50-test.toml")).expect("it goes");
    let said = daemon.authctl().ok(&["daemon", "reload"]);
    assert_eq!(said, "Reloaded: nothing changed.\n");
}

#[test]
fn r24_sighup_reloads_and_the_service_manager_hears_of_it() {
    let home = Home::new();
    let daemon = open(&home);
    drop_in(&home, "[log]\nlevel = \"debug\"\n");
    daemon.signal(Signal::HUP);
    daemon.wait_for_log("configuration reloaded");
    eventually("READY=1 again", Duration::from_secs(10), || {
        (count(&daemon.told(), "READY=1") == 2).then_some(())
    });
    let told = daemon.told();
    let at = |line: &str| told.iter().position(|told| told.starts_with(line));
    let (reloading, clock) = (at("RELOADING=1"), at("MONOTONIC_USEC="));
    assert!(
        reloading.is_some() && clock == reloading.map(|at| at + 1),
        "{told:?}"
    );
    let ready = told.iter().rposition(|told| told == "READY=1");
    assert!(ready > clock, "{told:?}");
    daemon.api().send(&Request::get("/healthz"));
    daemon.wait_for_log("\"route\":\"/healthz\"");

    // A wrong file is told in the log, and the reload ends for the service manager all the same.
    drop_in(&home, "[log]\nlevel = 7\n");
    daemon.signal(Signal::HUP);
    daemon.wait_for_log("the configuration is wrong");
    eventually("READY=1 a third time", Duration::from_secs(10), || {
        (count(&daemon.told(), "READY=1") == 3).then_some(())
    });
    assert_eq!(daemon.stop().code, Some(0));
}

#[test]
fn r24_no_request_fails_while_it_reloads() {
    let home = Home::new();
    let daemon = open(&home);
    let tokens = daemon.api().tokens(&alice());
    let (done, answered) = (AtomicBool::new(false), AtomicU64::new(0));
    let ask = |kept: bool| {
        let check = Request::get("/v1/auth/check").bearer(&tokens.access);
        let mut connection = daemon.api().connect();
        while !done.load(Ordering::Acquire) {
            let status = if kept {
                connection.ask(&check).expect("an answer").status
            } else {
                daemon.api().send(&check).status
            };
            assert_eq!(status, 200);
            answered.fetch_add(1, Ordering::Relaxed);
        }
    };
    thread::scope(|scope| {
        for kept in [true, false] {
            scope.spawn(move || ask(kept));
        }
        for round in 0..30 {
            let (threshold, length) = (3 + round % 5, 20 + round);
            drop_in(
                &home,
                &format!(
                    "[lockout]\nthreshold = {threshold}\n[password]\nqueue_length = {length}\n\
                     [cache]\ntoken_entries = {}\n[api]\nkeepalive_timeout = \"{length}s\"\n",
                    1000 + round
                ),
            );
            let said = daemon.authctl().ok(&["daemon", "reload", "--wait"]);
            assert!(said.starts_with("Reloaded: "), "{said}");
        }
        done.store(true, Ordering::Release);
    });
    assert!(answered.load(Ordering::Relaxed) > 100);
    daemon.api().tokens(&alice());
}

#[test]
fn r24_rights_that_a_reload_takes_away_are_gone_at_the_next_request() {
    let home = Home::new();
    let daemon = open(&home);
    let tokens = daemon.api().tokens(&alice());
    assert_eq!(daemon.api().check(&tokens.access).status, 200);
    drop_in(&home, "[token]\naudience = [\"others\"]\n");
    daemon.authctl().ok(&["daemon", "reload"]);
    assert_eq!(
        daemon.api().check(&tokens.access).outcome(),
        "401 invalid_token"
    );
    drop_in(&home, "[admin]\nallow_uids = [4242]\n");
    daemon.authctl().ok(&["daemon", "reload"]);
    let refused = daemon.authctl().run(&["status"]);
    assert_ne!(refused.code, Some(0), "{}", refused.stdout);
}

fn dev_of(daemon: &Daemon, path: &str) -> String {
    daemon.api().send(&Request::get(path)).outcome()
}

#[test]
fn the_daemon_drains_and_closes_for_maintenance_and_opens_again() {
    let home = Home::new();
    let daemon = open(&home);
    let tokens = daemon.api().tokens(&alice());
    let authctl = daemon.authctl();
    authctl.ok(&["daemon", "drain", "--reason", "upgrade"]);
    assert_eq!(dev_of(&daemon, "/readyz"), "503 unavailable");
    assert_eq!(dev_of(&daemon, "/healthz"), "200");
    assert_eq!(daemon.api().me(&tokens.access).status, 200);
    assert_eq!(authctl.json(&["status"])["item"]["status"], "draining");
    authctl.ok(&["daemon", "drain", "--off"]);
    assert_eq!(dev_of(&daemon, "/readyz"), "200");

    authctl.ok(&["daemon", "maintenance", "on", "--message", "back at nine"]);
    let closed = daemon.api().me(&tokens.access);
    assert_eq!(closed.outcome(), "503 unavailable");
    assert_eq!(closed.field("/developer_message"), "back at nine");
    assert_eq!(daemon.api().check(&tokens.access).status, 200);
    assert_eq!(dev_of(&daemon, "/.well-known/jwks.json"), "200");
    assert_eq!(authctl.json(&["status"])["item"]["status"], "maintenance");
    assert_eq!(daemon.stop().code, Some(0));
    let daemon = home.start();
    assert_eq!(daemon.api().me(&tokens.access).status, 200);
}

#[test]
fn a_level_holds_at_once_and_for_its_time() {
    let home = Home::new();
    let daemon = open(&home);
    let authctl = daemon.authctl();
    authctl.ok(&["daemon", "log-level", "debug", "--for", "1s"]);
    daemon.api().send(&Request::get("/healthz"));
    daemon.wait_for_log("\"route\":\"/healthz\"");
    daemon.wait_for_log("log level set back");
    let wrong = authctl.run(&["daemon", "log-level", "loud"]);
    assert_eq!(wrong.code, Some(2), "{}", wrong.stderr);
    let view: Value = authctl.json(&["daemon", "config"]);
    assert_eq!(view["item"]["log_level"], Value::Null);
}

#[test]
fn r23_the_end_of_its_terminal_drains_it() {
    // script(1) makes a terminal; its end closes that.
    let home = Home::new().through(&[
        "/bin/sh",
        "-c",
        "exec /usr/bin/script -qefc \"exec $*\" /dev/null",
        "sh",
    ]);
    let daemon = home.start();
    assert!(home.path("run/admin.sock").exists());
    daemon.kill();
    eventually("it ends in order", Duration::from_secs(10), || {
        (!home.path("run/admin.sock").exists()).then_some(())
    });
}
