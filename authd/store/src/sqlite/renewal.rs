//! Names of counters computed anew, and sessions ended, over all tenants.

use common::email::Email;
use common::time::Time;
use domain::lockout::CounterKey;
use rusqlite::params;

use super::row::Columns;
use super::tx::Tx;
use crate::error::StoreError;
use crate::resource::{Renamed, Renewal};

/// Users that are read at once.
const PART: u32 = 1000;

const USERS: &str = "SELECT u.id, u.subject, t.slug, u.email FROM users u \
    JOIN tenants t ON t.id = u.tenant_id WHERE u.id > ?1 ORDER BY u.id LIMIT ?2";

/// What follows the names, in order; counters of nobody are gone before the others move.
const FOLLOW: &[(&str, &str)] = &[
    (
        "renewal.users",
        "UPDATE users SET subject = (SELECT r.new FROM temp.renamed r WHERE r.old = users.subject)",
    ),
    (
        "renewal.counters",
        "UPDATE counters SET key = (SELECT r.new FROM temp.renamed r WHERE r.old = counters.key)",
    ),
    (
        "renewal.tries",
        "DELETE FROM tries WHERE counter NOT IN (SELECT old FROM temp.renamed)",
    ),
    (
        "renewal.tries",
        "UPDATE tries SET counter = (SELECT r.new FROM temp.renamed r WHERE r.old = tries.counter)",
    ),
    (
        "renewal.attempts",
        "UPDATE attempts SET subject = (SELECT r.new FROM temp.renamed r \
         WHERE r.old = attempts.subject) WHERE subject IN (SELECT old FROM temp.renamed)",
    ),
];

struct Named {
    id: Vec<u8>,
    subject: Vec<u8>,
    slug: String,
    email: Email,
}

fn read(columns: &mut Columns<'_, '_>) -> Result<Named, StoreError> {
    Ok(Named {
        id: columns.take("users.id")?,
        subject: columns.take("users.subject")?,
        slug: columns.take("tenants.slug")?,
        email: columns.email("users.email")?,
    })
}

impl Tx<'_> {
    /// Lays old and new names beside each other; returns how many there are.
    fn draw_names(&self, name: &dyn Fn(&str, &Email) -> CounterKey) -> Result<u64, StoreError> {
        let mut users = 0_u64;
        let mut after = Vec::new();
        loop {
            let part = self.all("renewal.read", USERS, params![after, PART], read)?;
            let Some(last) = part.last() else {
                return Ok(users);
            };
            after.clone_from(&last.id);
            for user in &part {
                let new = name(&user.slug, &user.email);
                self.run(
                    "renewal.name",
                    "INSERT INTO temp.renamed (old, new) VALUES (?1, ?2)",
                    params![user.subject, new.as_bytes()],
                )?;
                users = users.saturating_add(1);
            }
        }
    }
}

impl Renewal for Tx<'_> {
    fn end_sessions(&self, at: Time) -> Result<u64, StoreError> {
        self.run(
            "renewal.sessions",
            "UPDATE sessions SET ended_at = ?1, end_reason = 'revoked' WHERE ended_at IS NULL",
            params![at.millis()],
        )
        .map(rows)
    }

    fn rename_counters(
        &self,
        name: &dyn Fn(&str, &Email) -> CounterKey,
    ) -> Result<Renamed, StoreError> {
        self.run(
            "renewal.begin",
            "CREATE TEMP TABLE renamed (old BLOB PRIMARY KEY, new BLOB NOT NULL) WITHOUT ROWID",
            [],
        )?;
        let users = self.draw_names(name)?;
        let locks = self.one(
            "renewal.locks",
            "SELECT count(*) FROM counters WHERE manual > 0 \
             AND key NOT IN (SELECT old FROM temp.renamed)",
            [],
            |columns| columns.take::<u32>("counters.manual"),
        )?;
        let forgotten = self.run(
            "renewal.forget",
            "DELETE FROM counters WHERE key NOT IN (SELECT old FROM temp.renamed)",
            [],
        )?;
        for (operation, sql) in FOLLOW {
            self.run(operation, sql, [])?;
        }
        self.run("renewal.end", "DROP TABLE temp.renamed", [])?;
        Ok(Renamed {
            users,
            forgotten: rows(forgotten),
            locks_forgotten: locks.unwrap_or_default().into(),
        })
    }
}

fn rows(changed: usize) -> u64 {
    u64::try_from(changed).unwrap_or(u64::MAX)
}
