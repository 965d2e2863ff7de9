//! The settings of one tenant, made of the installation's values and its own.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use common::time::Time;

use super::{Class, LinkPages, SetBy, Setting, Value};
use crate::lockout::LockoutPolicy;
use crate::mailbox::Mailbox;
use crate::password::PasswordPolicy;
use crate::registration::RegistrationPolicy;
use crate::session::{Floors, SessionLimits, SessionPolicy};

/// A value that a tenant has of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSetting {
    /// What it is for.
    pub setting: Setting,
    /// The value.
    pub value: Value,
    /// Who set it: the operator's and the tenant's own stand side by side.
    pub set_by: SetBy,
    /// When.
    pub updated_at: Time,
}

/// What a tenant has of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnSettings {
    /// Values, sorted by key, the operator's before the tenant's.
    pub values: Vec<StoredSetting>,
    /// What earlier changes of its limits have ended, as long as rows do not say so.
    pub floors: Floors,
}

impl OwnSettings {
    /// Whether the installation's values hold, and nothing else.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.floors == Floors::NONE
    }
}

/// How a tenant's mails look, and whom they come from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct MailLook {
    /// Colour, `#rrggbb`.
    pub accent: Option<String>,
    /// Sender.
    pub from: Option<Mailbox>,
    /// Language (BCP 47) for who asked for none.
    pub language: String,
    /// Where answers go.
    pub reply_to: Option<Mailbox>,
    /// A line that says where help is.
    pub support: Option<String>,
}

impl MailLook {
    /// Puts a text in; one that cannot be read, or that is another setting's, changes nothing.
    fn put(&mut self, setting: Setting, text: &str) {
        let mailbox = || text.parse().ok();
        match setting {
            Setting::MailAccent => self.accent = Some(text.to_owned()),
            Setting::MailFrom => self.from = mailbox(),
            Setting::MailLanguage => text.clone_into(&mut self.language),
            Setting::MailReplyTo => self.reply_to = mailbox(),
            Setting::MailSupport => self.support = Some(text.to_owned()),
            _ => {}
        }
    }
}

/// The text of a setting that may have none.
fn optional(text: Option<&impl ToString>) -> Value {
    Value::Text(text.map(ToString::to_string).unwrap_or_default())
}

/// All settings that may differ from tenant to tenant, each in the type of its use.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TenantSettings {
    /// How long attempts are kept.
    pub attempts_retention: Duration,
    /// Names of references that access tokens show; of them only those that users may carry.
    pub claimed_references: Vec<String>,
    /// Whether access tokens show what their user may do.
    pub claimed_permissions: bool,
    /// Origins whose pages may read answers.
    pub cors_origins: Vec<String>,
    /// Life of an unused device secret.
    pub device_ttl: Duration,
    /// Whether an administrator is shown the generated password of a new employee.
    pub show_password: bool,
    /// Hosts that the tenant's own pages may be on.
    pub allowed_hosts: Vec<String>,
    /// Pages that mailed links lead to.
    pub pages: LinkPages,
    /// When a name is locked.
    pub lockout: LockoutPolicy,
    /// How its mails look.
    pub mail: MailLook,
    /// Life of a temporary password.
    pub temporary_ttl: Duration,
    /// How long a new password must be; its upper end is the installation's.
    pub password_policy: PasswordPolicy,
    /// Names of references to other services.
    pub reference_names: Vec<String>,
    /// Who may register.
    pub registration: RegistrationPolicy,
    /// Life of a session.
    pub session_limits: SessionLimits,
    /// Sessions side by side.
    pub session_policy: SessionPolicy,
    /// Life of an access token.
    pub access_ttl: Duration,
    /// `aud` of every access token.
    pub audience: Vec<String>,
}

