//! One run of the daemon, from `READY=1` to its end.
//! The process never outlives its value.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
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
    notify: Notify,
    folder: PathBuf,
    address: SocketAddr,
    clock: Option<Arc<WallClock>>,
}

impl Daemon {
    /// Starts it and waits for `READY=1` or its end, whichever comes first. What starts only with a
    /// first connection is knocked at: an address, or the path of a socket.
    pub(crate) fn spawn(
        mut command: Command,
        folder: &Path,
        port: u16,
        clock: Option<Arc<WallClock>>,
        knock: Option<&str>,
    ) -> Result<Self, Exit> {
        let notify = Notify::bind(folder);
        command
            .env("NOTIFY_SOCKET", notify.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let mut running = Running::spawn(command);
        let end = Instant::now() + START;
        let mut knocked = knock.is_none();
        while !notify.says_ready() {
            std::thread::sleep(Duration::from_millis(1));
            knocked = knocked || knock.is_some_and(knock_at);
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
            notify,
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

    /// `authctl` at `helpdesk.sock`, which is there if the home has one.
    pub fn helpdesk(&self) -> Authctl {
        Authctl::at(&self.folder.join("run/helpdesk.sock"))
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// Its resident memory in bytes, as the kernel tells.
    ///
    /// # Panics
    /// If the process is gone.
    pub fn resident_bytes(&self) -> u64 {
        self.proc_figure("status", "VmRSS:") * 1024
    }

    /// The most resident memory that it ever had, in bytes.
    ///
    /// # Panics
    /// If the process is gone.
    pub fn peak_resident_bytes(&self) -> u64 {
        self.proc_figure("status", "VmHWM:") * 1024
    }

    /// Threads that it has.
    ///
    /// # Panics
    /// If the process is gone.
    pub fn threads(&self) -> u64 {
        self.proc_figure("status", "Threads:")
    }

    fn proc_figure(&self, file: &str, name: &str) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/{file}", self.pid()));
        let text = text.expect("the daemon runs");
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let figure = line.and_then(|line| line.split_whitespace().next());
        figure.and_then(|f| f.parse().ok()).expect("a figure")
    }

    /// Processor time that it has used.
    ///
    /// # Panics
    /// If the process is gone.
    pub fn processor_time(&self) -> Duration {
        /// Ticks a second of every Linux that we know (`USER_HZ`).
        const TICKS: u64 = 100;
        let text = fs::read_to_string(format!("/proc/{}/stat", self.pid()));
        let text = text.expect("the daemon runs");
        // The name before them may hold blanks; it ends with the last parenthesis.
        let (_, fields) = text.rsplit_once(')').expect("a name");
        let ticks: u64 = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(|field| field.parse::<u64>().expect("ticks"))
            .sum();
        Duration::from_millis(ticks * 1000 / TICKS)
    }

    /// Files and sockets that it holds; needs the rights to look at another's.
    ///
    /// # Panics
    /// If they cannot be read.
    pub fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.pid()))
            .expect("the daemon runs, and this test is root")
            .count()
    }

    /// Bytes that clients sent on connections to its API and that it has not read yet.
    ///
    /// # Panics
    /// If the kernel's table cannot be read.
    pub fn unread_bytes(&self) -> u64 {
        let port = format!(":{:04X}", self.address.port());
        let table = fs::read_to_string("/proc/net/tcp").expect("the kernel's table");
        table
            .lines()
            .filter_map(|line| {
                let mut fields = line.split_whitespace().skip(1);
                let (local, _, state, queues) = (
                    fields.next()?,
                    fields.next()?,
                    fields.next()?,
                    fields.next()?,
                );
                let is_ours = local.ends_with(&port) && state != "0A";
                let (_, unread) = queues.split_once(':')?;
                is_ours.then(|| u64::from_str_radix(unread, 16).unwrap_or(0))
            })
            .sum()
    }

    /// Waits until it has read all that clients have sent.
    ///
    /// # Panics
    /// If it does not in time.
    pub fn has_read_everything(&self) {
        eventually("all is read", Duration::from_secs(10), || {
            (self.unread_bytes() == 0).then_some(())
        });
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

    /// What it told the service manager so far, a line each.
    pub fn told(&self) -> Vec<String> {
        self.notify.said()
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

    /// Sends SIGTERM and waits for the end; with all that was told to the service manager.
    ///
    /// # Panics
    /// As [`Daemon::stop`].
    pub fn stop_and_tell(mut self) -> (Exit, Vec<String>) {
        self.signal(Signal::TERM);
        let exit = self.running.wait(STOP);
        // What it said last may still lie in the socket.
        eventually("STOPPING=1", Duration::from_secs(10), || {
            let told = self.told();
            told.iter().any(|line| line == "STOPPING=1").then_some(())
        });
        (exit, self.told())
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

/// Connects and hangs up; whether somebody listens there.
fn knock_at(address: &str) -> bool {
    if address.starts_with('/') {
        UnixStream::connect(address).is_ok()
    } else {
        TcpStream::connect(address).is_ok()
    }
}
