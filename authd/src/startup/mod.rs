//! Builds every part in order and stops them in reverse; the only place that knows all layers.
//! No rules here: what a part does is decided in the part.

mod apart;
mod ballast;
mod beside;
mod dev;
mod exit;
mod figures;
mod first_start;
mod key_source;
mod mail;
pub mod offline;
mod passed;
mod pepper;
mod process;
mod reload;
mod servers;
mod settings;
pub mod surroundings;
mod tasks;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use common::time::{Clock, SystemClock, Time};
use domain::lockout::Boot;
use store::Store;
use store::sqlite::{self, Options};
use tokio::sync::{Notify, watch};

use crate::app::audit::{LoggedHeads, log_heads};
use crate::app::counts::Counts;
use crate::app::daemon::{Steering, reload_by_signal};
use crate::app::mail::Mailroom;
use crate::app::picture::Pictures;
use crate::app::{App, Current, db::Room, follow, login_budget::LoginBudget, waiters::Waiters};
use crate::cache::{Activity, Follower, Lease, MemoryCache};
use crate::config::{Config, DatabaseUrl, Loaded};
use crate::crypto::{self, Calibration, HashPool, HashSettings, Pepper, Random, SystemRandom};

use passed::Passed;
use reload::{Reloader, Wheel};

pub use exit::Failure;
pub use reload::{Outside, SetLevel};

/// How a development daemon differs from an installed one.
#[derive(Debug, Clone, Default)]
pub struct Dev {
    /// Temporary folder that goes at the end, if the data is not to stay.
    pub ephemeral: Option<PathBuf>,
}

/// A database failure that ends the daemon: the outcome of a commit is not known.
#[derive(Default)]
struct Fatal {
    reason: Mutex<Option<String>>,
    raised: Notify,
}

impl Fatal {
    fn raise(&self, reason: &str) {
        *self.reason.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
        self.raised.notify_one();
    }

