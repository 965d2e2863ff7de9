//! Copies, checks and restores of whole files.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use domain::lockout::{CounterKey, ManualLock};
use domain::session::{EndReason, Floors};
use rusqlite::Connection;

use super::{open_in, options};
use crate::contract::{at, session, tenant_id, two_tenants, user, write};
use crate::error::{OpenError, StoreError};
use crate::sqlite::restore::{ENDED, KEPT};
use crate::sqlite::{
    Draft, Hold, Still, bring_up, known_schema, layout, migrations, problems, replace, snapshot,
};
use crate::unit::Store;

/// Adds a user and its session in one transaction, again and again.
fn add_users(store: &Store, stop: &AtomicBool) -> u32 {
    let mut added = 0_u32;
    while !stop.load(Ordering::Acquire) {
        let number = added;
        write(store, move |tx| {
            let mut row = user(1, 1, &format!("user{number}@acme.test"));
            let mut id = [7; 16];
            id[..4].copy_from_slice(&number.to_be_bytes());
            row.id = common::id::UserId::from_bytes(id);
            let mut alive = session(1, 1, 1);
            alive.id = common::id::SessionId::from_bytes(id);
            alive.user_id = row.id;
            let acme = tx.tenant_mut(tenant_id(1));
            acme.users_mut().insert(&row)?;
            acme.sessions_mut().insert(&alive)
        });
        added += 1;
    }
    added
}

#[test]
fn r31_a_copy_beside_writers_is_one_moment_and_holds_what_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open_in(folder.path()).unwrap();
    two_tenants(&store);
    let stop = Arc::new(AtomicBool::new(false));
    let writer = {
        let (store, stop) = (store.clone(), Arc::clone(&stop));
        thread::spawn(move || add_users(&store, &stop))
    };
    let database = folder.path().join("authd.db");
    for round in 0..5 {
        let before = Still::open(&database)
            .unwrap()
            .read(|tx| tx.tenant(tenant_id(1)).users().count().unwrap());
        let copy = folder.path().join(format!("copy{round}.db"));
        assert!(snapshot(&database, &copy, &mut |_| true).unwrap());
        assert_eq!(
            fs::metadata(&copy).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let still = Still::open(&copy).unwrap();
        assert_eq!(still.schema(), known_schema());
        assert_eq!(still.problems(), Vec::<String>::new());
        let after = still.read(|tx| tx.tenant(tenant_id(1)).users().count().unwrap());
        assert!(after >= before, "{after} users of {before}");
        let look = Connection::open(&copy).unwrap();
        let of = |sql: &str| -> u32 { look.query_row(sql, [], |row| row.get(0)).unwrap() };
        // Bob of the beginning has no session.
        assert_eq!(
            of("SELECT count(*) FROM users WHERE tenant_id = x'01010101010101010101010101010101'"),
            of("SELECT count(*) FROM sessions") + 1
        );
        assert!(!folder.path().join(format!("copy{round}.db-wal")).exists());
    }
    stop.store(true, Ordering::Release);
    assert!(writer.join().unwrap() > 0);
    assert_eq!(problems(&database).unwrap(), Vec::<String>::new());
    store.close();
}

#[test]
fn a_copy_that_is_not_wanted_any_more_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open_in(folder.path()).unwrap();
    two_tenants(&store);
    // More than one step's worth of pages.
    write(&store, |tx| tx.meta_mut().set("filler", &vec![7; 4 << 20]));
    let copy = folder.path().join("copy.db");
    let mut asked = 0;
    let made = snapshot(&folder.path().join("authd.db"), &copy, &mut |copied| {
        assert!(copied.pages < copied.of, "{copied:?}");
        asked += 1;
        asked < 2
    });
    assert!(!made.unwrap());
    assert_eq!(asked, 2);
    assert!(!copy.exists());
    store.close();
}

#[test]
fn r7_flipped_bytes_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open_in(folder.path()).unwrap();
    two_tenants(&store);
    store.close();
    let database = folder.path().join("authd.db");
    assert!(problems(&database).unwrap().is_empty());
    let mut bytes = fs::read(&database).unwrap();
    let page = usize::from(u16::from_be_bytes([bytes[16], bytes[17]]));
    for at in (page..bytes.len()).step_by(page) {
        bytes[at + 3] ^= 0x55;
    }
    fs::write(&database, &bytes).unwrap();
    let found = problems(&database);
    assert!(
        found.as_ref().map_or(true, |found| !found.is_empty()),
        "{found:?}"
    );
}

