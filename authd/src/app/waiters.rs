//! Wakes tries that wait for another one of the same counter to settle (rule 3).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::lockout::CounterKey;
use tokio::sync::Notify;

/// Tries that wait, by counter.
#[derive(Debug, Default)]
pub struct Waiters {
    waiting: Mutex<HashMap<CounterKey, Arc<Notify>>>,
}

impl Waiters {
    /// The signal of a counter; hold it while waiting.
    pub fn signal(&self, key: CounterKey) -> Arc<Notify> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(waiting.entry(key).or_default())
    }

    /// Says that a try of the counter has settled.
    pub fn settled(&self, key: CounterKey) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(signal) = waiting.get(&key) {
            signal.notify_waiters();
            if Arc::strong_count(signal) == 1 {
                waiting.remove(&key);
            }
        }
    }

    /// Lets go of a signal; forgets the counter when nobody else waits for it.
    pub fn leave(&self, key: CounterKey, signal: Arc<Notify>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        drop(signal);
        if waiting
            .get(&key)
            .is_some_and(|signal| Arc::strong_count(signal) == 1)
        {
            waiting.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_settled_try_wakes_all_who_wait_and_leaves_nothing_behind() {
        let waiters = Waiters::default();
        let key = CounterKey::from_bytes([1; 32]);
        let signal = waiters.signal(key);
        let mut notified = Box::pin(signal.notified());
        notified.as_mut().enable();
        waiters.settled(key);
        notified.await;
        waiters.leave(key, signal);
        assert!(waiters.waiting.lock().unwrap().is_empty());
    }
}
