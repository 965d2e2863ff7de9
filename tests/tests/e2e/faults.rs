//! Bad starts and broken surroundings: what the daemon refuses, how it ends, what it leaves alone.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use harness::{Exit, Home, Request};
use rusqlite::Connection as Database;

use crate::scene::{ALICE, DevDaemon, alice, open};

/// The early end of a start that must not succeed.
fn refused(home: &Home) -> Exit {
    match home.try_start() {
        Ok(_) => panic!("it started"),
        Err(exit) => exit,
    }
}

/// That a start ended in time, with this status, and said why in a line or two.
fn ended(exit: &Exit, code: i32, said: &[&str]) {
    assert_eq!(exit.code, Some(code), "{}", exit.stderr);
    assert!(exit.took < Duration::from_secs(2), "{:?}", exit.took);
    for word in said {
        assert!(
            exit.stderr.contains(word),
            "{word:?} is not in {}",
            exit.stderr
        );
    }
    assert!(!exit.stderr.contains("panicked"), "{}", exit.stderr);
}

#[test]
fn r41_a_bad_start_ends_at_once_and_names_the_key() {
    let unknown = Home::new().setting("session.idle_timeot", "\"7d\"");
    ended(
        &refused(&unknown),
        78,
        &["authd.toml:", "session.idle_timeot", "session.idle_timeout"],
    );
    let unit = Home::new().setting("session.idle_timeout", "7");
    ended(&refused(&unit), 78, &["session.idle_timeout"]);
    let flag = Home::new().set("lockout.treshold", "5");
    ended(
        &refused(&flag),
        78,
        &["lockout.treshold", "lockout.threshold"],
    );
    let variable = Home::new().environment("AUTHD_API__LISTN", "127.0.0.1:0");
    ended(&refused(&variable), 78, &["AUTHD_API__LISTN"]);
    let broken = Home::new();
    fs::write(broken.path("authd.toml.d/20-broken.toml"), "[api\n").expect("written");
    ended(&refused(&broken), 78, &["20-broken.toml:1:"]);
}

#[test]
fn r41_a_taken_port_is_named() {
    let home = Home::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("its address").port();
    let Err(exit) = home.try_start_on(port) else {
        panic!("it started");
    };
    assert_ne!(exit.code, Some(0));
    assert!(exit.stderr.contains(&port.to_string()), "{}", exit.stderr);
    // It left nothing that hinders the next start.
    assert_eq!(home.start().stop().code, Some(0));
}

#[test]
fn r41_a_state_folder_that_cannot_be_written_is_named() {
    let home = Home::new();
    fs::remove_dir(home.data()).expect("the folder goes");
    fs::write(home.data(), "a file in its place").expect("written");
    let exit = refused(&home);
    ended(&exit, 73, &["data"]);
}

#[test]
fn r41_ready_is_said_when_both_doors_serve_and_not_before() {
    // What it does before it is ready takes long here: every sync of the first start.
    let slow = "inject=fdatasync,fsync:delay_enter=100000";
    let strace = ["/usr/bin/strace", "-D", "-f", "-qq", "-o", "/dev/null"];
    let calls = ["-e", "trace=fdatasync,fsync", "-e", slow];
    let home = Home::new().through(&[&strace[..], &calls].concat());
    let daemon = home.start();
    // On the first try, without waiting.
    assert_eq!(daemon.api().send(&Request::get("/readyz")).status, 200);
    daemon.authctl().ok(&["ping"]);
    daemon.monitor().ok(&["ping"]);
}

#[test]
fn r41_plain_http_for_all_the_world_must_be_said_aloud() {
    let home = Home::new().set("api.listen", "0.0.0.0:0");
    ended(&refused(&home), 78, &["api.behind_proxy"]);
}

