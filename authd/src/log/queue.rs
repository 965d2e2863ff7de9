//! Lines on their way out: a bounded queue, and the thread that writes it.
//! Who puts a line in waits for nobody but another one doing the same.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Where lines go.
pub(super) trait Sink: Send {
    /// Writes them all, or gives up: nobody is left to tell.
    fn put(&mut self, lines: &[String]);
}

/// Lines one after the other.
pub(super) struct Stream<W>(pub(super) W);

impl<W: Write + Send> Sink for Stream<W> {
    fn put(&mut self, lines: &[String]) {
        // A closed stderr must not end the daemon.
        let written = self.0.write_all(lines.concat().as_bytes());
        drop(written.and_then(|()| self.0.flush()));
    }
}
/// Makes the line that tells of lost ones.
pub(super) type LostLine = Box<dyn Fn(u64) -> String + Send>;

/// Most lines that wait.
const MOST_LINES: usize = 8192;
/// Most bytes that wait: long lines count for what they are.
const MOST_BYTES: usize = 4 << 20;

#[derive(Debug, Default)]
struct Waiting {
    lines: VecDeque<String>,
    bytes: usize,
    /// Whether the thread is at work on lines that it took.
    writing: bool,
    /// Lost since the last line that tells of it.
    untold: u64,
    lost: u64,
}

/// The queue.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    filled: Condvar,
    emptied: Condvar,
}

impl Queue {
    /// Makes a queue and starts its thread, which lives as long as the process.
    pub(super) fn start(mut sink: Box<dyn Sink>, lost_line: LostLine) -> io::Result<Arc<Self>> {
        let queue = Arc::new(Self::default());
        let for_thread = Arc::clone(&queue);
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || {
                loop {
                    let (lines, untold) = for_thread.take();
                    let mut lines = Vec::from(lines);
                    if untold > 0 {
                        lines.push(lost_line(untold));
                    }
                    sink.put(&lines);
                    for_thread.written();
                }
            })?;
        Ok(queue)
    }

    /// Puts a line in, or counts it as lost if there is no room.
    pub(super) fn push(&self, line: String) {
        let mut waiting = self.lock();
        let fits = waiting.lines.len() < MOST_LINES && waiting.bytes + line.len() <= MOST_BYTES;
        if fits {
            waiting.bytes += line.len();
            waiting.lines.push_back(line);
            self.filled.notify_one();
        } else {
            waiting.untold += 1;
            waiting.lost += 1;
        }
    }

    /// Lines lost since the start.
    #[cfg(test)]
    fn lost(&self) -> u64 {
        self.lock().lost
    }

    /// Waits until all lines are written, for so long at most; whether they are.
    pub(super) fn flush(&self, wait: Duration) -> bool {
        let waiting = self.lock();
        let (_waiting, result) = self
            .emptied
            .wait_timeout_while(waiting, wait, |w| w.writing || !w.lines.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        !result.timed_out()
    }

    fn take(&self) -> (VecDeque<String>, u64) {
        let mut waiting = self
            .filled
            .wait_while(self.lock(), |waiting| waiting.lines.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        waiting.writing = true;
        waiting.bytes = 0;
        let untold = std::mem::take(&mut waiting.untold);
        (std::mem::take(&mut waiting.lines), untold)
    }

    fn written(&self) {
        self.lock().writing = false;
        self.emptied.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// A stderr that nobody reads until it is told to go on.
    struct Stuck {
        begun: Sender<()>,
        go_on: Receiver<()>,
        out: Sender<String>,
    }

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.begun.send(());
            let _ = self.go_on.recv();
            drop(self.out.send(String::from_utf8_lossy(bytes).into_owned()));
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn r25_a_full_pipe_costs_lines_and_blocks_nobody() {
        let (begun, has_begun) = channel();
        let (release, go_on) = channel();
        let (out, written) = channel();
        let sink = Box::new(Stream(Stuck { begun, go_on, out }));
        let queue = Queue::start(sink, Box::new(|count| format!("{count} lost\n"))).unwrap();
        queue.push("first\n".to_owned());
        has_begun.recv().unwrap();
        for _ in 0..MOST_LINES + 3 {
            queue.push("x\n".to_owned());
        }
        assert_eq!(queue.lost(), 3);
        assert!(!queue.flush(Duration::from_millis(1)));
        release.send(()).unwrap();
        release.send(()).unwrap();
        assert_eq!(written.recv().unwrap(), "first\n");
        let rest = written.recv().unwrap();
        assert_eq!(rest.lines().count(), MOST_LINES + 1);
        assert!(rest.ends_with("x\n3 lost\n"));
        assert!(queue.flush(Duration::from_secs(10)));
    }

    #[test]
    fn long_lines_are_bounded_by_their_bytes() {
        let (begun, has_begun) = channel();
        let (_release, go_on) = channel();
        let (out, _written) = channel();
        let queue = Queue::start(
            Box::new(Stream(Stuck { begun, go_on, out })),
            Box::new(|_| String::new()),
        );
        let queue = queue.unwrap();
        queue.push("first\n".to_owned());
        has_begun.recv().unwrap();
        queue.push("x".repeat(MOST_BYTES));
        queue.push("x".to_owned());
        assert_eq!(queue.lost(), 1);
    }

    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }

    #[test]
    fn r25_a_closed_stderr_ends_nothing() {
        let queue = Queue::start(Box::new(Stream(Closed)), Box::new(|_| String::new())).unwrap();
        for _ in 0..3 {
            queue.push("x\n".to_owned());
            assert!(queue.flush(Duration::from_secs(10)));
        }
    }
}
