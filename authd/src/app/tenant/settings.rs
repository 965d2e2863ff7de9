//! Settings of one tenant (rule 20): what holds for it, and the operator's values for it. What a
//! change does at once stands in `edit.rs`; it serves the tenant's own changes as well, which are in
//! `own.rs`.

mod edit;
mod own;
mod settle;

use std::sync::Arc;

use common::call::Change;
use common::call::setting::{Get, List, Set, Unset};
use common::suggest::nearest;
use common::view::{Page, SettingSource, SettingValue, SettingView};
use domain::setting::{Class, SetBy, Setting, StoredSetting, Stricter, TenantSettings, Value};
use domain::tenant::Tenant;
use serde_json::json;
use store::{Priority, WriteTx};

pub use edit::{Edit, Edited, apply};
pub(in crate::app) use own::read;
pub use own::{Wished, patch};
pub(in crate::app) use settle::after;
pub use settle::settle;

use crate::app::audit::{Act, Record};
use crate::app::cursor::Place;
use crate::app::{App, By, Error, Operator, names, target};

/// Lists what holds for a tenant, by key.
///
/// # Errors
/// `not_found` for the tenant, those of the page.
pub async fn list(
    app: &Arc<App>,
    by: impl Into<By<'_>>,
    request: List,
) -> Result<Page<SettingView>, Error> {
    let by = by.into();
    let place = Place::by(&app.keys, by, &request, &request.paging())?;
    let reach = by.reach();
    let base = Arc::clone(&app.settings().tenant);
    app.store
        .read(move |tx| {
            let tenant = target::tenant(tx, reach, &request.tenant)?;
            let own = tx.tenant(tenant.id).settings().all()?.values;
            // They are few, and all of them are known.
            let mut rest = Setting::ALL
                .into_iter()
                .skip_while(|setting| {
                    let after = place.after.as_deref();
                    after.is_some_and(|after| setting.name() <= after)
                })
                .peekable();
            let items: Vec<SettingView> = rest
                .by_ref()
                .take(place.limit())
                .map(|setting| view(&tenant, &base, &own, setting))
                .collect();
            let next = rest.peek().and(items.last()).map(|last| last.key.clone());
            Ok(place.page(items, next.as_deref()))
        })
        .await
}

/// Shows what holds for a tenant of one key.
///
/// # Errors
/// `not_found` for the tenant; `validation_failed` for a key that tenants have no values for.
pub async fn get(app: &Arc<App>, _operator: &Operator, request: Get) -> Result<SettingView, Error> {
    let setting = named(&request.key)?;
    let base = Arc::clone(&app.settings().tenant);
    app.store
        .read(move |tx| {
            let tenant = names::tenant(tx, &request.tenant)?;
            let own = tx.tenant(tenant.id).settings().all()?.values;
            Ok(view(&tenant, &base, &own, setting))
        })
        .await
}

/// Sets the operator's value for a tenant. It holds from the next request on.
///
/// # Errors
/// `not_found` for the tenant; `validation_failed` for a key that tenants have no values for, or a
/// value beyond its bounds.
pub async fn set(app: &Arc<App>, operator: &Operator, request: Set) -> Result<Change, Error> {
    let setting = named(&request.key)?;
    let value = setting.parse(&request.value).map_err(|error| {
        Error::field("/value", "invalid_value", format!("\"{setting}\" {error}"))
    })?;
    let edit = Edit {
        setting,
        value: Some(value),
        by: SetBy::Operator,
    };
    let act = act(app, "tenant.settings.set", &request.tenant, setting).await?;
    change(app, operator, act, edit, request.reason).await
}

/// Takes the operator's value for a tenant away: that of the configuration holds again.
///
/// # Errors
/// `not_found` for the tenant; `validation_failed` for a key that tenants have no values for.
pub async fn unset(app: &Arc<App>, operator: &Operator, request: Unset) -> Result<Change, Error> {
    let setting = named(&request.key)?;
    let edit = Edit {
        setting,
        value: None,
        by: SetBy::Operator,
    };
    let act = act(app, "tenant.settings.unset", &request.tenant, setting).await?;
    change(app, operator, act, edit, request.reason).await
}

async fn act(
    app: &App,
    action: &'static str,
    tenant: &str,
    setting: Setting,
) -> Result<Act, Error> {
    let name = tenant.to_owned();
    let tenant = app.store.read(move |tx| names::tenant(tx, &name)).await?;
    Ok(Act {
        action,
        object: tenant.id.to_string(),
        subject: setting.name().to_owned(),
        tenant,
    })
}

