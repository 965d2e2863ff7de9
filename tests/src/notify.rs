//! The receiving end of systemd's notification protocol: `READY=1` and what else the daemon says.
//! It only listens.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A notify socket of our own; a thread reads it, so that the daemon never waits for a reader.
pub(crate) struct Notify {
    path: PathBuf,
    lines: Arc<Mutex<Vec<String>>>,
    done: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Notify {
    /// Binds one below a folder, in place of an earlier one.
    pub(crate) fn bind(folder: &Path) -> Self {
        let path = folder.join("notify");
        if path.exists() {
            std::fs::remove_file(&path).expect("the old notify socket goes");
        }
        let socket = UnixDatagram::bind(&path).expect("the notify socket binds");
        socket
            .set_read_timeout(Some(Duration::from_millis(20)))
            .expect("a socket takes a timeout");
        let lines = Arc::new(Mutex::new(Vec::new()));
        let done = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let (lines, done) = (Arc::clone(&lines), Arc::clone(&done));
            move || {
                while !done.load(Ordering::Acquire) {
                    read(&socket, &lines);
                }
            }
        });
        Self {
            path,
            lines,
            done,
            thread: Some(thread),
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// All that was said so far, a line each.
    pub(crate) fn said(&self) -> Vec<String> {
        self.lines.lock().expect("the reader lives").clone()
    }

    /// Whether readiness was announced.
    pub(crate) fn says_ready(&self) -> bool {
        self.said().iter().any(|line| line == "READY=1")
    }
}

/// Reads one message, if one comes within the socket's short timeout.
fn read(socket: &UnixDatagram, lines: &Mutex<Vec<String>>) {
    let mut buffer = [0_u8; 4096];
    if let Ok(length) = socket.recv(&mut buffer) {
        let message = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default());
        let mut lines = lines.lock().expect("nobody panics with it");
        lines.extend(message.lines().map(str::to_owned));
    }
}

impl Drop for Notify {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
