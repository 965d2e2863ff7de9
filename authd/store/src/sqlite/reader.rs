//! A reader: runs one job at a time, each in one snapshot.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rusqlite::Connection;

use super::backend::{Shared, refused};
use super::queue::Seat;
use super::tx::{Tx, unavailable};

/// The thread: reads until the queue is closed and empty.
pub(super) fn work(connection: &Connection, shared: &Shared) {
    let seat = Seat::default();
    while let Some(job) = shared.reads.take(&seat) {
        if shared.has_failed() {
            job.fail(refused("read"));
            continue;
        }
        if let Err(error) = execute(connection, "BEGIN DEFERRED") {
            job.fail(unavailable("begin", error));
            continue;
        }
        // A job that panics drops its answer, which its caller hears as such.
        let ran = catch_unwind(AssertUnwindSafe(|| job.run(&Tx::new(connection))));
        if ran.is_err() {
            tracing::error!("a read panicked");
        }
        if !connection.is_autocommit() {
            end(connection);
        }
    }
}

fn end(connection: &Connection) {
    if execute(connection, "COMMIT").is_ok() {
        return;
    }
    if let Err(error) = execute(connection, "ROLLBACK") {
        tracing::error!(%error, "a snapshot was not given back");
    }
}

/// Runs a statement of the transaction's frame.
pub(super) fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}
