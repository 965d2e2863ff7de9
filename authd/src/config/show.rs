//! The configuration as TOML for people: the defaults with their meaning, or what is in effect.
//! Both load again.

use std::fmt::Write;

use super::SECTIONS;
use super::fault::Origin;
use super::key::{Change, Class, Key, Kind};
use super::read;
use super::value::{Value, Values};

/// Every key as a comment with its meaning and default: the example file that is shipped.
pub fn defaults() -> String {
    let mut text = String::from(
        "# Configuration of authd. Every key is shown with its default; remove the # to set one.\n\
         # Durations and sizes need a unit: \"15m\", \"8MiB\". Reference: man 5 authd.toml\n",
    );
    for section in SECTIONS {
        heading(&mut text, section.name, section.doc);
        for key in section.keys {
            push(&mut text, &format!("\n# {}\n# {}\n", key.doc, manner(key)));
            push(&mut text, &format!("#{} = {}\n", key.leaf(), key.example()));
        }
    }
    text
}

/// What is in effect; with the origin of each value, if asked for.
pub fn effective(values: &Values, with_origins: bool) -> String {
    let mut text = String::new();
    for section in SECTIONS {
        let mut lines = String::new();
        for key in section.keys {
            let Some(entry) = values.entry(key.name) else {
                continue;
            };
            if entry.value == Value::Unset {
                continue;
            }
            push(
                &mut lines,
                &format!("{} = {}", key.leaf(), entry.value.to_toml()),
            );
            if with_origins {
                push(&mut lines, &format!("  # {}", origin(&entry.origin)));
            }
            lines.push('\n');
        }
        if lines.is_empty() {
            continue;
        }
        if !section.name.is_empty() {
            let gap = if text.is_empty() { "" } else { "\n" };
            push(&mut text, &format!("{gap}[{}]\n", section.name));
        }
        text.push_str(&lines);
    }
    text
}

fn heading(text: &mut String, name: &str, doc: &str) {
    if name.is_empty() {
        return;
    }
    push(text, &format!("\n\n# {doc}\n[{name}]\n"));
}

fn origin(origin: &Origin) -> String {
    match origin {
        Origin::Default => place(origin),
        other => format!("from {}", place(other)),
    }
}

/// Where a value came from: the line of a file, or what else there is.
pub fn place(origin: &Origin) -> String {
    match origin {
        Origin::File { path, line, .. } => {
            format!("{}:{line}", common::text::visible(&path.to_string_lossy()))
        }
        other => other.to_string(),
    }
}

/// Bounds, and when a change takes effect.
fn manner(key: &Key) -> String {
    let bounds = match key.kind {
        Kind::Integer { .. } | Kind::Duration { .. } | Kind::Size { .. } | Kind::Choice(_) => {
            read::expected(key.kind).replacen("expected ", "", 1)
        }
        Kind::Bool => "true or false".to_owned(),
        Kind::Text(form) => form.name().to_owned(),
        Kind::List { item, max } => format!("list of at most {max}: {}", item.name()),
        Kind::TimeoutOverrides => "{ \"/prefix\" = \"10m\" }".to_owned(),
    };
    let change = match key.change {
        Change::Restart => "needs a restart",
        Change::Reload => "taken at a reload",
    };
    let class = match key.class {
        Class::Installation => "",
        Class::Operator => "; the operator may set another for a tenant",
        Class::Tenant => "; the operator may set another for a tenant, a tenant a stricter one",
    };
    let default = if key.default.is_none() {
        "; unset by default, an example"
    } else {
        ""
    };
    format!("({bounds}; {change}{class}{default})")
}

fn push(text: &mut String, more: &str) {
    // Writing to a String does not fail.
    let _ = text.write_str(more);
}
