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
}

impl<T> Waiting<T> {
    fn next(&mut self) -> Option<T> {
        self.urgent
            .pop_front()
            .or_else(|| self.normal.pop_front())
            .or_else(|| self.background.pop_front())
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
        drop(waiting);
        self.arrived.notify_one();
        Ok(())
    }

    /// Waits for an item; none when the queue is closed and empty.
    pub(super) fn take(&self) -> Option<T> {
        let mut waiting = self.waiting();
        loop {
            if let Some(item) = waiting.next() {
                return Some(item);
            }
            if waiting.closed {
                return None;
            }
            waiting = self
                .arrived
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
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
