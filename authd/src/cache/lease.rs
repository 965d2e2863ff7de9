//! For how long answers from memory are good without a look at the log of invalidations. A node that
//! shares its database hears of others' changes by that log alone; one that is alone makes them all.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use common::time::{Clock, Time};

/// How long a lease lasts, counted from before the reading that it stands on.
pub const LEASE: Duration = Duration::from_secs(1);

/// No steady clock shows it, so a lease of then does not hold.
const NEVER: u64 = u64::MAX;

/// A moment by both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    wall: Time,
    /// In milliseconds.
    steady: u64,
}

/// Whether memory may answer.
pub struct Lease(Option<Shared>);

/// The last reading of the log's head, by both clocks: neither one that is set back nor one that stood
/// still makes a lease last longer.
struct Shared {
    clock: Arc<dyn Clock>,
    wall: AtomicI64,
    steady: AtomicU64,
}

impl Lease {
    /// Of a node that makes all changes itself: it holds always.
    pub const fn alone() -> Self {
        Self(None)
    }

    /// Of a node that shares its database; it does not hold before it is renewed.
    pub fn shared(clock: Arc<dyn Clock>) -> Self {
        Self(Some(Shared {
            clock,
            wall: AtomicI64::new(0),
            steady: AtomicU64::new(NEVER),
        }))
    }

    /// Whether others may change the database, too.
    pub const fn is_shared(&self) -> bool {
        self.0.is_some()
    }

    /// Whether memory may answer now.
    pub fn holds(&self) -> bool {
        self.0.as_ref().is_none_or(|shared| shared.left().is_some())
    }

    /// What is left of it: nothing once it has run out, none for a node that needs none.
    pub fn left(&self) -> Option<Duration> {
        let shared = self.0.as_ref()?;
        Some(shared.left().unwrap_or_default())
    }

    /// The present moment. Must be taken before the log is read.
    pub fn moment(&self) -> Moment {
        match &self.0 {
            Some(shared) => shared.moment(),
            None => Moment {
                wall: Time::from_millis(0),
                steady: NEVER,
            },
        }
    }

    /// Counts from a moment on, at which, or after which, the log's head was read. All up to the head
    /// must have been applied.
    pub fn renew(&self, moment: Moment) {
        if let Some(shared) = &self.0 {
            shared.wall.store(moment.wall.millis(), Ordering::SeqCst);
            shared.steady.store(moment.steady, Ordering::SeqCst);
        }
    }

    /// Ends it at once.
    pub fn end(&self) {
        if let Some(shared) = &self.0 {
            shared.steady.store(NEVER, Ordering::SeqCst);
        }
    }
}

impl Shared {
    fn moment(&self) -> Moment {
        Moment {
            wall: self.clock.now(),
            steady: u64::try_from(self.clock.steady().as_millis()).unwrap_or(NEVER),
        }
    }

    /// What is left by the clock that leaves less; none if nothing is.
    fn left(&self) -> Option<Duration> {
        let steady = self.steady.load(Ordering::SeqCst);
        let wall = self.wall.load(Ordering::SeqCst);
        let now = self.moment();
        let passed = Duration::from_millis(now.steady.checked_sub(steady)?);
        let by_wall = now.wall.millis().checked_sub(wall)?;
        let by_wall = Duration::from_millis(u64::try_from(by_wall).ok()?);
        let left = LEASE.checked_sub(passed.max(by_wall))?;
        (!left.is_zero()).then_some(left)
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("is_shared", &self.is_shared())
            .field("left", &self.left())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::time::ManualClock;

    const NOW: Time = Time::from_millis(1_000_000);

    fn lease() -> (Lease, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::at(NOW));
        let lease = Lease::shared(Arc::clone(&clock) as Arc<dyn Clock>);
        (lease, clock)
    }

    #[test]
    fn who_is_alone_needs_none() {
        let lease = Lease::alone();
        assert!(lease.holds() && !lease.is_shared());
        lease.end();
        assert!(lease.holds());
        assert_eq!(lease.left(), None);
    }

    #[test]
    fn rule_11_a_lease_lasts_a_second_from_before_its_reading() {
        let (lease, clock) = lease();
        assert!(!lease.holds(), "nothing has been read");
        let moment = lease.moment();
        clock.advance(Duration::from_millis(600));
        lease.renew(moment);
        assert_eq!(lease.left(), Some(Duration::from_millis(400)));
        clock.advance(Duration::from_millis(399));
        assert!(lease.holds());
        clock.advance(Duration::from_millis(1));
        assert!(!lease.holds());
        assert_eq!(lease.left(), Some(Duration::ZERO));
        lease.renew(lease.moment());
        assert!(lease.holds());
        lease.end();
        assert!(!lease.holds());
    }

    #[test]
    fn rule_11_a_clock_that_is_stepped_makes_no_lease_last_longer() {
        for step in [-3_600_000, -1, 1_000, 3_600_000] {
            let (lease, clock) = lease();
            lease.renew(lease.moment());
            assert!(lease.holds());
            clock.set(Time::from_millis(NOW.millis() + step));
            assert!(!lease.holds(), "{step}");
        }
        // A step back within the lease does not lengthen it.
        let (lease, clock) = lease();
        lease.renew(lease.moment());
        clock.advance(Duration::from_millis(900));
        clock.set(NOW);
        assert!(lease.holds());
        clock.advance(Duration::from_millis(100));
        assert!(!lease.holds());
    }
}
