//! Calls that mail something to a user, or print the link instead.

use serde::{Deserialize, Serialize};

use crate::call::{AdminCall, Change, Method, Socket, UserRef};

/// Mails a link for setting a new password, or prints it. The link is good once; a newer one ends it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResetPassword {
    /// The user.
    pub user: UserRef,
    /// Life of the link, 60 to 86,400 seconds; `password.reset_ttl` where it is absent.
    pub expires_seconds: Option<u64>,
    /// Whether the link is answered instead of mailed.
    #[serde(default)]
    pub print_link: bool,
    /// Why, for the audit row.
    pub reason: Option<String>,
}

impl AdminCall for ResetPassword {
    type Answer = Change;
    const NAME: &'static str = "user reset-password";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/user/reset-password";
    const ALSO_ON: &'static [Socket] = &[Socket::Helpdesk];
}

/// Mails an invited user a new password; the one before ends.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResendInvitation {
    /// The user.
    pub user: UserRef,
    /// Why, for the audit row.
    pub reason: Option<String>,
}

impl AdminCall for ResendInvitation {
    type Answer = Change;
    const NAME: &'static str = "user resend-invitation";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/user/resend-invitation";
}

/// Gives a user another address; it waits until its owner confirms it, and the present one signs in
/// until then.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeEmail {
    /// The user.
    pub user: UserRef,
    /// The new address.
    pub email: String,
    /// Why, for the audit row.
    pub reason: Option<String>,
}

impl AdminCall for ChangeEmail {
    type Answer = Change;
    const NAME: &'static str = "user email";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/user/email";
}
