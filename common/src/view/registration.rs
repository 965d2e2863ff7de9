//! A registration that waits, as it is shown.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::UserId;
use crate::time::Time;

/// A registration. Several of one address may stand side by side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RegistrationView {
    /// `usr_…`: the id that the user will have.
    pub id: UserId,
    /// Slug of the tenant.
    pub tenant: String,
    /// The address; null where personal data are not shown.
    pub email: Option<String>,
    /// IPv4 address or IPv6 /64 that it came from; null where personal data are not shown.
    pub network: Option<String>,
    /// Passwords that may still be tried with its link.
    pub tries_left: u32,
    /// When it was made.
    pub created_at: Time,
    /// When it is over.
    pub expires_at: Time,
}
