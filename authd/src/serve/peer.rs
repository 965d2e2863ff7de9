//! Who is at the other end, as the kernel tells; never as the request claims.

use std::net::SocketAddr;

use tokio::net::UnixStream;

/// The other end of a connection; it stands in the extensions of each of its requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// Address of a TCP peer; that of the proxy where there is one.
    Tcp(SocketAddr),
    /// Process at a Unix socket.
    Unix(PeerCredentials),
}

/// What `SO_PEERCRED` tells of the process that connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerCredentials {
    /// User.
    pub uid: u32,
    /// First group; the supplementary ones are not told.
    pub gid: u32,
    /// Process, where the kernel names one.
    pub pid: Option<i32>,
}

impl PeerCredentials {
    /// Asks the kernel who connected.
    ///
    /// # Errors
    /// Those of `getsockopt(2)`.
    pub fn of(stream: &UnixStream) -> std::io::Result<Self> {
        let credentials = stream.peer_cred()?;
        Ok(Self {
            uid: credentials.uid(),
            gid: credentials.gid(),
            pid: credentials.pid(),
        })
    }
}
