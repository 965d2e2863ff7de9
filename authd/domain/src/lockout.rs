//! The lockout: five evaluated failures in a window lock a name for a while (rules 1 to 3, 6).
//!
//! ```text
//!            reserve                 settle: failed, below the threshold
//!   idle ───────────────▶ open ─────────────────────────────▶ counted (leaves with the window)
//!     ▲                    │  └── settle: right ──▶ counter emptied
//!     │ lock ends          └───── settle: failed, the threshold reached ──▶ locked
//!     └───────────────────────────────────────────────────────────────────────┘
//! ```
//! The same machine counts for a known device, and for wrong current passwords of one session.

mod replay;

use std::fmt;
use std::time::Duration;

pub use replay::{Recorded, Replay, Replayed, Try};

use common::id::{TenantId, UserId};
use common::time::Time;

/// Keyed hash that names a counter; tells nothing about the name behind it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CounterKey([u8; 32]);

impl CounterKey {
    /// Wraps the output of the keyed hash.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for storage.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Hexadecimal text, for the operator.
    pub fn to_hex(&self) -> String {
        self.0.iter().fold(String::with_capacity(64), |hex, byte| {
            format!("{hex}{byte:02x}")
        })
    }
}

impl fmt::Debug for CounterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CounterKey({})", self.to_hex())
    }
}

/// What a counter counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CounterKind {
    /// A subject: a tenant's slug and an address, known or not.
    Subject,
    /// One known device.
    Device,
    /// Wrong current passwords of one session or one `pwc+jwt`.
    Session,
}

/// When a name is locked, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LockoutPolicy {
    /// Evaluated failures that lock.
    pub threshold: u32,
    /// Time in which they count.
    pub window: Duration,
    /// Length of the lock, from the failure that made it.
    pub duration: Duration,
}

/// A reservation that has not settled after so long counts as a failure at its own time.
pub const RESERVATION_LIFE: Duration = Duration::from_secs(30);

/// How much later than a failure another one may be and still count with it: tries that run side by
/// side settle in an order of their own, and one that was left open counts at its own, earlier time.
const DISORDER: Duration = RESERVATION_LIFE.saturating_mul(2);

/// Names a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReservationId(pub i64);

/// Names one run of the daemon, so that a later one knows reservations that nobody will settle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Boot(pub [u8; 16]);

/// A try that was admitted and is being evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reservation {
    /// Its name.
    pub id: ReservationId,
    /// When it was made.
    pub at: Time,
    /// The run of the daemon that made it.
    pub boot: Boot,
}

/// A lock that an administrator set; no success, reset or window touches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ManualLock {
    /// End of it; none until cleared.
    pub until: Option<Time>,
}

impl ManualLock {
    /// Whether the lock holds at `now`; one whose time is over is no lock any more.
    pub fn holds(&self, now: Time) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// All that is known of one counter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CounterState {
    /// End of the lock by failures, past or to come.
    pub locked_until: Option<Time>,
    /// The lock by hand.
    pub manual: Option<ManualLock>,
    /// Times of the evaluated failures since the count last started, in no order.
    pub failures: Vec<Time>,
    /// Tries being evaluated.
    pub open: Vec<Reservation>,
}

/// Whether a try may be evaluated now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It may.
    Evaluate,
    /// Others are being evaluated that could lock the name: wait for one to settle.
    Wait,
    /// The name is locked.
    Locked {
        /// Rest of the lock; the policy's duration for one without an end.
        retry_after: Duration,
    },
}

/// What a failure did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterFailure {
    /// It counts, and the name stays open.
    Counted {
        /// Failures in the window, this one included.
        failures: u32,
    },
    /// It locked the name.
    Locked {
        /// End of the lock.
        until: Time,
    },
}

fn count(failures: usize) -> u32 {
    u32::try_from(failures).unwrap_or(u32::MAX)
}

impl CounterState {
    /// Rest of the lock at `now`, if there is one. One by failures is never longer than the policy's,
    /// although the clock may have gone back since it was made.
    pub fn locked(&self, policy: &LockoutPolicy, now: Time) -> Option<Duration> {
        let by_hand = self.manual.and_then(|manual| match manual.until {
            None => Some(policy.duration),
            Some(until) if now < until => Some(until.since(now)),
            Some(_) => None,
        });
        let by_failures = self
            .locked_until
            .filter(|&until| now < until)
            .map(|until| until.since(now).min(policy.duration));
        by_hand.max(by_failures)
    }

