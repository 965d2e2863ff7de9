//! A backup on its way to be the database: what it must not bring back to life is ended in it before
//! it takes the place (rule 19), in one transaction, while nobody else has the file.
//!
//! The two lists below name every table there is; a test holds them against the schema, so that a
//! new table is thought of.

use std::fs;
use std::path::{Path, PathBuf};

use common::id::UserId;
use common::time::Time;
use domain::picture::PictureAddress;
use rusqlite::{Connection, OpenFlags, params};

use super::backend::beside;
use super::inspect::has_log;
use super::lock::LockFile;
use super::migrate::{self, discard, finish, fold_log, keep, take_place};
use super::open::folder_of;
use super::open::make_folder;
use super::snapshot::failed;
use super::tx::Tx;
use crate::error::OpenError;
use crate::resource::WriteTx;

/// What a restore ends, table by table: statements with the moment of the restore as `?1`. Sessions
/// named in `temp.kept` were asked to be kept.
pub(super) const ENDED: &[(&str, &str)] = &[
    (
        "sessions",
        "UPDATE sessions SET ended_at = ?1, end_reason = 'revoked' \
         WHERE ended_at IS NULL AND id NOT IN (SELECT id FROM temp.kept)",
    ),
    // The secret of a known device that was deleted since would choose a counter of its own again.
    ("devices", "DELETE FROM devices WHERE ?1 IS NOT NULL"),
    // Generated passwords may have been used, replaced or run out since.
    (
        "credentials",
        "UPDATE credentials SET expires_at = min(expires_at, ?1), logins_left = 0, \
         version = version + 1 WHERE expires_at IS NOT NULL",
    ),
    // Links that were mailed, and mails that would make new ones.
    (
        "mailed_tokens",
        "DELETE FROM mailed_tokens WHERE ?1 IS NOT NULL",
    ),
    (
        "registrations",
        "DELETE FROM registrations WHERE ?1 IS NOT NULL",
    ),
    (
        "pending_emails",
        "DELETE FROM pending_emails WHERE ?1 IS NOT NULL",
    ),
    (
        "outbox",
        "DELETE FROM outbox WHERE ?1 IS NOT NULL AND state <> 'sent'",
    ),
    // A secret that was replaced since would be good again, and so would a client that was deleted.
    (
        "client_secrets",
        "DELETE FROM client_secrets WHERE ?1 IS NOT NULL",
    ),
    // Their tokens, where the keys that signed them stay.
    (
        "clients",
        "UPDATE clients SET generation = max(generation + 1, ?1), updated_at = ?1",
    ),
    // New ones are made for both purposes; a MAC key that stayed would make old tokens good again.
    (
        "keys",
        "UPDATE keys SET state = 'gone', wrapped = x'' WHERE ?1 IS NOT NULL \
         AND purpose IN ('signing', 'refresh') AND state <> 'gone'",
    ),
    // What the feed told since is not in it: who follows must see that, and begin anew.
    ("events", "DELETE FROM events WHERE ?1 IS NOT NULL"),
    // So must those who answer from memory. The number leaves a hole, and none beyond it was ever given:
    // no more than one entry a millisecond was written since 1970.
    (
        "invalidations",
        "INSERT INTO invalidations (number, kind, at) \
         SELECT max(coalesce(max(number), 0) + 2, ?1), 1, ?1 FROM invalidations",
    ),
];

/// What stays as the backup has it, and why that revives nothing.
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "read by the test that knows the schema")
)]
pub(super) const KEPT: &[&str] = &[
    // Facts about the installation; the id of the wrap key is checked apart.
    "meta",
    // Rights are those of the backup, and the restore says so.
    "tenants",
    "tenant_settings",
    "users",
    "permissions",
    "roles",
    "role_permissions",
    "user_roles",
    // Their addresses are made anew, so that one that died since stays dead.
    "pictures",
    "client_roles",
    // Those of the replaced database come to them.
    "used_slugs",
    "denied_tokens",
    // A lock only takes away; tries left open count as failures at the next start.
    "counters",
    "tries",
    // The logs.
    "attempts",
    "audit",
];

/// The lock of a database that is not open, held by an offline command.
#[derive(Debug)]
pub struct Hold {
    lock: LockFile,
}

impl Hold {
    /// Takes it; the folder is made where it is missing.
    ///
    /// # Errors
    /// [`OpenError::Locked`] while a daemon runs, [`OpenError::Create`].
    pub fn take(database: &Path) -> Result<Self, OpenError> {
        make_folder(folder_of(database))?;
        LockFile::take(database).map(|lock| Self { lock })
    }

