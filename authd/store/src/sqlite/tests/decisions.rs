//! What attempts of before decisions were recorded tell, and how a request's attempt is found.

use common::id::RequestId;
use refinery::Migration;
use rusqlite::Connection;

use super::open_in;
use crate::contract::write;
use crate::resource::{AttemptFilter, PageRequest};
use crate::sqlite::migrate;

#[test]
fn attempts_of_an_older_schema_tell_no_decision_and_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("authd.db");
    let before: Vec<Migration> = migrate::known()
        .into_iter()
        .filter(|step| step.version() < 12)
        .collect();
    migrate::create(&path, &before).unwrap();
    let old = Connection::open(&path).unwrap();
    old.execute_batch(
        "INSERT INTO attempts (id, at, subject, outcome, success, request_id, trace, last_at) \
         VALUES (x'018b0000000070000000000000000001', 0, zeroblob(32), 'wrong_password', 0, \
         x'018b0000000070000000000000000002', '[\"password: wrong_password\"]', 0);",
    )
    .unwrap();
    drop(old);
    let (store, _) = open_in(folder.path()).unwrap();
    write(&store, |tx| {
        let filter = AttemptFilter {
            request: Some(RequestId::from_bytes([
                1, 0x8b, 0, 0, 0, 0, 0x70, 0, 0, 0, 0, 0, 0, 0, 0, 2,
            ])),
            ..AttemptFilter::default()
        };
        let page = PageRequest {
            limit: 9,
            after: None,
        };
        let rows = tx.operator().attempts(&filter, &page)?;
        let [row] = rows.as_slice() else {
            panic!("{rows:?}");
        };
        assert_eq!(row.first.trace, ["password: wrong_password"]);
        assert_eq!(
            (&row.first.decision, &row.first.correlation_id),
            (&None, &None)
        );
        let earlier = AttemptFilter {
            request: Some(RequestId::from_bytes([1; 16])),
            ..AttemptFilter::default()
        };
        assert!(tx.operator().attempts(&earlier, &page)?.is_empty());
        Ok(())
    });
    store.close();
}
