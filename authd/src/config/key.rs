//! What a configuration key is: name, kind with its hard bounds, default, and who may change it when.
//! Only definitions; reading a value against its kind is `read.rs`.

use std::time::Duration;

use domain::setting::{self, NamesOf, Setting, TextOf};

/// One key, defined once: files, environment, `--set`, `print-config` and the schema all use it.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Full name, `section.key`.
    pub name: &'static str,
    /// Type and hard bounds.
    pub kind: Kind,
    /// Default as TOML text; none for a key that is unset without a setting.
    pub default: Option<&'static str>,
    /// When a change takes effect.
    pub change: Change,
    /// Whether tenants have values of their own.
    pub class: Class,
    /// One line for people: meaning and unit.
    pub doc: &'static str,
}

impl Key {
    /// The key of a setting that tenants may have values of their own for: name, class and bounds
    /// are those of the setting.
    pub(super) const fn of(
        setting: Setting,
        default: Option<&'static str>,
        doc: &'static str,
    ) -> Self {
        let rule = setting.rule();
        Self {
            name: rule.name,
            kind: Kind::of(rule.kind),
            default,
            change: Change::Reload,
            class: match rule.class {
                setting::Class::Operator => Class::Operator,
                setting::Class::Tenant => Class::Tenant,
            },
            doc,
        }
    }

    /// Whether the key says which credential to use: not taken from the environment, where it
    /// would sit among values that child processes and crash reports see.
    pub fn names_credential(&self) -> bool {
        matches!(self.kind, Kind::Text(Form::Credential))
    }

    /// Its default as TOML, else a value that could be; for the example file.
    pub fn example(&self) -> String {
        match (self.default, self.kind) {
            (Some(default), _) => default.to_owned(),
            (None, Kind::Text(form)) => form.example().to_owned(),
            (None, Kind::List { item, .. }) => format!("[{}]", item.example()),
            (None, _) => String::new(),
        }
    }

    /// The environment variable of the key: `AUTHD_API__LISTEN`.
    pub fn variable(&self) -> String {
        let name = self.name.to_ascii_uppercase().replace('.', "__");
        format!("{}{name}", super::environment::PREFIX)
    }

    /// The section; empty for a key outside every section.
    pub fn section(&self) -> &'static str {
        self.name.split_once('.').map_or("", |(section, _)| section)
    }

    /// The name within its section.
    pub fn leaf(&self) -> &'static str {
        self.name
            .split_once('.')
            .map_or(self.name, |(_, leaf)| leaf)
    }
}

/// When a changed value takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// At the next start.
    Restart,
    /// At the next reload.
    Reload,
}

/// Who may have a value of their own beside the operator's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Nobody: one value for the installation.
    Installation,
    /// A tenant, set by the operator.
    Operator,
    /// A tenant, set by the operator; the tenant itself may become stricter.
    Tenant,
}

impl Class {
    /// The class as documents name it, none for an installation's.
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::Installation => None,
            Self::Operator => Some("operator"),
            Self::Tenant => Some("tenant"),
        }
    }
}

/// Type of a value, with the bounds that no setting passes.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Integer {
        /// Smallest value.
        min: u64,
        /// Largest value.
        max: u64,
    },
    /// A text with a unit of time; bare numbers are refused.
    Duration {
        /// Shortest.
        min: Duration,
        /// Longest.
        max: Duration,
    },
    /// A text with a unit of bytes; bare numbers are refused.
    Size {
        /// Fewest bytes.
        min: u64,
        /// Most bytes.
        max: u64,
    },
    /// A text of one form.
    Text(Form),
    /// One of a few words.
    Choice(&'static [&'static str]),
    /// A list of different texts of one form.
    List {
        /// Form of each.
        item: Form,
        /// Most of them.
        max: usize,
    },
    /// Path prefixes, each with a duration or `"none"`.
    TimeoutOverrides,
}

impl Kind {
    const fn of(kind: setting::Kind) -> Self {
        match kind {
            setting::Kind::Number { min, max } => Self::Integer { min, max },
            setting::Kind::Duration { min, max } => Self::Duration { min, max },
            setting::Kind::Switch => Self::Bool,
            setting::Kind::SessionPolicy => Self::Text(Form::SessionPolicy),
            setting::Kind::Text(of) => Self::Text(match of {
                TextOf::Colour => Form::Colour,
                TextOf::Language => Form::Language,
                TextOf::Line => Form::Line,
                TextOf::Mailbox => Form::Mailbox,
            }),
            setting::Kind::Page => Self::Text(Form::Page),
            setting::Kind::Names { of, max, .. } => Self::List {
                item: match of {
                    NamesOf::Audience => Form::Audience,
                    NamesOf::Domain => Form::Domain,
                    NamesOf::Host => Form::WebHost,
                    NamesOf::Origin => Form::Origin,
                    NamesOf::Reference => Form::ReferenceName,
                },
                max,
            },
        }
    }
}

