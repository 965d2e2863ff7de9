//! Too much of everything: descriptors, connections that never finish, floods of logins
//! (R18, R22, A15). All of it is bounded in count and time.

use std::thread;
use std::time::{Duration, Instant};

use harness::{
    Connection, Daemon, Home, Login, Request, Response, WRONG_PASSWORD, make_room_for_clients,
    parallel,
};

use crate::scene::{alice, open};

/// A home whose daemon may hold so many descriptors (`SOFT:HARD`).
fn with_descriptors(limits: &str) -> Home {
    Home::new().through(&["/usr/bin/prlimit", &format!("--nofile={limits}")])
}

/// A new client is served in time.
fn serves_newcomers(daemon: &Daemon, within: Duration) {
    let started = Instant::now();
    assert_eq!(daemon.api().send(&Request::get("/healthz")).status, 200);
    let took = started.elapsed();
    assert!(took < within, "{took:?}");
}

const MIB: u64 = 1024 * 1024;

/// What a crowd took is given back when it is gone.
fn come_down(daemon: &Daemon, descriptors: usize, resident: u64) {
    harness::eventually("all is given back", Duration::from_secs(20), || {
        let is_down =
            daemon.descriptors() <= descriptors + 2 && daemon.resident_bytes() <= resident;
        is_down.then_some(())
    });
}

#[test]
fn r18_out_of_descriptors_it_serves_whom_it_has_and_recovers() {
    make_room_for_clients(1200);
    let home = with_descriptors("128:128");
    let daemon = open(&home);
    let tokens = daemon.api().tokens(&alice());
    let check = Request::get("/v1/auth/check").bearer(&tokens.access);
    let mut existing = daemon.api().connect();
    assert_eq!(existing.ask(&check).expect("an answer").status, 200);
    let crowd: Vec<Connection> = (0..500).map(|_| daemon.api().connect()).collect();
    for _ in 0..50 {
        assert_eq!(existing.ask(&check).expect("an answer").status, 200);
    }
    // A write, and the operator's own door, need descriptors too.
    let refresh = serde_json::json!({"refresh_token": tokens.refresh});
    let refresh = Request::post("/v1/auth/refresh").json(&refresh);
    assert_eq!(existing.ask(&refresh).expect("an answer").status, 200);
    daemon.authctl().ok(&["status"]);
    let before = daemon.processor_time();
    // The window in which the processor's time is measured.
    thread::sleep(Duration::from_secs(2));
    let used = daemon.processor_time().saturating_sub(before);
    assert!(used < Duration::from_millis(400), "busy: {used:?} of 2 s");
    drop(crowd);
    serves_newcomers(&daemon, Duration::from_secs(4));
    serves_newcomers(&daemon, Duration::from_secs(1));
    assert!(!daemon.log().contains("panicked"));
    assert_eq!(daemon.stop().code, Some(0));
}

#[test]
fn r22_2000_half_sent_requests_hinder_nobody() {
    make_room_for_clients(6000);
    // A shell's usual limits: the soft one would end at half of them.
    let home = with_descriptors("1024:8192");
    let daemon = open(&home);
    let (descriptors, resident) = (daemon.descriptors(), daemon.resident_bytes());
    let mut held: Vec<Connection> = Vec::new();
    for _ in 0..2000 {
        let mut connection = daemon.api().connect();
        connection
            .send(b"POST /v1/auth/login HTTP/1.1\r\nHo")
            .expect("sent");
        held.push(connection);
    }
    serves_newcomers(&daemon, Duration::from_secs(1));
    let started = Instant::now();
    daemon.api().tokens(&alice());
    daemon.authctl().ok(&["ping"]);
    assert!(started.elapsed() < Duration::from_secs(2));
    // A connection that is read has a buffer; the login above had its hash.
    let bound = resident + 2000 * 32 * 1024 + 32 * MIB;
    let held_memory = daemon.resident_bytes();
    assert!(held_memory < bound, "{held_memory} of {bound}");
    drop(held);
    come_down(&daemon, descriptors, resident + 32 * MIB);
}

/// How many logins of strangers were evaluated, and how many refused; there is no third.
fn evaluated_and_refused(answers: &[(Response, Duration)]) -> (usize, usize) {
    let (mut evaluated, mut refused) = (0, 0);
    for (answer, took) in answers {
        match answer.outcome().as_str() {
            "401 invalid_credentials" => evaluated += 1,
            "503 overloaded" => {
                refused += 1;
                assert!(answer.header("retry-after").is_some());
                // Queued ones may wait for password.queue_deadline; nobody waits longer.
                assert!(*took < Duration::from_secs(8), "{took:?}");
            }
            other => panic!("{other}"),
        }
    }
    (evaluated, refused)
}

#[test]
fn a15_a_flood_of_logins_is_bounded_and_refuses_the_rest_at_once() {
    const FLOOD: usize = 500;
    const QUEUE: usize = 256;
    const THREADS: u64 = 2;
    const MEMORY: u64 = 19 * MIB;
    make_room_for_clients(2000);
    let home = Home::new()
        .setting("password.max_concurrent_hashes", &THREADS.to_string())
        .setting("password.idle_memory_release", "\"1s\"");
    let daemon = open(&home);
    let token = daemon.api().tokens(&alice()).access;
    let idle = daemon.resident_bytes();
    let descriptors = daemon.descriptors();
    let api = daemon.api();
    let flood = thread::spawn(move || {
        parallel(FLOOD, move |number| {
            let email = format!("stranger{number}@acme.test");
            let started = Instant::now();
            let answer = api.login(&Login::new("acme", &email, WRONG_PASSWORD));
            (answer, started.elapsed())
        })
    });
    let mut checks = Vec::new();
    let mut peak = 0;
    while !flood.is_finished() {
        let started = Instant::now();
        assert_eq!(daemon.api().check(&token).status, 200);
        checks.push(started.elapsed());
        peak = peak.max(daemon.resident_bytes());
    }
    let answers = flood.join().expect("the clients live");
    let (evaluated, refused) = evaluated_and_refused(&answers);
    checks.sort_unstable();
    let slowest = checks.last().copied().unwrap_or_default();
    eprintln!(
        "{evaluated} evaluated, {refused} refused, {} checks, slowest {slowest:?}, peak {} MiB over idle",
        checks.len(),
        peak.saturating_sub(idle) >> 20
    );
    assert!(refused >= FLOOD - QUEUE && evaluated > 0);
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    let bound = idle + THREADS * MEMORY * 11 / 10 + 32 * MIB;
    assert!(peak < bound, "{peak} of {bound}");
    // Whoever was refused is counted nowhere.
    let failed = daemon
        .authctl()
        .json(&["attempt", "list", "--limit", "1000"]);
    let failed = failed.get("items").and_then(serde_json::Value::as_array);
    let failed = failed.expect("a list").iter();
    let failed = failed.filter(|item| item.get("outcome") != Some(&"success".into()));
    assert_eq!(failed.count(), evaluated);
    // Also what the hashes took, of which one was in the idle figure.
    come_down(&daemon, descriptors, idle + MEMORY / 2);
}
