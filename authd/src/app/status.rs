//! The daemon at a glance, and whether it is alive.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use common::call::status::{Ping, Status};
use common::time::Time;
use common::view::{
    ApiStatus, CacheStatus, Counts, DatabaseStatus, KeyStatus, RedisStatus, StatusView,
    VersionView, Warning,
};
use domain::key::{KeyState, planned_end};
use domain::tenant::Tenant;
use store::{DatabaseInfo, PageRequest, ReadTx, StoreError, TenantFilter, TenantRow};

use crate::app::daemon::Steering;
use crate::app::stats::Figures;
use crate::app::tenant::effective;
use crate::app::{App, Error, Operator, backup, db, mail};

/// Tenants that are looked at for warnings; more would make a glance a walk.
const WARNING_ROWS: u32 = 200;
/// Warnings of one kind that are shown.
const WARNINGS_LIMIT: usize = 20;
/// Taken seats in percent from which a tenant is near its limit.
const NEAR_LIMIT_PERCENT: u64 = 95;
/// Time before the end of a subscription in which it is told (rule 15).
pub(super) const ENDING: Duration = Duration::from_hours(14 * 24);

/// Figures of the last minute of the HTTP side.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Traffic {
    /// Answers a second.
    pub requests_per_second: f64,
    /// 99th percentile of the time to answer; none without requests.
    pub p99_seconds: Option<f64>,
    /// Share of 5xx answers, 0 to 1.
    pub error_rate: f64,
}

/// Where the figures of the HTTP side come from.
pub trait TrafficFigures: Send + Sync {
    /// Those of the last minute.
    fn traffic(&self) -> Traffic;
}

/// What only the start of the daemon knows, for `status`.
pub struct Running {
    /// When it became ready.
    pub started_at: Time,
    /// Files that the configuration was read from, in order.
    pub config_files: Vec<String>,
    /// Public address.
    pub public_url: String,
    /// Addresses bound.
    pub listen: Vec<String>,
    /// Figures of the HTTP side.
    pub traffic: Arc<dyn TrafficFigures>,
    /// Counters that are not the use cases', and what was counted last of the database.
    pub figures: Figures,
    /// The way to the parts of the daemon that are not the use cases'.
    pub steering: Arc<dyn Steering>,
    /// What was found at the start or since, such as `proxy_untrusted`.
    pub warnings: Arc<dyn Fn() -> Vec<Warning> + Send + Sync>,
}

/// One-screen overview.
///
/// # Errors
/// Those of the store.
pub async fn status(
    app: &Arc<App>,
    running: &Running,
    operator: &Operator,
    _request: Status,
) -> Result<StatusView, Error> {
    let now = app.now();
    let reader = Arc::clone(app);
    let (counts, mut warnings) = app
        .store
        .read(move |tx| Ok::<_, Error>((counts(&reader, tx, now)?, tenant_warnings(tx, now)?)))
        .await?;
    let mail = mail::standing(app, operator).await?;
    let info = app.store.info();
    warnings.extend(database_warnings(&info));
    warnings.extend(db::warning(info.free_bytes, app.settings().min_free));
    warnings.extend((running.warnings)());
    Ok(StatusView {
        status: state(app).to_owned(),
        version: common::VERSION.to_owned(),
        pid: std::process::id(),
        started_at: running.started_at,
        config_files: running.config_files.clone(),
        api: api(running),
        database: database(&info),
        cache: cache(app),
        keys: keys(app),
        mail,
        counts: Counts {
            tenants: counts.tenants,
            tenants_suspended: counts.tenants_suspended,
            users: counts.users,
            sessions: counts.sessions,
            locked: counts.locked,
        },
        backup: backup::newest(app).await,
        warnings,
    })
}

