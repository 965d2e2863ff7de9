//! The transaction that changes one setting of a tenant, and what it does at once: what the former
//! or the new value has ended stays ended, whatever is set later (rule 19). However many that are, it
//! is one row, which `settle.rs` turns into the rows of each behind it.

use std::sync::Arc;

use common::error::ErrorCode;
use common::id::TenantId;
use common::time::Time;
use common::units::format_duration;
use domain::session::{Floors, SessionLimits};
use domain::setting::{Refused, SetBy, Setting, StoredSetting, Stricter, TenantSettings, Value};
use store::{ReadTx, Scope, StoreError, WriteTx};

use crate::app::{App, Error};

/// Fewest characters that SP 800-63B-4 asks for where a password is the only factor.
const SINGLE_FACTOR_LENGTH: u32 = 15;

/// A wish to change a setting.
#[derive(Debug, Clone)]
pub struct Edit {
    /// Which.
    pub setting: Setting,
    /// The new value; none to take it away.
    pub value: Option<Value>,
    /// Whose value it is.
    pub by: SetBy,
}

/// What a change did.
#[derive(Debug, Clone)]
pub struct Edited {
    /// The value of the same hand before.
    pub before: Option<Value>,
    /// What else there is to know.
    pub notes: Vec<String>,
}

/// Changes a setting of a tenant; none if it already was so.
///
/// # Errors
/// For the tenant itself: `permission_denied` for a key of the operator's class, `validation_failed`
/// for a value looser than the operator's.
pub fn apply(
    app: &App,
    tx: &dyn WriteTx,
    tenant: TenantId,
    edit: &Edit,
    now: Time,
) -> Result<Option<Edited>, Error> {
    let rows = tx.tenant_mut(tenant);
    let base = Arc::clone(&app.settings().tenant);
    let stored = match rows.settings().all() {
        Err(StoreError::Damaged { .. }) if edit.value.is_none() => return mend(tx, tenant, edit),
        stored => stored?,
    };
    let own = &stored.values;
    if let Some(value) = &edit.value {
        let bound = base.of_operator(own).value(edit.setting.bounded_by());
        edit.setting
            .judge(edit.by, value, &bound)
            .map_err(|refused| refusal(edit.setting, &refused))?;
    }
    let is_its = |row: &&StoredSetting| row.setting == edit.setting && row.set_by == edit.by;
    let before = own.iter().find(is_its).map(|row| row.value.clone());
    if before == edit.value {
        return Ok(None);
    }
    match &edit.value {
        Some(value) => rows.settings_mut().set(&StoredSetting {
            setting: edit.setting,
            value: value.clone(),
            set_by: edit.by,
            updated_at: now,
        })?,
        None => {
            rows.settings_mut().unset(edit.setting, edit.by)?;
        }
    }
    let then = base.with(own);
    let now_own = rows.settings().all()?.values;
    let holds = base.with(&now_own);
    if edit.setting == Setting::ClaimsExternalRefs
        && let Some(name) = holds.unknown_claim()
    {
        return Err(unknown_claim(name));
    }
    let floors = stored.floors.or(raised(&then, &holds, now));
    if floors != stored.floors {
        rows.settings_mut().set_floors(&floors, now)?;
    }
    tx.invalidate(Scope::Tenant(tenant));
    Ok(Some(Edited {
        before,
        notes: [
            notes(app, edit, &then, &holds),
            unused(&base, [own, &now_own]),
        ]
        .concat(),
    }))
}

/// Takes away a value that nobody can read: until then it closes the tenant, so that none of its
/// limits can be told from another.
fn mend(tx: &dyn WriteTx, tenant: TenantId, edit: &Edit) -> Result<Option<Edited>, Error> {
    let rows = tx.tenant_mut(tenant);
    if !rows.settings_mut().unset(edit.setting, edit.by)? {
        return Ok(None);
    }
    tx.invalidate(Scope::Tenant(tenant));
    Ok(Some(Edited {
        before: None,
        notes: vec!["A value of this tenant could not be read.".to_owned()],
    }))
}

fn unknown_claim(name: &str) -> Error {
    let why = format!("\"claims.external_refs\" has \"{name}\", which is not in refs.names");
    Error::field("/value", "unknown_reference", why)
}

