//! The long rows of the reliability list: power loss, ten thousand connections, hours of load, a reader
//! that never ends, an hour without a mail server, a database that somebody else holds.
//!
//! Each has a short form that runs with all other tests, and a whole one that is ignored unless asked
//! for: `cargo test -p authd-tests --test long -- --ignored`, with a row's number behind it for that
//! row alone. One test runs at a time, because some of them measure.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests: what fails here is the message"
)]

mod disk;
mod idle_connections;
mod locked;
mod outbox;
mod power_loss;
mod soak;
mod starvation;

use std::sync::{Mutex, MutexGuard, PoisonError};

use harness::{Authctl, Journal, PASSWORD};

/// Keeps the other tests of this program waiting.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes the tenant and so many clients.
pub(crate) fn journals(authctl: &Authctl, count: u64) -> Vec<Journal> {
    authctl.create_tenant("acme");
    let client = |number| {
        let email = format!("client{number}@acme.test");
        authctl.create_user("acme", &email, PASSWORD);
        Journal::new(email)
    };
    (0..count).map(client).collect()
}
