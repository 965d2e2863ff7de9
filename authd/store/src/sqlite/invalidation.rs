//! The log of invalidations: entries are the last that a transaction writes, so that their numbers are
//! in the order of commits.

use common::time::Time;
use rusqlite::{Connection, params};

use super::row::{Columns, integer};
use super::tx::Tx;
use crate::error::StoreError;
use crate::resource::{Invalidation, InvalidationsRead, Over, Scope};

/// Numbers follow the highest one that is there, which is never removed.
const APPEND: &str = "INSERT INTO invalidations (kind, id, at) VALUES (?1, ?2, ?3)";

pub(super) const HEAD: &str =
    "SELECT number, kind, id, at FROM invalidations ORDER BY number DESC LIMIT 1";

pub(super) const FROM: &str = "SELECT number, kind, id, at FROM invalidations \
    WHERE number >= ?1 ORDER BY number LIMIT ?2";

/// Goes from the first number on, and stops before the first entry that is to stay; the latest stays
/// always. One of a time that has not come is over too, where the present is known: a clock that was
/// ahead must not keep the rest.
const PRUNE: &str = "WITH batch AS (SELECT number, at FROM invalidations ORDER BY number LIMIT ?3 + 1) \
    DELETE FROM invalidations WHERE number < coalesce(\
    (SELECT min(number) FROM batch WHERE at > ?1 AND (at <= ?2 OR ?2 <= ?1)), (SELECT max(number) FROM batch))";

/// Writes one entry and returns its number.
fn append(connection: &Connection, scope: &Scope, at: Time) -> rusqlite::Result<i64> {
    let (kind, id) = scope.to_parts();
    let values = params![kind, id.map(<[u8; 16]>::as_slice), at.millis()];
    connection.prepare_cached(APPEND)?.insert(values)
}

/// Writes what a transaction takes from, as its last statements.
pub(super) fn append_all(
    connection: &Connection,
    scopes: &[Scope],
    at: Time,
) -> rusqlite::Result<Vec<Invalidation>> {
    let entry = |scope: &Scope| {
        let number = append(connection, scope, at)?;
        Ok(Invalidation {
            number: u64::try_from(number).unwrap_or(0),
            scope: *scope,
            at,
        })
    };
    scopes.iter().map(entry).collect()
}

fn read(columns: &mut Columns<'_, '_>) -> Result<Invalidation, StoreError> {
    let number = columns.parse("invalidations.number", |number: i64| {
        u64::try_from(number).ok()
    })?;
    let kind: u8 = columns.take("invalidations.kind")?;
    let scope = columns.parse("invalidations.id", |id: Option<[u8; 16]>| {
        Scope::from_parts(kind, id)
    })?;
    let at = columns.time("invalidations.at")?;
    Ok(Invalidation { number, scope, at })
}

impl InvalidationsRead for Tx<'_> {
    fn head(&self) -> Result<Option<Invalidation>, StoreError> {
        self.one("invalidations.head", HEAD, [], read)
    }

    fn from(&self, number: u64, limit: u32) -> Result<Vec<Invalidation>, StoreError> {
        let values = params![integer(number, "invalidations.number")?, limit];
        self.all("invalidations.from", FROM, values, read)
    }
}

impl Tx<'_> {
    pub(super) fn prune_invalidations(&self, over: &Over, limit: u32) -> Result<u32, StoreError> {
        let values = params![over.invalidations.millis(), over.now.millis(), limit];
        self.count("housekeeping.invalidations", PRUNE, values)
    }
}