    /// Gives it back.
    pub fn release(self) {
        self.lock.release();
    }
}

/// How much of each kind a restore ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ended {
    /// Sessions.
    pub sessions: u64,
    /// Secrets of known devices.
    pub devices: u64,
    /// Generated passwords.
    pub passwords: u64,
    /// Sessions that stay.
    pub kept: u64,
}

/// A copy of a backup that becomes the database.
pub struct Draft {
    connection: Connection,
    path: PathBuf,
}

impl Draft {
    /// Takes a file of the newest schema that nobody else has; everything happens in one transaction.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = || -> rusqlite::Result<Connection> {
            let connection = Connection::open_with_flags(path, flags)?;
            connection.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
            connection.pragma_update(None, "foreign_keys", true)?;
            connection.pragma_update(None, "trusted_schema", false)?;
            connection.execute_batch("CREATE TEMP TABLE kept (id BLOB PRIMARY KEY)")?;
            Ok(connection)
        };
        Ok(Self {
            connection: opened().map_err(|error| failed(path, &error))?,
            path: path.to_owned(),
        })
    }

    /// Lays the database that is to be replaced beside it, as `replaced`. It must be of the newest
    /// schema and sound, and nobody may have it open.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn attach(&self, replaced: &Path) -> Result<(), OpenError> {
        self.connection
            .execute(
                "ATTACH DATABASE ?1 AS replaced",
                params![replaced.to_string_lossy()],
            )
            .map(drop)
            .map_err(|error| failed(replaced, &error))
    }

    /// Begins the one transaction.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn begin(&self) -> Result<(), OpenError> {
        self.batch("BEGIN IMMEDIATE")
    }

    /// Slugs and denied tokens of the replaced database come to those of the backup.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn take_over(&self) -> Result<(), OpenError> {
        self.batch(
            "INSERT OR IGNORE INTO main.used_slugs SELECT * FROM replaced.used_slugs; \
             INSERT OR REPLACE INTO main.denied_tokens SELECT * FROM replaced.denied_tokens;",
        )
    }

    /// Names the sessions that are alive in both, and takes their state, so that no earlier
    /// generation of a refresh token is good again. Where a change of limits was cut off before its
    /// rows said what it ended, none of the tenant's is known to be alive.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn keep_sessions(&self) -> Result<(), OpenError> {
        self.batch(
            "INSERT INTO temp.kept SELECT s.id FROM main.sessions s \
             JOIN replaced.sessions o ON o.id = s.id AND o.user_id = s.user_id \
             WHERE s.ended_at IS NULL AND o.ended_at IS NULL AND NOT EXISTS \
             (SELECT 1 FROM replaced.tenant_settings f \
             WHERE f.tenant_id = o.tenant_id AND f.key = '#floors'); \
             UPDATE main.sessions SET generation = o.generation, rotated_at = o.rotated_at, \
             salt = o.salt, refresh_key = o.refresh_key, \
             last_active_at = max(main.sessions.last_active_at, o.last_active_at) \
             FROM replaced.sessions o \
             WHERE o.id = main.sessions.id AND o.id IN (SELECT id FROM temp.kept);",
        )
    }

    /// Ends what the list says.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn end_all(&self, now: Time) -> Result<Ended, OpenError> {
        let mut ended = Ended::default();
        for (table, sql) in ENDED {
            let rows = self
                .connection
                .execute(sql, params![now.millis()])
                .map_err(|error| failed(&self.path, &error))?;
            let rows = u64::try_from(rows).unwrap_or(u64::MAX);
            match *table {
                "sessions" => ended.sessions = rows,
                "devices" => ended.devices = rows,
                "credentials" => ended.passwords = rows,
                _ => {}
            }
        }
        self.renumber(now)?;
        let count = "SELECT count(*) FROM temp.kept";
        let kept: u32 = self
            .connection
            .query_row(count, [], |row| row.get(0))
            .map_err(|error| failed(&self.path, &error))?;
        ended.kept = kept.into();
        Ok(ended)
    }

    /// Users who have a picture.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn pictured(&self) -> Result<Vec<UserId>, OpenError> {
        let read = || -> rusqlite::Result<Vec<UserId>> {
            let mut all = self.connection.prepare("SELECT user_id FROM pictures")?;
            let ids = all.query_map([], |row| row.get(0).map(UserId::from_bytes))?;
            ids.collect()
        };
        read().map_err(|error| failed(&self.path, &error))
    }

    /// Gives a user's picture an address that nobody has: one that died since the backup was made must
    /// not be good again.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn readdress(&self, user: UserId, address: PictureAddress) -> Result<(), OpenError> {
        let sql = "UPDATE pictures SET address = ?2 WHERE user_id = ?1";
        self.connection
            .prepare_cached(sql)
            .and_then(|mut set| set.execute(params![user.as_bytes(), address.as_bytes()]))
            .map(drop)
            .map_err(|error| failed(&self.path, &error))
    }

    /// Lets the numbers of events go on from the moment in milliseconds: no more than one event a
    /// millisecond was ever written since 1970, so none of them was given before.
    fn renumber(&self, now: Time) -> Result<(), OpenError> {
        self.connection
            .execute(
                "UPDATE main.sqlite_sequence SET seq = max(seq, ?1) WHERE name = 'events'",
                params![now.millis()],
            )
            .map(drop)
            .map_err(|error| failed(&self.path, &error))
    }

    /// Takes the signing and refresh keys of the replaced database as they are there, for sessions
    /// that stay; behind [`Draft::end_all`].
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn take_keys(&self) -> Result<(), OpenError> {
        self.batch(
            "DELETE FROM main.keys WHERE purpose IN ('signing', 'refresh'); \
             INSERT INTO main.keys SELECT * FROM replaced.keys \
             WHERE purpose IN ('signing', 'refresh');",
        )
    }

    /// Highest number of a purpose's keys, in either database.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn highest_key(&self, purpose: &str, replaced: bool) -> Result<u32, OpenError> {
        let of = |schema: &str| -> rusqlite::Result<u32> {
            self.connection.query_row(
                &format!("SELECT coalesce(max(number), 0) FROM {schema}.keys WHERE purpose = ?1"),
                params![purpose],
                |row| row.get(0),
            )
        };
        let highest = || Ok(of("main")?.max(if replaced { of("replaced")? } else { 0 }));
        highest().map_err(|error| failed(&self.path, &error))
    }

    /// Writes within the transaction.
    ///
    /// # Errors
    /// The closure's.
    pub fn write<T, E>(&self, work: impl FnOnce(&dyn WriteTx) -> Result<T, E>) -> Result<T, E> {
        work(&Tx::new(&self.connection))
    }

    /// Commits, checks the whole file, and makes it ready for its place.
    ///
    /// # Errors
    /// [`OpenError`]; the draft is of no use then.
    pub fn finish(self) -> Result<(), OpenError> {
        self.batch("COMMIT")?;
        let attached: bool = self
            .connection
            .query_row(
                "SELECT count(*) FROM pragma_database_list WHERE name = 'replaced'",
                [],
                |row| row.get(0),
            )
            .map_err(|error| failed(&self.path, &error))?;
        if attached {
            self.batch("DETACH DATABASE replaced")?;
        }
        migrate::sound(&self.connection)?;
        finish(&self.path, self.connection)
    }

    fn batch(&self, sql: &str) -> Result<(), OpenError> {
        self.connection
            .execute_batch(sql)
            .map_err(|error| failed(&self.path, &error))
    }
}

