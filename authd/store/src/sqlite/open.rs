//! Opens a database: the folder, the lock, a look at what is there, migrations, then the threads.

use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use refinery::Migration;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, ffi};

use super::backend::{OnFatal, Shared, Sqlite, Threads, beside};
use super::checkpoint::{self, Checkpoints};
use super::inspect::{Found, highest, inspect};
use super::lock::{LockFile, PRIVATE_FILE};
use super::writer::{self, Commit, Writer};
use super::{Options, Origin, migrate, reader};
use crate::error::OpenError;
use crate::unit::{CommitListener, Store};

/// Mode of the folder that holds the database.
const PRIVATE_FOLDER: u32 = 0o700;
/// Statements that a connection keeps prepared: more than there are.
const STATEMENTS: usize = 256;
/// The log's file is cut to so many times the pages that start a checkpoint.
const LOG_FACTOR: u64 = 4;
/// Bytes of a page, as `SQLite` makes them.
const PAGE_BYTES: u64 = 4096;

/// What a test may put in the place of the real thing.
pub(super) struct Engine {
    pub(super) migrations: Vec<Migration>,
    pub(super) commit: Commit,
    /// How long a group takes further jobs.
    pub(super) group_time: Duration,
    /// Pages that the database may have; a full disk, as far as `SQLite` can tell.
    pub(super) max_pages: Option<u32>,
}

impl Engine {
    pub(super) fn real() -> Self {
        Self {
            migrations: migrate::known(),
            commit: Box::new(writer::commit),
            group_time: writer::GROUP_TIME,
            max_pages: None,
        }
    }
}

/// The folder of a file.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Opens the database, or makes it.
pub(super) fn open(
    options: Options,
    engine: Engine,
    listener: Arc<dyn CommitListener>,
    on_fatal: OnFatal,
) -> Result<(Store, Origin), OpenError> {
    let path = &options.path;
    make_folder(folder_of(path))?;
    let lock = LockFile::take(path)?;
    let known = &engine.migrations;
    let origin = match inspect(path, known)? {
        Found::Nothing => {
            migrate::create(path, known)?;
            Origin::Created
        }
        Found::Schema(found) => {
            close_to_others(path)?;
            bring_up_to_date(&options, found, known)?;
            Origin::Existing
        }
    };
    let schema = highest(known);
    let (shared, threads) = start(&options, engine, lock, listener, on_fatal)?;
    let store = Store::new(Arc::new(Sqlite {
        shared,
        threads: Mutex::new(Some(threads)),
        path: options.path,
        schema,
    }));
    Ok((store, origin))
}

pub(super) fn make_folder(folder: &Path) -> Result<(), OpenError> {
    if folder.is_dir() {
        return Ok(());
    }
    let failed = |source| OpenError::Create {
        path: folder.to_owned(),
        source,
    };
    DirBuilder::new()
        .recursive(true)
        .mode(PRIVATE_FOLDER)
        .create(folder)
        .map_err(failed)?;
    fs::set_permissions(folder, Permissions::from_mode(PRIVATE_FOLDER)).map_err(failed)
}

/// Takes from others what an older umask or a copied file may have given them.
fn close_to_others(path: &Path) -> Result<(), OpenError> {
    for file in [path.to_owned(), beside(path, "-wal"), beside(path, "-shm")] {
        let Ok(metadata) = fs::metadata(&file) else {
            continue;
        };
        if metadata.permissions().mode() & 0o777 == PRIVATE_FILE {
            continue;
        }
        fs::set_permissions(&file, Permissions::from_mode(PRIVATE_FILE)).map_err(|source| {
            OpenError::Create {
                path: file.clone(),
                source,
            }
        })?;
    }
    Ok(())
}

fn bring_up_to_date(options: &Options, found: u32, known: &[Migration]) -> Result<(), OpenError> {
    let newest = highest(known);
    if found == newest {
        return Ok(());
    }
    if !options.auto_migrate {
        return Err(OpenError::Pending {
            path: options.path.clone(),
            found,
            known: newest,
        });
    }
    tracing::info!(from = found, to = newest, "migrating the database");
    migrate::upgrade(&options.path, found, known)
}

