//! Listening sockets that the service manager has made and passes on (`LISTEN_FDS`): taken once, told
//! apart by name, and checked. It binds nothing; what was passed wins over the configuration.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;

use listenfd::ListenFd;

use super::exit::Failure;

/// Names that a unit may give by `FileDescriptorName=`.
const NAMES: &str = "api, admin, monitor or helpdesk";

/// What was passed; each is taken out where it is served.
#[derive(Debug, Default)]
pub(super) struct Passed {
    /// Listeners of the HTTP API, any number.
    pub(super) api: Vec<TcpListener>,
    /// The socket that may do everything.
    pub(super) admin: Option<UnixListener>,
    /// The socket for operators.
    pub(super) monitor: Option<UnixListener>,
    /// The socket for the helpdesk.
    pub(super) helpdesk: Option<UnixListener>,
}

impl Passed {
    /// Takes what was passed to this process, which can be done once.
    pub(super) fn take() -> Result<Self, Failure> {
        // The names stay in the environment, the numbers are taken out of it.
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut descriptors = ListenFd::from_env();
        let mut passed = Self::default();
        let mut names = names.split(':');
        for index in 0..descriptors.len() {
            let name = names.next().unwrap_or_default();
            passed.sort_in(&mut descriptors, index, name)?;
        }
        Ok(passed)
    }

    fn sort_in(
        &mut self,
        descriptors: &mut ListenFd,
        index: usize,
        name: &str,
    ) -> Result<(), Failure> {
        let wrong = |why: &dyn std::fmt::Display| refused(index, name, why);
        let twice = || wrong(&"was passed already, and there is one");
        match name {
            "api" => {
                let listener = descriptors
                    .take_tcp_listener(index)
                    .map_err(|e| wrong(&e))?;
                let listener = listener.ok_or_else(twice)?;
                is_listening(&listener).map_err(|why| wrong(&why))?;
                listener.set_nonblocking(true).map_err(|e| wrong(&e))?;
                self.api.push(listener);
            }
            "admin" | "monitor" | "helpdesk" => {
                let listener = descriptors
                    .take_unix_listener(index)
                    .map_err(|e| wrong(&e))?;
                let listener = listener.ok_or_else(twice)?;
                is_listening(&listener).map_err(|why| wrong(&why))?;
                listener.set_nonblocking(true).map_err(|e| wrong(&e))?;
                let place = match name {
                    "admin" => &mut self.admin,
                    "monitor" => &mut self.monitor,
                    _ => &mut self.helpdesk,
                };
                if place.replace(listener).is_some() {
                    return Err(twice());
                }
            }
            _ => return Err(wrong(&"has no place here")),
        }
        Ok(())
    }

    /// Refuses what the configuration would refuse as `api.listen`.
    pub(super) fn check(&self, behind_proxy: bool) -> Result<(), Failure> {
        for listener in &self.api {
            let address = listener.local_addr().map_err(Failure::other)?;
            if !behind_proxy && !address.ip().to_canonical().is_loopback() {
                return Err(not_loopback(address));
            }
        }
        Ok(())
    }
}

/// A connection, as `Accept=yes` passes it, cannot be listened on.
fn is_listening(socket: impl AsFd) -> Result<(), String> {
    match rustix::net::sockopt::socket_acceptconn(socket) {
        Ok(true) => Ok(()),
        Ok(false) => Err("is not listening; the socket unit needs Accept=no".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn refused(index: usize, name: &str, why: &dyn std::fmt::Display) -> Failure {
    let name = common::text::visible(name);
    Failure::config(
        format!(
            "socket {} from the service manager, named \"{name}\": {why}",
            index + 1
        ),
        format!(
            "Set FileDescriptorName= in its unit to {NAMES}: a TCP socket for api, Unix sockets for the others."
        ),
    )
}

fn not_loopback(address: SocketAddr) -> Failure {
    Failure::config(
        format!("the service manager passes {address}, which is not loopback, and there is no TLS"),
        "Set ListenStream= to 127.0.0.1 or [::1]; or, behind a proxy that speaks TLS, set api.behind_proxy to true.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_passed_to_a_process_that_was_started_by_hand() {
        let passed = Passed::take().unwrap();
        assert!(passed.api.is_empty() && passed.admin.is_none() && passed.monitor.is_none());
    }

    #[test]
    fn a_passed_address_follows_the_rule_of_api_listen() {
        let everywhere = Passed {
            api: vec![TcpListener::bind("0.0.0.0:0").unwrap()],
            ..Passed::default()
        };
        assert!(everywhere.check(false).is_err());
        assert!(everywhere.check(true).is_ok());
        let here = Passed {
            api: vec![TcpListener::bind("127.0.0.1:0").unwrap()],
            ..Passed::default()
        };
        assert!(here.check(false).is_ok());
    }

    #[test]
    fn a_connection_is_no_listener() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        is_listening(&listener).unwrap();
        let address = listener.local_addr().unwrap();
        let connection = std::net::TcpStream::connect(address).unwrap();
        assert!(is_listening(&connection).unwrap_err().contains("Accept=no"));
    }
}
