//! Files: their opening words, their sizes, their runners, and what they must not speak of.

use crate::tree::{File, files, folders, is_test, read, rust_files, without_tests};

/// A file that is longer has a reason to be.
const LONG: usize = 400;
/// A file that is longer is split.
const TOO_LONG: usize = 600;
/// Packages that `Cargo.lock` may hold, tests and other platforms included. Raise it knowingly: the
/// commit that does says what the new dependency replaces.
const PACKAGE_BUDGET: usize = 365;

#[test]
fn every_file_says_what_it_is_for() {
    for file in rust_files("") {
        assert!(
            file.text.starts_with("//! "),
            "{} does not open with //!",
            file.path
        );
    }
}

#[test]
fn files_stay_small() {
    let mut too_long = Vec::new();
    for file in rust_files("").iter().filter(|file| !is_test(&file.path)) {
        let lines = without_tests(&file.text).lines().count();
        if lines > TOO_LONG {
            too_long.push(format!("{}: {lines} lines", file.path));
        } else if lines > LONG {
            eprintln!("warning: {} has {lines} lines", file.path);
        }
    }
    assert!(too_long.is_empty(), "{}", too_long.join("\n"));
}

#[test]
fn every_test_file_is_in_its_runner() {
    for package in [
        "tests",
        "authd",
        "authd/store",
        "authd/domain",
        "authctl",
        "common",
    ] {
        for runner in folders(&format!("{package}/tests")) {
            let folder = format!("{package}/tests/{runner}");
            let all = rust_files(&folder);
            for file in &all {
                let Some((parent, name)) = file.path.rsplit_once('/') else {
                    continue;
                };
                let stem = name.trim_end_matches(".rs");
                if stem == "main" {
                    continue;
                }
                // A module stands in the file beside it or in its folder's mod.rs.
                let (parent, module) = if stem == "mod" {
                    if parent.ends_with("/support") {
                        // What the runners of a package share; each takes it by its path.
                        continue;
                    }
                    parent.rsplit_once('/').unwrap_or((parent, stem))
                } else {
                    (parent, stem)
                };
                let declares = |owner: &File| {
                    let is_owner = owner.path == format!("{parent}/main.rs")
                        || owner.path == format!("{parent}/mod.rs")
                        || owner.path == format!("{parent}.rs");
                    is_owner
                        && owner
                            .text
                            .lines()
                            .any(|line| line.trim_end().ends_with(&format!("mod {module};")))
                };
                assert!(all.iter().any(declares), "{} is in no runner", file.path);
            }
        }
    }
}

#[test]
fn nothing_speaks_of_the_machine_it_was_written_on() {
    // In pieces, so that this file does not find itself.
    let words: Vec<String> = [
        ["/wo", "rk/"],
        ["/ro", "ot/"],
        ["/fa", "rm/"],
        ["sub", "agent"],
        ["deb.deb", "ian.org"],
        ["static.cra", "tes.io"],
        ["index.cra", "tes.io"],
    ]
    .iter()
    .map(|pieces| pieces.concat())
    .collect();
    for file in files("").iter().filter(|file| file.path != "Cargo.lock") {
        for word in &words {
            assert!(!file.text.contains(word), "{} speaks of {word}", file.path);
        }
    }
}

#[test]
fn unfinished_marks_name_their_issue() {
    let marks = [["TO", "DO"].concat(), ["FIX", "ME"].concat()];
    for file in rust_files("") {
        for line in file.text.lines() {
            for mark in &marks {
                assert!(
                    !line.contains(mark.as_str()) || line.contains(&format!("{mark}(#")),
                    "{}: {line}",
                    file.path
                );
            }
        }
    }
}

#[test]
fn the_lock_file_keeps_its_budget() {
    let lock = read("Cargo.lock");
    let packages = lock.lines().filter(|line| *line == "[[package]]").count();
    assert!(
        packages <= PACKAGE_BUDGET,
        "{packages} packages in Cargo.lock, the budget is {PACKAGE_BUDGET}"
    );
}
