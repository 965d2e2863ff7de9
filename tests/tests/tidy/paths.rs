//! The paths that a file of Rust imports or spells out, each from its root: braces multiplied out,
//! `super` resolved, new names left off. A reading of text, good for code as rustfmt leaves it.

/// The module that a file (or the place of a room) is, such as `crate::http::error`.
pub(crate) fn module_of(path: &str) -> String {
    let within = path.split_once("src/").map_or("", |(_, within)| within);
    let within = within.trim_end_matches(".rs").trim_end_matches('/');
    let mut segments: Vec<&str> = within.split('/').filter(|part| !part.is_empty()).collect();
    if let Some("mod" | "lib" | "main") = segments.last().copied() {
        segments.pop();
    }
    segments.insert(0, "crate");
    segments.join("::")
}

/// All paths in the code of a module.
pub(crate) fn paths(code: &str, module: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = code.to_owned();
    // Imports first, with their braces multiplied out.
    while let Some(start) = next_use(&rest) {
        let Some(length) = rest.get(start..).and_then(|text| text.find(';')) else {
            break;
        };
        let statement = rest.get(start..start + length).unwrap_or_default();
        let tree = statement.trim_start_matches("use ");
        let tree: Vec<&str> = tree.split_whitespace().collect();
        expand("", &tree.join(" "), &mut found);
        rest.replace_range(start..=start + length, "");
    }
    // Then paths within the code.
    let mut word = String::new();
    for c in rest.chars().chain(" ".chars()) {
        if c.is_alphanumeric() || c == '_' || c == ':' {
            word.push(c);
        } else {
            // A word with colons behind it alone is a function with its type, `bytes::<16>`.
            if word.trim_end_matches(':').contains("::") {
                found.push(word.clone());
            }
            word.clear();
        }
    }
    found.iter().map(|path| from_root(path, module)).collect()
}

/// A path with its `super`s and its leading colons resolved.
fn from_root(path: &str, module: &str) -> String {
    let mut rest = path.trim_matches(':');
    let mut base: Option<Vec<&str>> = None;
    while let Some((first, behind)) = rest.split_once("::") {
        match first {
            "super" => {
                let base = base.get_or_insert_with(|| module.split("::").collect());
                base.pop();
            }
            "self" => drop(base.get_or_insert_with(|| module.split("::").collect())),
            _ => break,
        }
        rest = behind;
    }
    match base {
        Some(base) if base.is_empty() => format!("crate::{rest}"),
        Some(base) => format!("{}::{rest}", base.join("::")),
        None => rest.to_owned(),
    }
}

/// Where the word `use` of the next import stands.
fn next_use(code: &str) -> Option<usize> {
    let mut at = 0;
    for line in code.split_inclusive('\n') {
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        if trimmed.starts_with("use ") {
            return Some(at + indent);
        }
        if trimmed.starts_with("pub")
            && let Some(behind) = trimmed.find(" use ")
        {
            return Some(at + indent + behind + 1);
        }
        at += line.len();
    }
    None
}

fn expand(prefix: &str, tree: &str, found: &mut Vec<String>) {
    let mut depth = 0_usize;
    let mut item = String::new();
    for c in tree.chars().chain(",".chars()) {
        match c {
            ',' if depth == 0 => {
                expand_one(prefix, item.trim(), found);
                item.clear();
                continue;
            }
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        item.push(c);
    }
}

fn expand_one(prefix: &str, item: &str, found: &mut Vec<String>) {
    if item.is_empty() {
        return;
    }
    if let Some((path, rest)) = item.split_once('{') {
        let inner = rest.strip_suffix('}').unwrap_or(rest);
        expand(&format!("{prefix}{}", path.trim()), inner, found);
    } else {
        let path = item.split(" as ").next().unwrap_or(item);
        let path = if path == "self" { "" } else { path };
        let path = path.trim_end_matches("::*");
        found.push(format!("{prefix}{path}").trim_end_matches("::").to_owned());
    }
}

#[test]
fn imports_are_multiplied_out() {
    let code = "use crate::{cache::{self, Cache}, crypto::Keys as K};\n\
                pub(in crate::http) use super::{\n    body,\n    race::*,\n};\n\
                let x = store::Claim::new(super::super::app::now());\n";
    assert_eq!(
        paths(code, "crate::http::edge"),
        [
            "crate::cache",
            "crate::cache::Cache",
            "crate::crypto::Keys",
            "crate::http::body",
            "crate::http::race",
            "crate::http",
            "store::Claim::new",
            "crate::app::now"
        ]
    );
}

#[test]
fn files_are_modules() {
    assert_eq!(module_of("authd/src/http/error.rs"), "crate::http::error");
    assert_eq!(module_of("authd/src/http/mod.rs"), "crate::http");
    assert_eq!(module_of("authd/src/http"), "crate::http");
    assert_eq!(module_of("authd/src/main.rs"), "crate");
    assert_eq!(module_of("common/src/"), "crate");
}
