//! The budget of failed logins of one address (rule 7): only failures take from it, it never marks
//! a name, and what it forgets in a restart it may forget.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use common::time::Time;

use crate::app::settings::LoginBudgetSettings;

/// Addresses that are remembered; beyond, the ones that failed longest ago go.
const ADDRESSES_LIMIT: usize = 65_536;

/// An IPv4 address, or the /64 of an IPv6 one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Origin([u8; 16]);

impl Origin {
    fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(v4) => Self(v4.to_ipv6_mapped().octets()),
            IpAddr::V6(v6) => {
                let prefix = u128::from(v6) & !u128::from(u64::MAX);
                Self(prefix.to_be_bytes())
            }
        }
    }
}

/// Failures of each address in the window.
#[derive(Debug, Default)]
pub struct LoginBudget {
    failures: Mutex<HashMap<Origin, VecDeque<Time>>>,
}

impl LoginBudget {
    /// Time until the address may try again, if it has used up its budget.
    pub fn exhausted(
        &self,
        settings: &LoginBudgetSettings,
        ip: IpAddr,
        now: Time,
    ) -> Option<Duration> {
        if !applies(settings, ip) {
            return None;
        }
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let times = failures.get(&Origin::of(ip))?;
        let start = now.minus(settings.window);
        let in_window: Vec<Time> = times
            .iter()
            .copied()
            .filter(|&at| at > start && at <= now)
            .collect();
        let limit = usize::try_from(settings.failures_per_ip).unwrap_or(usize::MAX);
        // The budget is free again when the limit-th last failure leaves the window.
        let blocking = in_window.len().checked_sub(limit)?;
        in_window
            .get(blocking)
            .map(|at| at.plus(settings.window).since(now))
    }

    /// Takes one failure from the address's budget.
    pub fn take(&self, settings: &LoginBudgetSettings, ip: IpAddr, now: Time) {
        if !applies(settings, ip) {
            return;
        }
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= ADDRESSES_LIMIT {
            forget(&mut failures, now.minus(settings.window));
        }
        let times = failures.entry(Origin::of(ip)).or_default();
        let limit = usize::try_from(settings.failures_per_ip).unwrap_or(usize::MAX);
        while times.len() >= limit {
            times.pop_front();
        }
        times.push_back(now);
    }
}

/// What an address is counted as, where its failures are.
pub(super) fn origin(settings: &LoginBudgetSettings, ip: IpAddr) -> Option<[u8; 16]> {
    applies(settings, ip).then(|| Origin::of(ip).0)
}

fn applies(settings: &LoginBudgetSettings, ip: IpAddr) -> bool {
    settings.failures_per_ip > 0 && !settings.exempt.iter().any(|range| range.contains(&ip))
}

/// Makes room: first addresses whose failures are over, then the older half.
fn forget(failures: &mut HashMap<Origin, VecDeque<Time>>, start: Time) {
    failures.retain(|_, times| times.back().is_some_and(|&last| last > start));
    if failures.len() < ADDRESSES_LIMIT {
        return;
    }
    let mut last: Vec<Time> = failures
        .values()
        .filter_map(|times| times.back().copied())
        .collect();
    last.sort_unstable();
    let median = last.get(last.len() / 2).copied().unwrap_or(start);
    failures.retain(|_, times| times.back().is_some_and(|&last| last > median));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(limit: u32) -> LoginBudgetSettings {
        LoginBudgetSettings {
            failures_per_ip: limit,
            window: Duration::from_secs(900),
            exempt: vec!["10.0.0.0/8".parse().unwrap()],
        }
    }

    fn at(seconds: i64) -> Time {
        Time::from_millis(seconds * 1000)
    }

    #[test]
    fn a71_failures_use_up_the_budget_of_an_address_and_of_no_other() {
        let budget = LoginBudget::default();
        let ip: IpAddr = "203.0.113.7".parse().unwrap();
        for second in 0..3 {
            assert_eq!(budget.exhausted(&settings(3), ip, at(second)), None);
            budget.take(&settings(3), ip, at(second));
        }
        assert_eq!(
            budget.exhausted(&settings(3), ip, at(3)),
            Some(Duration::from_secs(897))
        );
        assert_eq!(budget.exhausted(&settings(3), ip, at(900)), None);
        assert_eq!(
            budget.exhausted(&settings(3), "203.0.113.8".parse().unwrap(), at(3)),
            None
        );
    }

    #[test]
    fn a71_a_64_is_one_and_exempt_ranges_pass() {
        let budget = LoginBudget::default();
        budget.take(&settings(1), "2001:db8::1".parse().unwrap(), at(0));
        assert!(
            budget
                .exhausted(&settings(1), "2001:db8::ffff".parse().unwrap(), at(1))
                .is_some()
        );
        assert!(
            budget
                .exhausted(&settings(1), "2001:db8:0:1::1".parse().unwrap(), at(1))
                .is_none()
        );
        let exempt: IpAddr = "10.1.2.3".parse().unwrap();
        budget.take(&settings(1), exempt, at(0));
        assert_eq!(budget.exhausted(&settings(1), exempt, at(1)), None);
        assert_eq!(
            budget.exhausted(&settings(0), "2001:db8::1".parse().unwrap(), at(1)),
            None
        );
    }

    #[test]
    fn the_number_of_addresses_is_bounded() {
        let budget = LoginBudget::default();
        for n in 0..65_546_u32 {
            budget.take(
                &settings(5),
                IpAddr::from(n.to_be_bytes()),
                at(i64::from(n / 1000)),
            );
        }
        assert!(budget.failures.lock().unwrap().len() <= ADDRESSES_LIMIT);
    }
}
