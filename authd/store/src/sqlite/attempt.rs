//! The log of attempts: one row a try, or one row for many (product.md, rule 5).

use common::id::{AttemptId, TenantId, UserId};
use common::time::Time;
use domain::attempt::{Attempt, AttemptRow, Outcome, ROWS_PER_HOUR, Tally};
use domain::lockout::CounterKey;
use rusqlite::params;

use super::row::{Columns, after_id, json};
use super::tx::{TenantTx, Tx};
use crate::error::StoreError;
use crate::resource::{
    Attempts, AttemptsBy, AttemptsCount, AttemptsRead, NewAttempt, PageRequest, TryRow,
};

const HOUR_MILLIS: i64 = 3_600_000;

/// The columns of an attempt, in the order that [`read`] takes them.
pub(super) const COLUMNS: &str = "a.id, a.at, a.tenant_id, a.user_id, a.subject, a.ip, a.outcome, \
    a.device_id, a.device_name, a.device_type, a.request_id, a.trace, a.decision, \
    a.correlation_id, a.count, a.last_at, a.fold_hour";

/// Reads [`COLUMNS`].
pub(super) fn read(columns: &mut Columns<'_, '_>) -> Result<AttemptRow, StoreError> {
    let first = Attempt {
        id: columns.id("attempts.id")?,
        at: columns.time("attempts.at")?,
        tenant_id: columns.id_optional("attempts.tenant_id")?,
        user_id: columns.id_optional("attempts.user_id")?,
        subject: columns.key("attempts.subject")?,
        ip: columns.take("attempts.ip")?,
        outcome: columns.parse("attempts.outcome", |text: String| Outcome::from_name(&text))?,
        device: columns.device("attempts.device_id")?,
        request_id: columns.id_optional("attempts.request_id")?,
        trace: columns.json("attempts.trace")?,
        decision: columns.json_optional("attempts.decision")?,
        correlation_id: columns.take("attempts.correlation_id")?,
    };
    let count = columns.parse("attempts.count", |count: i64| u64::try_from(count).ok())?;
    let last_at = columns.time("attempts.last_at")?;
    let fold_hour: Option<i64> = columns.take("attempts.fold_hour")?;
    Ok(AttemptRow {
        first,
        count,
        last_at: fold_hour.map(|_| last_at),
    })
}

// The sign keeps the planner from the index by tenant, which holds all other users' rows too.
pub(super) const OF: &str = "SELECT a.id, a.at, a.tenant_id, a.user_id, a.subject, a.ip, \
    a.outcome, a.device_id, a.device_name, a.device_type, a.request_id, a.trace, a.decision, \
    a.correlation_id, a.count, a.last_at, a.fold_hour FROM attempts a WHERE +a.tenant_id = ?1 AND a.user_id = ?2 \
    AND a.id < coalesce(?3, x'ffffffffffffffffffffffffffffffffff') ORDER BY a.id DESC LIMIT ?4";

/// The same rows, without what only people read.
pub(super) const TALLIES: &str = "SELECT a.outcome, a.count, a.last_at FROM attempts a \
    WHERE +a.tenant_id = ?1 AND a.user_id = ?2 ORDER BY a.id DESC LIMIT ?3";

impl AttemptsRead for TenantTx<'_> {
    fn tallies_of(&self, user: UserId, limit: u32) -> Result<Vec<Tally>, StoreError> {
        let keys = params![self.id.as_bytes(), user.as_bytes(), limit];
        self.tx.all("attempts.tallies", TALLIES, keys, |columns| {
            let outcome = |text: String| Outcome::from_name(&text);
            Ok(Tally {
                outcome: columns.parse("attempts.outcome", outcome)?,
                count: columns.parse("attempts.count", |count: i64| u64::try_from(count).ok())?,
                last_at: columns.time("attempts.last_at")?,
            })
        })
    }

    fn of(&self, user: UserId, page: &PageRequest) -> Result<Vec<AttemptRow>, StoreError> {
        let after = after_id::<common::id::AttemptKind>(page)?;
        self.tx.all(
            "attempts.of",
            OF,
            params![
                self.id.as_bytes(),
                user.as_bytes(),
                after.map(|id| *id.as_bytes()),
                page.limit
            ],
            read,
        )
    }
}

