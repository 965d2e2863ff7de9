//! `authd db migrate|backup|vacuum`: what writes a file that was there, or one more.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use common::time::{Clock, SystemClock};
use store::sqlite::{self, Still};

use super::{Files, STOP, Say, hold, opened, size};
use crate::app::backup::{soundness, wrap_key_id};
use crate::backup::{Order, make, scratch_file};
use crate::config::Loaded;
use crate::startup::exit::Failure;
use crate::startup::{apart, pepper};

/// Room that a copy needs, in percent of the file.
const COPY_PERCENT: u64 = 120;

/// Tries the steps that wait on a copy, also beside a daemon, and changes nothing.
pub(super) fn rehearse(database: &Path, say: Say<'_>) -> Result<(), Failure> {
    let newest = sqlite::known_schema();
    let Some(schema) = opened(sqlite::schema(database))? else {
        say("no database yet; nothing to migrate");
        return Ok(());
    };
    room(database, COPY_PERCENT)?;
    let folder = database.parent().unwrap_or(Path::new("."));
    let copy = scratch_file(folder, "migrate");
    let tried =
        sqlite::snapshot(database, &copy, &mut |_| true).and_then(|_| sqlite::bring_up(&copy));
    sqlite::forget(&copy);
    opened(tried)?;
    if schema == newest {
        say(&format!("schema {schema} is current; nothing to migrate"));
    } else {
        say(&format!(
            "schema {schema} can be brought to {newest}; nothing was changed"
        ));
    }
    Ok(())
}

/// Brings the schema up to date.
pub(super) fn migrate(database: &Path, say: Say<'_>) -> Result<(), Failure> {
    let held = hold(database, STOP)?;
    if database.exists() {
        room(database, COPY_PERCENT)?;
    }
    let done = opened(sqlite::upgrade(database))?;
    held.release();
    match done {
        None => say("no database yet; nothing to migrate"),
        Some((from, to)) if from == to => {
            say(&format!("schema {from} is current; nothing to migrate"));
        }
        Some((from, to)) => say(&format!(
            "migrated schema {from} to {to}; the old file is pre-migrate-{from}-to-{to}.db"
        )),
    }
    Ok(())
}

/// Writes a verified backup into a file of the caller's.
pub(super) fn backup(
    database: &Path,
    loaded: &Loaded,
    files: Files,
    name: &Path,
    say: Say<'_>,
) -> Result<(), Failure> {
    let written = write_backup(database, loaded, files, say);
    if written.is_err()
        && let Err(error) = fs::remove_file(name)
    {
        tracing::warn!(file = %name.display(), %error, "an empty file is left");
    }
    written
}

fn write_backup(
    database: &Path,
    loaded: &Loaded,
    files: Files,
    say: Say<'_>,
) -> Result<(), Failure> {
    let held = hold(database, "Use: authctl backup create")?;
    let open_keys = apart::open_keys(&loaded.config);
    let check = |still: &Still| {
        still.read(|tx| {
            let id = wrap_key_id(tx).ok().flatten();
            (soundness(tx, &open_keys), id)
        })
    };
    let folder = database.parent().unwrap_or(Path::new("."));
    let order = Order {
        database,
        scratch: folder,
        compress: loaded.config.backup.compress,
        now: SystemClock.now(),
        reserve: 0,
        check: &check,
    };
    let made = make(&order, &mut |_, _, _| true).map_err(|error| Failure::backup(&error));
    held.release();
    let (packed, view) = made?;
    let copied = copy_out(&packed, files.output);
    sqlite::forget(&packed);
    copied.map_err(|error| Failure::file(&packed, &error))?;
    say(&format!(
        "made a verified backup: {}, schema {}, sha256 {}",
        size(view.bytes),
        view.schema.unwrap_or_default(),
        view.sha256.unwrap_or_default()
    ));
    let pepper = opened(Still::open(database))?.read(|tx| pepper::known(tx))?;
    let pepper = pepper.map(|(id, _)| id);
    let apart = apart::apart(loaded, pepper.as_deref());
    say(&format!("Not in this file: {}", apart.names.join(", ")));
    say(&format!("  {}", apart.command));
    Ok(())
}

fn copy_out(packed: &Path, output: Option<File>) -> io::Result<()> {
    let mut output = output.ok_or(io::ErrorKind::NotFound)?;
    io::copy(&mut File::open(packed)?, &mut output)?;
    output.sync_all()
}

/// Writes the whole file anew.
pub(super) fn vacuum(database: &Path, say: Say<'_>) -> Result<(), Failure> {
    let held = hold(database, "Use: authctl db vacuum")?;
    let before = fs::metadata(database).map_err(|error| Failure::file(database, &error))?;
    opened(Still::open(database).map(drop))?;
    room(database, 2 * COPY_PERCENT)?;
    opened(sqlite::vacuum(database))?;
    held.release();
    let after = fs::metadata(database).map_err(|error| Failure::file(database, &error))?;
    say(&format!(
        "{} before, {} now",
        size(before.len()),
        size(after.len())
    ));
    Ok(())
}

/// Refuses before anything is written, where the copy would not fit.
fn room(database: &Path, percent: u64) -> Result<(), Failure> {
    let bytes = fs::metadata(database).map_or(0, |metadata| metadata.len());
    let needed = (bytes / 100).saturating_mul(percent);
    let free = sqlite::free_bytes(database).unwrap_or(u64::MAX);
    if free < needed {
        return Err(Failure::no_room(format!(
            "{} are needed beside {}, {} are free",
            size(needed),
            database.display(),
            size(free)
        )));
    }
    Ok(())
}
