//! `authd db restore`: a backup becomes the database, and nothing that has ended comes back with it
//! (rule 19). All happens in a draft beside the database; until its rename nothing is changed.

use std::fs::File;
use std::path::{Path, PathBuf};

use common::id::{AuditId, TenantId};
use common::time::{Clock, SystemClock, Time};
use domain::audit::{Actor, AuditEntry, AuditRow};
use domain::key::{KeyPurpose, SigningAlgorithm, StoredKey};
use serde_json::json;
use store::sqlite::{self, Draft, Ended, Still};
use store::{ReadTx, StoreError};

use super::{STOP, Say, hold, opened, size};
use crate::app::audit;
use crate::backup::{scratch_file, unpack};
use crate::config::Loaded;
use crate::crypto::{self, KeyRing, SystemRandom, WrapKey};
use crate::startup::exit::Failure;
use crate::startup::first_start::KeySource;

/// Changes since that are listed; their number is told whole.
const CHANGES_SHOWN: usize = 20;
/// Rows of a chain that are read at once.
const PART: u32 = 500;

/// What is asked, and where things lie.
struct Restore<'a> {
    database: &'a Path,
    draft: PathBuf,
    name: &'a Path,
    keep_sessions: bool,
    now: Time,
    source: KeySource,
    algorithm: SigningAlgorithm,
}

/// What was done, for who asked.
struct Outcome {
    schema: u32,
    ended: Ended,
    changes: Result<Vec<String>, String>,
}

/// Puts the backup in the place of the database.
pub(super) fn run(
    database: &Path,
    loaded: &Loaded,
    input: Option<File>,
    name: &Path,
    keep_sessions: bool,
    say: Say<'_>,
) -> Result<(), Failure> {
    let Some(input) = input else {
        return Err(Failure::data("there is no file to restore"));
    };
    let held = hold(database, STOP)?;
    let folder = database.parent().unwrap_or(Path::new("."));
    let restore = Restore {
        database,
        draft: scratch_file(folder, "restore"),
        name,
        keep_sessions,
        now: SystemClock.now(),
        source: KeySource::of(&loaded.config),
        algorithm: loaded.config.token.algorithm,
    };
    let kept = folder.join(format!("pre-restore-{}.db", restore.now.millis()));
    let had_one = database.exists();
    // What a run that was killed left is no part of this one.
    sqlite::forget(&restore.draft);
    let outcome = restore.prepare(input).and_then(|outcome| {
        opened(sqlite::replace(database, &restore.draft, &kept))?;
        Ok(outcome)
    });
    if outcome.is_err() {
        sqlite::forget(&restore.draft);
    }
    let outcome = outcome?;
    held.release();
    restore.tell(&outcome, had_one.then_some(kept.as_path()), say);
    Ok(())
}

