//! Opening: what is made, what is refused and left untouched, and migrations in a copy.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use common::time::Time;
use domain::key::KeyState;
use domain::setting::{SetBy, Setting, StoredSetting, Value};
use refinery::Migration;
use rusqlite::Connection;

use super::{open_in, open_with, options};
use crate::contract::{at, read, tenant_id, two_tenants, user_id, write};
use crate::error::OpenError;
use crate::sqlite::open::Engine;
use crate::sqlite::{Options, Origin, known_schema, migrate, open};
use crate::unit::Store;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Names and contents of all files but the lock.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_none_or(|extension| extension != "lock"))
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

/// The real migrations and further ones, numbered after them.
fn engine(further: &[&str]) -> Engine {
    let mut engine = Engine::real();
    for (n, sql) in (known_schema() + 1..).zip(further) {
        let name = format!("V{n}__further");
        engine
            .migrations
            .push(Migration::unapplied(&name, sql).unwrap());
    }
    engine
}

const ADD_NOTE: &str = "ALTER TABLE tenants ADD COLUMN note TEXT;";
const ADD_INDEX: &str = "CREATE INDEX tenants_by_note ON tenants (note);";
const ADD_TABLE: &str = "CREATE TABLE notes (id INTEGER PRIMARY KEY) STRICT;";

fn has_acme(store: &Store) -> bool {
    read(store, |tx| Ok(tx.tenants().by_id(tenant_id(1))?.is_some()))
}

/// A closed database that holds two tenants.
fn closed(folder: &Path) {
    let (store, _) = open_in(folder).unwrap();
    two_tenants(&store);
    store.close();
}

/// The files as a crash leaves them: the log holds everything.
fn crashed(folder: &Path) {
    let origin = tempfile::tempdir().unwrap();
    let (store, _) = open_in(origin.path()).unwrap();
    two_tenants(&store);
    for name in ["authd.db", "authd.db-wal"] {
        fs::copy(origin.path().join(name), folder.join(name)).unwrap();
    }
    assert!(fs::metadata(folder.join("authd.db-wal")).unwrap().len() > 0);
}

#[test]
fn files_are_private_whatever_they_were_before() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("a").join("b");
    let (store, origin) = open_in(&folder).unwrap();
    assert_eq!(origin, Origin::Created);
    two_tenants(&store);
    assert_eq!(mode(&folder), 0o700);
    for name in ["authd.db", "authd.db-wal", "authd.db-shm", "authd.lock"] {
        assert_eq!(mode(&folder.join(name)), 0o600, "{name}");
    }
    store.close();
    for name in ["authd.db", "authd.lock"] {
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o666)).unwrap();
    }
    let (store, origin) = open_in(&folder).unwrap();
    assert_eq!(origin, Origin::Existing);
    two_tenants_are_there(&store);
    for name in ["authd.db", "authd.db-wal", "authd.db-shm", "authd.lock"] {
        assert_eq!(mode(&folder.join(name)), 0o600, "{name}");
    }
}

fn two_tenants_are_there(store: &Store) {
    assert!(has_acme(store));
    write(store, |tx| tx.meta_mut().set("x", b"1"));
}

#[test]
fn connections_are_set_up_as_durability_wants_it() {
    let folder = tempfile::tempdir().unwrap();
    closed(folder.path());
    let options = Options {
        cache_bytes: 3 << 20,
        ..options(folder.path())
    };
    let number = |connection: &Connection, pragma: &str| -> i64 {
        let sql = format!("PRAGMA {pragma}");
        connection.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    let writer = open::connect(&options, false).unwrap();
    for (pragma, value) in [
        ("synchronous", 2),
        ("foreign_keys", 1),
        ("wal_autocheckpoint", 0),
        ("auto_vacuum", 2),
        ("cache_size", -1024),
        ("mmap_size", 64 << 20),
        ("busy_timeout", 50),
    ] {
        assert_eq!(number(&writer, pragma), value, "{pragma}");
    }
    let reader = open::connect(&options, true).unwrap();
    assert_eq!(number(&reader, "query_only"), 1);
    assert!(reader.execute_batch("DELETE FROM meta").is_err());
}

#[test]
fn information_is_of_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open_in(folder.path()).unwrap();
    two_tenants(&store);
    let info = store.info();
    assert_eq!(info.backend, "sqlite");
    assert_eq!(info.path, folder.path().join("authd.db"));
    assert_eq!((info.schema, info.pending), (known_schema(), 0));
    assert!(info.bytes > 0 && info.wal_bytes > 0 && info.free_bytes > 0);
}

