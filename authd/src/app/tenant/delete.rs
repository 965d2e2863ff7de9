//! Deleting a tenant, bringing it back, and removing what is left of it (rules 16 and 19).
//!
//! From the moment of its deletion a tenant is not there for anybody but the operator: logins answer
//! as for a name that was never given. What somebody was signed in with is ended in chunks behind
//! that, and again before it comes back, so that nothing revives; behind the grace the daemon removes
//! the rows.

use std::sync::Arc;

use common::call::Change;
use common::call::tenant::{Delete, Restore};
use common::error::ErrorCode;
use common::id::TenantId;
use common::time::Time;
use domain::tenant::{Tenant, TenantStatus};
use serde_json::{Value, json};
use store::{Claim, Deletion, Priority, Scope, StoreError, TenantRow, TenantScope, WriteTx};

use super::change::{act, refuse_system};
use super::{again, find};
use crate::app::audit::{Act, Record, moved};
use crate::app::{App, By, Error, Operator};

/// Rows that one job may move.
const CHUNK: u32 = 200;
/// Deleted tenants that are looked at in one round.
const TENANTS: u32 = 100;

/// Deletes a tenant; it can be restored until the grace is over.
///
/// # Errors
/// `not_found`; `validation_failed` at `/confirm` without the slug; `permission_denied` for `system`;
/// `reauthentication_required`.
pub async fn delete(
    app: &Arc<App>,
    by: impl Into<By<'_>>,
    request: Delete,
) -> Result<Change, Error> {
    let (by, now) = (by.into(), app.now());
    by.is_fresh(now)?;
    let is_rehearsal = by.claim().is_rehearsal();
    let record = Record::draw(app, by, now, request.reason.as_deref())?;
    let row = find(app, by, request.tenant, TenantScope::Restorable).await?;
    refuse_system(&row.tenant, "deleted")?;
    // Over the API the id and the fresh sign-in are what a slug that was typed is here.
    if let By::Operator(_) = by {
        check_confirmed(&row.tenant, request.confirm.as_deref())?;
    }
    let id = row.tenant.id;
    let act = act("tenant.delete", row.tenant);
    let purge_at = now.plus(app.settings().delete_grace);
    let change = record
        .write(app, move |tx, permit| {
            let row = again(tx, id)?;
            let sessions = tx.tenant(id).sessions().open_count()?;
            if !tx.tenants_mut().delete(id, now, purge_at)? {
                return Ok(act.unchanged());
            }
            tx.invalidate(Scope::Tenant(id));
            let before = json!({
                "status": row.tenant.status,
                "users": row.users,
                "sessions": sessions,
            });
            let after = json!({"status": TenantStatus::Deleted, "purge_at": purge_at});
            let mut change = permit.append(tx, &act, &before, &after)?;
            change.sessions_ended = sessions;
            change.notes.push(format!("it is purged after {purge_at}"));
            Ok(change)
        })
        .await?;
    // Nobody is let in any more; the rows follow, at the latest with the next round of old rows.
    if !is_rehearsal && let Err(error) = end_access(app, id).await {
        tracing::warn!(code = %error.code, "sessions of a deleted tenant were not ended; they will be");
    }
    Ok(change)
}

/// Brings a deleted tenant back, as open or closed as it was. No session and no device revives.
///
/// # Errors
/// `not_found`; `conflict` where the grace is over.
pub async fn restore(
    app: &Arc<App>,
    operator: &Operator,
    request: Restore,
) -> Result<Change, Error> {
    let now = app.now();
    let record = Record::draw(app, operator, now, request.reason.as_deref())?;
    let by = By::Operator(operator);
    let row = find(app, by, request.tenant, TenantScope::Restorable).await?;
    let id = row.tenant.id;
    let act = act("tenant.restore", row.tenant);
    let is_rehearsal = operator.claim.is_rehearsal();
    if !is_rehearsal && row.deletion.is_some() {
        end_access(app, id).await?;
    }
    app.store
        .write(Priority::Urgent, operator.claim.clone(), move |tx| {
            let row = again(tx, id)?;
            let Some(deletion) = row.deletion else {
                return Ok(act.unchanged());
            };
            // Deleted tenants get no new ones, so none is left unless somebody was quicker.
            let ended = tx.housekeeping().end_access(id, now, CHUNK)?;
            if ended >= CHUNK && !is_rehearsal {
                return Err(moved());
            }
            if !tx.tenants_mut().restore(id, now)? {
                return Err(too_late(&act, deletion));
            }
            tx.invalidate(Scope::Tenant(id));
            let before = json!({"status": TenantStatus::Deleted, "purge_at": deletion.purge_at});
            record.append(tx, &act, &before, &json!({"status": row.tenant.status}))
        })
        .await
}

