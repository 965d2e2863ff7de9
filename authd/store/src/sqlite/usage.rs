//! What tenants use, counted for the operator.

use common::id::TenantId;
use rusqlite::params_from_iter;

use super::row::{Columns, Conditions, id_value, text_value, time_value};
use super::tx::Tx;
use crate::error::StoreError;
use crate::resource::{PageRequest, UsageRow, UsageSince};

/// Attempts are summed once a page, by their last try: a tenant has any number of older ones.
const USAGE: &str = "SELECT t.id, t.slug, t.users, t.max_users, \
    (SELECT count(*) FROM sessions s WHERE s.tenant_id = t.id AND s.ended_at IS NULL \
    AND s.last_active_at > ? AND s.created_at > ?), coalesce(a.good, 0), coalesce(a.bad, 0) \
    FROM tenants t LEFT JOIN (SELECT tenant_id, sum(count * success) AS good, \
    sum(count * (1 - success)) AS bad FROM attempts WHERE last_at >= ? GROUP BY tenant_id) a \
    ON a.tenant_id = t.id";

fn count(columns: &mut Columns<'_, '_>, what: &'static str) -> Result<u64, StoreError> {
    columns.parse(what, |count: i64| u64::try_from(count).ok())
}

fn read(columns: &mut Columns<'_, '_>) -> Result<UsageRow, StoreError> {
    Ok(UsageRow {
        id: columns.id("tenants.id")?,
        tenant: columns.slug("tenants.slug")?,
        users: columns.take("tenants.users")?,
        max_users: columns.take("tenants.max_users")?,
        sessions: count(columns, "sessions.id")?,
        logins: count(columns, "attempts.count")?,
        failed: count(columns, "attempts.count")?,
    })
}

impl Tx<'_> {
    pub(super) fn usage_of(
        &self,
        tenant: Option<TenantId>,
        since: &UsageSince,
        page: &PageRequest,
    ) -> Result<Vec<UsageRow>, StoreError> {
        let mut asked = Conditions::new();
        asked.and("t.deleted_at IS NULL", []);
        asked.and_some("t.id = ?", tenant.map(id_value));
        asked.and_some("t.slug > ?", page.after.as_deref().map(text_value));
        let sql = format!("{USAGE} WHERE {} ORDER BY t.slug LIMIT ?", asked.sql());
        let times = [since.active_after, since.created_after, since.attempts];
        let values = times.map(time_value).into_iter();
        let values = params_from_iter(values.chain(asked.limited(page.limit)));
        self.all("operator.usage", &sql, values, read)
    }
}
