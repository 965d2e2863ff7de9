//! What may stand beside the database and be shared by several nodes, whichever kind it is: values under
//! names, and notes of failures. It is nobody's truth: it may be empty, slow, stopped, full of what a
//! stranger wrote, and restored from last year. Who asks it judges each answer, and goes on without.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use common::time::Time;

/// Most bytes of a value; a longer one is neither kept nor taken.
pub const VALUE_LIMIT: usize = 32 * 1024;

/// An answer that is waited for, for a bounded time.
pub type Awaited<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a value is kept under. Names tell nothing: they are made of keyed hashes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Name(String);

impl Name {
    /// A name of one part, or of several with colons between.
    pub fn of(parts: &[&str]) -> Self {
        Self(parts.join(":"))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Closes messages for a way that is not trusted, and opens what was closed so.
pub trait Envelope: Send + Sync {
    /// The closed message; none if that fails.
    fn close(&self, message: &[u8]) -> Option<Vec<u8>>;
    /// The message, if it is one of ours.
    fn open(&self, closed: &[u8]) -> Option<Vec<u8>>;
}

/// How it stands with the connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connection {
    /// Where it leads, without secrets.
    pub address: String,
    /// Whether it is asked at present.
    pub is_up: bool,
    /// For how long that has been so.
    pub lasts: Duration,
    /// Why it is not asked.
    pub reason: Option<String>,
    /// Questions that were answered.
    pub answered: u64,
    /// Questions that were not: no answer in time, an error, a broken connection.
    pub failed: u64,
    /// Questions that were not asked, because the connection was down or crowded.
    pub skipped: u64,
    /// Values, notes and notices that were not handed over.
    pub dropped: u64,
    /// Times that the connection was lost.
    pub losses: u64,
    /// How long ago another node, or this one, was heard saying that something was taken away.
    pub heard_ago: Option<Duration>,
}

/// Values beside the database. No function fails: what cannot be had is not there.
pub trait Beside: Send + Sync {
    /// The values of several names, in their order. Whoever waits does so briefly.
    fn values<'a>(&'a self, names: &'a [Name]) -> Awaited<'a, Vec<Option<Vec<u8>>>>;
    /// Keeps a value for a while. Never waits.
    fn keep(&self, name: &Name, value: Vec<u8>, ttl: Duration);
    /// Writes down a moment under a name, beside the `limit` newest that are there. Never waits.
    fn note(&self, name: &Name, at: Time, limit: u32, ttl: Duration);
    /// The oldest of the `limit` newest moments under a name, if there are so many.
    fn noted<'a>(&'a self, name: &'a Name, limit: u32) -> Awaited<'a, Option<Time>>;
    /// Takes away all whose names begin so, as far as that can be done; how many went.
    fn remove<'a>(&'a self, prefix: &'a Name) -> Awaited<'a, Option<u64>>;
    /// How it stands.
    fn connection(&self) -> Connection;
}