fn refusal(setting: Setting, refused: &Refused) -> Error {
    let why = format!("\"{setting}\" {refused}");
    match refused {
        Refused::Class => Error::new(ErrorCode::PermissionDenied, why),
        Refused::Host { .. } | Refused::Looser { .. } => Error::field("/value", "too_loose", why),
    }
}

/// What time has ended by the former limits, so that longer ones wake nothing, and what the new limits
/// end. What they leave alone has no floor.
fn raised(then: &TenantSettings, holds: &TenantSettings, now: Time) -> Floors {
    let mut floors = Floors::NONE;
    let (old, new) = (&then.session_limits, &holds.session_limits);
    if old.idle_timeout != new.idle_timeout {
        floors.active = now.minus(old.idle_timeout.min(new.idle_timeout));
    }
    if old.max_age != new.max_age {
        floors.created = now.minus(old.max_age.min(new.max_age));
    }
    if then.device_ttl != holds.device_ttl {
        floors.device = now.minus(then.device_ttl.min(holds.device_ttl));
    }
    floors
}

/// The limits of sessions before and after an edit, if it is to be applied and changes them.
///
/// # Errors
/// Those of the store.
pub(super) fn limits(
    app: &App,
    tx: &dyn ReadTx,
    tenant: TenantId,
    edit: &Edit,
) -> Result<Option<[SessionLimits; 2]>, StoreError> {
    let base = Arc::clone(&app.settings().tenant);
    let stored = match tx.tenant(tenant).settings().all() {
        Err(StoreError::Damaged { .. }) => return Ok(None),
        stored => stored?,
    };
    let of = |values: &[StoredSetting]| SessionLimits {
        floors: stored.floors,
        ..base.with(values).session_limits
    };
    let then = of(&stored.values);
    let mut values = stored.values;
    values.retain(|row| row.setting != edit.setting || row.set_by != edit.by);
    values.extend(edit.value.clone().map(|value| StoredSetting {
        setting: edit.setting,
        value,
        set_by: edit.by,
        updated_at: Time::default(),
    }));
    let holds = of(&values);
    Ok((then != holds).then_some([then, holds]))
}

/// The tenant's own pages and origins that a change of the operator's hosts takes from it, or gives
/// back: nobody sees that in the change itself.
fn unused(base: &TenantSettings, [own, now_own]: [&[StoredSetting]; 2]) -> Vec<String> {
    let (then, now) = (base.of_operator(own), base.of_operator(now_own));
    let pages = now_own.iter().filter(|row| {
        row.set_by == SetBy::Tenant && row.setting.rule().stricter == Stricter::OnAllowedHosts
    });
    pages
        .filter_map(|row| match (then.lets_hold(row), now.lets_hold(row)) {
            (true, false) => Some(format!(
                "The tenant's own {} ({}) is on no allowed host and holds no more; \"{}\" does.",
                row.setting,
                row.value,
                now.value(row.setting)
            )),
            (false, true) => Some(format!(
                "The tenant's own {} ({}) holds again.",
                row.setting, row.value
            )),
            _ => None,
        })
        .collect()
}

fn notes(app: &App, edit: &Edit, then: &TenantSettings, holds: &TenantSettings) -> Vec<String> {
    let mut notes = Vec::new();
    let value = holds.value(edit.setting);
    if edit.value.as_ref().is_some_and(|wanted| *wanted != value) {
        notes.push(format!(
            "The tenant's own value is stricter and holds: {value}."
        ));
    }
    let limits = &holds.session_limits;
    if limits.idle_timeout > limits.max_age {
        notes.push(format!(
            "session.max_age ({}) is shorter than session.idle_timeout ({}), and ends sessions first.",
            format_duration(limits.max_age),
            format_duration(limits.idle_timeout)
        ));
    }
    if then.audience != holds.audience {
        notes.push(
            "Access tokens for none of these are refused from now on; a refresh gives new ones."
                .to_owned(),
        );
    }
    if edit.setting == Setting::RegistrationEnabled
        && holds.registration.enabled
        && app.mail.open().is_none()
    {
        notes.push("No mail leaves authd, so nobody can register: set mail.transport.".to_owned());
    }
    if let (Setting::PasswordMinLength, Value::Number(length)) = (edit.setting, &value)
        && *length < SINGLE_FACTOR_LENGTH
    {
        notes.push(format!(
            "SP 800-63B-4 asks for {SINGLE_FACTOR_LENGTH} characters where a password is the only factor."
        ));
    }
    notes
}
