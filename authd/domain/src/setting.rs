//! What a tenant may have a value of its own for (rule 20): each setting with its class, its hard
//! bounds, and which of two values is the stricter one. The configuration takes name, class and
//! bounds of these keys from here, so that there is one table of them.

mod origin;
mod page;
mod tenant;
mod value;

use std::fmt;
use std::time::Duration;

use crate::session::SessionPolicy;

pub use origin::{name_of_host, name_of_origin};
pub use page::{LinkPages, name_of_page};
pub use tenant::{Effective, MailLook, OwnSettings, StoredSetting, TenantSettings};
pub use value::{
    InvalidValue, name_of_audience, name_of_domain, name_of_reference, size_of_audience,
    text_of_colour, text_of_language, text_of_line, text_of_mailbox,
};

/// A setting that a tenant may have a value of its own for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each bears the name of its key")]
pub enum Setting {
    AttemptsRetention,
    ClaimsExternalRefs,
    ClaimsPermissions,
    CorsOrigins,
    DeviceSecretTtl,
    EmployeesShowPassword,
    LinksAllowedHosts,
    LinksConfirmUrl,
    LinksResetUrl,
    LinksVerifyUrl,
    LockoutDuration,
    LockoutThreshold,
    LockoutWindow,
    MailAccent,
    MailFrom,
    MailLanguage,
    MailReplyTo,
    MailSupport,
    PasswordGeneratedTtl,
    PasswordMinLength,
    RefsNames,
    RegistrationAllowedDomains,
    RegistrationEnabled,
    RegistrationMaxPending,
    SessionIdleTimeout,
    SessionMaxAge,
    SessionPolicy,
    TokenAccessTtl,
    TokenAudience,
}

/// Who may set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The operator alone.
    Operator,
    /// The operator; the tenant itself may become stricter.
    Tenant,
}

impl Class {
    /// The class as it is shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Tenant => "tenant",
        }
    }
}

/// Who set a tenant's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SetBy {
    /// The operator.
    Operator,
    /// The tenant itself.
    Tenant,
}

impl SetBy {
    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Tenant => "tenant",
        }
    }

    /// Reads a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Operator, Self::Tenant]
            .into_iter()
            .find(|by| by.as_str() == name)
    }
}

/// Type of a setting's value, with the bounds that nobody passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A whole number.
    Number {
        /// Smallest.
        min: u64,
        /// Largest.
        max: u64,
    },
    /// `true` or `false`.
    Switch,
    /// A length of time.
    Duration {
        /// Shortest.
        min: Duration,
        /// Longest.
        max: Duration,
    },
    /// A session policy.
    SessionPolicy,
    /// A text.
    Text(TextOf),
    /// Different names.
    Names {
        /// What they name.
        of: NamesOf,
        /// Fewest of them.
        min: usize,
        /// Most of them.
        max: usize,
    },
    /// The address of a page.
    Page,
}

/// What a name in a list is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamesOf {
    /// Whom tokens are for.
    Audience,
    /// Domains of e-mail addresses.
    Domain,
    /// Hosts of pages.
    Host,
    /// Origins of pages.
    Origin,
    /// References of users to other systems.
    Reference,
}

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextOf {
    /// `#rrggbb`.
    Colour,
    /// Tag of a language.
    Language,
    /// One line for people.
    Line,
    /// Address, perhaps with a name.
    Mailbox,
}

/// Which of two values is the stricter one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stricter {
    /// The smaller one.
    Less,
    /// The larger one.
    More,
    /// The list that lets fewer pass; an empty one lets all pass.
    Within,
    /// None is: a tenant's own are https on the hosts that the operator allows.
    OnAllowedHosts,
    /// None is: a tenant's own value stays within the hard bounds.
    Neither,
}

/// All that is fixed of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Name of the key, as in the configuration.
    pub name: &'static str,
    /// Who may set it.
    pub class: Class,
    /// Type and hard bounds.
    pub kind: Kind,
    /// Which of two values is stricter.
    pub stricter: Stricter,
}

/// A setting's value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value {
    /// A whole number.
    Number(u32),
    /// On or off.
    Switch(bool),
    /// A length of time.
    Duration(Duration),
    /// A session policy.
    SessionPolicy(SessionPolicy),
    /// A text; empty where there is none.
    Text(String),
    /// Different names.
    Names(Vec<String>),
    /// The address of a page.
    Page(String),
}

