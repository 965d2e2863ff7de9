//! What a refresh does in the database, in raw SQLite on a copy of the same database: the reads in the
//! transaction and the rotation, so many in one commit. A test holds the statements against those of
//! the store.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

use crate::Result;

const SESSION: &str = "SELECT s.id, s.tenant_id, s.user_id, s.device_id, \
    s.device_name, s.device_type, s.ip, s.auth_time, s.created_at, s.last_active_at, \
    s.generation, s.rotated_at, s.salt, s.refresh_key, s.ended_at, s.end_reason \
    FROM sessions s WHERE s.id = ?1";
const ROTATE: &str = "UPDATE sessions SET generation = generation + 1, rotated_at = ?4, \
    last_active_at = max(last_active_at, ?4) \
    WHERE tenant_id = ?1 AND id = ?2 AND generation = ?3 AND ended_at IS NULL";
/// By key, as the store reads owner and tenant, whatever their columns are.
const USER: &str = "SELECT * FROM users WHERE tenant_id = ?1 AND id = ?2";
const TENANT: &str = "SELECT * FROM tenants WHERE id = ?1";
/// Sessions that take part, as many as there are chains.
const CHAINS: usize = 64;

/// Rotates for so long, and prints rotations a second.
pub(crate) fn run(database: &Path, group: usize, time: Duration) -> Result<()> {
    let mut database = Connection::open(database)?;
    database.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
         PRAGMA cache_size = -4096; PRAGMA mmap_size = 67108864;",
    )?;
    let mut chains = chains(&database)?;
    if chains.len() < group {
        return Err("fewer sessions than a group has".into());
    }
    let count = chains.len();
    let started = Instant::now();
    let (mut done, mut at) = (0_u32, 0);
    while started.elapsed() < time {
        let transaction =
            database.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        for _ in 0..group {
            let chain = chains.get_mut(at % count).ok_or("no chain")?;
            rotate(&transaction, chain)?;
            (done, at) = (done + 1, at + 1);
        }
        transaction.commit()?;
    }
    let rate = f64::from(done) / started.elapsed().as_secs_f64();
    let mut out = std::io::stdout().lock();
    Ok(writeln!(out, "{rate}")?)
}

struct Chain {
    session: Vec<u8>,
    generation: i64,
}

/// Open sessions, far from each other in the table.
fn chains(database: &Connection) -> Result<Vec<Chain>> {
    let open: i64 = database.query_row(
        "SELECT count(*) FROM sessions WHERE ended_at IS NULL",
        [],
        |row| row.get(0),
    )?;
    let stride = (usize::try_from(open)? / CHAINS).max(1);
    let mut statement = database
        .prepare("SELECT id, generation FROM sessions WHERE ended_at IS NULL ORDER BY id")?;
    let mut rows = statement.query([])?;
    let mut chains = Vec::new();
    let mut number = 0;
    while let Some(row) = rows.next()? {
        if number % stride == 0 && chains.len() < CHAINS {
            chains.push(Chain {
                session: row.get(0)?,
                generation: row.get(1)?,
            });
        }
        number += 1;
    }
    Ok(chains)
}

fn rotate(database: &Connection, chain: &mut Chain) -> Result<()> {
    type Found = (Vec<u8>, Vec<u8>, i64);
    let mut statement = database.prepare_cached(SESSION)?;
    let found: Found = statement.query_row([&chain.session], |row| {
        Ok((row.get(1)?, row.get(2)?, row.get(11)?))
    })?;
    let (tenant, user, rotated_at) = found;
    for (text, keys) in [(TENANT, vec![&tenant]), (USER, vec![&tenant, &user])] {
        let mut statement = database.prepare_cached(text)?;
        let mut rows = statement.query(rusqlite::params_from_iter(keys))?;
        rows.next()?.ok_or("no owner")?;
    }
    let mut statement = database.prepare_cached(ROTATE)?;
    let keys = params![tenant, chain.session, chain.generation, rotated_at + 1];
    if statement.execute(keys)? != 1 {
        return Err("the session was not rotated".into());
    }
    chain.generation += 1;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> String {
        let text = text.replace('\\', " ");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_statements_are_those_of_the_store() {
        let store = include_str!("../../../../authd/store/src/sqlite/session.rs");
        for statement in [SESSION, ROTATE] {
            assert!(words(store).contains(&words(statement)), "{statement}");
        }
    }
}
