//! What the use cases take from the configuration: policies and names, checked and typed.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use domain::key::KeyPolicy;
use domain::setting::TenantSettings;
use domain::tenant::Slug;
use ipnet::IpNet;

/// How much of a client's address is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoredIp {
    /// All of it.
    Full,
    /// The /24 of an IPv4 address, the /48 of an IPv6 one.
    Truncated,
}

/// The budget of failed logins of one address (rule 7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginBudgetSettings {
    /// Failures that an IPv4 address or an IPv6 /64 may make in the window; 0 switches it off.
    pub failures_per_ip: u32,
    /// Time in which they count.
    pub window: Duration,
    /// Ranges that it does not apply to.
    pub exempt: Vec<IpNet>,
}

/// Copies of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupSettings {
    /// Whether they are compressed.
    pub compress: bool,
    /// Their folder.
    pub folder: PathBuf,
    /// How many stay in it, at least one.
    pub keep: usize,
}

/// How mails are sent (rules 22 and 23); by which way is not the use cases' matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailSettings {
    /// Mails that anybody may cause for one address in an hour; over it nothing is sent.
    pub per_address_hourly: u32,
    /// Tries after the first before a mail is given up.
    pub retry_max: u32,
    /// Wait before the second try; each further wait is twice as long.
    pub retry_base: Duration,
    /// Most mails a minute; 0 = no limit.
    pub rate: u32,
    /// Longest time for handing over one mail.
    pub timeout: Duration,
}

/// Uploaded pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureSettings {
    /// Most bytes of a file.
    pub max_bytes: usize,
    /// Most pixels of one.
    pub max_pixels: u64,
}

/// What pages of the origins that [`TenantSettings`] names may do; lists as in their headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorsSettings {
    /// Whether they may send cookies and the like.
    pub credentials: bool,
    /// Headers of answers that they may read.
    pub expose_headers: String,
    /// Headers that they may send.
    pub headers: String,
    /// How long browsers keep the answer to a question about them.
    pub max_age: Duration,
    /// Methods that they may use.
    pub methods: String,
}

/// Policies and names.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Tenant of a login that names none.
    pub default_tenant: Option<Slug>,
    /// `iss` of every token.
    pub issuer: String,
    /// How signing keys follow one another.
    pub keys: KeyPolicy,
    /// Time in which the refresh token before the current one gives the same successor.
    pub refresh_grace: Duration,
    /// How far in the future a token's times may lie.
    pub clock_skew: Duration,
    /// What holds for tenants without values of their own, and for names of no tenant. What holds
    /// for one tenant says [`super::tenant::effective`].
    pub tenant: Arc<TenantSettings>,
    /// How long ended sessions are kept.
    pub session_retention: Duration,
    /// How long the feed of revocations reaches back.
    pub events_retention: Duration,
    /// Passwords known to be breached, beside the built-in list; NFC.
    pub breached: Arc<HashSet<String>>,
    /// Characters of a generated password, or more where a tenant wants longer ones.
    pub generated_length: usize,
    /// Time between the end of a subscription and the refusal.
    pub expiry_grace: Duration,
    /// Time between the deletion of a tenant and its purge.
    pub delete_grace: Duration,
    /// How much of an address is kept.
    pub stored_ip: StoredIp,
    /// Failed logins of one address.
    pub login_budget: LoginBudgetSettings,
    /// How mails are sent.
    pub mail: MailSettings,
    /// Pages of other origins.
    pub cors: CorsSettings,
    /// How long an address waits for its owner's confirmation.
    pub verify_ttl: Duration,
    /// Life of a link for setting a new password.
    pub reset_ttl: Duration,
    /// Plan of a tenant made without one.
    pub default_plan: String,
    /// Seats of a tenant made without a number.
    pub default_max_users: u32,
    /// Time zone of a tenant made without one.
    pub time_zone: String,
    /// Free space wanted beside the database, in bytes.
    pub min_free: u64,
    /// Copies of the database.
    pub backup: BackupSettings,
    /// Uploaded pictures.
    pub picture: PictureSettings,
    /// Whether figures say which tenant they are of.
    pub tenant_label: bool,
}

impl Settings {
    /// Audience of a token that is good for changing a password only.
    pub fn password_change_audience(&self) -> String {
        format!("{}/v1/auth/password/change", self.issuer)
    }
}
