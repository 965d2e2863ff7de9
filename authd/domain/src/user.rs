//! Users and their credentials (rules 8 and 24).

use std::collections::BTreeMap;

use common::email::Email;
use common::id::{TenantId, UserId};
use common::secret::Secret;
use common::time::Time;
pub use common::view::{Address, EmployeeView as Employee, Name, UserStatus};

use crate::lockout::CounterKey;
use crate::picture::PictureAddress;
use crate::role::RoleName;

/// A user.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// `usr_…`
    pub id: UserId,
    /// The one tenant that the user belongs to.
    pub tenant_id: TenantId,
    /// Canonical address; unique in the tenant.
    pub email: Email,
    /// Whether its owner has proved it.
    pub email_verified: bool,
    /// Name of the person.
    pub name: Name,
    /// E.164.
    pub phone: Option<String>,
    /// Postal address.
    pub address: Option<Address>,
    /// BCP 47 tag.
    pub locale: Option<String>,
    /// Employer's fields.
    pub employee: Employee,
    /// References to other services.
    pub external_refs: BTreeMap<String, String>,
    /// Where the user stands.
    pub status: UserStatus,
    /// Whether the user may do everything within the tenant.
    pub is_tenant_admin: bool,
    /// Roles held, sorted by name. To be read: they are granted and revoked one by one.
    pub roles: Vec<RoleName>,
    /// Where the picture is fetched. To be read: it is put and removed apart.
    pub picture: Option<PictureAddress>,
    /// Counter of failed logins for this user's name.
    pub subject: CounterKey,
    /// Last login that succeeded.
    pub last_login_at: Option<Time>,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}

/// What a password is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialKind {
    /// Chosen by its owner, or set to stand: signs in.
    Own,
    /// Set or made by somebody else: good for changing it only, for a time and a few logins.
    Temporary {
        /// End of its use.
        expires_at: Time,
        /// Logins that it still allows.
        logins_left: u32,
    },
}

/// Logins that a temporary password allows (rule 24).
pub const TEMPORARY_LOGINS: u32 = 5;

/// A user's password as it is kept.
#[derive(Debug, Clone)]
pub struct Credential {
    /// Owner.
    pub user_id: UserId,
    /// PHC string.
    pub hash: Secret<String>,
    /// Grows with every write; each write is a compare-and-swap on it.
    pub version: u64,
    /// What it is good for.
    pub kind: CredentialKind,
    /// When it was last set.
    pub changed_at: Time,
}

impl Credential {
    /// Whether a right password still counts for anything at `now`.
    pub fn usable(&self, now: Time) -> bool {
        match self.kind {
            CredentialKind::Own => true,
            CredentialKind::Temporary {
                expires_at,
                logins_left,
            } => now < expires_at && logins_left > 0,
        }
    }
}
