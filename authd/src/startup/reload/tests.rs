//! Every key that a reload is to take, against the parts that should go by it; nothing is served.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use common::time::{Clock, SystemClock};
use tempfile::TempDir;

use super::*;
use crate::app::App;
use crate::cache::{Follower, Lease};
use crate::config::{Key, all_keys, load};
use crate::crypto::{Calibration, Random, SystemRandom};
use crate::startup::passed::Passed;
use crate::startup::{Fatal, Parts, build, open_store, servers};

/// Reloadable keys that no part goes by, and why that is right. Empty is how it should be.
const WITHOUT_EFFECT: &[(&str, &str)] = &[];

/// A daemon whose doors are bound and not served.
struct Bench {
    folder: TempDir,
    reloader: Arc<Reloader>,
    wheel: Wheel,
    levels: Arc<Mutex<Vec<String>>>,
}

fn base(folder: &Path) -> Vec<(String, String)> {
    let path = |name: &str| folder.join(name).display().to_string();
    [
        ("api.public_url", "https://auth.example.com".to_owned()),
        ("admin.socket", path("run/admin.sock")),
        ("admin.monitor_socket", path("run/monitor.sock")),
        ("admin.socket_group", String::new()),
        ("admin.monitor_socket_group", String::new()),
        ("database.url", format!("sqlite:{}", path("data/authd.db"))),
        ("mail.transport", "smtp".to_owned()),
        ("mail.host", "relay.example.com".to_owned()),
        ("mail.from", "accounts@example.com".to_owned()),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), format!("{value:?}")))
    .chain([("api.listen".to_owned(), "[\"127.0.0.1:0\"]".to_owned())])
    .collect()
}

