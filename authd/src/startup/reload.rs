//! Another configuration for a daemon that runs: read and checked as at the start, made ready, then
//! handed to every part that goes by it. What can fail does so before anything changes.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use common::view::{ConfigFaultView, ConfigValueView, ConfigView, KeyChangeView};
use tokio::sync::{OwnedMutexGuard, watch};

use super::exit::Failure;
use super::servers::Doors;
use super::{hashing, mail, process, settings};
use crate::app::daemon::{Later, Prepared, Steering};
use crate::app::{App, Settings};
use crate::cache::{Cache, MemoryCache};
use crate::config::{self, Change, Changed, Fault, Form, Kind, Loaded, Source, Value};
use crate::crypto::NextHashing;
use crate::mail::Post;

/// Sets the level of the log; in words what is wrong with one.
pub type SetLevel = Box<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// What a reload needs of the world outside.
pub struct Outside {
    /// Where the configuration comes from, as at the start.
    pub source: Source,
    /// Sets the level of the log.
    pub set_level: SetLevel,
}

/// The level of the log beside the configuration's.
#[derive(Default)]
struct Level {
    /// One that was set by hand.
    by_hand: Option<String>,
    /// Counts settings, so that the end of an earlier one's time changes nothing.
    number: u64,
}

/// The parts that go by the configuration, and what runs.
pub(super) struct Reloader {
    outside: Outside,
    credentials: Option<PathBuf>,
    app: Arc<App>,
    cache: Arc<MemoryCache>,
    doors: OnceLock<Doors>,
    flush_every: watch::Sender<Duration>,
    runs: Mutex<Loaded>,
    level: Arc<Mutex<Level>>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Reloader {
    /// With what runs from the start on.
    pub(super) fn new(
        outside: Outside,
        app: &Arc<App>,
        cache: &Arc<MemoryCache>,
        runs: &Loaded,
    ) -> Arc<Self> {
        Arc::new(Self {
            outside,
            credentials: std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from),
            app: Arc::clone(app),
            cache: Arc::clone(cache),
            doors: OnceLock::new(),
            flush_every: watch::Sender::new(runs.config.session.touch_interval),
            runs: Mutex::new(runs.clone()),
            level: Arc::default(),
            turn: Arc::default(),
        })
    }

    /// The doors, once they are bound.
    pub(super) fn set_doors(&self, doors: Doors) {
        // Bound once; a second set would be a fault of the start.
        drop(self.doors.set(doors));
    }

    /// Time between two rounds of writing last uses.
    pub(super) fn flush_every(&self) -> watch::Receiver<Duration> {
        self.flush_every.subscribe()
    }

    fn runs(&self) -> MutexGuard<'_, Loaded> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn level(&self) -> MutexGuard<'_, Level> {
        self.level.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything that can fail; blocks for files and, where hashes become dearer, for three hashes.
    fn make_ready(&self) -> Result<Ready, Vec<ConfigFaultView>> {
        let runs = self.runs().clone();
        let reloaded = config::reload(&self.outside.source, &runs)
            .map_err(|faults| faults.0.iter().map(fault_view).collect::<Vec<_>>())?;
        let config = &reloaded.loaded.config;
        let failed = |failure: Failure| vec![failure_view(&failure)];
        let settings =
            settings::settings(config, self.app.settings().issuer.clone()).map_err(failed)?;
        let uids = super::servers::allowed_uids(config).map_err(failed)?;
        let next = self.app.pool.prepare(hashing(config));
        let next = next.map_err(|error| failed(Failure::other(error)))?;
        let is_mail = |changed: &Changed| changed.key.starts_with("mail.");
        let post = if reloaded.changed.iter().any(is_mail) {
            Some(NextPost(
                mail::post(config, &self.app.clock).map_err(failed)?,
            ))
        } else {
            None
        };
        Ok(Ready {
            loaded: reloaded.loaded,
            changed: reloaded.changed,
            settings,
            uids,
            hashing: next,
            post,
        })
    }

    /// Hands it to all parts, those first that take rights away.
    fn apply(&self, ready: Ready) {
        let Ready {
            loaded,
            changed,
            settings,
            uids,
            hashing,
            post,
        } = ready;
        let config = &loaded.config;
        let app = &self.app;
        let is_changed = |key: &str| changed.iter().any(|changed| changed.key == key);
        app.settings.set(settings);
        if is_changed("token.audience") {
            // Tokens for the former one were verified, and are kept as such.
            self.cache.flush();
        }
        if let Some(doors) = self.doors.get() {
            doors.apply(config, &uids);
        }
        // Before the first dearer hash: no refused login may answer sooner than it takes (rule 4).
        let floor = hashing.floor().max(*app.login_floor.get());
        app.login_floor.set(floor);
        app.pool.apply(hashing);
        if let Some(NextPost(post)) = post {
            app.mail.reopen(post);
        }
        self.cache.resize(config.cache.token_entries);
        app.activity
            .set_touch_interval(config.session.touch_interval);
        self.app
            .client_uses
            .set_touch_interval(config.session.touch_interval);
        self.flush_every.send_replace(config.session.touch_interval);
        if is_changed("log.level") {
            self.set_level_until(&config.log.level, None);
        }
        *self.runs() = loaded;
    }

    /// Sets a level; returns the number of this setting.
    fn set_level_until(&self, text: &str, by_hand: Option<String>) -> u64 {
        let mut level = self.level();
        level.number = level.number.wrapping_add(1);
        level.by_hand = by_hand;
        if let Err(why) = (self.outside.set_level)(text) {
            tracing::error!(why, "the level of the log could not be set");
        }
        level.number
    }

    fn setting(&self, key: &config::Key, runs: &Loaded) -> Option<ConfigValueView> {
        let entry = runs.values.entry(key.name)?;
        let is_credential = matches!(key.kind, Kind::Text(Form::Credential));
        let secret_is_set = is_credential.then(|| self.has_credential(&entry.value));
        Some(ConfigValueView {
            key: key.name.to_owned(),
            value: (entry.value != Value::Unset).then(|| entry.value.to_toml()),
            from: config::place(&entry.origin),
            is_default: matches!(
                entry.origin,
                config::Origin::Default | config::Origin::Derived(_)
            ),
            secret_is_set,
            needs_restart: key.change == Change::Restart,
        })
    }

    fn has_credential(&self, name: &Value) -> bool {
        match (&self.credentials, name) {
            (Some(folder), Value::Text(name)) => folder.join(name).exists(),
            _ => false,
        }
    }
}

/// The post that is to come; none where no mail is to leave.
struct NextPost(Option<Arc<dyn Post>>);

/// What was made ready.
struct Ready {
    loaded: Loaded,
    changed: Vec<Changed>,
    settings: Settings,
    uids: Vec<u32>,
    hashing: NextHashing,
    /// Another post, where a key of it was changed.
    post: Option<NextPost>,
}

/// The same with its turn, and with the word to the service manager that the reload is over.
struct InTurn {
    reloader: Arc<Reloader>,
    ready: Ready,
    _notice: Notice,
    _turn: OwnedMutexGuard<()>,
}

/// Tells the service manager of the reload, and of its end whatever that is.
struct Notice;

impl Notice {
    fn begin() -> Self {
        process::reloading();
        Self
    }
}

impl Drop for Notice {
    fn drop(&mut self) {
        process::ready();
    }
}

impl Prepared for InTurn {
    fn changes(&self) -> Vec<KeyChangeView> {
        let view = |changed: &Changed| KeyChangeView {
            key: changed.key.to_owned(),
            before: changed.before.clone(),
            after: changed.after.clone(),
            needs_restart: changed.change == Change::Restart,
        };
        self.ready.changed.iter().map(view).collect()
    }

