//! The audit log as it is read: changes of all chains, the newest first, and one of them whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use common::call::Socket;
use common::call::audit::{List, Show};
use common::id::{AuditId, TenantId, UserId};
use common::view::{ActorView, AuditView, Page};
use domain::audit::{Actor, AuditRow};
use serde_json::Value;
use store::{AuditFilter, ReadTx, StoreError};

use crate::app::cursor::Place;
use crate::app::{App, Error, Operator, names};

/// Lists changes, the newest first.
///
/// # Errors
/// `not_found` for the tenant, `permission_denied` for a personal filter on a socket without such
/// data, those of the page.
pub async fn list(
    app: &Arc<App>,
    operator: &Operator,
    request: List,
) -> Result<Page<AuditView>, Error> {
    names::refuse_personal_filters(operator, &[("actor", request.actor.is_some())])?;
    let place = Place::of(&app.keys, &request, &request.paging())?;
    let socket = operator.socket;
    app.store
        .read(move |tx| {
            let filter = AuditFilter {
                tenant: chain(tx, request.tenant.as_deref())?,
                actor: request.actor,
                action: request.action,
                object: request.object,
                since: request.since,
                until: request.until,
            };
            let (rows, next) = place.collect(
                |row: &AuditRow| row.entry.id.to_string(),
                |_| true,
                |page| tx.audit().list(&filter, page),
            )?;
            Ok(place.page(views(tx, &rows, socket)?, next.as_deref()))
        })
        .await
}

/// Shows one change with what was before and after.
///
/// # Errors
/// `not_found`.
pub async fn show(app: &Arc<App>, operator: &Operator, request: Show) -> Result<AuditView, Error> {
    let socket = operator.socket;
    app.store
        .read(move |tx| {
            let row = match request.id.parse::<AuditId>() {
                Ok(id) => tx.audit().by_id(id)?,
                Err(_) => None,
            };
            let row =
                row.ok_or_else(|| Error::not_found().with_hint("List: authctl audit list"))?;
            let views = whole_views(tx, std::slice::from_ref(&row), socket)?;
            views.into_iter().next().ok_or_else(Error::not_found)
        })
        .await
}

/// The chain that a name stands for; that of a tenant that is gone has its id alone.
pub(super) fn chain(tx: &dyn ReadTx, name: Option<&str>) -> Result<Option<TenantId>, Error> {
    match name.map(str::parse::<TenantId>) {
        Some(Ok(id)) => Ok(Some(id)),
        _ => Ok(name
            .map(|name| names::former_tenant(tx, name))
            .transpose()?
            .map(|tenant| tenant.id)),
    }
}

fn views(tx: &dyn ReadTx, rows: &[AuditRow], socket: Socket) -> Result<Vec<AuditView>, StoreError> {
    let mut slugs: BTreeMap<TenantId, String> = BTreeMap::new();
    let mut addresses: BTreeMap<UserId, Option<String>> = BTreeMap::new();
    for row in rows {
        if let Some(id) = row.entry.tenant_id
            && !slugs.contains_key(&id)
        {
            let row = tx.tenants().ever_by_id(id)?;
            let name = row.map_or_else(|| id.to_string(), |row| row.tenant.slug.to_string());
            slugs.insert(id, name);
        }
        if let Ok(id) = row.entry.object.parse::<UserId>()
            && socket == Socket::Admin
            && !addresses.contains_key(&id)
        {
            let found = tx.operator().user(id)?;
            addresses.insert(id, found.map(|row| row.user.email.to_string()));
        }
    }
    let view_of = |row: &AuditRow| {
        let tenant = row.entry.tenant_id.and_then(|id| slugs.get(&id).cloned());
        let user = row.entry.object.parse::<UserId>().ok();
        let email = user.and_then(|id| addresses.get(&id)?.clone());
        view(row, tenant, email, socket)
    };
    Ok(rows.iter().map(view_of).collect())
}

/// The rows with what was before and after.
///
/// # Errors
/// Those of the store.
pub(super) fn whole_views(
    tx: &dyn ReadTx,
    rows: &[AuditRow],
    socket: Socket,
) -> Result<Vec<AuditView>, StoreError> {
    let views = views(tx, rows, socket)?;
    let whole = views.into_iter().zip(rows).map(|(view, row)| {
        let part = |name: &str| row.entry.payload.get(name).cloned();
        AuditView {
            before: part("before").filter(|value| !value.is_null()),
            after: part("after").filter(|value| !value.is_null()),
            ..view
        }
    });
    Ok(whole.collect())
}

fn view(
    row: &AuditRow,
    tenant: Option<String>,
    email: Option<String>,
    socket: Socket,
) -> AuditView {
    let entry = &row.entry;
    let shows_personal = socket == Socket::Admin;
    let reason = entry.payload.get("reason").and_then(Value::as_str);
    AuditView {
        id: entry.id,
        at: entry.at,
        tenant,
        number: row.number,
        action: entry.action.clone(),
        object: entry.object.clone(),
        email: email.filter(|_| shows_personal),
        actor: shows_personal.then(|| actor(&entry.actor)),
        reason: reason.filter(|_| shows_personal).map(str::to_owned),
        erased: entry.payload.is_null(),
        before: None,
        after: None,
    }
}

fn actor(actor: &Actor) -> ActorView {
    ActorView {
        uid: actor.uid,
        user: actor.user.clone(),
        sudo_uid: actor.sudo_uid,
        pid: actor.pid,
        channel: actor.channel.clone(),
        user_id: actor.user_id,
        tenant_id: actor.tenant_id,
    }
}