#[test]
fn check_config_says_the_same_without_starting() {
    let good = Home::new().authd(&["check-config"]);
    assert_eq!(good.code, Some(0), "{good:?}");
    let bad = Home::new()
        .setting("lockout.threshold", "\"five\"")
        .authd(&["check-config"]);
    assert_eq!(bad.code, Some(78), "{bad:?}");
    let said = format!("{}{}", bad.stdout, bad.stderr);
    assert!(said.contains("lockout.threshold"), "{said}");
    let shown = Home::new()
        .set("lockout.threshold", "4")
        .authd(&["print-config", "--effective"]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(shown.stdout.contains("threshold = 4"), "{}", shown.stdout);
}

#[test]
fn r34_a_second_daemon_ends_with_75_and_harms_nothing() {
    let home = Home::new();
    let first = open(&home);
    let pid = first.pid();
    ended(&refused(&home), 75, &[&pid.to_string()]);
    first.api().tokens(&alice());
    first.authctl().ok(&["ping"]);
    assert_eq!(first.stop().code, Some(0));
}

#[test]
fn r34_a_socket_left_by_kill_9_is_replaced_and_a_file_is_not() {
    let home = Home::new();
    home.start().kill();
    let socket = home.path("run/admin.sock");
    let left = fs::symlink_metadata(&socket).map(|m| m.file_type().is_socket());
    assert!(left.is_ok_and(|is_socket| is_socket), "kill -9 leaves it");
    let daemon = home.start();
    daemon.authctl().ok(&["ping"]);
    daemon.stop();
    fs::write(&socket, "not a socket").expect("written");
    let exit = refused(&home);
    assert_ne!(exit.code, Some(0));
    assert!(exit.stderr.contains("admin.sock"), "{}", exit.stderr);
    assert_eq!(
        fs::read_to_string(&socket).expect("still there"),
        "not a socket"
    );
}

#[test]
fn r30_a_newer_schema_is_refused_and_left_alone() {
    let home = Home::new();
    assert_eq!(open(&home).stop().code, Some(0));
    let database = Database::open(home.database()).expect("a database");
    database
        .execute(
            "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) \
             VALUES (9999, 'tomorrow', '2030-01-01T00:00:00Z', '1')",
            [],
        )
        .expect("a row from the future");
    database
        .close()
        .map_err(|(_, error)| error)
        .expect("closed");
    let before = fs::read(home.database()).expect("the file");
    ended(&refused(&home), 65, &["9999"]);
    assert_eq!(fs::read(home.database()).expect("the file"), before);
}

#[test]
fn r7_garbage_is_refused_and_left_alone() {
    let garbage = b"this is no database, and somebody may still need it\n".repeat(200);
    let home = Home::new();
    assert_eq!(open(&home).stop().code, Some(0));
    let good = fs::read(home.database()).expect("the file");
    let cut = good
        .get(..good.len() / 2 + 100)
        .unwrap_or_default()
        .to_vec();
    let mut other_head = good.clone();
    other_head.splice(..16, *b"SQLite format 4\0");
    for content in [garbage, cut, other_head] {
        fs::write(home.database(), &content).expect("written");
        for log in ["data/authd.db-wal", "data/authd.db-shm"] {
            drop(fs::remove_file(home.path(log)));
        }
        ended(&refused(&home), 65, &["authd.db"]);
        assert!(
            fs::read(home.database()).expect("the file") == content,
            "it was touched"
        );
    }
    fs::write(home.database(), &good).expect("written");
    home.start().api().tokens(&alice());
}

/// The wrap key's file beside the database.
fn wrap_key(home: &Home) -> PathBuf {
    let is_key = |path: &PathBuf| path.to_string_lossy().contains("key");
    let found: Vec<PathBuf> = home.snapshot().into_keys().filter(is_key).collect();
    let [path] = found.as_slice() else {
        panic!("one key file, not {found:?}");
    };
    path.clone()
}

#[test]
fn a91_a_missing_wrap_key_ends_the_start() {
    let home = Home::new();
    assert_eq!(open(&home).stop().code, Some(0));
    let path = wrap_key(&home);
    let key = fs::read(&path).expect("the key");
    fs::remove_file(&path).expect("the key goes");
    ended(&refused(&home), 78, &["wrap key"]);
    assert!(!path.exists(), "no new key for an old database");
    fs::write(&path, key).expect("the key comes back");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("its mode");
    home.start().api().tokens(&alice());
}

#[test]
fn a91_another_wrap_key_ends_the_start() {
    let home = Home::new();
    let elsewhere = Home::new();
    assert_eq!(open(&home).stop().code, Some(0));
    assert_eq!(elsewhere.start().stop().code, Some(0));
    fs::copy(wrap_key(&elsewhere), wrap_key(&home)).expect("the wrong key");
    ended(&refused(&home), 78, &["wrap key"]);
}

#[test]
fn a91_a_wrap_key_that_others_may_read_ends_the_start() {
    let home = Home::new();
    assert_eq!(home.start().stop().code, Some(0));
    let path = wrap_key(&home);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("its mode");
    let exit = refused(&home);
    assert!([77, 78].contains(&exit.code.unwrap_or(0)), "{exit:?}");
    assert!(exit.stderr.contains("0640"), "{}", exit.stderr);
}

#[test]
fn the_issuer_cannot_change_unnoticed() {
    let home = Home::new();
    assert_eq!(home.start().stop().code, Some(0));
    let home = home.setting("token.issuer", "\"https://other.example\"");
    ended(&refused(&home), 78, &["token.issuer"]);
}

#[test]
fn secrets_and_data_are_closed_to_others() {
    let home = Home::new();
    let daemon = open(&home);
    for path in home.snapshot().keys() {
        let mode = fs::metadata(path).expect("a file").mode() & 0o777;
        assert_eq!(mode & 0o077, 0, "{} has {mode:o}", path.display());
    }
    drop(daemon);
}

#[test]
fn a59_the_sockets_are_closed_to_others() {
    let home = Home::new();
    let daemon = home.start();
    for name in ["admin.sock", "monitor.sock"] {
        let metadata = fs::symlink_metadata(home.path("run").join(name)).expect("a socket");
        assert!(metadata.file_type().is_socket());
        assert_eq!(metadata.mode() & 0o777, 0o660, "{name}");
    }
    // Nothing is left of the folder in which they were bound.
    let names: Vec<_> = fs::read_dir(home.path("run"))
        .expect("a folder")
        .filter_map(Result::ok)
        .map(|entry| entry.file_name())
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert_eq!(daemon.stop().code, Some(0));
    assert!(
        !home.path("run/admin.sock").exists(),
        "a clean stop takes it away"
    );
}

#[test]
fn r23_sigterm_drains_and_ends_with_0() {
    let home = Home::new();
    let daemon = open(&home);
    let mut idle = daemon.api().connect();
    let api = daemon.api();
    let work = std::thread::spawn(move || api.try_send(&login()).map(|answer| answer.status));
    let exit = daemon.stop();
    assert_eq!(exit.code, Some(0), "{}", exit.stderr);
    // In flight: a whole answer or, if it came too late, none at all.
    let answer = work.join().expect("the client lives");
    assert!(answer.is_err() || answer.is_ok_and(|status| [200, 503].contains(&status)));
    assert!(idle.is_closed());
}

fn login() -> Request {
    Request::post("/v1/auth/login").json(alice().body())
}

#[test]
fn r25_a_log_that_nobody_takes_harms_nobody() {
    // A pipe that is closed, and one that fills up because nobody reads it.
    for is_closed in [true, false] {
        let home = Home::new();
        let settings = ["log.level=debug", "log.target=json"];
        let mut daemon = DevDaemon::start(&home, &settings, Stdio::piped());
        let unread = daemon.child.stderr.take().filter(|_| !is_closed);
        for _ in 0..1500 {
            assert_eq!(daemon.api().send(&Request::get("/nowhere")).status, 404);
        }
        let ended = daemon.child.try_wait().expect("a child can be waited for");
        assert!(ended.is_none(), "{ended:?}");
        drop(unread);
    }
}

#[test]
fn a54_the_request_timeout_has_no_effect_and_spares_excluded_paths() {
    let home = Home::new()
        .setting("api.request_timeout", "\"500ms\"")
        .setting("api.timeout_overrides", "{ \"/v1/me\" = \"none\" }")
        .setting("database.busy_timeout", "\"20s\"");
    let daemon = open(&home);
    let api = daemon.api();
    let tokens = api.tokens(&alice());
    let other = Database::open(home.database()).expect("a database");
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    let path = format!("/v1/me/sessions/{}", tokens.session_id);
    let end = Request::new("DELETE", &path).bearer(&tokens.access);
    let excluded = std::thread::spawn(move || api.send(&end).status);
    let refused = daemon.api().login(&alice());
    assert_eq!(refused.outcome(), "503 request_timeout");
    assert!(refused.header("retry-after").is_some());
    other.execute_batch("ROLLBACK").expect("the lock goes");
    // The one waited as long as it took; of the other nothing was done, not even later.
    assert_eq!(excluded.join().expect("the client lives"), 204);
    assert!(daemon.authctl().items(&["session", "list"]).is_empty());
    assert!(daemon.authctl().items(&["lockout", "list"]).is_empty());
    daemon.api().tokens(&alice());
}

#[test]
fn rule_30_every_change_leaves_one_audit_row_and_a_login_none() {
    let home = Home::new();
    let daemon = open(&home);
    let changes = || -> i64 {
        let database = Database::open(home.database()).expect("a database");
        let count = database.query_row("SELECT count(*) FROM audit", [], |row| row.get(0));
        count.expect("a count")
    };
    let before = changes();
    assert!(before >= 2, "a tenant and a user were made");
    let authctl = daemon.authctl();
    authctl.ok(&["-t", "acme", "user", "disable", ALICE, "--yes"]);
    assert_eq!(changes(), before + 1);
    authctl.ok(&["-t", "acme", "user", "disable", ALICE, "--yes"]);
    assert_eq!(changes(), before + 1, "nothing changed");
    authctl.ok(&["-t", "acme", "user", "enable", ALICE]);
    assert_eq!(changes(), before + 2);
    let tokens = daemon.api().tokens(&alice());
    daemon.api().refresh(&tokens.refresh);
    daemon.api().logout(&tokens.access);
    assert_eq!(changes(), before + 2);
}
