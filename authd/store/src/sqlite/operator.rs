//! Lists over all tenants, for the operator: conditions put together from what was asked for.
//! Every list is read from a place on (its last row's key), never by skipping rows.

use common::email::Email;
use common::id::{AttemptId, AttemptKind, RequestId, RoleId, SessionKind, TenantId, UserId};
use common::time::Time;
use domain::attempt::AttemptRow;
use domain::lockout::CounterKey;
use domain::rights::Right;
use domain::setting::{self, Setting};
use domain::tenant::{Slug, TenantStatus};
use rusqlite::types::Value;
use rusqlite::{params, params_from_iter};

use super::row::{
    BAD_AFTER, Columns, Conditions, after_id, id_value, key_value, text_value, time_value,
};
use super::tx::Tx;
use super::{attempt, counter, grant, session, tenant, user};
use crate::error::StoreError;
use crate::resource::{
    AttemptFilter, AttemptsBy, AttemptsCount, ClientFilter, ClientRow, CountersRead, Counts,
    LockoutFilter, LockoutRow, OperatorRead, PageRequest, RegistrationFilter, RegistrationRow,
    RoleCrowd, RoleFilter, RoleRow, SessionFilter, SessionRow, TenantFilter, TenantRow,
    TenantScope, TryRow, UsageRow, UsageSince, UserFilter, UserRow,
};

/// Users with one address that are shown at most.
const BY_EMAIL_LIMIT: u32 = 20;

