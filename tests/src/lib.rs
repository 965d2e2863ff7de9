//! Starts the real `authd` and `authctl` for tests, and speaks to them over their real sockets.
//! It knows the contracts (command line, HTTP, exit codes), never the insides of either program.
//!
//! A failure here is a failed test, so this library panics with a message where others return errors.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test library: what fails here fails the test that called it"
)]

mod api;
mod authctl;
mod authority;
mod browser;
mod clock;
mod daemon;
mod home;
mod http;
mod journal;
mod letter;
mod mail_server;
mod notify;
mod process;
mod program;
mod redis_server;
mod stand_in;
mod strace;
mod trace;
mod wait;

pub use api::{Api, Login, Tokens};
pub use authctl::Authctl;
pub use authority::Authority;
pub use browser::Browser;
pub use clock::WallClock;
pub use daemon::Daemon;
pub use home::Home;
pub use http::{Connection, Request, Response};
pub use journal::{Dice, Journal};
pub use letter::Received;
pub use mail_server::{Conduct, Fault, MailServer, MailTls};
pub use process::{Exit, make_room_for_clients};
pub use program::{Program, free_address};
pub use redis_server::{RedisAnswer, RedisMonitor, RedisServer, RedisWay};
pub use stand_in::{StandIn, StandInAnswer};
pub use strace::Faults;
pub use trace::{Call, Recording};
pub use wait::{eventually, parallel};

use std::path::PathBuf;

/// A password that every policy of the defaults takes.
pub const PASSWORD: &str = "seven green lanterns drift";
/// Another one.
pub const OTHER_PASSWORD: &str = "eleven paper boats at dusk";
/// One that is never right.
pub const WRONG_PASSWORD: &str = "nobody ever chose this one";

/// Where cargo put a binary of the workspace: beside the running program, or the folder of the running
/// test.
///
/// # Panics
/// If it has not been built; cargo builds binaries of other packages only when asked.
pub fn binary(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("a program has a path");
    let folder = own.parent().expect("a program lies in a folder");
    let folder = match folder.parent() {
        Some(above) if folder.ends_with("deps") => above,
        _ => folder,
    };
    let path = folder.join(name);
    assert!(
        path.is_file(),
        "{} is missing; build it first: cargo build --workspace --bins",
        path.display()
    );
    path
}
