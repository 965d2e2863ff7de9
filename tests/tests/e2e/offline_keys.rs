//! Keys while the daemon is stopped: another one that signs, another wrap key, and the way out where
//! the wrap key is lost.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use harness::{Daemon, Exit, Home, Tokens};
use rusqlite::Connection as Database;
use serde_json::Value;

use crate::scene::{ALICE, alice, guess, lock, open};

fn done(home: &Home, arguments: &[&str]) -> Exit {
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

fn count(home: &Home, sql: &str) -> u32 {
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
fn wrap_keys(home: &Home) -> Vec<PathBuf> {
    let files = home.snapshot().into_keys();
    files
        .filter(|path| path.to_string_lossy().contains("wrap-key"))
        .collect()
}

fn is_whole(daemon: &Daemon) {
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

const WRITES: &str = "pwrite64,write,rename,renameat,unlink,link,linkat,fdatasync,fsync";
/// Those of the thread that exchanges files; other calls of as many would always come before.
const NAMES: [&str; 2] = ["rename", "linkat"];

/// The first of each of them.
fn names() -> impl Iterator<Item = (&'static str, u32)> {
    NAMES
        .into_iter()
        .flat_map(|call| (1..5).map(move |n| (call, n)))
}

/// Kills a command at the n-th call of one kind within a thread; false if it came to its end before.
fn killed_at(home: &Home, calls: &str, n: u32, arguments: &[&str]) -> bool {
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

/// A home whose wrap key is lost, with what there was before.
fn lost(home: &Home) -> Tokens {
    let daemon = open(home);
    let tokens = daemon.api().tokens(&alice());
    let authctl = daemon.authctl();
    authctl.create_user("acme", "bob@acme.test", harness::PASSWORD);
    authctl.ok(&[
        "lockout",
        "add",
        "acme/bob@acme.test",
        "--until-cleared",
        "--yes",
    ]);
    lock(&daemon, "nobody@acme.test");
    daemon.stop();
    fs::remove_file(home.path("data/authd.wrap-key")).expect("removed");
    tokens
}

#[test]
fn a91_keys_are_made_anew_where_the_wrap_key_is_lost() {
    let home = Home::new();
    let before = lost(&home);
    let refused = home.try_start().err().expect("no start");
    assert_eq!(refused.code, Some(78), "{refused:?}");
    assert!(refused.stderr.contains("authd keys renew"), "{refused:?}");
    assert!(done(&home, &["keys", "list"]).stdout.contains("audit"));
    let unasked = home.authd(&["keys", "renew"]);
    assert_eq!(unasked.code, Some(1), "{unasked:?}");
    assert!(wrap_keys(&home).is_empty());
    let told = done(&home, &["keys", "renew", "--yes"]).stdout;
    assert!(told.contains("ended: 1 sessions"), "{told}");
    assert!(told.contains("pre-renew-"), "{told}");
    assert_eq!(
        count(&home, "SELECT count(*) FROM keys WHERE state = 'active'"),
        5
    );
    let daemon = home.start();
    let api = daemon.api();
    assert_eq!(api.check(&before.access).status, 401);
    assert_eq!(api.refresh(&before.refresh).status, 401);
    // Passwords stand, and so does a lock by hand; those of unknown names are gone.
    api.tokens(&alice());
    let locked = api.login(&harness::Login::new(
        "acme",
        "bob@acme.test",
        harness::PASSWORD,
    ));
    assert_eq!(locked.status, 429, "{locked:?}");
    let unknown = api.login(&guess("nobody@acme.test"));
    assert_eq!(unknown.outcome(), "401 invalid_credentials");
    // Failures of a known name count on under its new name.
    lock(&daemon, ALICE);
    assert_eq!(api.login(&alice()).status, 429);
    let chains = daemon.authctl().items(&["audit", "verify"]);
    for chain in &chains {
        assert_eq!(chain["ok"], true, "{chain}");
    }
    let acme = chains
        .iter()
        .find(|chain| chain["tenant"] == "acme")
        .expect("acme");
    assert_eq!(acme["unproven"], 4, "{acme}");
    let shown = daemon.authctl().ok(&["audit", "verify"]);
    assert!(shown.contains("intact, 4 unproven"), "{shown}");
}

#[test]
fn a93_rows_of_before_a_renewal_are_held_against_changes_from_then_on() {
    let home = Home::new();
    lost(&home);
    done(&home, &["keys", "renew", "--yes"]);
    done(&home, &["db", "verify"]);
    // A second loss keeps the first beginning among what it vouches for.
    fs::remove_file(home.path("data/authd.wrap-key")).expect("removed");
    done(&home, &["keys", "renew", "--yes"]);
    done(&home, &["db", "verify"]);
    let of_acme = "chain = (SELECT id FROM tenants WHERE slug = 'acme')";
    let whole = fs::read(home.database()).expect("the database");
    for change in [
        "UPDATE audit SET action = 'user.delete' WHERE number = 2",
        "UPDATE audit SET at = at + 1 WHERE number = 1",
        "UPDATE audit SET payload = '{}' WHERE number = 3",
        "UPDATE audit SET mac = zeroblob(32) WHERE number = 4",
        "DELETE FROM audit WHERE number = 1",
        "DELETE FROM audit WHERE number >= 5",
        "UPDATE audit SET payload = replace(payload, '\"rows\":5', '\"rows\":4') WHERE number = 6",
    ] {
        let look = Database::open(home.database()).expect("a database");
        let changed = look.execute(&format!("{change} AND {of_acme}"), []);
        assert!(changed.expect(change) > 0, "{change}");
        drop(look);
        let checked = home.authd(&["db", "verify"]);
        assert_eq!(checked.code, Some(65), "{change}: {checked:?}");
        fs::write(home.database(), &whole).expect("written");
    }
    done(&home, &["db", "verify"]);
}

#[test]
fn r32_a_backup_without_its_wrap_key_is_restored_with_new_keys() {
    let home = Home::new();
    let daemon = open(&home);
    let before = daemon.api().tokens(&alice());
    let path = home.path("a.db");
    let backup = path.to_str().expect("a path");
    daemon.authctl().ok(&["backup", "create", backup]);
    daemon.stop();
    let fresh = Home::new();
    let missing = fresh.authd(&["db", "restore", backup, "--yes"]);
    assert_eq!(missing.code, Some(78), "{missing:?}");
    assert!(missing.stderr.contains("--new-keys"), "{missing:?}");
    let told = done(&fresh, &["db", "restore", backup, "--yes", "--new-keys"]).stdout;
    assert!(told.contains("the wrap key is new"), "{told}");
    assert_eq!(wrap_keys(&fresh).len(), 1);
    let daemon = fresh.start();
    assert_eq!(daemon.api().check(&before.access).status, 401);
    assert_eq!(daemon.api().refresh(&before.refresh).status, 401);
    daemon.api().tokens(&alice());
    is_whole(&daemon);
    let both = fresh.authd(&["db", "restore", backup, "--new-keys", "--keep-sessions"]);
    assert_eq!(both.code, Some(2), "{both:?}");
}

#[test]
fn r33_killed_within_a_restore_with_new_keys_leaves_a_pair_that_opens() {
    let home = Home::new();
    let daemon = open(&home);
    let path = home.path("a.db");
    let backup = path.to_str().expect("a path");
    daemon.authctl().ok(&["backup", "create", backup]);
    daemon.stop();
    let fresh = Home::new();
    assert_eq!(fresh.authd(&["check-config"]).code, Some(0));
    let arguments = ["db", "restore", backup, "--yes", "--new-keys"];
    let (mut kills, mut behind) = (0, 0);
    for (calls, n) in (1..120).step_by(3).map(|n| (WRITES, n)).chain(names()) {
        kills += u32::from(killed_at(&fresh, calls, n, &arguments));
        // Nothing yet, or all of it.
        if fresh.database().exists() {
            behind += u32::from(fresh.path("data/authd.wrap-key-next").exists());
            done(&fresh, &["keys", "export-public"]);
            done(&fresh, &["db", "verify"]);
        }
        fs::remove_dir_all(fresh.data()).expect("removed");
        fs::create_dir(fresh.data()).expect("made");
        fs::set_permissions(fresh.data(), Permissions::from_mode(0o700)).expect("its mode");
    }
    assert!(kills > 10 && behind > 0, "{kills} {behind}");
    done(&fresh, &arguments);
    fresh.start().api().tokens(&alice());
}
