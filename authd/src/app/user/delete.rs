//! Deleting a user: whatever it was signed in with, counted for or locked by goes with it, so that
//! the next one of the address inherits nothing (rule 19). The log of attempts keeps the id.

use std::sync::Arc;

use common::call::Change;
use common::call::user::Delete;
use common::id::UserId;
use common::time::Time;
use domain::user::User;
use serde_json::{Value, json};
use store::{StoreError, WriteTx};

use super::erase::{Erased, erase};
use super::{act, again, count, end_access, find};
use crate::app::audit::{Act, Record};
use crate::app::last_admin::Admins;
use crate::app::names::Found;
use crate::app::permit::Permit;
use crate::app::{App, By, Error};

const ERASED: &str = "What was personal in its login attempts and audit rows goes for good; backups of \
    before keep it until they are pruned.";

/// Deletes a user; a hard deletion also erases what is personal in the logs that outlive it.
///
/// # Errors
/// Those of [`crate::app::target::user`]; for the operator `validation_failed` at `/confirm` without
/// the address; `permission_denied`;
/// `last_admin` for the last administrator of a tenant.
pub async fn delete(
    app: &Arc<App>,
    by: impl Into<By<'_>>,
    request: Delete,
) -> Result<Change, Error> {
    let (by, now) = (by.into(), app.now());
    let record = Record::draw(app, by, now, request.reason.as_deref())?;
    let found = find(app, by.reach(), request.user).await?;
    if let By::Operator(_) = by {
        check_confirmed(&found.user, request.confirm.as_deref())?;
    }
    let (hard, rehearses) = (request.hard, by.claim().is_rehearsal());
    let mut deletion = Deletion {
        app: Arc::clone(app),
        act: act("user.delete", &found),
        user: found.user.id,
        hard,
        erased: None,
        now,
    };
    if hard && !rehearses {
        deletion.erased =
            Some(erase_first(&deletion, by, request.reason.as_deref(), &found).await?);
    }
    record
        .write(app, move |tx, permit| deletion.make(tx, permit))
        .await
}

/// Erases what is there by now, so that little is left for the deletion itself. What the rules refuse
/// erases nothing, and that it began stands in the log before it does: it cannot be undone.
async fn erase_first(
    deletion: &Deletion,
    by: By<'_>,
    reason: Option<&str>,
    found: &Found,
) -> Result<Erased, Error> {
    let (app, now) = (&deletion.app, deletion.now);
    let rehearsed = deletion.clone();
    Record::draw(app, by, now, reason)?
        .rehearsing()
        .write(app, move |tx, permit| rehearsed.make(tx, permit))
        .await?;
    let begins = act("user.erase", found);
    Record::draw(app, by, now, reason)?
        .detached()
        .write(app, move |tx, permit| {
            permit.append(tx, &begins, &Value::Null, &Value::Null)
        })
        .await?;
    erase(app, found.tenant.id, found.user.id).await
}

/// A deletion, as it can be rehearsed and made.
#[derive(Clone)]
struct Deletion {
    app: Arc<App>,
    act: Act,
    user: UserId,
    hard: bool,
    /// How far the logs are erased; none in a rehearsal, which leaves them.
    erased: Option<Erased>,
    now: Time,
}

impl Deletion {
    fn make(&self, tx: &dyn WriteTx, permit: &Permit<'_>) -> Result<Change, Error> {
        let act = &self.act;
        let user = again(tx, permit, act, self.user)?;
        let admins = Admins::of_tenant(tx, act.tenant.id)?;
        let ended = remove(&self.app, tx, act, &user, self.now)?;
        admins.remain(tx)?;
        if let Some(mut rest) = self.erased {
            while rest.advance(tx, act.tenant.id, user.id)? {}
        }
        let before = json!({
            "status": user.status,
            "is_tenant_admin": user.is_tenant_admin,
            "sessions": ended,
        });
        let after = if self.hard {
            json!({"erased": true})
        } else {
            Value::Null
        };
        let mut change = permit.append(tx, act, &before, &after)?;
        if self.hard {
            change.notes.push(ERASED.to_owned());
        }
        change.sessions_ended = ended;
        Ok(change)
    }
}

/// Removes all that is the user's; returns how many sessions ended.
fn remove(
    app: &App,
    tx: &dyn WriteTx,
    act: &Act,
    user: &User,
    now: Time,
) -> Result<u32, StoreError> {
    let rows = tx.tenant_mut(act.tenant.id);
    let counters = tx.counters_mut();
    for device in rows.devices().of(user.id)? {
        counters.clear(&app.keys.device_counter(&device.secret_hash))?;
    }
    counters.clear(&user.subject)?;
    counters.clear_manual(&user.subject)?;
    let ended = end_access(tx, &act.tenant, user.id, now)?;
    rows.users_mut().delete(user.id, now)?;
    Ok(count(&ended))
}

/// The server demands the confirmation too, whatever a client asked before (operator.md 2.1).
fn check_confirmed(user: &User, confirm: Option<&str>) -> Result<(), Error> {
    if confirm == Some(user.email.as_str()) {
        return Ok(());
    }
    let error = Error::field(
        "/confirm",
        "not_confirmed",
        format!("expected the user's address, {}", user.email),
    );
    Err(error.with_hint(format!(
        "In scripts: authctl user delete {} --confirm={}",
        user.id, user.email
    )))
}
