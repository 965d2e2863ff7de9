//! Faults of the operating system, put under a running daemon by strace.
//! They go with their value; the daemon stays, unless the fault killed it.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::daemon::Daemon;
use crate::wait::eventually;

/// Faults that a daemon's system calls meet for now.
pub struct Faults {
    strace: Child,
}

impl Faults {
    /// Makes these calls (names with commas) meet a fault in strace's own words, such as
    /// `error=ENOSPC` or `signal=KILL:when=7`; `when` counts the calls of each thread for itself.
    ///
    /// # Panics
    /// If strace is missing, or may not trace the daemon: that takes root.
    pub fn inject(daemon: &Daemon, calls: &str, fault: &str) -> Self {
        let strace = Command::new("/usr/bin/strace")
            .args(["-f", "-qq", "-o", "/dev/null"])
            .args(["-e", &format!("trace={calls}")])
            .args(["-e", &format!("inject={calls}:{fault}")])
            .args(["-p", &daemon.pid().to_string()])
            .stderr(Stdio::null())
            .spawn()
            .expect("strace is missing; install it: apt-get install strace");
        let mut faults = Self { strace };
        eventually("strace is attached", Duration::from_secs(10), || {
            let ended = faults.strace.try_wait().expect("a child can be waited for");
            assert!(
                ended.is_none(),
                "strace ended: only root may trace the daemon, which is not dumpable"
            );
            is_traced(daemon.pid()).then_some(())
        });
        faults
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        // SIGTERM makes it let go of the daemon in good order; it may have ended with the daemon.
        let pid = i32::try_from(self.strace.id()).ok().and_then(Pid::from_raw);
        if let (Some(pid), Ok(None)) = (pid, self.strace.try_wait()) {
            let _: Result<(), _> = kill_process(pid, Signal::TERM);
        }
        drop(self.strace.wait());
    }
}

/// Whether every thread of a process has a tracer.
fn is_traced(pid: u32) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return false;
    };
    threads.filter_map(Result::ok).all(|thread| {
        let status = fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        let mut lines = status.lines();
        lines.any(|line| line.starts_with("TracerPid:") && !line.trim_end().ends_with("\t0"))
    })
}
