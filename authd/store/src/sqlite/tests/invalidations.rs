//! The log of invalidations as SQLite writes it: at which time, and what a fault of the disk, an older
//! schema and a restore make of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::time::{ManualClock, Time};
use rusqlite::Connection;

use super::{holds, open_in, options};
use crate::contract::{self, at, read, session_id, write};
use crate::error::StoreError;
use crate::resource::{Invalidation, Scope};
use crate::sqlite::open::{self, Engine};
use crate::sqlite::{Draft, Options, invalidation, migrate};
use crate::unit::{CommitListener, Priority, Store};

#[test]
fn rule_11_the_log_has_every_scope_once_and_no_hole() {
    holds(contract::rule_11_the_log_has_every_scope_once_and_no_hole);
}

#[test]
fn rule_11_what_is_undone_takes_no_number_of_the_log() {
    holds(contract::rule_11_what_is_undone_takes_no_number_of_the_log);
}

#[test]
fn rule_11_old_entries_go_and_the_latest_stays() {
    holds(contract::rule_11_old_entries_go_and_the_latest_stays);
}

/// Keeps the entries of every commit.
#[derive(Default)]
struct Entries(Mutex<Vec<Invalidation>>);

impl CommitListener for Entries {
    fn committed(&self, _scopes: &[Scope]) {
        panic!("the backend tells of entries");
    }

    fn logged(&self, entries: &[Invalidation]) {
        self.0.lock().unwrap().extend(entries);
    }
}

fn head(store: &Store) -> Option<Invalidation> {
    read(store, |tx| tx.invalidations().head())
}

fn take_all(store: &Store) {
    write(store, |tx| {
        tx.invalidate(Scope::Global);
        Ok(())
    });
}

#[test]
fn rule_11_what_is_told_is_what_the_log_says_by_the_clock_that_was_given() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(at(0)));
    let options = Options {
        clock: Arc::clone(&clock) as _,
        repeat_every: Some(2),
        ..options(folder.path())
    };
    let told = Arc::new(Entries::default());
    let listener = Arc::clone(&told) as Arc<dyn CommitListener>;
    let (store, _) = open::open(options, Engine::real(), listener, Box::new(|_| {})).unwrap();
    take_all(&store);
    clock.advance(Duration::from_secs(7));
    write(&store, |tx| {
        tx.invalidate(Scope::Session(session_id(1)));
        tx.invalidate(Scope::Tokens);
        Ok(())
    });
    let log = read(&store, |tx| tx.invalidations().from(1, 9));
    let times: Vec<Time> = log.iter().map(|entry| entry.at).collect();
    assert_eq!(times, [at(0), at(7), at(7)]);
    assert_eq!(*told.0.lock().unwrap(), log);
    store.close();
}

/// A change that cannot be logged does not happen, and is not told.
#[test]
fn rule_11_without_its_entry_a_change_is_undone() {
    let folder = tempfile::tempdir().unwrap();
    open_in(folder.path()).unwrap().0.close();
    let path = folder.path().join("authd.db");
    let direct = Connection::open(path).unwrap();
    direct
        .execute_batch(
            "CREATE TRIGGER refused BEFORE INSERT ON invalidations WHEN NEW.kind = 5 \
             BEGIN SELECT raise(ABORT, 'no'); END",
        )
        .unwrap();
    drop(direct);
    let (store, _) = open_in(folder.path()).unwrap();
    let refused = store.write_blocking(Priority::Normal, |tx| {
        tx.invalidate(Scope::Global);
        tx.invalidate(Scope::Session(session_id(1)));
        tx.meta_mut().set("x", b"1")
    });
    let refused: Result<(), StoreError> = refused;
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })));
    assert_eq!(read(&store, |tx| tx.meta().value("x")), None);
    assert_eq!(head(&store), None);
    take_all(&store);
    assert_eq!(head(&store).map(|entry| entry.number), Some(1));
    store.close();
}

#[test]
fn rule_11_a_database_of_an_older_schema_begins_a_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("authd.db");
    let known = migrate::known().into_iter();
    let before: Vec<_> = known.filter(|step| step.version() < 12).collect();
    migrate::create(&path, &before).unwrap();
    let old = Connection::open(&path).unwrap();
    let meta = "INSERT INTO meta (name, value) VALUES ('x', x'31')";
    old.execute_batch(meta).unwrap();
    drop(old);
    let (store, _) = open_in(folder.path()).unwrap();
    assert_eq!(read(&store, |tx| tx.meta().value("x")), Some(b"1".into()));
    assert_eq!(head(&store), None);
    take_all(&store);
    assert_eq!(head(&store).map(|entry| entry.number), Some(1));
    store.close();
}

/// Whoever followed the replaced database, however far, sees that this is another one.
#[test]
fn rule_19_a_restored_log_has_a_hole_and_numbers_that_nobody_had() {
    for moment in [Time::from_millis(1), at(0)] {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = open_in(folder.path()).unwrap();
        take_all(&store);
        take_all(&store);
        store.close();
        let draft = Draft::open(&folder.path().join("authd.db")).unwrap();
        draft.begin().unwrap();
        draft.end_all(moment).unwrap();
        draft.finish().unwrap();
        let (store, _) = open_in(folder.path()).unwrap();
        let log = read(&store, |tx| tx.invalidations().from(1, 9));
        assert_eq!(log.len(), 3);
        let number = u64::try_from(moment.millis()).unwrap().max(4);
        assert_eq!((log[2].number, log[2].scope), (number, Scope::Global));
        take_all(&store);
        assert_eq!(head(&store).map(|entry| entry.number), Some(number + 1));
        store.close();
    }
}

#[test]
fn r37_the_log_is_read_from_a_place_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("authd.db");
    migrate::create(&path, &migrate::known()).unwrap();
    let connection = Connection::open(path).unwrap();
    for (sql, by) in [
        (invalidation::FROM, "USING INTEGER PRIMARY KEY (rowid>?)"),
        (invalidation::HEAD, "SCAN invalidations"),
    ] {
        let plan = super::plans::plan(&connection, sql);
        assert!(plan.iter().any(|step| step.contains(by)), "{plan:?}");
        let sorted = plan.iter().any(|step| step.contains("TEMP B-TREE"));
        assert!(!sorted, "{plan:?}");
    }
}
