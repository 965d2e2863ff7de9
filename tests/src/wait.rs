//! Waiting for what cannot announce itself, and doing many things at once.
//! Every wait has an end; where a program can say that it is ready, listen to it instead.

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

/// Asks again and again until there is an answer.
///
/// # Panics
/// If there is none after `patience`.
pub fn eventually<T>(what: &str, patience: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + patience;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "not within {patience:?}: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Does the same thing on `count` threads, released together; the results come in order.
///
/// # Panics
/// If one of them panics.
pub fn parallel<T: Send + 'static>(
    count: usize,
    work: impl Fn(usize) -> T + Send + Sync + 'static,
) -> Vec<T> {
    let barrier = Arc::new(Barrier::new(count));
    let work = Arc::new(work);
    let threads: Vec<_> = (0..count)
        .map(|index| {
            let barrier = Arc::clone(&barrier);
            let work = Arc::clone(&work);
            thread::spawn(move || {
                barrier.wait();
                work(index)
            })
        })
        .collect();
    threads
        .into_iter()
        .map(|thread| thread.join().expect("a parallel task panicked"))
        .collect()
}
