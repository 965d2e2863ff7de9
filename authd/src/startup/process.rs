//! The process itself: limits, runtime, signals, and what the service manager is told.

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

/// Tells the service manager that requests are answered from now on.
pub(super) fn ready() {
    tell(&[
        sd_notify::NotifyState::Ready,
        sd_notify::NotifyState::Status("serving"),
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

/// The signals that end the daemon. They must be caught before anybody is told that it is ready:
/// one that comes in between would kill it.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Catches them from now on.
    pub(super) fn catch() -> Result<Self, Failure> {
        let terminate = signal(SignalKind::terminate()).map_err(Failure::other)?;
        let interrupt = signal(SignalKind::interrupt()).map_err(Failure::other)?;
        Ok(Self {
            terminate,
            interrupt,
        })
    }
}

/// Waits for SIGTERM, SIGINT or a fatal failure of the database; a second signal ends at once.
pub(super) async fn wait_for_end(signals: Signals, fatal: &Notify) {
    let Signals {
        mut terminate,
        mut interrupt,
    } = signals;
    tokio::select! {
        _ = terminate.recv() => tracing::info!("SIGTERM"),
        _ = interrupt.recv() => tracing::info!("SIGINT"),
        () = fatal.notified() => tracing::error!("the database failed; ending"),
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
