//! What follows a change of limits: each session and each device that the floors mean is told so by its
//! own row, in jobs of a few rows, and then the floors go. Nobody waits for that to be refused; it may
//! stop at any point, and the next round of old rows goes on.

use std::sync::Arc;

use common::id::{SessionId, TenantId};
use common::time::Time;
use domain::session::{EndReason, Floors, Session};
use store::{Claim, Priority, ReadTx, Scope, StoreError, WriteTx};

use super::edit::{self, Edit};
use crate::app::{App, Error, housekeeping};

/// Sessions or devices that one job may change.
const CHUNK: u32 = 200;
/// Sessions that one read looks at.
const PAGE: u32 = 1000;

/// How many sessions an edit is about to end: alive by what holds, and not by what will.
///
/// # Errors
/// `unavailable`.
pub(super) async fn ending(
    app: &Arc<App>,
    tenant: TenantId,
    edit: &Edit,
    now: Time,
) -> Result<u32, Error> {
    let (app_of_read, edit) = (Arc::clone(app), edit.clone());
    let read = app
        .store
        .read(move |tx| edit::limits(&app_of_read, tx, tenant, &edit));
    let Some([then, holds]) = read.await.map_err(Error::from)? else {
        return Ok(0);
    };
    let mut all = 0_u32;
    let mut after = None;
    loop {
        let page = open_after(app, tenant, after).await?;
        let next = behind(&page);
        let sessions = page.into_iter().map(|session| app.with_last_use(session));
        let ending = sessions.filter(|session| {
            let last_active = session.last_active_at;
            session.is_alive(&then, last_active, now) && !session.is_alive(&holds, last_active, now)
        });
        all = all.saturating_add(u32::try_from(ending.count()).unwrap_or(u32::MAX));
        if next.is_none() {
            return Ok(all);
        }
        after = next;
    }
}

/// Settles what a change has left, also where nobody waits for the answer any more. The change itself
/// holds whatever comes of this.
pub(in crate::app) async fn after(app: &Arc<App>, tenant: TenantId) {
    let app = Arc::clone(app);
    let settled = tokio::spawn(async move {
        settle(&app, tenant).await?;
        housekeeping::bound_locks_of(&app, store::Whose::Tenant(tenant)).await
    });
    let settled = settled.await.map_err(Error::internal);
    if let Err(error) = settled.and_then(|settled| settled) {
        tracing::warn!(code = %error.code, "rows that a change of limits ended do not say so; they will");
    }
}

/// Ends whatever a tenant's floors mean, and takes the floors away.
///
/// # Errors
/// `unavailable`; the floors hold, and the next round goes on.
pub async fn settle(app: &Arc<App>, tenant: TenantId) -> Result<(), Error> {
    let read = app.store.read(move |tx| floors(tx, tenant));
    let floors = read.await.map_err(Error::from)?;
    if floors == Floors::NONE {
        return Ok(());
    }
    end_sessions(app, tenant, floors).await?;
    loop {
        let removed = write(app, move |tx| {
            let rows = tx.tenant_mut(tenant);
            rows.devices_mut().delete_unused(floors.device, CHUNK)
        });
        if removed.await? < CHUNK {
            break;
        }
    }
    // Where they were raised meanwhile, whoever did it settles them.
    write(app, move |tx| {
        tx.tenant_mut(tenant)
            .settings_mut()
            .unset_floors(&floors)
            .map(drop)
    })
    .await
}

fn floors(tx: &dyn ReadTx, tenant: TenantId) -> Result<Floors, StoreError> {
    Ok(tx.tenant(tenant).settings().all()?.floors)
}

async fn end_sessions(app: &Arc<App>, tenant: TenantId, floors: Floors) -> Result<(), Error> {
    let mut after = None;
    loop {
        let page = open_after(app, tenant, after).await?;
        // As far as the disk knows: what was used since is written with its use.
        let meant: Vec<SessionId> = page
            .iter()
            .filter(|session| floors.mean(session, session.last_active_at))
            .map(|session| session.id)
            .collect();
        for chunk in meant.chunks(CHUNK as usize) {
            let (app_of_write, chunk, now) = (Arc::clone(app), chunk.to_vec(), app.now());
            write(app, move |tx| {
                for &id in &chunk {
                    end(&app_of_write, tx, (tenant, id), floors, now)?;
                }
                Ok(())
            })
            .await?;
        }
        after = behind(&page);
        if after.is_none() {
            return Ok(());
        }
    }
}

/// Ends a session that the floors mean; the last use of another is put on disk, above them.
fn end(
    app: &App,
    tx: &dyn WriteTx,
    (tenant, id): (TenantId, SessionId),
    floors: Floors,
    now: Time,
) -> Result<(), StoreError> {
    let rows = tx.tenant_mut(tenant);
    let Some(session) = rows.sessions().by_id(id)? else {
        return Ok(());
    };
    let session = app.with_last_use(session);
    let last_active = session.last_active_at;
    if !floors.mean(&session, last_active) {
        return rows.sessions_mut().touch(id, last_active);
    }
    if rows.sessions_mut().end(id, now, EndReason::Expired)? {
        tx.invalidate(Scope::Session(id));
    }
    Ok(())
}

/// A page of the open sessions, with their last uses on disk only.
async fn open_after(
    app: &App,
    tenant: TenantId,
    after: Option<SessionId>,
) -> Result<Vec<Session>, Error> {
    let read = app
        .store
        .read(move |tx| tx.tenant(tenant).sessions().open_after(after, PAGE));
    read.await.map_err(Error::from)
}

/// Behind which session the next page begins.
fn behind(page: &[Session]) -> Option<SessionId> {
    let is_whole = page.len() >= PAGE as usize;
    page.last().filter(|_| is_whole).map(|session| session.id)
}

async fn write<T: Send + 'static>(
    app: &App,
    job: impl Fn(&dyn WriteTx) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Error> {
    let written = app.store.write(Priority::Normal, Claim::detached(), job);
    written.await.map_err(Error::from)
}
