//! A value for each of a few groups of threads, so that threads which write all the time do not
//! wait for one another. What belongs together is summed up by who reads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Groups of threads.
const SHARDS: usize = 8;

thread_local! {
    /// Threads are numbered as they come.
    static NUMBER: usize = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed)
    };
}

/// The place of the calling thread's group among so many.
fn place(groups: usize) -> Option<usize> {
    NUMBER.with(|number| number.checked_rem(groups))
}

/// Values of one kind, one a group of threads.
#[derive(Debug)]
pub struct Sharded<T>(Box<[Shard<T>]>);

/// On a cache line of its own.
#[derive(Debug)]
#[repr(align(128))]
struct Shard<T>(Mutex<T>);

impl<T> Sharded<T> {
    /// Makes each value.
    pub fn new(mut make: impl FnMut() -> T) -> Self {
        Self((0..SHARDS).map(|_| Shard(Mutex::new(make()))).collect())
    }

    /// The value of the calling thread's group; none never comes while there are groups.
    pub fn own(&self) -> Option<MutexGuard<'_, T>> {
        self.0.get(place(self.0.len())?).map(Shard::lock)
    }

    /// Every value, one after the other.
    pub fn all(&self) -> impl Iterator<Item = MutexGuard<'_, T>> {
        self.0.iter().map(Shard::lock)
    }
}

impl<T> Shard<T> {
    /// A thread that panicked with the lock left a value that is as good as any.
    fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As [`Sharded`], of values that need no lock, because threads may change them side by side.
#[derive(Debug)]
pub struct Striped<T>(Box<[Stripe<T>]>);

/// On a cache line of its own.
#[derive(Debug)]
#[repr(align(128))]
struct Stripe<T>(T);

impl<T> Striped<T> {
    /// Makes each value.
    pub fn new(mut make: impl FnMut() -> T) -> Self {
        Self((0..SHARDS).map(|_| Stripe(make())).collect())
    }

    /// The value of the calling thread's group; none never comes while there are groups.
    pub fn own(&self) -> Option<&T> {
        self.0.get(place(self.0.len())?).map(|stripe| &stripe.0)
    }

    /// Every value, one after the other.
    pub fn all(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|stripe| &stripe.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_threads_put_in_is_there_in_the_end() {
        let counts = Sharded::new(|| 0_u32);
        std::thread::scope(|scope| {
            for _ in 0..SHARDS * 2 {
                scope.spawn(|| (0..1000).for_each(|_| *counts.own().unwrap() += 1));
            }
        });
        let total: u32 = counts.all().map(|count| *count).sum();
        assert_eq!(total, 16_000);
        assert!(counts.all().filter(|count| **count > 0).count() > 1);
    }

    #[test]
    fn a_thread_keeps_its_value() {
        let numbers = Sharded::new(|| 0_u32);
        *numbers.own().unwrap() = 7;
        assert_eq!(*numbers.own().unwrap(), 7);
        assert_eq!(numbers.all().filter(|number| **number == 7).count(), 1);
    }

    #[test]
    fn stripes_are_summed_up_by_who_reads() {
        let counts = Striped::new(|| AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..SHARDS * 2 {
                scope.spawn(|| {
                    (0..1000).for_each(|_| {
                        counts.own().unwrap().fetch_add(1, Ordering::Relaxed);
                    });
                });
            }
        });
        let totals: Vec<usize> = counts
            .all()
            .map(|count| count.load(Ordering::Relaxed))
            .collect();
        assert_eq!(totals.iter().sum::<usize>(), 16_000);
        assert!(totals.iter().filter(|total| **total > 0).count() > 1);
    }
}
