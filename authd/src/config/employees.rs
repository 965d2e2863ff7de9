//! `[employees]`: accounts that administrators make.

use domain::setting::Setting;

use super::fault::Fault;
use super::key::Key;
use super::value::Values;

/// The keys, sorted by name.
pub(super) const KEYS: &[Key] = &[Key::of(
    Setting::EmployeesShowPassword,
    Some("false"),
    "Show who makes an account over the API its generated password once, for staff without a mailbox.",
)];

/// Settings of employees' accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Employees {
    /// Whether the generated password is answered instead of mailed.
    pub show_password: bool,
}

impl Employees {
    pub(super) fn build(values: &Values) -> Result<Self, Fault> {
        Ok(Self {
            show_password: values.bool("employees.show_password")?,
        })
    }
}
