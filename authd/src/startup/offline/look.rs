//! `authd db status|verify|rescue`: what is there, whether it is sound, and what can go.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use store::sqlite::{self, Hold, Still};

use super::{Say, hold, opened, size, wrapping};
use crate::app::backup::soundness;
use crate::backup::{Folder, scratch_file, unpack};
use crate::config::Loaded;
use crate::startup::apart::open_keys;
use crate::startup::ballast;
use crate::startup::exit::Failure;

/// Says what is there, also beside a daemon.
pub(super) fn status(database: &Path, loaded: &Loaded, say: Say<'_>) -> Result<(), Failure> {
    let known = sqlite::known_schema();
    let in_use = match Hold::take(database) {
        Ok(hold) => {
            hold.release();
            "not in use".to_owned()
        }
        Err(store::OpenError::Locked { pid, .. }) => match pid {
            Some(pid) => format!("in use (pid {pid})"),
            None => "in use".to_owned(),
        },
        Err(error) => return Err(Failure::open(error, false)),
    };
    let Some(schema) = opened(sqlite::schema(database))? else {
        say(&format!("{}: no database yet", database.display()));
        return Ok(());
    };
    let layout = opened(sqlite::layout(database))?;
    let free = sqlite::free_bytes(database).unwrap_or(0);
    say(&format!("database  {}, {in_use}", database.display()));
    say(&format!(
        "schema    {schema} of {known}, {} pending",
        known.saturating_sub(schema)
    ));
    say(&format!(
        "size      {}, {} of it unused",
        size(layout.pages.saturating_mul(layout.page_bytes)),
        size(layout.free_pages.saturating_mul(layout.page_bytes))
    ));
    say(&format!(
        "free      {} of {} wanted",
        size(free),
        size(loaded.config.database.min_free)
    ));
    Ok(())
}

/// Checks the database while nobody has it open.
pub(super) fn verify(database: &Path, loaded: &Loaded, say: Say<'_>) -> Result<(), Failure> {
    let held = hold(database, "Use: authctl db check, authctl audit verify")?;
    let still = opened(Still::open(database))?;
    let problems = problems(&still, loaded);
    drop(still);
    held.release();
    report(database, &problems, say)
}

/// Checks a backup, whatever else runs.
pub(super) fn verify_file(
    database: &Path,
    loaded: &Loaded,
    input: Option<File>,
    name: &Path,
    say: Say<'_>,
) -> Result<(), Failure> {
    let Some(input) = input else {
        return Err(Failure::data("there is no file to check"));
    };
    let folder = database.parent().unwrap_or(Path::new("."));
    let copy = scratch_file(folder, &format!("verify-{}", std::process::id()));
    let looked = || -> Result<Vec<String>, Failure> {
        unpack(input, name, &copy, &mut |_, _, _| true).map_err(|error| Failure::backup(&error))?;
        let schema = opened(sqlite::bring_up(&copy))?;
        say(&format!("{}: schema {schema}", name.display()));
        let still = opened(Still::open(&copy))?;
        Ok(problems(&still, loaded))
    };
    let problems = looked();
    sqlite::forget(&copy);
    report(name, &problems?, say)
}

fn problems(still: &Still, loaded: &Loaded) -> Vec<String> {
    let mut problems = still.problems();
    let open_keys = open_keys(&loaded.config);
    problems.extend(still.read(|tx| soundness(tx, &open_keys)));
    problems
}

fn report(name: &Path, problems: &[String], say: Say<'_>) -> Result<(), Failure> {
    if problems.is_empty() {
        say("ok");
        return Ok(());
    }
    for problem in problems {
        say(problem);
    }
    Err(Failure::data(format!("{} is not sound", name.display())))
}

/// Frees the ballast, and says what else can go, the largest first.
pub(super) fn rescue(database: &Path, loaded: &Loaded, say: Say<'_>) -> Result<(), Failure> {
    let freed = ballast::release(database)
        .map_err(|error| Failure::file(&ballast::path(database), &error))?;
    match freed {
        Some(bytes) => say(&format!("freed {} (the ballast file)", size(bytes))),
        None => say("there was no ballast file"),
    }
    let free = sqlite::free_bytes(database).unwrap_or(0);
    let wanted = loaded.config.database.min_free;
    say(&format!(
        "{} free beside {}, {} wanted",
        size(free),
        database.display(),
        size(wanted)
    ));
    let mut removable = removable(database, loaded);
    removable.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
    for (bytes, path) in removable.iter().take(10) {
        say(&format!(
            "could go: {:>9}  {}",
            size(*bytes),
            path.display()
        ));
    }
    say(
        "then, with authd running: authctl backup prune --keep 3; authctl db vacuum; and grow the volume",
    );
    Ok(())
}

/// Old files of ours that nothing needs to run.
fn removable(database: &Path, loaded: &Loaded) -> Vec<(u64, PathBuf)> {
    let mut found = Vec::new();
    let folder = database.parent().unwrap_or(Path::new("."));
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_old = name.starts_with("pre-migrate-")
            || name.starts_with("pre-restore-")
            || wrapping::is_kept(&name)
            || name.ends_with(".partial");
        if is_old && let Ok(metadata) = entry.metadata() {
            found.push((metadata.len(), entry.path()));
        }
    }
    let backups = Folder::new(&loaded.config.backup.dir);
    let listed = backups.list().unwrap_or_default();
    // The newest stays.
    for view in listed.into_iter().skip(1) {
        if let Some(name) = view.name {
            found.push((view.bytes, backups.path().join(name)));
        }
    }
    found
}
