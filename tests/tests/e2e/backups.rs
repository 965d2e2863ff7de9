//! Backups while the daemon works, and restores that bring nothing back to life.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use harness::{Daemon, Home, Login, PASSWORD};
use rusqlite::Connection as Database;

use crate::scene::{ALICE, alice, open};

fn path(home: &Home, name: &str) -> String {
    home.path(name).to_str().expect("a path").to_owned()
}

/// Signs Alice in again and again from several clients while `work` runs.
fn while_signing_in(daemon: &Daemon, work: impl FnOnce()) {
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..4)
        .map(|_| {
            let (api, stop) = (daemon.api(), Arc::clone(&stop));
            thread::spawn(move || {
                let mut logins = 0_u32;
                while !stop.load(Ordering::Acquire) {
                    api.tokens(&alice());
                    logins += 1;
                }
                logins
            })
        })
        .collect();
    work();
    stop.store(true, Ordering::Release);
    let logins: u32 = writers
        .into_iter()
        .map(|writer| writer.join().expect("a writer"))
        .sum();
    assert!(logins > 0);
}

#[test]
fn r31_a_backup_beside_writers_is_whole_private_and_says_what_it_lacks() {
    let home = Home::new();
    let daemon = open(&home);
    let (file, packed) = (path(&home, "a.db"), path(&home, "b.db.gz"));
    daemon.api().tokens(&alice());
    while_signing_in(&daemon, || {
        let authctl = daemon.authctl();
        authctl.create_tenant("acknowledged");
        let told = authctl.ok(&["backup", "create", &file]);
        assert!(told.contains("verified"), "{told}");
        assert!(told.contains("Not in this file: wrap key (id "), "{told}");
        assert!(told.contains("authd.wrap-key"), "{told}");
        authctl.ok(&["backup", "create", &packed, "--compress"]);
    });
    for file in [&file, &packed] {
        let mode = fs::metadata(file).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let checked = home.authd(&["db", "verify", file]);
        assert_eq!(checked.code, Some(0), "{checked:?}");
    }
    assert!(!home.path("a.db.partial").exists());
    assert!(
        fs::read(&packed)
            .expect("a file")
            .starts_with(&[0x1f, 0x8b])
    );
    // Every system unpacks it.
    let plain = home.path("plain.db");
    let unpacked = std::process::Command::new("gunzip")
        .args(["-c", &packed])
        .output()
        .expect("gunzip");
    fs::write(&plain, unpacked.stdout).expect("written");
    let look = Database::open(&plain).expect("a database");
    let count = |sql: &str| -> u32 { look.query_row(sql, [], |row| row.get(0)).expect(sql) };
    let strays = "SELECT count(*) FROM sessions WHERE user_id NOT IN (SELECT id FROM users)";
    assert_eq!(count(strays), 0);
    let acknowledged = "SELECT count(*) FROM tenants WHERE slug = 'acknowledged'";
    assert_eq!(count(acknowledged), 1);
    // A login's attempt and its session are one transaction, and one moment.
    let successes = "SELECT sum(count) FROM attempts WHERE outcome = 'success'";
    assert_eq!(count(successes), count("SELECT count(*) FROM sessions"));
    assert_eq!(daemon.stop().code, Some(0));
}

