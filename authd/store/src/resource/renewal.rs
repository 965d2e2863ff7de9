//! What a transaction can do where the keys behind names and sessions are lost: names of counters are
//! computed anew, and nothing goes on that the old keys held up.

#![expect(
    clippy::missing_errors_doc,
    reason = "all methods share one list of errors, which stands in `resource.rs`"
)]

use common::email::Email;
use common::time::Time;
use domain::lockout::CounterKey;

use crate::error::StoreError;

/// What became of the counters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Renamed {
    /// Users whose name was computed anew.
    pub users: u64,
    /// Counters that no user has: unknown names, devices, sessions. They are gone.
    pub forgotten: u64,
    /// Of those, locks by hand.
    pub locks_forgotten: u64,
}

/// Whatever hangs on keys, for all tenants at once.
pub trait Renewal {
    /// Ends every open session; returns how many.
    fn end_sessions(&self, at: Time) -> Result<u64, StoreError>;
    /// Computes the name of every user's counter anew, from the tenant's slug and the address. Counts,
    /// locks and attempts follow; counters that no user has are forgotten.
    fn rename_counters(
        &self,
        name: &dyn Fn(&str, &Email) -> CounterKey,
    ) -> Result<Renamed, StoreError>;
}
