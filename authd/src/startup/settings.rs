//! From the configuration to what the use cases take.

use std::collections::HashSet;
use std::sync::Arc;

use common::secret::Secret;
use domain::key::KeyPolicy;
use domain::lockout::LockoutPolicy;
use domain::password::{Password, PasswordPolicy};
use domain::registration::RegistrationPolicy;
use domain::session::{Floors, SessionLimits};
use domain::setting::{LinkPages, MailLook, TenantSettings};

use super::exit::Failure;
use crate::app::Settings;
use crate::app::settings::{
    BackupSettings, CorsSettings, LoginBudgetSettings, MailSettings, PictureSettings, StoredIp,
};
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
    Ok(Settings {
        default_tenant: config.default_tenant.clone(),
        issuer,
        keys: keys(config),
        refresh_grace: config.token.refresh_grace,
        clock_skew: config.token.clock_skew,
        tenant: Arc::new(tenant(config)),
        session_retention: config.session.retention,
        events_retention: config.events.retention,
        breached: Arc::new(breached(config)?),
        generated_length: config.password.generated_length,
        expiry_grace: config.tenant.expiry_grace,
        delete_grace: config.tenant.delete_grace,
        stored_ip: match config.attempts.store_ip {
            config::StoreIp::Full => StoredIp::Full,
            config::StoreIp::Truncated => StoredIp::Truncated,
        },
        login_budget: LoginBudgetSettings {
            failures_per_ip: config.login_budget.failures_per_ip,
            window: config.login_budget.window,
            exempt: config.login_budget.exempt.clone(),
        },
        mail: MailSettings {
            per_address_hourly: config.mail.per_address_hourly,
            retry_max: config.mail.retry_max,
            retry_base: config.mail.retry_base,
            rate: config.mail.rate,
            timeout: config.mail.timeout,
        },
        cors: CorsSettings {
            credentials: config.cors.credentials,
            expose_headers: config.cors.expose_headers.join(", "),
            headers: config.cors.headers.join(", "),
            max_age: config.cors.max_age,
            methods: config.cors.methods.join(", "),
        },
        verify_ttl: config.registration.verify_ttl,
        reset_ttl: config.password.reset_ttl,
        default_plan: config.tenant.default_plan.clone(),
        default_max_users: config.tenant.default_max_users,
        time_zone: config.tenant.time_zone.clone(),
        min_free: config.database.min_free,
        backup: BackupSettings {
            compress: config.backup.compress,
            folder: config.backup.dir.clone(),
            keep: config.backup.keep,
        },
        picture: PictureSettings {
            max_bytes: usize::try_from(config.profile.picture_max).unwrap_or(usize::MAX),
            max_pixels: config.profile.picture_max_pixels,
        },
        tenant_label: config.metrics.tenant_label,
    })
}

/// What a tenant may have values of its own for.
pub(super) fn tenant(config: &Config) -> TenantSettings {
    TenantSettings {
        attempts_retention: config.attempts.retention,
        claimed_references: config.claims.external_refs.clone(),
        claimed_permissions: config.claims.permissions,
        cors_origins: config.cors.origins.clone(),
        allowed_hosts: config.links.allowed_hosts.clone(),
        pages: LinkPages {
            confirm: config.links.confirm_url.clone(),
            reset: config.links.reset_url.clone(),
            verify: config.links.verify_url.clone(),
        },
        device_ttl: config.device.secret_ttl,
        show_password: config.employees.show_password,
        lockout: LockoutPolicy {
            threshold: config.lockout.threshold,
            window: config.lockout.window,
            duration: config.lockout.duration,
        },
        mail: MailLook {
            accent: config.mail.accent.clone(),
            from: config.mail.from.clone(),
            language: config.mail.language.clone(),
            reply_to: config.mail.reply_to.clone(),
            support: config.mail.support.clone(),
        },
        temporary_ttl: config.password.generated_ttl,
        password_policy: PasswordPolicy {
            min_length: config.password.min_length,
            max_length: config.password.max_length,
        },
        reference_names: config.refs.names.clone(),
        registration: RegistrationPolicy {
            enabled: config.registration.enabled,
            allowed_domains: config.registration.allowed_domains.clone(),
            max_pending: config.registration.max_pending,
        },
        session_limits: SessionLimits {
            idle_timeout: config.session.idle_timeout,
            max_age: config.session.max_age,
            floors: Floors::NONE,
        },
        session_policy: config.session.policy,
        access_ttl: config.token.access_ttl,
        audience: config.token.audience.clone(),
    }
}

/// The operator's own list of breached passwords, one a line.
fn breached(config: &Config) -> Result<HashSet<String>, Failure> {
    let Some(path) = &config.password.breached_list else {
        return Ok(HashSet::new());
    };
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::named("password.breached_list", path, &error))?;
    Ok(text
        .lines()
        .filter_map(|line| Password::new(&Secret::new(line.to_owned())).ok())
        .map(|password| password.expose().to_owned())
        .collect())
}
