//! A program that is not ours and listens at an address: a proxy, an application, a shell with both.
//! It never outlives its value, nor do the processes that it started.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::process::Running;

/// Time for a start; an interpreter on a busy machine takes seconds.
const START: Duration = Duration::from_secs(60);

/// One that listens.
pub struct Program {
    running: Running,
    address: SocketAddr,
}

impl Program {
    /// The command of an installed program, with a folder and an environment of its own.
    ///
    /// # Panics
    /// If it is not installed; the message names Debian's package.
    pub fn command(path: &str, package: &str, folder: &Path) -> Command {
        assert!(
            Path::new(path).exists(),
            "{path} is missing: apt-get install {package}"
        );
        let mut command = Command::new(path);
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", folder)
            .current_dir(folder);
        command
    }

    /// Starts it and waits until it listens.
    ///
    /// # Panics
    /// If it ends or does not listen in time; the message holds what it wrote.
    pub fn start(mut command: Command, address: SocketAddr) -> Self {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .process_group(0);
        let mut running = Running::spawn(command);
        let end = Instant::now() + START;
        while TcpStream::connect(address).is_err() {
            std::thread::sleep(Duration::from_millis(5));
            if let Some(exit) = running.ended() {
                panic!("it ended with {:?}:\n{}", exit.code, exit.stderr);
            }
            assert!(
                Instant::now() < end,
                "not at {address} within {START:?}:\n{}",
                running.log()
            );
        }
        Self { running, address }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let group = i32::try_from(self.running.pid())
            .ok()
            .and_then(Pid::from_raw);
        if let Some(group) = group {
            kill_process_group(group, Signal::KILL).ok();
        }
    }
}

/// An address of loopback that was free a moment ago.
///
/// # Panics
/// If there is none.
pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
}