/// Why somebody may not set a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Only the operator sets it.
    #[error("only the operator sets it")]
    Class,
    /// The tenant's own value is not on hosts that the operator allows.
    #[error(
        "takes https alone, a page without a port, on the hosts that the operator allows the tenant: \
         {}", hosts_of(.hosts)
    )]
    Host {
        /// The operator's `links.allowed_hosts`.
        hosts: Value,
    },
    /// The tenant's own value would be looser than the operator's.
    #[error("is looser than the operator's value for this tenant, {bound}")]
    Looser {
        /// The operator's value.
        bound: Value,
    },
}

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const YEAR: u64 = 365 * DAY;
const DECADE: u64 = 3650 * DAY;

const fn rule(name: &'static str, class: Class, stricter: Stricter, kind: Kind) -> Rule {
    Rule {
        name,
        class,
        kind,
        stricter,
    }
}

const fn time(min: u64, max: u64) -> Kind {
    Kind::Duration {
        min: seconds(min),
        max: seconds(max),
    }
}

const fn count(min: u64, max: u64) -> Kind {
    Kind::Number { min, max }
}

/// A text that the operator alone sets.
const fn text(name: &'static str, of: TextOf) -> Rule {
    rule(name, Class::Operator, Stricter::Neither, Kind::Text(of))
}

/// A page that mailed links lead to.
const fn page(name: &'static str) -> Rule {
    rule(name, Class::Tenant, Stricter::OnAllowedHosts, Kind::Page)
}

const fn names(of: NamesOf, min: usize) -> Kind {
    Kind::Names { of, min, max: 16 }
}

impl Setting {
    /// All of them, sorted by name.
    pub const ALL: [Self; 29] = [
        Self::AttemptsRetention,
        Self::ClaimsExternalRefs,
        Self::ClaimsPermissions,
        Self::CorsOrigins,
        Self::DeviceSecretTtl,
        Self::EmployeesShowPassword,
        Self::LinksAllowedHosts,
        Self::LinksConfirmUrl,
        Self::LinksResetUrl,
        Self::LinksVerifyUrl,
        Self::LockoutDuration,
        Self::LockoutThreshold,
        Self::LockoutWindow,
        Self::MailAccent,
        Self::MailFrom,
        Self::MailLanguage,
        Self::MailReplyTo,
        Self::MailSupport,
        Self::PasswordGeneratedTtl,
        Self::PasswordMinLength,
        Self::RefsNames,
        Self::RegistrationAllowedDomains,
        Self::RegistrationEnabled,
        Self::RegistrationMaxPending,
        Self::SessionIdleTimeout,
        Self::SessionMaxAge,
        Self::SessionPolicy,
        Self::TokenAccessTtl,
        Self::TokenAudience,
    ];

    /// What is fixed of it: the one table of classes, bounds and strictness.
    pub const fn rule(self) -> Rule {
        use Class::{Operator, Tenant};
        use NamesOf::{Audience, Domain, Host, Origin, Reference};
        use Stricter::{Less, More, Neither, OnAllowedHosts, Within};
        match self {
            Self::AttemptsRetention => {
                rule("attempts.retention", Operator, Neither, time(DAY, DECADE))
            }
            Self::ClaimsExternalRefs => {
                rule("claims.external_refs", Tenant, Neither, names(Reference, 0))
            }
            Self::ClaimsPermissions => rule("claims.permissions", Tenant, Less, Kind::Switch),
            Self::CorsOrigins => rule("cors.origins", Tenant, OnAllowedHosts, names(Origin, 0)),
            Self::DeviceSecretTtl => rule("device.secret_ttl", Tenant, Less, time(DAY, 730 * DAY)),
            Self::EmployeesShowPassword => {
                rule("employees.show_password", Operator, Neither, Kind::Switch)
            }
            Self::LinksAllowedHosts => {
                rule("links.allowed_hosts", Operator, Neither, names(Host, 0))
            }
            Self::LinksConfirmUrl => page("links.confirm_url"),
            Self::LinksResetUrl => page("links.reset_url"),
            Self::LinksVerifyUrl => page("links.verify_url"),
            Self::LockoutDuration => rule("lockout.duration", Tenant, More, time(MINUTE, 30 * DAY)),
            Self::LockoutThreshold => rule("lockout.threshold", Tenant, Less, count(1, 100)),
            Self::LockoutWindow => rule("lockout.window", Tenant, More, time(MINUTE, 30 * DAY)),
            Self::MailAccent => text("mail.accent", TextOf::Colour),
            Self::MailFrom => text("mail.from", TextOf::Mailbox),
            Self::MailLanguage => text("mail.language", TextOf::Language),
            Self::MailReplyTo => text("mail.reply_to", TextOf::Mailbox),
            Self::MailSupport => text("mail.support", TextOf::Line),
            Self::PasswordGeneratedTtl => rule(
                "password.generated_ttl",
                Tenant,
                Less,
                time(5 * MINUTE, 30 * DAY),
            ),
            Self::PasswordMinLength => rule("password.min_length", Tenant, More, count(8, 64)),
            Self::RefsNames => rule("refs.names", Tenant, Neither, names(Reference, 0)),
            Self::RegistrationAllowedDomains => rule(
                "registration.allowed_domains",
                Tenant,
                Within,
                names(Domain, 0),
            ),
            Self::RegistrationEnabled => rule("registration.enabled", Tenant, Less, Kind::Switch),
            Self::RegistrationMaxPending => rule(
                "registration.max_pending",
                Operator,
                Neither,
                count(1, 10_000),
            ),
            Self::SessionIdleTimeout => {
                rule("session.idle_timeout", Tenant, Less, time(MINUTE, YEAR))
            }
            Self::SessionMaxAge => rule("session.max_age", Tenant, Less, time(5 * MINUTE, YEAR)),
            Self::SessionPolicy => rule("session.policy", Operator, Neither, Kind::SessionPolicy),
            Self::TokenAccessTtl => rule("token.access_ttl", Tenant, Less, time(10, HOUR)),
            Self::TokenAudience => rule("token.audience", Operator, Neither, names(Audience, 1)),
        }
    }

