//! Looks at a database file before anything is written: is it one, is it whole, which schema has it?
//! What is not to be trusted is left byte for byte as it is.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use refinery::Migration;
use rusqlite::{Connection, OpenFlags};

use super::backend::beside;
use crate::error::OpenError;

/// First bytes of every `SQLite` 3 file.
pub(super) const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// Bytes of the header.
const HEADER: usize = 100;
/// A file up to this size is checked whole at every start; a larger one would hold the start up
/// for seconds, and a page that is bad fails closed when it is read.
const QUICK_CHECK_BYTES: u64 = 8 << 20;

/// What is in the place of the database.
pub(super) enum Found {
    /// Nothing, and nothing beside it.
    Nothing,
    /// A database of ours with this schema.
    Schema(u32),
}

fn damaged(path: &Path, reason: impl Into<String>) -> OpenError {
    OpenError::Damaged {
        path: path.to_owned(),
        reason: reason.into(),
    }
}

/// Looks at the file and what is beside it. A start holds the lock meanwhile.
pub(super) fn inspect(path: &Path, known: &[Migration]) -> Result<Found, OpenError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return nothing(path),
        Err(error) => {
            return Err(OpenError::Other {
                path: path.to_owned(),
                reason: error.to_string(),
            });
        }
    };
    let has_log = has_log(path);
    check_header(&file, has_log).map_err(|reason| damaged(path, reason))?;
    let connection =
        open_to_look(path, has_log).map_err(|error| damaged(path, error.to_string()))?;
    let bytes = file.metadata().map_or(u64::MAX, |metadata| metadata.len());
    if bytes <= QUICK_CHECK_BYTES {
        check(&connection, "PRAGMA quick_check(1)").map_err(|reason| damaged(path, reason))?;
    }
    schema(&connection, path, known).map(Found::Schema)
}

/// A log without its database holds what was committed: a new database beside it would lose that.
fn nothing(path: &Path) -> Result<Found, OpenError> {
    if has_log(path) {
        Err(damaged(
            path,
            "the file is gone, but its write-ahead log is there",
        ))
    } else {
        Ok(Found::Nothing)
    }
}

/// Whether there is a log that holds anything.
pub(super) fn has_log(path: &Path) -> bool {
    std::fs::metadata(beside(path, "-wal")).is_ok_and(|metadata| metadata.len() > 0)
}

/// Checks what the first bytes say of the file (sqlite.org/fileformat2.html, 1.3).
fn check_header(mut file: &File, has_log: bool) -> Result<(), String> {
    let mut header = [0_u8; HEADER];
    if file.read_exact(&mut header).is_err() {
        return Err("it is too short for a database".to_owned());
    }
    if header.get(..MAGIC.len()) != Some(MAGIC.as_slice()) {
        return Err("it does not begin as a database does".to_owned());
    }
    let page = match be_u32(&header, 14) & 0xffff {
        1 => 65_536,
        size => size,
    };
    if !page.is_power_of_two() || page < 512 {
        return Err("its page size is none that exists".to_owned());
    }
    let bytes = file.metadata().map_err(|error| error.to_string())?.len();
    // With a log beside it, the file may lag behind; SQLite then takes the size from the log.
    let needed = u64::from(be_u32(&header, 28)).saturating_mul(page.into());
    if !has_log && bytes < needed {
        return Err(format!(
            "it has {bytes} bytes of {needed}; the rest is missing"
        ));
    }
    Ok(())
}

fn be_u32(header: &[u8; HEADER], at: usize) -> u32 {
    let bytes = header.iter().skip(at).take(4);
    bytes.fold(0, |value, &byte| (value << 8) | u32::from(byte))
}

/// A connection that writes nothing. Without a log `SQLite` is told that nobody else writes, so that
/// it makes no files beside the database.
pub(super) fn open_to_look(path: &Path, has_log: bool) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if has_log {
        return Connection::open_with_flags(path, flags);
    }
    let mut uri = String::from("file:");
    for &byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _: std::fmt::Result = write!(uri, "%{byte:02X}");
        }
    }
    uri.push_str("?immutable=1");
    Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)
}

/// Runs one of `SQLite`'s checks; anything but "ok" is a fault.
pub(super) fn check(connection: &Connection, pragma: &str) -> Result<(), String> {
    let answer: String = connection
        .query_row(pragma, [], |row| row.get(0))
        .map_err(|error| error.to_string())?;
    if answer == "ok" { Ok(()) } else { Err(answer) }
}

/// The version of the schema, after what was applied has been held against what is known.
fn schema(connection: &Connection, path: &Path, known: &[Migration]) -> Result<u32, OpenError> {
    let applied = applied(connection)
        .map_err(|error| damaged(path, format!("it holds no schema of authd: {error}")))?;
    let highest = highest(known);
    let Some(found) = applied.last().map(|&(version, ..)| version) else {
        return Err(damaged(path, "it holds no schema of authd"));
    };
    if found > highest {
        return Err(OpenError::Newer {
            path: path.to_owned(),
            found,
            known: highest,
        });
    }
    for (version, name, checksum) in applied {
        let same = known.iter().any(|migration| {
            version_of(migration) == version
                && migration.name() == name
                && migration.checksum().to_string() == checksum
        });
        if !same {
            return Err(OpenError::Migration {
                reason: format!("V{version} of the database is not the V{version} of this authd"),
            });
        }
    }
    Ok(found)
}

type Applied = (u32, String, String);

fn applied(connection: &Connection) -> rusqlite::Result<Vec<Applied>> {
    connection
        .prepare("SELECT version, name, checksum FROM refinery_schema_history ORDER BY version")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect()
}

/// Highest version of a set of migrations.
pub(super) fn highest(known: &[Migration]) -> u32 {
    known.iter().map(version_of).max().unwrap_or(0)
}

fn version_of(migration: &Migration) -> u32 {
    u32::try_from(migration.version()).unwrap_or(0)
}
