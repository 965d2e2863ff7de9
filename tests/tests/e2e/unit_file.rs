//! The shipped unit against what the daemon does: everything that authd asks of the kernel from its
//! start over a sign-in to its stop must pass the unit's filters, for there no systemd runs as process 1
//! that could tell. `.ci/units` holds the unit itself to its exposure.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use harness::{Home, eventually};

use crate::scene::{alice, setup};
use crate::service_manager::{started, units};

/// The values of a setting of the service, in their order.
fn settings(name: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/systemd/authd.service");
    let text = fs::read_to_string(path).expect("the unit");
    text.lines()
        .filter_map(|line| line.split_once('='))
        .filter(|(found, _)| *found == name)
        .map(|(_, value)| value.to_owned())
        .collect()
}

/// systemd's sets of system calls with what stands in them.
fn sets() -> BTreeMap<String, Vec<String>> {
    let output = Command::new("/usr/bin/systemd-analyze")
        .args(["--no-pager", "syscall-filter"])
        .output()
        .expect("systemd-analyze is missing; install it: apt-get install systemd");
    let mut sets: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut current = String::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        if line.starts_with('@') {
            line.clone_into(&mut current);
        } else if line.starts_with("    ") && !line.contains('#') {
            let members = sets.entry(current.clone()).or_default();
            members.push(line.trim().to_owned());
        }
    }
    sets
}

fn expand(name: &str, sets: &BTreeMap<String, Vec<String>>, into: &mut BTreeSet<String>) {
    match sets.get(name) {
        Some(members) => members.iter().for_each(|name| expand(name, sets, into)),
        None => drop(into.insert(name.to_owned())),
    }
}

/// The system calls that the unit lets through.
fn allowed() -> BTreeSet<String> {
    let sets = sets();
    let mut allowed = BTreeSet::new();
    expand("@default", &sets, &mut allowed);
    for line in settings("SystemCallFilter") {
        let (is_denied, names) = match line.strip_prefix('~') {
            Some(names) => (true, names),
            None => (false, line.as_str()),
        };
        let mut named = BTreeSet::new();
        for name in names.split_whitespace() {
            expand(name, &sets, &mut named);
        }
        if is_denied {
            allowed.retain(|name| !named.contains(name));
        } else {
            allowed.extend(named);
        }
    }
    allowed
}

/// The calls of a trace: name and the line from there on.
fn calls(trace: &str) -> Vec<(&str, &str)> {
    trace
        .lines()
        .filter_map(|line| {
            let (_, call) = line.split_once(char::is_whitespace)?;
            let call = call.trim_start();
            let (name, _) = call.split_once('(')?;
            let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            (is_name && !name.is_empty()).then_some((name, call))
        })
        .collect()
}

#[test]
fn a_whole_run_passes_the_filters_of_the_unit() {
    // -D: the daemon keeps the process that the sockets are passed to, and strace takes another.
    let strace = ["/usr/bin/strace", "-D", "-f", "-qq", "-o", "trace"];
    let home = Home::new().through(&strace);
    let daemon = started(&home, &units(&home));
    setup(&daemon);
    let tokens = daemon.api().tokens(&alice());
    assert_eq!(daemon.api().check(&tokens.access).status, 200);
    let (exit, _) = daemon.stop_and_tell();
    assert_eq!(exit.code, Some(0));
    let trace = eventually("the trace ends", Duration::from_secs(10), || {
        let trace = fs::read_to_string(home.path("trace")).ok()?;
        trace.contains("exit_group(0").then_some(trace)
    });

    let calls = calls(&trace);
    let allowed = allowed();
    assert!(allowed.len() > 200 && !allowed.contains("mount"));
    let names: BTreeSet<&str> = calls.iter().map(|(name, _)| *name).collect();
    let refused: Vec<&&str> = names
        .iter()
        // As root, which the unit's user is not, SQLite gives its files the database's owner.
        .filter(|name| !allowed.contains(**name) && **name != "fchown")
        .collect();
    assert!(refused.is_empty(), "the unit refuses {refused:?}");

    let families = settings("RestrictAddressFamilies").join(" ");
    for (name, call) in calls {
        match name {
            "socket" | "socketpair" => {
                let family = call.split(['(', ',']).nth(1).expect("a family");
                assert!(families.split(' ').any(|one| one == family), "{call}");
            }
            // MemoryDenyWriteExecute=
            "mmap" | "mprotect" | "pkey_mprotect" => assert!(
                !(call.contains("PROT_WRITE") && call.contains("PROT_EXEC")),
                "{call}"
            ),
            _ => {}
        }
    }
    // The hash threads are the only ones that step back, and they may.
    let calls = trace.lines().filter(|line| line.contains("setpriority"));
    for line in calls {
        let is_begun = line.contains("(PRIO_PROCESS, 0, 19 <unfinished");
        let is_whole = line.contains("(PRIO_PROCESS, 0, 19)") || line.contains("resumed");
        assert!(is_begun || (is_whole && line.ends_with("= 0")), "{line}");
    }
    assert!(names.contains("setpriority"));
}
