//! The power goes at any moment (R3): what was answered is on the disk, and what a disk may have lost
//! does no harm.
//!
//! strace records what the real daemon writes and syncs, and when it sends which answer. From that the
//! files are made as a power loss at any moment may leave them; the real daemon starts from them, and
//! the clients' journals of that moment are the judge.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashMap};
use std::fs::OpenOptions;
use std::hash::{BuildHasher, Hasher};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::time::Instant;

use harness::{Call, Dice, Home, Journal, Recording};
use rusqlite::Connection as Database;

use crate::disk::{Disk, Luck, is_kept};
use crate::{alone, journals};

/// All by which the daemon changes files, and sends answers.
const CALLS: &str = "openat,creat,pwrite64,pwritev,pwritev2,write,writev,ftruncate,truncate,fallocate,\
    fsync,fdatasync,sync_file_range,unlink,unlinkat,rename,renameat,renameat2,sendto,sendmsg";
const CLIENTS: u64 = 4;

/// A run of the daemon that was recorded.
struct Run {
    /// The state folder as it began.
    before: BTreeMap<String, Vec<u8>>,
    folder: std::path::PathBuf,
    calls: Vec<Call>,
    journals: Vec<Journal>,
    /// When each answer left, by its request id.
    answers: HashMap<String, usize>,
    ended: Instant,
}

/// Records a daemon under a load of so many acts a client, from its start to its clean end.
fn record(dice: &mut Dice, acts: u32) -> Run {
    let home = settings(Home::new());
    let daemon = home.start();
    let journals = journals(&daemon.authctl(), CLIENTS);
    let mut journals: Vec<Journal> = journals.into_iter().map(Journal::with_history).collect();
    assert_eq!(daemon.stop().code, Some(0));
    let before = named(&home);
    let recording = Recording::into(home.path("recording"), CALLS);
    let wrapper = recording.wrapper();
    let wrapper: Vec<&str> = wrapper.iter().map(String::as_str).collect();
    let home = home.through(&wrapper);
    let daemon = home.start();
    let pid = daemon.pid();
    Journal::load_all(&mut journals, daemon.api(), dice, acts, || {});
    assert_eq!(daemon.stop().code, Some(0));
    let calls = recording.calls(pid);
    let answers = answers(&calls);
    Run {
        before,
        folder: home.data(),
        calls,
        journals,
        answers,
        ended: Instant::now(),
    }
}

/// Checkpoints within the run, and journals that can be judged a while after it.
fn settings(home: Home) -> Home {
    home.setting("database.wal_autocheckpoint", "100")
        .setting("token.access_ttl", "\"1h\"")
        .setting("token.refresh_grace", "\"1m\"")
}

/// The state folder's files by name.
fn named(home: &Home) -> BTreeMap<String, Vec<u8>> {
    let name = |path: &std::path::Path| path.file_name().map(|n| n.to_string_lossy().into_owned());
    let files = home.snapshot().into_iter();
    files
        .filter_map(|(path, content)| Some((name(&path)?, content)))
        .filter(|(name, _)| is_kept(name))
        .collect()
}

/// When each answer was sent, by the request id in its head.
fn answers(calls: &[Call]) -> HashMap<String, usize> {
    let sends = ["sendto", "sendmsg", "write", "writev"];
    let sent = calls
        .iter()
        .filter(|call| sends.contains(&call.name.as_str()));
    sent.filter_map(|call| {
        let text = String::from_utf8_lossy(&call.bytes);
        let head = text.strip_prefix("HTTP/1.1 ")?;
        let line = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("x-request-id").then_some(value)
        })?;
        Some((line.trim().to_owned(), call.entered))
    })
    .collect()
}

impl Run {
    /// The disk when everything before a line of the recording had happened.
    fn disk(&self, moment: usize, hears_syncs: bool) -> Disk {
        let mut disk = Disk::new(&self.folder, &self.before, hears_syncs);
        for call in self.calls.iter().filter(|call| call.entered < moment) {
            let mut call = call.clone();
            call.done = call.done.filter(|done| *done < moment);
            disk.take(&call);
        }
        disk
    }

    /// Starts the real daemon from files that a power loss at a moment left, and asks the journals.
    fn judge(&self, moment: usize, files: &BTreeMap<String, Vec<u8>>) -> Result<(), String> {
        let home = settings(Home::new()).with_clock();
        lay_out(&home, files);
        // The daemon is back as soon as the run was over, however long the judging takes.
        let late = i64::try_from(self.ended.elapsed().as_secs()).expect("a test's time");
        home.clock().shift(-late);
        let daemon = home
            .try_start()
            .map_err(|exit| format!("no start: {exit:?}"))?;
        for journal in &self.journals {
            let has_left = |id: &str| self.answers.get(id).is_some_and(|&sent| sent < moment);
            let mut then = journal.when(has_left);
            then.judge(daemon.api())
                .map_err(|broken| format!("{}: {broken}", journal.email()))?;
        }
        Ok(())
    }
}

fn lay_out(home: &Home, files: &BTreeMap<String, Vec<u8>>) {
    for (name, content) in files {
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(true).mode(0o600);
        let file = options.open(home.data().join(name));
        file.and_then(|mut file| file.write_all(content))
            .expect("a file of the disk");
    }
}