impl OperatorRead for Tx<'_> {
    fn tenants(
        &self,
        filter: &TenantFilter,
        page: &PageRequest,
    ) -> Result<Vec<TenantRow>, StoreError> {
        let mut asked = Conditions::new();
        match filter.scope {
            TenantScope::Present => asked.and("t.deleted_at IS NULL", []),
            TenantScope::Restorable => asked.and("t.purged_at IS NULL", []),
            TenantScope::All => {}
        }
        match filter.status {
            Some(TenantStatus::Deleted) => asked.and("t.deleted_at IS NOT NULL", []),
            Some(status) => {
                asked.and("t.deleted_at IS NULL", []);
                asked.and("t.status = ?", [text_value(status.as_str())]);
            }
            None => {}
        }
        asked.and_some("t.plan = ?", filter.plan.as_deref().map(text_value));
        asked.and_some("t.ends_at <= ?", filter.ending_before.map(time_value));
        asked.and_some("t.slug > ?", page.after.as_deref().map(text_value));
        let sql = format!(
            "SELECT {}, {} FROM tenants t WHERE {} ORDER BY t.slug LIMIT ?",
            tenant::COLUMNS,
            tenant::ROW_COLUMNS,
            asked.sql(),
        );
        let values = params_from_iter(asked.limited(page.limit));
        self.all("operator.tenants", &sql, values, tenant::read_row)
    }

    fn usage(
        &self,
        tenant: Option<TenantId>,
        since: &UsageSince,
        page: &PageRequest,
    ) -> Result<Vec<UsageRow>, StoreError> {
        self.usage_of(tenant, since, page)
    }

    fn users(&self, filter: &UserFilter, page: &PageRequest) -> Result<Vec<UserRow>, StoreError> {
        let Some(after) = &page.after else {
            return self.users_where(user_conditions(filter), page.limit);
        };
        let (slug, email) = after.split_once('/').ok_or(BAD_AFTER)?;
        // The rest of the tenant first, then the tenants behind it: both by their indexes.
        let mut rest = user_conditions(filter);
        rest.and("t.slug = ?", [text_value(slug)]);
        rest.and("u.email > ?", [text_value(email)]);
        let mut rows = self.users_where(rest, page.limit)?;
        let found = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        if found < page.limit {
            let mut behind = user_conditions(filter);
            behind.and("t.slug > ?", [text_value(slug)]);
            rows.extend(self.users_where(behind, page.limit.saturating_sub(found))?);
        }
        Ok(rows)
    }

    fn clients(
        &self,
        filter: &ClientFilter,
        page: &PageRequest,
    ) -> Result<Vec<ClientRow>, StoreError> {
        self.list_clients(filter, page)
    }

    fn roles(&self, filter: &RoleFilter, page: &PageRequest) -> Result<Vec<RoleRow>, StoreError> {
        self.list_roles(filter, page)
    }

    fn role(&self, id: RoleId) -> Result<Option<RoleRow>, StoreError> {
        self.one_role(id)
    }

    fn roles_by_right(&self, tenant: Option<TenantId>) -> Result<Vec<(Right, u64)>, StoreError> {
        self.count_roles_by_right(tenant)
    }

    fn users_by_email(&self, email: &Email) -> Result<Vec<UserRow>, StoreError> {
        let mut asked = Conditions::new();
        asked.and("u.email = ?", [text_value(email.as_str())]);
        self.users_where(asked, BY_EMAIL_LIMIT)
    }

    fn user(&self, id: UserId) -> Result<Option<UserRow>, StoreError> {
        let mut asked = Conditions::new();
        asked.and("u.id = ?", [id_value(id)]);
        Ok(self.users_where(asked, 1)?.pop())
    }

    fn sessions(
        &self,
        filter: &SessionFilter,
        page: &PageRequest,
    ) -> Result<Vec<SessionRow>, StoreError> {
        let asked = session_conditions(filter, page)?;
        let sql = format!(
            "SELECT {}, t.slug, u.email FROM sessions s JOIN tenants t ON t.id = s.tenant_id \
             JOIN users u ON u.id = s.user_id WHERE t.deleted_at IS NULL AND {} \
             ORDER BY s.id DESC LIMIT ?",
            session::COLUMNS,
            asked.sql(),
        );
        let values = params_from_iter(asked.limited(page.limit));
        self.all("operator.sessions", &sql, values, |columns| {
            Ok(SessionRow {
                session: session::read(columns)?,
                tenant: columns.slug("tenants.slug")?,
                email: columns.email("users.email")?,
            })
        })
    }

    fn lockouts(
        &self,
        filter: &LockoutFilter,
        page: &PageRequest,
    ) -> Result<Vec<LockoutRow>, StoreError> {
        let mut rows = Vec::new();
        for (key, tenant, email) in self.locked_names(filter, page)? {
            // A name that is locked now is not over, whatever is left of its tries.
            if let Some(lockout) = self.lockout(&key, filter.since)? {
                rows.push(LockoutRow {
                    lockout,
                    tenant,
                    email,
                });
            }
        }
        Ok(rows)
    }

    fn attempts(
        &self,
        filter: &AttemptFilter,
        page: &PageRequest,
    ) -> Result<Vec<AttemptRow>, StoreError> {
        let asked = attempt_conditions(filter, page)?;
        let sql = format!(
            "SELECT {} FROM attempts a WHERE {} ORDER BY a.id DESC LIMIT ?",
            attempt::COLUMNS,
            asked.sql(),
        );
        let values = params_from_iter(asked.limited(page.limit));
        self.all("operator.attempts", &sql, values, attempt::read)
    }

    fn registrations(
        &self,
        filter: &RegistrationFilter,
        page: &PageRequest,
    ) -> Result<Vec<RegistrationRow>, StoreError> {
        self.registrations_where(filter, page)
    }

    fn attempt(&self, id: AttemptId) -> Result<Option<AttemptRow>, StoreError> {
        let sql = format!(
            "SELECT {} FROM attempts a WHERE a.id = ?1",
            attempt::COLUMNS
        );
        self.one(
            "operator.attempt",
            &sql,
            params![id.as_bytes()],
            attempt::read,
        )
    }

    fn count_attempts(
        &self,
        by: AttemptsBy,
        tenant: Option<TenantId>,
        since: Time,
        limit: u32,
    ) -> Result<Vec<AttemptsCount>, StoreError> {
        self.attempts_by(by, tenant, since, limit)
    }

    fn crowd(&self, crowd: &RoleCrowd) -> Result<(u64, u64), StoreError> {
        grant::crowd(self, crowd)
    }

    fn next_tried(&self, after: Option<&CounterKey>) -> Result<Option<CounterKey>, StoreError> {
        self.next_subject(after)
    }

    fn tries_of(
        &self,
        subject: &CounterKey,
        since: Time,
        after: Option<(Time, AttemptId)>,
        limit: u32,
    ) -> Result<Vec<TryRow>, StoreError> {
        self.tries_after(subject, since, after, limit)
    }

    fn tenants_with_settings(&self) -> Result<Vec<TenantId>, StoreError> {
        Tx::tenants_with_settings(self)
    }

    fn setting_values(&self, setting: Setting) -> Result<Vec<setting::Value>, StoreError> {
        self.values_of_setting(setting)
    }

    fn counts(
        &self,
        now: Time,
        active_after: Time,
        created_after: Time,
    ) -> Result<Counts, StoreError> {
        let counts = self.count_tenants()?;
        Ok(Counts {
            sessions: self.count_sessions(active_after, created_after)?,
            locked: self.count_locked(now)?,
            ..counts
        })
    }
}