/// Puts a finished draft in the place of the database by rename; the replaced file stays under the
/// name `kept`, with its log where that could not be moved into it.
///
/// # Errors
/// [`OpenError`]; the database is as it was then.
pub fn replace(database: &Path, draft: &Path, kept: &Path) -> Result<(), OpenError> {
    let created = |source| OpenError::Create {
        path: database.to_owned(),
        source,
    };
    if database.exists() {
        if let Err(reason) = fold_log(database) {
            tracing::warn!(reason, "the log of the replaced database is kept beside it");
        }
        keep(database, kept).map_err(created)?;
    }
    set_aside(database, kept, "-wal").map_err(created)?;
    // Rebuilt from the log at the next open; one of another file would mislead it.
    discard_one(&beside(database, "-shm")).map_err(created)?;
    take_place(draft, database).map_err(created)
}

/// A log that belongs to the replaced file must not be played into the new one.
fn set_aside(database: &Path, kept: &Path, suffix: &str) -> std::io::Result<()> {
    if !has_log(database) {
        return discard_one(&beside(database, suffix));
    }
    fs::rename(beside(database, suffix), beside(kept, suffix))
}

fn discard_one(file: &Path) -> std::io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes a draft that did not come to anything.
pub fn forget(draft: &Path) {
    discard(draft);
}