impl TenantSettings {
    /// The value of a setting.
    pub fn value(&self, setting: Setting) -> Value {
        match setting {
            Setting::AttemptsRetention => Value::Duration(self.attempts_retention),
            Setting::ClaimsExternalRefs => Value::Names(self.claimed_references.clone()),
            Setting::ClaimsPermissions => Value::Switch(self.claimed_permissions),
            Setting::CorsOrigins => Value::Names(self.cors_origins.clone()),
            Setting::DeviceSecretTtl => Value::Duration(self.device_ttl),
            Setting::EmployeesShowPassword => Value::Switch(self.show_password),
            Setting::LinksAllowedHosts => Value::Names(self.allowed_hosts.clone()),
            Setting::LinksConfirmUrl => Value::Page(self.pages.confirm.clone()),
            Setting::LinksResetUrl => Value::Page(self.pages.reset.clone()),
            Setting::LinksVerifyUrl => Value::Page(self.pages.verify.clone()),
            Setting::LockoutDuration => Value::Duration(self.lockout.duration),
            Setting::LockoutThreshold => Value::Number(self.lockout.threshold),
            Setting::LockoutWindow => Value::Duration(self.lockout.window),
            Setting::MailAccent => optional(self.mail.accent.as_ref()),
            Setting::MailFrom => optional(self.mail.from.as_ref()),
            Setting::MailLanguage => Value::Text(self.mail.language.clone()),
            Setting::MailReplyTo => optional(self.mail.reply_to.as_ref()),
            Setting::MailSupport => optional(self.mail.support.as_ref()),
            Setting::PasswordGeneratedTtl => Value::Duration(self.temporary_ttl),
            Setting::PasswordMinLength => {
                Value::Number(u32::try_from(self.password_policy.min_length).unwrap_or(u32::MAX))
            }
            Setting::RefsNames => Value::Names(self.reference_names.clone()),
            Setting::RegistrationAllowedDomains => {
                Value::Names(self.registration.allowed_domains.clone())
            }
            Setting::RegistrationEnabled => Value::Switch(self.registration.enabled),
            Setting::RegistrationMaxPending => Value::Number(self.registration.max_pending),
            Setting::SessionIdleTimeout => Value::Duration(self.session_limits.idle_timeout),
            Setting::SessionMaxAge => Value::Duration(self.session_limits.max_age),
            Setting::SessionPolicy => Value::SessionPolicy(self.session_policy),
            Setting::TokenAccessTtl => Value::Duration(self.access_ttl),
            Setting::TokenAudience => Value::Names(self.audience.clone()),
        }
    }

    /// Puts a value in; one of another type than the setting's changes nothing.
    fn put(&mut self, setting: Setting, value: &Value) {
        match value {
            Value::Duration(length) => {
                if let Some(place) = self.duration(setting) {
                    *place = *length;
                }
            }
            Value::Number(number) => match setting {
                Setting::LockoutThreshold => self.lockout.threshold = *number,
                Setting::PasswordMinLength => {
                    self.password_policy.min_length =
                        usize::try_from(*number).unwrap_or(usize::MAX);
                }
                Setting::RegistrationMaxPending => self.registration.max_pending = *number,
                _ => {}
            },
            Value::Switch(on) => match setting {
                Setting::ClaimsPermissions => self.claimed_permissions = *on,
                Setting::EmployeesShowPassword => self.show_password = *on,
                Setting::RegistrationEnabled => self.registration.enabled = *on,
                _ => {}
            },
            Value::SessionPolicy(policy) => {
                if setting == Setting::SessionPolicy {
                    self.session_policy = *policy;
                }
            }
            Value::Text(text) => self.mail.put(setting, text),
            Value::Names(names) => match setting {
                Setting::ClaimsExternalRefs => self.claimed_references.clone_from(names),
                Setting::CorsOrigins => self.cors_origins.clone_from(names),
                Setting::LinksAllowedHosts => self.allowed_hosts.clone_from(names),
                Setting::RefsNames => self.reference_names.clone_from(names),
                Setting::RegistrationAllowedDomains => {
                    self.registration.allowed_domains.clone_from(names);
                }
                Setting::TokenAudience => self.audience.clone_from(names),
                _ => {}
            },
            Value::Page(page) => match setting {
                Setting::LinksConfirmUrl => self.pages.confirm.clone_from(page),
                Setting::LinksResetUrl => self.pages.reset.clone_from(page),
                Setting::LinksVerifyUrl => self.pages.verify.clone_from(page),
                _ => {}
            },
        }
    }

