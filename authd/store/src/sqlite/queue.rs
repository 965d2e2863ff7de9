//! Work that waits for a thread: by priority, within one priority in order of arrival.
//! It knows nothing of databases.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::unit::Priority;

/// A queue that several threads fill and empty.
pub(super) struct Queue<T> {
    waiting: Mutex<Waiting<T>>,
    arrived: Condvar,
}

struct Waiting<T> {
    urgent: VecDeque<T>,
    normal: VecDeque<T>,
    background: VecDeque<T>,
    closed: bool,
    /// Threads that wait for an item, one that was called but has not come yet included.
    idle: usize,
    /// Whether one was called and has not come yet. It calls the next, so one call at a time is enough:
    /// a call goes through the kernel, and there may be more items than threads.
    called: bool,
}

impl<T> Waiting<T> {
    fn next(&mut self) -> Option<T> {
        self.urgent
            .pop_front()
            .or_else(|| self.normal.pop_front())
            .or_else(|| self.background.pop_front())
    }

    fn is_empty(&self) -> bool {
        self.urgent.is_empty() && self.normal.is_empty() && self.background.is_empty()
    }

    /// Whether a thread has to be called, which is noted.
    fn calls(&mut self) -> bool {
        let calls = self.idle > 0 && !self.called && !self.is_empty();
        self.called |= calls;
        calls
    }
}

impl<T> Queue<T> {
    pub(super) fn new() -> Self {
        Self {
            waiting: Mutex::new(Waiting {
                urgent: VecDeque::new(),
                normal: VecDeque::new(),
                background: VecDeque::new(),
                closed: false,
                idle: 0,
                called: false,
            }),
            arrived: Condvar::new(),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting<T>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an item in, or gives it back if the queue is closed.
    pub(super) fn push(&self, item: T, priority: Priority) -> Result<(), T> {
        let mut waiting = self.waiting();
        if waiting.closed {
            return Err(item);
        }
        match priority {
            Priority::Urgent => waiting.urgent.push_back(item),
            Priority::Normal => waiting.normal.push_back(item),
            Priority::Background => waiting.background.push_back(item),
        }
        self.call(waiting);
        Ok(())
    }

    /// Calls a thread if there is need.
    fn call(&self, mut waiting: MutexGuard<'_, Waiting<T>>) {
        let calls = waiting.calls();
        drop(waiting);
        if calls {
            self.arrived.notify_one();
        }
    }

    /// Waits for an item; none when the queue is closed and empty.
    pub(super) fn take(&self) -> Option<T> {
        let mut waiting = self.waiting();
        loop {
            if let Some(item) = waiting.next() {
                self.call(waiting);
                return Some(item);
            }
            if waiting.closed {
                return None;
            }
            waiting.idle = waiting.idle.saturating_add(1);
            waiting = self
                .arrived
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
            waiting.idle = waiting.idle.saturating_sub(1);
            waiting.called = false;
        }
    }

    /// An item, if one is there.
    pub(super) fn try_take(&self) -> Option<T> {
        self.waiting().next()
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        let waiting = self.waiting();
        let urgent = waiting.urgent.len();
        urgent
            .saturating_add(waiting.normal.len())
            .saturating_add(waiting.background.len())
    }

    /// Takes no more in; what is there can still be taken out.
    pub(super) fn close(&self) {
        self.waiting().closed = true;
        self.arrived.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Barrier};
    use std::thread;

    use super::*;

    #[test]
    fn items_that_wait_for_each_other_find_a_thread_each() {
        const THREADS: usize = 4;
        let queue = Arc::new(Queue::<Arc<Barrier>>::new());
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                let queue = Arc::clone(&queue);
                thread::spawn(move || {
                    while let Some(together) = queue.take() {
                        together.wait();
                    }
                })
            })
            .collect();
        for _ in 0..500 {
            let together = Arc::new(Barrier::new(THREADS + 1));
            for _ in 0..THREADS {
                let item = Arc::clone(&together);
                assert!(queue.push(item, Priority::Normal).is_ok());
            }
            // Comes back only if no item was left behind one that is under way.
            together.wait();
        }
        queue.close();
        for thread in threads {
            thread.join().unwrap();
        }
        assert!(
            queue
                .push(Arc::new(Barrier::new(1)), Priority::Normal)
                .is_err()
        );
    }

    #[test]
    fn nothing_is_lost_between_threads_and_urgent_items_come_first() {
        let queue = Arc::new(Queue::new());
        for (item, priority) in [
            (3, Priority::Background),
            (2, Priority::Normal),
            (1, Priority::Urgent),
        ] {
            assert!(queue.push(item, priority).is_ok());
        }
        let taken: Vec<u64> = (0..3).filter_map(|_| queue.try_take()).collect();
        assert_eq!(taken, [1, 2, 3]);
        let takers: Vec<_> = (0..3)
            .map(|_| {
                let queue = Arc::clone(&queue);
                thread::spawn(move || std::iter::from_fn(|| queue.take()).sum::<u64>())
            })
            .collect();
        let givers: Vec<_> = (0..3)
            .map(|_| {
                let queue = Arc::clone(&queue);
                thread::spawn(move || {
                    for item in 0..10_000 {
                        assert!(queue.push(item, Priority::Normal).is_ok());
                    }
                })
            })
            .collect();
        for giver in givers {
            giver.join().unwrap();
        }
        queue.close();
        let sum: u64 = takers.into_iter().map(|taker| taker.join().unwrap()).sum();
        assert_eq!(sum, 3 * (0..10_000).sum::<u64>());
    }
}