/// Counts no further than needed, so that a try costs the same however many there were.
pub(super) const ALONE_IN_HOUR: &str = "SELECT count(*) FROM (SELECT 1 FROM attempts \
    WHERE subject = ?1 AND at >= ?2 AND at < ?3 AND fold_hour IS NULL LIMIT ?4)";

impl Tx<'_> {
    fn is_hour_full(&self, attempt: &Attempt, hour: i64) -> Result<bool, StoreError> {
        let start = hour.saturating_mul(HOUR_MILLIS);
        let rows = self.one(
            "attempts.alone_in_hour",
            ALONE_IN_HOUR,
            params![
                attempt.subject.as_bytes(),
                start,
                start.saturating_add(HOUR_MILLIS),
                ROWS_PER_HOUR
            ],
            |columns| columns.take::<u32>("attempts.count"),
        )?;
        Ok(rows.unwrap_or(0) >= ROWS_PER_HOUR)
    }

    fn insert_attempt(&self, attempt: &Attempt, fold_hour: Option<i64>) -> Result<(), StoreError> {
        let device = attempt.device.as_ref();
        self.run(
            "attempts.insert",
            "INSERT INTO attempts (id, at, tenant_id, user_id, subject, ip, outcome, success, \
             device_id, device_name, device_type, request_id, trace, decision, correlation_id, \
             count, last_at, fold_hour) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, \
             ?12, ?13, ?14, ?15, 1, ?2, ?16) \
             ON CONFLICT (subject, fold_hour, outcome) WHERE fold_hour IS NOT NULL DO UPDATE SET \
             count = count + 1, at = min(at, excluded.at), \
             last_at = max(last_at, excluded.last_at), ip = excluded.ip",
            params![
                attempt.id.as_bytes(),
                attempt.at.millis(),
                attempt.tenant_id.map(|id| *id.as_bytes()),
                attempt.user_id.map(|id| *id.as_bytes()),
                attempt.subject.as_bytes(),
                attempt.ip,
                attempt.outcome.as_str(),
                attempt.outcome.is_success(),
                device.map(|device| &device.id),
                device.and_then(|device| device.name.as_ref()),
                device.map(|device| device.kind.as_str()),
                attempt.request_id.map(|id| *id.as_bytes()),
                json(&attempt.trace, "attempts.trace")?,
                attempt
                    .decision
                    .as_ref()
                    .map(|decision| json(decision, "attempts.decision"))
                    .transpose()?,
                attempt.correlation_id,
                fold_hour,
            ],
        )
        .map(drop)
    }
}

impl Tx<'_> {
    pub(super) fn attempts_by(
        &self,
        by: AttemptsBy,
        tenant: Option<TenantId>,
        since: Time,
        limit: u32,
    ) -> Result<Vec<AttemptsCount>, StoreError> {
        // What the rows of a group do not share is left out of them.
        let (columns, group) = match by {
            AttemptsBy::Ip => ("a.ip, NULL, NULL, NULL", "a.ip"),
            AttemptsBy::Subject => (
                "NULL, max(a.tenant_id), max(a.user_id), a.subject",
                "a.subject",
            ),
            AttemptsBy::Tenant => ("NULL, a.tenant_id, NULL, NULL", "a.tenant_id"),
        };
        // The sign keeps the planner on the index by time.
        let sql = format!(
            "SELECT {columns}, sum(iif(a.success = 0, a.count, 0)) AS failed, \
             sum(iif(a.success = 1, a.count, 0)) AS succeeded, count(DISTINCT a.subject) \
             FROM attempts a WHERE a.last_at >= ?1 AND (?2 IS NULL OR +a.tenant_id = ?2) \
             GROUP BY {group} ORDER BY failed DESC, succeeded DESC, {group} LIMIT ?3"
        );
        let tenant = tenant.map(|id| *id.as_bytes());
        let values = params![since.millis(), tenant, limit];
        self.all("attempts.by", &sql, values, read_count)
    }
}

