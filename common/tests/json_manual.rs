//! authctl-json(7) against the types that authctl writes: every kind that its source names has its part,
//! and each part tells exactly the members of its type. The part to write stands in what the test says.

#![expect(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a test"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use common::view::{
    AttemptTopView, AttemptView, AuditChainView, AuditView, BackupMade, BackupView, CacheView,
    CheckView, CheckedView, ClientView, ConfigView, DatabaseView, DeniedTokenView, EventView,
    HeldPermission, HolderView, KeyView, LockoutView, LoginExplanation, MailStatus, MessageView,
    MigrationView, PermissionExplanation, PermissionView, RegistrationView, ReloadView, RoleView,
    SessionView, SettingView, SimulationView, StatusView, TenantUsageView, TenantView, TokenView,
    UserView, VacuumView, VersionView,
};
use schemars::{JsonSchema, Schema, schema_for};
use serde_json::Value;

/// Kinds whose members are authctl's own: their parts are written by hand.
const BY_HAND: &[&str] = &[
    "diff",
    "error",
    "note",
    "permission.check",
    "result",
    "stats",
];

/// Members that authctl adds to a type of the daemon's.
const ADDED: &[(&str, &str, &str)] = &[
    (
        "audit",
        "after",
        "How it is, without secrets; in audit show alone.\n(any)",
    ),
    (
        "audit",
        "before",
        "How it was, without secrets; in audit show alone.\n(any)",
    ),
    (
        "audit.verify",
        "journal",
        "Whether the heads that were given agree: agrees, differs or silent.\n(string or null)",
    ),
    ("ping", "seconds", "Time that the answer took.\n(number)"),
    (
        "version",
        "client",
        "Version of authctl; with --client this and the protocol alone.\n(string)",
    ),
    (
        "user",
        "permissions",
        "What the user may do, as user.permission; in user show --permissions alone.\n(array)",
    ),
    (
        "user",
        "recent_attempts",
        "The last ten, as attempt; in user show alone.\n(array)",
    ),
    (
        "user",
        "sessions",
        "Those alive, as session; in user show alone.\n(array)",
    ),
];

fn kinds() -> BTreeMap<&'static str, Schema> {
    fn one<T: JsonSchema>() -> Schema {
        schema_for!(T)
    }
    BTreeMap::from([
        ("attempt", one::<AttemptView>()),
        ("attempt.top", one::<AttemptTopView>()),
        ("audit", one::<AuditView>()),
        ("audit.verify", one::<AuditChainView>()),
        ("backup", one::<BackupView>()),
        ("backup.check", one::<CheckView>()),
        ("backup.made", one::<BackupMade>()),
        ("cache", one::<CacheView>()),
        ("client", one::<ClientView>()),
        ("daemon.config", one::<ConfigView>()),
        ("daemon.reload", one::<ReloadView>()),
        ("db", one::<DatabaseView>()),
        ("db.check", one::<CheckView>()),
        ("db.vacuum", one::<VacuumView>()),
        ("doctor", one::<CheckedView>()),
        ("event", one::<EventView>()),
        ("explain.login", one::<LoginExplanation>()),
        ("explain.permission", one::<PermissionExplanation>()),
        ("holder", one::<HolderView>()),
        ("key", one::<KeyView>()),
        ("lockout", one::<LockoutView>()),
        ("lockout.simulate", one::<SimulationView>()),
        ("mail", one::<MessageView>()),
        ("mail.status", one::<MailStatus>()),
        ("migration", one::<MigrationView>()),
        ("permission", one::<PermissionView>()),
        ("ping", one::<VersionView>()),
        ("registration", one::<RegistrationView>()),
        ("role", one::<RoleView>()),
        ("session", one::<SessionView>()),
        ("status", one::<StatusView>()),
        ("tenant", one::<TenantView>()),
        ("tenant.setting", one::<SettingView>()),
        ("tenant.usage", one::<TenantUsageView>()),
        ("token", one::<TokenView>()),
        ("token.denylist", one::<DeniedTokenView>()),
        ("user", one::<UserView>()),
        ("user.permission", one::<HeldPermission>()),
        ("version", one::<VersionView>()),
    ])
}

/// The members of a type, those of members with dots: name to words and type.
fn members(schema: &Value, all: &Value, before: &str, into: &mut BTreeMap<String, String>) {
    let schema = resolved(schema, all);
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return;
    };
    for (name, member) in properties {
        let path = format!("{before}{name}");
        let whole = resolved(member, all);
        let described = |schema: &Value| schema.get("description").cloned();
        let words = described(member).or_else(|| described(whole));
        let words = words.unwrap_or_default();
        let words = words.as_str().unwrap_or_default().replace('\n', " ");
        into.insert(path.clone(), format!("{words}\n({})", type_of(member, all)));
        members(whole, all, &format!("{path}."), into);
        if let Some(items) = whole.get("items") {
            members(items, all, &format!("{path}[]."), into);
        }
    }
}