#[test]
fn r34_a_second_authd_is_refused_and_the_first_unaffected() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open_in(folder.path()).unwrap();
    match open_in(folder.path()) {
        Err(OpenError::Locked { path, pid }) => {
            assert_eq!(path, folder.path().join("authd.lock"));
            assert_eq!(pid, Some(std::process::id()));
        }
        other => panic!("{:?}", other.map(|(_, origin)| origin)),
    }
    two_tenants(&store);
    drop(store);
    assert!(has_acme(&open_in(folder.path()).unwrap().0));
}

#[test]
fn r30_a_newer_schema_is_left_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open_with(options(folder.path()), engine(&[ADD_NOTE])).unwrap();
    store.close();
    let before = contents(folder.path());
    match open_in(folder.path()) {
        Err(OpenError::Newer { found, known, .. }) => {
            assert_eq!((found, known), (known_schema() + 1, known_schema()));
        }
        other => panic!("{:?}", other.map(|(_, origin)| origin)),
    }
    assert_eq!(contents(folder.path()), before);
}

#[test]
fn a_changed_migration_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open_with(options(folder.path()), engine(&[ADD_NOTE])).unwrap();
    store.close();
    let before = contents(folder.path());
    let opened = open_with(options(folder.path()), engine(&[ADD_TABLE]));
    assert!(matches!(opened, Err(OpenError::Migration { .. })));
    assert_eq!(contents(folder.path()), before);
}

#[test]
fn r7_what_is_no_database_is_left_untouched() {
    let whole = tempfile::tempdir().unwrap();
    closed(whole.path());
    let whole = fs::read(whole.path().join("authd.db")).unwrap();
    let mut no_header = whole.clone();
    no_header[..16].fill(b'x');
    let mut bad_page = whole.clone();
    bad_page[4096..8192].fill(0xa5);
    let foreign = tempfile::tempdir().unwrap();
    let path = foreign.path().join("foreign.db");
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("CREATE TABLE a (b)").unwrap();
    drop(connection);
    let cases = [
        ("garbage", b"garbage".repeat(5000)),
        ("empty", Vec::new()),
        ("short", whole[..50].to_vec()),
        ("wrong header", no_header),
        ("cut", whole[..whole.len() / 2].to_vec()),
        ("cut by a byte", whole[..whole.len() - 1].to_vec()),
        ("a bad page", bad_page),
        ("another program's", fs::read(path).unwrap()),
    ];
    for (name, bytes) in cases {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("authd.db"), &bytes).unwrap();
        let opened = open_in(folder.path()).map(|(_, origin)| origin);
        assert!(
            matches!(opened, Err(OpenError::Damaged { .. })),
            "{name}: {opened:?}"
        );
        let expected = [("authd.db".to_owned(), bytes)];
        assert!(contents(folder.path()) == expected, "{name}");
    }
}

#[test]
fn r7_a_log_without_its_database_is_no_reason_for_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    crashed(folder.path());
    fs::remove_file(folder.path().join("authd.db")).unwrap();
    let before = contents(folder.path());
    assert!(matches!(
        open_in(folder.path()),
        Err(OpenError::Damaged { .. })
    ));
    assert_eq!(contents(folder.path()), before);
}

