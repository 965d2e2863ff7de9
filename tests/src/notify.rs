//! The receiving end of systemd's notification protocol: `READY=1` and what else the daemon says.
//! It only listens.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A notify socket of our own.
pub(crate) struct Notify {
    socket: UnixDatagram,
    path: PathBuf,
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
        Self { socket, path }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether readiness is announced within the socket's short timeout.
    pub(crate) fn says_ready(&self) -> bool {
        let mut buffer = [0_u8; 4096];
        let Ok(length) = self.socket.recv(&mut buffer) else {
            return false;
        };
        let message = buffer.get(..length).unwrap_or_default();
        String::from_utf8_lossy(message)
            .lines()
            .any(|line| line == "READY=1")
    }
}