#[test]
fn rule_19_every_table_is_either_ended_or_kept_by_a_restore() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open_in(folder.path()).unwrap();
    store.close();
    let connection = Connection::open(folder.path().join("authd.db")).unwrap();
    let tables: BTreeSet<String> = connection
        .prepare(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' \
             AND name <> 'refinery_schema_history'",
        )
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let ended: BTreeSet<String> = ENDED.iter().map(|(table, _)| (*table).to_owned()).collect();
    let kept: BTreeSet<String> = KEPT.iter().map(|table| (*table).to_owned()).collect();
    assert!(ended.is_disjoint(&kept));
    let named: BTreeSet<String> = ended.union(&kept).cloned().collect();
    assert_eq!(named, tables, "sqlite/restore.rs names each table once");
}

/// A database with bob, a session of his, a device and a generated password.
pub(super) fn lived_in(folder: &std::path::Path) {
    let (store, _) = open_in(folder).unwrap();
    two_tenants(&store);
    write(&store, |tx| {
        let acme = tx.tenant_mut(tenant_id(1));
        acme.sessions_mut().insert(&session(1, 1, 1))?;
        acme.sessions_mut().insert(&session(2, 1, 1))
    });
    store.close();
    let connection = Connection::open(folder.join("authd.db")).unwrap();
    connection
        .execute_batch(
            "INSERT INTO devices SELECT zeroblob(32), tenant_id, id, 0, 0 FROM users LIMIT 1;
             INSERT INTO credentials SELECT id, tenant_id, 'h', 's', 1, 9000000000000, 5, 0
             FROM users LIMIT 1;
             INSERT INTO clients (id, tenant_id, name, scopes, generation, created_at, updated_at)
             SELECT x'01', id, 'billing', 'revoke', 7, 0, 0 FROM tenants LIMIT 1;
             INSERT INTO client_secrets VALUES (x'01', 1, zeroblob(32), 0);
             INSERT INTO denied_tokens (jti, denied_at, expires_at) VALUES ('one', 0, 9);
             INSERT INTO keys (id, purpose, number, algorithm, state, public, wrapped, created_at)
             VALUES (x'01', 'signing', 3, 'EdDSA', 'active', x'', x'aa', 0);
             INSERT INTO keys (id, purpose, number, algorithm, state, public, wrapped, created_at)
             VALUES (x'02', 'audit', 1, 'HMAC-SHA256', 'active', x'', x'aa', 0);",
        )
        .unwrap();
}

#[test]
fn r33_a_draft_ends_what_rule_19_names_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    lived_in(folder.path());
    let draft_path = folder.path().join("draft.db");
    snapshot(&folder.path().join("authd.db"), &draft_path, &mut |_| true).unwrap();
    assert_eq!(bring_up(&draft_path).unwrap(), known_schema());
    let draft = Draft::open(&draft_path).unwrap();
    draft.begin().unwrap();
    let ended = draft.end_all(at(50)).unwrap();
    assert_eq!(
        (ended.sessions, ended.devices, ended.passwords, ended.kept),
        (2, 1, 1, 0)
    );
    assert_eq!(draft.highest_key("signing", false).unwrap(), 3);
    draft.finish().unwrap();
    let look = Connection::open(&draft_path).unwrap();
    let of = |sql: &str| -> i64 { look.query_row(sql, [], |row| row.get(0)).unwrap() };
    assert_eq!(
        of("SELECT count(*) FROM sessions WHERE ended_at IS NULL"),
        0
    );
    assert_eq!(
        of("SELECT count(*) FROM sessions WHERE end_reason = 'revoked'"),
        2
    );
    assert_eq!(EndReason::Revoked.as_str(), "revoked");
    assert_eq!(of("SELECT count(*) FROM devices"), 0);
    assert_eq!(of("SELECT logins_left FROM credentials"), 0);
    assert_eq!(of("SELECT version FROM credentials"), 2);
    assert_eq!(
        of("SELECT count(*) FROM keys WHERE state = 'active' AND purpose = 'signing'"),
        0
    );
    assert_eq!(
        of("SELECT count(*) FROM keys WHERE state = 'active' AND purpose = 'audit'"),
        1
    );
    assert_eq!(of("SELECT count(*) FROM users"), 2);
    // A client stays to be given another secret; no token of before is of its generation.
    assert_eq!(of("SELECT count(*) FROM client_secrets"), 0);
    assert_eq!(of("SELECT generation FROM clients"), at(50).millis());
    // Whoever followed the feed sees that it begins anew: no number is given twice.
    assert_eq!(of("SELECT count(*) FROM events"), 0);
    let head = "SELECT seq FROM sqlite_sequence WHERE name = 'events'";
    assert_eq!(of(head), at(50).millis());
}

