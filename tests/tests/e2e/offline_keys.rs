//! Keys while the daemon is stopped: another one that signs, and another wrap key.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use harness::{Daemon, Exit, Home, Tokens};
use rusqlite::Connection as Database;
use serde_json::Value;

use crate::scene::{alice, open};

pub(crate) fn done(home: &Home, arguments: &[&str]) -> Exit {
    let ended = home.authd(arguments);
    assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
    ended
}

/// A private file below the home.
fn file(home: &Home, name: &str, content: &[u8]) -> String {
    let path = home.path(name);
    fs::write(&path, content).expect("written");
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("its mode");
    path.to_str().expect("a path").to_owned()
}

fn openssl(arguments: &[&str]) -> Vec<u8> {
    let made = Command::new("openssl").args(arguments).output();
    let made = made.expect("openssl");
    assert!(made.status.success(), "{made:?}");
    made.stdout
}

fn kid(tokens: &Tokens) -> String {
    let kid = tokens.header();
    kid.get("kid")
        .and_then(Value::as_str)
        .expect("a kid")
        .to_owned()
}

pub(crate) fn count(home: &Home, sql: &str) -> u32 {
    let look = Database::open(home.database()).expect("a database");
    look.query_row(sql, [], |row| row.get(0)).expect(sql)
}

/// The wrap key that the database names.
fn wrap_key_id(home: &Home) -> Vec<u8> {
    let look = Database::open(home.database()).expect("a database");
    let sql = "SELECT value FROM meta WHERE name = 'wrap_key_id'";
    look.query_row(sql, [], |row| row.get(0)).expect("an id")
}

/// The files that hold a wrap key, or did.
pub(crate) fn wrap_keys(home: &Home) -> Vec<PathBuf> {
    let files = home.snapshot().into_keys();
    files
        .filter(|path| path.to_string_lossy().contains("wrap-key"))
        .collect()
}

pub(crate) fn is_whole(daemon: &Daemon) {
    daemon.authctl().ok(&["audit", "verify"]);
}

#[test]
fn a26_a_key_made_or_brought_offline_signs_and_present_tokens_stay_good() {
    let home = Home::new();
    let daemon = open(&home);
    let first = daemon.api().tokens(&alice());
    let running = home.authd(&["keys", "generate"]);
    assert_eq!(running.code, Some(75), "{running:?}");
    let pid = format!("authd is running (pid {})", daemon.pid());
    assert!(running.stderr.contains(&pid), "{running:?}");
    daemon.stop();
    done(&home, &["keys", "generate", "--alg", "ES256"]);
    let listed = done(&home, &["keys", "list"]).stdout;
    assert!(
        listed.contains("retiring") && listed.contains("ES256"),
        "{listed}"
    );
    let daemon = home.start();
    let second = daemon.api().tokens(&alice().device("b"));
    assert_ne!(kid(&first), kid(&second));
    assert_eq!(daemon.api().check(&second.access).status, 200);
    daemon.stop();
    let pem = openssl(&[
        "genpkey",
        "-algorithm",
        "RSA",
        "-pkeyopt",
        "rsa_keygen_bits:2048",
    ]);
    let brought = file(&home, "brought.pem", &pem);
    done(&home, &["keys", "import", &brought]);
    let again = home.authd(&["keys", "import", &brought]);
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.stderr.contains("already"), "{again:?}");
    let exported: Value =
        serde_json::from_str(&done(&home, &["keys", "export-public"]).stdout).expect("JSON");
    let daemon = home.start();
    let third = daemon.api().tokens(&alice().device("c"));
    assert_eq!(third.header()["alg"], "RS256");
    assert_eq!(daemon.api().check(&third.access).status, 200);
    let published = daemon.authctl().ok(&["key", "jwks"]);
    let published: Value = serde_json::from_str(&published).expect("JSON");
    // The start may have announced a key of token.algorithm since.
    for key in exported["keys"].as_array().expect("keys") {
        assert!(published["keys"].as_array().expect("keys").contains(key));
    }
    is_whole(&daemon);
    let told = "SELECT count(*) FROM audit WHERE action IN ('key.generate', 'key.import') \
                AND json_extract(actor, '$.channel') = 'offline'";
    assert_eq!(count(&home, told), 2);
}

#[test]
fn a26_what_is_no_key_of_ours_is_not_imported() {
    let home = Home::new();
    open(&home).stop();
    let before = home.snapshot().remove(&home.database());
    let weak = openssl(&[
        "genpkey",
        "-algorithm",
        "RSA",
        "-pkeyopt",
        "rsa_keygen_bits:1024",
    ]);
    let other = openssl(&[
        "genpkey",
        "-algorithm",
        "EC",
        "-pkeyopt",
        "ec_paramgen_curve:P-384",
    ]);
    for (name, content) in [
        ("weak", weak.as_slice()),
        ("other", &other),
        ("text", b"no key"),
    ] {
        let refused = home.authd(&["keys", "import", &file(&home, name, content)]);
        assert_eq!(refused.code, Some(1), "{name}: {refused:?}");
        assert!(
            refused.stderr.contains("no key that authd can use"),
            "{refused:?}"
        );
    }
    let open_to_others = file(
        &home,
        "open.pem",
        &openssl(&["genpkey", "-algorithm", "ED25519"]),
    );
    fs::set_permissions(&open_to_others, Permissions::from_mode(0o644)).expect("its mode");
    let refused = home.authd(&["keys", "import", &open_to_others]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("0644"), "{refused:?}");
    assert_eq!(home.snapshot().remove(&home.database()), before);
}

