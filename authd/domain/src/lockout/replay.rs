//! Replaying recorded tries of one name under a policy, by the rule that decides logins. A row that
//! stands for many tries has them spread evenly between its first and last.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use common::time::Time;

use super::{AfterFailure, CounterState, DISORDER, LockoutPolicy};
use crate::attempt::Outcome;

/// What a recorded try was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Try {
    /// Evaluated, and wrong.
    Failed,
    /// Evaluated, and right.
    Succeeded,
    /// Not evaluated, since the name was locked: under another policy it may be, and is taken for wrong.
    Unknown,
}

impl Try {
    /// What a try was that ended so; none for one that no counter heard of: a right password of a closed
    /// account, or one that an address's budget refused.
    pub const fn of(outcome: Outcome) -> Option<Self> {
        match outcome {
            Outcome::WrongPassword | Outcome::UnknownUser | Outcome::Unsettled => {
                Some(Self::Failed)
            }
            Outcome::Success | Outcome::SuccessAbandoned => Some(Self::Succeeded),
            Outcome::Locked => Some(Self::Unknown),
            Outcome::RateLimited
            | Outcome::AccountDisabled
            | Outcome::TenantSuspended
            | Outcome::SubscriptionEnded
            | Outcome::CredentialStale => None,
        }
    }
}

/// Recorded tries of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Recorded {
    /// The first.
    pub at: Time,
    /// The last.
    pub last_at: Time,
    /// How many.
    pub count: u64,
    /// What they were.
    pub kind: Try,
}

impl Recorded {
    /// When the `n`-th of them was, from 0 on.
    fn time(&self, n: u64) -> Time {
        let span = self.last_at.millis().saturating_sub(self.at.millis());
        let gaps = i128::from(self.count.saturating_sub(1).max(1));
        let gone = i128::from(span)
            .saturating_mul(i128::from(n))
            .checked_div(gaps)
            .and_then(|gone| i64::try_from(gone).ok())
            .unwrap_or(span);
        Time::from_millis(self.at.millis().saturating_add(gone))
    }

    /// The first of them at or after `time`, from `n` on.
    fn first_from(&self, n: u64, time: Time) -> u64 {
        let span = i128::from(self.last_at.millis().saturating_sub(self.at.millis()));
        let gone = i128::from(time.millis().saturating_sub(self.at.millis()));
        let gaps = i128::from(self.count.saturating_sub(1));
        if span <= 0 || gone > span {
            return if self.at < time { self.count } else { n };
        }
        let nth = gone
            .saturating_mul(gaps)
            .saturating_add(span.saturating_sub(1))
            .checked_div(span)
            .and_then(|nth| u64::try_from(nth).ok())
            .unwrap_or(n);
        nth.max(n)
    }
}

/// What a policy would have done with the tries of one name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Locks that it would have set.
    pub locks: u64,
    /// Wrong passwords that it would have had evaluated.
    pub let_through: u64,
}

/// The replay of one name. Rows come in the order of their first tries.
#[derive(Debug)]
pub struct Replay {
    policy: LockoutPolicy,
    state: CounterState,
    /// Rows with tries to come: the next of them, the row, and its number.
    waiting: BinaryHeap<Reverse<(Time, u64, Recorded)>>,
    replayed: Replayed,
}

impl Replay {
    /// Begins with an empty counter.
    pub fn new(policy: LockoutPolicy) -> Self {
        Self {
            policy,
            state: CounterState::default(),
            waiting: BinaryHeap::new(),
            replayed: Replayed::default(),
        }
    }

    /// Takes the next row.
    pub fn take(&mut self, row: Recorded) {
        self.catch_up(Some(row.at));
        if row.count > 0 {
            self.waiting.push(Reverse((row.at, 0, row)));
        }
    }

    /// Replays what is left, and says what came out.
    pub fn finish(mut self) -> Replayed {
        self.catch_up(None);
        self.replayed
    }

    /// Replays what waits and comes before a time.
    fn catch_up(&mut self, until: Option<Time>) {
        while let Some(&Reverse((at, n, row))) = self.waiting.peek() {
            if until.is_some_and(|until| at >= until) {
                return;
            }
            self.waiting.pop();
            let next = match self.state.locked_until.filter(|&end| at < end) {
                // Nothing that comes before the end of the lock changes anything.
                Some(end) if self.state.locked(&self.policy, at).is_some() => {
                    row.first_from(n.saturating_add(1), end)
                }
                _ => {
                    self.evaluate(row.kind, at);
                    n.saturating_add(1)
                }
            };
            if next < row.count {
                self.waiting.push(Reverse((row.time(next), next, row)));
            }
        }
    }

