//! Accept loops for TCP and Unix sockets, with the limits of each connection: how many, how long a
//! request's head may take, how long an idle or unread connection is kept, and the drain at stop.
//!
//! It knows nothing of routes, answers or rights. Everything that stands in a request (its URI's
//! authority, `Host`, forwarding headers) is data to it and decides nothing.

mod accept;
mod connection;
mod framing;
mod front;
mod gate;
mod peer;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod trial;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;

pub use connection::{CloseUnanswered, DrainLimit};
pub use front::{Front, Head, Site};
pub use peer::{Peer, PeerCredentials};

/// Times of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionTimes {
    /// Time for a request's head, from accept and from the first byte of a later request.
    pub header: Duration,
    /// Time that a connection may be idle, or take nothing of an answer.
    pub keepalive: Duration,
}

/// Times that may change while connections come; clones share them.
#[derive(Debug, Clone)]
pub struct Times(Arc<RwLock<ConnectionTimes>>);

impl Times {
    /// Begins with these.
    pub fn new(times: ConnectionTimes) -> Self {
        Self(Arc::new(RwLock::new(times)))
    }

    /// Those of a connection that is accepted now.
    pub fn get(&self) -> ConnectionTimes {
        *self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Others from now on; connections that are open keep theirs.
    pub fn set(&self, times: ConnectionTimes) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = times;
    }
}

/// What a listener grants its connections.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Most connections at a time; the others wait in the kernel's queue.
    pub max_connections: usize,
    /// Times of a connection, as they are when it is accepted.
    pub times: Times,
    /// Most bytes of a request's head.
    pub max_header_bytes: usize,
    /// Age from which a connection ends with its next answer; none for no such age.
    pub max_age: Option<Duration>,
    /// Time that requests under way have at stop.
    pub shutdown_grace: Duration,
}

/// Counts connections; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Gauge(Arc<Connected>);

#[derive(Debug, Default)]
struct Connected {
    open: AtomicUsize,
    accepted: AtomicU64,
    waits: AtomicU64,
}

impl Gauge {
    /// Connections open now.
    pub fn open(&self) -> usize {
        self.0.open.load(Ordering::Relaxed)
    }

    /// Connections accepted so far.
    pub fn accepted(&self) -> u64 {
        self.0.accepted.load(Ordering::Relaxed)
    }

    /// Times that the next connection had to wait, because all were in use or the system had no
    /// descriptor for it.
    pub fn waits(&self) -> u64 {
        self.0.waits.load(Ordering::Relaxed)
    }

    fn enter(&self) -> GaugeEntry {
        self.0.open.fetch_add(1, Ordering::Relaxed);
        self.0.accepted.fetch_add(1, Ordering::Relaxed);
        GaugeEntry(Arc::clone(&self.0))
    }

    fn waited(&self) {
        self.0.waits.fetch_add(1, Ordering::Relaxed);
    }
}

struct GaugeEntry(Arc<Connected>);

impl Drop for GaugeEntry {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Serves a site over TCP until `shutdown` turns true (or its sender is gone) and the requests
/// under way have their answers. Dropping the future ends every connection at once.
pub async fn serve_tcp(
    listener: TcpListener,
    site: impl Into<Site>,
    limits: Limits,
    shutdown: watch::Receiver<bool>,
    gauge: Gauge,
) {
    let introduce = |stream: &TcpStream, address: &SocketAddr| {
        // Answers are small and written whole: waiting for more of them only delays.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY was refused");
        }
        Some(Peer::Tcp(*address))
    };
    accept::run(listener, site.into(), limits, shutdown, (gauge, introduce)).await;
}

/// As [`serve_tcp`], over a Unix socket; a peer that `admit` refuses is closed before a byte of it
/// is read.
pub async fn serve_unix(
    listener: UnixListener,
    site: impl Into<Site>,
    limits: Limits,
    shutdown: watch::Receiver<bool>,
    gauge: Gauge,
    admit: impl Fn(&PeerCredentials) -> bool + Send,
) {
    let introduce = move |stream: &UnixStream, _: &_| match PeerCredentials::of(stream) {
        Ok(credentials) => admit(&credentials).then_some(Peer::Unix(credentials)),
        Err(error) => {
            tracing::warn!(%error, "the kernel did not name the peer; connection closed");
            None
        }
    };
    accept::run(listener, site.into(), limits, shutdown, (gauge, introduce)).await;
}
