//! Counters of failed tries, from reservation to pruning.

use domain::lockout::{Boot, CounterKind, CounterState};

use super::{at, key, nothing_over, read, tenant_id, two_tenants, user_id, write};
use crate::resource::{Over, Whose};
use crate::unit::Store;

const NOW: Boot = Boot([1; 16]);
const BEFORE: Boot = Boot([2; 16]);

pub(crate) fn rule_3_reservations_settle(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        let counters = tx.counters_mut();
        assert_eq!(counters.state(&key(1), at(0))?, CounterState::default());
        assert_eq!(counters.lockout(&key(1), at(0))?, None);
        let acme = Some(tenant_id(1));
        let reserve =
            |second| counters.reserve(&key(1), CounterKind::Subject, acme, at(second), NOW);
        let (failed, right, open) = (reserve(1)?, reserve(2)?, reserve(3)?);
        assert!(counters.is_open(failed)?);
        counters.fail(failed, at(4), Some("192.0.2.1"))?;
        assert!(!counters.is_open(failed)?);
        // A second settling changes nothing.
        counters.fail(failed, at(5), Some("192.0.2.2"))?;
        counters.release(failed)?;
        counters.release(right)?;
        let state = counters.state(&key(1), at(0))?;
        assert_eq!(state.failures, [at(4)]);
        assert_eq!(state.open.len(), 1);
        assert_eq!(state.open[0].id, open);
        assert_eq!((state.open[0].at, state.open[0].boot), (at(3), NOW));
        // A failure at the start of the window is over; an open try is seen whatever its age.
        let state = counters.state(&key(1), at(4))?;
        assert_eq!((state.failures.len(), state.open.len()), (0, 1));
        let lockout = counters.lockout(&key(1), at(0))?.unwrap();
        assert_eq!(lockout.tenant_id, acme);
        assert_eq!(lockout.user_id, Some(user_id(1)));
        assert_eq!(lockout.last_failure_at, Some(at(4)));
        assert_eq!(lockout.last_ip.as_deref(), Some("192.0.2.1"));
        Ok(())
    });
}

pub(crate) fn rule_2_locks_and_clears(store: &Store) {
    write(store, |tx| {
        let counters = tx.counters_mut();
        for second in 1..=5 {
            let kind = CounterKind::Subject;
            let id = counters.reserve(&key(7), kind, None, at(second), NOW)?;
            counters.fail(id, at(second), None)?;
        }
        let open = counters.reserve(&key(7), CounterKind::Subject, None, at(6), NOW)?;
        counters.lock(&key(7), at(905), 5)?;
        let lockout = counters.lockout(&key(7), at(0))?.unwrap();
        assert_eq!(lockout.state.locked_until, Some(at(905)));
        assert_eq!(lockout.state.failures, []);
        assert_eq!(lockout.locking_failures, 5);
        assert_eq!((lockout.tenant_id, lockout.user_id), (None, None));
        assert!(counters.clear(&key(7))?);
        assert!(!counters.clear(&key(7))?);
        let state = counters.state(&key(7), at(0))?;
        assert_eq!(state.locked_until, None);
        assert!(
            counters.is_open(open)?,
            "clearing keeps what is being evaluated"
        );
        counters.release(open)?;
        assert_eq!(counters.lockout(&key(7), at(0))?, None);
        Ok(())
    });
}

pub(crate) fn rule_3_what_another_run_left_open_is_found(store: &Store) {
    let (old, new) = write(store, |tx| {
        let counters = tx.counters_mut();
        let old = counters.reserve(&key(1), CounterKind::Session, None, at(1), BEFORE)?;
        let new = counters.reserve(&key(2), CounterKind::Device, None, at(2), NOW)?;
        Ok((old, new))
    });
    write(store, move |tx| {
        let counters = tx.counters_mut();
        let left = counters.left_open(NOW, 10)?;
        assert_eq!(left.len(), 1);
        assert_eq!((left[0].0, left[0].2.id), (key(1), old));
        assert_eq!(left[0].1, CounterKind::Session);
        assert_eq!((left[0].2.at, left[0].2.boot), (at(1), BEFORE));
        assert_eq!(counters.left_open(NOW, 0)?, []);
        // A number that was given is never given again, or a late settling would hit another try.
        counters.release(new)?;
        let next = counters.reserve(&key(2), CounterKind::Device, None, at(3), NOW)?;
        assert!(next.0 > new.0);
        Ok(())
    });
}

pub(crate) fn counters_are_pruned_when_they_are_over(store: &Store) {
    write(store, |tx| {
        let counters = tx.counters_mut();
        let fail = |n, second| {
            let id = counters.reserve(&key(n), CounterKind::Subject, None, at(second), NOW)?;
            counters.fail(id, at(second), None)
        };
        fail(1, 10)?;
        fail(2, 10)?;
        counters.lock(&key(2), at(500), 5)?;
        fail(3, 100)?;
        counters.reserve(&key(4), CounterKind::Subject, None, at(1), NOW)?;
        let session = counters.reserve(&key(5), CounterKind::Session, None, at(5), NOW)?;
        counters.fail(session, at(5), None)?;
        let prune = |before, now, limit| {
            let over = Over {
                failures: before,
                session_failures: at(0),
                now,
                ..nothing_over()
            };
            tx.housekeeping().prune(&over, limit)
        };
        assert_eq!(
            prune(at(10), at(50), 1)?,
            1,
            "the failure of 1, and its counter"
        );
        assert_eq!(prune(at(10), at(50), 10)?, 0);
        assert_eq!(counters.lockout(&key(1), at(0))?, None);
        assert!(counters.lockout(&key(2), at(20))?.is_some());
        assert!(counters.lockout(&key(3), at(20))?.is_some());
        assert_eq!(counters.state(&key(4), at(20))?.open.len(), 1);
        assert_eq!(prune(at(99), at(501), 10)?, 1, "the counter of 2");
        assert_eq!(
            counters.state(&key(5), at(0))?.failures,
            [at(5)],
            "sessions count longer"
        );
        Ok(())
    });
    let state = read(store, |tx| tx.counters().state(&key(3), at(20)));
    assert_eq!(state.failures, [at(100)]);
}

pub(crate) fn r16_locks_that_end_too_late_are_shortened(store: &Store) {
    write(store, |tx| {
        let counters = tx.counters_mut();
        for (n, kind, until) in [
            (1, CounterKind::Subject, 900),
            (2, CounterKind::Subject, 5000),
            (3, CounterKind::Session, 5000),
        ] {
            let id = counters.reserve(&key(n), kind, None, at(0), NOW)?;
            counters.fail(id, at(0), None)?;
            counters.lock(&key(n), at(until), 5)?;
        }
        let housekeeping = tx.housekeeping();
        assert_eq!(
            housekeeping.shorten_locks(Whose::Installation, at(1000), 0)?,
            0
        );
        assert_eq!(
            housekeeping.shorten_locks(Whose::Installation, at(1000), 10)?,
            1
        );
        assert_eq!(
            housekeeping.shorten_locks(Whose::Installation, at(1000), 10)?,
            0
        );
        let end = |n| Ok(counters.state(&key(n), at(0))?.locked_until);
        assert_eq!(
            [end(1)?, end(2)?, end(3)?],
            [Some(at(900)), Some(at(1000)), Some(at(5000))]
        );
        Ok::<_, crate::error::StoreError>(())
    });
}