    fn evaluate(&mut self, kind: Try, at: Time) {
        if kind == Try::Succeeded {
            self.state.failures.clear();
            return;
        }
        self.replayed.let_through = self.replayed.let_through.saturating_add(1);
        match self.state.fail(&self.policy, at) {
            AfterFailure::Counted { .. } => {
                let oldest = at.minus(self.policy.window).minus(DISORDER);
                self.state.failures.retain(|&failure| failure > oldest);
                self.state.failures.push(at);
            }
            AfterFailure::Locked { until } => {
                self.state.failures.clear();
                self.state.locked_until = Some(until);
                self.replayed.locks = self.replayed.locks.saturating_add(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const POLICY: LockoutPolicy = LockoutPolicy {
        threshold: 5,
        window: Duration::from_mins(15),
        duration: Duration::from_mins(15),
    };

    fn at(seconds: u64) -> Time {
        Time::from_millis(1_000_000_000).plus(Duration::from_secs(seconds))
    }

    fn one(kind: Try, seconds: u64) -> Recorded {
        many(kind, seconds, seconds, 1)
    }

    fn many(kind: Try, from: u64, to: u64, count: u64) -> Recorded {
        Recorded {
            at: at(from),
            last_at: at(to),
            count,
            kind,
        }
    }

    fn replayed(policy: LockoutPolicy, rows: &[Recorded]) -> (u64, u64) {
        let mut replay = Replay::new(policy);
        for &row in rows {
            replay.take(row);
        }
        let Replayed { locks, let_through } = replay.finish();
        (locks, let_through)
    }

    #[test]
    fn rule_2_a_replay_decides_as_the_rule_does() {
        let five: Vec<Recorded> = (0..5).map(|n| one(Try::Failed, n)).collect();
        assert_eq!(replayed(POLICY, &five), (1, 5));
        // What the lock refused is refused again, and after its end it is a guess like others.
        let mut rows = five.clone();
        rows.push(one(Try::Unknown, 100));
        rows.push(one(Try::Unknown, 4 + 900));
        assert_eq!(replayed(POLICY, &rows), (1, 6));
        // A lenient policy has it evaluated, a strict one locks sooner.
        let lenient = LockoutPolicy {
            threshold: 10,
            ..POLICY
        };
        assert_eq!(replayed(lenient, &rows), (0, 7));
        let strict = LockoutPolicy {
            threshold: 3,
            ..POLICY
        };
        assert_eq!(replayed(strict, &rows), (1, 4));
        // A success starts the count anew.
        let mut rows = five;
        rows.insert(4, one(Try::Succeeded, 3));
        assert_eq!(replayed(POLICY, &rows), (0, 5));
    }

    #[test]
    fn rule_5_folded_tries_are_spread_over_their_time() {
        // One a second for an hour: five, then fifteen minutes of lock from the fifth on, and so on.
        let hour = many(Try::Failed, 0, 3600, 3601);
        let alone: Vec<Recorded> = (0..=3600).map(|n| one(Try::Failed, n)).collect();
        assert_eq!(replayed(POLICY, &[hour]), replayed(POLICY, &alone));
        assert_eq!(replayed(POLICY, &[hour]), (4, 20));
        // However many they are.
        let flood = many(Try::Unknown, 0, 3599, u64::MAX);
        let (locks, let_through) = replayed(POLICY, &[flood]);
        assert_eq!((locks, let_through), (4, 20));
    }

    #[test]
    fn rows_that_overlap_are_replayed_in_the_order_of_their_tries() {
        let wrong = many(Try::Failed, 0, 40, 5);
        let right = one(Try::Succeeded, 25);
        assert_eq!(replayed(POLICY, &[wrong, right]), (0, 5));
        let late = one(Try::Succeeded, 41);
        assert_eq!(replayed(POLICY, &[wrong, late]), (1, 5));
        // All at one moment.
        let burst = many(Try::Failed, 0, 0, 1_000_000);
        assert_eq!(replayed(POLICY, &[burst]), (1, 5));
    }
}