#[test]
fn r1_what_was_committed_is_there_after_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    crashed(folder.path());
    let (store, origin) = open_in(folder.path()).unwrap();
    assert_eq!(origin, Origin::Existing);
    assert!(has_acme(&store));
}

#[test]
fn a_half_made_database_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("authd.db.new"), b"half").unwrap();
    let (store, origin) = open_in(folder.path()).unwrap();
    assert_eq!(origin, Origin::Created);
    store.close();
    let names: Vec<_> = contents(folder.path())
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["authd.db"]);
}

#[test]
fn pending_migrations_wait_where_they_may_not_run() {
    let folder = tempfile::tempdir().unwrap();
    closed(folder.path());
    let before = contents(folder.path());
    let options = Options {
        auto_migrate: false,
        ..options(folder.path())
    };
    match open_with(options, engine(&[ADD_NOTE])) {
        Err(OpenError::Pending { found, known, .. }) => {
            assert_eq!((found, known), (known_schema(), known_schema() + 1));
        }
        other => panic!("{:?}", other.map(|(_, origin)| origin)),
    }
    assert_eq!(contents(folder.path()), before);
}

fn columns_of_tenants(path: &Path) -> Vec<String> {
    Connection::open(path)
        .unwrap()
        .prepare("SELECT name FROM pragma_table_info('tenants')")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect()
}

#[test]
fn a_migration_runs_in_a_copy_and_the_old_file_is_kept() {
    for prepare in [closed, crashed] {
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path());
        let engine = engine(&[ADD_NOTE, ADD_INDEX]);
        let (store, origin) = open_with(options(folder.path()), engine).unwrap();
        assert_eq!(origin, Origin::Existing);
        assert!(has_acme(&store));
        assert_eq!(store.info().schema, known_schema() + 2);
        store.close();
        let database = folder.path().join("authd.db");
        assert!(columns_of_tenants(&database).contains(&"note".to_owned()));
        let kept = folder.path().join(format!(
            "pre-migrate-{}-to-{}.db",
            known_schema(),
            known_schema() + 2
        ));
        assert_eq!(mode(&kept), 0o600);
        assert_eq!(mode(&database), 0o600);
        assert!(!columns_of_tenants(&kept).contains(&"note".to_owned()));
        let old = tempfile::tempdir().unwrap();
        fs::copy(&kept, old.path().join("authd.db")).unwrap();
        assert!(
            has_acme(&open_in(old.path()).unwrap().0),
            "the old file is whole"
        );
        let vacuum: i64 = Connection::open(&database)
            .unwrap()
            .query_row("PRAGMA auto_vacuum", [], |row| row.get(0))
            .unwrap();
        assert_eq!(vacuum, 2);
    }
}

#[test]
fn a_failed_migration_leaves_every_byte() {
    let broken = "INSERT INTO nowhere VALUES (1);";
    let dangling = "UPDATE users SET tenant_id = x'00';";
    for prepare in [closed, crashed] {
        for last in [broken, dangling] {
            let folder = tempfile::tempdir().unwrap();
            prepare(folder.path());
            let before = contents(folder.path());
            let opened = open_with(options(folder.path()), engine(&[ADD_NOTE, last]));
            assert!(matches!(opened, Err(OpenError::Migration { .. })));
            // A look at a log makes an index of it in memory that is shared through a file.
            let mut after = contents(folder.path());
            after.retain(|(name, _)| name != "authd.db-shm");
            assert!(after == before);
            assert!(has_acme(&open_in(folder.path()).unwrap().0));
        }
    }
}

#[test]
fn two_old_files_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    closed(folder.path());
    let steps = [ADD_NOTE, ADD_INDEX, ADD_TABLE];
    for n in 1..=steps.len() {
        let (store, _) = open_with(options(folder.path()), engine(&steps[..n])).unwrap();
        store.close();
    }
    let names: Vec<_> = contents(folder.path())
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let known = known_schema();
    let kept = |n: u32| format!("pre-migrate-{}-to-{}.db", known + n - 1, known + n);
    let mut expected = vec!["authd.db".to_owned(), kept(2), kept(3)];
    // By name: 10 comes before 9.
    expected.sort();
    assert_eq!(names, expected);
}

