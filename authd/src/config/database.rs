//! `[database]`: where the data is.

use std::path::PathBuf;
use std::time::Duration;

use super::fault::Fault;
use super::form;
use super::key::{Change, Class, Form, Key, Kind, gib, mib, minutes};
use super::value::Values;

/// The keys, sorted by name.
pub(super) const KEYS: &[Key] = &[
    Key {
        name: "database.auto_migrate",
        kind: Kind::Bool,
        default: Some("true"),
        change: Change::Restart,
        class: Class::Installation,
        doc: "Bring an older schema up to date at the start, after a copy.",
    },
    Key {
        name: "database.busy_timeout",
        kind: Kind::Duration {
            min: Duration::from_millis(10),
            max: minutes(1),
        },
        default: Some("\"5s\""),
        change: Change::Restart,
        class: Class::Installation,
        doc: "How long to wait for the database before 503.",
    },
    Key {
        name: "database.cache_size",
        kind: Kind::Size {
            min: mib(1),
            max: gib(64),
        },
        default: Some("\"4MiB\""),
        change: Change::Restart,
        class: Class::Installation,
        doc: "Page cache over all connections.",
    },
    Key {
        name: "database.min_free",
        kind: Kind::Size {
            min: 0,
            max: gib(1024),
        },
        default: Some("\"200MiB\""),
        change: Change::Reload,
        class: Class::Installation,
        doc: "Free space wanted beside the database; below it authd warns, and saves room.",
    },
    Key {
        name: "database.mmap_size",
        kind: Kind::Size {
            min: 0,
            max: gib(1024),
        },
        default: Some("\"64MiB\""),
        change: Change::Restart,
        class: Class::Installation,
        doc: "Most of the file that is mapped into memory; \"0B\" = none.",
    },
    Key {
        name: "database.pool_size",
        kind: Kind::Integer { min: 1, max: 256 },
        default: Some("8"),
        change: Change::Restart,
        class: Class::Installation,
        doc: "Connections that read; one more writes.",
    },
    Key {
        name: "database.url",
        kind: Kind::Text(Form::Database),
        default: Some("\"sqlite:/var/lib/authd/authd.db\""),
        change: Change::Restart,
        class: Class::Installation,
        doc: "The database: \"sqlite:\" and an absolute path.",
    },
    Key {
        name: "database.wal_autocheckpoint",
        kind: Kind::Integer {
            min: 100,
            max: 1_000_000,
        },
        default: Some("1000"),
        change: Change::Restart,
        class: Class::Installation,
        doc: "Pages in the write-ahead log at which a checkpoint begins.",
    },
];

/// The database and its backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file of `SQLite`, by absolute path.
    Sqlite(PathBuf),
}

/// Settings of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// Whether an older schema is brought up to date at the start.
    pub auto_migrate: bool,
    /// How long to wait for the database.
    pub busy_timeout: Duration,
    /// Page cache over all connections, in bytes.
    pub cache_size: u64,
    /// Free space wanted beside the database, in bytes.
    pub min_free: u64,
    /// Most of the file that is mapped into memory, in bytes.
    pub mmap_size: u64,
    /// Connections that read.
    pub pool_size: usize,
    /// The database.
    pub url: DatabaseUrl,
    /// Pages in the write-ahead log at which a checkpoint begins.
    pub wal_autocheckpoint: u32,
}

impl Database {
    pub(super) fn build(values: &Values) -> Result<Self, Fault> {
        Ok(Self {
            auto_migrate: values.bool("database.auto_migrate")?,
            busy_timeout: values.duration("database.busy_timeout")?,
            cache_size: values.size("database.cache_size")?,
            min_free: values.size("database.min_free")?,
            mmap_size: values.size("database.mmap_size")?,
            pool_size: values.number("database.pool_size")?,
            url: DatabaseUrl::Sqlite(
                form::database(&values.text("database.url")?)
                    .map_err(|why| values.refused("database.url", &why))?,
            ),
            wal_autocheckpoint: values.number("database.wal_autocheckpoint")?,
        })
    }
}
