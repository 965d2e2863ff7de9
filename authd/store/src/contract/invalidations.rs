//! The log of what changes took away.

use common::time::Time;

use super::{nothing_over, read, session_id, tenant_id, two_tenants, user_id, write};
use crate::error::StoreError;
use crate::resource::{Invalidation, Over, Scope};
use crate::unit::{Priority, Store};

const END_OF_TIME: Time = Time::from_millis(i64::MAX);

fn all(store: &Store) -> Vec<Invalidation> {
    read(store, |tx| tx.invalidations().from(0, 999))
}

fn numbers(store: &Store) -> Vec<u64> {
    all(store).iter().map(|entry| entry.number).collect()
}

fn take_from(store: &Store, scope: Scope) {
    write(store, move |tx| {
        tx.invalidate(scope);
        Ok(())
    });
}

pub(crate) fn rule_11_the_log_has_every_scope_once_and_no_hole(store: &Store) {
    assert_eq!(read(store, |tx| tx.invalidations().head()), None);
    two_tenants(store);
    assert_eq!(all(store), [], "what takes nothing away writes nothing");
    let scopes = [
        Scope::Session(session_id(1)),
        Scope::Global,
        Scope::User(user_id(2)),
        Scope::Tokens,
        Scope::Tenant(tenant_id(3)),
    ];
    write(store, move |tx| {
        for scope in scopes.iter().chain(&scopes) {
            tx.invalidate(*scope);
        }
        Ok(())
    });
    take_from(store, Scope::Global);
    let logged: Vec<_> = all(store)
        .iter()
        .map(|entry| (entry.number, entry.scope))
        .collect();
    let expected: Vec<_> = (1..)
        .zip(scopes.into_iter().chain([Scope::Global]))
        .collect();
    assert_eq!(logged, expected);
    let head = all(store).last().copied();
    assert_eq!(read(store, |tx| tx.invalidations().head()), head);
    let page = read(store, |tx| tx.invalidations().from(2, 2));
    assert_eq!(page, all(store)[1..3]);
    assert_eq!(read(store, |tx| tx.invalidations().from(7, 2)), []);
}

pub(crate) fn rule_11_what_is_undone_takes_no_number_of_the_log(store: &Store) {
    take_from(store, Scope::Global);
    let refused = store.write_blocking(Priority::Normal, |tx| -> Result<(), StoreError> {
        tx.invalidate(Scope::Tokens);
        Err(StoreError::Damaged { what: "on purpose" })
    });
    assert!(refused.is_err());
    take_from(store, Scope::User(user_id(1)));
    let logged: Vec<_> = all(store)
        .iter()
        .map(|entry| (entry.number, entry.scope))
        .collect();
    assert_eq!(logged, [(1, Scope::Global), (2, Scope::User(user_id(1)))]);
}

pub(crate) fn rule_11_old_entries_go_and_the_latest_stays(store: &Store) {
    for _ in 0..5 {
        take_from(store, Scope::Global);
    }
    let prune = |until: Time, now: Time, limit: u32| {
        write(store, move |tx| {
            let over = Over {
                now,
                invalidations: until,
                ..nothing_over()
            };
            tx.housekeeping().prune(&over, limit)
        })
    };
    let (long_ago, then) = (Time::from_millis(-1), Time::from_millis(0));
    assert_eq!(prune(long_ago, long_ago, 9), 0, "nothing is asked for");
    assert_eq!(prune(long_ago, END_OF_TIME, 9), 0);
    assert_eq!(numbers(store), [1, 2, 3, 4, 5]);
    assert_eq!(prune(END_OF_TIME, END_OF_TIME, 3), 3);
    assert_eq!(numbers(store), [4, 5]);
    assert_eq!(prune(END_OF_TIME, END_OF_TIME, 3), 1);
    assert_eq!(prune(END_OF_TIME, END_OF_TIME, 3), 0);
    take_from(store, Scope::Global);
    assert_eq!(numbers(store), [5, 6], "and the numbers go on");
    // By a clock that was far ahead when they were written.
    assert_eq!(prune(long_ago, then, 9), 1);
    assert_eq!(numbers(store), [6]);
}
