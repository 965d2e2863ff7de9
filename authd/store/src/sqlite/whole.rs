//! A database file looked at as a whole: whether it is sound, how it lies on the disk, what was
//! applied to it; and a file that nobody else has, opened to be read or brought up to date.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::inspect::{self, Found, highest, inspect};
use super::migrate;
use super::open::folder_of;
use super::snapshot::{failed, open_shared};
use super::tx::Tx;
use crate::error::OpenError;
use crate::resource::ReadTx;

/// Faults that are told; more would not make the file any worse.
const PROBLEMS_LIMIT: usize = 20;

/// How a database lies on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Bytes of a page.
    pub page_bytes: u64,
    /// Pages of the file.
    pub pages: u64,
    /// Of those, pages that hold nothing.
    pub free_pages: u64,
    /// Whether pages that hold nothing can be given back without writing the file anew.
    pub gives_back: bool,
}

/// A step that was applied, or waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationRow {
    /// Its number.
    pub version: u32,
    /// Its name.
    pub name: String,
    /// When it was applied, RFC 3339; none if it waits.
    pub applied: Option<String>,
}

/// How the database lies on the disk, also beside a daemon.
///
/// # Errors
/// [`OpenError`] where it cannot be read.
pub fn layout(path: &Path) -> Result<Layout, OpenError> {
    let read = || -> rusqlite::Result<Layout> {
        let connection = open_shared(path)?;
        let figure = |pragma: &str| -> rusqlite::Result<u64> {
            let sql = format!("PRAGMA {pragma}");
            let figure: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
            Ok(u64::try_from(figure).unwrap_or(0))
        };
        Ok(Layout {
            page_bytes: figure("page_size")?,
            pages: figure("page_count")?,
            free_pages: figure("freelist_count")?,
            gives_back: figure("auto_vacuum")? == 2,
        })
    };
    read().map_err(|error| failed(path, &error))
}

/// The steps of the schema, those that wait among them, also beside a daemon.
///
/// # Errors
/// [`OpenError`] where it cannot be read.
pub fn migrations(path: &Path) -> Result<Vec<MigrationRow>, OpenError> {
    let read = || -> rusqlite::Result<Vec<MigrationRow>> {
        let connection = open_shared(path)?;
        let sql = "SELECT version, name, applied_on FROM refinery_schema_history ORDER BY version";
        let mut statement = connection.prepare(sql)?;
        let rows = statement.query_map([], |row| {
            Ok(MigrationRow {
                version: row.get(0)?,
                name: row.get(1)?,
                applied: row.get(2)?,
            })
        })?;
        rows.collect()
    };
    let mut rows = read().map_err(|error| failed(path, &error))?;
    for known in migrate::known() {
        let version = u32::try_from(known.version()).unwrap_or(0);
        if rows.iter().all(|row| row.version != version) {
            rows.push(MigrationRow {
                version,
                name: known.name().to_owned(),
                applied: None,
            });
        }
    }
    Ok(rows)
}

/// What is wrong with the pages, indexes and references of a database, also beside a daemon; empty
/// where nothing is.
///
/// # Errors
/// [`OpenError`] where it cannot be opened at all.
pub fn problems(path: &Path) -> Result<Vec<String>, OpenError> {
    let connection = open_shared(path).map_err(|error| failed(path, &error))?;
    Ok(problems_of(&connection))
}

/// The first thing that is wrong with the pages of a database, also beside a daemon: each is read once,
/// without the cross-check of indexes and references. None where nothing is.
///
/// # Errors
/// [`OpenError`] where it cannot be opened at all.
pub fn quick_problem(path: &Path) -> Result<Option<String>, OpenError> {
    let connection = open_shared(path).map_err(|error| failed(path, &error))?;
    let found =
        lines(&connection, "PRAGMA quick_check(1)").unwrap_or_else(|error| vec![error.to_string()]);
    Ok(found.into_iter().find(|line| line != "ok"))
}