    fn warnings(&self) -> Vec<ConfigFaultView> {
        self.ready.loaded.warnings.iter().map(fault_view).collect()
    }

    fn apply(self: Box<Self>) {
        let Self {
            reloader,
            ready,
            _notice,
            _turn,
        } = *self;
        reloader.apply(ready);
    }
}

/// The reloader as the use cases see it.
pub(super) struct Wheel(pub(super) Arc<Reloader>);

impl Steering for Wheel {
    fn config(&self) -> ConfigView {
        let runs = self.0.runs();
        let level = self.0.level().by_hand.clone();
        ConfigView {
            files: runs
                .files
                .iter()
                .map(|path| path.display().to_string())
                .collect(),
            settings: config::all_keys()
                .filter_map(|key| self.0.setting(key, &runs))
                .collect(),
            log_level: level.filter(|level| *level != runs.config.log.level),
        }
    }

    fn prepare(&self) -> Later<Result<Box<dyn Prepared>, Vec<ConfigFaultView>>> {
        let reloader = Arc::clone(&self.0);
        Box::pin(async move {
            let turn = Arc::clone(&reloader.turn).lock_owned().await;
            let notice = Notice::begin();
            let for_thread = Arc::clone(&reloader);
            let made = tokio::task::spawn_blocking(move || for_thread.make_ready()).await;
            let ready = made.map_err(|error| vec![failure_view(&Failure::other(error))])??;
            Ok(Box::new(InTurn {
                reloader,
                ready,
                _notice: notice,
                _turn: turn,
            }) as Box<dyn Prepared>)
        })
    }

    fn level(&self) -> String {
        let by_hand = self.0.level().by_hand.clone();
        by_hand.unwrap_or_else(|| self.0.runs().config.log.level.clone())
    }

    fn check_level(&self, level: &str) -> Result<(), String> {
        config::directives(level).map(drop)
    }

    fn set_level(&self, level: &str, term: Option<Duration>) {
        let number = self.0.set_level_until(level, Some(level.to_owned()));
        let Some(term) = term else { return };
        let reloader = Arc::clone(&self.0);
        tokio::spawn(async move {
            tokio::time::sleep(term).await;
            if reloader.level().number == number {
                let configured = reloader.runs().config.log.level.clone();
                reloader.set_level_until(&configured, None);
                tracing::info!(
                    event = "log.level",
                    level = configured,
                    "log level set back"
                );
            }
        });
    }
}

fn fault_view(fault: &Fault) -> ConfigFaultView {
    ConfigFaultView {
        at: fault.origin.as_ref().map(ToString::to_string),
        message: fault.message.clone(),
        hint: fault.hint.clone(),
    }
}

fn failure_view(failure: &Failure) -> ConfigFaultView {
    ConfigFaultView {
        at: None,
        message: failure.message().to_owned(),
        hint: failure.hint().map(str::to_owned),
    }
}

#[cfg(test)]
mod tests;
