//! authctl as a sysadmin and a script meet it: exit codes, sentences, JSON, broken outputs.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::process::Stdio;
use std::time::Duration;

use harness::{Authctl, Exit, Home, PASSWORD};
use serde_json::{Value, json};

use crate::scene::{ALICE, alice, lock, open};

/// That an error is a sentence with its hint, and nothing is on standard output.
fn says(exit: &Exit, code: i32, words: &[&str]) {
    assert_eq!(exit.code, Some(code), "{exit:?}");
    assert!(exit.stderr.starts_with("authctl: error: "), "{exit:?}");
    assert!(exit.stderr.lines().count() <= 5, "{exit:?}");
    assert_eq!(exit.stdout, "", "{exit:?}");
    for word in words {
        assert!(exit.stderr.contains(word), "{word:?} is not in {exit:?}");
    }
}

#[test]
fn without_a_daemon_it_ends_with_3() {
    let home = Home::new();
    let authctl = Authctl::at(&home.path("run/admin.sock"));
    for arguments in [&["ping"][..], &["status"], &["user", "list"]] {
        says(&authctl.run(arguments), 3, &["admin.sock"]);
    }
    let as_json = authctl.run(&["--json", "ping"]);
    assert_eq!(as_json.code, Some(3));
    let error: Value = serde_json::from_str(&as_json.stderr).expect("JSON on standard error");
    assert_eq!(error.get("kind"), Some(&json!("error")));
    assert_eq!(error.get("code"), Some(&json!("daemon_unreachable")));
    assert_eq!(error.get("exit"), Some(&json!(3)));
}

#[test]
fn a_stale_socket_ends_with_3_and_says_so() {
    let home = Home::new();
    let daemon = home.start();
    let authctl = daemon.authctl();
    authctl.ok(&["ping"]);
    daemon.kill();
    says(&authctl.run(&["ping"]), 3, &["refused", "admin.sock"]);
}

#[test]
fn a_server_that_never_answers_ends_with_10() {
    let home = Home::new();
    let path = home.path("run/silent.sock");
    let _listener = UnixListener::bind(&path).expect("a socket");
    let mut command = Authctl::at(&path).command();
    command.args(["--timeout", "1s", "ping"]);
    let exit = Exit::of(command, "", Duration::from_secs(20));
    assert_eq!(exit.code, Some(10), "{exit:?}");
}

#[test]
fn monitor_sock_shows_no_person_and_changes_nothing() {
    let home = Home::new();
    let daemon = open(&home);
    lock(&daemon, ALICE);
    daemon.api().login(&alice());
    let monitor = daemon.monitor();
    monitor.ok(&["ping"]);
    monitor.json(&["status"]);
    for list in [
        &["--all-tenants", "user", "list"][..],
        &["lockout", "list"],
        &["attempt", "list"],
        &["session", "list"],
    ] {
        let text = Value::from(monitor.items(list)).to_string();
        for personal in ["alice", "acme.test", "127.0.0.1"] {
            assert!(
                !text.contains(personal),
                "{list:?} shows {personal}: {text}"
            );
        }
    }
    for change in [
        &["lockout", "clear", "acme/alice@acme.test"][..],
        &["tenant", "create", "globex"],
        &["-t", "acme", "user", "show", ALICE],
        &["-t", "acme", "user", "disable", ALICE, "--yes"],
    ] {
        says(&monitor.run(change), 4, &[]);
    }
    assert_eq!(daemon.authctl().items(&["lockout", "list"]).len(), 1);
}

#[test]
fn codes_tell_scripts_what_happened() {
    let home = Home::new();
    let daemon = open(&home);
    let authctl = daemon.authctl();
    says(
        &authctl.run(&["tenant", "show", "nowhere"]),
        5,
        &["nowhere"],
    );
    says(
        &authctl.run(&["-t", "acme", "user", "show", "bob@acme.test"]),
        5,
        &["bob@acme.test"],
    );
    says(&authctl.run(&["tenant", "create", "acme"]), 6, &["acme"]);
    assert_eq!(authctl.run(&["tenant", "explode"]).code, Some(2));
    assert_eq!(
        authctl.run(&["user", "list", "--columns", "NOSUCH"]).code,
        Some(2)
    );
    // Without a terminal nobody can answer, so it must be said.
    says(
        &authctl.run(&["-t", "acme", "user", "disable", ALICE]),
        12,
        &[],
    );
    let wrong = ["session", "revoke", "--tenant", "acme", "--confirm", "acne"];
    assert_eq!(authctl.run(&wrong).code, Some(2));
    daemon.api().tokens(&alice());
}

#[test]
fn a_name_in_two_tenants_must_be_said_whole() {
    let home = Home::new();
    let daemon = open(&home);
    let authctl = daemon.authctl();
    // In one tenant alone it is found without naming the tenant.
    let shown = authctl.json(&["user", "show", ALICE]);
    assert_eq!(shown.pointer("/item/tenant"), Some(&json!("acme")));
    authctl.create_tenant("globex");
    authctl.create_user("globex", ALICE, PASSWORD);
    let ambiguous = authctl.run(&["user", "show", ALICE]);
    says(
        &ambiguous,
        2,
        &["acme/alice@acme.test", "globex/alice@acme.test"],
    );
    authctl.json(&["user", "show", "globex/alice@acme.test"]);
}