    /// Failures that count at `now`: those in the half-open window that ends now.
    pub fn failures_at(&self, policy: &LockoutPolicy, now: Time) -> u32 {
        count(self.counted(policy, now).count())
    }

    fn counted(&self, policy: &LockoutPolicy, now: Time) -> impl Iterator<Item = Time> {
        let (start, end) = (now.minus(policy.window), now.plus(DISORDER));
        let failures = self.failures.iter().copied();
        failures.filter(move |&at| at > start && at <= end)
    }

    /// Reservations that nobody will settle: of an earlier run, or too old.
    pub fn stale(&self, boot: Boot, now: Time) -> Vec<Reservation> {
        let oldest = now.minus(RESERVATION_LIFE);
        self.open
            .iter()
            .copied()
            .filter(|r| r.boot != boot || r.at <= oldest)
            .collect()
    }

    /// Decides whether a try may be evaluated at `now`; stale reservations must be settled before.
    pub fn admit(&self, policy: &LockoutPolicy, now: Time) -> Admission {
        if let Some(retry_after) = self.locked(policy, now) {
            return Admission::Locked { retry_after };
        }
        let taken = self
            .failures_at(policy, now)
            .saturating_add(count(self.open.len()));
        if taken >= policy.threshold && !self.open.is_empty() {
            Admission::Wait
        } else {
            Admission::Evaluate
        }
    }

    /// Says what an evaluated failure at `at` does; the caller stores it.
    pub fn fail(&self, policy: &LockoutPolicy, at: Time) -> AfterFailure {
        let failures = self.failures_at(policy, at).saturating_add(1);
        if failures >= policy.threshold {
            let last = self.counted(policy, at).fold(at, Time::max);
            AfterFailure::Locked {
                until: last.plus(policy.duration),
            }
        } else {
            AfterFailure::Counted { failures }
        }
    }
}

