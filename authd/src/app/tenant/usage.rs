//! What tenants use: users, sessions, and the logins of the last day.

use std::sync::Arc;
use std::time::Duration;

use common::call::tenant::Usage;
use common::view::{Page, TenantUsageView};
use store::{UsageRow, UsageSince};

use crate::app::cursor::Place;
use crate::app::tenant::effective;
use crate::app::{App, Error, Operator, names};

/// How far back attempts are counted.
const DAY: Duration = Duration::from_hours(24);

/// Tells what tenants use, by slug.
///
/// # Errors
/// `not_found` for the tenant, those of the page.
pub async fn usage(
    app: &Arc<App>,
    _operator: &Operator,
    request: Usage,
) -> Result<Page<TenantUsageView>, Error> {
    let place = Place::of(&app.keys, &request, &request.paging())?;
    let now = app.now();
    let base = Arc::clone(&app.settings().tenant);
    let limits = &base.session_limits;
    let since = UsageSince {
        active_after: now.minus(limits.idle_timeout),
        created_after: now.minus(limits.max_age),
        attempts: now.minus(DAY),
    };
    app.store
        .read(move |tx| {
            let tenant = names::tenant_filter(tx, request.tenant.as_deref())?;
            let (rows, next) = place.collect(
                |row: &UsageRow| row.tenant.to_string(),
                |_| true,
                |page| tx.operator().usage(tenant, &since, page),
            )?;
            let items = rows
                .iter()
                .map(|row| {
                    // Counted above by the times of the installation.
                    let sessions = if tx.tenant(row.id).settings().all()?.is_empty() {
                        row.sessions
                    } else {
                        effective::alive_sessions(Arc::clone(&base), tx, row.id, now)?
                    };
                    Ok(view(row, sessions))
                })
                .collect::<Result<_, Error>>()?;
            Ok(place.page(items, next.as_deref()))
        })
        .await
}

fn view(row: &UsageRow, sessions: u64) -> TenantUsageView {
    TenantUsageView {
        tenant: row.tenant.to_string(),
        users: row.users,
        max_users: row.max_users,
        sessions,
        logins_24h: row.logins,
        failed_24h: row.failed,
    }
}
