//! What is counted in the database, and the newest backup. Counting a million sessions takes a reader
//! a while, so it is done once a minute at most, however often and by however many it is asked for.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use common::tally::float;
use common::time::Time;
use common::view::{BackupStatus, Family};
use store::{Counts, OutboxCounts, PageRequest, ReadTx, TenantFilter};

use crate::app::status::ENDING;
use crate::app::tenant::effective;
use crate::app::{App, Error, backup, status};

/// How long figures are good.
const LIFE: Duration = Duration::from_secs(60);
/// Longest wait for the database.
const PATIENCE: Duration = Duration::from_secs(5);
/// Tenants that are looked at in one go.
const PAGE: u32 = 200;
/// Tenants that are told apart.
const TENANTS: usize = 10_000;

/// What was counted last; clones share it.
#[derive(Clone, Default)]
pub(super) struct LastStanding(Arc<Last>);

#[derive(Default)]
struct Last {
    standing: Mutex<Option<(Instant, Arc<Standing>)>>,
    is_counting: AtomicBool,
}

/// How the installation stands.
pub(super) struct Standing {
    at: Time,
    counts: Counts,
    ending: usize,
    /// Slug, users and sessions of each; none unless they are to be told apart.
    tenants: Option<Vec<(String, u32, u64)>>,
    mail: OutboxCounts,
    has_post: bool,
    backup: Option<BackupStatus>,
}

impl LastStanding {
    /// The figures as they were counted last; none if the database has not answered yet.
    pub(super) async fn get(&self, app: &Arc<App>) -> Option<Arc<Standing>> {
        let by_tenant = app.settings().tenant_label;
        let is_good = |standing: &(Instant, Arc<Standing>)| {
            standing.0.elapsed() < LIFE && standing.1.tenants.is_some() == by_tenant
        };
        if !self.known().as_ref().is_some_and(is_good) {
            self.count(app, by_tenant).await;
        }
        self.known().map(|(_, standing)| standing)
    }

    /// Counts anew, unless that goes on already, and waits a while for the end: who watches wants the
    /// other figures then. What comes later is for the next who asks.
    async fn count(&self, app: &Arc<App>, by_tenant: bool) {
        if self.0.is_counting.swap(true, Ordering::AcqRel) {
            return;
        }
        let (last, app) = (Arc::clone(&self.0), Arc::clone(app));
        let counting = tokio::spawn(async move {
            match Standing::count(&app, by_tenant).await {
                Ok(standing) => *last.lock() = Some((Instant::now(), Arc::new(standing))),
                Err(error) => {
                    tracing::warn!(code = %error.code, "the figures of the database were not counted");
                }
            }
            last.is_counting.store(false, Ordering::Release);
        });
        if tokio::time::timeout(PATIENCE, counting).await.is_err() {
            tracing::warn!("counting the figures of the database takes long");
        }
    }

    fn known(&self) -> Option<(Instant, Arc<Standing>)> {
        self.0.lock().clone()
    }
}

impl Last {
    fn lock(&self) -> MutexGuard<'_, Option<(Instant, Arc<Standing>)>> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Standing {
    async fn count(app: &Arc<App>, by_tenant: bool) -> Result<Self, Error> {
        let now = app.now();
        let reader = Arc::clone(app);
        let (counts, ending, tenants, mail) = app
            .store
            .read(move |tx| {
                let counts = status::counts(&reader, tx, now)?;
                let tenants = by_tenant.then(|| tenants(&reader, tx, now)).transpose()?;
                let mail = tx.outbox().counts()?;
                Ok::<_, Error>((counts, ending(tx, now)?, tenants, mail))
            })
            .await?;
        Ok(Self {
            at: now,
            counts,
            ending,
            tenants,
            mail,
            has_post: app.mail.open().is_some(),
            backup: backup::newest(app).await,
        })
    }

