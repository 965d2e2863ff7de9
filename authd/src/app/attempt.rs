//! The log of login attempts, as who administers reads it (rule 5), and a user its own part.

mod prune;
mod top;

use std::collections::BTreeMap;
use std::sync::Arc;

use common::call::attempt::{List, Show};
use common::call::{Paging, UserRef};
use common::id::{AttemptId, TenantId, UserId};
use common::view::{AttemptView, Page};
use domain::attempt::AttemptRow;
use store::{AttemptFilter, ReadTx, StoreError};

pub use prune::prune;
pub use top::top;

use crate::app::cursor::Place;
use crate::app::names::Subject;
use crate::app::origin::Origin;
use crate::app::{App, By, Caller, Error, Operator, Reach, Sight, names, target};
use crate::crypto::KeyRing;

/// Lists attempts, the newest first: an administrator's those of the tenant alone (A9). The operator
/// finds with a tenant also those for an address that no user has.
///
/// # Errors
/// Those of [`target::subject`], `permission_denied` for a personal filter on a socket without
/// such data, those of the page.
pub async fn list(
    app: &Arc<App>,
    by: impl Into<By<'_>>,
    request: List,
) -> Result<Page<AttemptView>, Error> {
    let by = by.into();
    let user = request.user.as_deref();
    let personal = [
        ("user", names::is_personal(user)),
        ("ip", request.ip.is_some()),
    ];
    names::refuse_personal_filters(by, &personal)?;
    let origin = Origin::parse(app, request.ip.as_deref())?;
    let place = Place::by(&app.keys, by, &request, &request.paging())?;
    let (reach, sight) = (by.reach(), Sight::of(by));
    let keys = Arc::clone(&app.keys);
    app.store
        .read(move |tx| {
            let whose = whose(
                tx,
                &keys,
                reach,
                request.tenant.clone(),
                request.user.clone(),
            )?;
            let filter = AttemptFilter {
                ip: origin.stored.clone(),
                failed: request.failed,
                since: request.since,
                ..whose
            };
            let (rows, next) = place.collect(
                |row: &AttemptRow| row.first.id.to_string(),
                |row| origin.keeps(row.first.ip.as_deref()),
                |page| tx.operator().attempts(&filter, page),
            )?;
            Ok(place.page(views(tx, &rows, sight)?, next.as_deref()))
        })
        .await
}

/// Shows one row of the log with its trace.
///
/// # Errors
/// `not_found`.
pub async fn show(
    app: &Arc<App>,
    operator: &Operator,
    request: Show,
) -> Result<AttemptView, Error> {
    let sight = Sight::of(operator);
    app.store
        .read(move |tx| {
            let row = match request.id.parse::<AttemptId>() {
                Ok(id) => tx.operator().attempt(id)?,
                Err(_) => None,
            };
            let lacking = || Error::not_found().with_hint("List: authctl attempt list");
            let row = row.ok_or_else(lacking)?;
            views(tx, std::slice::from_ref(&row), sight)?
                .pop()
                .ok_or_else(lacking)
        })
        .await
}

/// A page of the attempts to sign in as the caller, the newest first; how authd came to its decision
/// is the operator's to see.
///
/// # Errors
/// Those of the page.
pub async fn own(app: &App, caller: &Caller, paging: &Paging) -> Result<Page<AttemptView>, Error> {
    let place = Place::of_own(&app.keys, "me/login-attempts", caller, paging)?;
    let (tenant, user) = (caller.tenant_id, caller.user_id);
    app.store
        .read(move |tx| -> Result<_, StoreError> {
            let rows = tx.tenant(tenant);
            let (rows, next) = place.collect(
                |row: &AttemptRow| row.first.id.to_string(),
                |_| true,
                |page| rows.attempts().of(user, page),
            )?;
            let items = rows
                .iter()
                .map(|row| AttemptView {
                    trace: Vec::new(),
                    decision: None,
                    correlation_id: None,
                    ..view(row, None, None, Sight::Whole)
                })
                .collect();
            Ok(place.page(items, next.as_deref()))
        })
        .await
        .map_err(Error::from)
}

/// Narrows the list to a tenant, and to one user or name of it.
fn whose(
    tx: &dyn ReadTx,
    keys: &KeyRing,
    reach: Reach,
    tenant: Option<String>,
    user: Option<String>,
) -> Result<AttemptFilter, Error> {
    let Some(name) = user else {
        return Ok(AttemptFilter {
            tenant: target::tenant_filter(tx, reach, tenant.as_deref())?,
            ..AttemptFilter::default()
        });
    };
    Ok(
        match target::subject(tx, reach, &UserRef { tenant, name })? {
            Subject::Known(found) => AttemptFilter {
                tenant: Some(found.tenant.id),
                user: Some(found.user.id),
                ..AttemptFilter::default()
            },
            Subject::Unknown { tenant, email } => AttemptFilter {
                tenant: Some(tenant.id),
                subject: Some(keys.subject(tenant.slug.as_str(), &email)),
                ..AttemptFilter::default()
            },
        },
    )
}

