//! `[backup]`: copies of the database.

use std::path::PathBuf;

use super::fault::Fault;
use super::key::{Change, Class, Form, Key, Kind};
use super::value::Values;

/// The keys, sorted by name.
pub(super) const KEYS: &[Key] = &[
    Key {
        name: "backup.compress",
        kind: Kind::Bool,
        default: Some("true"),
        change: Change::Reload,
        class: Class::Installation,
        doc: "Whether backups are compressed (gzip).",
    },
    Key {
        name: "backup.dir",
        kind: Kind::Text(Form::Path),
        default: Some("\"/var/lib/authd/backups\""),
        change: Change::Reload,
        class: Class::Installation,
        doc: "Folder of backups that are given no file.",
    },
    Key {
        name: "backup.keep",
        kind: Kind::Integer {
            min: 1,
            max: 10_000,
        },
        default: Some("14"),
        change: Change::Reload,
        class: Class::Installation,
        doc: "Backups that stay in the folder; the oldest go.",
    },
];

/// Settings of backups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// Whether they are compressed.
    pub compress: bool,
    /// Their folder.
    pub dir: PathBuf,
    /// How many stay.
    pub keep: usize,
}

impl Backup {
    pub(super) fn build(values: &Values) -> Result<Self, Fault> {
        Ok(Self {
            compress: values.bool("backup.compress")?,
            dir: PathBuf::from(values.text("backup.dir")?),
            keep: values.number("backup.keep")?,
        })
    }
}
