//! The daemon that is measured, as it is shipped and with its defaults, over a database with a crowd.
//! What differs from the defaults is said here: the budget of failures an address, which all clients
//! of a bench share, is off; access tokens live an hour, so that prepared ones outlive a run; a user
//! keeps five sessions, as many as the crowd's users have; and there is room for 10,000 connections.

use std::net::SocketAddr;
use std::path::PathBuf;

use domain::token::AccessClaims;
use harness::{Daemon, Home, Login, PASSWORD, RedisServer};

use super::process::Pin;
use super::seed::{Crowd, Person, TENANT};
use crate::Result;
use crate::load::plan;

/// How many rows there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    /// Tenants beside the first one and `system`.
    pub(crate) tenants: u64,
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
    /// Sessions that were taken for chains.
    taken: u64,
}

impl Subject {
    /// Makes one; the daemon is stopped when this returns.
    pub(crate) fn new(size: Size) -> Result<Self> {
        let home = Home::new()
            .setting("api.max_connections", "12000")
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
        let crowd = Crowd::fill(&home.data(), claims, size)?;
        Ok(Self {
            home,
            crowd,
            taken: 0,
        })
    }

    /// The n-th of the sessions that no login of the bench touches: those of the second half of users.
    pub(crate) fn quiet(&self, number: u64) -> u64 {
        let (users, all) = (self.crowd.users, self.crowd.sessions);
        let half = users / 2;
        let each = all / users;
        let number = spread(number, half * each);
        (number / half) * users + users - half + number % half
    }

    /// How many such sessions there are.
    pub(crate) const fn quiet_sessions(&self) -> u64 {
        self.crowd.users / 2 * (self.crowd.sessions / self.crowd.users)
    }

    /// Writes logins of the first half of users.
    pub(crate) fn write_logins(&self, address: SocketAddr) -> Result<PathBuf> {
        let path = self.path("logins");
        let requests = (0..(self.crowd.users / 2).min(5000)).map(|number| {
            let number = spread(number, self.crowd.users / 2);
            let body = Login::new(TENANT, &Person(number).email(), PASSWORD);
            plan::post(address, "/v1/auth/login", &body.body().to_string())
        });
        plan::write(&path, requests)?;
        Ok(path)
    }

    /// Writes the first refreshes of so many chains, of sessions that were in none before.
    pub(crate) fn write_chains(&mut self, address: SocketAddr, count: u64) -> Result<PathBuf> {
        let path = self.path("chains");
        let mut requests = Vec::new();
        if self.taken + count > self.quiet_sessions() {
            return Err("no session is left for another chain".into());
        }
        for number in self.taken..self.taken + count {
            let token = self.crowd.refresh(self.quiet(number))?;
            requests.push(plan::refresh(address, &token));
        }
        self.taken += count;
        plan::write(&path, requests)?;
        Ok(path)
    }

    /// Writes checks of distinct tokens, of sessions from the last of the quiet ones backwards; another
    /// `serial` makes other tokens of the same sessions.
    pub(crate) fn write_checks(
        &self,
        address: SocketAddr,
        count: u64,
        serial: u64,
    ) -> Result<PathBuf> {
        let path = self.path("checks");
        let sessions = self.quiet_sessions();
        let mut requests = Vec::new();
        for number in 0..count {
            let session = self.quiet(sessions - 1 - number % sessions);
            let token = self.crowd.access(session, serial + number / sessions)?;
            requests.push(plan::get(address, "/v1/auth/check", &token));
        }
        plan::write(&path, requests)?;
        Ok(path)
    }

    /// Copies the database, of a daemon that is stopped.
    pub(crate) fn copy_database(&self) -> Result<PathBuf> {
        let copy = self.path("copy.db");
        std::fs::copy(self.home.database(), &copy)?;
        for rest in ["copy.db-wal", "copy.db-shm"] {
            // There is none where the last floor ended well.
            drop(std::fs::remove_file(self.path(rest)));
        }
        Ok(copy)
    }

    /// Bytes of the database.
    pub(crate) fn database_bytes(&self) -> Result<u64> {
        Ok(std::fs::metadata(self.home.database())?.len())
    }

    /// Starts the daemon.
    pub(crate) fn start(&mut self, pin: Pin) -> Daemon {
        let words = pin.words();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.home.go_through(&words);
        self.home.start()
    }

    /// With a Redis beside the database from the next start on, or without one.
    pub(crate) fn beside(&mut self, redis: Option<&RedisServer>) {
        match redis {
            Some(redis) => self.home.change("redis.url", &format!("{:?}", redis.url())),
            None => self.home.forget("redis.url"),
        }
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

/// Another number below `all` for each number below it, far from those of its neighbours.
fn spread(number: u64, all: u64) -> u64 {
    /// A prime beyond every count of rows here, so that no two numbers meet.
    const STRIDE: u64 = 1_000_000_007;
    number % all * (STRIDE % all) % all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreading_loses_no_number() {
        for all in [1, 125, 5000, 2_500_000] {
            let found: std::collections::BTreeSet<u64> = (0..all).map(|n| spread(n, all)).collect();
            assert_eq!(found.len() as u64, all);
        }
    }
}
