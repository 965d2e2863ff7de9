//! `[cache]`: what is kept in memory.

use super::fault::Fault;
use super::key::{Change, Class, Key, Kind};
use super::value::Values;

/// The keys, sorted by name.
pub(super) const KEYS: &[Key] = &[Key {
    name: "cache.token_entries",
    kind: Kind::Integer {
        min: 0,
        max: 100_000_000,
    },
    default: Some("100000"),
    change: Change::Reload,
    class: Class::Installation,
    doc: "Most verified tokens in memory; never bounds a revocation.",
}];

/// Settings of the caches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    /// Most verified tokens in memory.
    pub token_entries: u64,
}

impl Cache {
    pub(super) fn build(values: &Values) -> Result<Self, Fault> {
        Ok(Self {
            token_entries: values.number("cache.token_entries")?,
        })
    }
}
