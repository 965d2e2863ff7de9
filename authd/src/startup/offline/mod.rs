//! What is done to the database while no daemon runs: each command takes the lock that a daemon
//! holds, and becomes the owner of the state folder first, so that nothing of root's is left there.

mod copies;
pub mod keys;
mod look;
pub mod recover;
mod restore;
mod wrapping;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::id::AuditId;
use common::time::Time;
use domain::audit::{Actor, AuditEntry};
use store::sqlite::{self, Hold, Options};
use store::{CommitListener, OpenError, Scope, Store};

use super::exit::Failure;
use super::process;
use crate::config::{DatabaseUrl, Loaded};
use crate::crypto::{self, SystemRandom};

/// The user that the packages make.
const USER: &str = "authd";

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Say what is there.
    Status,
    /// Bring the schema up to date.
    Migrate {
        /// Only try it on a copy.
        dry_run: bool,
    },
    /// Write a backup.
    Backup {
        /// Where to.
        file: PathBuf,
    },
    /// Put a backup in the place of the database.
    Restore {
        /// The backup.
        file: PathBuf,
        /// Keep sessions that are alive in both.
        keep_sessions: bool,
        /// Make all keys anew, for the wrap key of the backup is lost.
        new_keys: bool,
    },
    /// Check the database or a backup.
    Verify {
        /// The backup.
        file: Option<PathBuf>,
    },
    /// Write the file anew.
    Vacuum,
    /// Free room.
    Rescue,
}

/// Takes what is to be told, a line each.
pub type Say<'a> = &'a mut dyn FnMut(&str);

/// Asks whether to go on.
pub type Ask<'a> = &'a mut dyn FnMut(&str) -> bool;

/// Does what is asked.
///
/// # Errors
/// [`Failure`] with its exit status.
pub fn run(task: &Task, loaded: &Loaded, say: Say<'_>) -> Result<(), Failure> {
    process::harden()?;
    let DatabaseUrl::Sqlite(database) = &loaded.config.database.url;
    // The caller's own files are opened with the caller's own rights.
    let files = Files::open(task)?;
    let actor = actor();
    become_owner(database)?;
    match task {
        Task::Status => look::status(database, loaded, say),
        Task::Migrate { dry_run: true } => copies::rehearse(database, say),
        Task::Migrate { dry_run: false } => copies::migrate(database, say),
        Task::Backup { file } => copies::backup(database, loaded, files, file, say),
        Task::Restore {
            file,
            keep_sessions,
            new_keys,
        } => {
            let keep = match (keep_sessions, new_keys) {
                (true, _) => restore::Keep::Sessions,
                (false, false) => restore::Keep::Keys,
                (false, true) => restore::Keep::Nothing,
            };
            restore::run(database, loaded, files.input, (file, keep, actor), say)
        }
        Task::Verify { file: None } => look::verify(database, loaded, say),
        Task::Verify { file: Some(file) } => {
            look::verify_file(database, loaded, files.input, file, say)
        }
        Task::Vacuum => copies::vacuum(database, say),
        Task::Rescue => look::rescue(database, loaded, say),
    }
}

/// Files of the caller's.
#[derive(Default)]
struct Files {
    input: Option<File>,
    output: Option<File>,
}

impl Files {
    fn open(task: &Task) -> Result<Self, Failure> {
        let mut files = Self::default();
        match task {
            Task::Restore { file, .. } | Task::Verify { file: Some(file) } => {
                let opened = File::open(file).map_err(|error| Failure::unreadable(file, &error))?;
                files.input = Some(opened);
            }
            Task::Backup { file } => {
                let made = OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(file)
                    .map_err(|error| Failure::file(file, &error))?;
                files.output = Some(made);
            }
            _ => {}
        }
        Ok(files)
    }
}

