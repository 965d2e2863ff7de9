//! What the daemon keeps to itself: no other program, no connection but its own, no file that somebody
//! else names, no core; and nothing that a name or a filter could make it do.

use std::fs;
use std::time::Duration;

use harness::{
    Conduct, Home, Login, MailServer, MailTls, PASSWORD, WRONG_PASSWORD, eventually, parallel,
};
use serde_json::json;

use crate::scene::{ALICE, alice, open, setup};

/// A name that is a path, an address, a format and a command at once.
const HOSTILE: &str = "../../canary/%s%n{}/`id`/$(id)";

/// The flag of `open` that closes a descriptor at the next program, as the kernel shows it.
const CLOSED_AT_EXEC: u32 = 0o2_000_000;

/// The descriptors of a process that another program would get from it.
fn handed_on(proc: &str) -> Vec<String> {
    let entries = fs::read_dir(format!("{proc}/fd")).expect("its descriptors");
    let numbers = entries.map(|entry| entry.expect("an entry").file_name());
    let is_open = |number: &String| {
        let info = fs::read_to_string(format!("{proc}/fdinfo/{number}")).unwrap_or_default();
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
        let flags = flags.map(|flags| u32::from_str_radix(flags.trim(), 8).expect("octal"));
        flags.is_some_and(|flags| flags & CLOSED_AT_EXEC == 0)
    };
    let numbers = numbers.map(|number| number.to_string_lossy().into_owned());
    numbers.filter(is_open).collect()
}

/// Lines of a trace that begin a call of that name.
fn calls<'a>(trace: &'a str, name: &str) -> Vec<&'a str> {
    let call = format!(" {name}(");
    trace.lines().filter(|line| line.contains(&call)).collect()
}

/// What the daemon asked of the kernel in a run in which mails leave, names are hostile and a backup
/// is made; with the port of its mail server.
fn traced_run() -> (String, u16) {
    let server = MailServer::start(Conduct::new(MailTls::None));
    let port = server.port();
    let watched = "trace=execve,execveat,connect,bind,open,openat,openat2,prctl";
    let home = Home::new()
        .through(&[
            "/usr/bin/strace",
            "-D",
            "-f",
            "-q",
            "-e",
            watched,
            "-o",
            "trace",
        ])
        .setting("mail.transport", "\"smtp\"")
        .setting("mail.host", "\"127.0.0.1\"")
        .setting("mail.port", &port.to_string())
        .setting("mail.tls", "\"none\"")
        .setting("mail.from", "\"Acme <no-reply@acme.test>\"");
    let daemon = home.start();
    setup(&daemon);
    let create = [
        "-t",
        "acme",
        "user",
        "create",
        "--email",
        "bob@acme.test",
        "--given-name",
        HOSTILE,
        "--family-name",
        "http://127.0.0.1:9/canary",
    ];
    daemon.authctl().ok(&create);
    assert!(server.wait_for(1).remove(0).text().contains(HOSTILE));
    let signed_in = daemon.api().login(&alice().device(HOSTILE));
    assert_eq!(signed_in.status, 200, "{}", signed_in.text());
    let forged = json!({"tenant": HOSTILE, "email": HOSTILE, "password": HOSTILE});
    daemon.api().post("/v1/auth/login", &forged);
    let backup = home.path("copy.db");
    let backup = backup.to_str().expect("a path");
    daemon.authctl().ok(&["backup", "create", backup]);
    assert_eq!(daemon.stop_and_tell().0.code, Some(0));
    // The tracer writes on after its process has gone; the line of the process's end is its last.
    let trace = eventually("the trace ends", Duration::from_mins(1), || {
        let trace = fs::read_to_string(home.path("trace")).ok()?;
        let first = trace.split_whitespace().next()?;
        let is_end = |line: &str| line.starts_with(first) && line.contains("+++ exited with");
        trace.lines().any(is_end).then_some(trace)
    });
    (trace, port)
}

#[test]
fn v1_2_5_v1_3_6_v11_7_1_v13_1_1_it_runs_nothing_and_speaks_to_its_mail_server_alone() {
    let (trace, port) = traced_run();
    assert_eq!(calls(&trace, "execve").len(), 1, "itself");
    assert!(calls(&trace, "execveat").is_empty());
    let mail = format!("sin_port=htons({port}), sin_addr=inet_addr(\"127.0.0.1\")");
    let connects = calls(&trace, "connect");
    assert!(connects.iter().any(|line| line.contains(&mail)), "{trace}");
    for line in connects {
        // NOTIFY_SOCKET, and what the C library asks for the name of a uid.
        let is_own = line.contains("notify") || line.contains("/nscd/");
        assert!(line.contains(&mail) || is_own, "{line}");
    }
    for line in calls(&trace, "bind") {
        assert!(!line.contains("sun_path=@"), "no abstract socket: {line}");
    }
    for name in ["open", "openat", "openat2"] {
        for line in calls(&trace, name) {
            assert!(!line.contains("canary"), "{line}");
        }
    }
    let closed = calls(&trace, "prctl").into_iter();
    let mut closed = closed.filter(|line| line.contains("PR_SET_DUMPABLE, SUID_DUMP_DISABLE"));
    assert!(closed.any(|line| line.ends_with("= 0")), "{trace}");
}

