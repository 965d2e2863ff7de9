//! Makes a database, and brings an old one up to date: always beside it, in a copy that takes its
//! place when everything has passed. A failure leaves the file as it was.

use std::fs::{self, File, OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use common::error::chain;
use refinery::{Migration, Runner};
use rusqlite::backup::Backup;
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, OpenFlags};

use super::backend::beside;
use super::inspect::{check, has_log, highest, open_to_look};
use super::lock::PRIVATE_FILE;
use crate::error::OpenError;

mod embedded {
    //! The migrations of this build.
    refinery::embed_migrations!("../../migrations/sqlite");
}

/// Old files that are kept after migrations.
const KEPT: usize = 2;
/// Pages copied at a time.
const COPY_PAGES: i32 = 1024;

/// The migrations that this build knows.
pub(super) fn known() -> Vec<Migration> {
    embedded::migrations::runner().get_migrations().clone()
}

/// Makes a new database: in a file beside, so that a half-made one never has the name.
pub(super) fn create(path: &Path, known: &[Migration]) -> Result<(), OpenError> {
    let new = beside(path, ".new");
    let made = make(&new, known);
    if let Err(error) = made {
        discard(&new);
        return Err(error);
    }
    take_place(&new, path).map_err(|source| {
        // Whichever name it has, nothing is in it yet.
        discard(&new);
        discard(path);
        OpenError::Create {
            path: path.to_owned(),
            source,
        }
    })
}

fn make(new: &Path, known: &[Migration]) -> Result<(), OpenError> {
    let mut connection = fresh(new)?;
    // Before the first table, or it would have no effect.
    connection
        .pragma_update(None, "auto_vacuum", "INCREMENTAL")
        .map_err(failed)?;
    // The file comes to disk once, when it is given its name; until then a crash leaves nothing that
    // anybody reads.
    connection
        .pragma_update(None, "synchronous", "OFF")
        .map_err(failed)?;
    connection
        .pragma_update_and_check(None, "journal_mode", "MEMORY", |_| Ok(()))
        .map_err(failed)?;
    migrate(&mut connection, known)?;
    finish(new, connection)
}

/// Brings the database from schema `from` to the newest.
pub(super) fn upgrade(path: &Path, from: u32, known: &[Migration]) -> Result<(), OpenError> {
    let copy = beside(path, ".migrating");
    if let Err(error) = copy_and_migrate(path, &copy, known) {
        discard(&copy);
        return Err(error);
    }
    swap(path, &copy, from, highest(known)).map_err(|reason| {
        discard(&copy);
        OpenError::Migration { reason }
    })
}

fn copy_and_migrate(path: &Path, copy: &Path, known: &[Migration]) -> Result<(), OpenError> {
    let mut connection = fresh(copy)?;
    let old = open_to_look(path, has_log(path)).map_err(failed)?;
    Backup::new(&old, &mut connection)
        .and_then(|backup| backup.run_to_completion(COPY_PAGES, Duration::ZERO, None))
        .map_err(failed)?;
    drop(old);
    // While it is worked on, the copy has no log of its own.
    connection
        .pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))
        .map_err(failed)?;
    migrate(&mut connection, known)?;
    finish(copy, connection)
}

/// Switches the log on while the file has not its name yet: a crash within the switch would leave
/// a journal that the next start must play back.
pub(super) fn finish(path: &Path, connection: Connection) -> Result<(), OpenError> {
    super::open::switch_to_log(&connection).map_err(failed)?;
    // Closing would do the same, and hide that it failed.
    connection
        .wal_checkpoint_v2(None::<&str>, CheckpointMode::TRUNCATE)
        .map_err(failed)?;
    connection.close().map_err(|(_, error)| failed(error))?;
    if has_log(path) {
        return Err(failed("the file could not be finished"));
    }
    Ok(())
}

fn migrate(connection: &mut Connection, known: &[Migration]) -> Result<(), OpenError> {
    // Within a migration's transaction it could not be switched off, and rebuilding a table needs it.
    connection
        .pragma_update(None, "foreign_keys", false)
        .map_err(failed)?;
    Runner::new(known)
        .run(connection)
        .map_err(|error| failed(chain(&error)))?;
    sound(connection)
}

