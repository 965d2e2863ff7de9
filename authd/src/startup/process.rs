//! The process itself: limits, runtime, signals, and what the service manager is told.

use std::io::IsTerminal;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use rustix::fs::Mode;
use rustix::process::{DumpableBehavior, Resource, Rlimit};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

use super::exit::Failure;

/// Nothing of this process is for others to read: files, memory, cores.
pub(super) fn harden() -> Result<(), Failure> {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(Failure::other)?;
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    rustix::process::setrlimit(Resource::Core, none).map_err(Failure::other)
}

/// The runtime of the servers; 0 threads means as many as cores.
pub(super) fn runtime(threads: usize) -> Result<Runtime, Failure> {
    let mut builder = Builder::new_multi_thread();
    if threads > 0 {
        builder.worker_threads(threads);
    }
    builder
        .thread_name("authd-io")
        .enable_all()
        .build()
        .map_err(Failure::other)
}

/// Descriptors that are nobody's connection: files of the log, listeners, the runtime.
const OWN_DESCRIPTORS: u64 = 32;
/// Descriptors kept for the operator's connections.
const ADMIN_DESCRIPTORS: u64 = 128;

/// Makes room for as many connections as the configuration grants on each of `listeners`, and says
/// how many there is room for. The soft limit is a default of shells and of systemd, so it is raised
/// to what is needed; below a hard limit that is too low the API gets less, so that a crowd there
/// shuts out neither the operator nor the database.
pub(super) fn make_room(connections: usize, listeners: usize, readers: usize) -> usize {
    // A connection to the database holds the file and its log; one writes, the shared one is spare.
    let database = u64::try_from(readers).unwrap_or(u64::MAX).saturating_add(2);
    let own = database
        .saturating_mul(2)
        .saturating_add(OWN_DESCRIPTORS + ADMIN_DESCRIPTORS);
    let listeners = u64::try_from(listeners).unwrap_or(1).max(1);
    let granted = u64::try_from(connections).unwrap_or(u64::MAX);
    let needed = granted.saturating_mul(listeners).saturating_add(own);
    let limit = raise_descriptors(needed);
    let places = places(limit, own, listeners).min(granted);
    if places < granted {
        tracing::warn!(
            limit,
            places,
            "the limit of open files leaves room for fewer connections than api.max_connections"
        );
    }
    usize::try_from(places).unwrap_or(usize::MAX)
}

/// Connections of each listener below a limit; half of a very low one is kept for all else.
fn places(limit: u64, own: u64, listeners: u64) -> u64 {
    let kept = own.min(limit / 2);
    (limit.saturating_sub(kept) / listeners).max(1)
}

/// Raises the soft limit of open files if it is below `needed`; returns what holds then.
fn raise_descriptors(needed: u64) -> u64 {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let current = limit.current.unwrap_or(u64::MAX);
    let wanted = needed.min(limit.maximum.unwrap_or(u64::MAX));
    if wanted <= current {
        return current;
    }
    let raised = Rlimit {
        current: Some(wanted),
        maximum: limit.maximum,
    };
    match rustix::process::setrlimit(Resource::Nofile, raised) {
        Ok(()) => wanted,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files could not be raised");
            current
        }
    }
}

/// How long the service manager is asked to wait at a time, in microseconds.
const EXTENSION: u32 = 60_000_000;
/// Time between two such requests.
const EXTEND_EVERY: Duration = Duration::from_secs(20);

/// Does a part of the start that takes as long as the database is large: opening, recovering,
/// migrating. Until it ends the service manager is told that it goes on, so that no time limit cuts
/// a migration off.
pub(super) fn while_starting<T>(work: impl FnOnce() -> T) -> T {
    std::thread::scope(|scope| {
        let (done, waiting) = mpsc::channel::<()>();
        scope.spawn(move || {
            loop {
                tell(&[
                    sd_notify::NotifyState::ExtendTimeoutUsec(EXTENSION),
                    sd_notify::NotifyState::Status("opening the database"),
                ]);
                // The other end goes when the work is done, also by a panic.
                if waiting.recv_timeout(EXTEND_EVERY) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        });
        let result = work();
        drop(done);
        result
    })
}

/// Tells the service manager that requests are answered from now on.
pub(super) fn ready() {
    tell(&[
        sd_notify::NotifyState::Ready,
        sd_notify::NotifyState::Status("serving"),
    ]);
}

/// Tells the service manager that a reload has begun. [`ready`] tells of its end.
pub(super) fn reloading() {
    // /proc/uptime is hidden from the daemon: this clock is a call of its own.
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let micros = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1000;
    tell(&[
        sd_notify::NotifyState::Reloading,
        sd_notify::NotifyState::MonotonicUsec(micros),
        sd_notify::NotifyState::Status("reloading"),
    ]);
}

/// Tells the service manager that the daemon ends.
pub(super) fn stopping() {
    tell(&[
        sd_notify::NotifyState::Stopping,
        sd_notify::NotifyState::Status("draining"),
    ]);
}

fn tell(states: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager was not told");
    }
}

/// The signals that the daemon hears. They must be caught before anybody is told that it is ready:
/// one that comes in between would kill it.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    /// Whether a terminal read the log at the start.
    on_terminal: bool,
}

impl Signals {
    /// Catches them from now on.
    pub(super) fn catch() -> Result<Self, Failure> {
        let terminate = signal(SignalKind::terminate()).map_err(Failure::other)?;
        let interrupt = signal(SignalKind::interrupt()).map_err(Failure::other)?;
        let hangup = signal(SignalKind::hangup()).map_err(Failure::other)?;
        Ok(Self {
            terminate,
            interrupt,
            hangup,
            on_terminal: std::io::stderr().is_terminal(),
        })
    }
}

/// Waits for SIGTERM, SIGINT, the end of the terminal that it was started from, or a fatal failure of
/// the database; a second signal ends at once. SIGHUP reloads.
pub(super) async fn wait_for_end(signals: Signals, fatal: &Notify, reload: impl Fn()) {
    let Signals {
        mut terminate,
        mut interrupt,
        mut hangup,
        on_terminal,
    } = signals;
    loop {
        tokio::select! {
            _ = terminate.recv() => tracing::info!("SIGTERM"),
            _ = interrupt.recv() => tracing::info!("SIGINT"),
            _ = hangup.recv() => {
                // A terminal that was closed is none any more, and nobody has asked for a reload.
                if !on_terminal || std::io::stderr().is_terminal() {
                    tracing::info!("SIGHUP");
                    reload();
                    continue;
                }
                tracing::info!("the terminal was closed");
            }
            () = fatal.notified() => tracing::error!("the database failed; ending"),
        }
        break;
    }
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        force_end();
    });
}

#[expect(
    clippy::exit,
    reason = "a second signal asks for the end without draining"
)]
fn force_end() -> ! {
    std::process::exit(1)
}

/// Longest time that background tasks get to end.
pub(super) const TASKS_GRACE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r18_a_low_limit_keeps_half_for_all_else() {
        assert_eq!(places(8192, 180, 1), 8012);
        assert_eq!(places(8192, 180, 2), 4006);
        assert_eq!(places(128, 180, 1), 64);
        assert_eq!(places(0, 180, 1), 1);
    }
}
