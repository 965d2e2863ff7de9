//! Answers every request with the same bytes: behind authd's own accept loop, gate and timers, or
//! behind hyper alone. It looks at no request.

use std::convert::Infallible;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use authd::serve::{ConnectionTimes, Gauge, Limits, Times, serve_tcp};
use axum::Router;
use axum::body::Body;
use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue, Response};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::Result;

/// What is around the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Around {
    /// The accept loop, gate and timers of authd.
    Serve,
    /// hyper alone.
    Hyper,
}

/// A response that is always the same.
#[derive(Clone)]
struct Same {
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl Same {
    /// Reads the headers and the body of an answer, written down as JSON.
    fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)?;
        let (given, body): (Vec<(String, String)>, String) = serde_json::from_str(&text)?;
        let mut headers = Vec::new();
        for (name, value) in given {
            // hyper says the date by itself, as it does for authd.
            if !name.eq_ignore_ascii_case("date") {
                headers.push((name.parse()?, value.parse()?));
            }
        }
        Ok(Self {
            headers,
            body: Bytes::from(body),
        })
    }

    fn response(&self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body.clone()));
        let headers = response.headers_mut();
        headers.reserve(self.headers.len());
        for (name, value) in &self.headers {
            headers.insert(name.clone(), value.clone());
        }
        response
    }
}

/// Listens, says where, and answers until the process is killed.
pub(crate) fn run(answer: &Path, around: Around) -> Result<()> {
    let same = Same::read(answer)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        {
            let mut out = std::io::stdout().lock();
            writeln!(out, "{}", listener.local_addr()?)?;
            out.flush()?;
        }
        match around {
            Around::Serve => serve(listener, same).await,
            Around::Hyper => hyper_alone(listener, same).await?,
        }
        Ok(())
    })
}

/// With the defaults of authd's configuration.
async fn serve(listener: TcpListener, same: Same) {
    let router = Router::new().fallback(move || std::future::ready(same.response()));
    let limits = Limits {
        max_connections: 4096,
        times: Times::new(ConnectionTimes {
            header: Duration::from_secs(10),
            keepalive: Duration::from_secs(75),
        }),
        max_header_bytes: 16 * 1024,
        max_age: None,
        shutdown_grace: Duration::from_secs(1),
    };
    let (_running, stopping) = watch::channel(false);
    serve_tcp(listener, router, limits, stopping, Gauge::default()).await;
}

async fn hyper_alone(listener: TcpListener, same: Same) -> Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let same = same.clone();
        let service = service_fn(move |_| std::future::ready(Ok::<_, Infallible>(same.response())));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), service);
        // A client that hangs up is no fault here.
        tokio::spawn(async move { drop(connection.await) });
    }
}