/// Floors are of the database that is replaced, and the settings are those of the backup.
#[test]
fn rule_19_no_session_is_kept_below_floors_that_go_with_the_replaced_database() {
    let folder = tempfile::tempdir().unwrap();
    lived_in(folder.path());
    let database = folder.path().join("authd.db");
    let draft_path = folder.path().join("draft.db");
    snapshot(&database, &draft_path, &mut |_| true).unwrap();
    let (store, _) = open_in(folder.path()).unwrap();
    write(&store, |tx| {
        let floors = Floors {
            active: at(10),
            ..Floors::NONE
        };
        let acme = tx.tenant_mut(tenant_id(1));
        acme.settings_mut().set_floors(&floors, at(20))
    });
    store.close();
    let draft = Draft::open(&draft_path).unwrap();
    draft.attach(&database).unwrap();
    draft.begin().unwrap();
    draft.keep_sessions().unwrap();
    let ended = draft.end_all(at(50)).unwrap();
    assert_eq!((ended.sessions, ended.kept), (2, 0));
}

#[test]
fn rule_19_kept_sessions_are_alive_in_both_and_as_far_as_they_came() {
    let folder = tempfile::tempdir().unwrap();
    lived_in(folder.path());
    let database = folder.path().join("authd.db");
    let draft_path = folder.path().join("draft.db");
    snapshot(&database, &draft_path, &mut |_| true).unwrap();
    let since = Connection::open(&database).unwrap();
    since
        .execute_batch(
            "UPDATE sessions SET ended_at = 20, end_reason = 'revoked'
             WHERE id = x'01010101010101010101010101010101';
             UPDATE sessions SET generation = 7
             WHERE id = x'02020202020202020202020202020202';
             INSERT INTO used_slugs VALUES ('since', 9);",
        )
        .unwrap();
    drop(since);
    let draft = Draft::open(&draft_path).unwrap();
    draft.attach(&database).unwrap();
    draft.begin().unwrap();
    draft.take_over().unwrap();
    draft.keep_sessions().unwrap();
    let ended = draft.end_all(at(50)).unwrap();
    draft.take_keys().unwrap();
    assert_eq!((ended.sessions, ended.kept), (1, 1));
    draft.finish().unwrap();
    let look = Connection::open(&draft_path).unwrap();
    let alive: (Vec<u8>, u32) = look
        .query_row(
            "SELECT id, generation FROM sessions WHERE ended_at IS NULL",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    assert_eq!(alive, (vec![2; 16], 7));
    let since: u32 = look
        .query_row(
            "SELECT count(*) FROM used_slugs WHERE slug = 'since'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(since, 1);
}

#[test]
fn a_draft_takes_the_place_and_the_replaced_file_stays_whole() {
    let folder = tempfile::tempdir().unwrap();
    lived_in(folder.path());
    let database = folder.path().join("authd.db");
    let draft = folder.path().join("draft.db");
    let kept = folder.path().join("pre-restore-1.db");
    snapshot(&database, &draft, &mut |_| true).unwrap();
    let taken = Draft::open(&draft).unwrap();
    taken.begin().unwrap();
    taken.end_all(at(50)).unwrap();
    taken.finish().unwrap();
    let old = fs::read(&database).unwrap();
    let hold = Hold::take(&database).unwrap();
    assert!(matches!(
        Hold::take(&database),
        Err(OpenError::Locked { pid: Some(_), .. })
    ));
    replace(&database, &draft, &kept).unwrap();
    hold.release();
    assert_eq!(fs::read(&kept).unwrap(), old);
    assert!(!draft.exists());
    let (store, _) = open_in(folder.path()).unwrap();
    assert_eq!(
        crate::contract::read(&store, |tx| tx.tenant(tenant_id(1)).sessions().open_count()),
        0
    );
    store.close();
}

#[test]
fn pages_that_hold_nothing_are_given_back_in_parts() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = super::open_with(
        crate::sqlite::Options {
            repeat_every: Some(2),
            ..options(folder.path())
        },
        super::Engine::real(),
    )
    .unwrap();
    two_tenants(&store);
    write(&store, |tx| {
        for number in 0..2000_u32 {
            let name = format!("filler-{number}");
            tx.meta_mut().set(&name, &[7; 400])?;
        }
        Ok(())
    });
    store.close();
    let database = folder.path().join("authd.db");
    let connection = Connection::open(&database).unwrap();
    connection
        .execute("DELETE FROM meta WHERE name LIKE 'filler%'", [])
        .unwrap();
    drop(connection);
    let before = layout(&database).unwrap();
    assert!(before.gives_back && before.free_pages > 100, "{before:?}");
    let (store, _) = open_in(folder.path()).unwrap();
    let part = write(&store, |tx| tx.housekeeping().give_back(50));
    assert_eq!(part, 50);
    let rest = write(&store, |tx| tx.housekeeping().give_back(100_000));
    assert!(rest > 0);
    assert_eq!(write(&store, |tx| tx.housekeeping().give_back(50)), 0);
    write(&store, |tx| tx.housekeeping().optimize());
    assert_eq!(layout(&database).unwrap().free_pages, 0);
    store.close();
    assert!(problems(&database).unwrap().is_empty());
}

#[test]
fn steps_of_the_schema_are_listed_with_their_time() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open_in(folder.path()).unwrap();
    let rows = migrations(&folder.path().join("authd.db")).unwrap();
    assert_eq!(rows[0].name, "core");
    assert!(rows.iter().all(|row| row.applied.is_some()), "{rows:?}");
    assert_eq!(rows.last().unwrap().version, known_schema());
    store.close();
}

