//! The transaction that changes one setting of a tenant, and what it does at once: what the former
//! or the new value has ended stays ended, whatever is set later (rule 19).

use std::sync::Arc;

use common::error::ErrorCode;
use common::id::TenantId;
use common::time::Time;
use common::units::format_duration;
use domain::session::EndReason;
use domain::setting::{Refused, SetBy, Setting, StoredSetting, Stricter, TenantSettings, Value};
use store::{Scope, StoreError, Whose, WriteTx};

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
    /// Sessions that were alive before and are not any more.
    pub sessions_ended: u32,
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
    let own = match rows.settings().all() {
        Err(StoreError::Damaged { .. }) if edit.value.is_none() => return mend(tx, tenant, edit),
        own => own?,
    };
    if let Some(value) = &edit.value {
        let bound = base.of_operator(&own).value(edit.setting.bounded_by());
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
    let then = base.with(&own);
    let now_own = rows.settings().all()?;
    let holds = base.with(&now_own);
    if edit.setting == Setting::ClaimsExternalRefs
        && let Some(name) = holds.unknown_claim()
    {
        return Err(unknown_claim(name));
    }
    let sessions_ended = end_sessions(app, tx, tenant, [&then, &holds], now)?;
    if then.device_ttl != holds.device_ttl {
        let shorter = then.device_ttl.min(holds.device_ttl);
        rows.devices_mut().delete_unused(now.minus(shorter))?;
    }
    if holds.lockout.duration < then.lockout.duration {
        let latest = now.plus(holds.lockout.duration);
        tx.housekeeping()
            .shorten_locks(Whose::Tenant(tenant), latest, u32::MAX)?;
    }
    tx.invalidate(Scope::Tenant(tenant));
    Ok(Some(Edited {
        before,
        sessions_ended,
        notes: [
            notes(app, edit, &then, &holds),
            unused(&base, [&own, &now_own]),
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
        sessions_ended: 0,
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

/// Ends the sessions that time has ended by the former limits, so that longer ones wake none, and
/// those that the new limits end. Returns how many were alive until now.
fn end_sessions(
    app: &App,
    tx: &dyn WriteTx,
    tenant: TenantId,
    [then, holds]: [&TenantSettings; 2],
    now: Time,
) -> Result<u32, Error> {
    let (then, holds) = (&then.session_limits, &holds.session_limits);
    if then == holds {
        return Ok(0);
    }
    let rows = tx.tenant_mut(tenant);
    let open = rows.sessions().open_since(
        now.minus(then.idle_timeout.min(holds.idle_timeout)),
        now.minus(then.max_age.min(holds.max_age)),
    )?;
    let mut ended = 0_u32;
    for session in open {
        let session = app.with_last_use(session);
        let was_alive = session.is_alive(then, session.last_active_at, now);
        if was_alive && session.is_alive(holds, session.last_active_at, now) {
            continue;
        }
        rows.sessions_mut()
            .end(session.id, now, EndReason::Expired)?;
        ended = ended.saturating_add(u32::from(was_alive));
    }
    Ok(ended)
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
