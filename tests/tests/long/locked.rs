//! Another process holds the database for ten seconds, twice as long as the daemon waits for it (R8).
//! Requests are refused in time and in order, no answer is untrue, and no attempt is lost.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use harness::{Daemon, Home, Login, PASSWORD};
use rusqlite::Connection as Database;

use crate::alone;

const CLIENTS: usize = 8;
/// What the daemon waits by default.
const BUSY: Duration = Duration::from_secs(5);
const HELD: Duration = Duration::from_secs(10);

/// Who needs no write meanwhile.
const READER: &str = "reader@acme.test";

/// What one client saw.
#[derive(Default)]
struct Seen {
    right: usize,
    wrong: usize,
    refused: usize,
    slowest: Duration,
}

/// Signs in rightly and wrongly by turns until the end; one right password empties the counter.
fn sign_in_until(daemon: &Daemon, email: &str, is_over: &AtomicBool) -> Seen {
    let mut seen = Seen::default();
    for password in [PASSWORD, "a wrong one, but long enough"].iter().cycle() {
        let began = Instant::now();
        let answer = daemon.api().login(&Login::new("acme", email, password));
        seen.slowest = seen.slowest.max(began.elapsed());
        match answer.outcome().as_str() {
            "200" if *password == PASSWORD => seen.right += 1,
            "401 invalid_credentials" if *password != PASSWORD => seen.wrong += 1,
            "503 unavailable" => {
                assert!(answer.header("retry-after").is_some());
                seen.refused += 1;
            }
            other => panic!("{email}: {other}"),
        }
        if is_over.load(Ordering::SeqCst) {
            break;
        }
    }
    seen
}

#[test]
#[ignore = "long: the database is held for ten seconds"]
fn r8_whole_a_database_that_is_held_for_ten_seconds_loses_no_attempt() {
    let _turn = alone();
    let home = Home::new();
    let daemon = home.start();
    daemon.authctl().create_tenant("acme");
    let people: Vec<String> = (0..CLIENTS).map(|n| format!("p{n}@acme.test")).collect();
    for email in &people {
        daemon.authctl().create_user("acme", email, PASSWORD);
    }
    daemon.authctl().create_user("acme", READER, PASSWORD);
    let reader = daemon.api().tokens(&Login::new("acme", READER, PASSWORD));
    let is_over = AtomicBool::new(false);
    let seen: Vec<Seen> = thread::scope(|scope| {
        let (daemon, is_over) = (&daemon, &is_over);
        let clients: Vec<_> = people
            .iter()
            .map(|email| scope.spawn(move || sign_in_until(daemon, email, is_over)))
            .collect();
        thread::sleep(Duration::from_secs(1));
        let other = Database::open(home.database()).expect("a database");
        other
            .busy_timeout(Duration::from_secs(30))
            .expect("patience");
        other.execute_batch("BEGIN EXCLUSIVE").expect("the lock");
        let end = Instant::now() + HELD;
        while Instant::now() < end {
            assert_eq!(daemon.api().check(&reader.access).status, 200);
            thread::sleep(Duration::from_millis(50));
        }
        other.execute_batch("ROLLBACK").expect("the lock goes");
        thread::sleep(Duration::from_secs(3));
        is_over.store(true, Ordering::SeqCst);
        let ends = clients.into_iter();
        ends.map(|client| client.join().expect("a client"))
            .collect()
    });
    for (email, seen) in people.iter().zip(&seen) {
        assert!(seen.refused >= 1 && seen.refused <= 6, "{}", seen.refused);
        assert!(
            seen.slowest < 2 * BUSY + Duration::from_secs(3),
            "{:?}",
            seen.slowest
        );
        assert!(seen.right > 0 && seen.wrong > 0, "it goes on afterwards");
        drop(daemon.api().tokens(&Login::new("acme", email, PASSWORD)));
    }
    let database = Database::open(home.database()).expect("a database");
    let count = |success: i64| -> usize {
        let sql = "SELECT coalesce(sum(count), 0) FROM attempts WHERE success = ?1";
        let sum: i64 = database
            .query_row(sql, [success], |row| row.get(0))
            .expect("rows");
        usize::try_from(sum).expect("a count")
    };
    let right: usize = seen.iter().map(|seen| seen.right).sum();
    let wrong: usize = seen.iter().map(|seen| seen.wrong).sum();
    // Signed in before, and once more at the end.
    let extra = 1 + people.len();
    assert!(count(1) >= right + extra, "{} of {right}", count(1));
    assert!(count(0) >= wrong, "{} of {wrong}", count(0));
    assert_eq!(daemon.stop().code, Some(0));
}
