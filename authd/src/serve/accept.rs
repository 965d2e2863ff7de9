//! One accept loop for every kind of listener: takes a connection only when there is a permit for
//! it, waits where the system is out of descriptors, and drains at stop.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::connection::{Connections, DrainLimit};
use super::{Gauge, Limits, Peer, Site};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
const COMPLAINT_INTERVAL: Duration = Duration::from_mins(1);
/// Time for the last answers once the drain's limit has been reached.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// What connections are taken from.
pub(super) trait Listener: Send {
    /// A connection's stream.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;
    /// A peer's address.
    type Address: Send;

    /// Takes the next connection; dropping the future loses none.
    fn accept(&self)
    -> impl Future<Output = io::Result<(Self::Stream, Self::Address)>> + Send + '_;
}

impl Listener for TcpListener {
    type Stream = TcpStream;
    type Address = SocketAddr;

    fn accept(&self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send + '_ {
        Self::accept(self)
    }
}

impl Listener for UnixListener {
    type Stream = UnixStream;
    type Address = tokio::net::unix::SocketAddr;

    fn accept(&self) -> impl Future<Output = io::Result<(UnixStream, Self::Address)>> + Send + '_ {
        Self::accept(self)
    }
}

/// Serves until `shutdown` turns true, then drains. `introduce` names the peer, or refuses it.
pub(super) async fn run<L: Listener>(
    listener: L,
    site: Site,
    limits: Limits,
    shutdown: watch::Receiver<bool>,
    (gauge, introduce): (
        Gauge,
        impl Fn(&L::Stream, &L::Address) -> Option<Peer> + Send,
    ),
) {
    let graceful = GracefulShutdown::new();
    let (force, drain_limit) = DrainLimit::channel();
    let grace = limits.shutdown_grace;
    let connections = Connections::new(site, limits, drain_limit);
    let mut tasks = JoinSet::new();
    let mut accepting = Accepting {
        places: Arc::new(Semaphore::new(connections.max())),
        pause: FIRST_PAUSE,
        complaint: Complaint::default(),
        gauge: gauge.clone(),
    };
    let mut stop = std::pin::pin!(stopped(shutdown));
    loop {
        let (stream, address, place) = tokio::select! {
            biased;
            () = &mut stop => break,
            Some(_) = tasks.join_next() => continue,
            accepted = accepting.next(&listener) => accepted,
        };
        let Some(peer) = introduce(&stream, &address) else {
            continue;
        };
        let open = gauge.enter();
        let served = graceful.watch(connections.serve(stream, peer));
        tasks.spawn(async move {
            if let Err(error) = served.await {
                tracing::debug!(%error, "connection ended");
            }
            drop((open, place));
        });
    }
    // The port is free, and refuses, before the first answer is waited for.
    drop(listener);
    let drained = graceful.shutdown();
    let mut drained = std::pin::pin!(drained);
    if timeout(grace, &mut drained).await.is_err() {
        tracing::warn!(open = gauge.open(), "the drain's limit is reached");
        force.reach();
        if timeout(LAST_ANSWERS, drained).await.is_err() {
            tracing::warn!(open = gauge.open(), "connections are closed unanswered");
        }
    }
    tasks.shutdown().await;
}

/// Waits for the signal; a sender that is gone is one.
async fn stopped(mut shutdown: watch::Receiver<bool>) {
    if shutdown.wait_for(|stop| *stop).await.is_err() {
        tracing::debug!("who could ask for the stop is gone");
    }
}

/// The state of an accept loop between two connections.
struct Accepting {
    places: Arc<Semaphore>,
    pause: Duration,
    complaint: Complaint,
    gauge: Gauge,
}

impl Accepting {
    /// Takes the next connection and a permit for it, however long that takes. Dropping the
    /// future loses neither.
    async fn next<L: Listener>(
        &mut self,
        listener: &L,
    ) -> (L::Stream, L::Address, OwnedSemaphorePermit) {
        loop {
            let Some(place) = self.place().await else {
                std::future::pending::<()>().await;
                continue;
            };
            match listener.accept().await {
                Ok((stream, address)) => {
                    self.pause = FIRST_PAUSE;
                    return (stream, address, place);
                }
                // These concern one connection, which is gone.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::ConnectionAborted
                            | io::ErrorKind::ConnectionReset
                            | io::ErrorKind::Interrupted
                    ) => {}
                // No descriptor or no memory left: a connection that ends makes room.
                Err(error) => {
                    self.gauge.waited();
                    if self.complaint.is_due() {
                        tracing::error!(%error, "no connection can be accepted; waiting");
                    }
                    sleep(self.pause).await;
                    self.pause = self.pause.saturating_mul(2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// Waits for a free place; none only if the semaphore were closed, which nobody does.
    async fn place(&mut self) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Some(place);
        }
        self.gauge.waited();
        if self.complaint.is_due() {
            tracing::warn!("all connections are in use; further ones wait");
        }
        Arc::clone(&self.places).acquire_owned().await.ok()
    }
}

/// Says the same thing once a minute at most.
#[derive(Default)]
struct Complaint(Option<Instant>);

impl Complaint {
    fn is_due(&mut self) -> bool {
        let now = Instant::now();
        let is_due = self
            .0
            .is_none_or(|last| now.saturating_duration_since(last) >= COMPLAINT_INTERVAL);
        if is_due {
            self.0 = Some(now);
        }
        is_due
    }
}
