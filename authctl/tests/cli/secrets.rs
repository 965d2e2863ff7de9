//! Where passwords come from, and where they must not go.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::json;

use crate::daemon::World;
use crate::objects::{self, USER};

#[test]
fn rule_27_a_generated_password_is_all_that_stands_on_standard_output() {
    let world = World::saying(&objects::generated("user.set_password", "gen-erated-1"));
    let ended = world.run("user set-password alice@acme.test --generate");
    assert_eq!(ended.out, "gen-erated-1\n");
    assert_eq!(
        ended.err,
        "authctl: note: Set the password of user alice@acme.test in tenant acme.\n"
    );
    assert_eq!(world.only().body["password"], json!("generate"));
    let ended = world.run("user set-password alice@acme.test --generate -q");
    assert_eq!(
        (ended.out.as_str(), ended.err.as_str()),
        ("gen-erated-1\n", "")
    );
    let ended = world.run("user set-password alice@acme.test --generate --json");
    assert!(
        ended
            .out
            .contains("\"generated_password\":\"gen-erated-1\"")
    );
}

#[test]
fn rule_27_a_new_user_gets_the_password_on_the_last_line() {
    let world = World::saying(&objects::generated("user.create", "gen-erated-2"));
    let line = "-t acme user create --email alice@acme.test --generate";
    assert_eq!(
        world.run(line).out,
        format!("Created user alice@acme.test ({USER}) in tenant acme.\ngen-erated-2\n")
    );
    let ended = world.run(&format!("{line} -q"));
    assert_eq!(ended.out, format!("{USER}\n"));
    assert!(
        ended
            .err
            .contains("make another: authctl user set-password"),
        "{}",
        ended.err
    );
}

#[test]
fn a_password_file_of_others_is_refused() {
    let world = World::saying(&objects::change("user.set_password", "alice@acme.test"));
    let file = world.folder.path().join("p.txt");
    std::fs::write(&file, "correct horse\n").unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
    let ended = world.run("user set-password alice@acme.test --password-file p.txt");
    assert_eq!(ended.code, Some(2));
    assert_eq!(
        ended.err,
        "authctl: error: --password-file p.txt is readable by others (0644)\n  \
         Close it: chmod 600 p.txt\n"
    );
    assert!(world.asked().is_empty());
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    let ended = world.run("user set-password alice@acme.test --password-file p.txt --permanent");
    assert_eq!(
        ended.out,
        "Set the password of user alice@acme.test in tenant acme.\n"
    );
    assert_eq!(
        world.only().body,
        json!({"user": {"tenant": null, "name": "alice@acme.test"},
            "password": {"given": "correct horse"}, "permanent": true, "reason": null})
    );
}

#[test]
fn without_a_source_or_a_terminal_there_is_no_password() {
    let world = World::saying(&objects::change("x", "x"));
    let ended = world.run("user set-password a");
    assert_eq!(ended.code, Some(2));
    assert!(
        ended
            .err
            .starts_with("authctl: error: no password given: stdin is not a terminal\n")
    );
    let ended = world.run_with("user set-password a --password-stdin", "\n");
    assert!(ended.code == Some(2) && ended.err.contains("the password is empty"));
    let ended = world.run("user set-password a --generate --password-stdin");
    assert!(
        ended.code == Some(2) && ended.err.contains("cannot be used with"),
        "{}",
        ended.err
    );
    assert_eq!(
        world.run("user set-password a --password-file /nope").code,
        Some(2)
    );
    assert_eq!(
        world.run("user set-password a --password hunter2").code,
        Some(2)
    );
}

#[test]
fn rule_27_no_run_tells_a_password() {
    let world = World::saying(&objects::change("user.set_password", "alice@acme.test"));
    let ended = world.run_with(
        "-v user set-password alice@acme.test --password-stdin",
        "canary-77\n",
    );
    assert_eq!(ended.code, Some(0));
    assert!(
        ended
            .err
            .contains("user set-password POST /v1/user/set-password: 200, request req_")
    );
    assert!(!format!("{}{}", ended.out, ended.err).contains("canary-77"));
}