#[test]
fn a_database_of_the_first_schema_gets_roles() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("authd.db");
    let first: Vec<Migration> = migrate::known().into_iter().take(1).collect();
    migrate::create(&path, &first).unwrap();
    let old = Connection::open(&path).unwrap();
    old.execute_batch(
        "INSERT INTO tenants (id, slug, name, status, time_zone, plan, created_at, updated_at) \
         VALUES (x'01010101010101010101010101010101', 'acme', 'Acme', 'active', 'UTC', 'pro', 0, 0);
         INSERT INTO users (id, tenant_id, email, email_verified, external_refs, status, \
         is_tenant_admin, subject, created_at, updated_at) \
         VALUES (x'01010101010101010101010101010101', x'01010101010101010101010101010101', \
         'bob@acme.test', 1, '{}', 'active', 0, zeroblob(32), 0, 0);",
    )
    .unwrap();
    drop(old);
    let (store, origin) = open_in(folder.path()).unwrap();
    assert_eq!(origin, Origin::Existing);
    write(&store, |tx| {
        let superadmin = "system:superadmin".parse().unwrap();
        let role = tx.system_roles().by_name(&superadmin)?.unwrap();
        let acme = tx.tenant_mut(tenant_id(1));
        assert!(acme.users().by_id(user_id(1))?.unwrap().roles.is_empty());
        acme.grants_mut().grant(user_id(1), role.id, at(0))?;
        assert_eq!(acme.users().by_id(user_id(1))?.unwrap().roles, [superadmin]);
        Ok(())
    });
    store.close();
}

#[test]
fn a26_keys_and_denied_tokens_of_an_older_schema_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("authd.db");
    let before: Vec<Migration> = migrate::known()
        .into_iter()
        .filter(|step| step.version() < 3)
        .collect();
    migrate::create(&path, &before).unwrap();
    let old = Connection::open(&path).unwrap();
    old.execute_batch(
        "INSERT INTO keys (id, purpose, number, algorithm, state, public, wrapped, created_at) \
         VALUES (x'01010101010101010101010101010101', 'signing', 1, 'EdDSA', 'active', x'02', \
         x'03', 7000), \
         (x'02020202020202020202020202020202', 'refresh', 1, 'HMAC-SHA256', 'active', x'', \
         x'04', 7000);
         INSERT INTO denied_tokens (jti, tenant_id, expires_at) \
         VALUES ('used', x'01010101010101010101010101010101', 700000);",
    )
    .unwrap();
    drop(old);
    let (store, _) = open_in(folder.path()).unwrap();
    read(&store, |tx| {
        let keys = tx.keys().all()?;
        assert_eq!(keys.len(), 2);
        for key in keys {
            let made = Time::from_millis(7000);
            assert_eq!((key.created_at, key.activates_at), (made, made));
            assert_eq!((key.retires_at, key.ends_at), (None, None));
            assert_eq!(key.state, KeyState::Active);
            assert_eq!(key.wrapped.len(), 1);
        }
        let denial = tx.denial("used")?.unwrap();
        assert_eq!(denial.tenant, Some(tenant_id(1)));
        assert_eq!(
            (denial.expires_at, denial.reason),
            (Time::from_millis(700_000), None)
        );
        Ok(())
    });
    store.close();
}

