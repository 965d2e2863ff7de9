//! What is wrong with a configuration, where it stands, and what to do about it.
//! All faults are shown together; none of them is only "the first one".

use std::fmt;
use std::path::PathBuf;

use common::text::visible;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Compiled in.
    Default,
    /// Taken from another key that has a value.
    Derived(&'static str),
    /// Set by `--dev`.
    Development,
    /// A file.
    File {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column in code points, from 1.
        column: usize,
    },
    /// A file or folder as a whole.
    Path(PathBuf),
    /// An environment variable, by name.
    Environment(String),
    /// `--set`, with its key.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Derived(key) => write!(f, "{key}"),
            Self::Development => f.write_str("--dev"),
            Self::File { path, line, column } => {
                let path = visible(&path.to_string_lossy());
                write!(f, "{path}:{line}:{column}")
            }
            Self::Path(path) => f.write_str(&visible(&path.to_string_lossy())),
            Self::Environment(name) => write!(f, "environment {}", visible(name)),
            Self::Flag(key) => write!(f, "--set {}", visible(key)),
        }
    }
}

/// Whether a finding stops the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// It does.
    Error,
    /// It does not.
    Warning,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Whether it stops the start.
    pub severity: Severity,
    /// Where it stands; none if nothing stands anywhere, as for a missing key.
    pub origin: Option<Origin>,
    /// The key; none for faults of a file as a whole.
    pub key: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Fault {
    /// A fault that stops the start.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            origin: None,
            key: None,
            message: message.into(),
            hint: None,
        }
    }

    /// A finding that does not stop the start.
    pub fn warning(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::new(message)
        }
    }

    /// Says where it stands.
    #[must_use]
    pub fn at(mut self, origin: Origin) -> Self {
        self.origin = Some(origin);
        self
    }

    /// Names the key.
    #[must_use]
    pub fn of(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("authd: ")?;
        if let Some(origin) = &self.origin {
            write!(f, "{origin}: ")?;
        }
        f.write_str(match self.severity {
            Severity::Error => "error: ",
            Severity::Warning => "warning: ",
        })?;
        f.write_str(&visible(&self.message))?;
        if let Some(hint) = &self.hint {
            write!(f, "\n  {}", visible(hint))?;
        }
        Ok(())
    }
}

/// Everything that is wrong with a configuration, in the order of its layers; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    /// Exit status of a daemon that was configured wrongly (`EX_CONFIG`).
    pub const EXIT: u8 = 78;
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}
