//! Work beside the requests: last uses to disk, old rows away, an eye on the clock, the watchdog.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::ballast;
use super::process::TASKS_GRACE;
use crate::app::audit::{LoggedHeads, log_heads};
use crate::app::{App, db, follow, health, housekeeping, key, mail, tenant};

/// Time between two rounds of removing old rows.
const PRUNE_EVERY: Duration = Duration::from_secs(300);
/// Shortest time between two rounds of writing last uses.
const FLUSH_LEAST: Duration = Duration::from_secs(1);
/// Time between two looks at the clock and at the signing keys.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The wall clock may be slewed by so much between two looks; more is a jump.
const SLEW: Duration = Duration::from_millis(500);

/// Time between two rounds of logging the heads of the audit chains.
const HEADS_EVERY: Duration = Duration::from_hours(1);

/// Time between two looks at the room beside the database; statvfs costs nothing.
const ROOM_EVERY: Duration = Duration::from_secs(10);

/// Tasks that run until the daemon ends.
pub(super) struct Tasks {
    set: JoinSet<()>,
}

/// Starts them.
pub(super) fn start(
    app: &Arc<App>,
    flush_every: watch::Receiver<Duration>,
    stopping: watch::Receiver<bool>,
) -> Tasks {
    let mut set = JoinSet::new();
    set.spawn(flush(Arc::clone(app), flush_every, stopping.clone()));
    set.spawn(prune(Arc::clone(app), stopping.clone()));
    set.spawn(watch_clock(Arc::clone(app), stopping.clone()));
    set.spawn(tend_keys(Arc::clone(app), stopping.clone()));
    set.spawn(heads(Arc::clone(app), stopping.clone()));
    set.spawn(room(Arc::clone(app), stopping.clone()));
    set.spawn(follow::run(
        Arc::clone(app),
        app.shared.bus(),
        stopping.clone(),
    ));
    set.spawn(mail::run(Arc::clone(app), stopping.clone()));
    if let Some(limit) = sd_notify::watchdog_enabled() {
        set.spawn(watchdog(Arc::clone(app), limit / 2, stopping));
    }
    Tasks { set }
}

impl Tasks {
    /// Waits for their end, for a while.
    pub(super) async fn ended(mut self) {
        let all = async { while self.set.join_next().await.is_some() {} };
        if tokio::time::timeout(TASKS_GRACE, all).await.is_err() {
            tracing::warn!("background tasks were cut off");
        }
    }
}

/// Runs `work` once every so often until the daemon ends.
async fn every<F, W>(period: Duration, mut stopping: watch::Receiver<bool>, mut work: F)
where
    F: FnMut() -> W,
    W: Future<Output = ()>,
{
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => work().await,
            _ = stopping.changed() => return,
        }
    }
}

/// Writes last uses every so often; another time holds at once.
async fn flush(
    app: Arc<App>,
    mut period: watch::Receiver<Duration>,
    mut stopping: watch::Receiver<bool>,
) {
    loop {
        let wait = (*period.borrow_and_update()).max(FLUSH_LEAST);
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            Ok(()) = period.changed() => continue,
            _ = stopping.changed() => return,
        }
        if let Err(error) = housekeeping::flush_activity(&app, false).await {
            tracing::warn!(code = %error.code, "last uses were not written; they will be");
        }
    }
}

async fn prune(app: Arc<App>, stopping: watch::Receiver<bool>) {
    every(PRUNE_EVERY, stopping, || async {
        if let Err(error) = housekeeping::prune(&app).await {
            tracing::warn!(code = %error.code, "old rows were not removed; they will be");
        }
        if let Err(error) = tenant::purge(&app).await {
            tracing::warn!(code = %error.code, "deleted tenants were not purged; they will be");
        }
        if let Err(error) = tenant::warnings::warn(&app).await {
            tracing::warn!(code = %error.code, "ends of subscriptions were not told of; they will be");
        }
    })
    .await;
}

/// Logs jumps of the wall clock, and sees to it that a lock outlasts none that went back.
async fn watch_clock(app: Arc<App>, stopping: watch::Receiver<bool>) {
    let mut last = (app.now(), Instant::now());
    let is_due = Arc::new(AtomicBool::new(false));
    every(LOOK_EVERY, stopping, || {
        let (now, instant) = (app.now(), Instant::now());
        let passed = instant.saturating_duration_since(last.1);
        let expected = last.0.plus(passed);
        last = (now, instant);
        let (back, ahead) = (expected.since(now), now.since(expected));
        if back > SLEW || ahead > SLEW {
            let by = if back > SLEW { "back" } else { "ahead" };
            let seconds = back.max(ahead).as_secs_f64();
            tracing::warn!(direction = by, seconds, "the wall clock jumped");
            app.counts.clock_jumps.one();
        }
        is_due.fetch_or(back > SLEW, Ordering::Relaxed);
        let (app, is_due) = (Arc::clone(&app), Arc::clone(&is_due));
        async move {
            if !is_due.load(Ordering::Relaxed) {
                return;
            }
            match housekeeping::bound_locks(&app).await {
                Ok(_) => is_due.store(false, Ordering::Relaxed),
                Err(error) => {
                    tracing::warn!(code = %error.code, "locks last longer than they should; they will not");
                }
            }
        }
    })
    .await;
}

/// Lets signing keys follow one another. Where nothing is due it is a look at memory.
async fn tend_keys(app: Arc<App>, stopping: watch::Receiver<bool>) {
    every(LOOK_EVERY, stopping, || async {
        if let Err(error) = key::tend(&app).await {
            tracing::error!(code = %error.code, "a signing key did not move on in its life; it will");
        }
    })
    .await;
}

/// Logs the heads hourly. Those of the end are logged when the last request has been answered.
async fn heads(app: Arc<App>, mut stopping: watch::Receiver<bool>) {
    let mut logged = LoggedHeads::default();
    let mut ticks = interval(HEADS_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stopping.changed() => return,
        }
        if let Err(error) = log_heads(&app, &mut logged).await {
            tracing::warn!(code = %error.code, "the heads of the audit chains were not logged");
        }
    }
}

/// Looks at the room beside the database, and keeps the ballast while there is enough of it.
async fn room(app: Arc<App>, stopping: watch::Receiver<bool>) {
    every(ROOM_EVERY, stopping, || async {
        let looked = Arc::clone(&app);
        let look = tokio::task::spawn_blocking(move || look_at_room(&looked));
        if let Err(error) = look.await {
            tracing::warn!(%error, "the room beside the database was not looked at");
        }
    })
    .await;
}

fn look_at_room(app: &App) {
    let info = app.store.info();
    let wanted = app.settings().min_free;
    match ballast::ensure(&info.path, wanted) {
        Ok(true) => tracing::info!("the ballast file was made"),
        Ok(false) => {}
        Err(error) => tracing::warn!(%error, "the ballast file could not be made"),
    }
    if !app.room.set(info.free_bytes, wanted) {
        return;
    }
    if let Some(warning) = db::warning(info.free_bytes, wanted) {
        tracing::warn!("{}", warning.message);
    } else {
        tracing::info!("there is enough room beside the database again");
    }
}

/// Tells the service manager that the daemon lives, after a read of the database was answered.
async fn watchdog(app: Arc<App>, period: Duration, stopping: watch::Receiver<bool>) {
    every(period, stopping, || async {
        if health::probe(&app).await.is_ok() {
            drop(sd_notify::notify(&[sd_notify::NotifyState::Watchdog]));
        }
    })
    .await;
}
