//! Backups: made while the database is in use, checked, listed, pruned.
//!
//! A backup counts as verified when its pages and references are sound, the key at hand opens its
//! keys, and its audit chains are whole. It holds no wrap key.

mod create;
mod sound;

use std::sync::Arc;

use common::call::Change;
use common::call::backup::{List, Prune, Verify};
use common::error::{ErrorCode, chain};
use common::view::{BackupStatus, BackupView, CheckView, Page};
use domain::key::StoredKey;
use serde_json::{Value, json};
use store::sqlite::{self, Still};
use store::{Priority, StoreError};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

pub use create::create;
pub use sound::{soundness, wrap_key_id};

use crate::app::audit::{Record, WideAct};
use crate::app::cursor::Place;
use crate::app::job::Reporter;
use crate::app::{App, Error, Operator};
use crate::backup::{BackupError, Folder, scratch_file, unpack};
use crate::crypto::KeyRing;

/// Opens stored keys with the wrap key at hand, which is read for it and not kept; else says why not.
pub type OpenKeys = Arc<dyn Fn(&[StoredKey]) -> Result<KeyRing, String> + Send + Sync>;

/// What the use cases need beside the configuration.
pub struct Backups {
    /// Opens the keys of a copy.
    pub open_keys: OpenKeys,
    /// Where the keys' key and the configuration are, for who copies them apart.
    pub apart: Apart,
    /// One at a time: files on the way have fixed names, and room is for one.
    pub turn: Semaphore,
}

/// What is not in a backup.
#[derive(Debug, Clone, Default)]
pub struct Apart {
    /// What, as people call it.
    pub names: Vec<String>,
    /// The command that copies it.
    pub command: String,
}

impl Backups {
    /// With what opens keys.
    pub fn new(open_keys: OpenKeys, apart: Apart) -> Self {
        Self {
            open_keys,
            apart,
            turn: Semaphore::new(1),
        }
    }
}

fn folder(app: &App) -> Folder {
    Folder::new(&app.settings().backup.folder)
}

/// What went wrong with files, for the caller; a full disk is no fault of authd's.
pub(super) fn refusal(error: BackupError) -> Error {
    let said = chain(&error);
    match error {
        BackupError::NoRoom { .. } => Error::new(
            ErrorCode::Unavailable,
            format!("no room for a backup: {said}"),
        )
        .with_hint("Free some: authctl backup prune --keep 3, or sudo authd db rescue"),
        BackupError::File { ref source, .. } => Error::new(ErrorCode::Unavailable, said.clone())
            .with_hint(match source.kind() {
                std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                    "The folder must be writable for authd: backup.dir, and ReadWritePaths= in a drop-in of the unit."
                }
                _ => "Nothing of the backup was kept.",
            }),
        BackupError::Unsound { .. } | BackupError::Unwanted | BackupError::NoBackup { .. } => {
            Error::new(ErrorCode::Unavailable, said)
        }
        BackupError::Database(error) => Error::internal(error),
    }
}

/// Runs what blocks beside the requests.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    spawn_blocking(work)
        .await
        .map_err(|error| Error::internal(error.to_string()))
}

/// Lists the backups in the folder, the newest first.
///
/// # Errors
/// `unavailable` for a folder that cannot be read; those of the page.
pub async fn list(
    app: &Arc<App>,
    _operator: &Operator,
    request: List,
) -> Result<Page<BackupView>, Error> {
    let place = Place::of(&app.keys, &request, &request.paging())?;
    let folder = folder(app);
    let all = aside(move || folder.list()).await?.map_err(refusal)?;
    let key = |view: &BackupView| view.name.clone().unwrap_or_default();
    let (rows, next) = place
        .collect(
            key,
            |_| true,
            |page| -> Result<_, StoreError> {
                let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
                let from = match &page.after {
                    None => 0,
                    Some(name) => all
                        .iter()
                        .position(|view| view.name.as_ref() == Some(name))
                        .map_or(all.len(), |at| at.saturating_add(1)),
                };
                Ok(all.iter().skip(from).take(limit).cloned().collect())
            },
        )
        .map_err(Error::from)?;
    Ok(place.page(rows, next.as_deref()))
}

/// The newest backup; none where there is none.
///
/// # Errors
/// `unavailable` for a folder that cannot be read.
pub async fn newest_whole(app: &App) -> Result<Option<BackupView>, Error> {
    let folder = folder(app);
    let all = aside(move || folder.list()).await?.map_err(refusal)?;
    Ok(all.into_iter().next())
}

/// The newest backup, for the glance; none where there is none, or no folder that can be read.
pub async fn newest(app: &App) -> Option<BackupStatus> {
    let newest = newest_whole(app).await.ok()?;
    newest.map(|view| BackupStatus {
        at: view.created_at,
        verified: view.verified,
    })
}