/// What a reference, or one that may be null, stands for.
fn resolved<'a>(schema: &'a Value, all: &'a Value) -> &'a Value {
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        return &all[name.rsplit('/').next().unwrap()];
    }
    let any = schema.get("anyOf").and_then(Value::as_array);
    let some = any.and_then(|any| any.iter().find(|one| one.get("$ref").is_some()));
    some.map_or(schema, |one| resolved(one, all))
}

fn type_of(member: &Value, all: &Value) -> String {
    let any = member.get("anyOf").and_then(Value::as_array);
    let can_be_null = any.is_some_and(|any| any.iter().any(|one| one["type"] == "null"));
    let whole = resolved(member, all);
    let values = values(whole);
    let name = match (whole.get("type"), values.is_empty()) {
        (_, false) => values.join(", "),
        (Some(Value::String(name)), _) => name.clone(),
        (Some(Value::Array(names)), _) => {
            let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
            names.join(" or ")
        }
        _ => "any".to_owned(),
    };
    if can_be_null {
        format!("{name} or null")
    } else {
        name
    }
}

/// The closed list of an enumeration.
fn values(schema: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    if let Some(list) = schema.get("enum").and_then(Value::as_array) {
        return list.iter().filter_map(text).collect();
    }
    let one_of = schema.get("oneOf").and_then(Value::as_array);
    let each = one_of.into_iter().flatten();
    each.filter_map(|one| one.get("const").and_then(text))
        .collect()
}

/// Text as mdoc takes it: sentences begin lines, none of which is a request or too long.
fn mdoc(text: &str) -> String {
    let plain = text.replace('`', "").replace('\\', "\\e");
    let mut lines = Vec::new();
    for part in plain.replace(". ", ".\n").lines() {
        let mut line = String::new();
        for word in part.split_whitespace() {
            if !line.is_empty() && line.len() + word.len() >= 79 {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    let mut text = String::new();
    for line in lines.iter().filter(|line| !line.is_empty()) {
        if line.starts_with(['.', '\'']) {
            text.push_str("\\&");
        }
        text.push_str(&line.replace('…', "..."));
        text.push('\n');
    }
    text
}

fn part(kind: &str, schema: &Schema) -> String {
    let schema = schema.as_value();
    let none = Value::Null;
    let mut found = BTreeMap::new();
    let all = schema.get("$defs").unwrap_or(&none);
    members(schema, all, "", &mut found);
    for (_, name, words) in ADDED.iter().filter(|(of, ..)| *of == kind) {
        found.insert((*name).to_owned(), (*words).to_owned());
    }
    let mut text = format!(".Ss {kind}\n");
    if let Some(words) = schema.get("description").and_then(Value::as_str) {
        text.push_str(&mdoc(&words.replace('\n', " ")));
    }
    text.push_str(".Bl -tag -width Ds -compact\n");
    for (name, words) in found {
        text.push_str(".It Va ");
        text.push_str(&name);
        text.push('\n');
        text.push_str(&mdoc(&words));
    }
    text.push_str(".El\n");
    text
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn page() -> String {
    fs::read_to_string(root().join("man/authctl-json.7")).unwrap()
}

/// Kinds that the source of authctl names, in its shapes and in what it makes objects with.
fn named() -> BTreeSet<String> {
    const MARKS: &[&str] = &[
        "kind: \"",
        "Single::new(\"",
        "List::new(\"",
        ".object(\"",
        "check(context, \"",
        "one(printer, \"",
    ];
    let mut found = BTreeSet::new();
    let mut open = vec![root().join("authctl/src")];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap().filter_map(Result::ok) {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            let words: Vec<&str> = code.split_whitespace().collect();
            let code = words
                .join(" ")
                .replace("( ", "(")
                .replace("&mut context.printer", "printer");
            for mark in MARKS {
                let names = code.split(mark).skip(1);
                let names = names.filter_map(|rest| rest.split('"').next());
                found.extend(names.map(|name| name.trim_end_matches(".list").to_owned()));
            }
        }
    }
    found
}

#[test]
fn every_kind_that_authctl_writes_is_in_the_page() {
    let page = page();
    let kinds = kinds();
    let named = named();
    assert!(named.len() > 30, "{named:?}");
    for kind in &named {
        let known = kinds.contains_key(kind.as_str()) || BY_HAND.contains(&kind.as_str());
        assert!(known, "{kind} is in no table of this test");
        assert!(page.contains(&format!("\n.Ss {kind}\n")), "{kind}");
    }
    for kind in kinds.keys().chain(BY_HAND) {
        assert!(named.contains(*kind), "authctl writes no {kind}");
    }
    let parts = page.lines().filter(|line| line.starts_with(".Ss "));
    assert_eq!(parts.count(), kinds.len() + BY_HAND.len());
}

#[test]
fn every_member_of_a_kind_is_in_the_page_and_no_other() {
    let page = page();
    let parts = kinds();
    let parts = parts.iter().map(|(kind, schema)| part(kind, schema));
    let missing: Vec<String> = parts.filter(|part| !page.contains(part.as_str())).collect();
    assert!(
        missing.is_empty(),
        "write these parts:\n{}",
        missing.concat()
    );
}
