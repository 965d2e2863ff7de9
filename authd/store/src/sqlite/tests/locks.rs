//! Locks by hand, which no call sets yet: they are put into the file from outside.

use common::time::Time;
use domain::lockout::{CounterKey, CounterState};
use rusqlite::{Connection, params};

use super::open_in;
use crate::error::StoreError;
use crate::unit::{Priority, Store};

const KEY: CounterKey = CounterKey::from_bytes([7; 32]);

fn state(store: &Store) -> CounterState {
    store
        .read_blocking(|tx| tx.counters().state(&KEY, Time::default()))
        .unwrap()
}

fn ended(store: &Store, manual: bool) -> bool {
    let work = move |tx: &dyn crate::WriteTx| -> Result<bool, StoreError> {
        let counters = tx.counters_mut();
        if manual {
            counters.clear_manual(&KEY)
        } else {
            counters.clear(&KEY)
        }
    };
    store.write_blocking(Priority::Normal, work).unwrap()
}

#[test]
fn a62_a_lock_by_hand_ends_by_its_own_clear_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open_in(folder.path()).unwrap();
    store.close();
    drop(store);
    let file = Connection::open(folder.path().join("authd.db")).unwrap();
    file.execute(
        "INSERT INTO counters (key, kind, locked_until, locking_failures, manual) \
         VALUES (?1, 'subject', 1000, 5, 2)",
        params![KEY.as_bytes()],
    )
    .unwrap();
    drop(file);
    let (store, _) = open_in(folder.path()).unwrap();
    assert!(ended(&store, false));
    let left = state(&store);
    assert_eq!(left.locked_until, None);
    assert!(left.manual.is_some());
    assert!(ended(&store, true));
    assert_eq!(state(&store).manual, None);
    assert!(!ended(&store, true));
    store.close();
}