#[test]
fn a_database_of_the_second_schema_gets_settings() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("authd.db");
    let first: Vec<Migration> = migrate::known().into_iter().take(2).collect();
    migrate::create(&path, &first).unwrap();
    let old = Connection::open(&path).unwrap();
    old.execute_batch(
        "INSERT INTO tenants (id, slug, name, status, time_zone, plan, created_at, updated_at) \
         VALUES (x'01010101010101010101010101010101', 'acme', 'Acme', 'active', 'UTC', 'pro', 0, 0);",
    )
    .unwrap();
    drop(old);
    let (store, origin) = open_in(folder.path()).unwrap();
    assert_eq!(origin, Origin::Existing);
    write(&store, |tx| {
        let acme = tx.tenant_mut(tenant_id(1));
        assert!(acme.settings().all()?.is_empty());
        let row = StoredSetting {
            setting: Setting::LockoutThreshold,
            value: Value::Number(3),
            set_by: SetBy::Operator,
            updated_at: at(0),
        };
        acme.settings_mut().set(&row)?;
        assert_eq!(acme.settings().all()?.values, [row]);
        Ok(())
    });
    store.close();
}

#[test]
fn a_database_of_the_second_schema_gets_an_outbox() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("authd.db");
    let older: Vec<Migration> = migrate::known().into_iter().take(2).collect();
    migrate::create(&path, &older).unwrap();
    let old = Connection::open(&path).unwrap();
    old.execute_batch(
        "INSERT INTO tenants (id, slug, name, status, time_zone, plan, created_at, updated_at) \
         VALUES (x'01010101010101010101010101010101', 'acme', 'Acme', 'active', 'UTC', 'pro', 0, 0);
         INSERT INTO users (id, tenant_id, email, email_verified, external_refs, status, \
         is_tenant_admin, subject, created_at, updated_at) \
         VALUES (x'01010101010101010101010101010101', x'01010101010101010101010101010101', \
         'bob@acme.test', 0, '{}', 'active', 0, zeroblob(32), 0, 0);",
    )
    .unwrap();
    drop(old);
    let (store, origin) = open_in(folder.path()).unwrap();
    assert_eq!(origin, Origin::Existing);
    write(&store, |tx| {
        let mail = crate::contract::mail(1, 1);
        tx.outbox_mut().insert(&mail)?;
        assert_eq!(tx.outbox().by_id(mail.id)?, Some(mail));
        let users = tx.tenant_mut(tenant_id(1));
        users.users_mut().set_email_verified(user_id(1), at(0))?;
        assert!(users.users().by_id(user_id(1))?.unwrap().email_verified);
        Ok(())
    });
    store.close();
}

#[test]
fn rule_19_tenants_of_an_older_schema_are_there_and_can_be_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("authd.db");
    let before: Vec<Migration> = migrate::known()
        .into_iter()
        .filter(|step| step.version() < 6)
        .collect();
    migrate::create(&path, &before).unwrap();
    let old = Connection::open(&path).unwrap();
    old.execute_batch(
        "INSERT INTO tenants (id, slug, name, status, time_zone, plan, created_at, updated_at) \
         VALUES (x'01010101010101010101010101010101', 'acme', 'Acme', 'suspended', 'UTC', 'pro', \
         0, 0);
         INSERT INTO users (id, tenant_id, email, email_verified, external_refs, status, \
         is_tenant_admin, subject, created_at, updated_at) \
         VALUES (x'01010101010101010101010101010101', x'01010101010101010101010101010101', \
         'bob@acme.test', 1, '{}', 'active', 0, zeroblob(32), 0, 0);
         INSERT INTO devices (secret_hash, tenant_id, user_id, created_at, last_used_at) \
         VALUES (zeroblob(32), x'01010101010101010101010101010101', \
         x'01010101010101010101010101010101', 0, 0);",
    )
    .unwrap();
    drop(old);
    let (store, _) = open_in(folder.path()).unwrap();
    write(&store, |tx| {
        let row = tx.tenants().ever_by_id(tenant_id(1))?.unwrap();
        assert_eq!((row.deletion, row.restored_at, row.users), (None, None, 1));
        assert_eq!(Some(row.tenant), tx.tenants().by_id(tenant_id(1))?);
        assert!(tx.tenants_mut().delete(tenant_id(1), at(0), at(9))?);
        assert!(tx.tenants().by_id(tenant_id(1))?.is_none());
        assert_eq!(tx.housekeeping().end_access(tenant_id(1), at(0), 9)?, 1);
        assert!(tx.tenants_mut().restore(tenant_id(1), at(1))?);
        let back = tx.tenants().by_id(tenant_id(1))?.unwrap();
        assert_eq!(back.status, domain::tenant::TenantStatus::Suspended);
        Ok(())
    });
    store.close();
}

