//! Processes of this program beside it, bound to a processor where that helps, and what the kernel
//! says of a process. Whatever is started ends with its value.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::Result;
use crate::floor::http::Around;
use crate::load::{Order, Outcome};

/// Binds a program to processors; of Debian's package util-linux.
const TASKSET: &str = "/usr/bin/taskset";

/// The processor that a process is bound to, or all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pin {
    /// All that this process may use.
    None,
    /// The first: servers whose cost is measured.
    First,
    /// The second: generators, so that they take nothing from the server.
    Second,
}

impl Pin {
    /// The words before a command; none on a machine with a single processor.
    pub(crate) fn words(self) -> Vec<String> {
        let processors = rustix::thread::sched_getaffinity(None).map(|set| {
            let all = 0..rustix::thread::CpuSet::MAX_CPU;
            all.filter(|cpu| set.is_set(*cpu)).collect::<Vec<_>>()
        });
        let processors = processors.unwrap_or_default();
        let wanted = match self {
            Self::None => None,
            Self::First => processors.first(),
            Self::Second => processors.get(1),
        };
        match wanted {
            Some(cpu) if processors.len() > 1 => {
                vec![TASKSET.to_owned(), "-c".to_owned(), cpu.to_string()]
            }
            _ => Vec::new(),
        }
    }

    /// A command that runs this program bound so.
    pub(crate) fn command(self) -> Result<Command> {
        let own = std::env::current_exe()?;
        let words = self.words();
        Ok(match words.split_first() {
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(own);
                command
            }
            None => Command::new(own),
        })
    }
}

/// Runs the generator to its end.
pub(crate) fn generate(order: &Order, pin: Pin) -> Result<Outcome> {
    let mut command = pin.command()?;
    let order = Order {
        stays_awake: pin == Pin::Second && !pin.words().is_empty(),
        ..order.clone()
    };
    command.arg("load").arg(serde_json::to_string(&order)?);
    Ok(serde_json::from_str(&said(command)?)?)
}

/// What a command prints until it ends with success.
pub(crate) fn said(mut command: Command) -> Result<String> {
    let output = command.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("{command:?} ended with {}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// A floor that serves HTTP.
pub(crate) struct Floor {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Floor {
    /// Starts one that answers with the bytes of a file.
    pub(crate) fn http(answer: &Path, around: Around, pin: Pin) -> Result<Self> {
        let mut command = pin.command()?;
        let around = match around {
            Around::Serve => "serve",
            Around::Hyper => "hyper",
        };
        command.args(["floor-http", "--around", around, "--answer"]);
        let mut child = command.arg(answer).stdout(Stdio::piped()).spawn()?;
        let out = child.stdout.take().ok_or("no standard output")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        let address = line.trim().parse();
        let mut floor = Self {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        floor.address = address?;
        Ok(floor)
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        // It has ended already, or does now.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What the kernel says of a process.
pub(crate) struct Figures(pub(crate) u32);

impl Figures {
    /// User and system time that all of its threads have used. A thread that ends takes its own with
    /// it, which those that serve do not do.
    pub(crate) fn processor_time(&self) -> Result<Duration> {
        let mut nanos = 0;
        for task in std::fs::read_dir(format!("/proc/{}/task", self.0))? {
            let path = task?.path().join("schedstat");
            // Gone since the folder was read: it served nobody.
            let text = std::fs::read_to_string(path).unwrap_or_default();
            let field = text.split_whitespace().next().unwrap_or("0");
            nanos += field.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanos))
    }

    /// Private memory that is of no file, in bytes.
    pub(crate) fn anonymous(&self) -> Result<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.0))?;
        let kib = text.lines().find_map(|line| {
            let rest = line.strip_prefix("RssAnon:")?;
            rest.split_whitespace().next()?.parse::<u64>().ok()
        });
        Ok(kib.ok_or("no such figure")? * 1024)
    }
}