#[test]
fn json_is_what_the_contract_says() {
    let home = Home::new();
    let daemon = open(&home);
    let tokens = daemon.api().tokens(&alice().device("phone"));
    let authctl = daemon.authctl();
    for (kind, arguments) in [
        ("tenant.list", &["tenant", "list"][..]),
        ("user.list", &["-t", "acme", "user", "list"]),
        ("session.list", &["session", "list"]),
        ("attempt.list", &["attempt", "list"]),
        ("lockout.list", &["lockout", "list"]),
    ] {
        let list = authctl.json(arguments);
        assert_eq!(list.get("kind"), Some(&json!(kind)), "{list}");
        assert_eq!(list.get("v"), Some(&json!(1)));
        assert!(list.get("items").is_some_and(Value::is_array));
        assert!(list.get("next_cursor").is_some());
    }
    let user = authctl.json(&["-t", "acme", "user", "show", ALICE]);
    assert_eq!(user.get("kind"), Some(&json!("user")));
    // An item is the object that HTTP shows, with additions only.
    let me = daemon.api().me(&tokens.access).json();
    let item = user
        .get("item")
        .and_then(Value::as_object)
        .expect("an item");
    for (name, value) in me.as_object().expect("an object") {
        assert_eq!(item.get(name), Some(value), "{name}");
    }
    let result = authctl.json(&["-t", "acme", "user", "disable", ALICE, "--yes"]);
    for (name, value) in [
        ("kind", json!("result")),
        ("v", json!(1)),
        ("action", json!("user.disable")),
        ("changed", json!(true)),
        ("tenant", json!("acme")),
        ("dry_run", json!(false)),
    ] {
        assert_eq!(result.get(name), Some(&value), "{name} of {result}");
    }
    let audit = result
        .get("audit_id")
        .and_then(Value::as_str)
        .unwrap_or_default();
    assert!(audit.starts_with("aud_"), "{result}");
    let lines = authctl.ok(&["-o", "jsonl", "tenant", "list"]);
    for line in lines.lines() {
        serde_json::from_str::<Value>(line).expect("an object a line");
    }
    let ids = authctl.ok(&["-o", "id", "-t", "acme", "user", "list"]);
    assert!(ids.lines().all(|line| line.starts_with("usr_")), "{ids}");
    let status = authctl.json(&["status"]);
    let text = status.to_string();
    assert!(text.contains("\"running\""), "{text}");
}

#[test]
fn people_read_tables_and_sentences() {
    let home = Home::new();
    let daemon = open(&home);
    let authctl = daemon.authctl();
    let table = authctl.ok(&["-t", "acme", "user", "list"]);
    assert!(
        table
            .lines()
            .next()
            .is_some_and(|line| line.contains("USER")),
        "{table}"
    );
    assert!(table.contains(ALICE), "{table}");
    let done = authctl.ok(&["-t", "acme", "user", "disable", ALICE, "--yes"]);
    assert!(done.starts_with("Disabled user alice@acme.test"), "{done}");
    assert_eq!(done.lines().count(), 1, "{done}");
    let version = authctl.ok(&["version"]);
    assert!(
        version.contains("authctl") && version.contains("protocol 1"),
        "{version}"
    );
}

#[test]
fn a_closed_pipe_is_no_error() {
    let home = Home::new();
    let daemon = open(&home);
    for arguments in [&["tenant", "list"][..], &["help"], &["--json", "status"]] {
        let mut child = daemon
            .authctl()
            .command()
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("authctl starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("authctl ends");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {stderr}");
        assert_eq!(stderr, "", "{arguments:?}");
    }
}

#[test]
fn a_full_disk_is_an_error() {
    let home = Home::new();
    let daemon = open(&home);
    let full = OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .expect("/dev/full");
    let output = daemon
        .authctl()
        .command()
        .args(["tenant", "list"])
        .stdin(Stdio::null())
        .stdout(full)
        .stderr(Stdio::piped())
        .output()
        .expect("authctl ends");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.starts_with("authctl: error: "), "{stderr}");
}

#[test]
fn passwords_come_by_stdin_or_a_closed_file_only() {
    let home = Home::new();
    let daemon = open(&home);
    let authctl = daemon.authctl();
    let file = home.path("password");
    fs::write(&file, PASSWORD).expect("written");
    let path = file.to_string_lossy().into_owned();
    let create = |email: &str| {
        authctl.run(&[
            "-t",
            "acme",
            "user",
            "create",
            "--email",
            email,
            "--password-file",
            &path,
            "--permanent",
        ])
    };
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("its mode");
    says(&create("bob@acme.test"), 2, &["0644"]);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("its mode");
    assert_eq!(create("bob@acme.test").code, Some(0));
    let argument = [
        "-t",
        "acme",
        "user",
        "set-password",
        ALICE,
        "--password",
        PASSWORD,
    ];
    assert_eq!(authctl.run(&argument).code, Some(2));
    // What was asked to be made is shown once, alone.
    let shown = authctl.ok(&["-t", "acme", "user", "set-password", ALICE, "--generate"]);
    assert_eq!(shown.lines().count(), 1, "{shown}");
    assert!(shown.trim_end().len() >= 20);
    // A weak one is refused by the rule, not by the command line.
    let weak = [
        "-t",
        "acme",
        "user",
        "set-password",
        ALICE,
        "--password-stdin",
        "--permanent",
    ];
    assert_eq!(authctl.run_with_input(&weak, "short").code, Some(7));
}
