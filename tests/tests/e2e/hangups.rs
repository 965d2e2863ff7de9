//! Clients that go away, time that runs out, and a daemon that is told to end meanwhile
//! (R23, R26, R27). Another process that holds the database keeps requests in flight.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use harness::{
    Connection, Daemon, Faults, Home, Login, OTHER_PASSWORD, PASSWORD, Request, eventually,
};
use rusqlite::Connection as Database;
use rustix::process::Signal;
use serde_json::json;

use crate::scene::{ALICE, alice, open};

/// Holds the database's write lock until it is dropped.
fn hold(home: &Home) -> Database {
    let other = Database::open(home.database()).expect("a database");
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    other
}

fn patient() -> Home {
    Home::new().setting("database.busy_timeout", "\"30s\"")
}

/// A second for an answer; signing in, which hashes, may take as long as it does.
fn hurried(home: Home) -> Home {
    home.setting("api.request_timeout", "\"1s\"")
        .setting("api.timeout_overrides", "{ \"/v1/auth/login\" = \"none\" }")
}

fn change(token: &str) -> Request {
    let body = json!({"current_password": PASSWORD, "new_password": OTHER_PASSWORD});
    Request::post("/v1/auth/password/change")
        .bearer(token)
        .json(&body)
}

fn refresh(token: &str) -> Request {
    Request::post("/v1/auth/refresh").json(&json!({"refresh_token": token}))
}

/// Sends a request on a connection that the daemon has accepted, and sees it taken.
fn in_flight(daemon: &Daemon, request: &Request) -> Connection {
    let mut connection = daemon.api().connect();
    let hello = connection.ask(&Request::get("/healthz"));
    assert_eq!(hello.expect("an answer").status, 200);
    connection
        .send(&request.bytes("127.0.0.1"))
        .expect("it is sent");
    daemon.has_read_everything();
    connection
}

#[test]
fn r23_all_in_flight_get_whole_answers_and_the_port_refuses_at_once() {
    let home = patient();
    let daemon = open(&home);
    let address = daemon.address();
    let lock = hold(&home);
    let login = Request::post("/v1/auth/login").json(alice().body());
    let mut connections: Vec<Connection> = (0..40).map(|_| in_flight(&daemon, &login)).collect();
    daemon.signal(Signal::TERM);
    eventually("the port refuses", Duration::from_secs(2), || {
        TcpStream::connect(address).is_err().then_some(())
    });
    drop(lock);
    let mut served = 0;
    for connection in &mut connections {
        let answer = connection.read(false).expect("a whole answer");
        assert!([200, 503].contains(&answer.status), "{}", answer.text());
        served += u32::from(answer.status == 200);
    }
    assert!(served > 0, "nobody was served");
    let exit = daemon.wait();
    assert_eq!(exit.code, Some(0), "{}", exit.stderr);
    home.start().api().tokens(&alice());
}

#[test]
fn r23_at_the_drains_limit_the_rest_get_503_and_the_end_comes() {
    let home = patient().setting("api.shutdown_grace", "\"1s\"");
    let daemon = open(&home);
    let lock = hold(&home);
    let login = Request::post("/v1/auth/login").json(alice().body());
    let mut stuck = in_flight(&daemon, &login);
    let started = Instant::now();
    daemon.signal(Signal::TERM);
    let answer = stuck.read(false).expect("a whole answer");
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(started.elapsed() < Duration::from_secs(5));
    drop(lock);
    let exit = daemon.wait();
    assert!(started.elapsed() < Duration::from_secs(15));
    assert_eq!(exit.code, Some(0), "{}", exit.stderr);
    home.start().api().tokens(&alice());
}

#[test]
fn r23_a_second_sigterm_forces_the_end() {
    let home = patient();
    let daemon = open(&home);
    let lock = hold(&home);
    let login = Request::post("/v1/auth/login").json(alice().body());
    let stuck = in_flight(&daemon, &login);
    daemon.signal(Signal::TERM);
    daemon.wait_for_log("draining");
    let forced = Instant::now();
    daemon.signal(Signal::TERM);
    let exit = daemon.wait();
    assert!(forced.elapsed() < Duration::from_secs(2));
    assert_ne!(exit.code, Some(0), "an end by force is no good end");
    drop((lock, stuck));
    home.start().api().tokens(&alice());
}