/// Checks a backup of the folder by all that a restore needs: its hash, and everything that made it
/// verified, after it was unpacked and brought to the newest schema.
///
/// # Errors
/// `not_found` for a name that is not listed; `conflict` while another backup is made or checked.
pub async fn verify(
    app: Arc<App>,
    _operator: Operator,
    request: Verify,
    reporter: Reporter,
) -> Result<CheckView, Error> {
    let _turn = turn(&app)?;
    let task = Arc::clone(&app);
    aside(move || check_file(&task, &request.name, &reporter))
        .await?
        .map(|(problems, remarks)| CheckView {
            ok: problems.is_empty(),
            problems,
            remarks,
        })
}

type Findings = (Vec<String>, Vec<String>);

fn check_file(app: &App, name: &str, reporter: &Reporter) -> Result<Findings, Error> {
    let folder = folder(app);
    let path = folder.file(name).ok_or_else(|| {
        Error::new(ErrorCode::NotFound, format!("no backup {name}"))
            .with_hint("List them: authctl backup list — or check a file: authd db verify FILE")
    })?;
    let listed = folder.list().map_err(refusal)?;
    let manifest = listed
        .into_iter()
        .find(|view| view.name.as_deref() == Some(name));
    let copy = scratch_file(folder.path(), "check");
    // What a run that was killed left is no part of this one.
    sqlite::forget(&copy);
    let found = look_into(app, &path, &copy, manifest.as_ref(), reporter);
    sqlite::forget(&copy);
    match found {
        Ok(found) => Ok(found),
        // A damaged file is what was looked for, not a failure to look.
        Err(error @ (BackupError::NoBackup { .. } | BackupError::Database(_))) => {
            Ok((vec![chain(&error)], Vec::new()))
        }
        Err(error) => Err(refusal(error)),
    }
}

fn look_into(
    app: &App,
    path: &std::path::Path,
    copy: &std::path::Path,
    manifest: Option<&BackupView>,
    reporter: &Reporter,
) -> Result<Findings, BackupError> {
    let mut told = |stage: &str, done: u64, of: Option<u64>| reporter.progress(stage, done, of);
    let (mut problems, mut remarks) = (Vec::new(), Vec::new());
    let file = crate::backup::open(path)?;
    let read = unpack(file, path, copy, &mut told)?;
    match manifest.and_then(|view| view.sha256.as_ref()) {
        Some(sha256) if *sha256 != read.sha256 => {
            problems.push("the file is not the one that its manifest tells of".to_owned());
        }
        Some(_) => {}
        None => remarks.push("there is no manifest that fits the file".to_owned()),
    }
    if !told("checking", 0, None) {
        return Err(BackupError::Unwanted);
    }
    let schema = sqlite::bring_up(copy)?;
    if schema < sqlite::known_schema() {
        remarks.push(format!(
            "its schema {schema} would be brought to {}",
            sqlite::known_schema()
        ));
    }
    let still = Still::open(copy)?;
    problems.extend(still.problems());
    problems.extend(still.read(|tx| soundness(tx, &app.backups.open_keys)));
    Ok((problems, remarks))
}

pub(super) fn turn(app: &App) -> Result<tokio::sync::SemaphorePermit<'_>, Error> {
    app.backups.turn.try_acquire().map_err(|_| {
        Error::new(
            ErrorCode::Conflict,
            "another backup is being made or checked; nothing was done",
        )
        .with_hint("Try again when it is done.")
    })
}

/// Removes all but the newest backups of the folder.
///
/// # Errors
/// `validation_failed` for none to keep; `unavailable` for files that cannot be removed.
pub async fn prune(app: &Arc<App>, operator: &Operator, request: Prune) -> Result<Change, Error> {
    let keep = usize::try_from(request.keep).unwrap_or(usize::MAX);
    if keep == 0 {
        let message = "expected a number from 1: the last backup stays";
        return Err(Error::field("/keep", "out_of_range", message));
    }
    let _turn = turn(app)?;
    let record = Record::draw(app, operator, app.now(), None)?;
    let looked = folder(app);
    let names = aside(move || looked.excess(keep)).await?.map_err(refusal)?;
    let act = WideAct {
        action: "backup.prune",
        tenant: None,
        object: "backups".to_owned(),
        subject: match names.len() {
            1 => "1 backup".to_owned(),
            many => format!("{many} backups"),
        },
    };
    if names.is_empty() {
        return Ok(act.unchanged());
    }
    let before = json!(names);
    let mut change = app
        .store
        .write(Priority::Urgent, operator.claim.clone(), move |tx| {
            record.append_wide(tx, &act, &before, &Value::Null)
        })
        .await?;
    change.notes.clone_from(&names);
    if operator.is_rehearsal() {
        return Ok(change);
    }
    let folder = folder(app);
    aside(move || names.iter().try_for_each(|name| folder.remove(name)))
        .await?
        .map_err(refusal)?;
    Ok(change)
}
