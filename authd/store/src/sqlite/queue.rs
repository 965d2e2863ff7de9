//! Work that waits for a thread: by priority, within one priority in order of arrival.
//! It knows nothing of databases.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::unit::Priority;

/// How long what is patient waits for other work at most.
const PATIENCE: Duration = Duration::from_millis(12);

/// A queue that several threads fill and empty.
pub(super) struct Queue<T> {
    waiting: Mutex<Waiting<T>>,
}

/// Where a thread waits for an item.
#[derive(Default)]
pub(super) struct Seat(Arc<Condvar>);

struct Waiting<T> {
    urgent: VecDeque<T>,
    normal: VecDeque<T>,
    /// Each with the time from which it waits no longer for others.
    patient: VecDeque<(Instant, T)>,
    background: VecDeque<T>,
    closed: bool,
    /// Threads that wait for an item and were not called. The last one is called first: what it works
    /// with is still in the processor's caches, and threads that are not needed stay out of them.
    idle: Vec<Arc<Condvar>>,
    /// Whether one was called and has not come yet. It calls the next, so one call at a time is enough:
    /// a call goes through the kernel, and there may be more items than threads.
    called: bool,
}

impl<T> Waiting<T> {
    fn next(&mut self) -> Option<T> {
        self.urgent
            .pop_front()
            .or_else(|| self.overdue())
            .or_else(|| self.normal.pop_front())
            .or_else(|| self.patient.pop_front().map(|(_, item)| item))
            .or_else(|| self.background.pop_front())
    }

    /// What has been patient for as long as it is.
    fn overdue(&mut self) -> Option<T> {
        let (until, _) = self.patient.front()?;
        if *until > Instant::now() {
            return None;
        }
        self.patient.pop_front().map(|(_, item)| item)
    }

    fn has_impatient(&self) -> bool {
        !(self.urgent.is_empty() && self.normal.is_empty() && self.background.is_empty())
    }

    fn is_empty(&self) -> bool {
        self.patient.is_empty() && !self.has_impatient()
    }

    /// How long what is there waits for more; none where it does not.
    fn patience(&self) -> Option<Duration> {
        let (until, _) = self.patient.front()?;
        if self.closed || self.has_impatient() {
            return None;
        }
        until
            .checked_duration_since(Instant::now())
            .filter(|rest| !rest.is_zero())
    }

    /// The thread that has to be called, if one has to; that is noted.
    fn summon(&mut self) -> Option<Arc<Condvar>> {
        if self.called || self.is_empty() {
            return None;
        }
        let seat = self.idle.pop()?;
        self.called = true;
        Some(seat)
    }

    /// A thread has left its seat.
    fn risen(&mut self, seat: &Arc<Condvar>) {
        match self.idle.iter().position(|idle| Arc::ptr_eq(idle, seat)) {
            // By itself.
            Some(place) => drop(self.idle.remove(place)),
            None => self.called = false,
        }
    }
}

impl<T> Queue<T> {
    pub(super) fn new() -> Self {
        Self {
            waiting: Mutex::new(Waiting {
                urgent: VecDeque::new(),
                normal: VecDeque::new(),
                patient: VecDeque::new(),
                background: VecDeque::new(),
                closed: false,
                idle: Vec::new(),
                called: false,
            }),
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
            Priority::Patient => waiting.patient.push_back((Instant::now() + PATIENCE, item)),
            Priority::Background => waiting.background.push_back(item),
        }
        Self::call(waiting);
        Ok(())
    }

    /// Calls a thread if there is need.
    fn call(mut waiting: MutexGuard<'_, Waiting<T>>) {
        let seat = waiting.summon();
        drop(waiting);
        if let Some(seat) = seat {
            seat.notify_one();
        }
    }

