//! `[log]`: what authd says about itself.

use super::fault::Fault;
use super::key::{Change, Class, Form, Key, Kind};
use super::value::Values;

const TARGETS: &[&str] = &["auto", "journal", "stderr", "json"];

/// The keys, sorted by name.
pub(super) const KEYS: &[Key] = &[
    Key {
        name: "log.level",
        kind: Kind::Text(Form::Directives),
        default: Some("\"info\""),
        change: Change::Reload,
        class: Class::Installation,
        doc: "off, error, warn, info, debug or trace; or directives like \"info,authd::http=debug\".",
    },
    Key {
        name: "log.target",
        kind: Kind::Choice(TARGETS),
        default: Some("\"auto\""),
        change: Change::Restart,
        class: Class::Installation,
        doc: "auto, journal, stderr or json; auto = the journal if systemd started authd, else stderr.",
    },
];

/// Form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogTarget {
    /// The journal's if systemd started authd, else stderr's.
    Auto,
    /// Lines with a priority, for the journal.
    Journal,
    /// Lines with a time, for people.
    Stderr,
    /// One JSON object a line.
    Json,
}

/// Settings of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Level or directives.
    pub level: String,
    /// Form of the lines.
    pub target: LogTarget,
}

impl Log {
    pub(super) fn build(values: &Values) -> Result<Self, Fault> {
        Ok(Self {
            level: values.text("log.level")?,
            target: match values.text("log.target")?.as_str() {
                "journal" => LogTarget::Journal,
                "stderr" => LogTarget::Stderr,
                "json" => LogTarget::Json,
                _ => LogTarget::Auto,
            },
        })
    }
}
