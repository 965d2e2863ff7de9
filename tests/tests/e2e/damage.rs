//! A database that was damaged, or that may not be written (R6, R7): nobody is let in by it, nothing is
//! half there, nothing is made anew, and what is lost shows.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;
use std::time::Duration;

use harness::{Daemon, Dice, Faults, Home, Login, PASSWORD, Request};
use rusqlite::Connection as Database;
use rustix::process::getuid;
use serde_json::json;

use crate::scene::{ALICE, alice, guess, open};

/// Users that are made one after the other, all of them in the log that is damaged.
const MADE: usize = 8;
/// Bytes before the first frame of a log.
const HEAD: usize = 32;
/// Bytes of a frame: its head and a page.
const FRAME: usize = 24 + 4096;

type Files = BTreeMap<PathBuf, Vec<u8>>;

/// Files by the names that they have in a state folder, laid out in another one.
fn laid_out(files: &Files) -> Home {
    let home = Home::new();
    for (path, content) in files {
        let name = path.file_name().expect("a name");
        let path = home.data().join(name);
        fs::write(&path, content).expect("written");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("its mode");
    }
    home
}

fn file<'a>(files: &'a mut Files, name: &str) -> &'a mut Vec<u8> {
    let mut found = files.iter_mut().filter(|(path, _)| path.ends_with(name));
    found.next().expect("the file").1
}

fn made(number: usize) -> String {
    format!("made{number}@acme.test")
}

/// A state folder whose log holds eight users, and the daemon's journal: a reader keeps the log from
/// being moved at the end.
fn with_a_log() -> (Files, String) {
    let home = Home::new();
    assert_eq!(open(&home).stop().code, Some(0));
    let daemon = home.start();
    let reader = Database::open(home.database()).expect("a database");
    reader.execute_batch("BEGIN").expect("a snapshot");
    let users: i64 = reader
        .query_row("SELECT count(*) FROM users", [], |row| row.get(0))
        .expect("a count");
    assert_eq!(users, 1);
    for number in 0..MADE {
        daemon
            .authctl()
            .create_user("acme", &made(number), PASSWORD);
    }
    let exit = daemon.stop();
    assert_eq!(exit.code, Some(0));
    let mut files = home.snapshot();
    files.retain(|path, _| !path.ends_with("authd.db-shm") && !path.ends_with("authd.lock"));
    assert!(file(&mut files, "authd.db-wal").len() > HEAD + MADE * FRAME);
    (files, exit.stderr)
}

/// How many of the users are there; wholly, and none without those before it.
fn users_of(daemon: &Daemon) -> usize {
    let users = daemon.authctl().items(&["-t", "acme", "user", "list"]);
    let is_there = |email: &str| users.iter().any(|user| user["email"] == json!(email));
    assert!(is_there(ALICE), "{users:?}");
    let count = users.len() - 1;
    for number in 0..MADE {
        let email = made(number);
        assert_eq!(is_there(&email), number < count, "{email} of {count}");
        let answer = daemon.api().login(&Login::new("acme", &email, PASSWORD));
        let expected = if number < count { 200 } else { 401 };
        assert_eq!(answer.status, expected, "{email} of {count}");
    }
    count
}

#[test]
fn r7_a_log_that_was_cut_or_deleted_halves_nothing_and_the_loss_shows() {
    let (files, journal) = with_a_log();
    let whole = files.clone();
    let length = file(&mut whole.clone(), "authd.db-wal").len();
    let frames = (length - HEAD) / FRAME;
    let mut cuts = vec![None, Some(0), Some(HEAD - 1), Some(HEAD), Some(length)];
    cuts.extend([1, frames / 3, frames / 2, frames - 1].map(|n| Some(HEAD + n * FRAME)));
    cuts.extend([frames / 4, frames / 2, frames - 1].map(|n| Some(HEAD + n * FRAME + 1000)));
    let mut seen = Vec::new();
    for cut in cuts {
        let mut files = whole.clone();
        match cut {
            Some(cut) => file(&mut files, "authd.db-wal").truncate(cut),
            None => files.retain(|path, _| !path.ends_with("authd.db-wal")),
        }
        let home = laid_out(&files);
        let daemon = home.start();
        let count = users_of(&daemon);
        if cut == Some(length) {
            assert_eq!(count, MADE);
        }
        seen.push(count);
        // By itself the rest is whole; the journal's last heads know what there was.
        let authctl = daemon.authctl();
        assert_eq!(authctl.run(&["audit", "verify"]).code, Some(0), "{cut:?}");
        let told = authctl.run_with_input(&["audit", "verify", "--heads", "-"], &journal);
        let expected = if count == MADE { 0 } else { 11 };
        assert_eq!(
            told.code,
            Some(expected),
            "{cut:?}, {count} users: {told:?}"
        );
        assert!(!daemon.log().contains("panicked"), "{}", daemon.log());
        assert_eq!(daemon.stop().code, Some(0));
    }
    seen.sort_unstable();
    seen.dedup();
    assert!(seen.len() > 3, "the cuts cut nothing: {seen:?}");
}

