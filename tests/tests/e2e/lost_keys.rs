//! The ways out with the daemon stopped: where the wrap key is lost, and where a user is locked out.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use harness::{Daemon, Home, Login, Tokens};
use rusqlite::Connection as Database;
use serde_json::json;

use crate::offline_keys::{WRITES, count, done, is_whole, killed_at, names, wrap_keys};
use crate::scene::{ALICE, alice, guess, lock, open};

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
    let locked = api.login(&Login::new("acme", "bob@acme.test", harness::PASSWORD));
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

#[test]
fn a_user_is_let_in_again_while_the_daemon_is_stopped() {
    let home = Home::new();
    let daemon = open(&home);
    lock(&daemon, ALICE);
    daemon.authctl().ok(&[
        "lockout",
        "add",
        "acme/alice@acme.test",
        "--until-cleared",
        "--yes",
    ]);
    assert_eq!(daemon.api().login(&alice()).status, 429);
    let running = home.authd(&["recover", ALICE]);
    assert_eq!(running.code, Some(75), "{running:?}");
    assert!(
        running.stderr.contains("authctl lockout clear"),
        "{running:?}"
    );
    daemon.stop();
    nobody_else_is(&home);
    let told = done(&home, &["recover", "acme/alice@acme.test"]).stdout;
    assert!(
        told.contains("failures and lock by hand are cleared"),
        "{told}"
    );
    let told = done(&home, &["recover", ALICE]).stdout;
    assert!(told.contains("nothing was locked"), "{told}");
    assert!(told.contains("good once and until 20"), "{told}");
    let (_, token) = told.trim().rsplit_once('#').expect("a link");
    let daemon = home.start();
    daemon.api().tokens(&alice());
    let new = "nine grey otters sleep late";
    let body = json!({"token": token, "new_password": new});
    for status in [204, 410] {
        assert_eq!(
            daemon.api().post("/v1/auth/password/reset", &body).status,
            status
        );
    }
    assert_eq!(daemon.api().login(&alice()).status, 401);
    daemon.api().tokens(&Login::new("acme", ALICE, new));
    let rows = daemon
        .authctl()
        .items(&["audit", "list", "--action", "user.recover"]);
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert_eq!(row["actor"]["channel"], "offline", "{row}");
        assert_eq!(row["tenant"], "acme", "{row}");
    }
    stays_disabled(&home, daemon, new);
}

/// A name that nobody has is refused with what helps while no daemon runs.
fn nobody_else_is(home: &Home) {
    let nobody = home.authd(&["recover", "acme/alcie@acme.test"]);
    assert_eq!(nobody.code, Some(1), "{nobody:?}");
    assert!(
        nobody.stderr.contains(ALICE),
        "the nearest is named: {nobody:?}"
    );
    for name in [
        "acme/zzz@elsewhere.test",
        "nobody@elsewhere.test",
        "zzzzzz/x@y.test",
    ] {
        let nobody = home.authd(&["recover", name]);
        assert_eq!(nobody.code, Some(1), "{nobody:?}");
        assert!(
            nobody.stderr.contains("Name a user by") && !nobody.stderr.contains("authctl"),
            "what needs the daemon is no help: {nobody:?}"
        );
    }
}

/// Whoever is disabled gets neither a link nor in.
fn stays_disabled(home: &Home, daemon: Daemon, password: &str) {
    daemon.authctl().ok(&["user", "disable", ALICE, "--yes"]);
    daemon.stop();
    let told = done(home, &["recover", ALICE]).stdout;
    assert!(told.contains("is disabled, and stays so"), "{told}");
    assert!(!told.contains('#'), "{told}");
    assert_eq!(
        home.start()
            .api()
            .login(&Login::new("acme", ALICE, password))
            .outcome(),
        "403 account_disabled"
    );
}
