//! What authd says about itself: one line an event, to the journal or stderr, never to a file.
//! Requests only queue their lines: a thread of its own writes them, so that a full or closed
//! stderr costs lines and nothing else (R25).

mod journal;
mod layer;
mod line;
mod panics;
mod queue;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use common::time::Clock;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, reload};

use crate::config::{Log, LogTarget, directives};
use journal::{Journal, SOCKET};
use layer::Lines;
use line::Format;
use queue::{Queue, Sink, Stream};

/// How long the end of the daemon waits for lines that nobody reads.
const LAST_WAIT: Duration = Duration::from_secs(1);
/// Libraries that say too much at `info`, and what they may say unless the operator asks for more.
const QUIETER: &[(&str, LevelFilter)] = &[("refinery_core", LevelFilter::WARN)];

/// Why the log could not be set up or changed.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The writing thread did not start.
    #[error("cannot start the thread that writes the log: {0}")]
    Thread(#[from] io::Error),
    /// This process has a log already.
    #[error("the log is set up already")]
    Twice,
    /// No level and no directives.
    #[error("log.level {0}")]
    Level(String),
    /// The log that this belongs to is gone.
    #[error("the log is gone")]
    Gone,
}

/// The log of the process; its end waits for the last lines, for a second at most.
#[derive(Debug)]
pub struct Logging {
    filter: reload::Handle<Targets, Registry>,
    queue: Arc<Queue>,
}

impl Logging {
    /// Sets another level, as at a reload.
    ///
    /// # Errors
    /// [`LogError::Level`] if it is none; the former one stays.
    pub fn set_level(&self, level: &str) -> Result<(), LogError> {
        let filter = filter_of(level)?;
        self.filter.reload(filter).map_err(|_| LogError::Gone)
    }

    /// Waits until everything said so far is written, for so long at most; whether it is.
    pub fn flush(&self, wait: Duration) -> bool {
        self.queue.flush(wait)
    }
}

impl Drop for Logging {
    fn drop(&mut self) {
        self.flush(LAST_WAIT);
    }
}

/// Sets up the log of the process.
///
/// # Errors
/// [`LogError`] for a wrong level, a second set-up, or no thread.
pub fn start(settings: &Log, clock: Arc<dyn Clock>) -> Result<Logging, LogError> {
    let (format, sink) = way_of(format_of(settings.target, stderr_is_journal()), SOCKET);
    let (subscriber, logging) = assemble(&settings.level, format, clock, sink)?;
    subscriber.try_init().map_err(|_| LogError::Twice)?;
    panics::tell();
    Ok(logging)
}

/// The journal's own protocol where the journal listens, else lines on stderr.
fn way_of(format: Format, socket: &str) -> (Format, Box<dyn Sink>) {
    if format == Format::Journal
        && let Ok(journal) = Journal::open(Path::new(socket), io::stderr())
    {
        return (Format::Native, Box::new(journal));
    }
    (format, Box::new(Stream(io::stderr())))
}

fn assemble(
    level: &str,
    format: Format,
    clock: Arc<dyn Clock>,
    sink: Box<dyn Sink>,
) -> Result<
    (
        impl tracing::Subscriber + for<'a> LookupSpan<'a> + use<>,
        Logging,
    ),
    LogError,
> {
    let filter = filter_of(level)?;
    let lost = {
        let clock = Arc::clone(&clock);
        move |count| format.lost(clock.now(), count)
    };
    let queue = Queue::start(sink, Box::new(lost))?;
    let (filter, handle) = reload::Layer::new(filter);
    let lines = Lines::new(format, clock, Arc::clone(&queue));
    let subscriber = tracing_subscriber::registry().with(filter).with(lines);
    let logging = Logging {
        filter: handle,
        queue,
    };
    Ok((subscriber, logging))
}

fn format_of(target: LogTarget, stderr_is_journal: bool) -> Format {
    match (target, stderr_is_journal) {
        (LogTarget::Json, _) => Format::Json,
        (LogTarget::Journal, _) | (LogTarget::Auto, true) => Format::Journal,
        (LogTarget::Stderr, _) | (LogTarget::Auto, false) => Format::Plain,
    }
}

/// Whether systemd connected stderr to the journal: `JOURNAL_STREAM` names the device and inode,
/// because a child whose stderr goes elsewhere inherits the variable, too.
fn stderr_is_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    rustix::fs::fstat(io::stderr())
        .is_ok_and(|stat| stream == format!("{}:{}", stat.st_dev, stat.st_ino))
}

fn filter_of(level: &str) -> Result<Targets, LogError> {
    let mut filter = Targets::new().with_targets(QUIETER.iter().copied());
    for (target, level) in directives(level).map_err(LogError::Level)? {
        let level: LevelFilter = level
            .parse()
            .map_err(|_| LogError::Level(format!("names no level: {level}")))?;
        filter = match target {
            Some(target) => filter.with_target(target, level),
            None => filter.with_default(level),
        };
    }
    Ok(filter)
}

#[cfg(test)]
mod tests;
