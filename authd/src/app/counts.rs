//! What happened since the start: sign-ins, refreshes, mails, jumps of the clock. Counted when it is
//! over and on disk, never inside a transaction, which may be repeated or undone.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use common::error::ErrorCode;
use common::tally::Counter;
use domain::attempt::Outcome;
use domain::tenant::Slug;

use crate::app::Error;

/// Tenants that sign-ins are told by; those of further ones count as of none.
const TENANTS: usize = 10_000;

/// Sign-ins of one tenant, by outcome.
type Outcomes = [u64; Outcome::ALL.len()];

/// What happened.
#[derive(Debug, Default)]
pub struct Counts {
    /// By tenant; none for names of no tenant. A sign-in takes milliseconds, so it can bear a lock.
    logins: Mutex<BTreeMap<Option<Slug>, Outcomes>>,
    /// Names that failures locked.
    pub lockouts: Counter,
    /// Refreshes.
    pub refreshes: Refreshes,
    /// Mails.
    pub mails: Mails,
    /// Jumps of the wall clock.
    pub clock_jumps: Counter,
}

/// Refreshes by how they ended.
#[derive(Debug, Default)]
pub struct Refreshes {
    /// New tokens.
    pub done: Counter,
    /// An old token was used again: the session ended.
    pub reused: Counter,
    /// Refused for another reason.
    pub refused: Counter,
    /// Not decided: the daemon could not.
    pub failed: Counter,
}

/// Mails by what became of a try.
#[derive(Debug, Default)]
pub struct Mails {
    /// Taken by the post.
    pub sent: Counter,
    /// Not taken, to be tried again.
    pub retried: Counter,
    /// Given up.
    pub given_up: Counter,
}

impl Refreshes {
    /// Counts one by how it ended.
    pub fn ended<T>(&self, result: &Result<T, Error>) {
        let counter = match result {
            Ok(_) => &self.done,
            Err(error) if error.code == ErrorCode::RefreshTokenReused => &self.reused,
            Err(error) if error.code.status() < 500 => &self.refused,
            Err(_) => &self.failed,
        };
        counter.one();
    }
}

impl Counts {
    /// Counts a try to sign in.
    pub fn login(&self, tenant: Option<&Slug>, outcome: Outcome) {
        let mut logins = self.lock();
        let tenant = tenant
            .filter(|tenant| {
                logins.len() < TENANTS || logins.contains_key(&Some((*tenant).clone()))
            })
            .cloned();
        let place = Outcome::ALL.iter().position(|known| *known == outcome);
        let counts = logins.entry(tenant).or_default();
        if let Some(count) = place.and_then(|place| counts.get_mut(place)) {
            *count = count.saturating_add(1);
        }
    }

    /// Tries to sign in, by tenant where that is wanted; each with its outcome's name.
    pub fn logins(&self, by_tenant: bool) -> Vec<(Option<String>, &'static str, u64)> {
        let logins = self.lock();
        if by_tenant {
            return logins
                .iter()
                .flat_map(|(tenant, counts)| {
                    let tenant = tenant.as_ref().map(ToString::to_string).unwrap_or_default();
                    named(*counts).map(move |(name, count)| (Some(tenant.clone()), name, count))
                })
                .filter(|(_, _, count)| *count > 0)
                .collect();
        }
        let mut sum = Outcomes::default();
        for counts in logins.values() {
            for (all, of_tenant) in sum.iter_mut().zip(counts) {
                *all = all.saturating_add(*of_tenant);
            }
        }
        named(sum)
            .map(|(name, count)| (None, name, count))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Option<Slug>, Outcomes>> {
        self.logins.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn named(counts: Outcomes) -> impl Iterator<Item = (&'static str, u64)> {
    Outcome::ALL
        .iter()
        .map(|outcome| outcome.as_str())
        .zip(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slug(text: &str) -> Slug {
        text.parse().unwrap()
    }

    #[test]
    fn sign_ins_are_summed_up_or_told_by_tenant() {
        let counts = Counts::default();
        counts.login(Some(&slug("acme")), Outcome::Success);
        counts.login(Some(&slug("acme")), Outcome::WrongPassword);
        counts.login(Some(&slug("globex")), Outcome::Success);
        counts.login(None, Outcome::UnknownUser);
        let all = counts.logins(false);
        assert_eq!(all.len(), Outcome::ALL.len());
        assert!(all.contains(&(None, "success", 2)));
        assert!(all.contains(&(None, "locked", 0)));
        let acme = Some("acme".to_owned());
        let mut told = counts.logins(true);
        told.sort();
        assert_eq!(
            told,
            [
                (Some(String::new()), "unknown_user", 1),
                (acme.clone(), "success", 1),
                (acme, "wrong_password", 1),
                (Some("globex".to_owned()), "success", 1),
            ]
        );
    }

    #[test]
    fn tenants_beyond_the_limit_count_as_of_none() {
        let counts = Counts::default();
        for number in 0..TENANTS + 5 {
            counts.login(Some(&slug(&format!("t-{number}"))), Outcome::Success);
        }
        counts.login(Some(&slug("t-0")), Outcome::Success);
        let told = counts.logins(true);
        assert_eq!(told.len(), TENANTS + 1);
        assert!(told.contains(&(Some(String::new()), "success", 5)));
        assert!(told.contains(&(Some("t-0".to_owned()), "success", 2)));
    }

    #[test]
    fn a_refresh_counts_by_its_end() {
        let refreshes = Refreshes::default();
        refreshes.ended(&Ok(()));
        for code in [
            ErrorCode::RefreshTokenReused,
            ErrorCode::InvalidToken,
            ErrorCode::Unavailable,
        ] {
            refreshes.ended::<()>(&Err(Error::new(code, "no")));
        }
        let Refreshes {
            done,
            reused,
            refused,
            failed,
        } = &refreshes;
        let totals = [done, reused, refused, failed].map(Counter::total);
        assert_eq!(totals, [1; 4]);
    }
}