#[test]
fn r31_backups_in_the_folder_are_listed_checked_and_pruned() {
    let home = Home::new();
    let daemon = open(&home);
    let authctl = daemon.authctl();
    for _ in 0..3 {
        authctl.ok(&["backup", "create"]);
    }
    let listed = daemon.monitor().items(&["backup", "list"]);
    assert_eq!(listed.len(), 3);
    let name = listed
        .first()
        .and_then(|backup| backup.get("name")?.as_str())
        .expect("a name");
    assert_eq!(authctl.ok(&["backup", "verify", name]), "ok\n");
    let refused = daemon.monitor().run(&["backup", "create"]);
    assert_eq!(refused.code, Some(4), "{refused:?}");
    let unasked = authctl.run(&["backup", "prune", "--keep", "1"]);
    assert_eq!(unasked.code, Some(12), "{unasked:?}");
    authctl.ok(&["backup", "prune", "--keep", "1", "--dry-run"]);
    assert_eq!(authctl.items(&["backup", "list"]).len(), 3);
    authctl.ok(&["backup", "prune", "--keep", "1", "--yes"]);
    assert_eq!(authctl.items(&["backup", "list"]).len(), 1);
    assert!(authctl.ok(&["status"]).contains("Backup"));
    let file = home.path("data/backups").join(name);
    let mut bytes = fs::read(&file).expect("the backup");
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 0x20;
    }
    fs::write(&file, bytes).expect("written");
    assert_eq!(authctl.run(&["backup", "verify", name]).code, Some(11));
    assert_eq!(authctl.ok(&["db", "check"]), "ok\n");
    authctl.ok(&["db", "status"]);
    authctl.ok(&["db", "optimize"]);
    authctl.ok(&["db", "vacuum"]);
    assert!(!authctl.items(&["db", "migrations"]).is_empty());
}

