//! `authd healthcheck`: asks the configured listener whether the daemon lives; for containers.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::config::{self, Faults, Source};
use crate::print::Printer;

/// Longest wait for the answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Exit status 0 if the daemon answers, 1 if not.
pub fn run<W: Write>(source: &Source, errors: &mut Printer<W>) -> u8 {
    let loaded = match config::load(source) {
        Ok(loaded) => loaded,
        Err(faults) => {
            errors.line(&faults);
            return Faults::EXIT;
        }
    };
    let Some(&address) = loaded.config.api.listen.first() else {
        errors.line("authd: error: api.listen names no address to ask");
        return super::FAILURE;
    };
    let address = reachable(address);
    match ask(address) {
        Ok(true) => super::OK,
        Ok(false) => {
            errors.line(format_args!(
                "authd: error: {address} answers, but not as authd"
            ));
            super::FAILURE
        }
        Err(error) => {
            errors.line(format_args!(
                "authd: error: {address} does not answer: {error}"
            ));
            super::FAILURE
        }
    }
}

/// An address that listens everywhere is asked at loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn ask(address: SocketAddr) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut head = [0_u8; 15];
    stream.read_exact(&mut head)?;
    Ok(head.starts_with(b"HTTP/1.1 200"))
}