impl Restore<'_> {
    fn prepare(&self, input: File) -> Result<Outcome, Failure> {
        unpack(input, self.name, &self.draft, &mut |_, _, _| true)
            .map_err(|error| Failure::backup(&error))?;
        let schema = opened(sqlite::bring_up(&self.draft))?;
        let still = opened(Still::open(&self.draft))?;
        let problems = still.problems();
        if !problems.is_empty() {
            return Err(Failure::data(format!(
                "{} is not sound: {}",
                self.name.display(),
                problems.join("; ")
            )));
        }
        let stored = still.read(|tx| tx.keys().all()).map_err(Failure::other)?;
        let wrap = still.read(|tx| self.source.opens(tx))?;
        let keys = KeyRing::open(&stored, &wrap).map_err(Failure::other)?;
        let replaced = self.replaced();
        if let (true, Err(why)) = (self.keep_sessions, &replaced) {
            return Err(Failure::data(format!(
                "--keep-sessions needs the present database, and it cannot be read: {why}"
            )));
        }
        let changes = match &replaced {
            Ok(replaced) => changes_since(&still, replaced).map_err(Failure::other),
            Err(_) => Ok(Vec::new()),
        }?;
        drop(still);
        let is_readable = replaced.is_ok();
        let changes = replaced.map(|_| changes);
        let ended = self.write(is_readable, &wrap, &keys, schema)?;
        Ok(Outcome {
            schema,
            ended,
            changes,
        })
    }

    /// The database that is replaced, if it can be laid beside the draft.
    fn replaced(&self) -> Result<Still, String> {
        if !self.database.exists() {
            return Err("there is none".to_owned());
        }
        let still = Still::open(self.database).map_err(|error| error.to_string())?;
        if still.schema() != sqlite::known_schema() {
            return Err(format!("its schema is {}", still.schema()));
        }
        match still.problems().first() {
            Some(problem) => Err(problem.clone()),
            None => Ok(still),
        }
    }

    /// The one transaction.
    fn write(
        &self,
        is_readable: bool,
        wrap: &WrapKey,
        keys: &KeyRing,
        schema: u32,
    ) -> Result<Ended, Failure> {
        let draft = opened(Draft::open(&self.draft))?;
        if is_readable {
            opened(draft.attach(self.database))?;
        }
        opened(draft.begin())?;
        if is_readable {
            opened(draft.take_over())?;
        }
        if self.keep_sessions {
            opened(draft.keep_sessions())?;
        }
        let ended = opened(draft.end_all(self.now))?;
        if self.keep_sessions {
            opened(draft.take_keys())?;
        } else {
            let fresh = self.fresh_keys(&draft, is_readable, wrap)?;
            draft
                .write(|tx| fresh.iter().try_for_each(|key| tx.keys_mut().insert(key)))
                .map_err(Failure::other)?;
        }
        let entry = self.entry(schema, &ended)?;
        draft
            .write(|tx| audit::append(tx, keys, &entry))
            .map_err(Failure::other)?;
        opened(draft.finish())?;
        Ok(ended)
    }

    /// New keys for tokens: what the old ones signed or authenticated is worth nothing any more.
    fn fresh_keys(
        &self,
        draft: &Draft,
        is_readable: bool,
        wrap: &WrapKey,
    ) -> Result<Vec<StoredKey>, Failure> {
        let mut fresh = Vec::new();
        for purpose in [KeyPurpose::Signing, KeyPurpose::Refresh] {
            let highest = opened(draft.highest_key(purpose.as_str(), is_readable))?;
            let number = highest.saturating_add(1);
            let key = KeyRing::replacement(
                &SystemRandom,
                self.now,
                wrap,
                purpose,
                number,
                self.algorithm,
            );
            fresh.push(key.map_err(Failure::other)?);
        }
        Ok(fresh)
    }

    fn entry(&self, schema: u32, ended: &Ended) -> Result<AuditEntry, Failure> {
        let id: AuditId = crypto::new_id(&SystemRandom, self.now).map_err(Failure::other)?;
        let uid = nix::unistd::getuid();
        let user = nix::unistd::User::from_uid(uid).ok().flatten();
        Ok(AuditEntry {
            id,
            at: self.now,
            tenant_id: None,
            actor: Actor {
                uid: Some(uid.as_raw()),
                user: user.map(|user| user.name),
                pid: i32::try_from(std::process::id()).ok(),
                sudo_uid: std::env::var("SUDO_UID")
                    .ok()
                    .and_then(|uid| uid.parse().ok()),
                channel: "offline".to_owned(),
            },
            action: "backup.restore".to_owned(),
            object: "database".to_owned(),
            payload: json!({
                "before": null,
                "after": {
                    "file": self.name.file_name().map(|name| name.to_string_lossy()),
                    "schema": schema,
                    "sessions_ended": ended.sessions,
                    "sessions_kept": ended.kept,
                },
                "reason": null,
            }),
            salt: crypto::bytes(&SystemRandom).map_err(Failure::other)?,
        })
    }

    fn tell(&self, outcome: &Outcome, kept: Option<&Path>, say: Say<'_>) {
        let ended = &outcome.ended;
        say(&format!(
            "restored {} ({}, schema {})",
            self.name.display(),
            size(std::fs::metadata(self.database).map_or(0, |metadata| metadata.len())),
            outcome.schema
        ));
        say(&format!(
            "ended: {} sessions, {} secrets of known devices, {} generated passwords; {} sessions kept",
            ended.sessions, ended.devices, ended.passwords, ended.kept
        ));
        if !self.keep_sessions {
            say("signing and refresh keys are new: every token of before is refused");
        }
        say(
            "users, roles and rights are those of the backup: what was taken away since is there again",
        );
        match &outcome.changes {
            Ok(changes) if changes.is_empty() => say("no administrative change since is lost"),
            Ok(changes) => {
                say(&format!(
                    "{} administrative changes since are lost:",
                    changes.len()
                ));
                for change in changes.iter().take(CHANGES_SHOWN) {
                    say(&format!("  {change}"));
                }
            }
            Err(why) => say(&format!(
                "changes since are not known: the replaced database cannot be read ({why})"
            )),
        }
        if let Some(kept) = kept {
            say(&format!("the replaced database is {}", kept.display()));
        }
    }
}

/// Rows of the replaced database's audit chains that the backup does not have.
fn changes_since(backup: &Still, replaced: &Still) -> Result<Vec<String>, StoreError> {
    replaced.read(|now| {
        let mut changes = Vec::new();
        for chain in now.audit().chains()? {
            let from = backup.read(|then| then.audit().head(chain))?.number;
            since(now, chain, from, &mut changes)?;
        }
        changes.sort();
        Ok(changes)
    })
}

fn since(
    now: &dyn ReadTx,
    chain: Option<TenantId>,
    mut from: u64,
    changes: &mut Vec<String>,
) -> Result<(), StoreError> {
    loop {
        let rows = now.audit().rows(chain, from.saturating_add(1), PART)?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        from = last.number;
        changes.extend(rows.iter().map(line));
    }
}

fn line(row: &AuditRow) -> String {
    let entry = &row.entry;
    let who = entry.actor.user.clone().unwrap_or_else(|| "-".to_owned());
    let who = common::text::visible(&who);
    format!("{} {} {} by {who}", entry.at, entry.action, entry.object)
}
