//! The daemon that is measured, as it is shipped and with its defaults, over a database with a crowd.
//! What differs from the defaults is said here: the budget of failures an address, which all clients
//! of a bench share, is off; access tokens live an hour, so that prepared ones outlive a run; and a
//! user keeps five sessions, as many as the crowd's users have.

use std::path::PathBuf;

use domain::token::AccessClaims;
use harness::{Daemon, Home, Login, PASSWORD};

use super::process::Pin;
use super::seed::{Crowd, TENANT};
use crate::Result;

/// How many rows there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    /// Users.
    pub(crate) users: u64,
    /// Sessions of each.
    pub(crate) sessions_each: u64,
}

/// An installation and its crowd.
pub(crate) struct Subject {
    home: Home,
    /// Users, sessions, and their tokens.
    pub(crate) crowd: Crowd,
}

impl Subject {
    /// Makes one; the daemon is stopped when this returns.
    pub(crate) fn new(size: Size) -> Result<Self> {
        let home = Home::new()
            .setting("token.access_ttl", "\"1h\"")
            .setting("session.policy", "\"limit:5\"")
            .setting("log.level", "\"info\"");
        let daemon = home.start();
        daemon.authctl().create_tenant(TENANT);
        let first = "first@acme.test";
        daemon.authctl().create_user(TENANT, first, PASSWORD);
        let tokens = daemon.api().tokens(&Login::new(TENANT, first, PASSWORD));
        let claims: AccessClaims = serde_json::from_value(tokens.claims())?;
        stopped(daemon)?;
        let crowd = Crowd::fill(&home.data(), claims, size.users, size.sessions_each)?;
        Ok(Self { home, crowd })
    }

    /// Sets a configuration key to a TOML value, for starts from now on.
    pub(crate) fn setting(mut self, key: &str, toml: &str) -> Self {
        self.home = self.home.setting(key, toml);
        self
    }

    /// Starts the daemon.
    pub(crate) fn start(&mut self, pin: Pin) -> Daemon {
        let words = pin.words();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.home.go_through(&words);
        self.home.start()
    }

    /// A path below its folder, for files of the bench.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path(name)
    }
}

/// Ends a daemon; it must end well.
pub(crate) fn stopped(daemon: Daemon) -> Result<()> {
    let exit = daemon.stop();
    match exit.code {
        Some(0) => Ok(()),
        code => Err(format!("authd ended with {code:?}:\n{}", exit.stderr).into()),
    }
}
