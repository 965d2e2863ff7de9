//! Events that revoke: what whoever checks tokens without asking must no longer accept (rule 11).

use common::id::{ClientId, KeyId, SessionId, TenantId, UserId};
use common::time::Time;

/// What is revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revoked {
    /// All tokens of a session.
    Session(SessionId),
    /// One token, by its id.
    Token(String),
    /// All tokens of a user that were made so far.
    User(UserId),
    /// All tokens of a service client that were made so far.
    Client(ClientId),
    /// All tokens of a tenant that were made so far.
    Tenant(TenantId),
    /// All tokens that a key signed.
    Key(KeyId),
}

/// A revocation in its place in the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// Its number; a later commit has a higher one.
    pub number: u64,
    /// When it happened.
    pub at: Time,
    /// What is revoked.
    pub what: Revoked,
}

/// From where to where the numbers go that can be given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// All up to this one may be gone.
    pub floor: u64,
    /// The last one that was given.
    pub head: u64,
}

impl Range {
    /// Whether all that came behind `since` is there.
    pub const fn covers(&self, since: u64) -> bool {
        self.floor <= since && since <= self.head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a79_what_is_too_old_or_ahead_is_a_gap() {
        let range = Range { floor: 5, head: 9 };
        for (since, covered) in [(0, false), (4, false), (5, true), (9, true), (10, false)] {
            assert_eq!(range.covers(since), covered, "{since}");
        }
        assert!(Range { floor: 0, head: 0 }.covers(0));
    }
}
