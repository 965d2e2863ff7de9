//! The audit log whole, for keeping elsewhere: chain by chain, each from its beginning, so that the
//! numbers show that none is missing.

use std::sync::Arc;

use common::call::audit::Export;
use common::id::TenantId;
use common::view::{AuditView, Page};
use domain::audit::AuditRow;
use store::{ReadTx, StoreError};

use super::list::{chain, whole_views};
use crate::app::cursor::{Place, invalid};
use crate::app::{App, Error, Operator, Sight};

/// Gives a part of the log.
///
/// # Errors
/// `not_found` for the tenant, those of the page.
pub async fn export(
    app: &Arc<App>,
    operator: &Operator,
    request: Export,
) -> Result<Page<AuditView>, Error> {
    let place = Place::of(&app.keys, &request, &request.paging())?;
    let after = place.after.as_deref().map(read).transpose()?;
    let sight = Sight::of(operator);
    app.store
        .read(move |tx| {
            let chains = match request.tenant.as_deref() {
                Some(name) => vec![chain(tx, Some(name))?],
                None => tx.audit().chains()?,
            };
            let mut rows = rows(tx, chains, after, place.limit())?;
            let is_last = rows.len() <= place.limit();
            rows.truncate(place.limit());
            let next = rows.last().filter(|_| !is_last).map(write);
            Ok(place.page(whole_views(tx, &rows, sight)?, next.as_deref()))
        })
        .await
}

/// One row more than wanted, where there is one.
fn rows(
    tx: &dyn ReadTx,
    mut chains: Vec<Option<TenantId>>,
    after: Option<(Option<TenantId>, u64)>,
    limit: usize,
) -> Result<Vec<AuditRow>, StoreError> {
    chains.sort();
    let wanted = limit.saturating_add(1);
    let mut rows = Vec::new();
    for chain in chains {
        let from = match after {
            Some((before, _)) if chain < before => continue,
            Some((before, number)) if chain == before => number.saturating_add(1),
            _ => 0,
        };
        let room = u32::try_from(wanted.saturating_sub(rows.len())).unwrap_or(u32::MAX);
        if room == 0 {
            break;
        }
        rows.extend(tx.audit().rows(chain, from, room)?);
    }
    Ok(rows)
}

/// Chain and number of the last row, as the cursor holds them.
fn write(row: &AuditRow) -> String {
    let chain = row.entry.tenant_id.map(|id| id.to_string());
    format!("{}/{}", chain.unwrap_or_default(), row.number)
}

fn read(place: &str) -> Result<(Option<TenantId>, u64), Error> {
    let (chain, number) = place.split_once('/').ok_or_else(invalid)?;
    let chain = match chain {
        "" => None,
        id => Some(id.parse().map_err(|_| invalid())?),
    };
    Ok((chain, number.parse().map_err(|_| invalid())?))
}
