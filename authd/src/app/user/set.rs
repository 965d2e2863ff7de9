//! Changing a user: the profile, each value checked as at its making, and the tenant-admin flag.

use std::collections::BTreeMap;
use std::sync::Arc;

use common::call::user::Set;
use common::call::{Change, UserRef};
use common::view::{EmployeeView, Name};
use domain::profile::{self, masked_kra_pin};
use domain::rights::Right;
use domain::setting::{Effective, TenantSettings};
use domain::user::User;
use serde_json::{Map, Value, json};
use store::{Scope, WriteTx};

use super::create::{optional, references};
use crate::app::audit::{Act, Record};
use crate::app::last_admin::Admins;
use crate::app::names::Found;
use crate::app::permit::Permit;
use crate::app::tenant::effective;
use crate::app::user::{act, again};
use crate::app::{App, By, Error, Reach, target};

/// What a reference is called among the fields that can be taken away, before its name.
const REFERENCE: &str = "ref.";
/// Fields that can be taken away beside references.
const FIELDS: &[&str] = &[
    "given_name",
    "family_name",
    "display_name",
    "phone",
    "locale",
    "employee_id",
    "kra_pin",
];

/// What is wanted, each value checked.
struct Wanted {
    name: Name,
    phone: Option<String>,
    locale: Option<String>,
    employee: EmployeeView,
    external_refs: BTreeMap<String, String>,
    unset: Vec<String>,
    tenant_admin: Option<bool>,
}

/// Changes what is given of a user; sessions go on.
///
/// # Errors
/// Those of [`crate::app::names::user`]; `validation_failed` for a value that breaks a rule or a field
/// that is set and taken away at once; `last_admin`.
pub async fn set(app: &Arc<App>, by: impl Into<By<'_>>, request: Set) -> Result<Change, Error> {
    let by = by.into();
    let record = Record::draw(app, by, app.now(), request.reason.as_deref())?;
    let (found, settings) = read(app, by.reach(), request.user.clone()).await?;
    let wanted = parse(&settings, &request)?;
    let act = act("user.set", &found);
    record
        .write(app, move |tx, permit| {
            let before = again(tx, permit, &act, found.user.id)?;
            change(tx, permit, &act, &before, with(&before, &wanted)?)
        })
        .await
}

/// Finds the user, and what holds for its tenant.
pub(super) async fn read(
    app: &App,
    reach: Reach,
    reference: UserRef,
) -> Result<(Found, Effective), Error> {
    let base = Arc::clone(&app.settings().tenant);
    app.store
        .read(move |tx| {
            let found = target::user(tx, reach, &reference)?;
            let settings = effective::read(base, tx, found.tenant.id)?;
            Ok((found, settings))
        })
        .await
}

/// Writes what has changed of a user, and the row.
pub(super) fn change(
    tx: &dyn WriteTx,
    permit: &Permit<'_>,
    act: &Act,
    before: &User,
    after: User,
) -> Result<Change, Error> {
    change_and(tx, permit, act, before, after, None)
}

/// The same, with an address that waits as it was and as it is for the row.
pub(super) fn change_and(
    tx: &dyn WriteTx,
    permit: &Permit<'_>,
    act: &Act,
    before: &User,
    mut after: User,
    waits: Option<(Value, Value)>,
) -> Result<Change, Error> {
    let (mut was, mut is) = difference(before, &after);
    let is_same = *before == after;
    if is_same && waits.is_none() {
        return Ok(act.unchanged());
    }
    if let Some((old, new)) = waits {
        was.insert("email_pending".to_owned(), old);
        is.insert("email_pending".to_owned(), new);
    }
    if after.is_tenant_admin && !before.is_tenant_admin {
        permit.may_grant([&Right::All])?;
    }
    if !is_same {
        after.updated_at = permit.at();
        write(tx, act, before, &after)?;
        tx.invalidate(Scope::User(after.id));
    }
    permit.append(tx, act, &Value::Object(was), &Value::Object(is))
}

fn write(tx: &dyn WriteTx, act: &Act, before: &User, after: &User) -> Result<(), Error> {
    let rows = tx.tenant_mut(act.tenant.id);
    rows.users_mut().set_profile(after)?;
    if before.is_tenant_admin != after.is_tenant_admin {
        let admins = Admins::of_tenant(tx, act.tenant.id)?;
        rows.grants_mut()
            .set_tenant_admin(after.id, after.is_tenant_admin, after.updated_at)?;
        admins.remain(tx)?;
    }
    Ok(())
}

fn parse(settings: &TenantSettings, request: &Set) -> Result<Wanted, Error> {
    // The shown name is made when the whole one is known.
    let made =
        profile::name(&request.name).map_err(|(path, error)| Error::invalid_field(path, &error))?;
    let wanted = Wanted {
        name: Name {
            display: request.name.display.as_ref().and(made.display),
            ..made
        },
        phone: optional("/phone", request.phone.as_deref(), profile::phone)?,
        locale: optional("/locale", request.locale.as_deref(), profile::locale)?,
        employee: EmployeeView {
            employee_id: optional(
                "/employee_id",
                request.employee_id.as_deref(),
                profile::employee_id,
            )?,
            kra_pin: optional("/kra_pin", request.kra_pin.as_deref(), profile::kra_pin)?,
        },
        external_refs: references(settings, &request.external_refs)?,
        unset: request.unset.clone(),
        tenant_admin: request.tenant_admin,
    };
    for field in &wanted.unset {
        check_unset(&wanted, field)?;
    }
    Ok(wanted)
}

