//! One run of the daemon, from `READY=1` to its end.
//! The process never outlives its value.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::api::Api;
use crate::authctl::Authctl;
use crate::clock::WallClock;
use crate::notify::Notify;
use crate::process::{Exit, Running};
use crate::wait::eventually;

/// Time for a start; the first one makes keys and a database.
const START: Duration = Duration::from_secs(30);
/// Time for an end after SIGTERM: the drain's limit and some more.
const STOP: Duration = Duration::from_secs(45);

/// A daemon that is ready.
pub struct Daemon {
    running: Running,
    folder: PathBuf,
    address: SocketAddr,
    clock: Option<Arc<WallClock>>,
}

impl Daemon {
    /// Starts it and waits for `READY=1` or its end, whichever comes first.
    pub(crate) fn spawn(
        mut command: Command,
        folder: &Path,
        port: u16,
        clock: Option<Arc<WallClock>>,
    ) -> Result<Self, Exit> {
        let notify = Notify::bind(folder);
        command
            .env("NOTIFY_SOCKET", notify.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let mut running = Running::spawn(command);
        let end = Instant::now() + START;
        while !notify.says_ready() {
            if let Some(exit) = running.ended() {
                return Err(exit);
            }
            assert!(
                Instant::now() < end,
                "not ready within {START:?}:\n{}",
                running.log()
            );
        }
        Ok(Self {
            running,
            folder: folder.to_path_buf(),
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            clock,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its HTTP API.
    pub fn api(&self) -> Api {
        Api::at(self.address)
    }

    /// `authctl` at `admin.sock`.
    pub fn authctl(&self) -> Authctl {
        Authctl::at(&self.folder.join("run/admin.sock"))
    }

    /// `authctl` at `monitor.sock`.
    pub fn monitor(&self) -> Authctl {
        Authctl::at(&self.folder.join("run/monitor.sock"))
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// Its wall clock.
    ///
    /// # Panics
    /// If its home was made without one.
    pub fn clock(&self) -> &WallClock {
        self.clock.as_deref().expect("made with_clock")
    }

    /// What it has written to standard error so far.
    pub fn log(&self) -> String {
        self.running.log()
    }

    /// Waits until the log holds a text.
    ///
    /// # Panics
    /// If it does not come in time.
    pub fn wait_for_log(&self, text: &str) {
        eventually(text, Duration::from_secs(10), || {
            self.log().contains(text).then_some(())
        });
    }

    /// Sends SIGKILL and waits for the end.
    pub fn kill(mut self) -> Exit {
        self.running.kill();
        self.running.wait(STOP)
    }

    /// Sends SIGTERM and waits for the end.
    ///
    /// # Panics
    /// If it does not end in time.
    pub fn stop(self) -> Exit {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// Waits for an end that comes by itself.
    ///
    /// # Panics
    /// If it does not come in time.
    pub fn wait(mut self) -> Exit {
        self.running.wait(STOP)
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// If the process is gone.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a process id"), signal).expect("the daemon takes signals");
    }
}
