//! `[links]`: the pages that mailed links lead to.

use domain::setting::Setting;

use super::fault::Fault;
use super::key::Key;
use super::value::Values;

/// The keys, sorted by name.
pub(super) const KEYS: &[Key] = &[
    Key::of(
        Setting::LinksAllowedHosts,
        Some("[]"),
        "Hosts that a tenant's own pages may be on.",
    ),
    Key::of(
        Setting::LinksConfirmUrl,
        None,
        "Page for confirming a new address; authd's own, /confirm-email, if unset. A tenant's own is https on links.allowed_hosts, without a port.",
    ),
    Key::of(
        Setting::LinksResetUrl,
        None,
        "Page for setting a new password; authd's own, /reset-password, if unset. A tenant's own is https on links.allowed_hosts, without a port.",
    ),
    Key::of(
        Setting::LinksVerifyUrl,
        None,
        "Page for completing a registration; authd's own, /verify-email, if unset. A tenant's own is https on links.allowed_hosts, without a port.",
    ),
];

/// Those that authd's own pages stand in for, with their paths.
pub(super) const OWN_PAGES: [(&str, &str); 3] = [
    ("links.confirm_url", "/confirm-email"),
    ("links.reset_url", "/reset-password"),
    ("links.verify_url", "/verify-email"),
];

/// Settings of mailed links; tokens are put behind them as their fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Links {
    /// Hosts that a tenant's own pages may be on.
    pub allowed_hosts: Vec<String>,
    /// Page for confirming a new address.
    pub confirm_url: String,
    /// Page for setting a new password.
    pub reset_url: String,
    /// Page for completing a registration.
    pub verify_url: String,
}

impl Links {
    pub(super) fn build(values: &Values) -> Result<Self, Fault> {
        Ok(Self {
            allowed_hosts: values.list("links.allowed_hosts")?,
            confirm_url: values.text("links.confirm_url")?,
            reset_url: values.text("links.reset_url")?,
            verify_url: values.text("links.verify_url")?,
        })
    }
}
