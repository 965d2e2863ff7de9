//! Makes a backup: room, copy, check, pack. Whatever fails leaves nothing behind.

use std::fs;
use std::path::{Path, PathBuf};

use common::time::Time;
use common::view::BackupView;
use store::sqlite::{self, Still};

use super::archive::pack;
use super::{BackupError, Told};

/// Tells what is wrong with a copy, and by which key it is wrapped.
pub type Check<'a> = dyn Fn(&Still) -> (Vec<String>, Option<String>) + 'a;

/// What is asked for.
pub struct Order<'a> {
    /// The database.
    pub database: &'a Path,
    /// Folder of the files on the way.
    pub scratch: &'a Path,
    /// Whether the file is compressed.
    pub compress: bool,
    /// The moment, for the manifest.
    pub now: Time,
    /// Bytes that must stay free beside the copy.
    pub reserve: u64,
    /// What a copy must be beyond sound pages and references.
    pub check: &'a Check<'a>,
}

/// Bytes that a backup takes at most while it is made.
pub fn needed_bytes(database: &Path, compress: bool) -> u64 {
    let size = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
    let mut log = database.as_os_str().to_owned();
    log.push("-wal");
    let copy = size(database).saturating_add(size(Path::new(&log)));
    // What does not compress is a little larger after.
    let packed = if compress { copy / 100 * 101 } else { copy };
    copy.saturating_add(packed).saturating_add(1 << 20)
}

/// A file on the way, by its purpose.
pub fn scratch_file(scratch: &Path, purpose: &str) -> PathBuf {
    scratch.join(format!("backup-{purpose}.partial"))
}

/// Makes the file of a backup under a name of the scratch folder, and says what it is. It is not
/// there unless it was found sound.
///
/// # Errors
/// [`BackupError`]; nothing is left behind.
pub fn make(order: &Order<'_>, told: Told<'_>) -> Result<(PathBuf, BackupView), BackupError> {
    let copy = scratch_file(order.scratch, "copy");
    let packed = scratch_file(order.scratch, "packed");
    let made = room(order).and_then(|()| run(order, &copy, &packed, told));
    remove(&copy);
    match made {
        Ok(view) => Ok((packed, view)),
        Err(error) => {
            remove(&packed);
            Err(error)
        }
    }
}

fn room(order: &Order<'_>) -> Result<(), BackupError> {
    let free = sqlite::free_bytes(order.scratch)
        .map_err(|source| BackupError::file(order.scratch, source))?;
    let needed = needed_bytes(order.database, order.compress).saturating_add(order.reserve);
    if free < needed {
        return Err(BackupError::NoRoom {
            folder: order.scratch.to_owned(),
            needed,
            free,
        });
    }
    Ok(())
}

fn run(
    order: &Order<'_>,
    copy: &Path,
    packed: &Path,
    told: Told<'_>,
) -> Result<BackupView, BackupError> {
    let wanted = sqlite::snapshot(order.database, copy, &mut |copied| {
        told("copying", copied.pages, Some(copied.of))
    })?;
    if !wanted || !told("checking", 0, None) {
        return Err(BackupError::Unwanted);
    }
    let still = Still::open(copy)?;
    let mut problems = still.problems();
    let (further, wrap_key_id) = (order.check)(&still);
    problems.extend(further);
    let schema = still.schema();
    drop(still);
    if !problems.is_empty() {
        return Err(BackupError::Unsound { problems });
    }
    let file = pack(copy, packed, order.compress, told)?;
    Ok(BackupView {
        name: None,
        created_at: order.now,
        bytes: file.bytes,
        schema: Some(schema),
        wrap_key_id,
        sha256: Some(file.sha256),
        verified: true,
        compressed: order.compress,
        version: Some(common::VERSION.to_owned()),
    })
}

/// Removes a file on the way, and what `SQLite` may have left beside it.
fn remove(path: &Path) {
    for suffix in ["", "-journal", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        if let Err(error) = fs::remove_file(&name)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(file = %path.display(), %error, "left over");
        }
    }
}