/// Checks every page, index and reference.
pub(super) fn sound(connection: &Connection) -> Result<(), OpenError> {
    let dangling = connection
        .prepare("PRAGMA foreign_key_check")
        .and_then(|mut statement| statement.exists([]))
        .map_err(failed)?;
    if dangling {
        return Err(failed("a row points to one that is not there"));
    }
    check(connection, "PRAGMA integrity_check").map_err(failed)
}

/// Migrates a copy that nobody else has where it is; it keeps no log.
pub(super) fn in_place(copy: &Path, known: &[Migration]) -> Result<(), OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(copy, flags).map_err(failed)?;
    connection
        .pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))
        .map_err(failed)?;
    migrate(&mut connection, known)?;
    connection.close().map_err(|(_, error)| failed(error))
}

#[expect(clippy::needless_pass_by_value, reason = "it maps errors away")]
fn failed(error: impl ToString) -> OpenError {
    OpenError::Migration {
        reason: error.to_string(),
    }
}

/// A connection to a new, empty file that only its owner can read.
pub(super) fn fresh(path: &Path) -> Result<Connection, OpenError> {
    discard(path);
    let created = |source| OpenError::Create {
        path: path.to_owned(),
        source,
    };
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(PRIVATE_FILE)
        .open(path)
        .map_err(created)?;
    file.set_permissions(Permissions::from_mode(PRIVATE_FILE))
        .map_err(created)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags).map_err(failed)
}

/// Removes a file that did not come to anything, and what `SQLite` left beside it.
pub(super) fn discard(path: &Path) {
    for suffix in ["", "-journal", "-wal", "-shm"] {
        let file = beside(path, suffix);
        if let Err(error) = fs::remove_file(&file)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(file = %file.display(), %error, "left over");
        }
    }
}

/// Puts the migrated copy in the place of the database, and keeps the old file beside it.
fn swap(path: &Path, copy: &Path, from: u32, to: u32) -> Result<(), String> {
    fold_log(path)?;
    let kept = path.with_file_name(format!("pre-migrate-{from}-to-{to}.db"));
    keep(path, &kept).map_err(|error| format!("cannot keep {}: {error}", kept.display()))?;
    take_place(copy, path).map_err(|error| error.to_string())?;
    forget_older(path);
    Ok(())
}

/// Moves what a log left by a crash holds into the old file: alone, it must be whole.
pub(super) fn fold_log(path: &Path) -> Result<(), String> {
    if has_log(path) {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(path, flags).map_err(|error| error.to_string())?;
        connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .map_err(|error| error.to_string())?;
        connection.close().map_err(|(_, error)| error.to_string())?;
    }
    if has_log(path) {
        return Err("the write-ahead log could not be moved".to_owned());
    }
    Ok(())
}

/// A second name for the old file; a copy where the file system knows no second names.
pub(super) fn keep(path: &Path, kept: &Path) -> std::io::Result<()> {
    match fs::remove_file(kept) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    if fs::hard_link(path, kept).is_err() {
        fs::copy(path, kept)?;
        File::open(kept)?.sync_all()?;
    }
    fs::set_permissions(kept, Permissions::from_mode(PRIVATE_FILE))
}

/// Gives a finished file its name, and makes sure that it stays.
pub(super) fn take_place(new: &Path, path: &Path) -> std::io::Result<()> {
    File::open(new)?.sync_all()?;
    fs::rename(new, path)?;
    File::open(super::open::folder_of(path))?.sync_all()
}

/// Removes all but the newest of the kept files.
fn forget_older(path: &Path) {
    let Ok(entries) = fs::read_dir(super::open::folder_of(path)) else {
        return;
    };
    let mut kept: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter_map(|file| Some((migrated_to(&file)?, file)))
        .collect();
    kept.sort();
    let excess = kept.len().saturating_sub(KEPT);
    for (_, file) in kept.into_iter().take(excess) {
        discard(&file);
    }
}

/// The `M` of `pre-migrate-N-to-M.db`.
fn migrated_to(file: &Path) -> Option<u32> {
    let name = file.file_name()?.to_str()?;
    let versions = name.strip_prefix("pre-migrate-")?.strip_suffix(".db")?;
    let (from, to) = versions.split_once("-to-")?;
    from.parse::<u32>().ok()?;
    to.parse().ok()
}