fn problems_of(connection: &Connection) -> Vec<String> {
    let mut found = lines(
        connection,
        &format!("PRAGMA integrity_check({PROBLEMS_LIMIT})"),
    )
    .unwrap_or_else(|error| vec![error.to_string()]);
    found.retain(|line| line != "ok");
    found.extend(dangling(connection).unwrap_or_else(|error| vec![error.to_string()]));
    found.truncate(PROBLEMS_LIMIT);
    found
}

fn lines(connection: &Connection, pragma: &str) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare(pragma)?
        .query_map([], |row| row.get(0))?
        .collect()
}

/// Rows that point to one that is not there.
fn dangling(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare("PRAGMA foreign_key_check")?
        .query_map([], |row| {
            let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
            Ok(format!(
                "a row of {table} points to one of {parent} that is not there"
            ))
        })?
        .take(PROBLEMS_LIMIT)
        .collect()
}

/// A file that nobody writes, opened to be read.
pub struct Still {
    connection: Connection,
    path: PathBuf,
    schema: u32,
}

impl Still {
    /// Opens a file of the newest schema or an older one.
    ///
    /// # Errors
    /// [`OpenError`] for what is no database of ours, is damaged, or of a newer schema.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let Found::Schema(schema) = inspect(path, &migrate::known())? else {
            return Err(OpenError::Damaged {
                path: path.to_owned(),
                reason: "there is no such file".to_owned(),
            });
        };
        let connection = open_shared(path).map_err(|error| failed(path, &error))?;
        Ok(Self {
            connection,
            path: path.to_owned(),
            schema,
        })
    }

    /// Version of its schema.
    pub const fn schema(&self) -> u32 {
        self.schema
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads it; what an older schema does not have fails as damaged.
    pub fn read<T>(&self, work: impl FnOnce(&dyn ReadTx) -> T) -> T {
        work(&Tx::new(&self.connection))
    }

    /// As [`problems`].
    pub fn problems(&self) -> Vec<String> {
        problems_of(&self.connection)
    }
}

/// Brings a copy that nobody else has to the newest schema, in its place; returns the schema that it
/// had. A copy that failed is of no use any more.
///
/// # Errors
/// [`OpenError`] for what is no database of ours, is damaged, of a newer schema, or would not migrate.
pub fn bring_up(copy: &Path) -> Result<u32, OpenError> {
    let known = migrate::known();
    let found = match inspect(copy, &known)? {
        Found::Schema(found) => found,
        Found::Nothing => {
            return Err(OpenError::Damaged {
                path: copy.to_owned(),
                reason: "there is no such file".to_owned(),
            });
        }
    };
    if found < highest(&known) {
        migrate::in_place(copy, &known)?;
    }
    Ok(found)
}

/// Bytes free for the state folder's owner, where the file is or is to be.
///
/// # Errors
/// The system's.
pub fn free_bytes(path: &Path) -> std::io::Result<u64> {
    let place = if path.exists() { path } else { folder_of(path) };
    let fs = rustix::fs::statvfs(place)?;
    Ok(fs.f_bavail.saturating_mul(fs.f_frsize))
}

/// Whether a file begins as a database does.
pub fn begins_as_database(head: &[u8]) -> bool {
    head.starts_with(inspect::MAGIC)
}

/// Brings the database to the newest schema as a start would: in a copy that takes its place. The
/// caller holds the lock. Gives the schema before and after; none where there is no database.
///
/// # Errors
/// [`OpenError`]; the file is as it was then.
pub fn upgrade(path: &Path) -> Result<Option<(u32, u32)>, OpenError> {
    let known = migrate::known();
    let newest = highest(&known);
    match inspect(path, &known)? {
        Found::Nothing => Ok(None),
        Found::Schema(found) => {
            if found < newest {
                migrate::upgrade(path, found, &known)?;
            }
            Ok(Some((found, newest)))
        }
    }
}

/// Writes the whole file anew without what holds nothing, so that it gives pages back later on. The
/// caller holds the lock.
///
/// # Errors
/// [`OpenError`].
pub fn vacuum(path: &Path) -> Result<(), OpenError> {
    let run = || -> rusqlite::Result<()> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; VACUUM;")?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        connection.close().map_err(|(_, error)| error)
    };
    run().map_err(|error| failed(path, &error))
}
