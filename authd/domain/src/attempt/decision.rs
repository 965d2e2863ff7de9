//! What decided an attempt, as it is recorded, and in words. Names and their meaning are stored, so they
//! are never changed: what means something else gets a new name, or the next version.

use std::time::Duration;

pub use common::view::DecisionView;

use common::time::Time;
use common::units::format_duration;

use super::{AttemptRow, Outcome};
use crate::lockout::{CounterKind, LockoutPolicy};

/// Version of the reasons that this code writes.
pub const REASONS_VERSION: u32 = 1;

/// The rule that decided an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Right, and signed in.
    PasswordRight,
    /// Right, and good for changing it only.
    PasswordRightTemporary,
    /// Right, but the request was over by then.
    RequestOver,
    /// Wrong.
    PasswordWrong,
    /// No user of the tenant has that name, or there is no such tenant.
    NoSuchName,
    /// Failures had locked the name.
    LockedByFailures,
    /// An administrator had locked the name.
    LockedByHand,
    /// The address had used up its failures.
    AddressBudget,
    /// Right, but the account is closed.
    AccountDisabled,
    /// Right, but the tenant is closed.
    TenantSuspended,
    /// Right, but the subscription has ended.
    SubscriptionEnded,
    /// Right, but changed meanwhile, or a temporary one that is over.
    CredentialStale,
    /// Nobody settled it.
    LeftOpen,
}

impl Reason {
    /// Every reason.
    pub const ALL: &[Self] = &[
        Self::PasswordRight,
        Self::PasswordRightTemporary,
        Self::RequestOver,
        Self::PasswordWrong,
        Self::NoSuchName,
        Self::LockedByFailures,
        Self::LockedByHand,
        Self::AddressBudget,
        Self::AccountDisabled,
        Self::TenantSuspended,
        Self::SubscriptionEnded,
        Self::CredentialStale,
        Self::LeftOpen,
    ];

    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PasswordRight => "password_right",
            Self::PasswordRightTemporary => "password_right_temporary",
            Self::RequestOver => "request_over",
            Self::PasswordWrong => "password_wrong",
            Self::NoSuchName => "no_such_name",
            Self::LockedByFailures => "locked_by_failures",
            Self::LockedByHand => "locked_by_hand",
            Self::AddressBudget => "address_budget",
            Self::AccountDisabled => "account_disabled",
            Self::TenantSuspended => "tenant_suspended",
            Self::SubscriptionEnded => "subscription_ended",
            Self::CredentialStale => "credential_stale",
            Self::LeftOpen => "left_open",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|reason| reason.as_str() == name)
    }

    /// The reason of a refusal after a right password.
    pub const fn of_refusal(outcome: Outcome) -> Self {
        match outcome {
            Outcome::AccountDisabled => Self::AccountDisabled,
            Outcome::TenantSuspended => Self::TenantSuspended,
            Outcome::SubscriptionEnded => Self::SubscriptionEnded,
            Outcome::CredentialStale => Self::CredentialStale,
            Outcome::Success => Self::PasswordRight,
            Outcome::SuccessAbandoned => Self::RequestOver,
            Outcome::WrongPassword => Self::PasswordWrong,
            Outcome::UnknownUser => Self::NoSuchName,
            Outcome::Locked => Self::LockedByFailures,
            Outcome::RateLimited => Self::AddressBudget,
            Outcome::Unsettled => Self::LeftOpen,
        }
    }

    const fn sentence(self) -> &'static str {
        match self {
            Self::PasswordRight => "the password was right: signed in",
            Self::PasswordRightTemporary => {
                "the password was right, and a temporary one: good for changing it only"
            }
            Self::RequestOver => {
                "the password was right, but the request was over by then: no session was made"
            }
            Self::PasswordWrong => "the password was wrong",
            Self::NoSuchName => "no user had that name",
            Self::LockedByFailures => "not evaluated: failures had locked the name",
            Self::LockedByHand => "not evaluated: an administrator had locked the name",
            Self::AddressBudget => "not evaluated: the address had used up its budget of failures",
            Self::AccountDisabled => "the password was right, but the account was disabled",
            Self::TenantSuspended => "the password was right, but the tenant was suspended",
            Self::SubscriptionEnded => "the password was right, but the subscription had ended",
            Self::CredentialStale => {
                "the password had been changed meanwhile, or was a temporary one that was used up"
            }
            Self::LeftOpen => "left open by an earlier run, or for too long: counted as a failure",
        }
    }
}

/// Makes what is recorded of a decision.
#[derive(Debug)]
pub struct Decision;

impl Decision {
    /// By a rule that asks no counter.
    pub fn of(reason: Reason) -> DecisionView {
        DecisionView {
            v: REASONS_VERSION,
            reason: reason.as_str().to_owned(),
            counter: None,
            threshold: None,
            window_seconds: None,
            duration_seconds: None,
            failures: None,
            locked_until: None,
        }
    }

    /// By a rule that asked a counter, with the policy of that moment.
    pub fn by_counter(reason: Reason, kind: CounterKind, policy: &LockoutPolicy) -> DecisionView {
        let counter = match kind {
            CounterKind::Device => "device",
            CounterKind::Subject | CounterKind::Session => "name",
        };
        DecisionView {
            counter: Some(counter.to_owned()),
            threshold: Some(policy.threshold),
            window_seconds: Some(policy.window.as_secs()),
            duration_seconds: Some(policy.duration.as_secs()),
            ..Self::of(reason)
        }
    }
}