    fn duration(&mut self, setting: Setting) -> Option<&mut Duration> {
        match setting {
            Setting::AttemptsRetention => Some(&mut self.attempts_retention),
            Setting::DeviceSecretTtl => Some(&mut self.device_ttl),
            Setting::LockoutDuration => Some(&mut self.lockout.duration),
            Setting::LockoutWindow => Some(&mut self.lockout.window),
            Setting::PasswordGeneratedTtl => Some(&mut self.temporary_ttl),
            Setting::SessionIdleTimeout => Some(&mut self.session_limits.idle_timeout),
            Setting::SessionMaxAge => Some(&mut self.session_limits.max_age),
            Setting::TokenAccessTtl => Some(&mut self.access_ttl),
            Setting::ClaimsExternalRefs
            | Setting::ClaimsPermissions
            | Setting::CorsOrigins
            | Setting::EmployeesShowPassword
            | Setting::LinksAllowedHosts
            | Setting::LinksConfirmUrl
            | Setting::LinksResetUrl
            | Setting::LinksVerifyUrl
            | Setting::LockoutThreshold
            | Setting::MailAccent
            | Setting::MailFrom
            | Setting::MailLanguage
            | Setting::MailReplyTo
            | Setting::MailSupport
            | Setting::PasswordMinLength
            | Setting::RefsNames
            | Setting::RegistrationAllowedDomains
            | Setting::RegistrationEnabled
            | Setting::RegistrationMaxPending
            | Setting::SessionPolicy
            | Setting::TokenAudience => None,
        }
    }

    /// The first reference that tokens are to show, and that no user may carry.
    pub fn unknown_claim(&self) -> Option<&str> {
        let claimed = self.claimed_references.iter();
        let mut unknown = claimed.filter(|name| !self.reference_names.contains(name));
        unknown.next().map(String::as_str)
    }

    /// The operator's values for a tenant: the installation's, and over them what the operator set
    /// for this tenant. These are the bounds of what the tenant itself sets.
    #[must_use]
    pub fn of_operator(&self, own: &[StoredSetting]) -> Self {
        let mut settings = self.clone();
        for stored in own.iter().filter(|row| row.set_by == SetBy::Operator) {
            settings.put(stored.setting, &stored.value);
        }
        settings
    }

    /// What holds for a tenant: the operator's values, and the tenant's own where these are
    /// stricter, whichever of the two was set later.
    #[must_use]
    pub fn with(&self, own: &[StoredSetting]) -> Self {
        let bounds = self.of_operator(own);
        let mut settings = bounds.clone();
        for stored in own.iter().filter(|row| row.set_by == SetBy::Tenant) {
            if bounds.lets_hold(stored) {
                settings.put(stored.setting, &stored.value);
            }
        }
        settings
    }

    /// Whether these values of the operator let a tenant's own one hold.
    pub fn lets_hold(&self, stored: &StoredSetting) -> bool {
        let bound = self.value(stored.setting.bounded_by());
        stored.setting.rule().class == Class::Tenant
            && stored.setting.is_bounded(&stored.value, &bound)
    }
}

/// What holds for one tenant, and the installation's values that it was made of: these may be
/// replaced while it is kept somewhere.
#[derive(Debug, Clone)]
pub struct Effective {
    settings: Arc<TenantSettings>,
    base: Arc<TenantSettings>,
}

impl Effective {
    /// The installation's own values, for a tenant without others and for names of no tenant.
    pub fn of_installation(base: Arc<TenantSettings>) -> Self {
        Self {
            settings: Arc::clone(&base),
            base,
        }
    }

    /// What holds for a tenant with these values of its own; `share` may answer with a copy that
    /// others hold, too.
    pub fn of_tenant(
        base: Arc<TenantSettings>,
        own: &OwnSettings,
        share: impl FnOnce(TenantSettings) -> Arc<TenantSettings>,
    ) -> Self {
        if own.is_empty() {
            return Self::of_installation(base);
        }
        let mut settings = base.with(&own.values);
        settings.session_limits.floors = own.floors;
        Self {
            settings: share(settings),
            base,
        }
    }

    /// Whether it was made of these values of the installation, and not of earlier ones.
    pub fn is_made_of(&self, base: &Arc<TenantSettings>) -> bool {
        Arc::ptr_eq(&self.base, base)
    }
}

impl Deref for Effective {
    type Target = TenantSettings;

    fn deref(&self) -> &TenantSettings {
        &self.settings
    }
}
