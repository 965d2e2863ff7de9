//! Removing what is over: bounded steps, which decide nothing about who may do what.

use common::id::{AttemptId, TenantId, UserId};
use common::time::Time;

use crate::error::StoreError;

/// Whose rows are looked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// All that belong to no tenant, or to one without settings of its own.
    Installation,
    /// One tenant's.
    Tenant(TenantId),
}

/// Moments at or before which rows are over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Over {
    /// Whose rows they are for. What does not differ from tenant to tenant goes with the
    /// installation's: session failures, ended sessions, denied tokens.
    pub whose: Whose,
    /// The present moment: locks and denied tokens that ended before it are over.
    pub now: Time,
    /// Failures of names and devices: the lockout's window.
    pub failures: Time,
    /// Wrong current passwords of sessions: the longest life of any session.
    pub session_failures: Time,
    /// Attempts, by their last try.
    pub attempts: Time,
    /// Open sessions last active then: they are ended, not removed.
    pub idle_sessions: Time,
    /// Open sessions made then: they are ended, not removed.
    pub old_sessions: Time,
    /// Ended sessions.
    pub ended_sessions: Time,
    /// Devices last used then.
    pub devices: Time,
    /// Mails sent then.
    pub mails: Time,
    /// Events of then.
    pub events: Time,
    /// Entries of the log of invalidations, and those of a time behind `now` where that is later.
    pub invalidations: Time,
}

/// Removing rows whose time is over, a bounded number at a time.
pub trait Housekeeping {
    /// Removes at most `limit` rows of each kind; returns the most that any kind lost, so that
    /// less than `limit` means that nothing is left.
    fn prune(&self, over: &Over, limit: u32) -> Result<u32, StoreError>;
    /// Lets locks by failures of names and devices end at `latest` if they would end later; returns
    /// how many it changed, at most `limit`.
    fn shorten_locks(&self, whose: Whose, latest: Time, limit: u32) -> Result<u32, StoreError>;
    /// Ends sessions of a tenant and removes its devices, mailed links and secrets of clients, at most
    /// `limit` rows; returns how many. Zero means that none is left.
    fn end_access(&self, tenant: TenantId, at: Time, limit: u32) -> Result<u32, StoreError>;
    /// Takes what is personal out of a user's attempts: address, device, request and steps. It goes on
    /// behind `after`, by ids, and tells the last of at most `limit` rows; none when none is left.
    fn erase_attempts(
        &self,
        tenant: TenantId,
        user: UserId,
        after: Option<AttemptId>,
        limit: u32,
    ) -> Result<Option<AttemptId>, StoreError>;
    /// Takes the contents out of a chain's rows about an object; the chain stays whole. It looks at
    /// `limit` numbers behind `after`, and tells the last; none behind the end of the chain.
    fn erase_audit(
        &self,
        tenant: TenantId,
        object: &str,
        after: u64,
        limit: u32,
    ) -> Result<Option<u64>, StoreError>;
    /// Removes rows of a tenant, at most about `limit`: users and what is theirs, clients, roles,
    /// permissions, settings, locks by hand, attempts, and the contents of its audit rows, whose chain
    /// stays.
    /// Returns how many; zero means that none is left.
    fn purge(&self, tenant: TenantId, limit: u32) -> Result<u32, StoreError>;
    /// Gives up to so many pages that hold nothing back to the disk; returns how many. Fewer than
    /// asked for means that there are no more, or that this file gives none back.
    fn give_back(&self, pages: u32) -> Result<u32, StoreError>;
    /// Looks again at how large tables and indexes are, for the choice of ways to read them.
    fn optimize(&self) -> Result<(), StoreError>;
}
