//! kill -9 under a write load: nothing that was acknowledged may be missing afterwards (R1, R2).
//!
//! The clients' journals are the judge. Beside them an operator makes users with authctl.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::thread;
use std::time::{Duration, Instant};

use harness::{Authctl, Daemon, Dice, Faults, Home, Journal, Login, PASSWORD};
use rusqlite::Connection as Database;

const ROUNDS: u64 = 10;
const CLIENTS: u64 = 8;
/// More acts than a daemon lives to see in a round.
const ENDLESS: u32 = 100_000;

/// A seed of its own for each run; the test prints it, so that a failure can be looked at again.
fn seed() -> u64 {
    RandomState::new().build_hasher().finish()
}

fn journals(authctl: &Authctl, count: u64) -> Vec<Journal> {
    (0..count)
        .map(|number| {
            let email = format!("client{number}@acme.test");
            authctl.create_user("acme", &email, PASSWORD);
            Journal::new(email)
        })
        .collect()
}

/// Makes users until the daemon is gone; hands back whom it promised.
fn make_users(authctl: &Authctl, round: u64) -> Vec<String> {
    let mut made = Vec::new();
    for number in 0_u32.. {
        let email = format!("made{round}-{number}@acme.test");
        let arguments = ["-t", "acme", "user", "create", "--email", &email];
        let password = ["--password-stdin", "--permanent"];
        let exit = authctl.run_with_input(&[&arguments[..], &password].concat(), PASSWORD);
        if exit.code != Some(0) {
            break;
        }
        made.push(email);
    }
    made
}

/// Starts again after a kill: ready in time.
fn restart(home: &Home, after: &str) -> Daemon {
    let started = Instant::now();
    let daemon = home.start();
    let took = started.elapsed();
    assert!(took < Duration::from_secs(5), "after {after}: {took:?}");
    daemon
}

/// That the file is whole and holds no half of anything.
fn is_whole(home: &Home) {
    let database = Database::open(home.database()).expect("a database");
    let verdict: String = database
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("a verdict");
    assert_eq!(verdict, "ok");
    for (what, orphans) in [
        (
            "a session without its user",
            "SELECT count(*) FROM sessions WHERE user_id NOT IN (SELECT id FROM users)",
        ),
        (
            "a user without a password",
            "SELECT count(*) FROM users WHERE id NOT IN (SELECT user_id FROM credentials)",
        ),
        (
            "a user without the audit row of its making",
            "SELECT count(*) FROM users u WHERE (SELECT count(*) FROM audit) < \
             (SELECT count(*) FROM users)",
        ),
    ] {
        let count: i64 = database
            .query_row(orphans, [], |row| row.get(0))
            .expect("a count");
        assert_eq!(count, 0, "{what}");
    }
}

#[test]
fn r1_nothing_acknowledged_is_lost_to_kill_9() {
    let seed = seed();
    eprintln!("seed {seed}");
    let mut dice = Dice::of(seed);
    let home = Home::new();
    let daemon = crate::scene::open(&home);
    let mut journals = journals(&daemon.authctl(), CLIENTS);
    let mut users = 0;
    let mut daemon = Some(daemon);
    for round in 0..ROUNDS {
        let running = daemon.take().unwrap_or_else(|| home.start());
        let (api, authctl) = (running.api(), running.authctl());
        let operator = thread::spawn(move || make_users(&authctl, round));
        let life = Duration::from_millis(200 + dice.roll(800));
        Journal::load_all(&mut journals, api, &mut dice, ENDLESS, || {
            // Not a wait for something: the moment of the kill is the experiment.
            thread::sleep(life);
            running.kill();
        });
        let made = operator.join().expect("the operator lives");

        let after = restart(&home, &format!("round {round}"));
        for journal in &mut journals {
            journal.verify(after.api());
        }
        users += made.len();
        if let Some(last) = made.last() {
            after.api().tokens(&Login::new("acme", last, PASSWORD));
        }
        for email in &made {
            after
                .authctl()
                .json(&["-t", "acme", "user", "show", email.as_str()]);
        }
        daemon = Some(after);
    }
    let acknowledged: u64 = journals.iter().map(Journal::acknowledged).sum();
    eprintln!("{acknowledged} acknowledged acts and {users} users in {ROUNDS} rounds");
    assert!(acknowledged > ROUNDS * CLIENTS, "the load was no load");
    assert!(users > 0, "the operator made nobody");
    drop(daemon);
    is_whole(&home);
}

#[test]
fn r2_death_at_any_write_or_sync_loses_nothing_acknowledged() {
    let seed = seed();
    eprintln!("seed {seed}");
    let mut dice = Dice::of(seed);
    let home = Home::new();
    let daemon = crate::scene::open(&home);
    let mut journals = journals(&daemon.authctl(), 3);
    let mut daemon = Some(daemon);
    let writes = [1, 2, 3, 5, 8, 13, 21, 34].map(|nth| ("pwrite64", nth));
    let syncs = [1, 2, 3, 5, 8].map(|nth| ("fdatasync", nth));
    for (call, nth) in writes.into_iter().chain(syncs) {
        let running = daemon.take().unwrap_or_else(|| home.start());
        let fault = format!("signal=KILL:when={nth}");
        let faults = Faults::inject(&running, call, &fault);
        Journal::load_all(&mut journals, running.api(), &mut dice, ENDLESS, || {});
        let exit = running.wait();
        assert_eq!(exit.code, None, "{call} {nth}: killed, not ended: {exit:?}");
        drop(faults);
        let after = restart(&home, &format!("{call} {nth}"));
        for journal in &mut journals {
            journal.verify(after.api());
        }
        daemon = Some(after);
    }
    drop(daemon);
    is_whole(&home);
}

#[test]
fn r2_death_during_the_first_start_leaves_nothing_in_the_way() {
    for (call, nth) in [
        ("pwrite64", 1),
        ("pwrite64", 9),
        ("pwrite64", 30),
        ("fdatasync", 1),
        ("fdatasync", 3),
        ("rename,renameat,renameat2", 1),
    ] {
        let trace = format!("trace={call}");
        let fault = format!("inject={call}:signal=KILL:when={nth}");
        let strace = ["/usr/bin/strace", "-D", "-f", "-qq", "-o", "/dev/null"];
        let faults = ["-e", trace.as_str(), "-e", fault.as_str()];
        let home = Home::new().through(&[&strace[..], &faults].concat());
        // A start that needs fewer calls succeeds, and is killed after it.
        match home.try_start() {
            Ok(daemon) => drop(daemon.kill()),
            Err(exit) => assert_ne!(exit.code, Some(0), "{call} {nth}"),
        }
        let home = home.through(&[]);
        let daemon = crate::scene::open(&home);
        daemon.api().tokens(&crate::scene::alice());
        assert_eq!(daemon.stop().code, Some(0));
        is_whole(&home);
    }
}
