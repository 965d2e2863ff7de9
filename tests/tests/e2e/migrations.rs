//! Databases of every older schema (R29): all rows come over, a second time changes nothing, people
//! sign in with what they had; and a daemon that dies on the way starts anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use harness::Home;
use rusqlite::Connection as Database;
use rusqlite::types::Value;

use crate::offline_keys::{WRITES, killed_at, names};
use crate::scene::{alice, guess, open};

const HISTORY: &str = "refinery_schema_history";

/// The steps of the schema, by their number.
fn steps() -> BTreeMap<u32, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations/sqlite");
    let files = fs::read_dir(folder).expect("the steps");
    let step = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.expect("an entry").path();
        let name = path.file_name()?.to_str()?;
        let (number, _) = name.strip_prefix('V')?.split_once("__")?;
        let text = fs::read_to_string(&path).expect("a step");
        Some((number.parse().expect("a number"), text))
    };
    files.filter_map(step).collect()
}

fn strings(database: &Database, sql: &str) -> Vec<String> {
    let mut statement = database.prepare(sql).expect("a statement");
    let rows = statement.query_map([], |row| row.get(0)).expect("rows");
    rows.collect::<Result<_, _>>().expect("texts")
}

fn tables(database: &Database) -> Vec<String> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' \
               AND name NOT LIKE 'sqlite_%' ORDER BY name";
    strings(database, sql)
}

fn columns(database: &Database, table: &str) -> Vec<String> {
    let sql = format!("SELECT name FROM pragma_table_info('{table}') ORDER BY cid");
    strings(database, &sql)
}

/// A file of an older schema with the rows of a newer one, as far as it has room for them.
fn older(newest: &Path, file: &Path, version: u32) {
    for ending in ["", "-wal", "-shm"] {
        let path = PathBuf::from(format!("{}{ending}", file.display()));
        drop(fs::remove_file(path));
    }
    let database = Database::open(file).expect("a file");
    let steps = steps();
    for step in steps.range(..=version).map(|(_, text)| text) {
        database.execute_batch(step).expect("a step");
    }
    let newest = newest.display().to_string();
    database
        .execute("ATTACH ?1 AS newest", [&newest])
        .expect("attached");
    let sql = format!("SELECT sql FROM newest.sqlite_schema WHERE name = '{HISTORY}'");
    let history = strings(&database, &sql).remove(0);
    database.execute_batch(&history).expect("the history");
    // Rows that a step made itself are those of the newest, too.
    let mut copy = "PRAGMA foreign_keys = OFF; BEGIN;".to_owned();
    let theirs = tables(&Database::open(&newest).expect("the newest"));
    for table in tables(&database) {
        assert!(theirs.contains(&table), "{table} is in no newer schema");
        let new = columns(&Database::open(&newest).expect("the newest"), &table);
        let mut shared = columns(&database, &table);
        shared.retain(|column| new.contains(column));
        let shared = shared.join(", ");
        let only = if table == HISTORY {
            format!("WHERE version <= {version}")
        } else {
            String::new()
        };
        write!(
            copy,
            "DELETE FROM main.{table}; \
             INSERT INTO main.{table} ({shared}) SELECT {shared} FROM newest.{table} {only};"
        )
        .expect("a string takes text");
    }
    // The triggers counted as well.
    copy += "UPDATE main.tenants SET users = \
             (SELECT users FROM newest.tenants t WHERE t.id = main.tenants.id); COMMIT;";
    database.execute_batch(&copy).expect("the rows");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(file, mode).expect("its mode");
}

/// All rows of some columns of some tables.
type Rows = BTreeMap<String, Vec<Vec<Value>>>;

/// What a file holds in the columns of another.
fn rows(file: &Path, like: &Path) -> Rows {
    let database = Database::open(file).expect("a file");
    let like = Database::open(like).expect("a file");
    let of = |table: &String| {
        let columns = columns(&like, table);
        let sql = format!("SELECT {0} FROM {table} ORDER BY {0}", columns.join(", "));
        let mut statement = database.prepare(&sql).expect("a statement");
        let width = columns.len();
        let read = statement.query_map([], |row| (0..width).map(|at| row.get(at)).collect());
        let read = read.expect("rows").collect::<Result<_, _>>();
        (table.clone(), read.expect("values"))
    };
    let mut tables = tables(&like);
    tables.retain(|table| table != HISTORY);
    tables.iter().map(of).collect()
}

/// A database that has seen some life, as a file of its own beside the home's.
fn lived_in(home: &Home) -> PathBuf {
    let daemon = open(home);
    daemon.api().tokens(&alice().device("phone"));
    daemon.api().login(&guess("nobody@acme.test"));
    assert_eq!(daemon.stop().code, Some(0));
    let newest = home.path("newest.db");
    fs::copy(home.database(), &newest).expect("a copy");
    newest
}

#[test]
fn r29_a_database_of_each_older_schema_comes_over_whole() {
    let home = Home::new();
    let newest = lived_in(&home);
    let last = *steps().keys().last().expect("a step");
    let before = home.path("before.db");
    for version in 1..last {
        older(&newest, &home.database(), version);
        fs::copy(home.database(), &before).expect("a copy");
        for round in ["first", "second"] {
            let done = home.authd(&["db", "migrate"]);
            assert_eq!(done.code, Some(0), "{version}, {round}: {done:?}");
            let now = rows(&home.database(), &before);
            assert!(
                now == rows(&before, &before),
                "{version}, {round}: other rows"
            );
        }
        let daemon = home.start();
        daemon.api().tokens(&alice());
        let verified = daemon.authctl().run(&["audit", "verify"]);
        assert_eq!(verified.code, Some(0), "{version}: {verified:?}");
        assert_eq!(daemon.stop().code, Some(0));
    }
}

#[test]
fn r29_killed_within_a_migration_it_is_done_again_and_nothing_is_lost() {
    let home = Home::new();
    let newest = lived_in(&home);
    let before = home.path("before.db");
    older(&newest, &before, 1);
    let expected = rows(&before, &before);
    let mut kills = 0;
    let moments = (1..40).step_by(3).map(|n| (WRITES, n));
    for (calls, n) in moments.chain(names()) {
        older(&newest, &home.database(), 1);
        if !killed_at(&home, calls, n, &["db", "migrate"]) {
            continue;
        }
        kills += 1;
        let done = home.authd(&["db", "migrate"]);
        assert_eq!(done.code, Some(0), "{calls} {n}: {done:?}");
        let now = rows(&home.database(), &before);
        assert!(now == expected, "{calls} {n}: other rows");
    }
    assert!(kills > 5, "{kills}");
    let daemon = home.start();
    daemon.api().tokens(&alice());
    assert_eq!(daemon.stop().code, Some(0));
}