#[test]
fn v11_7_2_it_leaves_no_core_and_hands_on_no_descriptor() {
    let home = Home::new();
    let daemon = open(&home);
    daemon.api().tokens(&alice());
    let proc = format!("/proc/{}", daemon.pid());
    let limits = fs::read_to_string(format!("{proc}/limits")).expect("its limits");
    let core = limits.lines().find(|line| line.contains("core file size"));
    let figures: Vec<_> = core.expect("a limit").split_whitespace().collect();
    assert_eq!(figures[4..6], ["0", "0"], "{limits}");
    // What the daemon was given by whoever started it is not its own: the three streams, and what
    // this test was given itself.
    let given = handed_on("/proc/self");
    let mut own = handed_on(&proc);
    own.retain(|number| !["0", "1", "2"].contains(&number.as_str()) && !given.contains(number));
    assert!(own.is_empty(), "{own:?}");
    assert!(daemon.descriptors() > 20);
}

#[test]
fn v1_2_4_v1_2_9_v1_3_10_what_looks_like_a_query_a_pattern_or_a_format_is_literal() {
    let home = Home::new();
    let daemon = open(&home);
    let authctl = daemon.authctl();
    let name = "%s%n{}%00 ' OR 1=1-- ${7*7} [a-z]* (a+)+$";
    let create = [
        "-t",
        "acme",
        "user",
        "create",
        "--email",
        "bob@acme.test",
        "--password-stdin",
        "--given-name",
        name,
    ];
    let made = authctl.run_with_input(&create, PASSWORD);
    assert_eq!(made.code, Some(0), "{made:?}");
    let shown = authctl.json(&["user", "show", "acme/bob@acme.test"]);
    assert_eq!(shown.pointer("/item/name/given"), Some(&json!(name)));
    daemon
        .api()
        .login(&Login::new("acme", ALICE, WRONG_PASSWORD));
    for hostile in [
        "' OR 1=1--",
        "%",
        "_",
        "a%",
        "*",
        "[",
        "(a+)+$",
        "' --",
        "\"; --",
    ] {
        let filter = format!("email={hostile}");
        let lists: [&[&str]; 6] = [
            &["user", "list", "--filter", &filter],
            &["user", "list", "--role", hostile],
            &["attempt", "list", "--user", hostile],
            &["attempt", "list", "--ip", hostile],
            &["audit", "list", "--action", hostile],
            &["-t", hostile, "role", "list"],
        ];
        for list in lists {
            let exit = authctl.run(&[&["--json"], list].concat());
            let items = || -> serde_json::Value {
                let object: serde_json::Value = serde_json::from_str(&exit.stdout).expect("JSON");
                object["items"].clone()
            };
            match exit.code {
                Some(0) => assert_eq!(items(), json!([]), "{list:?}"),
                // Refused as what it is: wrong usage, no such object, a value of no use.
                Some(2 | 5 | 6 | 7) => {}
                _ => panic!("{list:?}: {exit:?}"),
            }
        }
    }
    assert!(!daemon.log().contains("\"level\":\"error\""));
}

#[test]
fn v6_3_2_v13_2_3_a_fresh_installation_has_nobody_and_no_password() {
    let home = Home::new();
    let daemon = home.start();
    assert!(daemon.authctl().items(&["user", "list"]).is_empty());
    for email in ["admin@localhost", "root@localhost", "admin@example.com"] {
        for password in ["admin", "password", "authd", "changeme", "system", PASSWORD] {
            let refused = daemon.api().login(&Login::new("system", email, password));
            assert!(
                [401, 422, 429].contains(&refused.status),
                "{}",
                refused.text()
            );
        }
    }
}

#[test]
fn v2_3_4_of_fifty_users_made_at_once_one_takes_the_last_seat() {
    let home = Home::new();
    let daemon = home.start();
    let authctl = daemon.authctl();
    authctl.ok(&["tenant", "create", "acme", "--max-users", "2"]);
    authctl.create_user("acme", ALICE, PASSWORD);
    let socket = home.path("run/admin.sock");
    let codes = parallel(50, move |number| {
        let email = format!("user{number}@acme.test");
        let create = ["-t", "acme", "user", "create", "--email", &email];
        let create = [&create[..], &["--password-stdin"]].concat();
        let authctl = harness::Authctl::at(&socket);
        authctl.run_with_input(&create, PASSWORD).code
    });
    let made = codes.iter().filter(|code| **code == Some(0)).count();
    assert_eq!(made, 1, "{codes:?}");
    let refused = codes.iter().filter(|code| **code == Some(7)).count();
    assert_eq!(refused, 49, "{codes:?}");
    assert_eq!(authctl.items(&["-t", "acme", "user", "list"]).len(), 2);
}