/// Why an attempt ended as it did, one sentence a step; `say` writes times. A row of before reasons were
/// recorded tells the steps that its code wrote, one of a later version its names as they are.
pub fn words(row: &AttemptRow, say: &dyn Fn(Time) -> String) -> Vec<String> {
    let Some(decision) = &row.first.decision else {
        return row.first.trace.clone();
    };
    let known = Some(decision.reason.as_str())
        .filter(|_| decision.v == REASONS_VERSION)
        .and_then(Reason::from_name);
    let Some(reason) = known else {
        let mut told = vec![format!("{} (reasons {})", decision.reason, decision.v)];
        told.extend(row.first.trace.iter().cloned());
        return told;
    };
    let mut told = vec![reason.sentence().to_owned()];
    told.extend(counted(decision, reason, say));
    if decision.counter.as_deref() == Some("device") {
        told.push("counted on the known device's own counter, not the name's".to_owned());
    }
    told
}

fn counted(
    decision: &DecisionView,
    reason: Reason,
    say: &dyn Fn(Time) -> String,
) -> Option<String> {
    if matches!(reason, Reason::LockedByFailures | Reason::LockedByHand) {
        return Some(match decision.locked_until {
            Some(until) => format!("locked until {}", say(until)),
            None => "locked until an administrator clears it".to_owned(),
        });
    }
    let (failures, threshold) = (decision.failures?, decision.threshold?);
    let window = length(decision.window_seconds?);
    let place = ordinal(failures);
    Some(match decision.locked_until {
        Some(until) => format!(
            "{place} in the window: lock until {} (threshold {threshold}, window {window}, \
             duration {})",
            say(until),
            length(decision.duration_seconds.unwrap_or_default()),
        ),
        None => format!("{place} of {threshold} in the window of {window}"),
    })
}

fn length(seconds: u64) -> String {
    format_duration(Duration::from_secs(seconds))
}

fn ordinal(number: u32) -> String {
    let ending = match (number % 100, number % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

#[cfg(test)]
mod tests {
    use common::id::AttemptId;

    use super::super::Attempt;
    use super::*;
    use crate::lockout::CounterKey;

    const POLICY: LockoutPolicy = LockoutPolicy {
        threshold: 5,
        window: Duration::from_mins(15),
        duration: Duration::from_mins(20),
    };

    fn row(decision: Option<DecisionView>) -> AttemptRow {
        AttemptRow {
            first: Attempt {
                id: AttemptId::from_bytes([1; 16]),
                at: Time::default(),
                tenant_id: None,
                user_id: None,
                subject: CounterKey::from_bytes([2; 32]),
                ip: None,
                outcome: Outcome::WrongPassword,
                device: None,
                request_id: None,
                trace: vec!["step of old".to_owned()],
                decision,
                correlation_id: None,
            },
            count: 1,
            last_at: None,
        }
    }

    fn told(decision: DecisionView) -> Vec<String> {
        words(&row(Some(decision)), &|time| time.millis().to_string())
    }

    #[test]
    fn reasons_read_back_and_each_has_its_sentence() {
        let mut seen = std::collections::BTreeSet::new();
        for &reason in Reason::ALL {
            assert_eq!(Reason::from_name(reason.as_str()), Some(reason));
            assert_eq!(told(Decision::of(reason))[0], reason.sentence());
            assert!(seen.insert(reason.sentence()));
        }
    }

    #[test]
    fn words_tell_the_policy_of_that_moment() {
        let decision = DecisionView {
            failures: Some(2),
            ..Decision::by_counter(Reason::PasswordWrong, CounterKind::Subject, &POLICY)
        };
        assert_eq!(
            told(decision.clone()),
            ["the password was wrong", "2nd of 5 in the window of 15m"]
        );
        let locking = DecisionView {
            failures: Some(5),
            counter: Some("device".to_owned()),
            locked_until: Some(Time::from_millis(77)),
            ..decision
        };
        assert_eq!(
            told(locking),
            [
                "the password was wrong",
                "5th in the window: lock until 77 (threshold 5, window 15m, duration 20m)",
                "counted on the known device's own counter, not the name's",
            ]
        );
        let by_hand = Decision::of(Reason::LockedByHand);
        assert_eq!(told(by_hand)[1], "locked until an administrator clears it");
    }

    #[test]
    fn rows_of_other_versions_are_shown_as_they_were_written() {
        assert_eq!(
            words(&row(None), &|_| String::new()),
            ["step of old"],
            "a row of before reasons were recorded"
        );
        for (v, reason) in [(2, "password_wrong"), (1, "phase_of_the_moon")] {
            let later = DecisionView {
                v,
                reason: reason.to_owned(),
                ..Decision::of(Reason::PasswordWrong)
            };
            let expected = format!("{reason} (reasons {v})");
            assert_eq!(told(later), [expected.as_str(), "step of old"]);
        }
    }

    #[test]
    fn numbers_have_their_endings() {
        let all = [1, 2, 3, 4, 11, 12, 13, 21, 112].map(ordinal);
        assert_eq!(
            all,
            [
                "1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "112th"
            ]
        );
    }
}