/// A counter as the operator sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Lockout {
    /// Its key.
    pub key: CounterKey,
    /// Tenant, where the slug names one.
    pub tenant_id: Option<TenantId>,
    /// User, where the name is a known one.
    pub user_id: Option<UserId>,
    /// Failures, reservations and locks.
    pub state: CounterState,
    /// Failures that made the present lock, which are no longer counted.
    pub locking_failures: u32,
    /// Last evaluated failure.
    pub last_failure_at: Option<Time>,
    /// Address of the last evaluated failure.
    pub last_ip: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: LockoutPolicy = LockoutPolicy {
        threshold: 5,
        window: Duration::from_secs(900),
        duration: Duration::from_secs(900),
    };
    const BOOT: Boot = Boot([1; 16]);

    fn at(minutes: u64, seconds: u64) -> Time {
        Time::from_millis(1_000_000_000).plus(Duration::from_secs(minutes * 60 + seconds))
    }

    /// Feeds failures as the use case does: a locking one starts the count anew.
    fn feed(times: &[Time]) -> CounterState {
        let mut state = CounterState::default();
        for &time in times {
            match state.fail(&POLICY, time) {
                AfterFailure::Counted { .. } => state.failures.push(time),
                AfterFailure::Locked { until } => {
                    state.failures.clear();
                    state.locked_until = Some(until);
                }
            }
        }
        state
    }

    #[test]
    fn a2_the_window_slides_and_the_lock_runs_from_the_last_failure() {
        let open = feed(&[at(0, 0), at(4, 0), at(8, 0), at(12, 0), at(15, 1)]);
        assert_eq!(open.locked(&POLICY, at(15, 1)), None);
        // Half-open: what is a whole window ago does not count.
        let open = feed(&[at(0, 0), at(4, 0), at(8, 0), at(12, 0), at(15, 0)]);
        assert_eq!(open.locked(&POLICY, at(15, 0)), None);
        assert_eq!(open.failures_at(&POLICY, at(15, 0)), 4);
        let locked = feed(&[at(0, 0), at(4, 0), at(8, 0), at(12, 0), at(14, 59)]);
        assert_eq!(
            locked.locked(&POLICY, at(29, 58)),
            Some(Duration::from_secs(1))
        );
        assert_eq!(locked.locked(&POLICY, at(29, 59)), None);
    }

    #[test]
    fn a61_after_a_lock_the_count_starts_anew() {
        let mut state = feed(&[at(0, 0), at(0, 1), at(0, 2), at(0, 3), at(0, 4)]);
        assert!(state.locked(&POLICY, at(1, 0)).is_some());
        for second in 0..4 {
            let time = at(15, 5 + second);
            assert!(matches!(
                state.fail(&POLICY, time),
                AfterFailure::Counted { .. }
            ));
            state.failures.push(time);
        }
        assert_eq!(state.admit(&POLICY, at(15, 10)), Admission::Evaluate);
    }

    #[test]
    fn a5_open_reservations_hold_back_the_next_try() {
        let reservation = |id| Reservation {
            id: ReservationId(id),
            at: at(0, 0),
            boot: BOOT,
        };
        let mut state = CounterState {
            open: (0..4).map(reservation).collect(),
            ..Default::default()
        };
        assert_eq!(state.admit(&POLICY, at(0, 1)), Admission::Evaluate);
        state.open.push(reservation(5));
        assert_eq!(state.admit(&POLICY, at(0, 1)), Admission::Wait);
        state.open.clear();
        state.failures = vec![at(0, 0); 4];
        state.open.push(reservation(1));
        assert_eq!(state.admit(&POLICY, at(0, 1)), Admission::Wait);
    }

    #[test]
    fn a5_failures_that_settle_out_of_order_lock_all_the_same() {
        let turned = feed(&[at(0, 4), at(0, 3), at(0, 2), at(0, 1), at(0, 0)]);
        // From the most recent failure, which was not the last to settle.
        let rest = turned.locked(&POLICY, at(0, 4));
        assert_eq!(rest, Some(POLICY.duration));
        // One that was left open counts at its own time: before those that came after it.
        let left_open = feed(&[at(0, 9), at(0, 15), at(0, 22), at(0, 29), at(0, 1)]);
        assert_eq!(left_open.locked(&POLICY, at(0, 29)), Some(POLICY.duration));
    }

    #[test]
    fn a62_a_lock_by_hand_stands_apart() {
        let mut state = CounterState {
            manual: Some(ManualLock { until: None }),
            ..Default::default()
        };
        assert_eq!(state.locked(&POLICY, at(500, 0)), Some(POLICY.duration));
        state.manual = Some(ManualLock {
            until: Some(at(1, 0)),
        });
        assert_eq!(
            state.locked(&POLICY, at(0, 30)),
            Some(Duration::from_secs(30))
        );
        assert_eq!(state.locked(&POLICY, at(1, 0)), None);
        let lock = ManualLock {
            until: Some(at(1, 0)),
        };
        assert!(lock.holds(at(0, 59)) && !lock.holds(at(1, 0)));
        assert!(ManualLock { until: None }.holds(at(500, 0)));
    }

    #[test]
    fn a65_reservations_of_an_earlier_run_are_stale() {
        let old = Reservation {
            id: ReservationId(1),
            at: at(0, 0),
            boot: Boot([2; 16]),
        };
        let slow = Reservation {
            id: ReservationId(2),
            at: at(0, 0),
            boot: BOOT,
        };
        let state = CounterState {
            open: vec![old, slow],
            ..Default::default()
        };
        assert_eq!(state.stale(BOOT, at(0, 29)), vec![old]);
        assert_eq!(state.stale(BOOT, at(0, 30)), vec![old, slow]);
    }

    #[test]
    fn r16_a_clock_that_jumps_back_makes_no_endless_lock() {
        let state = feed(&[at(60, 0), at(60, 1), at(60, 2), at(60, 3), at(60, 4)]);
        let rest = state.locked(&POLICY, at(0, 0)).unwrap();
        assert_eq!(rest, POLICY.duration);
        assert_eq!(state.failures_at(&POLICY, at(0, 0)), 0);
    }
}