fn count(columns: &mut Columns<'_, '_>, what: &'static str) -> Result<u64, StoreError> {
    columns.parse(what, |count: i64| u64::try_from(count).ok())
}

/// A key of a counter together with the tenant and the address behind it, where they are known.
type LockedName = (CounterKey, Option<Slug>, Option<Email>);

impl Tx<'_> {
    fn users_where(&self, asked: Conditions, limit: u32) -> Result<Vec<UserRow>, StoreError> {
        let sql = format!(
            "SELECT {}, t.slug, c.locked_until, coalesce(c.manual, 0), c.manual_until \
             FROM tenants t JOIN users u ON u.tenant_id = t.id \
             LEFT JOIN counters c ON c.key = u.subject \
             WHERE t.deleted_at IS NULL AND {} ORDER BY t.slug, u.email LIMIT ?",
            user::COLUMNS,
            asked.sql(),
        );
        let values = params_from_iter(asked.limited(limit));
        self.all("operator.users", &sql, values, read_user)
    }

    fn locked_names(
        &self,
        filter: &LockoutFilter,
        page: &PageRequest,
    ) -> Result<Vec<LockedName>, StoreError> {
        let mut asked = Conditions::new();
        asked.and("c.kind = 'subject'", []);
        asked.and(LOCKED, lock_values(filter.at));
        asked.and_some("c.tenant_id = ?", filter.tenant.map(id_value));
        asked.and_some("c.last_ip = ?", filter.ip.as_deref().map(text_value));
        if !filter.include_unknown {
            asked.and("u.id IS NOT NULL", []);
        }
        if let Some(after) = &page.after {
            let key = bytes_of_hex(after).ok_or(BAD_AFTER)?;
            asked.and("c.key > ?", [Value::Blob(key)]);
        }
        let sql = format!(
            "SELECT c.key, t.slug, u.email FROM counters c \
             LEFT JOIN users u ON u.subject = c.key \
             LEFT JOIN tenants t ON t.id = coalesce(c.tenant_id, u.tenant_id) \
             WHERE t.deleted_at IS NULL AND {} ORDER BY c.key LIMIT ?",
            asked.sql(),
        );
        let values = params_from_iter(asked.limited(page.limit));
        self.all("operator.lockouts", &sql, values, |columns| {
            Ok((
                columns.key("counters.key")?,
                columns.parse_optional("tenants.slug", |text: String| text.parse().ok())?,
                columns.parse_optional("users.email", |text: String| text.parse().ok())?,
            ))
        })
    }

    fn count_tenants(&self) -> Result<Counts, StoreError> {
        let counts = self.one(
            "operator.count_tenants",
            "SELECT coalesce(sum(slug <> 'system'), 0), \
             coalesce(sum(slug <> 'system' AND status = 'suspended'), 0), \
             coalesce(sum(users), 0) FROM tenants WHERE deleted_at IS NULL",
            [],
            |columns| {
                Ok(Counts {
                    tenants: count(columns, "tenants.slug")?,
                    tenants_suspended: count(columns, "tenants.status")?,
                    users: count(columns, "tenants.users")?,
                    ..Counts::default()
                })
            },
        )?;
        Ok(counts.unwrap_or_default())
    }

    fn count_sessions(&self, active_after: Time, created_after: Time) -> Result<u64, StoreError> {
        let alive = self.one(
            "operator.count_sessions",
            "SELECT count(*) FROM sessions \
             WHERE ended_at IS NULL AND last_active_at > ?1 AND created_at > ?2 \
             AND NOT EXISTS \
             (SELECT 1 FROM tenant_settings o WHERE o.tenant_id = sessions.tenant_id)",
            params![active_after.millis(), created_after.millis()],
            |columns| count(columns, "sessions.id"),
        )?;
        Ok(alive.unwrap_or(0))
    }

    fn count_locked(&self, now: Time) -> Result<u64, StoreError> {
        let sql = format!("SELECT count(*) FROM counters c WHERE c.kind = 'subject' AND {LOCKED}");
        let values = params_from_iter(lock_values(now));
        let locked = self.one("operator.count_locked", &sql, values, |columns| {
            count(columns, "counters.key")
        })?;
        Ok(locked.unwrap_or(0))
    }
}

