//! The log of what changes took away. Whoever answers from memory follows it.

use common::time::Time;

use crate::error::StoreError;
use crate::scope::Scope;

/// One entry of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Invalidation {
    /// In the order of commits, from 1 on; a hole means that an entry is missing.
    pub number: u64,
    /// What was taken from.
    pub scope: Scope,
    /// When.
    pub at: Time,
}

/// The log, to read. It is written by [`crate::WriteTx::invalidate`] alone.
pub trait InvalidationsRead {
    /// The latest entry.
    fn head(&self) -> Result<Option<Invalidation>, StoreError>;
    /// At most `limit` entries from a number on, that one included, in their order.
    fn from(&self, number: u64, limit: u32) -> Result<Vec<Invalidation>, StoreError>;
}