fn check_unset(wanted: &Wanted, field: &str) -> Result<(), Error> {
    let is_given = match field {
        "given_name" => wanted.name.given.is_some(),
        "family_name" => wanted.name.family.is_some(),
        "display_name" => wanted.name.display.is_some(),
        "phone" => wanted.phone.is_some(),
        "locale" => wanted.locale.is_some(),
        "employee_id" => wanted.employee.employee_id.is_some(),
        "kra_pin" => wanted.employee.kra_pin.is_some(),
        other => {
            let Some(name) = other.strip_prefix(REFERENCE) else {
                let message = format!("expected {} or ref.NAME", FIELDS.join(", "));
                return Err(Error::field("/unset", "unknown_field", message));
            };
            wanted.external_refs.contains_key(name)
        }
    };
    if is_given {
        let message = format!("{field} is set and taken away at once");
        return Err(Error::field("/unset", "contradiction", message));
    }
    Ok(())
}

/// The user with what was asked for in it.
fn with(before: &User, wanted: &Wanted) -> Result<User, Error> {
    let mut after = before.clone();
    // A shown name that nobody chose follows the others.
    if after.name.display == made_of(&before.name)? {
        after.name.display = None;
    }
    replace(&mut after.name.given, wanted.name.given.as_ref());
    replace(&mut after.name.family, wanted.name.family.as_ref());
    replace(&mut after.name.display, wanted.name.display.as_ref());
    replace(&mut after.phone, wanted.phone.as_ref());
    replace(&mut after.locale, wanted.locale.as_ref());
    let employee = &wanted.employee;
    replace(
        &mut after.employee.employee_id,
        employee.employee_id.as_ref(),
    );
    replace(&mut after.employee.kra_pin, employee.kra_pin.as_ref());
    after.external_refs.extend(wanted.external_refs.clone());
    for field in &wanted.unset {
        take_away(&mut after, field);
    }
    if after.name.display.is_none() {
        after.name.display = made_of(&after.name)?;
    }
    after.is_tenant_admin = wanted.tenant_admin.unwrap_or(before.is_tenant_admin);
    Ok(after)
}

fn replace(field: &mut Option<String>, wanted: Option<&String>) {
    if let Some(value) = wanted {
        *field = Some(value.clone());
    }
}

fn take_away(user: &mut User, field: &str) {
    match field {
        "given_name" => user.name.given = None,
        "family_name" => user.name.family = None,
        "display_name" => user.name.display = None,
        "phone" => user.phone = None,
        "locale" => user.locale = None,
        "employee_id" => user.employee.employee_id = None,
        "kra_pin" => user.employee.kra_pin = None,
        other => {
            if let Some(name) = other.strip_prefix(REFERENCE) {
                user.external_refs.remove(name);
            }
        }
    }
}

/// The shown name that the other two make.
pub(in crate::app) fn made_of(name: &Name) -> Result<Option<String>, Error> {
    let parts = Name {
        display: None,
        ..name.clone()
    };
    profile::name(&parts)
        .map(|made| made.display)
        .map_err(|(path, error)| Error::invalid_field(path, &error))
}

/// What differs, as it was and as it is, for the audit row: of a telephone number and an
/// address only whether there is one, of a tax number what a list shows.
fn difference(before: &User, after: &User) -> (Map<String, Value>, Map<String, Value>) {
    let fields = |user: &User| {
        [
            ("given_name", json!(user.name.given)),
            ("family_name", json!(user.name.family)),
            ("display_name", json!(user.name.display)),
            ("locale", json!(user.locale)),
            ("employee_id", json!(user.employee.employee_id)),
            ("external_refs", json!(user.external_refs)),
            ("is_tenant_admin", json!(user.is_tenant_admin)),
        ]
    };
    let mut was = Map::new();
    let mut is = Map::new();
    let mut told = |name: &str, old: Value, new: Value| {
        was.insert(name.to_owned(), old);
        is.insert(name.to_owned(), new);
    };
    for ((name, old), (_, new)) in fields(before).into_iter().zip(fields(after)) {
        if old != new {
            told(name, old, new);
        }
    }
    if before.phone != after.phone {
        let shown = |user: &User| json!(user.phone.as_ref().map(|_| "given"));
        told("phone", shown(before), shown(after));
    }
    if before.address != after.address {
        let shown = |user: &User| json!(user.address.as_ref().map(|_| "given"));
        told("address", shown(before), shown(after));
    }
    if before.employee.kra_pin != after.employee.kra_pin {
        let shown = |user: &User| json!(user.employee.kra_pin.as_deref().map(masked_kra_pin));
        told("kra_pin", shown(before), shown(after));
    }
    (was, is)
}
