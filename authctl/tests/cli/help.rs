//! Help texts: short enough, narrow enough, and there for every command and topic.

use crate::daemon::World;

const COMMANDS: &[&str] = &[
    "",
    "status",
    "stats",
    "ping",
    "version",
    "tenant",
    "tenant create",
    "tenant list",
    "tenant show",
    "tenant set",
    "tenant suspend",
    "tenant resume",
    "tenant settings",
    "tenant settings list",
    "tenant settings get",
    "tenant settings set",
    "tenant settings unset",
    "tenant delete",
    "tenant restore",
    "tenant usage",
    "user",
    "user create",
    "user list",
    "user show",
    "user disable",
    "user enable",
    "user unlock",
    "user delete",
    "user set-password",
    "user set",
    "user grant",
    "user revoke",
    "user permissions",
    "user picture",
    "role",
    "role list",
    "role show",
    "role members",
    "role create",
    "role set",
    "role allow",
    "role deny",
    "role delete",
    "client",
    "client list",
    "client show",
    "client create",
    "client rotate",
    "client delete",
    "permission",
    "permission list",
    "permission check",
    "permission define",
    "permission undefine",
    "who-can",
    "apply",
    "diff",
    "tenant export",
    "explain",
    "explain login",
    "explain permission",
    "lockout",
    "lockout list",
    "lockout show",
    "lockout clear",
    "lockout add",
    "lockout simulate",
    "attempt",
    "attempt list",
    "attempt show",
    "attempt prune",
    "session",
    "session list",
    "session revoke",
    "audit",
    "audit list",
    "audit show",
    "audit verify",
    "daemon",
    "daemon config",
    "daemon reload",
    "daemon log-level",
    "daemon drain",
    "daemon maintenance",
    "mail",
    "mail status",
    "mail test",
    "mail pause",
    "mail resume",
    "mail queue",
    "mail queue list",
    "mail queue show",
    "mail queue retry",
    "mail queue delete",
    "user reset-password",
    "user resend-invitation",
    "user email",
    "registration",
    "registration list",
    "registration delete",
    "completion",
    "help",
];

#[test]
fn short_help_fits_a_small_terminal() {
    let world = World::empty();
    for command in COMMANDS {
        let ended = world.run(&format!("{command} -h"));
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{command}");
        assert!(ended.out.lines().count() <= 24, "{command}:\n{}", ended.out);
        assert!(
            ended.out.ends_with("\nSee authctl(1).\n"),
            "{command}:\n{}",
            ended.out
        );
        for line in ended.out.lines() {
            assert!(line.chars().count() <= 80, "{command}: {line}");
        }
    }
}

#[test]
fn every_command_and_topic_has_a_page() {
    let world = World::empty();
    for command in COMMANDS {
        let ended = world.run(&format!("help {command}"));
        assert_eq!(ended.code, Some(0), "{command}");
        let called = format!("Usage: authctl {command}");
        assert!(
            ended.out.contains(called.trim_end()),
            "{command}:\n{}",
            ended.out
        );
    }
    for topic in [
        "output",
        "exit-codes",
        "filters",
        "permissions",
        "first-steps",
        "sockets",
    ] {
        let ended = world.run(&format!("help {topic}"));
        assert_eq!(ended.code, Some(0), "{topic}");
        assert!(ended.out.ends_with("\nSee authctl(1).\n"), "{topic}");
        assert!(
            ended.out.lines().all(|line| line.chars().count() <= 80),
            "{topic}"
        );
    }
    let ended = world.run("help exit-code");
    assert!(ended.code == Some(2) && ended.err.contains("Did you mean \"exit-codes\"?"));
}

#[test]
fn completion_knows_the_commands() {
    let world = World::empty();
    for shell in ["bash", "zsh", "fish"] {
        let ended = world.run(&format!("completion {shell}"));
        assert_eq!(ended.code, Some(0));
        assert!(ended.out.contains("set-password") && ended.out.contains("all-tenants"));
    }
}

#[test]
fn the_version_is_one_line() {
    let out = World::empty().run("-V").out;
    assert_eq!(out, format!("authctl {}\n", common::VERSION));
}
