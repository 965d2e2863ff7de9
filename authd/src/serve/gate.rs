//! The stream between the socket and hyper: holds a request's head back until it is whole and has
//! one reading, and ends connections that are slow to send it or do not take their answer.
//!
//! hyper has one timer for idle connections and for heads; this one is for heads alone, and bytes
//! that trickle in do not extend it.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::framing::{Framing, Step};

/// What hyper answers with an empty 400, and closes.
const NO_REQUEST: &[u8] = b"\0\r\n\r\n";
const READ_BYTES: usize = 8 * 1024;
/// Room on the stack that nobody has to clear before the kernel writes into it.
const NOT_WRITTEN: [MaybeUninit<u8>; READ_BYTES] = [const { MaybeUninit::uninit() }; READ_BYTES];
/// Time for a refused client to read its answer before unread bytes make the kernel reset it.
const LINGER: Duration = Duration::from_secs(2);

/// How long the gate waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// For a head, from accept and from the first byte of a later one.
    pub(super) head: Duration,
    /// For the client to take some of an answer.
    pub(super) write: Duration,
}

/// One connection's stream.
pub(super) struct Gate<S> {
    stream: S,
    framing: Framing,
    patience: Patience,
    /// Whether an answer is under way; the head after it then has time.
    is_answering: Arc<AtomicBool>,
    /// Bytes from the socket that hyper does not have yet.
    at_hand: BytesMut,
    /// How many of them it may have.
    passed: usize,
    head_timer: Timer,
    write_timer: Timer,
    linger_timer: Timer,
    is_refused: bool,
    is_shut: bool,
}

impl<S> Gate<S> {
    /// Guards a connection that was just accepted.
    pub(super) fn new(
        stream: S,
        max_head_bytes: usize,
        patience: Patience,
        is_answering: Arc<AtomicBool>,
    ) -> Self {
        let mut head_timer = Timer::default();
        head_timer.start(patience.head);
        Self {
            stream,
            framing: Framing::new(max_head_bytes),
            patience,
            is_answering,
            at_hand: BytesMut::new(),
            passed: 0,
            head_timer,
            write_timer: Timer::default(),
            linger_timer: Timer::default(),
            is_refused: false,
            is_shut: false,
        }
    }

    /// Moves what may pass into hyper's buffer.
    fn hand_over(&mut self, buffer: &mut ReadBuf<'_>) {
        let count = self.passed.min(buffer.remaining());
        buffer.put_slice(self.at_hand.get(..count).unwrap_or_default());
        self.at_hand.advance(count);
        self.passed = self.passed.saturating_sub(count);
    }

    /// Ends the reading of an ambiguous message. Where hyper waits for a head it is handed one
    /// that it refuses, so that the client has an answer; within a body the read fails.
    fn refuse(&mut self) -> io::Result<()> {
        tracing::debug!("an ambiguous message was refused");
        self.is_refused = true;
        self.at_hand.clear();
        self.head_timer.stop();
        if self.framing.awaits_head() {
            self.at_hand.extend_from_slice(NO_REQUEST);
            self.passed = NO_REQUEST.len();
            return Ok(());
        }
        Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the body's chunks are not as RFC 9112 wants them",
        ))
    }

    /// Fails when a head has taken too long.
    fn check_head_timer(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if self.framing.awaits_head() && !self.at_hand.is_empty() {
            self.head_timer.start(self.patience.head);
        }
        while self.head_timer.has_fired(context) {
            if !self.is_answering.load(Ordering::Acquire) {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.head_timer.stop();
            self.head_timer.start(self.patience.head);
        }
        Ok(())
    }

    /// Whether the client sent, or is sending, what nobody will read.
    fn has_unread(&self) -> bool {
        self.is_refused || !self.at_hand.is_empty() || !self.framing.awaits_head()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gate<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let gate = self.get_mut();
        loop {
            if gate.passed > 0 {
                gate.hand_over(buffer);
                return Poll::Ready(Ok(()));
            }
            if gate.is_refused {
                return Poll::Ready(Ok(()));
            }
            match gate.framing.judge(&gate.at_hand) {
                Step::Pass(count) => {
                    gate.passed = count;
                    gate.head_timer.stop();
                    continue;
                }
                Step::Refuse => {
                    gate.refuse()?;
                    continue;
                }
                Step::More => gate.check_head_timer(context)?,
            }
            let mut chunk = NOT_WRITTEN;
            let mut chunk = ReadBuf::uninit(&mut chunk);
            ready!(Pin::new(&mut gate.stream).poll_read(context, &mut chunk))?;
            if chunk.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            gate.at_hand.extend_from_slice(chunk.filled());
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Gate<S> {
    /// Fails when the client has taken nothing of an answer for too long.
    fn watch_write<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.write_timer.stop();
            return written;
        }
        self.write_timer.start(self.patience.write);
        if self.write_timer.has_fired(context) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }

    /// Reads and forgets until the client ends or the time is over.
    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.linger_timer.start(LINGER.min(self.patience.head));
        loop {
            if self.linger_timer.has_fired(context) {
                return Poll::Ready(());
            }
            let mut chunk = NOT_WRITTEN;
            let mut chunk = ReadBuf::uninit(&mut chunk);
            let read = ready!(Pin::new(&mut self.stream).poll_read(context, &mut chunk));
            if read.is_err() || chunk.filled().is_empty() {
                return Poll::Ready(());
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Gate<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let gate = self.get_mut();
        let written = Pin::new(&mut gate.stream).poll_write(context, bytes);
        gate.watch_write(context, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let gate = self.get_mut();
        let written = Pin::new(&mut gate.stream).poll_write_vectored(context, parts);
        gate.watch_write(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let gate = self.get_mut();
        let flushed = Pin::new(&mut gate.stream).poll_flush(context);
        gate.watch_write(context, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let gate = self.get_mut();
        if !gate.is_shut {
            let shut = Pin::new(&mut gate.stream).poll_shutdown(context);
            ready!(gate.watch_write(context, shut))?;
            gate.is_shut = true;
        }
        if gate.has_unread() {
            ready!(gate.poll_linger(context));
        }
        Poll::Ready(Ok(()))
    }
}

/// A timer that keeps its first start; its allocation is used again.
#[derive(Default)]
struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    is_running: bool,
}

impl Timer {
    fn start(&mut self, time: Duration) {
        if self.is_running {
            return;
        }
        self.is_running = true;
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().reset(deadline(time)),
            None => self.sleep = Some(Box::pin(sleep(time))),
        }
    }

    fn stop(&mut self) {
        self.is_running = false;
    }

    fn has_fired(&mut self, context: &mut Context<'_>) -> bool {
        self.is_running
            && self
                .sleep
                .as_mut()
                .is_some_and(|sleep| sleep.as_mut().poll(context).is_ready())
    }
}

/// A far moment where the time is too long to count.
fn deadline(time: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(time)
        .or_else(|| now.checked_add(Duration::from_hours(24 * 365)))
        .unwrap_or(now)
}
