//! The answer of a call that takes long: frames, so that who waits hears of it all the while, and
//! an answer that was cut off is never taken for a whole one.
//!
//! A frame is one byte for its kind, four for the length of what follows (big-endian), and that.
//! Frames of progress come at least every [`KEEP_ALIVE`]; the last frame is the end or the failure,
//! and without one of the two nothing that came before counts.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Content type of such an answer.
pub const CONTENT_TYPE: &str = "application/vnd.authd.frames";
/// Longest time between two frames.
pub const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Most bytes that one frame may hold.
pub const PAYLOAD_LIMIT_BYTES: usize = 1 << 20;
/// Bytes before what a frame holds.
const HEAD_BYTES: usize = 5;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// How far the work is: [`Progress`] as JSON.
    Progress,
    /// A part of what was asked for.
    Data,
    /// The work is done: the call's answer as JSON. Nothing follows.
    End,
    /// The work failed: a problem document. Nothing follows.
    Failure,
}

impl Kind {
    const fn byte(self) -> u8 {
        match self {
            Self::Progress => b'P',
            Self::Data => b'D',
            Self::End => b'E',
            Self::Failure => b'F',
        }
    }

    fn of(byte: u8) -> Option<Self> {
        [Self::Progress, Self::Data, Self::End, Self::Failure]
            .into_iter()
            .find(|kind| kind.byte() == byte)
    }
}

/// How far a job is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// What is being done, in a word: `copying`, `checking`.
    pub stage: String,
    /// How much of it is done.
    pub done: u64,
    /// How much there is to do, where that is known.
    pub of: Option<u64>,
}

/// A frame that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub kind: Kind,
    /// What it holds.
    pub payload: Vec<u8>,
}

/// Writes one frame; what is longer than [`PAYLOAD_LIMIT_BYTES`] takes several calls.
pub fn frame(kind: Kind, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(payload.len().saturating_add(HEAD_BYTES));
    bytes.push(kind.byte());
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// Why bytes are no frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadFrame {
    /// A kind that nobody knows.
    #[error("a frame of an unknown kind")]
    Kind,
    /// More than a frame may hold.
    #[error("a frame that is too long")]
    Length,
}

/// Puts frames together again, however the bytes come in.
#[derive(Debug, Default)]
pub struct Frames {
    bytes: Vec<u8>,
}

impl Frames {
    /// Takes bytes in.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next frame, if all of it is there.
    ///
    /// # Errors
    /// [`BadFrame`]: these are no frames, and what follows cannot be told apart.
    pub fn take(&mut self) -> Result<Option<Frame>, BadFrame> {
        let Some((&[kind, a, b, c, d], rest)) = self.bytes.split_first_chunk::<HEAD_BYTES>() else {
            return Ok(None);
        };
        let kind = Kind::of(kind).ok_or(BadFrame::Kind)?;
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        if length > PAYLOAD_LIMIT_BYTES {
            return Err(BadFrame::Length);
        }
        let Some(payload) = rest.get(..length) else {
            return Ok(None);
        };
        let payload = payload.to_vec();
        self.bytes.drain(..length.saturating_add(HEAD_BYTES));
        Ok(Some(Frame { kind, payload }))
    }

    /// Whether nothing is left over.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn strangers_bytes_are_no_frames() {
        let mut frames = Frames::default();
        frames.push(b"HTTP/");
        assert_eq!(frames.take(), Err(BadFrame::Kind));
        let mut frames = Frames::default();
        frames.push(&[b'D', 0xff, 0, 0, 0]);
        assert_eq!(frames.take(), Err(BadFrame::Length));
    }

    proptest! {
        #[test]
        fn frames_read_back_however_they_are_cut(
            payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..6),
            cut in 1_usize..9,
        ) {
            let kinds = [Kind::Progress, Kind::Data, Kind::End, Kind::Failure];
            let sent: Vec<Frame> = payloads
                .into_iter()
                .zip(kinds.into_iter().cycle())
                .map(|(payload, kind)| Frame { kind, payload })
                .collect();
            let bytes: Vec<u8> = sent.iter().flat_map(|f| frame(f.kind, &f.payload)).collect();
            let mut frames = Frames::default();
            let mut read = Vec::new();
            for part in bytes.chunks(cut) {
                frames.push(part);
                while let Some(next) = frames.take().unwrap() {
                    read.push(next);
                }
            }
            prop_assert_eq!(read, sent);
            prop_assert!(frames.is_empty());
        }
    }
}
