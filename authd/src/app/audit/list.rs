//! The audit log as it is read: changes of all chains, the newest first, and one of them whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use common::call::audit::{List, Show};
use common::id::{AuditId, ClientId, TenantId, UserId};
use common::view::{ActorView, AuditView, Page};
use domain::audit::{Actor, AuditRow};
use serde_json::Value;
use store::{AuditFilter, ReadTx, StoreError};

use crate::app::cursor::Place;
use crate::app::{App, By, Error, Operator, Reach, Sight, names, target};

/// Lists changes, the newest first: an administrator's those of the tenant's own chain, and by an actor
/// whom the administrator is shown.
///
/// # Errors
/// `not_found` for the tenant, and for an administrator's actor that is no id; `permission_denied` for a personal filter on a socket without such
/// data, those of the page.
pub async fn list(
    app: &Arc<App>,
    by: impl Into<By<'_>>,
    request: List,
) -> Result<Page<AuditView>, Error> {
    let by = by.into();
    names::refuse_personal_filters(by, &[("actor", request.actor.is_some())])?;
    let place = Place::by(&app.keys, by, &request, &request.paging())?;
    let (reach, sight) = (by.reach(), Sight::of(by));
    let wanted = request.actor.clone();
    if let (Reach::Within(_), Some(name)) = (reach, &wanted) {
        // Login names and numbers of the operator's are not shown, so they are not to be guessed.
        if name.parse::<UserId>().is_err() && name.parse::<ClientId>().is_err() {
            return Err(Error::not_found());
        }
    }
    app.store
        .read(move |tx| {
            let filter = AuditFilter {
                tenant: match reach {
                    Reach::Everywhere | Reach::Shielded => chain(tx, request.tenant.as_deref())?,
                    Reach::Within(_) => {
                        target::tenant_filter(tx, reach, request.tenant.as_deref())?
                    }
                },
                actor: request.actor,
                action: request.action,
                object: request.object,
                since: request.since,
                until: request.until,
            };
            let (rows, next) = place.collect(
                |row: &AuditRow| row.entry.id.to_string(),
                |row| wanted.is_none() || sight.shows_actor(&row.entry.actor),
                |page| tx.audit().list(&filter, page),
            )?;
            Ok(place.page(views(tx, &rows, sight)?, next.as_deref()))
        })
        .await
}

/// Shows one change with what was before and after.
///
/// # Errors
/// `not_found`.
pub async fn show(app: &Arc<App>, operator: &Operator, request: Show) -> Result<AuditView, Error> {
    let sight = Sight::of(operator);
    app.store
        .read(move |tx| {
            let row = match request.id.parse::<AuditId>() {
                Ok(id) => tx.audit().by_id(id)?,
                Err(_) => None,
            };
            let row =
                row.ok_or_else(|| Error::not_found().with_hint("List: authctl audit list"))?;
            let views = whole_views(tx, std::slice::from_ref(&row), sight)?;
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

/// The rows as they are listed.
///
/// # Errors
/// Those of the store.
pub(super) fn views(
    tx: &dyn ReadTx,
    rows: &[AuditRow],
    sight: Sight,
) -> Result<Vec<AuditView>, StoreError> {
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
            && sight.names_users()
            && !addresses.contains_key(&id)
        {
            let found = tx.operator().user(id)?;
            let found = found.filter(|found| sight.shows_user_of(found.user.tenant_id));
            addresses.insert(id, found.map(|row| row.user.email.to_string()));
        }
    }
    let view_of = |row: &AuditRow| {
        let tenant = row.entry.tenant_id.and_then(|id| slugs.get(&id).cloned());
        let user = row.entry.object.parse::<UserId>().ok();
        let email = user.and_then(|id| addresses.get(&id)?.clone());
        view(row, tenant, email, sight)
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
    sight: Sight,
) -> Result<Vec<AuditView>, StoreError> {
    let views = views(tx, rows, sight)?;
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

fn view(row: &AuditRow, tenant: Option<String>, email: Option<String>, sight: Sight) -> AuditView {
    let entry = &row.entry;
    let reason = entry.payload.get("reason").and_then(Value::as_str);
    AuditView {
        id: entry.id,
        at: entry.at,
        tenant,
        number: row.number,
        action: entry.action.clone(),
        object: entry.object.clone(),
        email: email.filter(|_| sight.names_users()),
        actor: sight.shows_personal().then(|| actor(&entry.actor, sight)),
        reason: reason.filter(|_| sight == Sight::Whole).map(str::to_owned),
        erased: entry.payload.is_null(),
        before: None,
        after: None,
    }
}

/// Who made a change, as the operator is shown it.
pub(in crate::app) fn who(row: &AuditRow) -> ActorView {
    actor(&row.entry.actor, Sight::Whole)
}

fn actor(actor: &Actor, sight: Sight) -> ActorView {
    if sight != Sight::Whole {
        return ActorView {
            uid: None,
            user: None,
            sudo_uid: None,
            pid: None,
            channel: actor.channel.clone(),
            user_id: actor.user_id.filter(|_| sight.shows_actor(actor)),
            tenant_id: actor.tenant_id,
            client_id: actor.client_id.filter(|_| sight.shows_actor(actor)),
        };
    }
    ActorView {
        uid: actor.uid,
        user: actor.user.clone(),
        sudo_uid: actor.sudo_uid,
        pid: actor.pid,
        channel: actor.channel.clone(),
        user_id: actor.user_id,
        tenant_id: actor.tenant_id,
        client_id: actor.client_id,
    }
}
