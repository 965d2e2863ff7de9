//! `backup create`: the audit row first, so that a copy that left the house is told of in any case,
//! and stands in the copy too.

use std::path::PathBuf;
use std::sync::Arc;

use common::call::backup::{Create, Goal};
use common::id::AuditId;
use common::time::Time;
use common::view::{BackupMade, BackupView};
use serde_json::{Value, json};
use store::sqlite::Still;
use store::{Claim, Priority};

use super::{aside, refusal, turn};
use crate::app::audit::{Record, WideAct};
use crate::app::job::Reporter;
use crate::app::{App, Error, Operator, backup};
use crate::backup::{BackupError, Folder, Order, make, parts};

/// The part of `database.min_free` that a backup leaves.
const RESERVE_PART: u64 = 4;

/// Makes a verified backup while the database is in use; to the folder, or as data to the caller.
///
/// # Errors
/// `conflict` while another is made; `unavailable` without room, or if the copy is not sound.
pub async fn create(
    app: Arc<App>,
    operator: Operator,
    request: Create,
    reporter: Reporter,
) -> Result<BackupMade, Error> {
    let _turn = turn(&app)?;
    let now = app.now();
    let settings = app.settings().backup.clone();
    let compress = request.compress.unwrap_or(settings.compress);
    let audit_id = record(&app, &operator, now, request.goal).await?;
    let task = Task {
        database: app.store.info().path,
        folder: Folder::new(&settings.folder),
        keep: settings.keep,
        goal: request.goal,
        compress,
        now,
        app: Arc::clone(&app),
    };
    let in_folder = request.goal == Goal::Folder;
    let (view, pruned) = aside(move || task.run(&reporter)).await?.map_err(refusal)?;
    tracing::info!(
        name = view.name.as_deref().unwrap_or("-"),
        bytes = view.bytes,
        "a backup was made"
    );
    Ok(BackupMade {
        backup: view,
        audit_id,
        pruned,
        not_in_it: app.backups.apart.names.clone(),
        copy_apart: app.backups.apart.command.clone(),
        folder: in_folder.then(|| app.settings().backup.folder.display().to_string()),
    })
}

/// Writes the audit row; the work goes on beside the request, whose claim ends with its first answer.
async fn record(app: &App, operator: &Operator, now: Time, goal: Goal) -> Result<AuditId, Error> {
    let record = Record::draw(app, operator, now, None)?;
    let act = WideAct {
        action: "backup.create",
        tenant: None,
        object: "database".to_owned(),
        subject: "the database".to_owned(),
    };
    let goal = match goal {
        Goal::Folder => "folder",
        Goal::Caller => "caller",
    };
    let after = json!({ "goal": goal });
    let change = app
        .store
        .write(Priority::Urgent, Claim::detached(), move |tx| {
            record.append_wide(tx, &act, &Value::Null, &after)
        })
        .await?;
    change
        .audit_id
        .ok_or_else(|| Error::internal("a change without its audit row"))
}

/// What runs beside the requests.
struct Task {
    database: PathBuf,
    folder: Folder,
    keep: usize,
    goal: Goal,
    compress: bool,
    now: Time,
    app: Arc<App>,
}

type Made = (BackupView, Vec<String>);

impl Task {
    fn run(&self, reporter: &Reporter) -> Result<Made, BackupError> {
        // Beside the database where the caller takes it: the folder may be elsewhere, or nowhere.
        let beside = self.database.parent().unwrap_or(&self.database);
        let scratch = match self.goal {
            Goal::Folder => {
                self.folder.ensure()?;
                self.folder.path()
            }
            Goal::Caller => beside,
        };
        let open_keys = Arc::clone(&self.app.backups.open_keys);
        let check = |still: &Still| {
            still.read(|tx| {
                let id = backup::wrap_key_id(tx).ok().flatten();
                (backup::soundness(tx, &open_keys), id)
            })
        };
        let order = Order {
            database: &self.database,
            scratch,
            compress: self.compress,
            now: self.now,
            reserve: self.app.settings().min_free / RESERVE_PART,
            check: &check,
        };
        let mut told = |stage: &str, done: u64, of: Option<u64>| reporter.progress(stage, done, of);
        let mut pruned = Vec::new();
        let made = match make(&order, &mut told) {
            // Older ones make room for the new one; the newest of them stays until it is there.
            Err(BackupError::NoRoom { .. }) => {
                pruned = self.folder.prune(1)?;
                make(&order, &mut told)
            }
            made => made,
        };
        let (packed, view) = made?;
        let view = match self.goal {
            Goal::Folder => self.folder.add(&packed, &view)?,
            Goal::Caller => {
                let sent = parts(&packed, |part| reporter.data(part));
                store::sqlite::forget(&packed);
                sent?;
                view
            }
        };
        if self.goal == Goal::Folder {
            pruned.extend(self.folder.prune(self.keep)?);
        }
        Ok((view, pruned))
    }
}