/// Ends what is left to be ended of deleted tenants, and purges those whose grace is over. Returns
/// how many were purged.
///
/// # Errors
/// `unavailable`; the next round goes on.
pub async fn purge(app: &Arc<App>) -> Result<u32, Error> {
    let now = app.now();
    let deleted: Vec<TenantRow> = app
        .store
        .read(|tx| -> Result<_, StoreError> { tx.tenants().deleted(TENANTS) })
        .await
        .map_err(Error::from)?;
    let mut purged = 0_u32;
    for row in deleted {
        let id = row.tenant.id;
        end_access(app, id).await?;
        let is_due = row
            .deletion
            .is_some_and(|deletion| deletion.purge_at <= now);
        if is_due {
            purge_one(app, row.tenant, now).await?;
            purged = purged.saturating_add(1);
        }
    }
    Ok(purged)
}

/// Removes all of a tenant but its name and its chain, and says so in the chain.
async fn purge_one(app: &Arc<App>, tenant: Tenant, now: Time) -> Result<(), Error> {
    let id = tenant.id;
    chunks(app, move |tx| tx.housekeeping().purge(id, CHUNK)).await?;
    let record = Record::of_daemon(app, now)?;
    let act = act("tenant.purge", tenant);
    let slug = act.subject.clone();
    app.store
        .write(
            Priority::Background,
            Claim::detached(),
            move |tx| -> Result<(), Error> {
                tx.tenants_mut().set_purged(id, now)?;
                tx.invalidate(Scope::Tenant(id));
                let before = json!({"status": TenantStatus::Deleted});
                record.append(tx, &act, &before, &Value::Null).map(drop)
            },
        )
        .await?;
    tracing::info!(event = "tenant.purged", tenant = slug, "tenant purged");
    Ok(())
}

/// Ends all sessions of a deleted tenant and removes its devices. One that is there is left alone.
async fn end_access(app: &App, id: TenantId) -> Result<(), Error> {
    let now = app.now();
    chunks(app, move |tx| {
        let row = tx.tenants().ever_by_id(id)?;
        if row.is_none_or(|row| row.deletion.is_none()) {
            return Ok(0);
        }
        tx.housekeeping().end_access(id, now, CHUNK)
    })
    .await
}

/// Repeats a bounded job until there is nothing left for it: others write between.
async fn chunks<F>(app: &App, job: F) -> Result<(), Error>
where
    F: Fn(&dyn WriteTx) -> Result<u32, StoreError> + Clone + Send + 'static,
{
    loop {
        let job = job.clone();
        let moved = app
            .store
            .write(Priority::Background, Claim::detached(), move |tx| job(tx))
            .await
            .map_err(Error::from)?;
        if moved == 0 {
            return Ok(());
        }
    }
}

/// The server demands the confirmation too, whatever a client asked before (operator.md 2.1).
fn check_confirmed(tenant: &Tenant, confirm: Option<&str>) -> Result<(), Error> {
    let slug = &tenant.slug;
    if confirm == Some(slug.as_str()) {
        return Ok(());
    }
    let error = Error::field(
        "/confirm",
        "not_confirmed",
        format!("expected the tenant's slug, {slug}"),
    );
    Err(error.with_hint(format!(
        "In scripts: authctl tenant delete {slug} --confirm={slug}"
    )))
}

fn too_late(act: &Act, deletion: Deletion) -> Error {
    Error::new(
        ErrorCode::Conflict,
        format!(
            "tenant {} cannot be restored: its grace ended at {}",
            act.subject, deletion.purge_at
        ),
    )
    .with_hint("What a backup has of it stays there: authctl backup list")
}
