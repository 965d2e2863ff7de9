//! From the configuration to what the use cases take.

use std::collections::HashSet;
use std::sync::Arc;

use common::secret::Secret;
use domain::key::KeyPolicy;
use domain::lockout::LockoutPolicy;
use domain::password::{Password, PasswordPolicy};
use domain::session::SessionLimits;

use super::exit::Failure;
use crate::app::Settings;
use crate::app::settings::{BackupSettings, LoginBudgetSettings, StoredIp};
use crate::config::{self, Config};

/// How signing keys follow one another.
pub(super) const fn keys(config: &Config) -> KeyPolicy {
    KeyPolicy {
        algorithm: config.token.algorithm,
        rotate_every: config.keys.rotate_every,
        announce: config.keys.announce,
        overlap: config.keys.overlap,
    }
}

/// Builds the use cases' settings.
pub(super) fn settings(config: &Config, issuer: String) -> Result<Settings, Failure> {
    let audience = config.token.audience.clone();
    Ok(Settings {
        default_tenant: config.default_tenant.clone(),
        issuer,
        audience,
        access_ttl: config.token.access_ttl,
        keys: keys(config),
        refresh_grace: config.token.refresh_grace,
        clock_skew: config.token.clock_skew,
        lockout: LockoutPolicy {
            threshold: config.lockout.threshold,
            window: config.lockout.window,
            duration: config.lockout.duration,
        },
        device_ttl: config.device.secret_ttl,
        session_policy: config.session.policy,
        session_limits: SessionLimits {
            idle_timeout: config.session.idle_timeout,
            max_age: config.session.max_age,
        },
        session_retention: config.session.retention,
        password_policy: PasswordPolicy {
            min_length: config.password.min_length,
            max_length: config.password.max_length,
        },
        breached: Arc::new(breached(config)?),
        temporary_ttl: config.password.generated_ttl,
        generated_length: config.password.generated_length,
        expiry_grace: config.tenant.expiry_grace,
        delete_grace: config.tenant.delete_grace,
        stored_ip: match config.attempts.store_ip {
            config::StoreIp::Full => StoredIp::Full,
            config::StoreIp::Truncated => StoredIp::Truncated,
        },
        attempts_retention: config.attempts.retention,
        login_budget: LoginBudgetSettings {
            failures_per_ip: config.login_budget.failures_per_ip,
            window: config.login_budget.window,
            exempt: config.login_budget.exempt.clone(),
        },
        default_plan: config.tenant.default_plan.clone(),
        default_max_users: config.tenant.default_max_users,
        time_zone: config.tenant.time_zone.clone(),
        reference_names: config.refs.names.clone(),
        min_free: config.database.min_free,
        backup: BackupSettings {
            compress: config.backup.compress,
            folder: config.backup.dir.clone(),
            keep: config.backup.keep,
        },
    })
}

/// The operator's own list of breached passwords, one a line.
fn breached(config: &Config) -> Result<HashSet<String>, Failure> {
    let Some(path) = &config.password.breached_list else {
        return Ok(HashSet::new());
    };
    let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
    Ok(text
        .lines()
        .filter_map(|line| Password::new(&Secret::new(line.to_owned())).ok())
        .map(|password| password.expose().to_owned())
        .collect())
}
