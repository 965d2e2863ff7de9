//! The real binary with the commands that need no daemon: exit status, streams, closed pipes.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The binary, with an empty environment and a configuration folder of its own.
fn authd(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_authd"));
    command
        .env_clear()
        .arg("--config-dir")
        .arg(folder)
        .args(arguments)
        .stdin(Stdio::null());
    command
}

fn shown(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn r41_a_wrong_configuration_ends_at_once_with_78_and_names_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("authd.toml");
    fs::write(&file, "[lockout]\nthreshhold = 3\n").unwrap();
    let begun = Instant::now();
    let output = authd(folder.path(), &["check-config"]).output().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert_eq!(output.status.code(), Some(78));
    let (out, err) = shown(&output);
    assert_eq!(out, "");
    let first = format!(
        "authd: {}:2:1: error: unknown key \"lockout.threshhold\"\n  Did you mean \"lockout.threshold\"? Reference: man 5 authd.toml\n",
        file.display()
    );
    assert!(err.starts_with(&first), "{err}");
}

#[test]
fn r41_a_stray_variable_ends_it_too() {
    let folder = tempfile::tempdir().unwrap();
    let output = authd(folder.path(), &["check-config"])
        .env("AUTHD_API__PUBLIC_URL", "https://auth.example.com")
        .env("AUTHD_ADMIN__SOCKET_GROUP", "")
        .env("AUTHD_ADMIN__MONITOR_SOCKET_GROUP", "")
        .output()
        .unwrap();
    let (out, err) = shown(&output);
    assert_eq!((output.status.code(), err.as_str()), (Some(0), ""));
    assert_eq!(out, "authd: configuration ok (0 files)\n");
    let output = authd(folder.path(), &["check-config"])
        .env("AUTHD_API__PUBLIC_URL", "https://auth.example.com")
        .env("AUTHD_DEBUG", "1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(78));
    assert!(shown(&output).1.contains("environment AUTHD_DEBUG"));
}

#[test]
fn r25_a_closed_pipe_is_no_failure_and_a_full_disk_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = authd(folder.path(), &["print-config", "--defaults"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(shown(&output).1, "");
    let output = authd(folder.path(), &["print-config", "--defaults"])
        .stdout(File::create("/dev/full").unwrap())
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        shown(&output)
            .1
            .starts_with("authd: error: cannot write the output: ")
    );
}

#[test]
fn without_a_command_help_is_shown_and_the_exit_is_2() {
    let output = Command::new(env!("CARGO_BIN_EXE_authd"))
        .env_clear()
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(shown(&output).1.contains("check-config"));
}

#[test]
fn a_file_of_the_callers_that_is_not_there_is_said_in_own_words() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("nope");
    let output = authd(folder.path(), &["db", "verify"])
        .arg(&missing)
        .env("AUTHD_API__PUBLIC_URL", "https://auth.example.com")
        .env("AUTHD_ADMIN__SOCKET_GROUP", "")
        .env("AUTHD_ADMIN__MONITOR_SOCKET_GROUP", "")
        .output()
        .unwrap();
    let (out, err) = shown(&output);
    assert_eq!((output.status.code(), out.as_str()), (Some(1), ""));
    let begin = format!("authd: error: cannot read {}: ", missing.display());
    assert!(err.starts_with(&begin), "{err}");
}
