//! A copy of a database as it is at one moment, made while a daemon writes or after it has ended.
//!
//! One read transaction stands over all steps: the writer goes on, no step begins anew, and what
//! was committed before the first step is in the copy whole.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::backend::beside;
use super::inspect::{has_log, open_to_look};
use super::migrate::{discard, fresh};
use crate::error::OpenError;

/// Pages copied at a time; between two steps the caller is told, and may end it.
const STEP_PAGES: i32 = 256;
/// Wait where another process holds the database for a moment.
const BUSY_WAIT: Duration = Duration::from_millis(10);

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// Pages that are there.
    pub pages: u64,
    /// Pages that there will be.
    pub of: u64,
}

/// Copies the database into a new file that its owner alone can read; what stood there goes. The
/// copy needs no log beside it. False, and no copy, where `told` answered that it is not wanted any
/// more.
///
/// # Errors
/// [`OpenError`] of either file; no copy is left then.
pub fn snapshot(
    from: &Path,
    to: &Path,
    told: &mut dyn FnMut(Copied) -> bool,
) -> Result<bool, OpenError> {
    let done = copy(from, to, told);
    if !matches!(done, Ok(true)) {
        discard(to);
    }
    done
}

fn copy(from: &Path, to: &Path, told: &mut dyn FnMut(Copied) -> bool) -> Result<bool, OpenError> {
    let source = open_shared(from).map_err(|error| failed(from, &error))?;
    let mut copy = fresh(to)?;
    let wanted = run(&source, &mut copy, told).map_err(|error| failed(from, &error))?;
    if wanted {
        settle(&copy).map_err(|error| failed(to, &error))?;
    }
    copy.close().map_err(|(_, error)| failed(to, &error))?;
    Ok(wanted)
}

fn run(
    source: &Connection,
    copy: &mut Connection,
    told: &mut dyn FnMut(Copied) -> bool,
) -> rusqlite::Result<bool> {
    // The snapshot begins with the first read, not with BEGIN.
    source.execute_batch("BEGIN")?;
    source.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    let backup = Backup::new(source, copy)?;
    loop {
        match backup.step(STEP_PAGES)? {
            StepResult::Done => return Ok(true),
            StepResult::Busy | StepResult::Locked => std::thread::sleep(BUSY_WAIT),
            _ => {}
        }
        let progress = backup.progress();
        let count = |pages: i32| u64::try_from(pages).unwrap_or(0);
        let copied = Copied {
            pages: count(progress.pagecount.saturating_sub(progress.remaining)),
            of: count(progress.pagecount),
        };
        if !told(copied) {
            return Ok(false);
        }
    }
}

/// A file that is to be whole by itself keeps no log.
fn settle(copy: &Connection) -> rusqlite::Result<()> {
    copy.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))
}

/// A connection that writes nothing, also beside a daemon. Only where no process has the database
/// open may `SQLite` be told that nobody writes.
pub(super) fn open_shared(path: &Path) -> rusqlite::Result<Connection> {
    let is_in_use = has_log(path) || beside(path, "-shm").exists();
    let connection = open_to_look(path, is_in_use)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    Ok(connection)
}

pub(super) fn failed(path: &Path, error: &rusqlite::Error) -> OpenError {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    let reason = error.to_string();
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(DatabaseCorrupt | NotADatabase) => OpenError::Damaged { path, reason },
        _ => OpenError::Other { path, reason },
    }
}