#[test]
fn r26_a_client_that_hangs_up_leaves_all_or_nothing() {
    let home = patient().setting("api.max_connections", "8");
    let daemon = open(&home);
    let api = daemon.api();
    for round in 0..6 {
        let email = format!("user{round}@acme.test");
        daemon.authctl().create_user("acme", &email, PASSWORD);
        let login = Login::new("acme", &email, PASSWORD);
        let tokens = api.tokens(&login);
        // They wait for the writer, or are being written to a slow disk.
        let lock = (round % 2 == 0).then(|| hold(&home));
        let delay = "delay_enter=300000";
        let slow = lock
            .is_none()
            .then(|| Faults::inject(&daemon, "fdatasync", delay));
        let changing = in_flight(&daemon, &change(&tokens.access));
        let refreshing = in_flight(&daemon, &refresh(&tokens.refresh));
        drop((changing, refreshing));
        drop((lock, slow));
        // Settled one way or the other, and for good: one password is right, and the session lives.
        let tried = |password: &str| api.login(&Login::new("acme", &email, password)).status;
        let right = eventually("one password", Duration::from_secs(10), || {
            let statuses = [tried(PASSWORD), tried(OTHER_PASSWORD)];
            match statuses {
                [200, 401] => Some(PASSWORD),
                [401, 200] => Some(OTHER_PASSWORD),
                // Between the two questions the change was done.
                [401, 401] | [200, 200] => None,
                other => panic!("{other:?}"),
            }
        });
        eprintln!("round {round}: {right}");
    }
    // Every place of a connection came back.
    for _ in 0..20 {
        assert_eq!(api.send(&Request::get("/healthz")).status, 200);
    }
    daemon.api().tokens(&alice());
}

#[test]
fn r26_a_refresh_whose_client_hung_up_can_be_asked_again() {
    let home = patient();
    let daemon = open(&home);
    let api = daemon.api();
    let tokens = api.tokens(&alice());
    let lock = hold(&home);
    drop(in_flight(&daemon, &refresh(&tokens.refresh)));
    drop(lock);
    let again = api.refresh(&tokens.refresh);
    assert_eq!(again.status, 200, "{}", again.text());
    assert_eq!(api.check(&again.field("/access_token")).status, 200);
}

#[test]
fn r27_time_that_runs_out_in_the_queue_has_no_effect() {
    let home = hurried(patient());
    let daemon = open(&home);
    let api = daemon.api();
    let tokens = api.tokens(&alice());
    let lock = hold(&home);
    for request in [
        change(&tokens.access),
        refresh(&tokens.refresh),
        Request::post("/v1/auth/logout")
            .bearer(&tokens.access)
            .json(&json!({})),
    ] {
        let started = Instant::now();
        let refused = api.send(&request);
        assert_eq!(refused.outcome(), "503 request_timeout", "{request:?}");
        assert!(refused.header("retry-after").is_some());
        assert!(started.elapsed() < Duration::from_secs(5));
    }
    drop(lock);
    // A later write on the same queue comes after all that were in it.
    daemon.authctl().create_tenant("globex");
    assert_eq!(api.check(&tokens.access).status, 200);
    let sessions = daemon.authctl().items(&["session", "list"]);
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    let refreshed = api.refresh(&tokens.refresh);
    assert_eq!(refreshed.status, 200, "{}", refreshed.text());
    assert_eq!(
        api.login(&Login::new("acme", ALICE, OTHER_PASSWORD)).status,
        401
    );
    api.tokens(&alice());
}

#[test]
fn r27_a_commit_under_way_is_waited_for_and_answered_truly() {
    let home = hurried(Home::new());
    let daemon = open(&home);
    let api = daemon.api();
    let tokens = api.tokens(&alice());
    let faults = Faults::inject(&daemon, "fdatasync", "delay_enter=2500000");
    let started = Instant::now();
    let ended = api.logout(&tokens.access);
    let took = started.elapsed();
    drop(faults);
    assert_eq!(ended.status, 204, "{}", ended.text());
    assert!(
        took > Duration::from_millis(2400),
        "{took:?}: no commit was slow"
    );
    assert_eq!(api.check(&tokens.access).outcome(), "401 session_revoked");
}
