//! The user as it is shown.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::UserId;
use crate::time::Time;

/// Where a user stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Name {
    /// Given name.
    #[schemars(length(min = 1, max = 100))]
    pub given: Option<String>,
    /// Family name.
    #[schemars(length(min = 1, max = 100))]
    pub family: Option<String>,
    /// Name as shown; made of the other two where it is not given.
    #[schemars(length(min = 1, max = 100))]
    pub display: Option<String>,
}

/// A postal address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "the lines of an address are their own names")]
pub struct Address {
    #[schemars(length(min = 1, max = 200))]
    pub line1: Option<String>,
    #[schemars(length(min = 1, max = 200))]
    pub line2: Option<String>,
    #[schemars(length(min = 1, max = 200))]
    pub city: Option<String>,
    #[schemars(length(min = 1, max = 200))]
    pub region: Option<String>,
    #[schemars(length(min = 1, max = 200))]
    pub postal_code: Option<String>,
    /// ISO 3166-1 alpha-2.
    #[schemars(regex(pattern = "^[A-Z]{2}$"))]
    pub country: Option<String>,
}

/// What an employer keeps of an employee.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EmployeeView {
    /// The employer's own number.
    #[schemars(length(min = 1, max = 64))]
    pub employee_id: Option<String>,
    /// Tax number: letter A or P, nine digits, a letter; masked for most callers.
    #[schemars(length(min = 11, max = 11))]
    #[schemars(extend("x-masked-unless" = "users:edit"))]
    pub kra_pin: Option<String>,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserView {
    /// `usr_…`
    pub id: UserId,
    /// Slug of the tenant; for the operator, and among the members of a system role.
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
    #[schemars(extend("x-masked-unless" = "users:edit"))]
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
    #[schemars(skip)]
    pub locked_until: Option<Time>,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}