    fn reason(&self) -> Option<String> {
        self.reason
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Runs the daemon until a signal ends it.
pub fn run(loaded: &Loaded, dev: Option<&Dev>, outside: Outside) -> ExitCode {
    match try_run(loaded, dev, outside) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn try_run(loaded: &Loaded, dev: Option<&Dev>, outside: Outside) -> Result<(), Failure> {
    process::harden()?;
    let config = &loaded.config;
    let passed = Passed::take()?;
    passed.check(config.api.behind_proxy)?;
    let runtime = process::runtime(config.api.worker_threads)?;
    let calibration = Calibration::begin(&hashing(config)).map_err(Failure::other)?;
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let fatal = Arc::new(Fatal::default());
    let lease = Arc::new(lease(config));
    let cache = Arc::new(MemoryCache::under(
        Arc::clone(&lease),
        config.cache.token_entries,
    ));
    let follower = Arc::new(Follower::new(Arc::clone(&cache) as _, lease));
    let store =
        process::while_starting(|| open_store(config, dev.is_some(), &clock, &follower, &fatal))?;
    let parts = Parts {
        loaded,
        dev,
        outside,
        passed,
        store: store.clone(),
        cache,
        follower,
        random,
        clock,
        fatal: Arc::clone(&fatal),
    };
    let result = runtime.block_on(serve(parts, calibration));
    store.close();
    runtime.shutdown_background();
    match fatal.reason() {
        Some(reason) => Err(Failure::io(reason)),
        None => result,
    }
}

struct Parts<'a> {
    loaded: &'a Loaded,
    dev: Option<&'a Dev>,
    outside: Outside,
    passed: Passed,
    store: Store,
    cache: Arc<MemoryCache>,
    follower: Arc<Follower>,
    random: Arc<dyn Random>,
    clock: Arc<dyn Clock>,
    fatal: Arc<Fatal>,
}

async fn serve(parts: Parts<'_>, calibration: Calibration) -> Result<(), Failure> {
    let config = &parts.loaded.config;
    let started_at = parts.clock.now();
    let (stop, stopping) = watch::channel(false);
    let app = Arc::new(build(&parts, calibration, &stopping).await?);
    crate::app::settle_earlier_runs(&app)
        .await
        .map_err(|error| Failure::app(&error))?;
    crate::app::housekeeping::bound_locks(&app)
        .await
        .map_err(|error| Failure::app(&error))?;
    // Another algorithm in the configuration is announced before the first request is answered.
    crate::app::key::tend(&app)
        .await
        .map_err(|error| Failure::app(&error))?;
    // Others have no business in a developer's own folder.
    let folder_mode = if parts.dev.is_some() { 0o700 } else { 0o755 };
    let reloader = Reloader::new(parts.outside, &app, &parts.cache, parts.loaded);
    let bound = servers::bind(
        parts.loaded,
        parts.passed,
        &app,
        started_at,
        folder_mode,
        &reloader,
    )?;
    let running = bound.start(&stopping);
    let tasks = tasks::start(&app, reloader.flush_every(), stopping);
    let signals = process::Signals::catch()?;
    process::ready();
    tracing::info!(
        event = "daemon.ready",
        version = common::VERSION,
        "authd is ready"
    );
    if let Some(dev) = parts.dev {
        dev::banner(config, dev);
    }
    let wheel: Arc<dyn Steering> = Arc::new(Wheel(reloader));
    process::wait_for_end(signals, &parts.fatal.raised, move || {
        let wheel = Arc::clone(&wheel);
        tokio::spawn(async move { reload_by_signal(&*wheel).await });
    })
    .await;
    app.draining.store(true, Ordering::Release);
    process::stopping();
    tracing::info!("draining");
    stop.send_replace(true);
    running.drained(config.api.shutdown_grace).await;
    tasks.ended().await;
    if let Err(error) = crate::app::housekeeping::flush_activity(&app, true).await {
        tracing::warn!(code = %error.code, "last uses were not written");
    }
    let mut nothing = LoggedHeads::default();
    if let Err(error) = log_heads(&app, &mut nothing).await {
        tracing::warn!(code = %error.code, "the heads of the audit chains were not logged");
    }
    app.pool.stop();
    tracing::info!(event = "daemon.stopped", "stopped");
    Ok(())
}

/// Whether memory answers by itself, or as long as the log of the others' changes is read.
fn lease(config: &Config) -> Lease {
    match &config.database.url {
        // The lock on the file sees to it that nobody else changes it.
        DatabaseUrl::Sqlite(_) => Lease::alone(),
    }
}

fn open_store(
    config: &Config,
    development: bool,
    clock: &Arc<dyn Clock>,
    follower: &Arc<Follower>,
    fatal: &Arc<Fatal>,
) -> Result<Store, Failure> {
    let DatabaseUrl::Sqlite(path) = &config.database.url;
    let options = Options {
        path: path.clone(),
        readers: config.database.pool_size,
        busy_timeout: config.database.busy_timeout,
        cache_bytes: config.database.cache_size,
        mmap_bytes: config.database.mmap_size,
        checkpoint_pages: config.database.wal_autocheckpoint,
        auto_migrate: config.database.auto_migrate,
        clock: Arc::clone(clock),
        repeat_every: None,
    };
    let fatal = Arc::clone(fatal);
    let listener = Arc::clone(follower);
    let on_fatal = Box::new(move |reason: &str| fatal.raise(reason));
    let (store, _) = sqlite::open(options, listener, on_fatal)
        .map_err(|error| Failure::open(error, development))?;
    Ok(store)
}

async fn build(
    parts: &Parts<'_>,
    calibration: Calibration,
    stopping: &watch::Receiver<bool>,
) -> Result<App, Failure> {
    let config = &parts.loaded.config;
    let now: Time = parts.clock.now();
    let opened = first_start::open(config, &parts.store, parts.random.as_ref(), now).await?;
    let settings = settings::settings(config, opened.issuer)?;
    let post = mail::post(config, &parts.clock)?;
    if let Some(post) = &post {
        tracing::info!(post = %post.description(), "mails leave by");
    }
    let pepper = opened.pepper.as_ref().map(Pepper::name);
    let pool = HashPool::start_with(hashing(config), opened.pepper, Arc::clone(&parts.random));
    let pool = pool.map_err(Failure::other)?;
    let login_floor = pool.calibrate_with(calibration, &opened.hash_schemes);
    let boot: [u8; 16] = crypto::bytes(parts.random.as_ref()).map_err(Failure::other)?;
    let keys = Arc::new(opened.keys);
    let shared = beside::shared(config, &keys, &parts.random, stopping)?;
    let app = App {
        store: parts.store.clone(),
        cache: Arc::clone(&parts.cache) as Arc<dyn crate::cache::Cache>,
        follower: Arc::clone(&parts.follower),
        activity: Arc::new(Activity::new(config.session.touch_interval)),
        client_uses: Arc::new(Activity::new(config.session.touch_interval)),
        keys,
        pool,
        clock: Arc::clone(&parts.clock),
        random: Arc::clone(&parts.random),
        settings: Current::new(settings),
        boot: Boot(boot),
        login_floor: Current::new(login_floor),
        maintenance: Current::new(None),
        login_budget: LoginBudget::default(),
        shared,
        draining: AtomicBool::new(false),
        mail: Mailroom::new(post),
        waiters: Waiters::default(),
        backups: apart::backups(parts.loaded, pepper.as_deref()),
        room: Room::default(),
        pictures: Pictures::start().map_err(Failure::other)?,
        counts: Counts::default(),
    };
    if let Some(bus) = app.shared.bus() {
        app.follower.publish_by(bus);
    }
    follow::begin(&app)
        .await
        .map_err(|error| Failure::app(&error))?;
    Ok(app)
}

/// How passwords are hashed.
fn hashing(config: &Config) -> HashSettings {
    HashSettings {
        memory_kib: u32::try_from(config.password.memory / 1024).unwrap_or(u32::MAX),
        iterations: config.password.iterations,
        parallelism: config.password.parallelism,
        threads: config.password.max_concurrent_hashes,
        queue_length: config.password.queue_length,
        queue_deadline: config.password.queue_deadline,
        idle_release: config.password.idle_memory_release,
    }
}
