//! The ballast: a file of blocks that are really taken, so that there is room to free when the disk
//! is full and nothing else can go at once.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate};
use store::sqlite;

/// Its size.
const BYTES: u64 = 32 << 20;
/// Written at a time where the file system cannot just take blocks.
const PART_BYTES: usize = 1 << 20;

/// Where it is.
pub(super) fn path(database: &Path) -> PathBuf {
    database.with_file_name("authd.ballast")
}

/// Frees it; tells how many bytes it had, none if there was no ballast.
pub(super) fn release(database: &Path) -> io::Result<Option<u64>> {
    let path = path(database);
    let bytes = match fs::metadata(&path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    fs::remove_file(&path)?;
    Ok(Some(bytes))
}

/// Makes it, where it is missing and as much as is wanted stays free beside it. True if it did.
pub(super) fn ensure(database: &Path, min_free: u64) -> io::Result<bool> {
    let path = path(database);
    if fs::metadata(&path).is_ok_and(|metadata| metadata.len() == BYTES) {
        return Ok(false);
    }
    if sqlite::free_bytes(database)? < min_free.saturating_add(BYTES) {
        return Ok(false);
    }
    let made = make(&path);
    if made.is_err() {
        // Half a ballast is room that is taken and not there to free.
        fs::remove_file(&path)?;
    }
    made.map(|()| true)
}

fn make(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    match fallocate(&file, FallocateFlags::empty(), 0, BYTES) {
        Ok(()) => return file.sync_all(),
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {}
        Err(error) => return Err(error.into()),
    }
    let part = vec![0xa5; PART_BYTES];
    let mut left = BYTES;
    while left > 0 {
        file.write_all(&part)?;
        left = left.saturating_sub(PART_BYTES as u64);
    }
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn r4_the_ballast_takes_its_blocks_and_gives_them_back() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("authd.db");
        assert!(!ensure(&database, u64::MAX / 2).unwrap());
        assert!(ensure(&database, 0).unwrap());
        let metadata = fs::metadata(path(&database)).unwrap();
        assert_eq!(metadata.len(), BYTES);
        assert!(metadata.blocks() * 512 >= BYTES, "{}", metadata.blocks());
        assert_eq!(metadata.mode() & 0o777, 0o600);
        assert!(!ensure(&database, 0).unwrap());
        assert_eq!(release(&database).unwrap(), Some(BYTES));
        assert_eq!(release(&database).unwrap(), None);
    }
}