#[test]
fn a91_counters_and_attempts_follow_the_new_names_of_users_and_nobody_elses_stay() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open_in(folder.path()).unwrap();
    two_tenants(&store);
    let (bob, stranger) = (user(1, 1, "bob@acme.test"), CounterKey::from_bytes([9; 32]));
    let subject = bob.subject;
    let lock = ManualLock { until: None };
    write(&store, move |tx| {
        let counters = tx.counters_mut();
        for key in [&subject, &stranger] {
            counters.lock_by_hand(key, tenant_id(1), lock)?;
            counters.lock(key, at(9), 5)?;
        }
        tx.tenant_mut(tenant_id(1))
            .sessions_mut()
            .insert(&session(1, 1, 1))
    });
    let new = CounterKey::from_bytes([7; 32]);
    let renamed = write(&store, move |tx| {
        assert_eq!(tx.renewal().end_sessions(at(1))?, 1);
        tx.renewal().rename_counters(&|slug, email| {
            if (slug, email.as_str()) == ("acme", "bob@acme.test") {
                new
            } else {
                CounterKey::from_bytes([6; 32])
            }
        })
    });
    assert_eq!(
        (renamed.users, renamed.forgotten, renamed.locks_forgotten),
        (2, 1, 1)
    );
    let state = |key: CounterKey| {
        let read = store.read_blocking(move |tx| tx.counters().state(&key, at(0)));
        read.map_err(|error: StoreError| error).unwrap()
    };
    assert!(state(new).manual.is_some() && state(new).locked_until.is_some());
    for gone in [subject, stranger] {
        assert!(state(gone).manual.is_none() && state(gone).locked_until.is_none());
    }
    // Again, for whoever loses the next key too.
    write(&store, move |tx| {
        tx.renewal().rename_counters(&|slug, _| {
            let first = slug.as_bytes().first().copied();
            CounterKey::from_bytes([first.unwrap_or_default(); 32])
        })
    });
    assert!(state(CounterKey::from_bytes([b'a'; 32])).manual.is_some());
}