/// Form of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Absolute path.
    Path,
    /// `address:port`.
    Address,
    /// As `Address`, or empty for none.
    OptionalAddress,
    /// An absolute path, or nothing.
    OptionalPath,
    /// Address range in CIDR notation, or one address.
    Network,
    /// Permissions of a socket, an octal text.
    Mode,
    /// `https://host[:port]`; `http` for loopback.
    Url,
    /// URL of a page: as `Url`, with path and query.
    Page,
    /// Host name or address.
    Host,
    /// `user@host`, or `Name <user@host>`.
    Mailbox,
    /// `#rrggbb`.
    Colour,
    /// Tag of a language.
    Language,
    /// One line for people.
    Line,
    /// Name of a user at another server.
    UserName,
    /// Slug of a tenant.
    Slug,
    /// Name of a group; empty for the own one.
    Group,
    /// Name of a user, or a uid; in a list also as a number.
    Account,
    /// Name of a systemd credential.
    Credential,
    /// `sqlite:PATH`.
    Database,
    /// The way to a Redis.
    Redis,
    /// Session policy.
    SessionPolicy,
    /// Name of an external reference.
    ReferenceName,
    /// Domain of e-mail addresses.
    Domain,
    /// Host of a page.
    WebHost,
    /// Origin of a page.
    Origin,
    /// Name of a header.
    HeaderName,
    /// Method of a request.
    Method,
    /// IANA time zone.
    TimeZone,
    /// Short name for people.
    Label,
    /// Audience of a token.
    Audience,
    /// Log level or directives.
    Directives,
}

impl Form {
    /// What it is, for documentation.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Path => "absolute path",
            Self::Address => "address with port",
            Self::OptionalAddress => "address with port, or \"\"",
            Self::OptionalPath => "absolute path or \"\"",
            Self::Network => "address range",
            Self::Mode => "\"0660\" or \"0600\"",
            Self::Url => "URL without path",
            Self::Page => "URL of a page",
            Self::Host => "host name or address",
            Self::Mailbox => "\"user@host\" or \"Name <user@host>\"",
            Self::Colour => "colour, \"#rrggbb\"",
            Self::Language => "language tag",
            Self::Line => "line of text",
            Self::UserName => "user name",
            Self::Slug => "slug",
            Self::Group => "group name or \"\"",
            Self::Account => "user name or uid",
            Self::Credential => "credential name",
            Self::Database => "\"sqlite:\" and absolute path",
            Self::Redis => "URL of a Redis",
            Self::SessionPolicy => "session policy",
            Self::ReferenceName => "name of a-z, 0-9 and _",
            Self::Domain => "domain",
            Self::WebHost => "host",
            Self::Origin => "origin or \"*\"",
            Self::HeaderName => "name of a header",
            Self::Method => "method",
            Self::TimeZone => "IANA time zone",
            Self::Label => "name",
            Self::Audience => "audience",
            Self::Directives => "level or directives",
        }
    }

    /// A value that could be, as TOML.
    pub const fn example(self) -> &'static str {
        match self {
            Self::Path => "\"/var/lib/authd/breached.txt\"",
            Self::OptionalPath => "\"/run/authd/helpdesk.sock\"",
            Self::Address | Self::OptionalAddress => "\"127.0.0.1:8440\"",
            Self::Network => "\"10.0.0.0/8\"",
            Self::Mode => "\"0660\"",
            Self::Url => "\"https://auth.example.com\"",
            Self::Page => "\"https://app.example.com/reset-password\"",
            Self::Host => "\"smtp.example.com\"",
            Self::Mailbox => "\"Example <no-reply@example.com>\"",
            Self::Colour => "\"#1d4fbf\"",
            Self::Language => "\"sw\"",
            Self::Line => "\"Help: help@example.com\"",
            Self::UserName => "\"authd\"",
            Self::Slug => "\"acme\"",
            Self::Group => "\"authd-admin\"",
            Self::Account => "\"alice\"",
            Self::Credential => "\"authd.wrap-key\"",
            Self::Database => "\"sqlite:/var/lib/authd/authd.db\"",
            Self::Redis => "\"redis+unix:///run/redis/redis-server.sock\"",
            Self::SessionPolicy => "\"per_device\"",
            Self::ReferenceName => "\"branch_id\"",
            Self::Domain => "\"example.com\"",
            Self::WebHost => "\"app.example.com\"",
            Self::Origin => "\"https://app.example.com\"",
            Self::HeaderName => "\"content-type\"",
            Self::Method => "\"GET\"",
            Self::TimeZone => "\"UTC\"",
            Self::Label => "\"free\"",
            Self::Audience => "\"https://api.example.com\"",
            Self::Directives => "\"info,authd::http=debug\"",
        }
    }
}

/// A duration of so many seconds.
pub(super) const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// A duration of so many minutes.
pub(super) const fn minutes(count: u64) -> Duration {
    seconds(count * 60)
}

/// A duration of so many hours.
pub(super) const fn hours(count: u64) -> Duration {
    minutes(count * 60)
}

/// A duration of so many days.
pub(super) const fn days(count: u64) -> Duration {
    hours(count * 24)
}

/// A size of so many KiB.
pub(super) const fn kib(count: u64) -> u64 {
    count << 10
}

/// A size of so many MiB.
pub(super) const fn mib(count: u64) -> u64 {
    count << 20
}

/// A size of so many GiB.
pub(super) const fn gib(count: u64) -> u64 {
    count << 30
}
