//! The logs as they are followed, counted and exported; a session by itself, and many ended at once.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::error::ErrorCode;
use common::view::{AttemptView, SessionView};
use serde_json::{Value, json};

use crate::daemon::{Reply, World};
use crate::objects::{self, SESSION, time};

fn attempt(n: u32, count: u64) -> AttemptView {
    AttemptView {
        id: format!("att_{n:026}").parse().unwrap(),
        ip: Some(format!("203.0.113.{n}")),
        count,
        ..objects::attempt()
    }
}

#[test]
fn a_followed_log_shows_each_row_once_the_newest_last() {
    let looks = AtomicUsize::new(0);
    let world = World::new(move |_| {
        let rows = match looks.fetch_add(1, Ordering::SeqCst) {
            // What is remembered, what is shown at first, and two looks more.
            0 => vec![attempt(2, 1), attempt(1, 1)],
            1 => vec![attempt(3, 1), attempt(2, 1)],
            2 => return Reply::problem(ErrorCode::Unavailable, "busy"),
            3 => vec![attempt(5, 1), attempt(4, 1), attempt(3, 1), attempt(2, 7)],
            _ => vec![attempt(6, 1), attempt(5, 1), attempt(4, 1), attempt(2, 7)],
        };
        Reply::of(&objects::page(rows))
    });
    let mut child = world
        .authctl()
        .args(["attempt", "list", "-f", "--columns", "ip,count"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let shown: Vec<String> = lines.take(7).map(Result::unwrap).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(
        shown,
        [
            "IP           COUNT",
            "203.0.113.2  1",
            "203.0.113.3  1",
            "203.0.113.2  7",
            "203.0.113.4  1",
            "203.0.113.5  1",
            "203.0.113.6  1",
        ]
    );
    let mut told = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut told)
        .unwrap();
    assert_eq!(told.matches("waiting for it").count(), 1, "{told}");
    let asked = world.asked();
    assert!(asked[0].query.contains("since="), "{}", asked[0].query);
    assert_eq!(asked[1].query, "failed=false&limit=10");
}

#[test]
fn what_follows_has_no_order_and_no_end() {
    let world = World::empty();
    for line in ["attempt list -f --sort ip", "audit list -f --until 2h"] {
        assert_eq!(world.run(line).code, Some(2), "{line}");
    }
}

#[test]
fn attempts_are_counted_by_what_is_asked_for() {
    let row = json!({"ip": "203.0.113.7", "tenant": null, "user_id": null, "email": null,
        "subject_hash": null, "failed": 12, "ok": 1, "users": 9});
    let world = World::saying(&json!({"items": [row], "next_cursor": null}));
    let ended = world.run("-t acme attempt top --by ip --since 2026-11-23T00:00:00Z");
    assert_eq!(
        ended.out,
        "IP           FAILED  OK  USERS\n203.0.113.7  12      1   9\n"
    );
    assert_eq!(
        world.only().query,
        "tenant=acme&by=ip&since=2026-11-23T00%3A00%3A00.000Z&limit=20"
    );
    for line in [
        "attempt top",
        "attempt top --by ip -n 0",
        "attempt top --by name",
    ] {
        assert_eq!(world.run(line).code, Some(2), "{line}");
    }
}

#[test]
fn an_export_is_a_new_file_of_all_pages() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new(|asked| {
        let (number, next) = if asked.query.contains("cursor=more") {
            (2, Value::Null)
        } else {
            (1, json!("more"))
        };
        let row = json!({"id": objects::AUDIT, "at": "2026-11-20T08:12:00.000Z", "tenant": "acme",
            "number": number, "action": "user.disable", "object": "x", "email": null,
            "actor": null, "reason": null, "erased": false, "after": {"status": "disabled"}});
        Reply::of(&json!({"items": [row], "next_cursor": next}))
    });
    let file = folder.path().join("audit.jsonl");
    let line = format!("audit export {}", file.display());
    let ended = world.run(&line);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(
        ended.err.contains("exported 2 changes to "),
        "{}",
        ended.err
    );
    let text = std::fs::read_to_string(&file).unwrap();
    let rows: Vec<Value> = text
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(
        (&rows[0]["number"], &rows[1]["number"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(rows[1]["after"]["status"], "disabled");
    let again = world.run(&line);
    assert_eq!(again.code, Some(2), "{}", again.err);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    assert_eq!(world.run("audit export -").out, text);
}

#[test]
fn an_export_that_fails_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new(|_| Reply::problem(ErrorCode::Internal, "lost"));
    let file = folder.path().join("audit.jsonl");
    let ended = world.run(&format!("audit export {}", file.display()));
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_session_is_shown_with_its_end() {
    let world = World::saying(&SessionView {
        ended_at: Some(time("2026-11-20T09:00:00.000Z")),
        end_reason: Some("revoked".to_owned()),
        ..objects::session()
    });
    let ended = world.run(&format!("session show {SESSION}"));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    for part in [SESSION, "End reason", "revoked", "Pixel 9"] {
        assert!(ended.out.contains(part), "{}", ended.out);
    }
    assert_eq!(world.only().query, format!("id={SESSION}"));
}

#[test]
fn sessions_from_an_address_or_of_an_age_end_after_a_question() {
    let world = World::new(|_| {
        Reply::of(&common::call::Change {
            sessions_ended: 3,
            tenant: None,
            ..objects::change("session.revoke", "sessions from 203.0.113.0/24")
        })
    });
    let asked = world.run("session revoke --ip 203.0.113.0/24");
    assert_eq!(asked.code, Some(12), "{}", asked.err);
    assert!(
        asked
            .err
            .contains("authctl session revoke --ip 203.0.113.0/24 --yes"),
        "{}",
        asked.err
    );
    assert!(world.asked().is_empty());
    let ended = world.run("-t acme session revoke --ip 203.0.113.0/24 --older-than 7d -y");
    assert_eq!(
        ended.out,
        "Ended sessions from 203.0.113.0/24; 3 sessions ended.\n"
    );
    assert_eq!(
        world.only().body["target"]["matching"],
        json!({"tenant": "acme", "ip": "203.0.113.0/24", "older_than_seconds": 604_800})
    );
    let line = format!("session revoke {SESSION} --ip 203.0.113.7 -y");
    assert_eq!(world.run(&line).code, Some(2));
}
