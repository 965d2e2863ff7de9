//! Every row of the list of threats and faults has a test that bears its id, or names one that does its
//! work, or is owed by an issue. Which rows there are stands in `tests/rows.txt`, what is owed in
//! `tests/rows-owed.txt`; neither holds a word of what a row asks.

use std::collections::{BTreeMap, BTreeSet};

use crate::tree::{functions, read, section};

/// One line of `rows.txt`: the ids of a row, and tests that hold it under another name.
struct Row {
    ids: Vec<String>,
    tests: Vec<String>,
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn rows() -> Vec<Row> {
    let text = read("tests/rows.txt");
    let row = |line: &str| {
        let (ids, tests) = line.split_once('|').unwrap_or((line, ""));
        Row {
            ids: words(ids),
            tests: words(tests),
        }
    };
    lines(&text).map(row).collect()
}

/// What is owed: the first id of a row, with the issue and the reason.
fn owed() -> BTreeMap<String, (String, String)> {
    let text = read("tests/rows-owed.txt");
    let mut owed = BTreeMap::new();
    for line in lines(&text) {
        let cells: Vec<&str> = line.splitn(3, '|').map(str::trim).collect();
        let [id, issue, reason] = cells.as_slice() else {
            panic!("a row, an issue and a reason: {line}");
        };
        let value = ((*issue).to_owned(), (*reason).to_owned());
        let before = owed.insert((*id).to_owned(), value);
        assert!(before.is_none(), "{id} is owed twice");
    }
    owed
}

/// Whether a test's name bears an id: `a85` in `rule_20_a85_the_tenant`, and not in `a850_x`.
fn bears(test: &str, id: &str) -> bool {
    let id = id.to_ascii_lowercase().replace('.', "_");
    let name = format!("_{test}_");
    name.contains(&format!("_{id}_"))
}

#[test]
fn every_row_has_a_test_or_is_owed() {
    let (rows, mut owed, tests) = (rows(), owed(), functions());
    let mut faults = Vec::new();
    for Row { ids, tests: named } in &rows {
        let first = ids.first().expect("an id");
        let unknown = named.iter().filter(|test| !tests.contains(*test));
        faults.extend(unknown.map(|test| format!("{first}: there is no test {test}")));
        let is_borne = ids
            .iter()
            .any(|id| tests.iter().any(|test| bears(test, id)));
        let is_held = is_borne || !named.is_empty();
        match (is_held, owed.remove(first)) {
            (true, Some(_)) => faults.push(format!("{first} has a test: strike it from the owed")),
            (false, None) => faults.push(format!("{first} has no test, and nobody owes it")),
            (false, Some((issue, reason))) => {
                let is_known =
                    issue.parse::<u32>().is_ok() || ["later", "document"].contains(&&*issue);
                assert!(
                    is_known && !reason.is_empty(),
                    "{first}: {issue:?} {reason:?}"
                );
            }
            (true, None) => {}
        }
    }
    faults.extend(
        owed.into_keys()
            .map(|id| format!("{id} is owed and no row")),
    );
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// What went wrong elsewhere is told in SECURITY.md by its name, with the test of ours, unless it is owed.
#[test]
fn every_advisory_of_the_rows_is_among_the_threats() {
    let table = section(&read("SECURITY.md"), "## Threats and their tests");
    let owed = owed();
    let is_told = |id: &str| {
        table
            .split(|c: char| !c.is_alphanumeric() && !['-', '_'].contains(&c))
            .any(|word| word == id)
    };
    let mut missing = Vec::new();
    for row in rows() {
        for id in &row.ids {
            let Some((chapter, name)) = id.split_once('.') else {
                continue;
            };
            if chapter.starts_with('4') && !owed.contains_key(id) && !is_told(name) {
                missing.push(id.clone());
            }
        }
    }
    assert!(missing.is_empty(), "not in SECURITY.md: {missing:?}");
}

#[test]
fn the_list_of_rows_is_whole() {
    let rows = rows();
    let ids: Vec<&String> = rows.iter().flat_map(|row| &row.ids).collect();
    let once: BTreeSet<&String> = ids.iter().copied().collect();
    assert_eq!(once.len(), ids.len(), "each id once");
    for (letter, last) in [("A", 97), ("R", 42), ("G", 22)] {
        for number in 1..=last {
            assert!(
                once.contains(&format!("{letter}{number}")),
                "{letter}{number}"
            );
        }
    }
    let of = |start: &str| ids.iter().filter(|id| id.starts_with(start)).count();
    // The requirements of ASVS 5.0.0 that apply, and what went wrong elsewhere, by chapter.
    let counts = ["V", "4A.", "4B.", "4C.", "4D.", "4E.", "4F.", "4G."].map(of);
    assert_eq!(counts, [268, 18, 12, 12, 12, 9, 14, 11]);
}

/// The client opens files and passes bytes: a path or an address in a call would be opened by the
/// daemon, with the daemon's rights.
#[test]
fn no_admin_call_takes_a_path_or_an_address_to_fetch() {
    let names = [
        "path",
        "file",
        "folder",
        "dir",
        "url",
        "uri",
        "link_to",
        "socket_path",
    ];
    let mut found = Vec::new();
    for file in crate::tree::rust_files("common/src/call") {
        for line in crate::tree::code(&file.text).lines() {
            let field = line.trim_start().strip_prefix("pub ");
            let name = field
                .and_then(|field| field.split_once(": "))
                .map(|(name, _)| name);
            let is_one = |name: &str| {
                names
                    .iter()
                    .any(|one| name == *one || name.ends_with(&format!("_{one}")))
            };
            // What describes a call is no part of a request.
            let is_sent = !line.contains("&'static");
            if is_sent && name.is_some_and(is_one) {
                found.push(format!("{}: {}", file.path, line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