/// That SQLite finds the files whole.
fn is_whole(files: &BTreeMap<String, Vec<u8>>) -> Result<(), String> {
    let home = Home::new();
    lay_out(&home, files);
    let database = Database::open(home.database()).map_err(|error| error.to_string())?;
    let verdict: String = database
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .map_err(|error| error.to_string())?;
    let orphans: i64 = database
        .query_row(
            "SELECT count(*) FROM sessions WHERE user_id NOT IN (SELECT id FROM users)",
            [],
            |row| row.get(0),
        )
        .map_err(|error| error.to_string())?;
    if verdict == "ok" && orphans == 0 {
        return Ok(());
    }
    Err(format!("{verdict}, {orphans} sessions without a user"))
}

/// Records a run and loses power in it: in `looked_at` ways SQLite looks at what is left, in `started`
/// ways the daemon starts from it.
fn power_loss(acts: u32, looked_at: u64, started: u64) {
    let _turn = alone();
    let seed = RandomState::new().build_hasher().finish();
    eprintln!("seed {seed}");
    let mut dice = Dice::of(seed);
    let run = record(&mut dice, acts);
    let end = run.calls.iter().filter_map(|call| call.done).max();
    let end = end.expect("calls") + 1;
    has_all_in_it(&run, end);
    // That the judge sees what is lost: on a disk that hears no sync, everything is.
    let deaf = run.disk(end, false).after_power_loss(Luck::None);
    let blind = run.judge(end, &deaf);
    assert!(blind.is_err(), "a disk without syncs lost nothing?");

    let mut sent: Vec<usize> = run.answers.values().copied().collect();
    sent.sort_unstable();
    let moment = |dice: &mut Dice| {
        // Right behind an answer the promise is youngest; any other moment may tear something.
        if dice.roll(2) == 0 {
            let one = usize::try_from(dice.roll(sent.len() as u64)).expect("an index");
            sent.get(one).map_or(end, |sent| sent + 1)
        } else {
            usize::try_from(dice.roll(end as u64 + 1)).expect("a line")
        }
    };
    let luck = |dice: &mut Dice| match dice.roll(4) {
        0 => Luck::None,
        1 => Luck::All,
        _ => Luck::Some(dice.roll(u64::MAX)),
    };
    for _ in 0..looked_at {
        let (moment, luck) = (moment(&mut dice), luck(&mut dice));
        let files = run.disk(moment, true).after_power_loss(luck);
        if let Err(broken) = is_whole(&files) {
            panic!("power loss at line {moment} of {end}, {luck:?}: {broken}");
        }
    }
    for number in 0..started {
        let moment = if number == 0 { end } else { moment(&mut dice) };
        let luck = if number == 0 {
            Luck::None
        } else {
            luck(&mut dice)
        };
        let files = run.disk(moment, true).after_power_loss(luck);
        if let Err(broken) = run.judge(moment, &files) {
            panic!("power loss at line {moment} of {end}, {luck:?}: {broken}");
        }
    }
}

/// That the recording holds what the row is about.
fn has_all_in_it(run: &Run, end: usize) {
    let disk = run.disk(end, true);
    let acts: u64 = run.journals.iter().map(Journal::acknowledged).sum();
    eprintln!(
        "{acts} acts, {} calls, {} syncs, writes {:?}",
        run.calls.len(),
        disk.syncs,
        disk.writes
    );
    let answered = u64::try_from(run.answers.len()).expect("a count");
    assert!(answered >= acts, "{answered} answers of {acts} were seen");
    assert!(disk.syncs > 0);
    let before_end = run.disk(run.answers.values().copied().max().unwrap_or(0), true);
    let moved = before_end.writes.get("authd.db").copied();
    assert!(moved.is_some_and(|pages| pages > 0), "no checkpoint in it");
}

#[test]
fn r3_what_was_answered_survives_a_power_loss() {
    power_loss(12, 150, 25);
}

#[test]
#[ignore = "long: about ten minutes"]
fn r3_whole_what_was_answered_survives_a_power_loss() {
    for _ in 0..3 {
        power_loss(40, 2000, 200);
    }
}

#[test]
fn the_disk_keeps_what_was_synced_and_may_lose_the_rest() {
    let call = |name: &str, arguments: &str, bytes: &[u8], at: usize| Call {
        name: name.to_owned(),
        file: "/data/f".to_owned(),
        arguments: arguments.to_owned(),
        bytes: bytes.to_vec(),
        entered: at,
        done: Some(at),
    };
    let files = BTreeMap::from([("f".to_owned(), b"old".to_vec())]);
    let mut disk = Disk::new(std::path::Path::new("/data"), &files, true);
    disk.take(&call("pwrite64", "3, , 3, 0", b"new", 0));
    disk.take(&call("fdatasync", "3", b"", 1));
    disk.take(&call("pwrite64", "3, , 3, 3", b"est", 2));
    let left = |luck| disk.after_power_loss(luck).remove("f");
    assert_eq!(left(Luck::None).as_deref(), Some(&b"new"[..]));
    assert_eq!(left(Luck::All).as_deref(), Some(&b"newest"[..]));
    // The name of a file that was made is there when its folder was synced, and not before.
    let open = |name: &str, at| Call {
        file: String::new(),
        ..call(
            "openat",
            "AT_FDCWD, , O_RDWR|O_CREAT, 0600",
            name.as_bytes(),
            at,
        )
    };
    disk.take(&open("/data/g", 3));
    assert!(!disk.after_power_loss(Luck::None).contains_key("g"));
    assert!(disk.after_power_loss(Luck::All).contains_key("g"));
    disk.take(&Call {
        file: "/data".to_owned(),
        ..call("fsync", "4", b"", 4)
    });
    assert!(disk.after_power_loss(Luck::None).contains_key("g"));
}
