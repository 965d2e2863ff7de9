//! Calls about users.

mod mailed;
mod picture;
mod rights;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use mailed::{ChangeEmail, ResendInvitation, ResetPassword};
pub use picture::{FileBytes, GetPicture, LARGEST_FILE, PictureFile, RemovePicture, SetPicture};
pub use rights::{Grant, Permissions, Revoke, Set};

use crate::call::{AdminCall, Change, Method, Paging, Socket, TenantFilter, UserRef};
use crate::secret::{self, Secret};
use crate::view::{AttemptView, Name, Page, SessionView, UserStatus, UserView};

/// Where a password comes from that an administrator sets.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum NewPassword {
    /// authd makes one and shows it once.
    Generate,
    /// The administrator gives one.
    Given(#[serde(serialize_with = "secret::send")] Secret<String>),
}

/// How a new user comes to a password.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FirstPassword {
    /// By mail: authd makes one when the mail is sent, good for changing it only.
    Invite,
    /// By a link for setting one, which is answered.
    Link,
    /// authd makes one and shows it once.
    Generate,
    /// The administrator gives one.
    Given(#[serde(serialize_with = "secret::send")] Secret<String>),
}

/// Makes a user.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// Slug or id of the tenant.
    pub tenant: String,
    /// Address; unique in the tenant.
    pub email: String,
    /// Name of the person.
    #[serde(default)]
    pub name: Name,
    /// E.164.
    pub phone: Option<String>,
    /// BCP 47 tag.
    pub locale: Option<String>,
    /// The employer's own number.
    pub employee_id: Option<String>,
    /// Tax number.
    pub kra_pin: Option<String>,
    /// References to other services, by name.
    #[serde(default)]
    pub external_refs: BTreeMap<String, String>,
    /// Whether the user may do everything within the tenant.
    #[serde(default)]
    pub tenant_admin: bool,
    /// Roles of the tenant or system roles, by id or name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// The first password.
    pub password: FirstPassword,
    /// Whether a password that is made or given here stands as set; else it is good for changing it
    /// only (rule 24).
    #[serde(default)]
    pub permanent: bool,
}

impl AdminCall for Create {
    type Answer = Change;
    const NAME: &'static str = "user create";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/user/create";
    const SENDS_SECRET: bool = true;
}

/// Lists users by address.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct List {
    /// Slug or id of the tenant; all of them where it is absent.
    pub tenant: TenantFilter,
    /// Only those of this status.
    pub status: Option<UserStatus>,
    /// Only those that are locked now.
    pub locked: Option<bool>,
    /// Only tenant administrators, or only others.
    pub tenant_admin: Option<bool>,
    /// Only those who hold this role: an id, `system:<name>`, or a name of the tenant's.
    pub role: Option<String>,
    /// Only those who did not sign in for so many seconds; who never did, since they were made.
    pub inactive_seconds: Option<u64>,
    /// Only those whose address contains this.
    pub email_contains: Option<String>,
    /// Only those with these references: `branch_id:7`, several separated by commas, all of them.
    pub external_ref: Option<String>,
    /// Rows wanted, 1 to 200.
    pub limit: Option<u32>,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

impl List {
    /// The page that is asked for.
    pub fn paging(&self) -> Paging {
        Paging {
            limit: self.limit,
            cursor: self.cursor.clone(),
        }
    }
}

impl AdminCall for List {
    type Answer = Page<UserView>;
    const NAME: &'static str = "user list";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/user/list";
    const ALSO_ON: &'static [Socket] = &[Socket::Monitor, Socket::Helpdesk];
}

/// Shows one user.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Show {
    /// Slug or id of the tenant.
    pub tenant: Option<String>,
    /// Id or address.
    pub user: String,
}

/// Answer of [`Show`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Details {
    /// The user.
    #[serde(flatten)]
    pub user: UserView,
    /// Sessions alive.
    pub sessions: Vec<SessionView>,
    /// The last ten attempts, the newest first.
    pub recent_attempts: Vec<AttemptView>,
}

impl AdminCall for Show {
    type Answer = Details;
    const NAME: &'static str = "user show";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/user/show";
}

/// Closes a user: sessions and device secrets end.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disable {
    /// The user.
    pub user: UserRef,
    /// Why, for the audit row.
    pub reason: Option<String>,
}

impl AdminCall for Disable {
    type Answer = Change;
    const NAME: &'static str = "user disable";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/user/disable";
}

/// Opens a user again; nothing that ended comes back.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enable {
    /// The user.
    pub user: UserRef,
    /// Why, for the audit row.
    pub reason: Option<String>,
}

impl AdminCall for Enable {
    type Answer = Change;
    const NAME: &'static str = "user enable";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/user/enable";
}

/// Voids a password that somebody else knows: sessions and device secrets end, and a link for a new
/// one is mailed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlagCompromised {
    /// The user.
    pub user: UserRef,
    /// Why, for the audit row.
    pub reason: Option<String>,
}

impl AdminCall for FlagCompromised {
    type Answer = Change;
    const NAME: &'static str = "user flag-compromised";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/user/flag-compromised";
}

/// Sets a user's password; all sessions and device secrets end.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetPassword {
    /// The user.
    pub user: UserRef,
    /// The password.
    pub password: NewPassword,
    /// Whether it stands as set; else it is good for changing it only (rule 24).
    #[serde(default)]
    pub permanent: bool,
    /// Why, for the audit row.
    pub reason: Option<String>,
}

impl AdminCall for SetPassword {
    type Answer = Change;
    const NAME: &'static str = "user set-password";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/user/set-password";
    const SENDS_SECRET: bool = true;
}

/// Deletes a user, and all that it was signed in with. The log of attempts keeps its id; the address
/// can be given to somebody new, who inherits nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delete {
    /// Which.
    pub user: UserRef,
    /// The user's address, as it was typed.
    pub confirm: Option<String>,
    /// Whether what is personal in the log of attempts and in the audit log goes too.
    #[serde(default)]
    pub hard: bool,
    /// Why, for the audit row.
    pub reason: Option<String>,
}

impl AdminCall for Delete {
    type Answer = Change;
    const NAME: &'static str = "user delete";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/user/delete";
}