#[test]
fn rule_21_people_of_an_older_schema_may_be_joined_by_registrations() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("authd.db");
    let before: Vec<Migration> = migrate::known()
        .into_iter()
        .filter(|step| step.version() < 7)
        .collect();
    migrate::create(&path, &before).unwrap();
    let old = Connection::open(&path).unwrap();
    old.execute_batch(
        "INSERT INTO tenants (id, slug, name, status, time_zone, plan, created_at, updated_at) \
         VALUES (x'01010101010101010101010101010101', 'acme', 'Acme', 'active', 'UTC', 'pro', 0, 0);
         INSERT INTO users (id, tenant_id, email, email_verified, external_refs, status, \
         is_tenant_admin, subject, created_at, updated_at) \
         VALUES (x'01010101010101010101010101010101', x'01010101010101010101010101010101', \
         'bob@acme.test', 1, '{}', 'active', 0, zeroblob(32), 0, 0);",
    )
    .unwrap();
    drop(old);
    let (store, _) = open_in(folder.path()).unwrap();
    write(&store, |tx| {
        let acme = tx.tenant_mut(tenant_id(1));
        let new = crate::contract::registration(7, 1, "new@acme.test");
        acme.waiting_mut().add_registration(&new)?;
        assert!(acme.waiting().registration(new.id)?.is_some());
        let mut bob = acme.users().by_id(user_id(1))?.unwrap();
        bob.email = "bob@next.test".parse().unwrap();
        assert!(acme.users_mut().set_email(&bob)?);
        Ok(())
    });
    store.close();
}

#[test]
fn rows_of_an_older_schema_lose_their_personal_part_by_a_purge() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("authd.db");
    let before: Vec<Migration> = migrate::known()
        .into_iter()
        .filter(|step| step.version() < 11)
        .collect();
    migrate::create(&path, &before).unwrap();
    let old = Connection::open(&path).unwrap();
    old.execute_batch(
        "INSERT INTO tenants (id, slug, name, status, time_zone, plan, created_at, updated_at) \
         VALUES (x'01010101010101010101010101010101', 'acme', 'Acme', 'active', 'UTC', 'pro', 0, 0);
         INSERT INTO audit (chain, number, id, at, actor, action, object, payload, salt, digest, \
         previous, mac) SELECT x'01010101010101010101010101010101', value, CAST(value AS BLOB), 0, '{}', \
         iif(value = 1, 'tenant.create', 'user.set'), '', iif(value = 2, NULL, '{}'), x'01', \
         zeroblob(32), zeroblob(32), zeroblob(32) FROM json_each('[1, 2, 3, 4]');",
    )
    .unwrap();
    drop(old);
    let (store, _) = open_in(folder.path()).unwrap();
    write(&store, |tx| {
        assert!(tx.tenants_mut().delete(tenant_id(1), at(0), at(9))?);
        // Not the tenant's own row, and not the one that was erased before.
        assert_eq!(tx.housekeeping().purge(tenant_id(1), 9)?, 2);
        assert_eq!(tx.housekeeping().purge(tenant_id(1), 9)?, 0);
        Ok(())
    });
    store.close();
}

#[test]
fn a_path_may_hold_what_a_uri_may_not() {
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join("a b%20?#ü");
    closed(&odd);
    assert!(has_acme(&open_in(&odd).unwrap().0));
}

#[test]
fn migrations_are_numbered_without_gaps() {
    let versions: Vec<_> = migrate::known().iter().map(Migration::version).collect();
    let expected: Vec<_> = (1..).take(versions.len()).collect();
    assert_eq!(versions, expected);
}
