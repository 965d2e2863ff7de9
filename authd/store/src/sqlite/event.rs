//! Events, as the triggers of the schema and the rows of locks and changes write them, and the removal of
//! old ones.

use common::id::{Id, Kind, TenantId};
use common::time::Time;
use domain::event::{Happened, Happening, Range, Revocation, Revoked};
use domain::lockout::CounterKey;
use rusqlite::params;
use rusqlite::types::Value;

use super::row::{Columns, integer};
use super::tx::Tx;
use crate::error::StoreError;
use crate::resource::EventsRead;

pub(super) const OF_TENANT: &str = "SELECT number, at, kind, subject FROM events \
    WHERE tenant_id = ?1 AND number > ?2 AND kind NOT IN ('audit', 'lockout') \
    ORDER BY number LIMIT ?3";

pub(super) const OF_NOBODY: &str = "SELECT number, at, kind, subject FROM events \
    WHERE tenant_id IS NULL AND number > ?2 AND kind NOT IN ('audit', 'lockout') \
    ORDER BY number LIMIT ?3";

/// The user of an event, and where the last failure came from unless there were others since.
pub(super) const ALL: &str = "SELECT number, at, kind, subject, tenant_id, \
    CASE kind WHEN 'user' THEN subject \
        WHEN 'session' THEN (SELECT user_id FROM sessions WHERE sessions.id = events.subject) \
        WHEN 'lockout' THEN (SELECT id FROM users WHERE users.subject = events.subject LIMIT 1) END, \
    CASE kind WHEN 'lockout' THEN (SELECT last_ip FROM counters \
        WHERE counters.key = events.subject AND last_failure_at <= events.at) END \
    FROM events WHERE number > ?1 ORDER BY number LIMIT ?2";

const LAST_BEFORE: &str = "SELECT coalesce((SELECT min(number) - 1 FROM events WHERE at >= ?1), \
    (SELECT max(number) FROM events))";

/// What is before the first number that is there may be gone; where none is there, all is.
const RANGE: &str = "SELECT coalesce((SELECT min(number) - 1 FROM events), seq), seq \
    FROM sqlite_sequence WHERE name = 'events'";

/// Goes from the first number on, and stops before the first event that is to stay: so nothing is
/// missing behind the floor, whatever the clock said when they were written.
const PRUNE: &str = "WITH batch AS (SELECT number, at FROM events ORDER BY number LIMIT ?2) \
    DELETE FROM events WHERE number IN (SELECT number FROM batch WHERE number < \
    coalesce((SELECT min(number) FROM batch WHERE at > ?1), 9223372036854775807))";

fn read(columns: &mut Columns<'_, '_>) -> Result<Revocation, StoreError> {
    let number = columns.parse("events.number", |number: i64| u64::try_from(number).ok())?;
    let at = columns.time("events.at")?;
    let kind: String = columns.take("events.kind")?;
    let what = columns.parse("events.subject", |subject: Value| revoked(&kind, subject))?;
    Ok(Revocation { number, at, what })
}

fn happening(columns: &mut Columns<'_, '_>) -> Result<Happening, StoreError> {
    let number = columns.parse("events.number", |number: i64| u64::try_from(number).ok())?;
    let at = columns.time("events.at")?;
    let kind: String = columns.take("events.kind")?;
    let what = columns.parse("events.subject", |subject: Value| happened(&kind, subject))?;
    let id = |columns: &mut Columns<'_, '_>, what| columns.take::<Option<[u8; 16]>>(what);
    let tenant = id(columns, "events.tenant_id")?.map(Id::from_bytes);
    let user = id(columns, "events.user")?.map(Id::from_bytes);
    Ok(Happening {
        number,
        at,
        tenant,
        what,
        user,
        ip: columns.take("counters.last_ip")?,
    })
}

fn happened(kind: &str, subject: Value) -> Option<Happened> {
    match (kind, subject) {
        ("audit", Value::Blob(id)) => id_of(&id).map(Happened::Change),
        ("lockout", Value::Blob(key)) => {
            let key: [u8; 32] = key.as_slice().try_into().ok()?;
            Some(Happened::Lockout(CounterKey::from_bytes(key)))
        }
        (kind, subject) => revoked(kind, subject).map(Happened::Revocation),
    }
}

fn revoked(kind: &str, subject: Value) -> Option<Revoked> {
    match (kind, subject) {
        ("jti", Value::Text(jti)) => Some(Revoked::Token(jti)),
        ("session", Value::Blob(id)) => id_of(&id).map(Revoked::Session),
        ("user", Value::Blob(id)) => id_of(&id).map(Revoked::User),
        ("client", Value::Blob(id)) => id_of(&id).map(Revoked::Client),
        ("tenant", Value::Blob(id)) => id_of(&id).map(Revoked::Tenant),
        ("key", Value::Blob(id)) => id_of(&id).map(Revoked::Key),
        _ => None,
    }
}

fn id_of<K: Kind>(bytes: &[u8]) -> Option<Id<K>> {
    bytes.try_into().ok().map(Id::from_bytes)
}

impl EventsRead for Tx<'_> {
    fn range(&self) -> Result<Range, StoreError> {
        let range = self.one("events.range", RANGE, [], |columns| {
            let mut number =
                || columns.parse("events.number", |number: i64| u64::try_from(number).ok());
            Ok(Range {
                floor: number()?,
                head: number()?,
            })
        })?;
        range.ok_or(StoreError::Damaged {
            what: "events.range",
        })
    }

    fn of(&self, tenant: TenantId, since: u64, limit: u32) -> Result<Vec<Revocation>, StoreError> {
        let since = integer(since, "events.number")?;
        let mut found = Vec::new();
        for (operation, sql) in [("events.of", OF_TENANT), ("events.of_nobody", OF_NOBODY)] {
            let values = params![tenant.as_bytes(), since, limit];
            found.extend(Tx::all(self, operation, sql, values, read)?);
        }
        found.sort_by_key(|event: &Revocation| event.number);
        found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(found)
    }

    fn all(&self, since: u64, limit: u32) -> Result<Vec<Happening>, StoreError> {
        let values = params![integer(since, "events.number")?, limit];
        Tx::all(self, "events.all", ALL, values, happening)
    }

    fn last_before(&self, at: Time) -> Result<Option<u64>, StoreError> {
        let found = self.one(
            "events.last_before",
            LAST_BEFORE,
            params![at.millis()],
            |columns| {
                let number: Option<i64> = columns.take("events.number")?;
                Ok(number.and_then(|number| u64::try_from(number).ok()))
            },
        )?;
        Ok(found.flatten())
    }
}

impl Tx<'_> {
    pub(super) fn prune_events(&self, until: Time, limit: u32) -> Result<u32, StoreError> {
        let values = params![until.millis(), limit];
        self.count("housekeeping.events", PRUNE, values)
    }
}