/// The rows as they are shown, with the names of their tenants and users.
///
/// # Errors
/// Those of the store.
pub fn views(
    tx: &dyn ReadTx,
    rows: &[AttemptRow],
    sight: Sight,
) -> Result<Vec<AttemptView>, StoreError> {
    let mut slugs: BTreeMap<TenantId, Option<String>> = BTreeMap::new();
    let mut addresses: BTreeMap<UserId, Option<String>> = BTreeMap::new();
    for row in rows {
        if let Some(id) = row.first.tenant_id
            && sight.is_operators()
            && !slugs.contains_key(&id)
        {
            let row = tx.tenants().ever_by_id(id)?;
            slugs.insert(id, row.map(|row| row.tenant.slug.to_string()));
        }
        if let Some(id) = row.first.user_id
            && sight.names_users()
            && !addresses.contains_key(&id)
        {
            let found = tx.operator().user(id)?;
            addresses.insert(id, found.map(|row| row.user.email.to_string()));
        }
    }
    let view_of = |row: &AttemptRow| {
        let tenant = row.first.tenant_id.and_then(|id| slugs.get(&id)?.clone());
        let email = row.first.user_id.and_then(|id| addresses.get(&id)?.clone());
        view(row, tenant, email, sight)
    };
    Ok(rows.iter().map(view_of).collect())
}

fn view(
    row: &AttemptRow,
    tenant: Option<String>,
    email: Option<String>,
    sight: Sight,
) -> AttemptView {
    let first = &row.first;
    let shows_personal = sight.shows_personal();
    AttemptView {
        id: first.id,
        at: first.at,
        tenant,
        user_id: first.user_id,
        email: email.filter(|_| sight.names_users()),
        subject_hash: first.user_id.is_none().then(|| first.subject.to_hex()),
        ip: first.ip.clone().filter(|_| shows_personal),
        success: first.outcome.is_success(),
        outcome: first.outcome.as_str().to_owned(),
        device: first.device.clone().filter(|_| shows_personal),
        count: row.count,
        last_at: row.last_at.filter(|_| row.count > 1),
        request_id: first
            .request_id
            .filter(|_| sight.is_operators())
            .map(|id| id.to_string()),
        trace: if sight == Sight::Whole {
            first.trace.clone()
        } else {
            Vec::new()
        },
        decision: first.decision.clone().filter(|_| sight == Sight::Whole),
        correlation_id: first
            .correlation_id
            .clone()
            .filter(|_| sight == Sight::Whole),
    }
}

#[cfg(test)]
mod tests {
    use common::id::AttemptId;
    use common::time::Time;
    use domain::attempt::{Attempt, Outcome};
    use domain::device::{Device, DeviceType};
    use domain::lockout::CounterKey;

    use super::*;

    fn row(user_id: Option<UserId>) -> AttemptRow {
        AttemptRow {
            first: Attempt {
                id: AttemptId::from_bytes([1; 16]),
                at: Time::default(),
                tenant_id: Some(TenantId::from_bytes([2; 16])),
                user_id,
                subject: CounterKey::from_bytes([0xab; 32]),
                ip: Some("203.0.113.7".to_owned()),
                outcome: Outcome::WrongPassword,
                device: Some(Device {
                    id: "canary-device".to_owned(),
                    name: Some("canary-name".to_owned()),
                    kind: DeviceType::Mobile,
                }),
                request_id: None,
                trace: vec!["canary-trace".to_owned()],
                decision: None,
                correlation_id: None,
            },
            count: 1,
            last_at: Some(Time::default()),
        }
    }

    #[test]
    fn a94_the_monitor_socket_sees_no_address_device_or_trace() {
        let user = Some(UserId::from_bytes([3; 16]));
        let view = view(
            &row(user),
            Some("acme".to_owned()),
            Some("canary@acme.test".to_owned()),
            Sight::Masked,
        );
        let text = serde_json::to_string(&view).unwrap();
        assert!(
            !text.contains("canary") && !text.contains("203.0.113"),
            "{text}"
        );
        assert!(text.contains("wrong_password"));
    }

    #[test]
    fn rule_5_a_name_that_no_user_has_is_a_hash() {
        let unknown = view(&row(None), None, None, Sight::Whole);
        assert_eq!(unknown.subject_hash.unwrap(), "ab".repeat(32));
        let known = view(
            &row(Some(UserId::from_bytes([3; 16]))),
            None,
            None,
            Sight::Whole,
        );
        assert_eq!(known.subject_hash, None);
        assert_eq!(known.last_at, None);
    }
}
