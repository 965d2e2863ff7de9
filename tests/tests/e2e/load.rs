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

/// A crowd that is gone holds no descriptor.
fn descriptors_are_back(daemon: &Daemon, before: usize) {
    harness::eventually("the descriptors are back", Duration::from_secs(20), || {
        (daemon.descriptors() <= before + 2).then_some(())
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
    let crowd = half_sent(&daemon);
    serves_newcomers(&daemon, Duration::from_secs(1));
    let started = Instant::now();
    daemon.api().tokens(&alice());
    daemon.authctl().ok(&["ping"]);
    assert!(started.elapsed() < Duration::from_secs(2));
    // A connection that is read has a buffer; the login above had its hash.
    let held = daemon.resident_bytes();
    let bound = resident + 2000 * 32 * 1024 + 32 * MIB;
    assert!(held < bound, "{held} of {bound}");
    drop(crowd);
    descriptors_are_back(&daemon, descriptors);
    // What the allocator keeps of the first crowd's memory, the second one has.
    let crowd = half_sent(&daemon);
    serves_newcomers(&daemon, Duration::from_secs(1));
    let again = daemon.resident_bytes();
    assert!(again < held + 16 * MIB, "{again} after {held}");
    drop(crowd);
    descriptors_are_back(&daemon, descriptors);
}

/// Two thousand connections that have sent a part of a request's head.
fn half_sent(daemon: &Daemon) -> Vec<Connection> {
    let half = || {
        let mut connection = daemon.api().connect();
        connection
            .send(b"POST /v1/auth/login HTTP/1.1\r\nHo")
            .expect("sent");
        connection
    };
    (0..2000).map(|_| half()).collect()
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
    let slow = checks.get(checks.len() * 99 / 100).copied();
    let slow = slow.expect("checks beside the flood");
    eprintln!(
        "{evaluated} evaluated, {refused} refused, {} checks, p99 {slow:?}, peak {} MiB over idle",
        checks.len(),
        peak.saturating_sub(idle) >> 20
    );
    assert!(refused >= FLOOD - QUEUE && evaluated > 0);
    // The flood's own clients take the processors from a single one, not from 99 in 100.
    assert!(slow < Duration::from_secs(1), "{slow:?}");
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
    descriptors_are_back(&daemon, descriptors);
    // So is what the hashes took, of which one was in the idle figure.
    harness::eventually("the memory is back", Duration::from_secs(20), || {
        (daemon.resident_bytes() <= idle + MEMORY / 2).then_some(())
    });
}
