//! A process whose output is collected and whose end comes in time, one way or the other.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How a process ended.
#[derive(Debug, Clone)]
pub struct Exit {
    /// Exit status; none if a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
    /// Time from start to end.
    pub took: Duration,
}

impl Exit {
    /// Runs a command to its end with text on standard input.
    ///
    /// # Panics
    /// If it cannot be started, or does not end within `patience`.
    pub fn of(mut command: Command, input: &str, patience: Duration) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut running = Running::spawn(command);
        if let Some(mut stdin) = running.child.stdin.take() {
            // Closed already if the program refused before it read: its status tells.
            drop(stdin.write_all(input.as_bytes()));
        }
        running.wait(patience)
    }
}

/// Reads a pipe to its end on a thread of its own.
struct Collector {
    text: Arc<Mutex<String>>,
    thread: Option<JoinHandle<()>>,
}

impl Collector {
    fn of(pipe: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let shared = Arc::clone(&text);
        let thread = thread::spawn(move || {
            let mut reader = BufReader::new(pipe);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
                let mut text = shared.lock().expect("no reader panicked");
                text.push_str(&String::from_utf8_lossy(&line));
                line.clear();
            }
        });
        Self {
            text,
            thread: Some(thread),
        }
    }

    fn so_far(&self) -> String {
        self.text.lock().expect("no reader panicked").clone()
    }

    /// All of it; the process must have ended.
    fn finish(&mut self) -> String {
        if let Some(thread) = self.thread.take() {
            thread.join().expect("a reader panicked");
        }
        self.so_far()
    }
}

/// Lets this process hold the clients of a flood; beyond the hard limit that takes root.
///
/// # Panics
/// If it may not.
pub fn make_room_for_clients(count: u64) {
    let limit = getrlimit(Resource::Nofile);
    let at_least = |limit: Option<u64>| limit.map(|limit| limit.max(count));
    let raised = Rlimit {
        current: at_least(limit.current),
        maximum: at_least(limit.maximum),
    };
    setrlimit(Resource::Nofile, raised)
        .unwrap_or_else(|error| panic!("this test needs {count} descriptors: {error}"));
}

/// A process; killed when its value goes.
pub(crate) struct Running {
    child: Child,
    started: Instant,
    stdout: Option<Collector>,
    stderr: Collector,
}

impl Running {
    /// Starts it; standard error is always collected, standard output if the command pipes it.
    pub(crate) fn spawn(mut command: Command) -> Self {
        command.stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let stderr = Collector::of(child.stderr.take().expect("stderr is a pipe"));
        let stdout = child.stdout.take().map(Collector::of);
        Self {
            child,
            started: Instant::now(),
            stdout,
            stderr,
        }
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to standard error so far.
    pub(crate) fn log(&self) -> String {
        self.stderr.so_far()
    }

    /// Its end, if that has come.
    pub(crate) fn ended(&mut self) -> Option<Exit> {
        let status = self.child.try_wait().expect("a child can be waited for")?;
        Some(self.exit(status))
    }

    /// Waits for the end, and kills a process that has none in time.
    pub(crate) fn wait(&mut self, patience: Duration) -> Exit {
        let end = Instant::now() + patience;
        loop {
            if let Some(exit) = self.ended() {
                return exit;
            }
            if Instant::now() >= end {
                self.kill();
                panic!("no end within {patience:?}:\n{}", self.stderr.finish());
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Sends SIGKILL and takes the process from the table.
    pub(crate) fn kill(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }

    fn exit(&mut self, status: ExitStatus) -> Exit {
        let stdout = self.stdout.as_mut().map(Collector::finish);
        Exit {
            code: status.code(),
            took: self.started.elapsed(),
            stdout: stdout.unwrap_or_default(),
            stderr: self.stderr.finish(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn both_outputs_and_the_status_come_back() {
        let script = "read line; echo \"out $line\"; echo err >&2; exit 7";
        let exit = Exit::of(shell(script), "in\n", Duration::from_secs(10));
        assert_eq!(exit.code, Some(7));
        assert_eq!(exit.stdout, "out in\n");
        assert_eq!(exit.stderr, "err\n");
    }

    #[test]
    #[should_panic(expected = "no end within")]
    fn a_process_without_an_end_is_killed() {
        Exit::of(shell("exec sleep 600"), "", Duration::from_millis(50));
    }
}
