//! `authd db restore`: a backup becomes the database, and nothing that has ended comes back with it
//! (rule 19). All happens in a draft beside the database; until its rename nothing is changed.

use std::fs::File;
use std::path::{Path, PathBuf};

use common::id::TenantId;
use common::time::{Clock, SystemClock, Time};
use domain::audit::{Actor, AuditEntry, AuditRow};
use domain::key::{KeyPurpose, SigningAlgorithm, StoredKey};
use domain::picture::PictureAddress;
use serde_json::json;
use store::sqlite::{self, Draft, Ended, Still};
use store::{ReadTx, StoreError};

use super::{STOP, Say, entry, hold, opened, size, wrapping};
use crate::app::audit;
use crate::app::key::{Making, Renewal, Renewed};
use crate::backup::{scratch_file, unpack};
use crate::config::Loaded;
use crate::crypto::{self, KeyRing, SystemRandom, WrapKey};
use crate::startup::exit::Failure;
use crate::startup::key_source::{self, KeySource};

/// Changes since that are listed; their number is told whole.
const CHANGES_SHOWN: usize = 20;
/// Rows of a chain that are read at once.
const PART: u32 = 500;

/// What is to outlast a restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// The sessions that are alive in both, with the keys of their tokens.
    Sessions,
    /// The keys that hash names and prove the audit log.
    Keys,
    /// No key, for the wrap key of the backup is lost.
    Nothing,
}

/// What is asked, and where things lie.
struct Restore<'a> {
    database: &'a Path,
    draft: PathBuf,
    name: &'a Path,
    keep: Keep,
    actor: Actor,
    now: Time,
    source: KeySource,
    algorithm: SigningAlgorithm,
}

/// What was done, for who asked.
struct Outcome {
    schema: u32,
    ended: Ended,
    renewed: Option<Renewed>,
    /// Whether a new wrap key waits to take its place.
    is_wrap_key_new: bool,
    changes: Result<Vec<String>, String>,
}

/// What the transaction stands on.
struct Ground<'k> {
    is_readable: bool,
    wrap: &'k WrapKey,
    /// The keys of the backup; none where they cannot be opened and are made anew.
    keys: Option<&'k KeyRing>,
    schema: u32,
}

/// Puts the backup in the place of the database.
pub(super) fn run(
    database: &Path,
    loaded: &Loaded,
    input: Option<File>,
    (name, keep, actor): (&Path, Keep, Actor),
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
        keep,
        actor,
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
        if outcome.is_wrap_key_new {
            restore.source.put_in_place()?;
        }
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
        let (wrap, keys, is_wrap_key_new) = self.keys(&still)?;
        let replaced = self.replaced();
        if let (Keep::Sessions, Err(why)) = (self.keep, &replaced) {
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
        let ground = Ground {
            is_readable,
            wrap: &wrap,
            keys: keys.as_ref(),
            schema,
        };
        let (ended, renewed) = self.write(&ground)?;
        Ok(Outcome {
            schema,
            ended,
            renewed,
            is_wrap_key_new,
            changes,
        })
    }

    /// The wrap key of the new database, the backup's keys under it, and whether it is a new one.
    fn keys(&self, still: &Still) -> Result<(WrapKey, Option<KeyRing>, bool), Failure> {
        if self.keep == Keep::Nothing {
            // What an exchange that was cut short has left is settled by the database that it was for.
            if let Ok(present) = Still::open(self.database) {
                let (id, check) = present.read(|tx| key_source::facts(tx))?;
                drop(present);
                self.source.settle(&id, &check)?;
            } else {
                self.source.settle("", &[])?;
            }
            let (wrap, is_new) = wrapping::for_new_keys(&self.source)?;
            return Ok((wrap, None, is_new));
        }
        let stored = still.read(|tx| tx.keys().all()).map_err(Failure::other)?;
        let wrap = still.read(|tx| self.source.opens(tx)).map_err(|failure| {
            Failure::config(
                failure.message(),
                "Put back the key that the backup names. Lost for good: authd db restore FILE --new-keys",
            )
        })?;
        let keys = KeyRing::open(&stored, &wrap).map_err(Failure::other)?;
        Ok((wrap, Some(keys), false))
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
    fn write(&self, ground: &Ground<'_>) -> Result<(Ended, Option<Renewed>), Failure> {
        let draft = opened(Draft::open(&self.draft))?;
        if ground.is_readable {
            opened(draft.attach(self.database))?;
        }
        opened(draft.begin())?;
        if ground.is_readable {
            opened(draft.take_over())?;
        }
        if self.keep == Keep::Sessions {
            opened(draft.keep_sessions())?;
        }
        let ended = opened(draft.end_all(self.now))?;
        for user in opened(draft.pictured())? {
            let address = crypto::bytes(&SystemRandom).map_err(Failure::other)?;
            opened(draft.readdress(user, PictureAddress::from_bytes(address)))?;
        }
        let entry = self.entry(ground.schema, &ended)?;
        let renewed = match ground.keys {
            Some(keys) => {
                self.write_keys(&draft, ground)?;
                draft.write(|tx| audit::append(tx, keys, &entry))?;
                None
            }
            None => Some(self.write_all_keys(&draft, ground, &entry)?),
        };
        opened(draft.finish())?;
        Ok((ended, renewed))
    }

    /// The keys of tokens: those of the sessions that stay, or new ones.
    fn write_keys(&self, draft: &Draft, ground: &Ground<'_>) -> Result<(), Failure> {
        if self.keep == Keep::Sessions {
            return opened(draft.take_keys());
        }
        let fresh = self.fresh_keys(draft, ground.is_readable, ground.wrap)?;
        draft.write(|tx| -> Result<(), StoreError> {
            fresh.iter().try_for_each(|key| tx.keys_mut().insert(key))
        })?;
        Ok(())
    }

    /// All keys anew, for nobody can open those of the backup.
    fn write_all_keys(
        &self,
        draft: &Draft,
        ground: &Ground<'_>,
        told: &AuditEntry,
    ) -> Result<Renewed, Failure> {
        let above =
            |purpose: KeyPurpose| opened(draft.highest_key(purpose.as_str(), ground.is_readable));
        let row = || {
            let actor = self.actor.clone();
            entry(self.now, actor, audit::BEGINNING, "chain", json!(null))
        };
        draft.write(|tx| -> Result<Renewed, Failure> {
            let making = Making {
                random: &SystemRandom,
                wrap: ground.wrap,
                algorithm: self.algorithm,
                now: self.now,
            };
            let renewal = Renewal::draw(tx, &making, &above, &row)?;
            let renewed = renewal.write(tx, ground.wrap)?;
            audit::append(tx, renewal.ring(), told)?;
            Ok(renewed)
        })
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
        let payload = json!({
            "before": null,
            "after": {
                "file": self.name.file_name().map(|name| name.to_string_lossy()),
                "schema": schema,
                "sessions_ended": ended.sessions,
                "sessions_kept": ended.kept,
                "all_keys_new": self.keep == Keep::Nothing,
            },
            "reason": null,
        });
        entry(
            self.now,
            self.actor.clone(),
            "backup.restore",
            "database",
            payload,
        )
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
        match &outcome.renewed {
            Some(renewed) => wrapping::tell(renewed, say),
            None if self.keep == Keep::Keys => {
                say("signing and refresh keys are new: every token of before is refused");
            }
            None => {}
        }
        if outcome.is_wrap_key_new {
            let path = self.source.path().display();
            say(&format!(
                "the wrap key is new: {path}; keep a copy of it, apart from backups"
            ));
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
