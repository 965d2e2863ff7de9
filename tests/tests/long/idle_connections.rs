//! Ten thousand connections that are kept alive and idle (R21): what they cost in memory (P9), what
//! they do to others, and that their time ends.

use std::time::{Duration, Instant};

use harness::{
    Connection, Daemon, Home, Login, PASSWORD, Request, make_room_for_clients, parallel,
};

use crate::{alone, journals};

const CROWD: usize = 10_000;
const OPENERS: usize = 8;
/// P9: memory of one idle connection.
const MEMORY: u64 = 32 * 1024;
/// `ME p99 < 50 ms`; on a machine that is slower without a crowd, so many times what it took there.
const SLOW: Duration = Duration::from_millis(50);
const SLOWER: u32 = 4;

/// A connection that has served one request and is kept alive.
fn idle(daemon_at: harness::Api) -> Connection {
    let mut connection = daemon_at.connect();
    let answer = connection
        .ask(&Request::get("/healthz"))
        .expect("an answer");
    assert_eq!(answer.status, 200);
    connection
}

/// 99th percentile of the time that `/v1/me` takes on a connection of its own.
fn me_p99(daemon: &Daemon, token: &str) -> Duration {
    let request = Request::get("/v1/me").bearer(token);
    let mut connection = daemon.api().connect();
    let mut times: Vec<Duration> = (0..500)
        .map(|_| {
            let started = Instant::now();
            let answer = connection.ask(&request).expect("an answer");
            assert_eq!(answer.status, 200);
            started.elapsed()
        })
        .collect();
    times.sort_unstable();
    times.get(times.len() * 99 / 100).copied().expect("times")
}

/// Holds the crowd until its `timeout` closes it, and looks at the daemon meanwhile.
fn hold_a_crowd(timeout: Duration) {
    let _turn = alone();
    make_room_for_clients(CROWD as u64 + 2000);
    let seconds = timeout.as_secs();
    let home = Home::new()
        .setting("api.max_connections", "12000")
        .setting("api.keepalive_timeout", &format!("\"{seconds}s\""));
    let daemon = home.start();
    drop(journals(&daemon.authctl(), 1));
    let login = Login::new("acme", "client0@acme.test", PASSWORD);
    let token = daemon.api().tokens(&login).access;
    let alone = me_p99(&daemon, &token);
    let (descriptors, resident) = (daemon.descriptors(), daemon.resident_bytes());

    let began = Instant::now();
    let api = daemon.api();
    let crowd = parallel(OPENERS, move |_| {
        (0..CROWD / OPENERS).map(|_| idle(api)).collect::<Vec<_>>()
    });
    let opened = began.elapsed();
    let held = daemon.descriptors();
    assert!(
        held >= descriptors + CROWD,
        "{held} descriptors after {opened:?}"
    );
    let each = |now: u64| now.saturating_sub(resident) / CROWD as u64;
    let memory = each(daemon.resident_bytes());
    let crowded = me_p99(&daemon, &token);
    eprintln!(
        "{memory} bytes each, /v1/me at p99 {alone:?} alone and {crowded:?} beside the crowd, opened in {opened:?}"
    );
    assert!(memory <= MEMORY, "{memory} bytes each");
    let bound = SLOW.max(alone * SLOWER);
    assert!(crowded <= bound, "{crowded:?}, alone {alone:?}");

    // Until the first of them has been idle for long enough, all are there and cost no more.
    let others = 64;
    while began.elapsed() + Duration::from_secs(5) < timeout {
        assert!(daemon.descriptors() >= descriptors + CROWD);
        assert!(each(daemon.resident_bytes()) <= MEMORY);
        let crowded = me_p99(&daemon, &token);
        assert!(crowded <= bound, "{crowded:?}, alone {alone:?}");
        // The pace of the looks, not a wait.
        std::thread::sleep(Duration::from_secs(1));
    }
    let patience = timeout + opened + Duration::from_secs(30);
    harness::eventually("the idle ones are closed", patience, || {
        (daemon.descriptors() <= descriptors + others).then_some(())
    });
    for connection in crowd.into_iter().flatten().step_by(100) {
        let mut connection = connection;
        assert!(connection.is_closed());
    }
    drop(idle(daemon.api()));
    assert!(!daemon.log().contains("panicked"));
    assert_eq!(daemon.stop().code, Some(0));
}

#[test]
fn r21_ten_thousand_idle_connections_cost_little_and_end() {
    hold_a_crowd(Duration::from_secs(15));
}

#[test]
#[ignore = "long: ten minutes"]
fn r21_whole_ten_thousand_idle_connections_cost_little_and_end() {
    hold_a_crowd(Duration::from_mins(10));
}
