//! The audit rows that events are about, as the stream of events shows them.

use std::collections::BTreeMap;

use common::id::AuditId;
use common::view::AuditView;
use domain::event::{Happened, Happening};
use store::{ReadTx, StoreError};

use super::list::views;
use crate::app::Sight;

/// The rows of the changes among the events, by their ids; those that were pruned are not there.
///
/// # Errors
/// Those of the store.
pub fn event_views(
    tx: &dyn ReadTx,
    events: &[Happening],
    sight: Sight,
) -> Result<BTreeMap<AuditId, AuditView>, StoreError> {
    let mut rows = Vec::new();
    for event in events {
        if let Happened::Change(id) = &event.what {
            rows.extend(tx.audit().by_id(*id)?);
        }
    }
    let views = views(tx, &rows, sight)?;
    Ok(views.into_iter().map(|view| (view.id, view)).collect())
}