impl Bench {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["data", "run"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let password = folder.path().join("data/authd.smtp-password");
        fs::write(&password, "the word of the relay\n").unwrap();
        fs::set_permissions(&password, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(
            folder.path().join("common.txt"),
            "a password of everybody\n",
        )
        .unwrap();
        let source = Source {
            dir: Some(folder.path().to_path_buf()),
            ..Source::default()
        };
        write(folder.path(), None);
        let loaded = load(&source).unwrap();
        let levels: Arc<Mutex<Vec<String>>> = Arc::default();
        let heard = Arc::clone(&levels);
        let set_level: SetLevel = Box::new(move |level| {
            heard.lock().unwrap().push(level.to_owned());
            Ok(())
        });
        let cache = Arc::new(MemoryCache::new(loaded.config.cache.token_entries));
        let lease = Arc::new(Lease::alone());
        let follower = Arc::new(Follower::new(Arc::clone(&cache) as _, lease));
        let fatal = Arc::new(Fatal::default());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let parts = Parts {
            loaded: &loaded,
            dev: None,
            outside: Outside { source, set_level },
            passed: Passed::default(),
            store: open_store(&loaded.config, true, &clock, &follower, &fatal).unwrap(),
            cache: Arc::clone(&cache),
            follower,
            random: Arc::new(SystemRandom) as Arc<dyn Random>,
            clock,
            fatal,
        };
        let begun = Calibration::begin(&hashing(&loaded.config)).unwrap();
        let app = Arc::new(
            build(&parts, begun, &watch::channel(false).1)
                .await
                .unwrap(),
        );
        let started_at = app.now();
        let reloader = Reloader::new(parts.outside, &app, &cache, &loaded);
        servers::bind(&loaded, parts.passed, &app, started_at, 0o755, &reloader).unwrap();
        Self {
            folder,
            wheel: Wheel(Arc::clone(&reloader)),
            reloader,
            levels,
        }
    }

    /// Reloads with one key set; the names of what changed.
    async fn reload(&self, extra: Option<(&str, &str)>) -> Result<Vec<String>, String> {
        write(self.folder.path(), extra);
        let prepared = self.wheel.prepare().await.map_err(|f| format!("{f:?}"))?;
        let changed = prepared.changes().into_iter().map(|c| c.key).collect();
        prepared.apply();
        Ok(changed)
    }

    /// Everything that goes by the configuration, as it is now.
    fn fingerprint(&self) -> String {
        let app: &App = &self.reloader.app;
        format!(
            "{:?}\n{}\n{:?}\n{}\n{:?}\n{:?}\n{:?}\n{:?}",
            app.settings(),
            self.reloader.doors.get().unwrap().fingerprint(),
            app.pool.settings(),
            self.reloader.cache.capacity(),
            app.activity.touch_interval(),
            *self.reloader.flush_every.borrow(),
            self.levels.lock().unwrap().last(),
            // Another post is another place in memory: the present one is still held by its successor's maker.
            app.mail.open().map(|post| Arc::as_ptr(&post).cast::<()>()),
        )
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.reloader.app.store.close();
        self.reloader.app.pool.stop();
    }
}

fn write(folder: &Path, extra: Option<(&str, &str)>) {
    let mut text = String::new();
    for (key, value) in base(folder) {
        if extra.is_none_or(|(other, _)| other != key) {
            writeln!(text, "{key} = {value}").unwrap();
        }
    }
    if let Some((key, value)) = extra {
        writeln!(text, "{key} = {value}").unwrap();
    }
    fs::write(folder.join("authd.toml"), text).unwrap();
}

/// Values that may be another than the default and pass the checks of the whole.
fn candidates(key: &Key, folder: &Path) -> Vec<String> {
    match key.kind {
        _ if key.name == "password.breached_list" => {
            vec![format!("{:?}", PathBuf::from(folder).join("common.txt"))]
        }
        // Dear enough to differ, and no more.
        _ if key.name == "password.memory" => vec!["\"20MiB\"".to_owned()],
        Kind::Bool => vec!["true".to_owned(), "false".to_owned()],
        Kind::Integer { min, max } => [min, min + 1, max].map(|n| n.to_string()).to_vec(),
        Kind::Duration { min, max } => [min, max, min * 2]
            .map(|time| format!("{:?}", common::units::format_duration(time)))
            .to_vec(),
        Kind::Size { min, max } => [min, max].map(|n| format!("\"{n}B\"")).to_vec(),
        Kind::Text(Form::Directives) => vec!["\"debug\"".to_owned()],
        Kind::Text(Form::TimeZone) => vec!["\"Africa/Nairobi\"".to_owned()],
        Kind::Text(Form::Label) => vec!["\"gold\"".to_owned()],
        Kind::Text(form) => vec![form.example().to_owned()],
        Kind::Choice(words) => words.iter().map(|word| format!("{word:?}")).collect(),
        Kind::List {
            item: Form::Account,
            ..
        } => vec!["[\"1234\"]".to_owned()],
        Kind::List { item, .. } => vec![format!("[{}]", item.example())],
        Kind::TimeoutOverrides => vec!["{ \"/v1/me\" = \"10s\" }".to_owned()],
    }
}

#[tokio::test]
async fn r24_every_reloadable_key_takes_effect_at_a_reload() {
    let bench = Bench::new().await;
    let mut without = Vec::new();
    let reloadable = all_keys().filter(|key| key.change == Change::Reload);
    for key in reloadable {
        bench.reload(None).await.unwrap();
        let before = bench.fingerprint();
        let mut taken = None;
        for value in candidates(key, bench.folder.path()) {
            if let Ok(changed) = bench.reload(Some((key.name, &value))).await
                && changed == [key.name]
            {
                taken = Some(value);
                break;
            }
        }
        assert!(taken.is_some(), "{}: no value of it was taken", key.name);
        if bench.fingerprint() == before {
            without.push(key.name);
        }
    }
    let excused: Vec<&str> = WITHOUT_EFFECT.iter().map(|(key, _)| *key).collect();
    assert_eq!(without, excused, "a reload takes no effect");
}

#[tokio::test]
async fn r24_a_wrong_file_changes_nothing_and_names_its_line() {
    let bench = Bench::new().await;
    let before = bench.fingerprint();
    for (key, value, why) in [
        ("lockout.treshold", "3", "unknown key"),
        ("session.idle_timeout", "\"90d\"", "session.max_age"),
        (
            "password.breached_list",
            "\"/nowhere/list\"",
            "/nowhere/list",
        ),
        ("admin.allow_uids", "[\"no-such-user-here\"]", "no user"),
    ] {
        let refused = bench.reload(Some((key, value))).await.unwrap_err();
        assert!(refused.contains(why), "{key}: {refused}");
        assert_eq!(bench.fingerprint(), before, "{key}");
    }
    // And it goes on being reloaded.
    bench
        .reload(Some(("lockout.threshold", "3")))
        .await
        .unwrap();
    assert_eq!(bench.reloader.app.settings().tenant.lockout.threshold, 3);
}

#[tokio::test]
async fn what_needs_a_restart_is_told_at_each_reload_until_there_was_one() {
    let bench = Bench::new().await;
    for _ in 0..2 {
        let changed = bench.reload(Some(("api.max_connections", "99"))).await;
        assert_eq!(changed.unwrap(), ["api.max_connections"]);
    }
    let view = bench.wheel.config();
    let setting = view
        .settings
        .iter()
        .find(|s| s.key == "api.max_connections");
    assert_eq!(setting.unwrap().value.as_deref(), Some("4096"));
    assert!(setting.unwrap().needs_restart);
}

#[tokio::test]
async fn rule_4_dearer_hashes_raise_the_floor_before_the_first_of_them() {
    let bench = Bench::new().await;
    let app = &bench.reloader.app;
    app.login_floor.set(Duration::from_nanos(1));
    bench
        .reload(Some(("password.memory", "\"20MiB\"")))
        .await
        .unwrap();
    let floor = *app.login_floor.get();
    assert!(floor > Duration::from_micros(100), "{floor:?}");
    assert_eq!(app.pool.scheme(), "$argon2id$v=19$m=20480,t=2,p=1");
    // Hashes of the dearer kind are stored by then: cheaper new ones lower nothing.
    bench.reload(None).await.unwrap();
    assert_eq!(*app.login_floor.get(), floor);
    assert_eq!(app.pool.scheme(), "$argon2id$v=19$m=19456,t=2,p=1");
}

#[tokio::test(start_paused = true)]
async fn a_level_by_hand_ends_with_its_time_or_with_another_configured_one() {
    let bench = Bench::new().await;
    let last = || bench.levels.lock().unwrap().last().cloned().unwrap();
    bench
        .wheel
        .set_level("debug", Some(Duration::from_mins(10)));
    assert_eq!(
        (last(), bench.wheel.level()),
        ("debug".to_owned(), "debug".to_owned())
    );
    assert_eq!(bench.wheel.config().log_level.as_deref(), Some("debug"));
    tokio::time::sleep(Duration::from_mins(11)).await;
    assert_eq!(
        (last(), bench.wheel.level()),
        ("info".to_owned(), "info".to_owned())
    );
    assert_eq!(bench.wheel.config().log_level, None);

    // An earlier one's end changes nothing of a later one.
    bench
        .wheel
        .set_level("debug", Some(Duration::from_mins(10)));
    bench.wheel.set_level("trace", None);
    tokio::time::sleep(Duration::from_mins(11)).await;
    assert_eq!(last(), "trace");
}

#[tokio::test]
async fn a_level_by_hand_outlives_a_reload_that_does_not_change_it() {
    let bench = Bench::new().await;
    bench.wheel.set_level("debug", None);
    bench
        .reload(Some(("lockout.threshold", "3")))
        .await
        .unwrap();
    assert_eq!(bench.wheel.level(), "debug");
    bench.reload(Some(("log.level", "\"warn\""))).await.unwrap();
    assert_eq!(bench.wheel.level(), "warn");
}

#[tokio::test]
async fn a_secret_is_named_and_never_shown() {
    let bench = Bench::new().await;
    let view = bench.wheel.config();
    let wrap = view
        .settings
        .iter()
        .find(|s| s.key == "keys.wrap_credential");
    let wrap = wrap.unwrap();
    assert_eq!(wrap.value.as_deref(), Some("\"authd.wrap-key\""));
    assert_eq!(wrap.secret_is_set, Some(false));
    let file = bench.folder.path().join("authd.toml");
    let url = view.settings.iter().find(|s| s.key == "api.public_url");
    let place = format!("{}:1", file.display());
    assert_eq!(url.unwrap().from, place);
}
