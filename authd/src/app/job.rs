//! Work that takes long, as its caller hears of it: how far it is, and the bytes that were asked for.
//! A caller who has gone ends the work at its next step.

use tokio::sync::mpsc;

use common::call::job::Progress;

/// Events that may wait for a slow caller; with parts of a quarter of a megabyte that is memory.
const WAITING: usize = 8;

/// What a caller hears before the end.
#[derive(Debug)]
pub enum Event {
    /// How far the work is.
    Progress(Progress),
    /// A part of what was asked for.
    Data(Vec<u8>),
}

/// The work's end of the line.
#[derive(Debug, Clone)]
pub struct Reporter {
    events: mpsc::Sender<Event>,
}

/// The caller's end of the line.
pub type Events = mpsc::Receiver<Event>;

/// Both ends.
pub fn line() -> (Reporter, Events) {
    let (events, heard) = mpsc::channel(WAITING);
    (Reporter { events }, heard)
}

impl Reporter {
    /// Tells how far the work is; what a caller is too slow to hear is left out. False once the
    /// caller has gone.
    pub fn progress(&self, stage: &str, done: u64, of: Option<u64>) -> bool {
        let progress = Progress {
            stage: stage.to_owned(),
            done,
            of,
        };
        match self.events.try_send(Event::Progress(progress)) {
            Ok(()) | Err(mpsc::error::TrySendError::Full(_)) => true,
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        }
    }

    /// Hands a part over, and waits while the caller is slow. False once the caller has gone.
    pub async fn send(&self, part: Vec<u8>) -> bool {
        self.events.send(Event::Data(part)).await.is_ok()
    }

    /// Whether the caller has gone.
    pub fn is_alone(&self) -> bool {
        self.events.is_closed()
    }

    /// Hands a part over, from a thread that may block. False once the caller has gone.
    pub fn data(&self, part: Vec<u8>) -> bool {
        self.events.blocking_send(Event::Data(part)).is_ok()
    }
}