async fn change(
    app: &Arc<App>,
    operator: &Operator,
    act: Act,
    edit: Edit,
    reason: Option<String>,
) -> Result<Change, Error> {
    let now = app.now();
    let record = Record::draw(app, operator, now, reason.as_deref())?;
    let tenant = act.tenant.id;
    let ending = settle::ending(app, tenant, &edit, now).await?;
    let app_of_write = Arc::clone(app);
    let changed: Result<Change, Error> = app
        .store
        .write(Priority::Urgent, operator.claim.clone(), move |tx| {
            let mut change = write(&app_of_write, tx, &record, &act, &edit)?;
            if change.changed {
                change.sessions_ended = ending;
            }
            Ok(change)
        })
        .await;
    let changed = changed?;
    if !operator.claim.is_rehearsal() {
        after(app, tenant).await;
    }
    Ok(changed)
}

/// Changes a setting by the operator's hand, with its row.
///
/// # Errors
/// Those of [`apply`].
pub(in crate::app) fn write(
    app: &App,
    tx: &dyn WriteTx,
    record: &Record,
    act: &Act,
    edit: &Edit,
) -> Result<Change, Error> {
    let Some(edited) = apply(app, tx, act.tenant.id, edit, record.at())? else {
        return Ok(act.unchanged());
    };
    let named = |value: &Option<Value>| {
        let text = value.as_ref().map(ToString::to_string);
        json!({ edit.setting.name(): text })
    };
    let mut change = record.append(tx, act, &named(&edited.before), &named(&edit.value))?;
    change.notes = edited.notes;
    Ok(change)
}

/// The setting of that name.
///
/// # Errors
/// `validation_failed` at `/key`, with the nearest name.
pub(in crate::app) fn named(key: &str) -> Result<Setting, Error> {
    Setting::from_name(key).ok_or_else(|| {
        let error = Error::field(
            "/key",
            "unknown_setting",
            format!(
                "\"{}\" is no key that a tenant has a value of its own for",
                names::echo(key)
            ),
        );
        error.with_hint(match nearest(key, Setting::ALL.map(Setting::name)) {
            Some(name) => format!("Did you mean {name}?"),
            None => "List: authctl tenant settings list TENANT".to_owned(),
        })
    })
}

/// One key as it is shown.
fn view(
    tenant: &Tenant,
    base: &TenantSettings,
    own: &[StoredSetting],
    setting: Setting,
) -> SettingView {
    let rule = setting.rule();
    let value = base.with(own).value(setting);
    let of_operator = base.of_operator(own);
    let bound = of_operator.value(setting.bounded_by());
    // The tenant's own value holds, or has the same effect as the operator's.
    let of = |by| {
        own.iter()
            .find(|row| row.setting == setting && row.set_by == by)
    };
    let unused = of(SetBy::Tenant).filter(|row| !of_operator.lets_hold(row));
    let holding = of(SetBy::Tenant)
        .filter(|row| row.value == value && rule.class == Class::Tenant)
        .or_else(|| of(SetBy::Operator));
    SettingView {
        tenant: tenant.slug.to_string(),
        key: rule.name.to_owned(),
        value: typed(&value),
        source: match holding.map(|row| row.set_by) {
            None => SettingSource::Default,
            Some(SetBy::Operator) => SettingSource::Operator,
            Some(SetBy::Tenant) => SettingSource::Tenant,
        },
        class: rule.class.as_str().to_owned(),
        bound: (rule.class == Class::Tenant && rule.stricter != Stricter::Neither)
            .then(|| typed(&bound)),
        unused: unused.map(|row| typed(&row.value)),
        allowed: rule.kind.to_string(),
        updated_at: holding.map(|row| row.updated_at),
    }
}

/// A value in the type that its key has in the configuration.
pub(in crate::app) fn typed(value: &Value) -> SettingValue {
    match value {
        Value::Number(number) => SettingValue::Number(i64::from(*number)),
        Value::Switch(on) => SettingValue::Switch(*on),
        Value::Names(names) => SettingValue::Names(names.clone()),
        Value::Duration(_) | Value::SessionPolicy(_) | Value::Text(_) | Value::Page(_) => {
            SettingValue::Text(value.to_string())
        }
    }
}
