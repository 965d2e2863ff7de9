//! README and ARCHITECTURE held against the tree: what they name must exist.

use std::collections::BTreeMap;

use common::error::ErrorCode;

use crate::tree::{backticked, folders, functions, has_word, read, root, rows, section};

#[test]
fn the_requirement_table_is_complete_and_true() {
    let table = rows(&section(&read("README.md"), "## What it does"));
    let known = functions();
    let expected: Vec<String> = (1..=23).map(|number| format!("S{number:02}")).collect();
    let ids: Vec<String> = table
        .iter()
        .filter_map(|row| row.first())
        .cloned()
        .collect();
    assert_eq!(ids, expected, "each requirement once, in order");
    let mut missing = Vec::new();
    for row in &table {
        let [id, _, state, tests, note] = row.as_slice() else {
            panic!("a row of five cells: {row:?}");
        };
        let tests = backticked(tests);
        let unknown = tests.iter().filter(|test| !known.contains(*test));
        missing.extend(unknown.map(|test| format!("{id} {test}")));
        match state.as_str() {
            "here" => assert!(!tests.is_empty(), "{id} is here without a test"),
            "coming" => {
                assert!(
                    !tests.is_empty(),
                    "{id} is coming without a test of its part"
                );
                assert!(!note.is_empty(), "{id} does not say which part works");
            }
            "not yet" => assert!(tests.is_empty(), "{id} is not yet, but has tests"),
            other => panic!("{id} has the state {other:?}"),
        }
    }
    assert!(missing.is_empty(), "no such tests: {missing:?}");
}

#[test]
fn every_path_in_the_documents_exists() {
    let tops = [
        "common/",
        "authd/",
        "authctl/",
        "migrations/",
        "tests/",
        "man/",
        "packaging/",
        ".ci/",
        ".cargo/",
    ];
    let mut missing = Vec::new();
    for document in [
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "README.md",
        "SECURITY.md",
    ] {
        for path in backticked(&prose(&read(document))) {
            let is_path = tops.iter().any(|top| path.starts_with(top))
                && !path.contains(|c: char| c.is_whitespace() || "*<>{}…".contains(c));
            if is_path && !root().join(&path).exists() {
                missing.push(format!("{document} names {path}"));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// A document without its fenced blocks.
fn prose(text: &str) -> String {
    let mut in_fence = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            in_fence = !in_fence;
        } else if !in_fence {
            lines.push(line);
        }
    }
    lines.join("\n")
}

#[test]
fn every_room_is_in_the_architecture() {
    let text = read("ARCHITECTURE.md");
    let rooms = section(&text, "## 3. The rooms");
    let mut folders_to_name: Vec<String> = folders("authd/src")
        .iter()
        .map(|name| format!("authd/src/{name}"))
        .collect();
    folders_to_name
        .extend(["authd/domain/src", "authd/store/src", "common/src"].map(str::to_owned));
    folders_to_name.extend(["authctl/src", "migrations/sqlite"].map(str::to_owned));
    for folder in folders_to_name {
        assert!(
            rooms.contains(&format!("`{folder}`")),
            "{folder} is no room"
        );
    }
}

#[test]
fn the_architecture_keeps_its_length() {
    let text = read("ARCHITECTURE.md");
    let apart = ["## 11. Decisions", "## 14. Ten questions of a newcomer"];
    let left_out: usize = apart
        .iter()
        .map(|heading| section(&text, heading).lines().count())
        .sum();
    let lines = text.lines().count() - left_out;
    assert!((150..=250).contains(&lines), "{lines} lines");
}

#[test]
fn every_error_code_is_documented() {
    let table = rows(&section(&read("ARCHITECTURE.md"), "### Error codes"));
    let mut documented = BTreeMap::new();
    for row in &table {
        let [status, codes] = row.as_slice() else {
            panic!("a row of two cells: {row:?}");
        };
        for code in backticked(codes) {
            let before = documented.insert(code.clone(), status.clone());
            assert!(before.is_none(), "{code} stands twice");
        }
    }
    let actual: BTreeMap<String, String> = ErrorCode::ALL
        .iter()
        .map(|code| (code.as_str().to_owned(), code.status().to_string()))
        .collect();
    assert_eq!(documented, actual);
}

#[test]
fn the_newcomers_questions_lead_somewhere() {
    let text = read("ARCHITECTURE.md");
    let table = rows(&section(&text, "## 14. Ten questions of a newcomer"));
    assert_eq!(table.len(), 10);
    let mut lost = Vec::new();
    for row in &table {
        let [question, file, symbol] = row.as_slice() else {
            panic!("a row of three cells: {row:?}");
        };
        let file = file.trim_matches('`');
        let symbol = symbol.trim_matches('`');
        let is_there = root().join(file).is_file() && has_word(&read(file), symbol);
        if !is_there {
            lost.push(format!("{question} {file} → {symbol}"));
        }
    }
    assert!(lost.is_empty(), "{}", lost.join("\n"));
}

#[test]
fn the_invariants_name_tests_that_exist() {
    let known = functions();
    let table = rows(&section(&read("ARCHITECTURE.md"), "## 6. Invariants"));
    assert!(table.len() >= 12, "at least the twelve of the plan");
    for row in &table {
        for name in row.last().map(|cell| backticked(cell)).unwrap_or_default() {
            let is_test_name = name.matches('_').count() >= 2 && !name.contains(['/', '.', ':']);
            assert!(
                !is_test_name || known.contains(&name),
                "an invariant is held by {name}, which is nowhere"
            );
        }
    }
}

#[test]
fn the_walk_throughs_name_functions_that_exist() {
    let text = section(&read("ARCHITECTURE.md"), "## 5. Walk-throughs");
    let cells: Vec<&str> = text.split('`').collect();
    let mut steps = 0;
    let mut lost = Vec::new();
    for window in cells.windows(3) {
        let [file, between, function] = window else {
            continue;
        };
        if *between == " → " {
            steps += 1;
            if !defines(file, function) {
                lost.push(format!("{file} → {function}"));
            }
        }
    }
    assert!(steps >= 30, "{steps} steps");
    assert!(lost.is_empty(), "{}", lost.join("\n"));
}

/// Whether a file has a function of that name.
fn defines(file: &str, function: &str) -> bool {
    let starts = [format!("fn {function}("), format!("fn {function}<")];
    root().join(file).is_file() && {
        let text = read(file);
        starts.iter().any(|start| text.contains(start))
    }
}

#[test]
fn the_changelog_has_an_open_chapter() {
    assert!(read("CHANGELOG.md").contains("\n## [Unreleased]\n"));
}
