//! Notices of invalidations by a channel of Redis. They are hints: what is lost is found in the log, and
//! what a stranger sends does not open.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use redis::{Msg, PushInfo};
use tokio::sync::broadcast;

use super::{Redis, Write};
use crate::cache::{Bus, Envelope, Name, Notice};

/// Notices that a listener may be behind; it looks at the log then.
const BEHIND: usize = 1024;
/// Notices of one message.
const TOGETHER: usize = 64;

/// The channel of an installation.
pub(super) struct Channel {
    name: String,
    envelope: Arc<dyn Envelope>,
    listeners: broadcast::Sender<Notice>,
    heard: Mutex<Option<Instant>>,
}

impl Channel {
    pub(super) fn new(namespace: &str, envelope: Arc<dyn Envelope>) -> Self {
        Self {
            name: Name::of(&[namespace, "bus"]).to_string(),
            envelope,
            listeners: broadcast::Sender::new(BEHIND),
            heard: Mutex::new(None),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Takes what Redis pushed.
    pub(super) fn heard(&self, info: PushInfo) {
        let Some(message) = Msg::from_push_info(info) else {
            return;
        };
        let closed = message.get_payload_bytes();
        // Longer than any of ours.
        if closed.len() > TOGETHER * Notice::LENGTH + 256 {
            return;
        }
        let Some(message) = self.envelope.open(closed) else {
            return;
        };
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        for notice in message
            .chunks(Notice::LENGTH)
            .filter_map(Notice::from_bytes)
        {
            // Nobody may be listening.
            drop(self.listeners.send(notice));
        }
    }

    pub(super) fn heard_ago(&self) -> Option<Duration> {
        let heard = *self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.map(|heard| heard.elapsed())
    }
}

impl Bus for Redis {
    fn publish(&self, notices: &[Notice]) {
        for some in notices.chunks(TOGETHER) {
            let message: Vec<u8> = some.iter().flat_map(Notice::to_bytes).collect();
            if let Some(closed) = self.channel.envelope.close(&message) {
                self.write(Write::Publish(self.channel.name().to_owned(), closed));
            }
        }
    }

    fn subscribe(&self) -> broadcast::Receiver<Notice> {
        self.channel.listeners.subscribe()
    }
}