    /// The figures as they stand at `now`.
    pub(super) fn families(&self, now: Time) -> Vec<Family> {
        let counts = &self.counts;
        let oldest = self.mail.oldest_queued_at;
        let age = oldest.map_or(Duration::ZERO, |oldest| now.since(oldest));
        let backup = self.backup.as_ref().map(|backup| backup.at.seconds_f64());
        let mut families = vec![
            Family::gauge(
                "authd_counted_timestamp_seconds",
                "When the following figures were counted, in seconds since 1970.",
            )
            .with(self.at.seconds_f64()),
            Family::gauge("authd_tenants", "Tenants, system apart.").count(counts.tenants),
            Family::gauge("authd_tenants_suspended", "Tenants that are suspended.")
                .count(counts.tenants_suspended),
            Family::gauge(
                "authd_subscriptions_ending",
                "Tenants whose subscription ends within 14 days.",
            )
            .size(self.ending),
            Family::gauge(
                "authd_names_locked",
                "Names that are locked now, known and unknown ones.",
            )
            .count(counts.locked),
            Family::gauge("authd_mails_queued", "Mails that wait.").count(self.mail.queued),
            Family::gauge(
                "authd_mails_dead",
                "Mails that were given up and are still kept.",
            )
            .count(self.mail.dead),
            Family::gauge(
                "authd_mail_queue_age_seconds",
                "How long the mail that waits longest has waited.",
            )
            .with(age.as_secs_f64()),
            Family::gauge(
                "authd_mail_post",
                "Whether mails leave at all (mail.transport).",
            )
            .flag(self.has_post),
            Family::gauge(
                "authd_backup_newest_timestamp_seconds",
                "Moment that the newest backup in backup.dir shows, in seconds since 1970.",
            )
            .maybe(backup),
        ];
        families.extend(self.people());
        families
    }

    /// Users and sessions, of all or of each tenant.
    fn people(&self) -> [Family; 2] {
        let mut users = Family::gauge("authd_users", "Users that are not deleted.");
        let mut sessions = Family::gauge("authd_sessions", "Sessions that are alive.");
        let Some(tenants) = &self.tenants else {
            return [
                users.count(self.counts.users),
                sessions.count(self.counts.sessions),
            ];
        };
        for (slug, of_users, of_sessions) in tenants {
            let labels = [("tenant", slug.as_str())];
            users = users.labelled(&labels, f64::from(*of_users));
            sessions = sessions.labelled(&labels, float(*of_sessions));
        }
        [users, sessions]
    }
}

/// Users and sessions of the first tenants by slug.
fn tenants(app: &App, tx: &dyn ReadTx, now: Time) -> Result<Vec<(String, u32, u64)>, Error> {
    let base = &app.settings().tenant;
    let mut found = Vec::new();
    each(tx, &TenantFilter::default(), |row| {
        let alive = effective::alive_sessions(Arc::clone(base), tx, row.tenant.id, now)?;
        found.push((row.tenant.slug.to_string(), row.users, alive));
        Ok(found.len() < TENANTS)
    })?;
    Ok(found)
}

/// How many subscriptions end soon.
fn ending(tx: &dyn ReadTx, now: Time) -> Result<usize, Error> {
    let filter = TenantFilter {
        ending_before: Some(now.plus(ENDING)),
        ..TenantFilter::default()
    };
    let mut ending = 0_usize;
    each(tx, &filter, |row| {
        let ends_at = row.tenant.ends_at;
        ending = ending.saturating_add(usize::from(ends_at.is_some_and(|end| end > now)));
        Ok(true)
    })?;
    Ok(ending)
}

/// Looks at tenants, page by page, until one look says that it is enough.
fn each(
    tx: &dyn ReadTx,
    filter: &TenantFilter,
    mut look: impl FnMut(&store::TenantRow) -> Result<bool, Error>,
) -> Result<(), Error> {
    let mut page = PageRequest {
        limit: PAGE,
        after: None,
    };
    loop {
        let rows = tx.operator().tenants(filter, &page)?;
        for row in &rows {
            if !look(row)? {
                return Ok(());
            }
        }
        let Some(last) = rows.last() else {
            return Ok(());
        };
        page.after = Some(last.tenant.slug.to_string());
    }
}
