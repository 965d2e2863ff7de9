//! The lock beside the database: one authd at a time, held by the kernel and not by the file's
//! being there, so that none is left behind by a daemon that died.

use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::error::OpenError;

/// Mode of every file that holds what the database holds.
pub(super) const PRIVATE_FILE: u32 = 0o600;

/// A lock that is held.
#[derive(Debug)]
pub(super) struct LockFile {
    file: File,
}

fn create_error(path: &Path, source: std::io::Error) -> OpenError {
    OpenError::Create {
        path: path.to_owned(),
        source,
    }
}

impl LockFile {
    /// Takes the lock of a database, or says who has it.
    pub(super) fn take(database: &Path) -> Result<Self, OpenError> {
        let path: PathBuf = database.with_extension("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(PRIVATE_FILE)
            .open(&path)
            .map_err(|source| create_error(&path, source))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let pid = pid_in(&mut file);
                return Err(OpenError::Locked { path, pid });
            }
            Err(TryLockError::Error(source)) => return Err(create_error(&path, source)),
        }
        sign(&mut file).map_err(|source| create_error(&path, source))?;
        Ok(Self { file })
    }

    /// Gives the lock back; the file stays, since removing it would race with who waits for it.
    pub(super) fn release(self) {
        if let Err(error) = self.file.set_len(0).and_then(|()| self.file.unlock()) {
            tracing::warn!(%error, "the database's lock file was left as it is");
        }
    }
}

fn sign(file: &mut File) -> std::io::Result<()> {
    file.set_permissions(Permissions::from_mode(PRIVATE_FILE))?;
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())
}

fn pid_in(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