/// Whether a counter is locked at the time given twice.
const LOCKED: &str =
    "(c.locked_until > ? OR c.manual = 2 OR (c.manual = 1 AND c.manual_until > ?))";

/// Whether a user may what the given right says, by the flag or by a role.
const MAY: &str = "(u.is_tenant_admin = 1 OR u.id IN (SELECT m.user_id FROM user_roles m \
    JOIN role_permissions p ON p.role_id = m.role_id WHERE p.permission IN (?, 'ALL_PERMISSIONS')))";

/// The opposite of [`LOCKED`], for a user who may have no counter.
const NOT_LOCKED: &str = "(coalesce(c.locked_until, -1) <= ? AND coalesce(c.manual, 0) <> 2 \
    AND (coalesce(c.manual, 0) <> 1 OR c.manual_until <= ?))";

fn lock_values(at: Time) -> [Value; 2] {
    [time_value(at), time_value(at)]
}

fn read_user(columns: &mut Columns<'_, '_>) -> Result<UserRow, StoreError> {
    let user = user::read(columns)?;
    let tenant = columns.slug("tenants.slug")?;
    let by_failures = columns.time_optional("counters.locked_until")?;
    let manual = counter::manual(columns)?;
    Ok(UserRow {
        user,
        tenant,
        locked_until: by_failures.max(manual.and_then(|manual| manual.until)),
        locked_for_good: manual.is_some_and(|manual| manual.until.is_none()),
    })
}

fn user_conditions(filter: &UserFilter) -> Conditions {
    let mut asked = Conditions::new();
    asked.and_some("u.tenant_id = ?", filter.tenant.map(id_value));
    let status = filter.status.map(|status| text_value(status.as_str()));
    asked.and_some("u.status = ?", status);
    match filter.locked {
        Some((true, at)) => asked.and(LOCKED, lock_values(at)),
        Some((false, at)) => asked.and(NOT_LOCKED, lock_values(at)),
        None => {}
    }
    let admin = filter
        .tenant_admin
        .map(|admin| Value::Integer(admin.into()));
    asked.and_some("u.is_tenant_admin = ?", admin);
    asked.and_some(
        "COALESCE(u.last_login_at, u.created_at) < ?",
        filter.inactive_since.map(time_value),
    );
    let pattern = filter.email_contains.as_deref().map(contains);
    asked.and_some(r"u.email LIKE ? ESCAPE '\'", pattern);
    asked.and_some(
        "u.id IN (SELECT user_id FROM user_roles WHERE role_id = ?)",
        filter.role.map(id_value),
    );
    for (name, value) in &filter.external_refs {
        let path = Value::Text(format!("$.{name}"));
        let value = Value::Text(value.clone());
        asked.and("json_extract(u.external_refs, ?) = ?", [path, value]);
    }
    asked.and_some(
        MAY,
        filter.may.as_ref().map(|right| text_value(right.as_str())),
    );
    asked
}

