//! SECURITY.md held against the tree: its tests exist, its data inventory is the schema's.

use std::collections::{BTreeMap, BTreeSet};

use crate::tree::{backticked, files, functions, read, rows, section};

#[test]
fn every_threat_names_tests_that_exist() {
    let known = functions();
    let table = rows(&section(&read("SECURITY.md"), "## Threats and their tests"));
    assert!(!table.is_empty());
    let mut missing = Vec::new();
    for row in &table {
        let tests = row.last().map(|cell| backticked(cell)).unwrap_or_default();
        assert!(!tests.is_empty(), "a threat without a test: {row:?}");
        missing.extend(tests.into_iter().filter(|test| !known.contains(test)));
    }
    assert!(missing.is_empty(), "no such tests: {missing:?}");
}

#[test]
fn the_data_inventory_is_that_of_the_schema() {
    let table = rows(&section(&read("SECURITY.md"), "## Data"));
    let mut documented: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in &table {
        let [name, columns, class, kept] = row.as_slice() else {
            panic!("a row of four cells: {row:?}");
        };
        assert!(class.starts_with(['S', 'P', 'R', 'T']), "a class: {row:?}");
        assert!(!kept.is_empty(), "how long: {row:?}");
        let of_table = documented
            .entry(name.trim_matches('`').to_owned())
            .or_default();
        for column in backticked(columns) {
            assert!(of_table.insert(column.clone()), "{name} {column} twice");
        }
    }
    let actual = schema();
    let pairs = |tables: &BTreeMap<String, BTreeSet<String>>| -> BTreeSet<String> {
        let all = tables.iter().flat_map(|(table, columns)| {
            columns
                .iter()
                .map(move |column| format!("{table}.{column}"))
        });
        all.collect()
    };
    let (documented, actual) = (pairs(&documented), pairs(&actual));
    let missing: Vec<_> = actual.difference(&documented).collect();
    let surplus: Vec<_> = documented.difference(&actual).collect();
    assert!(missing.is_empty(), "not in the inventory: {missing:?}");
    assert!(surplus.is_empty(), "not in the schema: {surplus:?}");
}

/// Tables and columns as the migrations make them.
fn schema() -> BTreeMap<String, BTreeSet<String>> {
    let mut tables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files("migrations/sqlite") {
        let mut table: Option<String> = None;
        for line in file.text.lines() {
            let line = line.trim();
            if let Some(rest) = line.strip_prefix("CREATE TABLE ") {
                table = rest.split_whitespace().next().map(str::to_owned);
            } else if line.starts_with(')') {
                table = None;
            } else if let Some(rest) = line.strip_prefix("ALTER TABLE ") {
                let words: Vec<&str> = rest.split_whitespace().collect();
                if let [name, "ADD", "COLUMN", column, ..] = words.as_slice() {
                    let of_table = tables.entry((*name).to_owned()).or_default();
                    of_table.insert((*column).to_owned());
                }
            } else if let Some(table) = &table {
                let first = line.split_whitespace().next().unwrap_or_default();
                if first.starts_with(|c: char| c.is_ascii_lowercase()) {
                    let of_table = tables.entry(table.clone()).or_default();
                    of_table.insert(first.to_owned());
                }
            }
        }
    }
    tables
}

#[test]
fn crypto_comes_from_the_crates_of_the_inventory() {
    // Crates that compute cryptography and are not in the inventory.
    let others = [
        "ring",
        "openssl",
        "rsa",
        "ed25519-dalek",
        "p256",
        "chacha20poly1305",
        "aes-gcm",
        "hmac",
        "sha1",
        "md-5",
        "sodiumoxide",
    ];
    // In the lock file as an option of another crate, and not built: .cargo/deny.toml and .ci/run
    // refuse it in the tree itself.
    let options = [("ring", "rustls-webpki")];
    let lock = read("Cargo.lock");
    for name in others {
        let users = lock.split("[[package]]\n").filter_map(|package| {
            let (_, rest) = package.split_once("name = \"")?;
            let user = rest.split('"').next()?;
            let is_used = package.contains(&format!("\n \"{name}\",\n"));
            is_used.then_some(user)
        });
        let is_there = lock.contains(&format!("name = \"{name}\"\n"));
        let mut users = users.collect::<Vec<_>>();
        users.retain(|user| !options.contains(&(name, *user)));
        let is_option = options.iter().any(|(option, _)| *option == name);
        assert!(
            users.is_empty() && (is_option || !is_there),
            "{name} is in Cargo.lock and not in the inventory: {users:?}"
        );
    }
}
