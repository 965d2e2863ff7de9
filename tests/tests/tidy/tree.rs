//! The files of the repository as text, and the few ways in which the checks look at them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A file with its path from the root.
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the package lies below the root")
        .to_path_buf()
}

/// One file.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All text files below a path from the root ("" for all), without build output and git's own.
pub(crate) fn files(below: &str) -> Vec<File> {
    let mut found = Vec::new();
    walk(&root().join(below), &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// All Rust files below a path from the root.
pub(crate) fn rust_files(below: &str) -> Vec<File> {
    let mut found = files(below);
    found.retain(|file| Path::new(&file.path).extension() == Some("rs".as_ref()));
    found
}

/// Folders directly below a path from the root, by name.
pub(crate) fn folders(below: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(root().join(below)) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn walk(folder: &Path, found: &mut Vec<File>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        let name = entry.file_name();
        if name == "target" || name == ".git" {
            continue;
        }
        if path.is_dir() {
            walk(&path, found);
        } else if let Ok(text) = fs::read_to_string(&path) {
            let relative = path.strip_prefix(root()).expect("below the root");
            found.push(File {
                path: relative.to_string_lossy().into_owned(),
                text,
            });
        }
    }
}

/// Whether a file holds tests and nothing else.
pub(crate) fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs")
}

/// The part of a Rust file before its tests.
pub(crate) fn without_tests(text: &str) -> &str {
    text.find("\n#[cfg(test)]\nmod ")
        .and_then(|end| text.get(..end))
        .unwrap_or(text)
}

/// The lines of a Rust file before its tests, without comments.
pub(crate) fn code(text: &str) -> String {
    without_tests(text)
        .lines()
        .map(|line| {
            let code = line.trim_start();
            if code.starts_with("//") { "" } else { line }
        })
        .collect::<Vec<_>>()
        .join("\n")
}

/// Whether a text holds a word that is no part of a longer one.
pub(crate) fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let before = text.get(..at).and_then(|t| t.chars().next_back());
        let after = text.get(at + word.len()..).and_then(|t| t.chars().next());
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

/// Names of all functions in all Rust files.
pub(crate) fn functions() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for file in rust_files("") {
        for line in file.text.lines() {
            let Some((_, rest)) = line.split_once("fn ") else {
                continue;
            };
            let name: String = rest
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            names.insert(name);
        }
    }
    names
}

/// What stands between backticks in a text.
pub(crate) fn backticked(text: &str) -> Vec<String> {
    text.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// The text of a Markdown section, from its heading to the next one of the same or a higher level.
pub(crate) fn section(text: &str, heading: &str) -> String {
    let level = heading.chars().take_while(|&c| c == '#').count();
    let mut lines = text.lines().skip_while(|line| *line != heading).skip(1);
    let mut found = Vec::new();
    let mut in_fence = false;
    for line in &mut lines {
        if line.starts_with("```") {
            in_fence = !in_fence;
        }
        let hashes = line.chars().take_while(|&c| c == '#').count();
        if !in_fence && hashes > 0 && hashes <= level {
            break;
        }
        found.push(line);
    }
    assert!(!found.is_empty(), "no section {heading:?}");
    found.join("\n")
}

/// The cells of the rows of a Markdown table, heading and rule left out.
pub(crate) fn rows(text: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut in_body = false;
    for line in text.lines() {
        if !line.starts_with('|') {
            in_body = false;
            continue;
        }
        if line.starts_with("|---") {
            in_body = true;
            continue;
        }
        if in_body {
            let inner = line.trim_matches('|');
            rows.push(inner.split('|').map(|c| c.trim().to_owned()).collect());
        }
    }
    rows
}
