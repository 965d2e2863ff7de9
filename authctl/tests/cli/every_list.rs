//! What all lists have in common, held for every one of them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::daemon::{Ended, World};

/// Every list: the words that ask for it. `the_table_has_every_list` holds it against the calls.
const LISTS: &[&str] = &[
    "tenant list",
    "tenant usage",
    "tenant settings list -t acme",
    "user list",
    "user permissions acme/bob@acme.test",
    "role list",
    "role members cashier -t acme",
    "permission list",
    "who-can users:list -t acme",
    "lockout list",
    "attempt list",
    "attempt top --by ip",
    "attempt top --by user",
    "attempt top --by tenant",
    "registration list",
    "client list",
    "session list",
    "token denylist",
    "key list",
    "audit list",
    "audit verify",
    "mail queue list",
    "backup list",
    "db migrations",
    "cache stats",
];

/// Lists by other names than `… list`, which the calls do not tell.
const OTHERS: &[&str] = &[
    "tenant usage",
    "user permissions",
    "role members",
    "who-can",
    "attempt top",
    "token denylist",
    "audit verify",
    "db migrations",
    "cache stats",
];

fn nothing() -> World {
    World::saying(&json!({"items": [], "next_cursor": null}))
}

fn columns(world: &World, list: &str) -> Vec<String> {
    let ended = world.run(&format!("{list} --columns no-such"));
    assert_eq!(ended.code, Some(2), "{list}: {}", ended.err);
    assert!(
        ended.err.contains("unknown column \"no-such\""),
        "{}",
        ended.err
    );
    let names = ended
        .err
        .lines()
        .find_map(|line| line.trim().strip_prefix("Columns: "));
    let names = names.unwrap_or_else(|| panic!("{list}: {}", ended.err));
    names.split(", ").map(str::to_owned).collect()
}

#[test]
fn the_table_has_every_list() {
    let listed: BTreeSet<&str> = LISTS.iter().copied().collect();
    for call in common::call::all() {
        let is_list = call.name.ends_with(" list") || OTHERS.contains(&call.name);
        let is_here = listed.iter().any(|words| words.starts_with(call.name));
        assert!(!is_list || is_here, "{} is missing", call.name);
    }
}

#[test]
fn a_wrong_column_is_refused_with_the_names_before_anything_is_asked() {
    for list in LISTS {
        let world = nothing();
        let names = columns(&world, list);
        assert!(names.len() > 1, "{list}: {names:?}");
        let ended = world.run(&format!("{list} --sort no-such"));
        assert_eq!(ended.code, Some(2), "{list}: {}", ended.err);
        assert!(world.asked().is_empty(), "{list}");
    }
}

#[test]
fn every_column_can_be_chosen_and_sorted_by() {
    let world = nothing();
    let run = |line: &str| -> Ended {
        let ended = world.run(line);
        assert_eq!(ended.code, Some(0), "{line}: {}", ended.err);
        ended
    };
    for list in LISTS {
        let names = columns(&world, list).join(",");
        let csv = run(&format!("{list} -o csv --columns {names}"));
        assert_eq!(csv.out, format!("{names}\r\n"), "{list}");
        let last = names.rsplit(',').next().unwrap();
        run(&format!("{list} --sort {last}"));
        run(&format!("{list} --sort=-{last}"));
    }
}

#[test]
fn every_format_is_whole_where_there_is_nothing() {
    let world = nothing();
    for list in LISTS {
        let out = |flags: &str| {
            let ended = world.run(&format!("{list} {flags}"));
            assert_eq!(ended.code, Some(0), "{list} {flags}: {}", ended.err);
            ended.out
        };
        let heading = out("");
        assert_eq!(heading.lines().count(), 1, "{list}: {heading}");
        let wide = out("-o wide");
        let names = |line: &str| line.split("  ").filter(|part| !part.is_empty()).count();
        assert!(names(&wide) >= names(&heading), "{list}: {wide}");
        assert!(out("-o csv").ends_with("\r\n"), "{list}");
        for silent in [
            "--no-headers",
            "-o csv --no-headers",
            "-o jsonl",
            "-o id",
            "-q",
        ] {
            assert_eq!(out(silent), "", "{list} {silent}");
        }
        let whole: Value = serde_json::from_str(&out("--json")).unwrap();
        assert!(
            whole["kind"].as_str().unwrap().contains(".list"),
            "{list}: {whole}"
        );
        assert_eq!(
            (&whole["v"], &whole["items"]),
            (&json!(1), &json!([])),
            "{list}"
        );
        assert!(whole["next_cursor"].is_null(), "{list}");
    }
}