#[test]
fn a91_another_wrap_key_ends_nothing() {
    let home = Home::new();
    let daemon = open(&home);
    let tokens = daemon.api().tokens(&alice());
    let backup = home.path("before.db");
    let backup = backup.to_str().expect("a path");
    daemon.authctl().ok(&["backup", "create", backup]);
    daemon.stop();
    let old = fs::read(home.path("data/authd.wrap-key")).expect("the key");
    done(&home, &["keys", "rewrap"]);
    let new = fs::read(home.path("data/authd.wrap-key")).expect("the key");
    assert_ne!(old, new);
    let kept = wrap_keys(&home);
    assert_eq!(kept.len(), 2, "{kept:?}");
    for path in &kept {
        let mode = fs::metadata(path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let daemon = home.start();
    assert_eq!(daemon.api().check(&tokens.access).status, 200);
    assert_eq!(daemon.api().refresh(&tokens.refresh).status, 200);
    is_whole(&daemon);
    daemon.stop();
    assert_eq!(home.authd(&["db", "verify", backup]).code, Some(65));
    // The former key does not open the database any more.
    fs::write(home.path("data/authd.wrap-key"), &old).expect("written");
    let refused = home.try_start().err().expect("no start");
    assert_eq!(refused.code, Some(78), "{refused:?}");
}

#[test]
fn a91_a_credential_is_exchanged_by_the_operator() {
    let home = Home::new();
    let credentials = home.path("credentials");
    fs::create_dir(&credentials).expect("a folder");
    let folder = credentials.to_str().expect("a path").to_owned();
    let home = home.environment("CREDENTIALS_DIRECTORY", &folder);
    file(
        &home,
        "credentials/authd.wrap-key",
        "11".repeat(31).as_bytes(),
    );
    fs::write(
        credentials.join("authd.wrap-key"),
        format!("{}ab\n", "11".repeat(31)),
    )
    .expect("written");
    let daemon = open(&home);
    let tokens = daemon.api().tokens(&alice());
    daemon.stop();
    let unnamed = home.authd(&["keys", "rewrap"]);
    assert_eq!(unnamed.code, Some(78), "{unnamed:?}");
    let new = format!("{}cd\n", "22".repeat(31));
    let mut command = home.command("authd");
    command.arg("--config").arg(home.path("authd.toml"));
    command.args(["keys", "rewrap", "-"]);
    let told = Exit::of(command, &new, Duration::from_secs(30));
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(told.stdout.contains("before the next start"), "{told:?}");
    let refused = home.try_start().err().expect("no start");
    assert_eq!(refused.code, Some(78), "{refused:?}");
    fs::write(credentials.join("authd.wrap-key"), &new).expect("written");
    let daemon = home.start();
    assert_eq!(daemon.api().check(&tokens.access).status, 200);
    daemon.stop();
    let third = file(&home, "third", format!("{}ef", "33".repeat(31)).as_bytes());
    done(&home, &["keys", "rewrap", &third]);
    fs::rename(home.path("third"), credentials.join("authd.wrap-key")).expect("moved");
    assert_eq!(home.start().api().check(&tokens.access).status, 200);
    assert!(!home.path("data/authd.wrap-key").exists());
}

pub(crate) const WRITES: &str = "pwrite64,write,rename,renameat,unlink,link,linkat,fdatasync,fsync";
/// Those of the thread that exchanges files; other calls of as many would always come before.
const NAMES: [&str; 2] = ["rename", "linkat"];

/// The first of each of them.
pub(crate) fn names() -> impl Iterator<Item = (&'static str, u32)> {
    NAMES
        .into_iter()
        .flat_map(|call| (1..5).map(move |n| (call, n)))
}

/// Kills a command at the n-th call of one kind within a thread; false if it came to its end before.
pub(crate) fn killed_at(home: &Home, calls: &str, n: u32, arguments: &[&str]) -> bool {
    let ended = Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "-e"])
        .arg(format!("trace={calls}"))
        .arg("-e")
        .arg(format!("inject={calls}:signal=KILL:when={n}"))
        .arg(harness::binary("authd"))
        .arg("--config")
        .arg(home.path("authd.toml"))
        .args(arguments)
        .output()
        .expect("strace");
    !ended.status.success()
}

#[test]
fn a91_killed_within_an_exchange_of_the_wrap_key_leaves_a_pair_that_opens() {
    let home = Home::new();
    let daemon = open(&home);
    let tokens = daemon.api().tokens(&alice());
    daemon.stop();
    let (mut kills, mut before_commit, mut behind_commit) = (0, 0, 0);
    let moments = (1..40).map(|n| (WRITES, n));
    for (calls, n) in moments.chain(names()) {
        let id = wrap_key_id(&home);
        if !killed_at(&home, calls, n, &["keys", "rewrap"]) {
            continue;
        }
        kills += 1;
        if home.path("data/authd.wrap-key-next").exists() {
            if wrap_key_id(&home) == id {
                before_commit += 1;
            } else {
                behind_commit += 1;
            }
        }
        let checked = home.authd(&["check-config"]);
        assert_eq!(checked.code, Some(0), "{n}: {checked:?}");
        if n % 8 == 0 {
            let daemon = home.start();
            assert_eq!(daemon.api().check(&tokens.access).status, 200, "{n}");
            daemon.stop();
        } else {
            done(&home, &["keys", "export-public"]);
        }
    }
    // Both kinds of halves were there, the file without its database and the other way round.
    assert!(
        before_commit > 0 && behind_commit > 0,
        "{kills}: {before_commit} {behind_commit}"
    );
    done(&home, &["keys", "rewrap"]);
    let daemon = home.start();
    assert_eq!(daemon.api().refresh(&tokens.refresh).status, 200);
    is_whole(&daemon);
    assert!(!home.path("data/authd.wrap-key-next").exists());
}
