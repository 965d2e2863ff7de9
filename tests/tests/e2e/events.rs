//! `authctl events` and `authctl doctor` against the real daemon: nothing is lost over its restart.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Stdio};

use harness::{Authctl, Home};
use serde_json::Value;

use crate::scene::{ALICE, lock, open};

/// An authctl that listens, and ends with its value.
struct Listening {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Listening {
    fn to(authctl: &Authctl, arguments: &[&str]) -> Self {
        let mut command = authctl.command();
        command.args(["-o", "jsonl", "events"]).args(arguments);
        let mut child = command
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()
            .expect("authctl");
        let lines = BufReader::new(child.stdout.take().expect("a pipe"));
        Self { child, lines }
    }

    /// The next event; the test's own limit ends a wait for one that never comes.
    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("a line");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"))
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn number(event: &Value) -> u64 {
    event["seq"].as_u64().expect("a number")
}

#[test]
fn a_listener_misses_nothing_over_a_restart() {
    let home = Home::new();
    let daemon = open(&home);
    let authctl = daemon.authctl();
    let mut listening = Listening::to(&authctl, &["--since", "0"]);
    let mut last = 0;
    loop {
        let event = listening.next();
        assert_eq!(number(&event), last + 1, "{event}");
        last = number(&event);
        if event["type"] == "user.create" {
            break;
        }
    }
    lock(&daemon, ALICE);
    let event = listening.next();
    assert_eq!(event["type"], "lockout.started", "{event}");
    assert_eq!(event["subject"]["email"], ALICE, "{event}");
    last = number(&event);
    daemon.stop();

    // While nobody listens to the daemon, the first change of the next one is made.
    let daemon = home.start();
    let authctl = daemon.authctl();
    authctl.ok(&["-t", "acme", "user", "disable", ALICE, "-y"]);
    let mut seen = Vec::new();
    while !seen.contains(&"user.disable".to_owned()) {
        let event = listening.next();
        assert_eq!(number(&event), last + 1, "{event}");
        last = number(&event);
        seen.push(event["type"].as_str().expect("a type").to_owned());
    }

    let all = authctl.ok(&["events", "--since", "0", "--no-follow", "-q"]);
    let told = u64::try_from(all.lines().count()).expect("a number");
    assert!(told >= last, "{told} of {last}");
    let gone = authctl.run(&["events", "--since", "999999", "--no-follow"]);
    assert_eq!(gone.code, Some(5), "{gone:?}");
    let masked = daemon
        .monitor()
        .ok(&["events", "--since", "0", "--no-follow"]);
    assert!(!masked.contains(ALICE), "{masked}");
}

#[test]
fn the_doctor_asks_the_daemon_too() {
    let home = Home::new().with_helpdesk();
    let daemon = open(&home);
    let items = daemon.authctl().items(&["doctor"]);
    let of = |section: &str| {
        let found = items.iter().find(|item| item["section"] == section);
        found.unwrap_or_else(|| panic!("no {section} in {items:?}"))
    };
    for section in ["daemon", "sockets", "keys", "signing", "database", "space"] {
        assert_eq!(of(section)["result"], "ok", "{}", of(section));
    }
    assert_eq!(of("backup")["result"], "warn");
    assert_eq!(of("smtp")["result"], "skipped");
    daemon.authctl().ok(&["backup", "create"]);
    let items = daemon.monitor().items(&["doctor", "--section", "backup"]);
    assert_eq!(items.len(), 1);
    assert_eq!(items[0]["result"], "ok", "{items:?}");
    // helpdesk.sock does not carry it: its own look ends as one without a daemon.
    let refused = daemon.helpdesk().run(&["doctor"]);
    assert_eq!(refused.code, Some(11), "{refused:?}");
    daemon
        .helpdesk()
        .ok(&["lockout", "clear", "acme/alice@acme.test"]);
    let refused = daemon
        .helpdesk()
        .run(&["user", "show", "acme/alice@acme.test"]);
    assert_eq!(refused.code, Some(4), "{refused:?}");
}
