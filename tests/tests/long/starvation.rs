//! Another process holds an old state of the database open for long (R38): no checkpoint can move the
//! log past it. Writes go on, the growth is told, and it is over when the reader goes.

use std::time::{Duration, Instant};

use harness::{Daemon, Dice, Home, Journal, eventually};
use rusqlite::Connection as Database;

use crate::{alone, journals};

const CLIENTS: u64 = 4;
/// Bytes of a page in the log, with its frame.
const PAGE: u64 = 4096 + 24;
/// The log's file is cut to four times the pages that start a checkpoint, at its next beginning.
const FACTOR: u64 = 4;

/// Whether status warns of the log.
fn is_told(daemon: &Daemon) -> bool {
    let status = daemon.authctl().json(&["status"]);
    let warnings = status
        .pointer("/item/warnings")
        .and_then(|list| list.as_array());
    let mut warnings = warnings
        .unwrap_or_else(|| panic!("no warnings in {status}"))
        .iter();
    warnings.any(|warning| warning.get("code").is_some_and(|code| code == "wal_held"))
}

fn log_bytes(home: &Home) -> u64 {
    let log = home.path("data/authd.db-wal");
    std::fs::metadata(log).map_or(0, |metadata| metadata.len())
}

/// Acts on all journals at once until `is_enough`; every act must succeed.
fn write_until(
    journals: &mut [Journal],
    daemon: &Daemon,
    dice: &mut Dice,
    is_enough: impl Fn() -> bool + Sync,
) {
    let api = daemon.api();
    std::thread::scope(|scope| {
        for journal in journals {
            let mut dice = Dice::of(dice.roll(u64::MAX));
            let is_enough = &is_enough;
            scope.spawn(move || {
                while !is_enough() {
                    let sent = Instant::now();
                    let answer = journal.act(api, &mut dice).expect("the daemon lives");
                    assert!(
                        [200, 204].contains(&answer.status),
                        "{}: {}",
                        journal.email(),
                        answer.text()
                    );
                    // The pace of the load: it rests as long as it worked.
                    std::thread::sleep(sent.elapsed());
                }
            });
        }
    });
}

/// A reader that stays while the log grows by so many checkpoints' worth of pages and for so long.
fn starve(home: &Home, pages: u64, growth: u64, least: Duration) {
    let _turn = alone();
    let mut dice = Dice::of(38);
    let daemon = home.start();
    let mut journals = journals(&daemon.authctl(), CLIENTS);
    write_until(&mut journals, &daemon, &mut dice, || {
        log_bytes(home) > pages * PAGE
    });
    assert!(!is_told(&daemon), "nobody holds the log");
    let reader = Database::open(home.database()).expect("a database");
    reader.execute_batch("BEGIN").expect("a snapshot");
    let rows = "SELECT count(*) FROM sessions";
    let count = || -> i64 { reader.query_row(rows, [], |row| row.get(0)).expect("rows") };
    let seen = count();

    let (started, before) = (Instant::now(), log_bytes(home));
    write_until(&mut journals, &daemon, &mut dice, || {
        started.elapsed() >= least && log_bytes(home) > before + growth * pages * PAGE
    });
    eventually("status tells of it", Duration::from_secs(30), || {
        is_told(&daemon).then_some(())
    });
    let told = |text: &str| daemon.log().matches(text).count();
    let lines = told("the write-ahead log grows");
    assert!(lines >= 2, "told again when it has doubled: {lines}");
    assert!(lines < 20, "and not at every write: {lines}");
    assert_eq!(count(), seen, "the reader's state is the old one");

    reader.execute_batch("ROLLBACK").expect("the snapshot goes");
    eventually("it is over", Duration::from_secs(30), || {
        (!is_told(&daemon)).then_some(())
    });
    assert_eq!(told("the write-ahead log does not grow any more"), 1);
    // The next writes begin the log anew, in a file of its usual size.
    let bound = 2 * FACTOR * pages * PAGE;
    let held = log_bytes(home);
    let end = Instant::now() + Duration::from_secs(30);
    write_until(&mut journals, &daemon, &mut dice, || {
        log_bytes(home) <= bound || Instant::now() > end
    });
    let now = log_bytes(home);
    eprintln!("the log had {held} bytes, and has {now}");
    assert!(now <= bound, "{now} of {held} bytes of log");
    for journal in &mut journals {
        journal.verify(daemon.api());
    }
    assert_eq!(daemon.stop().code, Some(0));
    assert_eq!(log_bytes(home), 0);
}

/// Tokens live as long as the run, whose journals are judged at its end.
fn home() -> Home {
    Home::new().setting("token.access_ttl", "\"1h\"")
}

#[test]
fn r38_a_reader_that_stays_stops_no_write_and_is_told_of() {
    let home = home().setting("database.wal_autocheckpoint", "100");
    starve(&home, 100, 14, Duration::ZERO);
}

#[test]
#[ignore = "long: a reader stays for ten minutes"]
fn r38_whole_a_reader_that_stays_stops_no_write_and_is_told_of() {
    starve(&home(), 1000, 14, Duration::from_mins(10));
}
