//! Counters of failed tries and locks by hand, each under its keyed hash: no name stands here.

use common::id::TenantId;
use common::time::Time;
use domain::lockout::{
    Boot, CounterKey, CounterKind, CounterState, Lockout, ManualLock, Reservation, ReservationId,
};

use crate::error::StoreError;

/// Counters, to read.
pub trait CountersRead {
    /// The counter's state; an unknown key is an empty counter. `since` bounds the failures read.
    fn state(&self, key: &CounterKey, since: Time) -> Result<CounterState, StoreError>;
    /// The counter with all that the operator sees; none if nothing was ever counted, or if nothing
    /// of it is younger than `since`: no failure, no open try, no end of a lock.
    fn lockout(&self, key: &CounterKey, since: Time) -> Result<Option<Lockout>, StoreError>;
}

/// Counters, to write.
pub trait Counters: CountersRead {
    /// Opens a reservation. `ip` is kept for the operator; `tenant` where the slug names one.
    fn reserve(
        &self,
        key: &CounterKey,
        kind: CounterKind,
        tenant: Option<TenantId>,
        at: Time,
        boot: Boot,
    ) -> Result<ReservationId, StoreError>;
    /// Whether the reservation is still open.
    fn is_open(&self, id: ReservationId) -> Result<bool, StoreError>;
    /// Closes a reservation without counting it.
    fn release(&self, id: ReservationId) -> Result<(), StoreError>;
    /// Turns a reservation into a failure at `at`.
    fn fail(&self, id: ReservationId, at: Time, ip: Option<&str>) -> Result<(), StoreError>;
    /// Locks the counter until `until`, remembers how many failures did it, and empties the count.
    fn lock(&self, key: &CounterKey, until: Time, failures: u32) -> Result<(), StoreError>;
    /// Writes the event that the name behind a counter is locked by failures; a device's counter, or
    /// one that is not there, leaves none.
    fn tell_lock(&self, key: &CounterKey, at: Time) -> Result<(), StoreError>;
    /// Empties the count and ends the lock by failures; open reservations stay. True if there was
    /// anything to clear.
    fn clear(&self, key: &CounterKey) -> Result<bool, StoreError>;
    /// Sets the lock by hand, until a time or until it is cleared; an earlier one is replaced. Count
    /// and lock by failures stay as they are.
    fn lock_by_hand(
        &self,
        key: &CounterKey,
        tenant: TenantId,
        lock: ManualLock,
    ) -> Result<(), StoreError>;
    /// Ends the lock by hand, and nothing else. True if there was one.
    fn clear_manual(&self, key: &CounterKey) -> Result<bool, StoreError>;
    /// Every reservation of another run than `boot`, with its counter; at most `limit`.
    fn left_open(
        &self,
        boot: Boot,
        limit: u32,
    ) -> Result<Vec<(CounterKey, CounterKind, Reservation)>, StoreError>;
}