/// How many of what there are, each tenant's sessions by its own times.
///
/// # Errors
/// Those of the store.
pub(super) fn counts(app: &App, tx: &dyn ReadTx, now: Time) -> Result<store::Counts, StoreError> {
    let base = Arc::clone(&app.settings().tenant);
    let limits = &base.session_limits;
    let active_after = now.minus(limits.idle_timeout);
    let created_after = now.minus(limits.max_age);
    let mut counts = tx.operator().counts(now, active_after, created_after)?;
    for tenant in tx.operator().tenants_with_settings()? {
        match effective::alive_sessions(Arc::clone(&base), tx, tenant, now) {
            Ok(alive) => counts.sessions = counts.sessions.saturating_add(alive),
            // Its users are refused, and the overview is not.
            Err(StoreError::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(counts)
}

/// Is it alive: answers after one read of the database.
///
/// # Errors
/// Those of the store.
pub async fn ping(
    app: &Arc<App>,
    _operator: &Operator,
    _request: Ping,
) -> Result<VersionView, Error> {
    app.store
        .read(|tx| tx.meta().value("issuer").map(drop).map_err(Error::from))
        .await?;
    Ok(version(app))
}

/// Version of daemon, protocol and schema.
pub fn version(app: &App) -> VersionView {
    VersionView {
        version: common::VERSION.to_owned(),
        protocol: common::ADMIN_PROTOCOL,
        schema: app.store.info().schema,
    }
}

fn state(app: &App) -> &'static str {
    if app.draining.load(Ordering::Acquire) {
        "draining"
    } else if app.maintenance.peek().is_some() {
        "maintenance"
    } else {
        "running"
    }
}

fn api(running: &Running) -> ApiStatus {
    let traffic = running.traffic.traffic();
    ApiStatus {
        public_url: running.public_url.clone(),
        listen: running.listen.clone(),
        requests_per_second: traffic.requests_per_second,
        p99_seconds: traffic.p99_seconds,
        error_rate: traffic.error_rate,
    }
}

fn database(info: &DatabaseInfo) -> DatabaseStatus {
    DatabaseStatus {
        backend: info.backend.to_owned(),
        path: info.path.display().to_string(),
        bytes: info.bytes,
        wal_bytes: info.wal_bytes,
        free_bytes: info.free_bytes,
        schema: info.schema,
        pending: info.pending,
    }
}

fn cache(app: &App) -> CacheStatus {
    let stats = app.cache.stats();
    CacheStatus {
        entries: stats.entries,
        hits: stats.hits,
        misses: stats.misses,
        redis: redis(app),
    }
}

/// How it stands with the Redis beside the database; none where none is configured.
pub fn redis(app: &App) -> Option<RedisStatus> {
    let standing = app.shared.standing()?;
    let connection = standing.connection;
    Some(RedisStatus {
        address: connection.address,
        connected: connection.is_up,
        for_seconds: connection.lasts.as_secs(),
        reason: connection.reason,
        hits: standing.hits,
        misses: standing.misses,
        refused: standing.refused,
        answered: connection.answered,
        failed: connection.failed,
        skipped: connection.skipped,
        dropped: connection.dropped,
        losses: connection.losses,
        heard_seconds_ago: connection.heard_ago.map(|ago| ago.as_secs()),
    })
}

/// How the signing keys stand.
pub(super) fn keys(app: &App) -> KeyStatus {
    let signing = app.keys.signing();
    let active = signing
        .rows()
        .iter()
        .find(|key| key.state == KeyState::Active);
    // One that is announced begins at its own time.
    let next = signing
        .rows()
        .iter()
        .filter(|key| key.state == KeyState::Announced)
        .map(|key| key.activates_at)
        .min();
    let planned = || active.map(|key| planned_end(key, &app.settings().keys));
    KeyStatus {
        total: signing.published(),
        active_kid: signing.kid().to_owned(),
        rotates_at: next.or_else(planned),
    }
}

fn warning(code: &str, tenant: Option<&Tenant>, message: String) -> Warning {
    Warning {
        code: code.to_owned(),
        tenant: tenant.map(|tenant| tenant.slug.to_string()),
        message,
    }
}

fn database_warnings(info: &DatabaseInfo) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if info.pending > 0 {
        let message = format!("{} migrations of the database are pending", info.pending);
        warnings.push(warning("migrations_pending", None, message));
    }
    if info.wal_held {
        let message = format!(
            "the write-ahead log has {} MiB and grows: a reader keeps an old state of the database open",
            info.wal_bytes >> 20
        );
        warnings.push(warning("wal_held", None, message));
    }
    warnings
}

/// Tenants that are about to run out of seats or time.
fn tenant_warnings(tx: &dyn ReadTx, now: Time) -> Result<Vec<Warning>, StoreError> {
    let page = PageRequest {
        limit: WARNING_ROWS,
        after: None,
    };
    let tenants = tx.operator().tenants(&TenantFilter::default(), &page)?;
    let full = tenants.iter().filter_map(near_limit).take(WARNINGS_LIMIT);
    let mut warnings: Vec<Warning> = full.collect();
    let ending = TenantFilter {
        ending_before: Some(now.plus(ENDING)),
        ..TenantFilter::default()
    };
    let tenants = tx.operator().tenants(&ending, &page)?;
    let ends = tenants
        .iter()
        .filter_map(|row| ending_soon(&row.tenant, now));
    warnings.extend(ends.take(WARNINGS_LIMIT));
    Ok(warnings)
}

fn near_limit(row: &TenantRow) -> Option<Warning> {
    let seats = row.tenant.max_users?;
    let taken = u64::from(row.users).saturating_mul(100);
    let is_near = row.users > 0 && taken >= u64::from(seats).saturating_mul(NEAR_LIMIT_PERCENT);
    is_near.then(|| {
        let message = format!(
            "tenant \"{}\" has {} of {seats} users",
            row.tenant.slug, row.users
        );
        warning("tenant_near_limit", Some(&row.tenant), message)
    })
}

fn ending_soon(tenant: &Tenant, now: Time) -> Option<Warning> {
    let ends_at = tenant.ends_at.filter(|_| !tenant.slug.is_system())?;
    let (code, verb) = if ends_at > now {
        ("subscription_ending", "ends")
    } else {
        ("subscription_ended", "ended")
    };
    let message = format!(
        "the subscription of tenant \"{}\" {verb} {ends_at}",
        tenant.slug
    );
    Some(warning(code, Some(tenant), message))
}

#[cfg(test)]
mod tests {
    use common::id::TenantId;
    use common::view::TenantStatus;

    use super::*;

    fn row(seats: Option<u32>, users: u32, ends_at: Option<Time>) -> TenantRow {
        TenantRow {
            tenant: Tenant {
                id: TenantId::from_bytes([1; 16]),
                slug: "acme".parse().unwrap(),
                name: "Acme".to_owned(),
                status: TenantStatus::Active,
                time_zone: "UTC".to_owned(),
                plan: "pro".to_owned(),
                ends_at,
                max_users: seats,
                created_at: Time::default(),
                updated_at: Time::default(),
            },
            users,
            deletion: None,
            restored_at: None,
        }
    }

    #[test]
    fn a_tenant_is_near_its_limit_from_95_percent_on() {
        let message = near_limit(&row(Some(100), 98, None)).unwrap().message;
        assert_eq!(message, "tenant \"acme\" has 98 of 100 users");
        assert!(near_limit(&row(Some(100), 94, None)).is_none());
        assert!(near_limit(&row(Some(0), 0, None)).is_none());
        assert!(near_limit(&row(None, 1_000_000, None)).is_none());
    }

    #[test]
    fn an_end_is_told_before_and_after() {
        let code = |end| {
            let row = row(None, 1, Some(Time::from_millis(end)));
            ending_soon(&row.tenant, Time::from_millis(100)).map(|warning| warning.code)
        };
        assert_eq!(code(101).as_deref(), Some("subscription_ending"));
        assert_eq!(code(100).as_deref(), Some("subscription_ended"));
    }
}
