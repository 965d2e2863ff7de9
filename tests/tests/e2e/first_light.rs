//! The main job from end to end: a daemon, a tenant, a user, a sign-in, a lock, an unlock.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use harness::{Exit, Home, Login, PASSWORD, Tokens, binary};
use serde_json::Value;

use crate::scene::{ALICE, DevDaemon, alice, lock, open};

#[test]
fn first_light_from_start_to_unlock() {
    let home = Home::new();
    let daemon = open(&home);
    let api = daemon.api();
    let authctl = daemon.authctl();

    // Sign in, and be recognised.
    let tokens = api.tokens(&alice().device("phone"));
    let check = api.check(&tokens.access);
    assert_eq!(check.status, 200, "{}", check.text());
    assert_eq!(check.header("x-auth-tenant"), Some("acme"));
    assert_eq!(
        check.header("x-auth-session-id"),
        Some(tokens.session_id.as_str())
    );
    assert_eq!(api.me(&tokens.access).field("/email"), ALICE);

    // Go on, and sign out.
    let next = Tokens::of(&api.refresh(&tokens.refresh));
    assert_eq!(next.session_id, tokens.session_id);
    assert_eq!(api.logout(&next.access).status, 204);
    for token in [&tokens.access, &next.access] {
        assert_eq!(api.check(token).outcome(), "401 session_revoked");
    }

    // Guessing locks the name.
    lock(&daemon, ALICE);
    let refused = api.login(&alice());
    assert_eq!(refused.outcome(), "429 login_locked");
    assert!(refused.header("retry-after").is_some());

    // The sysadmin sees it and clears it.
    let locked = authctl.items(&["lockout", "list"]);
    assert_eq!(locked.len(), 1, "{locked:?}");
    let lockout = locked.first().expect("one");
    assert_eq!(lockout.get("email"), Some(&Value::from(ALICE)));
    assert_eq!(lockout.get("failures"), Some(&Value::from(5)));
    authctl.ok(&["lockout", "clear", "acme/alice@acme.test"]);
    assert!(authctl.items(&["lockout", "list"]).is_empty());
    api.tokens(&alice());

    assert_eq!(daemon.stop().code, Some(0));
}

/// The commands in README's second fenced block, as they stand there.
fn commands_of_the_readme() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let text = fs::read_to_string(path).expect("README.md");
    let block = text
        .split("```sh\n")
        .nth(2)
        .expect("a second block of commands");
    let block = block.split("```").next().unwrap_or_default();
    block.lines().map(str::to_owned).collect()
}

#[test]
fn the_three_commands_of_the_readme_work() {
    let home = Home::new();
    let daemon = DevDaemon::start(&home, &[], Stdio::null());
    let commands = commands_of_the_readme();
    assert_eq!(commands.len(), 3, "{commands:?}");
    // They are those that the daemon shows.
    let screen = daemon.screen();
    let authctl = binary("authctl");
    let shown = screen
        .replace(&*authctl.to_string_lossy(), "target/release/authctl")
        .replace(&daemon.address.to_string(), "127.0.0.1:8440");
    for line in &commands {
        assert!(
            shown.contains(line),
            "{line} is not on the screen:\n{shown}"
        );
    }
    let mut last = String::new();
    for line in commands {
        let line = line
            .replace("target/release/authctl", &authctl.to_string_lossy())
            .replace("127.0.0.1:8440", &daemon.address.to_string());
        let mut shell = Command::new("/bin/sh");
        shell
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", home.path(""))
            .args(["-e", "-c", &line]);
        let exit = Exit::of(shell, "", Duration::from_secs(30));
        assert_eq!(exit.code, Some(0), "{line}\n{exit:?}");
        last = exit.stdout;
    }
    let answer: Value = serde_json::from_str(&last).unwrap_or_else(|e| panic!("{e}: {last}"));
    assert!(
        answer.get("access_token").is_some_and(Value::is_string),
        "{answer}"
    );
}

/// The commands on the screen, which stand apart from all else by their indentation.
fn commands_on(screen: &str) -> Vec<&str> {
    screen
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .collect()
}

#[test]
fn the_commands_on_the_screen_work_from_any_folder_and_for_any_daemon() {
    let home = Home::new();
    let folder = home.path("my tools; it's $HOME");
    fs::create_dir(&folder).expect("a folder");
    for name in ["authd", "authctl"] {
        let (from, to) = (binary(name), folder.join(name));
        if fs::hard_link(&from, &to).is_err() {
            fs::copy(&from, &to).expect("a copy");
        }
    }
    for flags in [&["--ephemeral"][..], &[]] {
        let mut command = Command::new(folder.join("authd"));
        command.env_clear().env("HOME", home.path(""));
        // authctl would not look for this socket by itself.
        let socket = format!("admin.socket={}", home.path("else where.sock").display());
        let set = if flags.is_empty() {
            vec![socket.as_str()]
        } else {
            Vec::new()
        };
        let daemon = DevDaemon::of(command, &home, &set, flags, Stdio::null());
        let screen = daemon.screen();
        let commands = commands_on(&screen);
        assert_eq!(commands.len(), 3, "{screen}");
        let mut last = String::new();
        for line in commands {
            let mut shell = Command::new("/bin/sh");
            shell
                .env_clear()
                .env("PATH", "/usr/bin:/bin")
                .env("HOME", home.path("nowhere"))
                .args(["-e", "-c", line]);
            let exit = Exit::of(shell, "", Duration::from_secs(30));
            assert_eq!(exit.code, Some(0), "{line}\n{exit:?}");
            last = exit.stdout;
        }
        assert!(last.contains("\"access_token\""), "{last}");
        let data = screen
            .lines()
            .find_map(|line| line.trim().strip_prefix("Data "))
            .map(|path| PathBuf::from(path.trim()))
            .expect("the banner names the database");
        assert!(data.exists(), "{}", data.display());
        daemon.stop();
        assert_eq!(data.exists(), flags.is_empty(), "{}", data.display());
    }
}

#[test]
fn a_tenant_can_be_left_out_where_one_is_the_default() {
    let home = Home::new().setting("default_tenant", "\"acme\"");
    let daemon = open(&home);
    let body = serde_json::json!({"email": ALICE, "password": PASSWORD});
    assert_eq!(daemon.api().post("/v1/auth/login", &body).status, 200);
    // Never the built-in one.
    let elsewhere = Login::new("system", ALICE, PASSWORD);
    assert_eq!(
        daemon.api().login(&elsewhere).outcome(),
        "401 invalid_credentials"
    );
}
