//! `tenant export`: what a tenant has, in the form that `apply` reads, or one object a line.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use common::call::apply::{Export, Wanted};
use common::view::SettingValue;
use serde::Serialize;
use toml::{Table, Value};

use crate::args::{TenantExport, TenantForm};
use crate::commands::Context;
use crate::error::Error;
use crate::exit::Exit;
use crate::output::json as form;

/// One line of the other form.
#[derive(Serialize)]
struct Line<'a, T: Serialize> {
    kind: &'a str,
    tenant: &'a str,
    #[serde(flatten)]
    item: &'a T,
}

#[derive(Serialize)]
struct Setting<'a> {
    key: &'a str,
    value: &'a SettingValue,
}

/// Writes out a tenant.
pub(crate) async fn run(context: &mut Context, wanted: TenantExport) -> Result<Exit, Error> {
    let tenant = match wanted.name {
        Some(name) => name,
        None => context.settings.required_tenant()?,
    };
    let found = context
        .client
        .call(&Export {
            tenant: tenant.clone(),
        })
        .await?;
    let text = match wanted.form {
        TenantForm::Toml => as_toml(&tenant, &found)?,
        TenantForm::Jsonl => as_lines(&tenant, &found)?,
    };
    match wanted.file.as_deref() {
        Some(path) if path.as_os_str() != "-" => write(path, &text)?,
        _ => context.printer.text(&text)?,
    }
    let rows = found
        .settings
        .len()
        .saturating_add(found.permissions.len())
        .saturating_add(found.roles.len());
    context.printer.note(&format!("{rows} rows"))?;
    Ok(Exit::Done)
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    let failed = |error: std::io::Error| {
        Error::usage(format!("cannot write {}: {error}", path.display()))
            .hint("Name another file; none is overwritten.")
    };
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}

fn as_toml(tenant: &str, found: &Wanted) -> Result<String, Error> {
    let value = |value: &SettingValue| match value {
        SettingValue::Switch(on) => Value::Boolean(*on),
        SettingValue::Number(number) => Value::Integer(*number),
        SettingValue::Text(text) => Value::String(text.clone()),
        SettingValue::Names(names) => {
            Value::Array(names.iter().cloned().map(Value::String).collect())
        }
    };
    let text = |text: &str| Value::String(text.to_owned());
    let named = |name: &str, description: Option<&String>| {
        let mut table = Table::new();
        table.insert("name".to_owned(), text(name));
        if let Some(description) = description {
            table.insert("description".to_owned(), text(description));
        }
        table
    };
    let settings: Table = found
        .settings
        .iter()
        .map(|(key, setting)| (key.clone(), value(setting)))
        .collect();
    let permissions = found.permissions.iter().map(|one| {
        let table = named(&one.name, one.description.as_ref());
        Value::Table(table)
    });
    let roles = found.roles.iter().map(|one| {
        let mut table = named(&one.name, one.description.as_ref());
        let granted = one.permissions.iter().flatten();
        let granted = granted.cloned().map(Value::String).collect();
        table.insert("permissions".to_owned(), Value::Array(granted));
        Value::Table(table)
    });
    let mut own = Table::new();
    if !settings.is_empty() {
        own.insert("settings".to_owned(), Value::Table(settings));
    }
    own.insert("permission".to_owned(), Value::Array(permissions.collect()));
    own.insert("role".to_owned(), Value::Array(roles.collect()));
    own.retain(|_, part| !matches!(part, Value::Array(rows) if rows.is_empty()));
    let mut tenants = Table::new();
    tenants.insert(tenant.to_owned(), Value::Table(own));
    let mut whole = Table::new();
    whole.insert("tenant".to_owned(), Value::Table(tenants));
    toml::to_string(&whole).map_err(|error| {
        Error::new(
            Exit::Failure,
            "internal",
            format!("cannot write TOML: {error}"),
        )
    })
}

fn as_lines(tenant: &str, found: &Wanted) -> Result<String, Error> {
    let mut text = String::new();
    for (key, value) in &found.settings {
        text.push_str(&line(tenant, "setting", &Setting { key, value })?);
    }
    for one in &found.permissions {
        text.push_str(&line(tenant, "permission", one)?);
    }
    for one in &found.roles {
        text.push_str(&line(tenant, "role", one)?);
    }
    Ok(text)
}

fn line<T: Serialize>(tenant: &str, kind: &str, item: &T) -> Result<String, Error> {
    form::line(&Line { kind, tenant, item })
}