/// Root becomes the owner of the state folder; anybody else stays who they are.
fn become_owner(database: &Path) -> Result<(), Failure> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(());
    }
    let folder = database.parent().unwrap_or(Path::new("/"));
    let (uid, gid) = match fs::metadata(folder) {
        Ok(metadata) => (metadata.uid(), metadata.gid()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => make_folder(folder)?,
        Err(error) => return Err(Failure::file(folder, &error)),
    };
    if uid == 0 {
        return Ok(());
    }
    let gid = nix::unistd::Gid::from_raw(gid);
    nix::unistd::setgroups(&[gid])
        .and_then(|()| nix::unistd::setgid(gid))
        .and_then(|()| nix::unistd::setuid(nix::unistd::Uid::from_raw(uid)))
        .map_err(Failure::other)
}

/// A fresh host has no state folder before the first start.
fn make_folder(folder: &Path) -> Result<(u32, u32), Failure> {
    let failed = |error: std::io::Error| Failure::file(folder, &error);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(failed)?;
    let user = nix::unistd::User::from_name(USER).ok().flatten();
    let Some(user) = user else {
        return Ok((0, 0));
    };
    let (uid, gid) = (user.uid.as_raw(), user.gid.as_raw());
    std::os::unix::fs::chown(folder, Some(uid), Some(gid)).map_err(failed)?;
    Ok((uid, gid))
}

/// Who asks, before anybody becomes somebody else.
fn actor() -> Actor {
    let uid = nix::unistd::getuid();
    let user = nix::unistd::User::from_uid(uid).ok().flatten();
    Actor {
        uid: Some(uid.as_raw()),
        user: user.map(|user| user.name),
        pid: i32::try_from(std::process::id()).ok(),
        sudo_uid: std::env::var("SUDO_UID")
            .ok()
            .and_then(|uid| uid.parse().ok()),
        channel: "offline".to_owned(),
        ..Actor::default()
    }
}

/// The audit row of a change that belongs to no tenant.
fn entry(
    now: Time,
    actor: Actor,
    action: &str,
    object: &str,
    payload: serde_json::Value,
) -> Result<AuditEntry, Failure> {
    let id: AuditId = crypto::new_id(&SystemRandom, now).map_err(Failure::other)?;
    Ok(AuditEntry {
        id,
        at: now,
        tenant_id: None,
        actor,
        action: action.to_owned(),
        object: object.to_owned(),
        payload,
        salt: crypto::bytes(&SystemRandom).map_err(Failure::other)?,
    })
}

/// No cache is there to hear of commits.
struct Nobody;

impl CommitListener for Nobody {
    fn committed(&self, _scopes: &[Scope]) {}
}

/// The database, open to be changed, and its lock with it.
fn open_store(database: &Path, loaded: &Loaded, instead: &str) -> Result<Store, Failure> {
    // An offline command makes no database.
    let schema = opened(sqlite::schema(database));
    if matches!(schema, Ok(None)) {
        return Err(Failure::data(format!(
            "{}: no database yet",
            database.display()
        )));
    }
    let options = Options {
        readers: 1,
        auto_migrate: loaded.config.database.auto_migrate,
        ..Options::new(database.to_owned())
    };
    let on_fatal = Box::new(|reason: &str| tracing::error!(reason, "the database failed"));
    let (store, _) = sqlite::open(options, Arc::new(Nobody), on_fatal)
        .map_err(|error| locked(error, instead))?;
    Ok(store)
}

fn locked(error: OpenError, instead: &str) -> Failure {
    match error {
        OpenError::Locked { pid, .. } => Failure::running(pid, instead),
        error => Failure::open(error, false),
    }
}

/// The lock, or who has it and what can be done meanwhile.
fn hold(database: &Path, instead: &str) -> Result<Hold, Failure> {
    Hold::take(database).map_err(|error| locked(error, instead))
}

/// What helps where no daemon may run.
const STOP: &str = "Stop it first: sudo systemctl stop authd";

/// A size as people read it.
fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes >> 10),
        1_048_576..1_073_741_824 => format!("{} MiB", bytes >> 20),
        _ => format!("{} GiB", bytes >> 30),
    }
}

fn opened<T>(result: Result<T, OpenError>) -> Result<T, Failure> {
    result.map_err(|error| Failure::open(error, false))
}
