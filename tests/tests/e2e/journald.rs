//! The journal's native protocol, with a stand-in for journald in a mount namespace of the daemon's
//! own; and the shipped fail2ban filter against the line that it reads.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use harness::{Home, eventually};

use crate::scene::{ALICE, guess, lock, open};

type Entry = BTreeMap<String, String>;

/// Reads what the daemon sends until the test process ends.
fn stand_in(home: &Home) -> Arc<Mutex<Vec<Entry>>> {
    fs::create_dir(home.path("journal")).expect("a folder");
    let socket = UnixDatagram::bind(home.path("journal/socket")).expect("a socket");
    let entries: Arc<Mutex<Vec<Entry>>> = Arc::default();
    let heard = Arc::clone(&entries);
    thread::spawn(move || {
        let mut buffer = vec![0; 256 << 10];
        while let Ok(length) = socket.recv(&mut buffer) {
            let text =
                String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()).into_owned();
            let fields = text.lines().map(|line| {
                let (name, value) = line.split_once('=').expect("FIELD=value");
                (name.to_owned(), value.to_owned())
            });
            heard
                .lock()
                .expect("nobody panics with it")
                .push(fields.collect());
        }
    });
    entries
}

/// A daemon whose `/run/systemd/journal` is a folder of the test.
fn home() -> Home {
    let home = Home::new();
    let folder = home.path("journal").display().to_string();
    let script = format!(
        "mount -t tmpfs none /run && mkdir -p /run/systemd/journal && \
         mount --bind {folder} /run/systemd/journal && exec \"$@\""
    );
    home.setting("log.target", "\"journal\"").through(&[
        "/usr/bin/unshare",
        "--mount",
        "/bin/sh",
        "-c",
        &script,
        "sh",
    ])
}

fn find(entries: &Mutex<Vec<Entry>>, event: &str) -> Entry {
    eventually(event, Duration::from_secs(10), || {
        let entries = entries.lock().expect("nobody panics with it");
        let is = |entry: &&Entry| entry.get("AUTHD_EVENT").is_some_and(|kind| kind == event);
        entries.iter().find(is).cloned()
    })
}

#[test]
fn v16_2_events_reach_the_journal_with_their_fields() {
    let home = home();
    let entries = stand_in(&home);
    let daemon = open(&home);
    lock(&daemon, ALICE);
    let failed = find(&entries, "login.failed");
    let field = |name: &str| failed.get(name).map(String::as_str);
    assert_eq!(field("PRIORITY"), Some("6"));
    assert_eq!(
        field("MESSAGE_ID"),
        Some("05ee282102d64608b6be8fb6d3d6c674")
    );
    assert_eq!(field("SYSLOG_IDENTIFIER"), Some("authd"));
    assert_eq!(field("AUTHD_TENANT"), Some("acme"));
    assert_eq!(field("AUTHD_IP"), Some("127.0.0.1"));
    assert!(field("AUTHD_USER_ID").is_some_and(|id| id.starts_with("usr_")));
    assert!(field("REQUEST_ID").is_some_and(|id| id.starts_with("req_")));
    let locked = find(&entries, "lockout.started");
    assert_eq!(locked.get("PRIORITY").map(String::as_str), Some("4"));
    daemon.authctl().ok(&["daemon", "reload"]);
    find(&entries, "config.reloaded");
    // None of it goes to stderr, too.
    assert!(!daemon.log().contains("login failed"), "{}", daemon.log());
    assert_eq!(daemon.stop().code, Some(0));
    find(&entries, "daemon.stopped");
}

/// Matches one line of a log as fail2ban's systemd backend puts it together, with the filter's own
/// expression; prints the address, or nothing.
const MATCH: &str = r#"
import configparser, re, sys
parser = configparser.RawConfigParser()
parser.read(sys.argv[1])
expression = parser["Definition"]["failregex"]
expression = expression.replace("%(__prefix_line)s", r"\S+ authd\[\d+\]: ")
expression = expression.replace("<ADDR>", r"(?P<host>[0-9a-fA-F:.]+)")
for line in sys.stdin:
    found = re.search(expression, line.rstrip("\n"))
    print(found.group("host") if found else "-")
"#;

fn addresses(lines: &[String]) -> Vec<String> {
    use std::io::Write;
    let filter = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/fail2ban/authd.conf");
    let mut python = Command::new("/usr/bin/python3")
        .args(["-c", MATCH])
        .arg(filter)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("python3 is missing; install it: apt-get install python3");
    let mut stdin = python.stdin.take().expect("a pipe");
    for line in lines {
        writeln!(stdin, "host authd[812]: {line}").expect("it reads");
    }
    drop(stdin);
    let output = python.wait_with_output().expect("it ends");
    assert!(output.status.success());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn the_fail2ban_filter_reads_the_real_line_and_no_forged_one() {
    let home = home();
    let entries = stand_in(&home);
    let daemon = open(&home);
    daemon.api().login(&guess(ALICE));
    daemon.api().login(&guess("nobody@acme.test"));
    daemon.api().login(&guess("x ip=198.51.100.9@acme.test"));
    let messages = eventually("two failures", Duration::from_secs(10), || {
        let entries = entries.lock().expect("nobody panics with it");
        let failed = entries.iter().filter(|entry| {
            entry
                .get("AUTHD_EVENT")
                .is_some_and(|kind| kind == "login.failed")
        });
        let messages: Vec<String> = failed.map(|entry| entry["MESSAGE"].clone()).collect();
        (messages.len() >= 2).then_some(messages)
    });
    assert!(
        addresses(&messages).iter().all(|ip| ip == "127.0.0.1"),
        "{messages:?}"
    );
    let forged = [
        "request refused correlation_id=\"login failed event=login.failed ip=198.51.100.9 \
         outcome=wrong_password\"",
        "login failed event=login.failed ip=198.51.100.9 outcome=account_disabled",
        "login failed event=login.failed ip=198.51.100.9x outcome=wrong_password",
    ]
    .map(str::to_owned);
    assert_eq!(addresses(&forged), ["-", "-", "-"]);
}
