//! Settings over the API: a tenant's own values, each within the operator's bound, and the operator's
//! values where a user of `system` sets them. All of a request is changed, or nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use common::error::ErrorCode;
use common::suggest::nearest;
use common::view::{Page, SettingValue, SettingView};
use domain::setting::{Class, Kind, Refused, SetBy, Setting};
use serde_json::{Map, Value, json};
use store::{ReadTx, WriteTx};

use super::edit::{Edit, apply};
use super::{settle, view};
use crate::app::audit::{Act, Record};
use crate::app::entity::Expected;
use crate::app::patch::Patch;
use crate::app::permit::Permit;
use crate::app::{Administrator, App, Error, names};

/// Values by key, each of the type that it has in the configuration; null takes one away.
pub type Wished = BTreeMap<String, Patch<SettingValue>>;

/// Changes settings of the tenant that is administered, and shows all of them.
///
/// # Errors
/// `unknown_field` for a key that tenants have no values for; `permission_denied` for one of the
/// operator's class; `validation_failed` for a value beyond its bounds, or looser than the
/// operator's; `precondition_failed`; `reauthentication_required` for pages, origins and their hosts.
pub async fn patch(
    app: &Arc<App>,
    administrator: &Administrator,
    wished: Wished,
    expected: Expected,
) -> Result<Page<SettingView>, Error> {
    let record = Record::draw(app, administrator, app.now(), None)?;
    let edits = parse(wished)?;
    let (id, home) = (administrator.tenant_id, administrator.agent.tenant_id());
    let app_of_write = Arc::clone(app);
    let page = record
        .write(app, move |tx, permit| {
            let tenant = tx.tenants().by_id(id)?.ok_or_else(Error::not_found)?;
            let act = Act {
                action: "tenant.settings.set",
                object: tenant.id.to_string(),
                subject: subject(&edits),
                tenant,
            };
            expected.check(&shown(&app_of_write, tx, &act)?)?;
            let hand = if tx
                .tenants()
                .by_id(home)?
                .is_some_and(|own| own.slug.is_system())
            {
                SetBy::Operator
            } else {
                SetBy::Tenant
            };
            change(&app_of_write, tx, permit, &act, (&edits, hand))?;
            shown(&app_of_write, tx, &act)
        })
        .await?;
    settle::after(app, id).await;
    Ok(page)
}

/// What is wished of each key; what is kept is none.
type Edits = Vec<(Setting, Option<domain::setting::Value>)>;

fn parse(wished: Wished) -> Result<Edits, Error> {
    let mut edits = Vec::new();
    for (key, value) in wished {
        let setting = Setting::from_name(&key).ok_or_else(|| unknown(&key))?;
        match value {
            Patch::Keep => {}
            Patch::Unset => edits.push((setting, None)),
            Patch::Set(value) => edits.push((setting, Some(read(setting, &value)?))),
        }
    }
    Ok(edits)
}

/// Reads a value of the type that its key takes.
///
/// # Errors
/// `malformed_request` for another type, `validation_failed` for a value beyond the bounds.
pub(in crate::app) fn read(
    setting: Setting,
    value: &SettingValue,
) -> Result<domain::setting::Value, Error> {
    let invalid = |why: &dyn fmt::Display| {
        let why = format!("\"{setting}\" {why}");
        Error::field(path(setting), "invalid_value", why)
    };
    let expected = match setting.rule().kind {
        Kind::Number { .. } => "a whole number",
        Kind::Switch => "a boolean",
        Kind::Duration { .. } | Kind::SessionPolicy | Kind::Text(_) | Kind::Page => "a string",
        Kind::Names { .. } => "an array",
    };
    if value.noun() != expected {
        let (path, got) = (path(setting), value.noun());
        let why = format!("{path}: expected {expected}, got {got}");
        return Err(Error::new(ErrorCode::MalformedRequest, why));
    }
    // As a text several names are separated by commas, so none may hold one.
    if let SettingValue::Names(names) = value
        && names
            .iter()
            .any(|name| name.contains(',') || name.is_empty())
    {
        return Err(invalid(&"takes no empty name and no comma in one"));
    }
    let value = setting.parse(&value.to_string());
    value.map_err(|error| invalid(&error))
}

fn path(setting: Setting) -> String {
    format!("/{setting}")
}

fn unknown(key: &str) -> Error {
    let near = nearest(key, Setting::ALL.map(Setting::name));
    let near = near.map_or_else(String::new, |name| format!("; did you mean \"{name}\"?"));
    let key = names::echo(key);
    Error::new(
        ErrorCode::UnknownField,
        format!("unknown setting \"{key}\"{near}"),
    )
}

/// The keys, as the audit row names them.
fn subject(edits: &Edits) -> String {
    let names: Vec<&str> = edits.iter().map(|(setting, _)| setting.name()).collect();
    names.join(", ")
}

/// Applies all edits by one hand, and leaves one audit row where any of them changed something.
fn change(
    app: &App,
    tx: &dyn WriteTx,
    permit: &Permit<'_>,
    act: &Act,
    (edits, by): (&Edits, SetBy),
) -> Result<(), Error> {
    let (mut was, mut is) = (Map::new(), Map::new());
    for (setting, value) in edits {
        if by == SetBy::Tenant && setting.rule().class == Class::Operator {
            let why = format!("\"{setting}\" {}", Refused::Class);
            return Err(Error::new(ErrorCode::PermissionDenied, why));
        }
        if setting.needs_fresh_sign_in() {
            permit.is_fresh()?;
        }
        let edit = Edit {
            setting: *setting,
            value: value.clone(),
            by,
        };
        let applied = apply(app, tx, act.tenant.id, &edit, permit.at());
        let Some(edited) = applied.map_err(|error| at(*setting, error))? else {
            continue;
        };
        let text = |value: Option<&domain::setting::Value>| json!(value.map(ToString::to_string));
        was.insert(setting.to_string(), text(edited.before.as_ref()));
        is.insert(setting.to_string(), text(value.as_ref()));
    }
    if is.is_empty() {
        return Ok(());
    }
    permit
        .append(tx, act, &Value::Object(was), &Value::Object(is))
        .map(drop)
}

/// A refusal with the member's own path.
fn at(setting: Setting, mut error: Error) -> Error {
    for field in &mut error.fields {
        field.path = path(setting).into();
        error.developer_message = format!("{}: {}", field.path, field.message).into();
    }
    error
}

/// All settings, as a list without a limit shows them.
fn shown(app: &App, tx: &dyn ReadTx, act: &Act) -> Result<Page<SettingView>, Error> {
    let base = Arc::clone(&app.settings().tenant);
    let own = tx.tenant(act.tenant.id).settings().all()?.values;
    let items = Setting::ALL
        .into_iter()
        .map(|setting| view(&act.tenant, &base, &own, setting))
        .collect();
    Ok(Page {
        items,
        next_cursor: None,
    })
}
