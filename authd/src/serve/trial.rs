//! A listener on trial: a router over a real socket, and a client that says exactly what it is
//! told. For tests alone.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{ConnectionTimes, Gauge, Limits, Site, Times, serve_tcp};

/// Longer than anything here may take; only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Limits that no test runs into unless it shortens them.
pub(crate) fn generous() -> Limits {
    Limits {
        max_connections: 4096,
        times: Times::new(ConnectionTimes {
            header: PATIENCE,
            keepalive: PATIENCE,
        }),
        max_header_bytes: 16 * 1024,
        max_age: None,
        shutdown_grace: PATIENCE,
    }
}

/// A router behind a TCP port of its own.
pub(crate) struct Trial {
    pub(crate) address: SocketAddr,
    pub(crate) gauge: Gauge,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
}

impl Trial {
    pub(crate) async fn of(site: impl Into<Site>, limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let gauge = Gauge::default();
        let server = tokio::spawn(serve_tcp(
            listener,
            site.into(),
            limits,
            stopped,
            gauge.clone(),
        ));
        Self {
            address,
            gauge,
            stop,
            server,
        }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Says all at once and listens until the other end closes.
    pub(crate) async fn exchange(&self, request: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request.as_ref()).await.unwrap();
        rest(&mut stream).await
    }

    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    pub(crate) async fn drained(self) {
        timeout(PATIENCE, self.server).await.unwrap().unwrap();
    }
}

/// All that comes until the connection ends, also by a reset.
pub(crate) async fn rest(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    let ended = timeout(PATIENCE, async {
        while let Ok(1..) = stream.read_buf(&mut bytes).await {}
    });
    ended.await.expect("the connection should have been closed");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// One answer whose length is declared; the connection stays.
pub(crate) async fn answer(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut text = String::new();
    let read = timeout(PATIENCE, async {
        loop {
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: "))
                    .map_or(0, |length| length.parse::<usize>().unwrap());
                if body.len() >= length {
                    return;
                }
            }
            let mut bytes = [0; 4096];
            let count = stream.read(&mut bytes).await.unwrap();
            assert!(count > 0, "closed after {text:?}");
            text.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
        }
    });
    read.await.expect("an answer should have come");
    text
}

/// Sends one request and reads its answer.
pub(crate) async fn ask(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    request: impl AsRef<[u8]>,
) -> String {
    stream.write_all(request.as_ref()).await.unwrap();
    answer(stream).await
}
