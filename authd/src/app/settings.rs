//! What the use cases take from the configuration: policies and names, checked and typed.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use domain::key::KeyPolicy;
use domain::lockout::LockoutPolicy;
use domain::password::PasswordPolicy;
use domain::session::{SessionLimits, SessionPolicy};
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

/// Policies and names.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Tenant of a login that names none.
    pub default_tenant: Option<Slug>,
    /// `iss` of every token.
    pub issuer: String,
    /// `aud` of every access token.
    pub audience: Vec<String>,
    /// Life of an access token.
    pub access_ttl: Duration,
    /// How signing keys follow one another.
    pub keys: KeyPolicy,
    /// Time in which the refresh token before the current one gives the same successor.
    pub refresh_grace: Duration,
    /// How far in the future a token's times may lie.
    pub clock_skew: Duration,
    /// When a name is locked.
    pub lockout: LockoutPolicy,
    /// Life of an unused device secret.
    pub device_ttl: Duration,
    /// Sessions side by side.
    pub session_policy: SessionPolicy,
    /// Life of a session.
    pub session_limits: SessionLimits,
    /// How long ended sessions are kept.
    pub session_retention: Duration,
    /// How long a new password must be.
    pub password_policy: PasswordPolicy,
    /// Passwords known to be breached, beside the built-in list; NFC.
    pub breached: Arc<HashSet<String>>,
    /// Life of a temporary password.
    pub temporary_ttl: Duration,
    /// Characters of a generated password.
    pub generated_length: usize,
    /// Time between the end of a subscription and the refusal.
    pub expiry_grace: Duration,
    /// Time between the deletion of a tenant and its purge.
    pub delete_grace: Duration,
    /// How much of an address is kept.
    pub stored_ip: StoredIp,
    /// How long attempts are kept.
    pub attempts_retention: Duration,
    /// Failed logins of one address.
    pub login_budget: LoginBudgetSettings,
    /// Plan of a tenant made without one.
    pub default_plan: String,
    /// Seats of a tenant made without a number.
    pub default_max_users: u32,
    /// Time zone of a tenant made without one.
    pub time_zone: String,
    /// Names of references to other services.
    pub reference_names: Vec<String>,
    /// Free space wanted beside the database, in bytes.
    pub min_free: u64,
    /// Copies of the database.
    pub backup: BackupSettings,
}

impl Settings {
    /// Audience of a token that is good for changing a password only.
    pub fn password_change_audience(&self) -> String {
        format!("{}/v1/auth/password/change", self.issuer)
    }
}