/// A pattern that matches a text literally.
fn contains(text: &str) -> Value {
    let mut pattern = String::from("%");
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    Value::Text(pattern)
}

fn session_conditions(
    filter: &SessionFilter,
    page: &PageRequest,
) -> Result<Conditions, StoreError> {
    let mut asked = Conditions::new();
    asked.and("s.ended_at IS NULL", []);
    asked.and("s.last_active_at > ?", [time_value(filter.active_after)]);
    asked.and("s.created_at > ?", [time_value(filter.created_after)]);
    // With a user asked for, the sign keeps the planner from the longer index by tenant.
    let by_tenant = if filter.user.is_some() {
        "+s.tenant_id = ?"
    } else {
        "s.tenant_id = ?"
    };
    asked.and_some(by_tenant, filter.tenant.map(id_value));
    asked.and_some("s.user_id = ?", filter.user.map(id_value));
    asked.and_some("s.device_id = ?", filter.device.as_deref().map(text_value));
    asked.and_some("s.ip = ?", filter.ip.as_deref().map(text_value));
    asked.and_some("s.last_active_at < ?", filter.idle_since.map(time_value));
    asked.and_some("s.id < ?", after_id::<SessionKind>(page)?.map(id_value));
    Ok(asked)
}

fn attempt_conditions(
    filter: &AttemptFilter,
    page: &PageRequest,
) -> Result<Conditions, StoreError> {
    let mut asked = Conditions::new();
    // As for sessions.
    let by_tenant = if filter.user.is_some() {
        "+a.tenant_id = ?"
    } else {
        "a.tenant_id = ?"
    };
    asked.and_some(by_tenant, filter.tenant.map(id_value));
    asked.and_some("a.user_id = ?", filter.user.map(id_value));
    asked.and_some("a.subject = ?", filter.subject.map(key_value));
    asked.and_some("a.ip = ?", filter.ip.as_deref().map(text_value));
    if filter.failed {
        asked.and("a.success = 0", []);
    }
    asked.and_some("a.last_at >= ?", filter.since.map(time_value));
    if let Some(request) = filter.request {
        // No index has requests, which would cost every login; ids of both kinds begin with their time.
        let [from, to] = around(request);
        asked.and(
            "a.id >= ? AND a.id <= ? AND a.request_id = ?",
            [from, to, id_value(request)],
        );
    }
    let correlation = filter.correlation_id.as_deref().map(text_value);
    asked.and_some("a.correlation_id = ?", correlation);
    asked.and_some("a.id < ?", after_id::<AttemptKind>(page)?.map(id_value));
    Ok(asked)
}

/// The ids of attempts that a request may have made: from a minute before its own time, since the clock
/// may have been set back between the two, to ten minutes after it.
fn around(request: RequestId) -> [Value; 2] {
    let mut millis = [0; 8];
    for (to, from) in millis.iter_mut().skip(2).zip(request.as_bytes()) {
        *to = *from;
    }
    let millis = u64::from_be_bytes(millis);
    let id = |millis: u64, rest: u8| {
        let mut id = vec![rest; 16];
        for (to, from) in id.iter_mut().zip(millis.to_be_bytes().into_iter().skip(2)) {
            *to = from;
        }
        Value::Blob(id)
    };
    let (from, to) = (
        millis.saturating_sub(BEFORE_REQUEST_MILLIS),
        millis.saturating_add(AFTER_REQUEST_MILLIS),
    );
    [id(from, 0), id(to, u8::MAX)]
}

const BEFORE_REQUEST_MILLIS: u64 = 60_000;
const AFTER_REQUEST_MILLIS: u64 = 600_000;

fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    (0..32)
        .map(|n| {
            let start = 2_usize.checked_mul(n)?;
            u8::from_str_radix(text.get(start..start.checked_add(2)?)?, 16).ok()
        })
        .collect()
}