/// Runs authctl with a terminal as its standard input and types an answer to each prompt.
fn type_at(world: &World, line: &str, dialogue: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let slave = std::fs::File::options()
        .read(true)
        .write(true)
        .open(name.to_str().unwrap())
        .unwrap();
    let mut master = std::fs::File::from(master);
    let mut child = world
        .authctl()
        .args(line.split_whitespace())
        .stdin(Stdio::from(slave.try_clone().unwrap()))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let mut seen = String::new();
    for (prompt, keys) in dialogue {
        let mut byte = [0];
        while !seen.ends_with(prompt) && stderr.read(&mut byte).unwrap() > 0 {
            seen.push(char::from(byte[0]));
        }
        assert!(seen.ends_with(prompt), "{seen:?} lacks {prompt:?}");
        master.write_all(keys.as_bytes()).unwrap();
    }
    stderr.read_to_string(&mut seen).unwrap();
    let output = child.wait_with_output().unwrap();
    // What the terminal showed: with our end still open the read cannot run dry unnoticed.
    (&slave).write_all(b"\x00").unwrap();
    let mut shown = Vec::new();
    let mut byte = [0];
    while master.read(&mut byte).unwrap() > 0 && byte[0] != 0 {
        shown.push(byte[0]);
    }
    let screen = String::from_utf8_lossy(&shown).into_owned();
    let out = String::from_utf8(output.stdout).unwrap();
    (output.status.code(), format!("{out}{seen}"), screen)
}

#[test]
fn a_prompt_shows_no_password_and_wants_it_twice() {
    let world = World::new(|asked| {
        if asked.path == "/v1/user/show" {
            return crate::daemon::Reply::of(&common::call::user::Details {
                user: objects::user("alice@acme.test", "Alice Wanja"),
                sessions: Vec::new(),
                recent_attempts: Vec::new(),
            });
        }
        crate::daemon::Reply::of(&objects::change("user.set_password", "alice@acme.test"))
    });
    let question = "New password of alice@acme.test: ";
    let twice = [
        (question, "canary-78\n"),
        ("The same again: ", "canary-78\n"),
    ];
    let (code, said, screen) = type_at(&world, "user set-password a", &twice);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        !screen.contains("canary") && !said.contains("canary"),
        "{screen:?} {said:?}"
    );
    let asked = world.asked();
    let paths: Vec<&str> = asked.iter().map(|asked| asked.path.as_str()).collect();
    // Looked up first: nobody types a password twice for a name that does not exist.
    assert_eq!(paths, ["/v1/user/show", "/v1/user/set-password"]);
    assert_eq!(asked[1].body["password"], json!({"given": "canary-78"}));
    let differ = [(question, "one\n"), ("The same again: ", "two\n")];
    let (code, said, _) = type_at(&world, "user set-password a", &differ);
    assert!(
        code == Some(2) && said.contains("the two passwords differ"),
        "{said}"
    );
    let (code, _, _) = type_at(&world, "user set-password a", &[(question, "on\x03")]);
    assert_eq!(code, Some(130));
}

#[test]
fn a_terminal_is_asked_and_the_user_named() {
    let world = World::new(|asked| {
        if asked.path == "/v1/user/show" {
            return crate::daemon::Reply::of(&common::call::user::Details {
                user: objects::user("bob@acme.test", "Bob Otieno"),
                sessions: vec![objects::session()],
                recent_attempts: Vec::new(),
            });
        }
        crate::daemon::Reply::of(&objects::change("user.disable", "bob@acme.test"))
    });
    let question = "Disable user bob@acme.test (Bob Otieno) in tenant acme? 1 session ends. [y/N] ";
    let line = format!("user disable {USER}");
    let (code, said, _) = type_at(&world, &line, &[(question, "n\n")]);
    assert!(
        code == Some(12) && said.contains("not confirmed; nothing was changed"),
        "{said}"
    );
    let (code, said, _) = type_at(&world, &line, &[(question, "y\n")]);
    assert!(
        code == Some(0) && said.starts_with("Disabled user bob@acme.test"),
        "{said}"
    );
    let typed = [("Type acme to go on: ", "acne\n")];
    let (code, _, _) = type_at(&world, "session revoke --tenant acme", &typed);
    assert_eq!(code, Some(12));
}
