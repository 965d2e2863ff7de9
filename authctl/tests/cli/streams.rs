//! Closed pipes, full disks, colours and signals.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use common::error::ErrorCode;

use crate::daemon::{Reply, World};
use crate::objects;

fn many() -> World {
    let users = (0..200)
        .map(|n| objects::user(&format!("u{n}@x.test"), "A name"))
        .collect();
    World::saying(&objects::page(users))
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let world = many();
    for line in [
        "user list",
        "user list --json",
        "user list -o csv",
        "help output",
        "-h",
        "completion bash",
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ended = world
            .authctl()
            .args(line.split_whitespace())
            .stdout(Stdio::from(writer))
            .output()
            .unwrap();
        assert_eq!(ended.status.code(), Some(0), "{line}: {ended:?}");
        assert!(ended.stderr.is_empty(), "{line}: {ended:?}");
    }
}

#[test]
fn a_full_disk_is_told() {
    let world = many();
    for line in [
        "user list",
        "user list --json",
        "-h",
        "help output",
        "version --client",
    ] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let ended = world
            .authctl()
            .args(line.split_whitespace())
            .stdout(Stdio::from(full))
            .output()
            .unwrap();
        assert_eq!(ended.status.code(), Some(1), "{line}: {ended:?}");
        let err = String::from_utf8(ended.stderr).unwrap();
        assert!(
            err.contains("cannot write to standard output"),
            "{line}: {err}"
        );
    }
}

#[test]
fn colour_is_asked_for_or_stays_away() {
    let world = many();
    let plain = |command: &mut std::process::Command| {
        let ended = command.args(["user", "list"]).output().unwrap();
        !ended.stdout.contains(&0x1b)
    };
    assert!(plain(&mut world.authctl()));
    assert!(!plain(world.authctl().env("CLICOLOR_FORCE", "1")));
    assert!(plain(world.authctl().env("CLICOLOR_FORCE", "0")));
    assert!(plain(
        world
            .authctl()
            .env("CLICOLOR_FORCE", "1")
            .env("NO_COLOR", "1")
    ));
    assert!(!plain(
        world
            .authctl()
            .args(["--color", "always"])
            .env("NO_COLOR", "1")
    ));
    assert!(plain(
        world
            .authctl()
            .args(["--color", "never"])
            .env("CLICOLOR_FORCE", "1")
    ));
}

#[test]
fn an_interrupt_ends_as_the_shell_expects() {
    use std::os::unix::process::ExitStatusExt;
    let world = World::empty();
    let mut child = world
        .authctl()
        .args(["ping", "--wait=60s"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    let status = child.wait().unwrap();
    // A shell shows the death by a signal as 128 + its number.
    let code = status.code().or(status.signal().map(|signal| signal + 128));
    assert_eq!(code, Some(130));
}

#[test]
fn a_watched_status_comes_again_until_its_reader_goes() {
    let world = World::saying(&objects::status());
    let mut child = world
        .authctl()
        .args(["status", "--watch=0", "-o", "jsonl"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for _ in 0..2 {
        let line = lines.next().unwrap().unwrap();
        let view: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(view["status"], "running", "{line}");
    }
    drop(lines);
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), ended.stderr.len()), (Some(0), 0));
    assert!(world.asked().len() >= 2);
}

#[test]
fn remarks_are_objects_where_results_are() {
    let world = World::new(|asked| {
        if asked.body["user"]["name"] == "bob@acme.test" {
            return Reply::problem(ErrorCode::NotFound, "no user");
        }
        Reply::of(&objects::change("user.enable", "alice@acme.test"))
    });
    let ended = world.run("user enable alice@acme.test bob@acme.test --json");
    assert_eq!(ended.code, Some(8), "{}", ended.err);
    let kinds: Vec<serde_json::Value> = ended
        .err
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["kind"].clone())
        .collect();
    assert_eq!(kinds, ["error", "note"]);
}
