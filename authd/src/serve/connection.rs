//! One connection: hyper over the gate, and the site behind hyper.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::Body;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper::{Request, Response, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tower::ServiceExt;

use super::gate::{Gate, Patience};
use super::{Head, Limits, Peer, Site};

/// hyper's own least size of a read buffer.
const LEAST_BUFFER_BYTES: usize = 8 * 1024;

/// Standing in an answer's extensions, ends the connection without sending it.
#[derive(Debug, Clone, Copy)]
pub struct CloseUnanswered;

/// Tells requests that the drain's limit is reached: who can still refuse, does so now. It stands
/// in the extensions of each request.
#[derive(Debug, Clone)]
pub struct DrainLimit(watch::Receiver<bool>);

impl DrainLimit {
    /// Waits until the limit is reached; for ever, if the listener ends before.
    pub async fn reached(&mut self) {
        if self.0.wait_for(|reached| *reached).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Whether it is reached, or nobody can tell any more.
    pub(super) fn is_reached(&self) -> bool {
        // The value changes once, so a look at its version is enough.
        !matches!(self.0.has_changed(), Ok(false))
    }

    pub(super) fn channel() -> (DrainForce, Self) {
        let (sender, receiver) = watch::channel(false);
        (DrainForce(sender), Self(receiver))
    }
}

/// The other end of [`DrainLimit`].
pub(super) struct DrainForce(watch::Sender<bool>);

impl DrainForce {
    pub(super) fn reach(&self) {
        self.0.send_replace(true);
    }
}

/// Makes connections of one listener.
pub(super) struct Connections {
    http: http1::Builder,
    site: Site,
    limits: Limits,
    drain_limit: DrainLimit,
}

impl Connections {
    pub(super) fn new(site: Site, limits: Limits, drain_limit: DrainLimit) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .max_header_size(limits.max_header_bytes)
            .max_buf_size(
                limits
                    .max_header_bytes
                    .saturating_add(1)
                    .max(LEAST_BUFFER_BYTES),
            );
        Self {
            http,
            site,
            limits,
            drain_limit,
        }
    }

    /// Most connections at a time.
    pub(super) fn max(&self) -> usize {
        self.limits.max_connections.max(1)
    }

    /// Speaks HTTP/1 over a stream.
    pub(super) fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        &self,
        stream: S,
        peer: Peer,
    ) -> http1::Connection<TokioIo<Gate<S>>, Exchange> {
        let times = self.limits.times.get();
        let is_answering = Arc::new(AtomicBool::new(false));
        let patience = Patience {
            head: times.header,
            write: times.keepalive,
        };
        let gate = Gate::new(
            stream,
            self.limits.max_header_bytes,
            patience,
            Arc::clone(&is_answering),
        );
        let exchange = Exchange {
            site: self.site.clone(),
            peer,
            drain_limit: self.drain_limit.clone(),
            is_answering,
            ends_at: self
                .limits
                .max_age
                .and_then(|age| Instant::now().checked_add(age)),
        };
        let mut http = self.http.clone();
        http.header_read_timeout(times.keepalive);
        http.serve_connection(TokioIo::new(gate), exchange)
    }
}

/// The site as one connection sees it.
pub(super) struct Exchange {
    site: Site,
    peer: Peer,
    drain_limit: DrainLimit,
    is_answering: Arc<AtomicBool>,
    ends_at: Option<Instant>,
}

impl Exchange {
    /// An answer that is ready; at the drain's limit nothing is, what comes then is refused.
    fn ready(&self, request: &Request<Incoming>) -> Option<Response<Body>> {
        if self.drain_limit.is_reached() {
            return None;
        }
        self.site.ready(&Head {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            has_body: !request.body().is_end_stream(),
            peer: self.peer,
        })
    }

    async fn routed(
        router: axum::Router,
        request: Request<Body>,
        answering: Answering,
        ends_at: Option<Instant>,
    ) -> io::Result<Response<Body>> {
        let response = match router.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        drop(answering);
        if response.extensions().get::<CloseUnanswered>().is_some() {
            return Err(io::Error::other("the request deserves no answer"));
        }
        Ok(closing(response, ends_at))
    }
}

impl Service<Request<Incoming>> for Exchange {
    type Response = Response<Body>;
    type Error = io::Error;
    type Future = Answer;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        if let Some(response) = self.ready(&request) {
            return Answer::Ready(std::future::ready(Ok(closing(response, self.ends_at))));
        }
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(self.peer);
        request.extensions_mut().insert(self.drain_limit.clone());
        let answering = Answering::begin(&self.is_answering);
        Answer::Routed(Box::pin(Self::routed(
            self.site.router(),
            request,
            answering,
            self.ends_at,
        )))
    }
}

/// An answer that is there, or on its way through the router.
pub(super) enum Answer {
    Ready(std::future::Ready<io::Result<Response<Body>>>),
    Routed(Pin<Box<dyn Future<Output = io::Result<Response<Body>>> + Send>>),
}

impl Future for Answer {
    type Output = io::Result<Response<Body>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Ready(answer) => Pin::new(answer).poll(context),
            Self::Routed(answer) => answer.as_mut().poll(context),
        }
    }
}

/// Says that the connection ends, if it is old enough.
fn closing(mut response: Response<Body>, ends_at: Option<Instant>) -> Response<Body> {
    if ends_at.is_some_and(|end| Instant::now() >= end) {
        response.headers_mut().insert(
            header::CONNECTION,
            header::HeaderValue::from_static("close"),
        );
    }
    response
}

/// Holds the mark that an answer is under way.
struct Answering(Arc<AtomicBool>);

impl Answering {
    fn begin(mark: &Arc<AtomicBool>) -> Self {
        mark.store(true, Ordering::Release);
        Self(Arc::clone(mark))
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}