    /// Waits for an item; none when the queue is closed and empty.
    pub(super) fn take(&self, seat: &Seat) -> Option<T> {
        let mut waiting = self.waiting();
        loop {
            let patience = waiting.patience();
            if patience.is_none()
                && let Some(item) = waiting.next()
            {
                Self::call(waiting);
                return Some(item);
            }
            if waiting.closed {
                return None;
            }
            waiting.idle.push(Arc::clone(&seat.0));
            waiting = match patience {
                None => seat.0.wait(waiting).unwrap_or_else(PoisonError::into_inner),
                Some(rest) => {
                    let waited = seat.0.wait_timeout(waiting, rest);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
            waiting.risen(&seat.0);
        }
    }

    /// An item, if one is there.
    pub(super) fn try_take(&self) -> Option<T> {
        self.waiting().next()
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        let waiting = self.waiting();
        waiting
            .urgent
            .len()
            .saturating_add(waiting.normal.len())
            .saturating_add(waiting.patient.len())
            .saturating_add(waiting.background.len())
    }

    /// Takes no more in; what is there can still be taken out.
    pub(super) fn close(&self) {
        let mut waiting = self.waiting();
        waiting.closed = true;
        let idle = waiting.idle.clone();
        drop(waiting);
        for seat in idle {
            seat.notify_all();
        }
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
                    let seat = Seat::default();
                    while let Some(together) = queue.take(&seat) {
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
            (4, Priority::Background),
            (3, Priority::Patient),
            (2, Priority::Normal),
            (1, Priority::Urgent),
        ] {
            assert!(queue.push(item, priority).is_ok());
        }
        let taken: Vec<u64> = (0..4).filter_map(|_| queue.try_take()).collect();
        assert_eq!(taken, [1, 2, 3, 4]);
        let takers: Vec<_> = (0..3)
            .map(|_| {
                let queue = Arc::clone(&queue);
                thread::spawn(move || {
                    let seat = Seat::default();
                    std::iter::from_fn(|| queue.take(&seat)).sum::<u64>()
                })
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

    #[test]
    fn what_is_patient_goes_with_the_next_item_or_when_its_patience_ends() {
        let queue = Queue::new();
        let seat = Seat::default();
        let begun = Instant::now();
        assert!(queue.push("alone", Priority::Patient).is_ok());
        assert_eq!(queue.take(&seat), Some("alone"));
        assert!(begun.elapsed() >= PATIENCE);
        assert!(queue.push("patient", Priority::Patient).is_ok());
        assert!(queue.push("normal", Priority::Normal).is_ok());
        assert_eq!(queue.take(&seat), Some("normal"));
        assert_eq!(queue.try_take(), Some("patient"));
        assert!(queue.push("last", Priority::Patient).is_ok());
        queue.close();
        assert_eq!(queue.take(&seat), Some("last"));
        assert_eq!(queue.take(&seat), None);
    }

    #[test]
    fn what_was_patient_long_enough_goes_before_what_came_later() {
        let queue = Queue::new();
        assert!(queue.push(1, Priority::Patient).is_ok());
        for item in 2..6 {
            assert!(queue.push(item, Priority::Normal).is_ok());
        }
        assert_eq!(queue.try_take(), Some(2));
        queue.waiting().patient[0].0 = Instant::now();
        assert_eq!(queue.try_take(), Some(1));
        assert_eq!(queue.try_take(), Some(3));
    }

    #[test]
    fn the_thread_that_fell_idle_last_is_called_first() {
        let queue = Queue::<u32>::new();
        let seats = [Seat::default(), Seat::default()];
        let mut waiting = queue.waiting();
        for seat in &seats {
            waiting.idle.push(Arc::clone(&seat.0));
        }
        waiting.normal.extend([1, 2]);
        let [first, last] = &seats;
        let called = waiting.summon().unwrap();
        assert!(Arc::ptr_eq(&called, &last.0));
        assert!(waiting.summon().is_none(), "one call at a time");
        waiting.risen(&last.0);
        assert!(waiting.next().is_some());
        let called = waiting.summon().unwrap();
        assert!(Arc::ptr_eq(&called, &first.0));
    }
}
