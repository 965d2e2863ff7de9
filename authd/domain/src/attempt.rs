//! The log of login attempts: outcomes, and when tries fold into one row (rule 5).

use common::id::{AttemptId, RequestId, TenantId, UserId};
use common::time::Time;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_names_read_back() {
        for &outcome in Outcome::ALL {
            assert_eq!(Outcome::from_name(outcome.as_str()), Some(outcome));
        }
    }
}
