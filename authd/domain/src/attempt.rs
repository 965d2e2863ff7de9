//! The log of login attempts: outcomes, what decided them, and when tries fold into one row (rule 5).

mod decision;

use common::id::{AttemptId, RequestId, TenantId, UserId};
use common::time::Time;

pub use decision::{Decision, DecisionView, REASONS_VERSION, Reason, words};

use crate::device::Device;
use crate::lockout::CounterKey;

/// Rows of one subject and hour that stand alone; further tries fold.
pub const ROWS_PER_HOUR: u32 = 100;

/// How an attempt ended. The names are stored, so they are never changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Signed in.
    Success,
    /// A right password whose request was gone by then; no session was made.
    SuccessAbandoned,
    /// The password was wrong.
    WrongPassword,
    /// No such name; to the outside the same as a wrong password.
    UnknownUser,
    /// The name was locked; nothing was evaluated.
    Locked,
    /// The address had used up its budget of failures; nothing was evaluated.
    RateLimited,
    /// Right password, closed account.
    AccountDisabled,
    /// Right password, closed tenant.
    TenantSuspended,
    /// Right password, ended subscription.
    SubscriptionEnded,
    /// Right password that was changed meanwhile, or a temporary one that is used up.
    CredentialStale,
    /// Left open by an earlier run or for too long; counted as a failure.
    Unsettled,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: &[Self] = &[
        Self::Success,
        Self::SuccessAbandoned,
        Self::WrongPassword,
        Self::UnknownUser,
        Self::Locked,
        Self::RateLimited,
        Self::AccountDisabled,
        Self::TenantSuspended,
        Self::SubscriptionEnded,
        Self::CredentialStale,
        Self::Unsettled,
    ];

    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::SuccessAbandoned => "success_abandoned",
            Self::WrongPassword => "wrong_password",
            Self::UnknownUser => "unknown_user",
            Self::Locked => "locked",
            Self::RateLimited => "rate_limited",
            Self::AccountDisabled => "account_disabled",
            Self::TenantSuspended => "tenant_suspended",
            Self::SubscriptionEnded => "subscription_ended",
            Self::CredentialStale => "credential_stale",
            Self::Unsettled => "unsettled",
        }
    }

    /// Reads a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|outcome| outcome.as_str() == name)
    }

    /// Whether the password was right and the account open.
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Success | Self::SuccessAbandoned)
    }

    /// Whether tries of this outcome fold from the first one on.
    pub const fn folds_at_once(self) -> bool {
        matches!(self, Self::Locked | Self::RateLimited)
    }
}

/// One try, to be recorded as a row or folded into one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Id of the row, should it stand alone or be the first of a folded one.
    pub id: AttemptId,
    /// When it happened.
    pub at: Time,
    /// Tenant, where the slug names one.
    pub tenant_id: Option<TenantId>,
    /// User, where the name is a known one.
    pub user_id: Option<UserId>,
    /// Keyed hash of the name.
    pub subject: CounterKey,
    /// Client's address, as the configuration says to keep it.
    pub ip: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Device that the client named.
    pub device: Option<Device>,
    /// The request that made it.
    pub request_id: Option<RequestId>,
    /// How the decision was reached.
    pub trace: Vec<String>,
    /// What it went by.
    pub decision: Option<DecisionView>,
    /// The caller's own id of that request.
    pub correlation_id: Option<String>,
}

/// A row of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRow {
    /// The try, or the first of a folded row.
    pub first: Attempt,
    /// Tries in the row.
    pub count: u64,
    /// The last try of a folded row.
    pub last_at: Option<Time>,
}

/// What the rows of a user tell of wrong passwords: outcome, number of tries and the last of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// How the tries ended.
    pub outcome: Outcome,
    /// How many.
    pub count: u64,
    /// When the last was.
    pub last_at: Time,
}

/// Wrong passwords after the last success and after `since`: when the user was last signed in, or the
/// password was set. A folded row that reaches beyond that counts as a whole: rather one mail too
/// many than none.
pub fn failures_since(tallies: &[Tally], since: Option<Time>) -> u64 {
    let successes = tallies.iter().filter(|tally| tally.outcome.is_success());
    let since = successes.map(|tally| tally.last_at).max().max(since);
    tallies
        .iter()
        .filter(|tally| matches!(tally.outcome, Outcome::WrongPassword | Outcome::Unsettled))
        .filter(|tally| since.is_none_or(|since| tally.last_at > since))
        .fold(0, |sum, tally| sum.saturating_add(tally.count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v6_3_5_wrong_passwords_count_from_the_last_success_on() {
        let at = |second: i64| Time::from_millis(second * 1000);
        let tally = |outcome, count, second| Tally {
            outcome,
            count,
            last_at: at(second),
        };
        let tallies = [
            tally(Outcome::Locked, 40, 9),
            tally(Outcome::WrongPassword, 3, 8),
            tally(Outcome::Unsettled, 1, 7),
            tally(Outcome::Success, 1, 6),
            tally(Outcome::WrongPassword, 9, 5),
            // Folded, and begun before others.
            tally(Outcome::WrongPassword, 2, 10),
        ];
        assert_eq!(failures_since(&tallies, None), 6);
        assert_eq!(failures_since(&tallies, Some(at(7))), 5);
        assert_eq!(failures_since(&tallies, Some(at(10))), 0);
        assert_eq!(failures_since(&[], None), 0);
    }

    #[test]
    fn stored_names_read_back() {
        for &outcome in Outcome::ALL {
            assert_eq!(Outcome::from_name(outcome.as_str()), Some(outcome));
        }
    }
}