#[test]
fn r7_flipped_bytes_let_nobody_in_and_are_no_crash() {
    let (whole, _) = with_a_log();
    let mut dice = Dice::of(7);
    let mut outcomes = BTreeMap::<String, u32>::new();
    for round in 0..24 {
        let mut files = whole.clone();
        let name = if round % 4 == 0 {
            "authd.db-wal"
        } else {
            "authd.db"
        };
        let content = file(&mut files, name);
        // A handful at a time, so that some of them are met.
        for _ in 0..6 {
            let place = usize::try_from(dice.roll(content.len() as u64)).expect("a place");
            content[place] ^= 1 << dice.roll(8);
        }
        let home = laid_out(&files);
        let outcome = match home.try_start() {
            Err(exit) => {
                assert!(exit.code.is_some_and(|code| code > 0), "{exit:?}");
                assert!(!exit.stderr.contains("panicked"), "{}", exit.stderr);
                format!("no start: {}", exit.code.unwrap_or_default())
            }
            Ok(daemon) => {
                let api = daemon.api();
                assert_ne!(api.login(&guess(ALICE)).status, 200, "round {round}");
                let nobody = Login::new("acme", "nobody@acme.test", PASSWORD);
                assert_ne!(api.login(&nobody).status, 200, "round {round}");
                let login = api.login(&alice());
                if login.status == 200 {
                    let token = login.field("/access_token");
                    assert!([204, 503].contains(&api.logout(&token).status));
                }
                drop(daemon.authctl().run(&["-t", "acme", "user", "list"]));
                drop(daemon.authctl().run(&["audit", "verify"]));
                assert_eq!(api.send(&Request::get("/healthz")).status, 200);
                assert!(!daemon.log().contains("panicked"), "{}", daemon.log());
                format!("login {}", login.outcome())
            }
        };
        *outcomes.entry(outcome).or_default() += 1;
    }
    eprintln!("{outcomes:?}");
}

#[test]
fn r6_a_file_system_that_turned_read_only_ends_no_session_in_words_alone() {
    let home = Home::new();
    let daemon = open(&home);
    let api = daemon.api();
    let tokens = api.tokens(&alice());
    let faults = Faults::inject(&daemon, "pwrite64,ftruncate", "error=EROFS");
    let logout = Request::post("/v1/auth/logout")
        .bearer(&tokens.access)
        .json(&json!({}));
    let login = Request::post("/v1/auth/login").json(alice().body());
    for request in [logout, login] {
        // An answer, or none because it has ended.
        let answer = api.try_send(&request);
        let is_refused = answer.as_ref().map_or(true, |answer| answer.status == 503);
        assert!(is_refused, "{answer:?}");
    }
    drop(faults);
    // It goes on, or it ended because the disk cannot be trusted; nothing was done either way.
    let daemon = if api
        .try_send(&Request::get("/readyz"))
        .is_ok_and(|answer| answer.status == 200)
    {
        daemon
    } else {
        assert_ne!(daemon.wait().code, Some(0));
        home.start()
    };
    assert_eq!(daemon.api().check(&tokens.access).status, 200);
    assert_eq!(daemon.api().logout(&tokens.access).status, 204);
}

#[test]
fn r6_a_database_that_may_not_be_written_starts_nothing() {
    if !getuid().is_root() {
        // Giving a file to somebody else takes root.
        return;
    }
    // Root who may not pass by the mode of a file is like any other user.
    let less = "--bounding-set=-dac_override,-dac_read_search,-fowner";
    let home = Home::new().through(&["/usr/bin/setpriv", less]);
    let daemon = open(&home);
    let tokens = daemon.api().tokens(&alice());
    assert_eq!(daemon.stop().code, Some(0));
    // Its own file is closed to others and opened for itself, whatever its mode was.
    fs::set_permissions(home.database(), Permissions::from_mode(0o444)).expect("its mode");
    let daemon = home.start();
    let mode = fs::metadata(home.database()).map(|file| file.permissions().mode() & 0o777);
    assert_eq!(mode.expect("the file"), 0o600);
    assert_eq!(daemon.api().logout(&tokens.access).status, 204);
    assert_eq!(daemon.stop().code, Some(0));

    for mode in [0o444, 0o600] {
        chown(home.database(), Some(65534), None).expect("its owner");
        fs::set_permissions(home.database(), Permissions::from_mode(mode)).expect("its mode");
        let before = fs::read(home.database()).expect("the file");
        let Err(exit) = home.try_start() else {
            panic!("it started with {mode:o}");
        };
        assert!(exit.code.is_some_and(|code| code > 0), "{exit:?}");
        assert!(exit.stderr.contains("authd.db"), "{}", exit.stderr);
        assert!(!exit.stderr.contains("panicked"), "{}", exit.stderr);
        assert!(exit.took < Duration::from_secs(2), "{:?}", exit.took);
        assert!(fs::read(home.database()).expect("the file") == before);
    }
}
