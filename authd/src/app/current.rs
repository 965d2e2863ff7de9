//! A value that a reload replaces while requests go on: who reads takes what holds at that moment
//! and keeps it for as long as it needs one consistent set.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use arc_swap::ArcSwap;

/// A value and its successor, never a mixture of the two. Reading waits for nobody.
pub struct Current<T>(ArcSwap<T>);

impl<T> Current<T> {
    /// Begins with `value`.
    pub fn new(value: T) -> Self {
        Self(ArcSwap::from_pointee(value))
    }

    /// What holds now.
    pub fn get(&self) -> Arc<T> {
        self.0.load_full()
    }

    /// What holds now, for a look that ends before anything is awaited: it counts no reference,
    /// so that threads that check tokens side by side do not contend for one.
    pub fn peek(&self) -> impl Deref<Target = Arc<T>> {
        self.0.load()
    }

    /// Puts `value` in its place; who holds the former one goes on with it.
    pub fn set(&self, value: T) {
        self.0.store(Arc::new(value));
    }
}

impl<T: fmt::Debug> fmt::Debug for Current<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_keeps_what_it_took_and_the_next_one_sees_the_new_value() {
        let current = Current::new((1, 1));
        let taken = current.get();
        current.set((2, 2));
        assert_eq!((*taken, *current.get()), ((1, 1), (2, 2)));
    }

    #[test]
    fn no_reader_ever_sees_half_of_a_change() {
        let current = Current::new((0_u32, 0_u32));
        std::thread::scope(|scope| {
            scope.spawn(|| (0..10_000).for_each(|n| current.set((n, n))));
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..10_000 {
                        let seen = current.get();
                        assert_eq!(seen.0, seen.1);
                    }
                });
            }
        });
    }
}
