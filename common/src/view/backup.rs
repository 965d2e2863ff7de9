//! Backups, checks, and the database as a whole.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::AuditId;
use crate::time::Time;

/// A backup. The manifest beside its file is the same object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BackupView {
    /// Name of the file; null where the caller has it.
    pub name: Option<String>,
    /// The moment that it shows.
    pub created_at: Time,
    /// Size of the file.
    pub bytes: u64,
    /// Version of the schema; null where there is no manifest.
    pub schema: Option<u32>,
    /// Id of the key that its keys are wrapped by.
    pub wrap_key_id: Option<String>,
    /// SHA-256 of the file, hexadecimal; null where there is no manifest.
    pub sha256: Option<String>,
    /// Whether pages, references, keys and audit chains were sound when it was made.
    pub verified: bool,
    /// Whether it is compressed (gzip).
    pub compressed: bool,
    /// Version of the daemon that made it.
    pub version: Option<String>,
}

/// Answer of `backup create`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BackupMade {
    /// The backup.
    pub backup: BackupView,
    /// The audit row.
    pub audit_id: AuditId,
    /// Older backups that went, by name.
    pub pruned: Vec<String>,
    /// What is not in it, to be kept apart, as people call it.
    pub not_in_it: Vec<String>,
    /// The command that copies what is not in it.
    pub copy_apart: String,
    /// Folder of the file; null where the caller has it.
    pub folder: Option<String>,
}

/// Answer of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckView {
    /// Whether all is sound.
    pub ok: bool,
    /// What is not, a line each.
    pub problems: Vec<String>,
    /// What a restore would need to know beside, a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

/// Answer of `db status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DatabaseView {
    /// `sqlite`
    pub backend: String,
    /// Path of the file.
    pub path: String,
    /// Size of the file.
    pub bytes: u64,
    /// Size of the write-ahead log.
    pub wal_bytes: u64,
    /// Bytes of the file that hold nothing.
    pub unused_bytes: u64,
    /// Whether `db vacuum` can give them back.
    pub gives_back: bool,
    /// Free space beside it.
    pub free_bytes: u64,
    /// Free space that is wanted (`database.min_free`).
    pub min_free_bytes: u64,
    /// Version of the schema.
    pub schema: u32,
    /// Migrations not applied.
    pub pending: u32,
}

/// A step of the schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MigrationView {
    /// Its number.
    pub version: u32,
    /// Its name.
    pub name: String,
    /// When it was applied; null if it waits.
    pub applied_at: Option<Time>,
}

/// Answer of `db vacuum`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VacuumView {
    /// Bytes given back to the disk.
    pub bytes_given_back: u64,
    /// Bytes of the file now.
    pub bytes: u64,
    /// What stood in the way, or what helps more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}
