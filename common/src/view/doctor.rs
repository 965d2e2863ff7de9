//! What a look at the installation found.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a check ended.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// It could not be looked at here, and the detail says why.
    Skipped,
    /// As it should be.
    Ok,
    /// It works, and should be looked at.
    Warn,
    /// It does not work, or soon will not.
    Fail,
}

impl Finding {
    /// As it stands in a table: what wants attention is loud.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Skipped => "-",
            Self::Ok => "ok",
            Self::Warn => "WARN",
            Self::Fail => "FAIL",
        }
    }
}

/// A part of the look, by which it can be narrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is named by its check")]
pub enum Section {
    Daemon,
    Foreign,
    Sockets,
    Unit,
    Proxy,
    Space,
    Smtp,
    Keys,
    Signing,
    Backup,
    Database,
    Redis,
    Clock,
}

impl Section {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 13] = [
        Self::Daemon,
        Self::Foreign,
        Self::Sockets,
        Self::Unit,
        Self::Proxy,
        Self::Space,
        Self::Smtp,
        Self::Keys,
        Self::Signing,
        Self::Backup,
        Self::Database,
        Self::Redis,
        Self::Clock,
    ];

    /// The word on the command line and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Daemon => "daemon",
            Self::Foreign => "foreign",
            Self::Sockets => "sockets",
            Self::Unit => "unit",
            Self::Proxy => "proxy",
            Self::Space => "space",
            Self::Smtp => "smtp",
            Self::Keys => "keys",
            Self::Signing => "signing",
            Self::Backup => "backup",
            Self::Database => "database",
            Self::Redis => "redis",
            Self::Clock => "clock",
        }
    }

    /// What the table calls it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Daemon => "daemon",
            Self::Foreign => "foreign authd",
            Self::Sockets => "socket permissions",
            Self::Unit => "unit hardening",
            Self::Proxy => "proxy",
            Self::Space => "free space",
            Self::Smtp => "smtp",
            Self::Keys => "wrap key, pepper",
            Self::Signing => "signing key",
            Self::Backup => "backup",
            Self::Database => "database",
            Self::Redis => "redis",
            Self::Clock => "clock",
        }
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Section {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|one| one.as_str() == text);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str);
            format!("expected one of {}", names.join(", "))
        })
    }
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckedView {
    /// What was looked at, as the table calls it.
    pub check: String,
    /// The part that it belongs to.
    pub section: Section,
    /// How it ended.
    pub result: Finding,
    /// What was found.
    pub detail: String,
    /// What to do, a command or a key of the configuration; null where nothing is to be done.
    #[serde(default)]
    pub hint: Option<String>,
}

impl CheckedView {
    /// A check that ended so.
    pub fn new(section: Section, result: Finding, detail: impl Into<String>) -> Self {
        Self {
            check: section.title().to_owned(),
            section,
            result,
            detail: detail.into(),
            hint: None,
        }
    }

    /// With what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The daemon's part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DoctorView {
    /// Version of the daemon.
    pub version: String,
    /// Whether the hash threads could lower their priority, as the unit must let them.
    pub hash_priority_lowered: bool,
    /// What was looked at, in the order of the table.
    pub checks: Vec<CheckedView>,
}