    /// Name of the key, as in the configuration.
    pub const fn name(self) -> &'static str {
        self.rule().name
    }

    /// The setting of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|setting| setting.name() == name)
    }

    /// Reads a value in the configuration's spelling; names are separated by commas.
    ///
    /// # Errors
    /// What was expected, as the end of a sentence that begins with the key.
    pub fn parse(self, text: &str) -> Result<Value, InvalidValue> {
        value::parse(self.rule().kind, text)
    }

    /// The setting whose value of the operator's bounds the tenant's own value of this one.
    #[must_use]
    pub const fn bounded_by(self) -> Self {
        match self.rule().stricter {
            Stricter::OnAllowedHosts => Self::LinksAllowedHosts,
            _ => self,
        }
    }

    /// Whether who changes it over the API has to have signed in just now (rule 14): where tokens are
    /// sent, and who may read answers.
    #[must_use]
    pub const fn needs_fresh_sign_in(self) -> bool {
        matches!(self.rule().stricter, Stricter::OnAllowedHosts)
            || matches!(self, Self::LinksAllowedHosts)
    }

    /// Whether somebody may set a value; `bound` is the operator's of [`Setting::bounded_by`] for the
    /// same tenant. The hard bounds held when the value was read.
    ///
    /// # Errors
    /// The tenant may not set it at all, or not so loose.
    pub fn judge(self, by: SetBy, value: &Value, bound: &Value) -> Result<(), Refused> {
        if by == SetBy::Operator {
            return Ok(());
        }
        if self.rule().class == Class::Operator {
            return Err(Refused::Class);
        }
        if self.is_bounded(value, bound) {
            return Ok(());
        }
        let bound = bound.clone();
        Err(match self.rule().stricter {
            Stricter::OnAllowedHosts => Refused::Host { hosts: bound },
            _ => Refused::Looser { bound },
        })
    }

    /// Whether a tenant's own value keeps to the operator's of [`Setting::bounded_by`].
    fn is_bounded(self, own: &Value, operator: &Value) -> bool {
        let is_less = match (own, operator) {
            (Value::Number(own), Value::Number(operator)) => own <= operator,
            (Value::Duration(own), Value::Duration(operator)) => own <= operator,
            (Value::Switch(own), Value::Switch(operator)) => own <= operator,
            _ => true,
        };
        match self.rule().stricter {
            Stricter::Less => is_less,
            Stricter::More => own == operator || !is_less,
            Stricter::Within => is_within(own, operator),
            Stricter::OnAllowedHosts => match own {
                Value::Page(page) => page::is_on(page, operator),
                _ => origin::are_on(own, operator),
            },
            Stricter::Neither => true,
        }
    }
}

/// Whether a list lets nothing pass that another one stops.
fn is_within(own: &Value, other: &Value) -> bool {
    match (own, other) {
        (Value::Names(own), Value::Names(other)) => {
            other.is_empty() || (!own.is_empty() && own.iter().all(|name| other.contains(name)))
        }
        _ => own == other,
    }
}

/// The hosts, or a word for none.
fn hosts_of(hosts: &Value) -> String {
    match hosts {
        Value::Names(names) if names.is_empty() => "none".to_owned(),
        hosts => hosts.to_string(),
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests;
