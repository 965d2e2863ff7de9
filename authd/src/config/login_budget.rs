//! `[login_budget]`: how many wrong passwords one address may send.

use std::time::Duration;

use ipnet::IpNet;

use super::fault::Fault;
use super::form;
use super::key::{Change, Class, Form, Key, Kind, days, minutes};
use super::value::Values;

/// The keys, sorted by name.
pub(super) const KEYS: &[Key] = &[
    Key {
        name: "login_budget.exempt",
        kind: Kind::List {
            item: Form::Network,
            max: 256,
        },
        default: Some("[]"),
        change: Change::Reload,
        class: Class::Installation,
        doc: "Address ranges without a budget, like the office's.",
    },
    Key {
        name: "login_budget.failures_per_ip",
        kind: Kind::Integer {
            min: 0,
            max: 1_000_000,
        },
        default: Some("60"),
        change: Change::Reload,
        class: Class::Installation,
        doc: "Wrong passwords of one address within the window; 0 = no limit.",
    },
    Key {
        name: "login_budget.window",
        kind: Kind::Duration {
            min: minutes(1),
            max: days(1),
        },
        default: Some("\"15m\""),
        change: Change::Reload,
        class: Class::Installation,
        doc: "Time in which they count.",
    },
];

/// Settings of the budget of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginBudget {
    /// Ranges without a budget.
    pub exempt: Vec<IpNet>,
    /// Wrong passwords of one address; 0 for no limit.
    pub failures_per_ip: u32,
    /// Time in which they count.
    pub window: Duration,
}

impl LoginBudget {
    pub(super) fn build(values: &Values) -> Result<Self, Fault> {
        Ok(Self {
            exempt: values.each("login_budget.exempt", form::network)?,
            failures_per_ip: values.number("login_budget.failures_per_ip")?,
            window: values.duration("login_budget.window")?,
        })
    }
}