fn start(
    options: &Options,
    engine: Engine,
    lock: LockFile,
    listener: Arc<dyn CommitListener>,
    on_fatal: OnFatal,
) -> Result<(Arc<Shared>, Threads), OpenError> {
    let checkpoints = Arc::new(Checkpoints::new(options.checkpoint_pages));
    let shared = Arc::new(Shared::new(Arc::clone(&checkpoints), on_fatal));
    let writer = Writer {
        connection: writing(options, &checkpoints, engine.max_pages)
            .map_err(|error| other(&options.path, &error))?,
        shared: Arc::clone(&shared),
        listener,
        commit: engine.commit,
        group_time: engine.group_time,
        clock: Arc::clone(&options.clock),
        repeat_every: options.repeat_every,
        runs: 0,
    };
    match start_threads(options, writer, &shared, lock) {
        Ok(threads) => Ok((shared, threads)),
        Err(error) => {
            // Those that did start end by themselves.
            shared.close();
            Err(error)
        }
    }
}

fn start_threads(
    options: &Options,
    writer: Writer,
    shared: &Arc<Shared>,
    lock: LockFile,
) -> Result<Threads, OpenError> {
    let failed = |error: rusqlite::Error| other(&options.path, &error);
    let mut readers = Vec::new();
    for n in 0..options.readers.max(1) {
        let connection = connect(options, true).map_err(failed)?;
        let shared = Arc::clone(shared);
        let work = move || reader::work(&connection, &shared);
        readers.push(spawn(options, &format!("db-read-{n}"), work)?);
    }
    let connection = connect(options, false).map_err(failed)?;
    let mover = Arc::clone(shared);
    let move_log = move || checkpoint::work(&connection, &mover);
    Ok(Threads {
        checkpoints: spawn(options, "db-checkpoint", move_log)?,
        writer: spawn(options, "db-write", move || writer.work())?,
        readers,
        lock,
    })
}

fn other(path: &Path, error: &dyn std::error::Error) -> OpenError {
    OpenError::Other {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

fn spawn<T: Send + 'static>(
    options: &Options,
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, OpenError> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map_err(|error| other(&options.path, &error))
}

fn writing(
    options: &Options,
    checkpoints: &Arc<Checkpoints>,
    max_pages: Option<u32>,
) -> rusqlite::Result<Connection> {
    let mut connection = connect(options, false)?;
    if let Some(pages) = max_pages {
        connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
    }
    let checkpoints = Arc::clone(checkpoints);
    connection.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages: i32| {
        checkpoints.grown(u32::try_from(pages).unwrap_or(0));
        Ok(())
    }))?;
    Ok(connection)
}

/// A connection as every thread has one.
pub(super) fn connect(options: &Options, reads_only: bool) -> rusqlite::Result<Connection> {
    let access = if reads_only {
        OpenFlags::SQLITE_OPEN_READ_ONLY
    } else {
        OpenFlags::SQLITE_OPEN_READ_WRITE
    };
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&options.path, flags)?;
    connection.busy_timeout(options.busy_timeout)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Plans do not depend on values. Without it, a statement whose value stands in the condition of a
    // partial index, or in statistics, is parsed and planned anew for every value.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    let sharers = u64::try_from(options.readers.max(1))
        .unwrap_or(1)
        .saturating_add(1);
    let cache = options.cache_bytes.checked_div(sharers).unwrap_or(0) / 1024;
    // A negative number counts KiB instead of pages.
    let cache = i64::try_from(cache.max(1))
        .unwrap_or(i64::MAX)
        .saturating_neg();
    connection.pragma_update(None, "cache_size", cache)?;
    let mapped = i64::try_from(options.mmap_bytes).unwrap_or(i64::MAX);
    connection.pragma_update_and_check(None, "mmap_size", mapped, |_| Ok(()))?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    if reads_only {
        connection.pragma_update(None, "query_only", true)?;
        return Ok(connection);
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    switch_to_log(&connection)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    let log = u64::from(options.checkpoint_pages)
        .saturating_mul(LOG_FACTOR)
        .saturating_mul(PAGE_BYTES);
    let log = i64::try_from(log).unwrap_or(i64::MAX);
    connection.pragma_update_and_check(None, "journal_size_limit", log, |_| Ok(()))?;
    Ok(connection)
}

/// Switches to the write-ahead log. The answer comes before the switch is on disk, so the statement
/// is run to its end: only then does it tell of a disk that failed.
pub(super) fn switch_to_log(connection: &Connection) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("PRAGMA journal_mode = WAL")?;
    let mut rows = statement.query([])?;
    let mut mode = String::new();
    while let Some(row) = rows.next()? {
        mode = row.get(0)?;
    }
    if mode == "wal" {
        return Ok(());
    }
    // Without a log, readers and the writer would wait for each other.
    let error = ffi::Error::new(ffi::SQLITE_CANTOPEN);
    let reason = "the file system allows no write-ahead log".to_owned();
    Err(rusqlite::Error::SqliteFailure(error, Some(reason)))
}
