//! A connection on which the other end cannot talk without end. lettre looks at the length of a line
//! when the line has ended, so a server, or whoever answers in its place before the connection is
//! encrypted, could fill the memory with one that never does. No sense of SMTP in here.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Most bytes that the server says between two words of ours: answers have a few lines of 512 bytes
/// (RFC 5321, 4.5.3.1.5), a TLS handshake some certificates.
const MOST_UNASKED: usize = 32 * 1024;
/// Most ends of lines among them: lettre reads all lines of an answer again with each further one, so
/// many short ones would take its time. Encrypted bytes have one in 256 by chance, half of this.
const MOST_LINES: usize = 256;

/// The connection.
#[derive(Debug)]
pub(super) struct Bounded {
    stream: TcpStream,
    left: usize,
    lines_left: usize,
}

impl Bounded {
    /// Connects to the first address of a name that takes connections.
    pub(super) async fn connect(host: &str, port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect((host, port)).await?;
        Ok(Self {
            stream,
            left: MOST_UNASKED,
            lines_left: MOST_LINES,
        })
    }
}

impl AsyncRead for Bounded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == 0 || self.lines_left == 0 {
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the server's answer has no end",
            )));
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let read = buffer.filled().get(before..).unwrap_or_default();
        let lines = read.split(|byte| *byte == b'\n').skip(1).count();
        self.left = self.left.saturating_sub(read.len());
        self.lines_left = self.lines_left.saturating_sub(lines);
        polled
    }
}

impl AsyncWrite for Bounded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.left = MOST_UNASKED;
        self.lines_left = MOST_LINES;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl AsyncTokioStream for Bounded {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }
}
