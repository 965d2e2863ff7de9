//! Backups as files: a copy at one moment, packed, with a manifest beside it, pruned by number.
//! Never a rule, a use case, or what a copy must hold to be sound: who calls says so.
//!
//! Everything here blocks. Files are the owner's alone, and a name that ends in `.partial` is never
//! taken for a backup.

mod archive;
mod folder;
mod make;

use std::path::{Path, PathBuf};

use store::OpenError;

pub use archive::{Packed, open, pack, parts, unpack};
pub use folder::Folder;
pub use make::{Check, Order, make, needed_bytes, scratch_file};

/// Hears how far the work is, stage by stage; false ends it.
pub type Told<'a> = &'a mut dyn FnMut(&str, u64, Option<u64>) -> bool;

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file or folder.
    #[error("{path}: {source}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The database, or the copy.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// Too little room for the copy.
    #[error("{needed} bytes are needed in {folder}, {free} are free")]
    NoRoom {
        /// Folder of the copy.
        folder: PathBuf,
        /// Bytes that the copy may take, and those that must stay free.
        needed: u64,
        /// Bytes free.
        free: u64,
    },
    /// The copy is not sound.
    #[error("the copy is not sound: {}", problems.join("; "))]
    Unsound {
        /// What is wrong with it.
        problems: Vec<String>,
    },
    /// The file is no backup.
    #[error("{path} is no backup: {reason}")]
    NoBackup {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Nobody waits for it any more.
    #[error("nobody waits for it any more")]
    Unwanted,
}

impl BackupError {
    /// A failure at a file or folder.
    pub fn file(path: &Path, source: std::io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            source,
        }
    }
}

/// Mode of every file.
const PRIVATE_FILE: u32 = 0o600;
/// Mode of every folder.
const PRIVATE_FOLDER: u32 = 0o700;
