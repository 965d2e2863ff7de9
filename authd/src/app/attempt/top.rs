//! Who fails most: attempts counted by address, name or tenant.

use std::sync::Arc;

use common::call::attempt::{By, Top};
use common::view::{AttemptTopView, Page};
use store::{AttemptsBy, AttemptsCount, ReadTx, StoreError};

use crate::app::cursor::LIMIT;
use crate::app::{App, Error, Operator, names};

/// Rows where no number is asked for.
const ROWS: u32 = 20;

/// Counts attempts; those with the most failed ones come first.
///
/// # Errors
/// `not_found` for the tenant, `validation_failed` for a limit outside 1 to 200.
pub async fn top(
    app: &Arc<App>,
    _operator: &Operator,
    request: Top,
) -> Result<Page<AttemptTopView>, Error> {
    let limit = request.limit.unwrap_or(ROWS);
    if !(1..=LIMIT).contains(&limit) {
        let range = format!("expected a number from 1 to {LIMIT}");
        return Err(Error::field("/limit", "out_of_range", range));
    }
    let by = match request.by {
        By::Ip => AttemptsBy::Ip,
        By::User => AttemptsBy::Subject,
        By::Tenant => AttemptsBy::Tenant,
    };
    app.store
        .read(move |tx| {
            let tenant = names::tenant_filter(tx, request.tenant.as_deref())?;
            let rows = tx
                .operator()
                .count_attempts(by, tenant, request.since, limit)?;
            let items = rows.into_iter().map(|row| view(tx, row));
            Ok(Page {
                items: items.collect::<Result<_, StoreError>>()?,
                next_cursor: None,
            })
        })
        .await
}

fn view(tx: &dyn ReadTx, row: AttemptsCount) -> Result<AttemptTopView, StoreError> {
    let tenant = match row.tenant {
        Some(id) => tx.tenants().ever_by_id(id)?,
        None => None,
    };
    let user = match row.user {
        Some(id) => tx.operator().user(id)?,
        None => None,
    };
    let unknown = row.subject.filter(|_| row.user.is_none());
    Ok(AttemptTopView {
        ip: row.ip,
        tenant: tenant.map(|row| row.tenant.slug.to_string()),
        user_id: row.user,
        email: user.map(|row| row.user.email.to_string()),
        subject_hash: unknown.map(|key| key.to_hex()),
        failed: row.failed,
        ok: row.succeeded,
        users: row.subjects,
    })
}