/// Steps from name to name: each of the two indexes holds the rows that the other lacks.
pub(super) const NEXT_SUBJECT: &str = "SELECT min(s) FROM \
    (SELECT min(subject) AS s FROM attempts WHERE subject > ?1 AND fold_hour IS NULL \
    UNION ALL SELECT min(subject) FROM attempts WHERE subject > ?1 AND fold_hour IS NOT NULL)";

/// Rows of one name, single ones and folded ones, each by their own index.
pub(super) const TRIES: &str = "SELECT id, at, last_at, count, outcome, tenant_id, user_id, \
    decision ->> '$.counter' = 'device' FROM \
    (SELECT * FROM attempts WHERE subject = ?1 AND fold_hour IS NULL AND at >= max(?2, ?3) \
    AND (at, id) > (?3, ?4) UNION ALL \
    SELECT * FROM attempts WHERE subject = ?1 AND fold_hour IS NOT NULL AND last_at >= ?2 \
    AND (at, id) > (?3, ?4)) ORDER BY at, id LIMIT ?5";

impl Tx<'_> {
    pub(super) fn next_subject(
        &self,
        after: Option<&CounterKey>,
    ) -> Result<Option<CounterKey>, StoreError> {
        // No key is shorter than 32 bytes, so all come after none.
        let after = after.map_or(&[][..], |key| key.as_bytes());
        let next = self.one("attempts.next_subject", NEXT_SUBJECT, [after], |columns| {
            columns.parse_optional("attempts.subject", |bytes: [u8; 32]| {
                Some(CounterKey::from_bytes(bytes))
            })
        })?;
        Ok(next.flatten())
    }

    pub(super) fn tries_after(
        &self,
        subject: &CounterKey,
        since: Time,
        after: Option<(Time, AttemptId)>,
        limit: u32,
    ) -> Result<Vec<TryRow>, StoreError> {
        let (at, id) = after.map_or((i64::MIN, Vec::new()), |(at, id)| {
            (at.millis(), id.as_bytes().to_vec())
        });
        let values = params![subject.as_bytes(), since.millis(), at, id, limit];
        self.all("attempts.tries", TRIES, values, |columns| {
            Ok(TryRow {
                id: columns.id("attempts.id")?,
                at: columns.time("attempts.at")?,
                last_at: columns.time("attempts.last_at")?,
                count: columns.parse("attempts.count", |count: i64| u64::try_from(count).ok())?,
                outcome: columns
                    .parse("attempts.outcome", |text: String| Outcome::from_name(&text))?,
                tenant: columns.id_optional("attempts.tenant_id")?,
                user: columns.id_optional("attempts.user_id")?,
                on_device: columns
                    .take::<Option<bool>>("attempts.decision")?
                    .unwrap_or(false),
            })
        })
    }
}

fn read_count(columns: &mut Columns<'_, '_>) -> Result<AttemptsCount, StoreError> {
    let number = |count: i64| u64::try_from(count).ok();
    let subject = |bytes: [u8; 32]| Some(CounterKey::from_bytes(bytes));
    Ok(AttemptsCount {
        ip: columns.take("attempts.ip")?,
        tenant: columns.id_optional("attempts.tenant_id")?,
        user: columns.id_optional("attempts.user_id")?,
        subject: columns.parse_optional("attempts.subject", subject)?,
        failed: columns.parse("attempts.count", number)?,
        succeeded: columns.parse("attempts.count", number)?,
        subjects: columns.parse("attempts.subject", number)?,
    })
}

impl Attempts for Tx<'_> {
    fn record(&self, attempt: &NewAttempt) -> Result<(), StoreError> {
        let hour = attempt.at.millis().div_euclid(HOUR_MILLIS);
        let folds = attempt.outcome.folds_at_once() || self.is_hour_full(attempt, hour)?;
        self.insert_attempt(attempt, folds.then_some(hour))
    }
}
