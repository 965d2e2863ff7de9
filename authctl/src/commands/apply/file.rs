//! The file of what tenants are to have: TOML, read strictly, with the line of what is wrong.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use common::call::apply::{Wanted, WantedPermission, WantedRole};
use common::view::SettingValue;
use serde::Deserialize;
use toml::{Table, Value};

use crate::error::Error;

/// Longest file.
const LIMIT_BYTES: u64 = 4 << 20;

/// A file that was read.
#[derive(Debug)]
pub(super) struct Wishes {
    all: Option<Wanted>,
    tenants: BTreeMap<String, Wanted>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole {
    all: Option<Section>,
    #[serde(default)]
    tenant: BTreeMap<String, Section>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Section {
    settings: Table,
    permission: Vec<WantedPermission>,
    role: Vec<WantedRole>,
}

impl Wishes {
    /// Whether it says something of every tenant.
    pub(super) fn is_about_all(&self) -> bool {
        self.all.is_some()
    }

    /// The tenants that it names.
    pub(super) fn tenants(&self) -> impl Iterator<Item = &str> {
        self.tenants.keys().map(String::as_str)
    }

    /// What a tenant is to have: its own part goes before what all are to have.
    pub(super) fn of(&self, tenant: &str) -> Wanted {
        let own = self.tenants.get(tenant).cloned().unwrap_or_default();
        let Some(all) = self.all.clone().filter(|_| tenant != super::SYSTEM) else {
            return own;
        };
        let mut settings = all.settings;
        settings.extend(own.settings);
        Wanted {
            settings,
            permissions: merged(all.permissions, own.permissions, |one| &one.name),
            roles: merged(all.roles, own.roles, |one| &one.name),
        }
    }
}

fn merged<T>(all: Vec<T>, own: Vec<T>, name: impl Fn(&T) -> &str) -> Vec<T> {
    let kept = all
        .into_iter()
        .filter(|one| !own.iter().any(|other| name(other) == name(one)));
    let mut merged: Vec<T> = kept.collect();
    merged.extend(own);
    merged
}

/// Reads a file, or standard input for a hyphen.
///
/// # Errors
/// A wrong command line: no such file, or one that is no such TOML, with its line.
pub(super) fn read(path: &Path) -> Result<Wishes, Error> {
    let shown = path.display().to_string();
    let text = text(path).map_err(|error| Error::usage(format!("cannot read {shown}: {error}")))?;
    parse(&shown, &text)
}

fn text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let source: Box<dyn Read> = if path.as_os_str() == "-" {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path)?)
    };
    let read = source
        .take(LIMIT_BYTES.saturating_add(1))
        .read_to_string(&mut text)?;
    if u64::try_from(read).is_ok_and(|read| read > LIMIT_BYTES) {
        return Err(io::Error::other("it is longer than 4 MiB"));
    }
    Ok(text)
}

fn parse(shown: &str, text: &str) -> Result<Wishes, Error> {
    let whole: Whole = toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        let before = text.get(..start).unwrap_or_default();
        let line = before.matches('\n').count().saturating_add(1);
        let column = before.chars().rev().take_while(|c| *c != '\n').count();
        let column = column.saturating_add(1);
        Error::usage(format!(
            "{shown}:{line}:{column}: error: {}",
            error.message()
        ))
    })?;
    let all = whole
        .all
        .map(|section| wanted(shown, section))
        .transpose()?;
    let tenants = whole
        .tenant
        .into_iter()
        .map(|(slug, section)| Ok((slug, wanted(shown, section)?)))
        .collect::<Result<_, Error>>()?;
    Ok(Wishes { all, tenants })
}

fn wanted(shown: &str, section: Section) -> Result<Wanted, Error> {
    let mut settings = BTreeMap::new();
    flatten(shown, "", section.settings, &mut settings)?;
    Ok(Wanted {
        settings,
        permissions: section.permission,
        roles: section.role,
    })
}

/// Keys may be quoted, or written as tables: `lockout.threshold = 3` is a table to TOML.
fn flatten(
    shown: &str,
    before: &str,
    table: Table,
    settings: &mut BTreeMap<String, SettingValue>,
) -> Result<(), Error> {
    for (key, value) in table {
        let key = format!("{before}{key}");
        let value = match value {
            Value::Table(table) => {
                flatten(shown, &format!("{key}."), table, settings)?;
                continue;
            }
            Value::Boolean(on) => SettingValue::Switch(on),
            Value::Integer(number) => SettingValue::Number(number),
            Value::String(text) => SettingValue::Text(text),
            Value::Array(names) => SettingValue::Names(
                names
                    .into_iter()
                    .map(|name| match name {
                        Value::String(name) => Ok(name),
                        _ => Err(bad_value(shown, &key)),
                    })
                    .collect::<Result<_, _>>()?,
            ),
            Value::Float(_) | Value::Datetime(_) => return Err(bad_value(shown, &key)),
        };
        settings.insert(key, value);
    }
    Ok(())
}

fn bad_value(shown: &str, key: &str) -> Error {
    Error::usage(format!(
        "{shown}: error: {key}: expected a number, a boolean, a string or an array of strings"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenants_own_part_goes_before_what_all_are_to_have() {
        let text = r#"
            [all]
            settings = { "lockout.threshold" = 5, session.policy = "single" }
            [[all.permission]]
            name = "orders:view"
            [[all.role]]
            name = "viewer"
            permissions = ["orders:view"]
            [tenant.acme]
            settings = { lockout.threshold = 3 }
            [[tenant.acme.role]]
            name = "viewer"
            description = "Looks"
        "#;
        let wishes = parse("x.toml", text).unwrap();
        assert!(wishes.is_about_all());
        let acme = wishes.of("acme");
        assert_eq!(
            acme.settings.get("lockout.threshold"),
            Some(&SettingValue::Number(3))
        );
        assert_eq!(
            acme.settings.get("session.policy"),
            Some(&SettingValue::Text("single".to_owned()))
        );
        assert_eq!(acme.permissions.len(), 1);
        assert_eq!((acme.roles.len(), &acme.roles[0].permissions), (1, &None));
        assert!(wishes.of("globex").roles[0].permissions.is_some());
        assert_eq!(wishes.of("system"), Wanted::default());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let error = parse("x.toml", "[tenant.acme]\nrolle = 1\n").unwrap_err();
        let told = error.render(false, false);
        assert!(told.contains("x.toml:2:1: error: "), "{told}");
        let error = parse("x.toml", "[all]\nsettings = { a = 1.5 }\n").unwrap_err();
        assert!(error.render(false, false).contains("a: expected"));
    }
}