#[test]
fn r32_r33_a_restore_revives_nothing_that_has_ended() {
    let home = Home::new();
    let daemon = open(&home);
    let api = daemon.api();
    let before = api.tokens(&alice());
    let file = path(&home, "old.db");
    daemon.authctl().ok(&["backup", "create", &file]);
    let since = api.tokens(&alice());
    assert_eq!(api.logout(&since.access).status, 204);
    daemon.authctl().create_tenant("since");
    let refused = home.authd(&["db", "restore", &file, "--yes"]);
    assert_eq!(refused.code, Some(75), "{refused:?}");
    assert!(
        refused
            .stderr
            .contains(&format!("authd is running (pid {})", daemon.pid())),
        "{refused:?}"
    );
    let running = home.authd(&["db", "backup", &path(&home, "x.db")]);
    assert!(
        running.stderr.contains("authctl backup create"),
        "{running:?}"
    );
    assert!(!home.path("x.db").exists());
    daemon.stop();
    let unasked = home.authd(&["db", "restore", &file]);
    assert_eq!(unasked.code, Some(1), "{unasked:?}");
    let done = home.authd(&["db", "restore", &file, "--yes"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stdout.contains("tenant.create"), "{}", done.stdout);
    assert!(
        done.stdout.contains("rights are those of the backup"),
        "{}",
        done.stdout
    );
    assert!(done.stdout.contains("pre-restore-"), "{}", done.stdout);
    let daemon = home.start();
    let api = daemon.api();
    for dead in [&before, &since] {
        assert_eq!(api.check(&dead.access).status, 401);
        assert_eq!(api.refresh(&dead.refresh).status, 401);
    }
    // The password stands, and a slug that was used since is not given again.
    api.tokens(&alice());
    let taken = daemon.authctl().run(&["tenant", "create", "since"]);
    assert_eq!(taken.code, Some(6), "{taken:?}");
    daemon.authctl().ok(&["audit", "verify"]);
    let look = Database::open(home.database()).expect("a database");
    let rows: u32 = look
        .query_row(
            "SELECT count(*) FROM audit WHERE action = 'backup.restore'",
            [],
            |row| row.get(0),
        )
        .expect("a count");
    assert_eq!(rows, 1);
}

#[test]
fn rule_19_kept_sessions_were_alive_in_both() {
    let home = Home::new().setting("session.policy", "\"limit:5\"");
    let daemon = open(&home);
    let api = daemon.api();
    let kept = api.tokens(&alice().device("phone"));
    let ended = api.tokens(&alice().device("desk"));
    let file = path(&home, "old.db");
    daemon.authctl().ok(&["backup", "create", &file]);
    assert_eq!(api.logout(&ended.access).status, 204);
    let newer = api.refresh(&kept.refresh);
    assert_eq!(newer.status, 200);
    daemon.stop();
    let done = home.authd(&["db", "restore", &file, "--yes", "--keep-sessions"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let daemon = home.start();
    assert_eq!(daemon.api().check(&kept.access).status, 200);
    assert_eq!(daemon.api().check(&ended.access).status, 401);
    assert_eq!(daemon.api().refresh(&ended.refresh).status, 401);
}

#[test]
fn r32_a_fresh_host_needs_the_wrap_key() {
    let home = Home::new();
    let daemon = open(&home);
    let file = path(&home, "a.db.gz");
    daemon
        .authctl()
        .ok(&["backup", "create", &file, "--compress"]);
    daemon.stop();
    let fresh = Home::new();
    let missing = fresh.authd(&["db", "restore", &file, "--yes"]);
    assert_eq!(missing.code, Some(78), "{missing:?}");
    assert!(!fresh.database().exists());
    fs::copy(
        home.data().join("authd.wrap-key"),
        fresh.data().join("authd.wrap-key"),
    )
    .expect("the key");
    let done = fresh.authd(&["db", "restore", &file, "--yes"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let daemon = fresh.start();
    daemon.api().tokens(&Login::new("acme", ALICE, PASSWORD));
}

#[test]
fn r7_r33_what_is_no_backup_or_newer_is_refused_and_nothing_is_touched() {
    let home = Home::new();
    let daemon = open(&home);
    let file = path(&home, "a.db");
    daemon.authctl().ok(&["backup", "create", &file]);
    daemon.stop();
    let before = home.snapshot();
    let whole = fs::read(&file).expect("the backup");
    let cut = whole.get(..whole.len() / 2).unwrap_or_default();
    for bad in [b"no backup at all".as_slice(), cut, b""] {
        let bad_file = path(&home, "bad.db");
        fs::write(&bad_file, bad).expect("written");
        let refused = home.authd(&["db", "restore", &bad_file, "--yes"]);
        assert_eq!(refused.code, Some(65), "{refused:?}");
        assert_eq!(home.authd(&["db", "verify", &bad_file]).code, Some(65));
    }
    let mut after = home.snapshot();
    let mut expected = before;
    // The lock file holds the number of who had it last.
    for files in [&mut after, &mut expected] {
        files.retain(|path, _| path.extension().is_none_or(|e| e != "lock"));
    }
    assert_eq!(
        after.keys().collect::<Vec<_>>(),
        expected.keys().collect::<Vec<_>>()
    );
    assert!(after == expected);
}

#[test]
fn r33_killed_within_a_restore_leaves_the_old_database_or_the_new_one() {
    let home = Home::new();
    let daemon = open(&home);
    let file = path(&home, "a.db");
    daemon.authctl().ok(&["backup", "create", &file]);
    daemon.authctl().create_tenant("since");
    daemon.stop();
    for when in [1, 3, 6, 10, 15, 22, 30, 40, 60, 90] {
        let killed = std::process::Command::new("strace")
            .args(["-f", "-qq", "-o", "/dev/null"])
            .args(["-e", "trace=pwrite64,write,rename,renameat,unlink,link,fdatasync,fsync"])
            .arg("-e")
            .arg(format!(
                "inject=pwrite64,write,rename,renameat,unlink,link,fdatasync,fsync:signal=KILL:when={when}"
            ))
            .arg(harness::binary("authd"))
            .arg("--config")
            .arg(home.path("authd.toml"))
            .args(["db", "restore", &file, "--yes"])
            .output()
            .expect("strace");
        let checked = home.authd(&["db", "verify"]);
        assert_eq!(
            checked.code,
            Some(0),
            "{when}: {checked:?} after {killed:?}"
        );
        let look = Database::open(home.database()).expect("a database");
        let of = |sql: &str| -> u32 { look.query_row(sql, [], |row| row.get(0)).expect(sql) };
        let since = of("SELECT count(*) FROM tenants WHERE slug = 'since'");
        let restored = of("SELECT count(*) FROM audit WHERE action = 'backup.restore'");
        // Wholly the old one, or wholly the new one.
        assert!(
            (since == 1 && restored == 0) || (since == 0 && restored >= 1),
            "{when}: {since} {restored}"
        );
        if restored > 0 {
            break;
        }
    }
    let done = home.authd(&["db", "restore", &file, "--yes"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    home.start().api().tokens(&alice());
}

#[test]
fn offline_commands_look_migrate_and_make_room() {
    let home = Home::new();
    let daemon = open(&home);
    let rehearsed = home.authd(&["db", "migrate", "--dry-run"]);
    assert_eq!(rehearsed.code, Some(0), "{rehearsed:?}");
    assert!(rehearsed.stdout.contains("is current"), "{rehearsed:?}");
    let status = home.authd(&["db", "status"]);
    assert!(
        status.stdout.contains(&format!("pid {}", daemon.pid())),
        "{status:?}"
    );
    harness::eventually("the ballast", std::time::Duration::from_secs(10), || {
        home.path("data/authd.ballast").exists().then_some(())
    });
    let rescued = home.authd(&["db", "rescue"]);
    assert!(rescued.stdout.contains("freed 32 MiB"), "{rescued:?}");
    assert!(!home.path("data/authd.ballast").exists());
    daemon.stop();
    for line in [
        ["db", "status"].as_slice(),
        &["db", "migrate"],
        &["db", "verify"],
        &["db", "vacuum"],
        &["db", "backup", &path(&home, "off.db")],
    ] {
        let done = home.authd(line);
        assert_eq!(done.code, Some(0), "{line:?}: {done:?}");
    }
    let again = home.authd(&["db", "backup", &path(&home, "off.db")]);
    assert_eq!(again.code, Some(73), "{again:?}");
    let checked = home.authd(&["db", "verify", &path(&home, "off.db")]);
    assert_eq!(checked.stdout.lines().last(), Some("ok"), "{checked:?}");
    home.start().api().tokens(&alice());
}

/// A state folder on a file system of 16 MiB; it goes with its value.
struct SmallDisk {
    folder: std::path::PathBuf,
}

impl SmallDisk {
    fn mount(home: &Home) -> Self {
        let folder = home.path("small");
        fs::create_dir(&folder).expect("a folder");
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=16m,mode=0700", "tmpfs"])
            .arg(&folder)
            .status()
            .expect("mount");
        assert!(mounted.success(), "a tmpfs needs root");
        Self { folder }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let gone = std::process::Command::new("umount")
            .arg(&self.folder)
            .status();
        drop(gone);
    }
}

#[test]
fn r4_a_full_disk_fails_closed_warns_and_passes() {
    let home = Home::new();
    let disk = SmallDisk::mount(&home);
    let database = format!("\"sqlite:{}\"", disk.folder.join("authd.db").display());
    let home = home.setting("database.url", &database);
    let daemon = open(&home);
    let tokens = daemon.api().tokens(&alice());
    // There is no room for a ballast file, and status says what is short.
    assert!(!disk.folder.join("authd.ballast").exists());
    let status = daemon.authctl().ok(&["status"]);
    assert!(
        status.contains("MiB wanted beside the database"),
        "{status}"
    );
    daemon.wait_for_log("names are counted, and not written down");
    let stranger = Login::new("acme", "nobody@acme.test", PASSWORD);
    assert_eq!(
        daemon.api().login(&stranger).outcome(),
        "401 invalid_credentials"
    );
    let attempts = daemon.authctl().items(&["attempt", "list"]);
    assert!(
        attempts
            .iter()
            .all(|row| row.get("user_id").is_some_and(|id| !id.is_null())),
        "{attempts:?}"
    );
    // A backup for which there is no room is refused before it is begun.
    let refused = daemon
        .authctl()
        .run(&["backup", "create", &path(&home, "no.db")]);
    assert_eq!(refused.code, Some(10), "{refused:?}");
    assert!(
        refused.stderr.contains("no room for a backup"),
        "{refused:?}"
    );
    let filler = disk.folder.join("filler");
    let mut file = fs::File::create(&filler).expect("a file");
    let part = vec![7; 64 << 10];
    while std::io::Write::write_all(&mut file, &part).is_ok() {}
    let full = daemon.api().login(&alice());
    assert_eq!(full.outcome(), "503 unavailable");
    assert_eq!(
        daemon.api().logout(&tokens.access).outcome(),
        "503 unavailable"
    );
    assert_eq!(daemon.api().check(&tokens.access).status, 200);
    drop(file);
    fs::remove_file(&filler).expect("room");
    daemon.api().tokens(&alice().device("again"));
    assert_eq!(daemon.stop().code, Some(0));
}
