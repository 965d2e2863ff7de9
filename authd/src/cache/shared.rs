//! One copy of equal values, for as long as somebody holds it. It decides nothing: what is handed
//! out equals what was handed in.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// Copies that are kept before unused ones are looked for.
const FEW: usize = 64;

/// Values that are held somewhere.
#[derive(Debug)]
pub(super) struct Shared<T> {
    known: Mutex<Known<T>>,
}

#[derive(Debug)]
struct Known<T> {
    values: HashSet<Arc<T>>,
    /// How many there may be before unused ones are dropped.
    room: usize,
}

impl<T: Eq + Hash> Shared<T> {
    pub(super) fn new() -> Self {
        Self {
            known: Mutex::new(Known {
                values: HashSet::new(),
                room: FEW,
            }),
        }
    }

    /// The copy that equals a value.
    pub(super) fn share(&self, value: T) -> Arc<T> {
        // Nothing below can leave the set half changed.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.values.get(&value) {
            return Arc::clone(found);
        }
        if known.values.len() >= known.room {
            known.values.retain(|value| Arc::strong_count(value) > 1);
            known.room = known.values.len().saturating_mul(2).max(FEW);
        }
        let value = Arc::new(value);
        known.values.insert(Arc::clone(&value));
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_are_one_copy_and_unused_ones_go() {
        let shared = Shared::new();
        let first = shared.share(0);
        assert!(Arc::ptr_eq(&first, &shared.share(0)));
        for n in 1..10_000 {
            shared.share(n);
        }
        assert!(shared.known.lock().unwrap().values.len() <= FEW);
        assert!(Arc::ptr_eq(&first, &shared.share(0)), "what is held stays");
    }
}
