//! Who comes first: a request's deadline or its write (product.md, rule 28).
//!
//! A deadline cancels a write only while it is queued. Both sides settle the race by one
//! compare-and-swap here; once a write has begun, the answer waits for the outcome.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

const OPEN: u8 = 0;
const BEGUN: u8 = 1;
const EXPIRED: u8 = 2;

/// The race between a request's deadline and its writes; clones share it.
#[derive(Debug, Clone)]
pub struct Claim {
    state: Arc<AtomicU8>,
    deadline: Option<Instant>,
    rehearses: bool,
}

impl Claim {
    /// A claim that expires at `deadline`, or never.
    pub fn until(deadline: Option<Instant>) -> Self {
        Self {
            state: Arc::new(AtomicU8::new(OPEN)),
            deadline,
            rehearses: false,
        }
    }

    /// The same claim for a rehearsal: its writes run as they would, and are undone (`--dry-run`).
    #[must_use]
    pub fn rehearsing(self) -> Self {
        Self {
            rehearses: true,
            ..self
        }
    }

    /// Whether writes of this claim are undone after they ran.
    pub fn is_rehearsal(&self) -> bool {
        self.rehearses
    }

    /// A claim that nothing cancels: for work that is detached from a request.
    pub fn detached() -> Self {
        Self::until(None)
    }

    /// Says that an effect begins. False if the request has expired: then nothing may be done.
    pub fn begin(&self) -> bool {
        if self
            .deadline
            .is_some_and(|deadline| Instant::now() >= deadline)
        {
            let _: bool = self.expire();
        }
        let before = self
            .state
            .compare_exchange(OPEN, BEGUN, Ordering::AcqRel, Ordering::Acquire);
        !matches!(before, Err(EXPIRED))
    }

    /// Says that the request is over. True if no effect has begun, and now none will.
    pub fn expire(&self) -> bool {
        let before =
            self.state
                .compare_exchange(OPEN, EXPIRED, Ordering::AcqRel, Ordering::Acquire);
        !matches!(before, Err(BEGUN))
    }

    /// Whether an effect has begun.
    pub fn has_begun(&self) -> bool {
        self.state.load(Ordering::Acquire) == BEGUN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r27_the_first_of_the_two_wins() {
        let claim = Claim::detached();
        assert!(claim.begin());
        assert!(!claim.expire());
        assert!(claim.begin());
        let claim = Claim::detached();
        assert!(claim.expire());
        assert!(claim.expire());
        assert!(!claim.begin());
    }

    #[test]
    fn a_deadline_that_has_passed_expires_by_itself() {
        let claim = Claim::until(Some(Instant::now()));
        assert!(!claim.begin());
        assert!(!claim.has_begun());
    }
}
