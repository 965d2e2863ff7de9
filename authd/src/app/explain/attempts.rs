//! The attempts that an explanation tells, each with its reasons in words.

use common::view::ExplainedAttempt;
use domain::attempt::{AttemptRow, words};
use store::{AttemptFilter, PageRequest, ReadTx, StoreError};

use crate::app::names::Subject;
use crate::app::{App, Sight, attempt};

/// Attempts that are looked at: enough to find the failures of any threshold between locked tries.
const LOOKED_AT: u32 = 100;

/// The last attempts of a name, the newest first.
pub(super) fn of(
    app: &App,
    tx: &dyn ReadTx,
    subject: &Subject,
) -> Result<Vec<AttemptRow>, StoreError> {
    let filter = match subject {
        Subject::Known(found) => AttemptFilter {
            tenant: Some(found.tenant.id),
            user: Some(found.user.id),
            ..AttemptFilter::default()
        },
        Subject::Unknown { tenant, email } => AttemptFilter {
            tenant: Some(tenant.id),
            subject: Some(app.keys.subject(tenant.slug.as_str(), email)),
            ..AttemptFilter::default()
        },
    };
    let page = PageRequest {
        limit: LOOKED_AT,
        after: None,
    };
    tx.operator().attempts(&filter, &page)
}

/// The rows with the reasons of each.
pub(super) fn explained(
    tx: &dyn ReadTx,
    rows: &[AttemptRow],
) -> Result<Vec<ExplainedAttempt>, StoreError> {
    let views = attempt::views(tx, rows, Sight::Whole)?;
    let explained = views.into_iter().zip(rows).map(|(attempt, row)| {
        let mut why = words(row, &|time| time.to_string());
        if row.count > 1 {
            why.push(format!(
                "{} tries like it are folded into this row; reasons, request and device are the first one's",
                row.count
            ));
        }
        ExplainedAttempt { attempt, why }
    });
    Ok(explained.collect())
}
