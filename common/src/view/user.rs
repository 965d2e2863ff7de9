//! The user as it is shown.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::UserId;
use crate::time::Time;

/// Where a user stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserStatus {
    /// Made by an administrator; has not chosen a password yet.
    Invited,
    /// In use.
    Active,
    /// Closed by an administrator.
    Disabled,
}

impl UserStatus {
    /// The status as it stands in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }
}

/// A person's name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Name {
    /// Given name.
    pub given: Option<String>,
    /// Family name.
    pub family: Option<String>,
    /// Name as shown; made of the other two where it is not given.
    pub display: Option<String>,
}

/// A postal address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "the lines of an address are their own names")]
pub struct Address {
    pub line1: Option<String>,
    pub line2: Option<String>,
    pub city: Option<String>,
    pub region: Option<String>,
    pub postal_code: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
}

/// What an employer keeps of an employee.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmployeeView {
    /// The employer's own number.
    pub employee_id: Option<String>,
    /// Tax number: letter A or P, nine digits, a letter; masked for most callers.
    pub kra_pin: Option<String>,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UserView {
    /// `usr_…`
    pub id: UserId,
    /// Slug of the tenant; on the operator's side alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Canonical address; null where the caller may not see it.
    pub email: Option<String>,
    /// Whether its owner has proved it.
    pub email_verified: bool,
    /// Name of the person.
    pub name: Name,
    /// E.164; null where unset or not to be seen.
    #[serde(default)]
    pub phone: Option<String>,
    /// Postal address.
    #[serde(default)]
    pub address: Option<Address>,
    /// BCP 47 tag.
    pub locale: Option<String>,
    /// Employer's fields.
    pub employee: EmployeeView,
    /// References to other services, by name.
    pub external_refs: BTreeMap<String, String>,
    /// Names of the roles held.
    pub roles: Vec<String>,
    /// Whether the user may do everything within the tenant.
    pub is_tenant_admin: bool,
    /// Where the user stands.
    pub status: UserStatus,
    /// Address of the picture.
    pub picture_url: Option<String>,
    /// Last login that succeeded.
    pub last_login_at: Option<Time>,
    /// End of the lock by failures or by hand; on the operator's side alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked_until: Option<Time>,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}
