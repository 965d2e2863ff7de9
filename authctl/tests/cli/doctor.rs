//! `doctor` without a daemon, `api`, and names for the shells.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use common::error::ErrorCode;
use serde_json::{Value, json};

use crate::daemon::{Reply, World};
use crate::objects;

#[test]
fn without_a_daemon_the_rest_is_looked_at_and_it_ends_with_11() {
    let world = World::empty();
    let ended = world.run("doctor --json");
    assert_eq!(ended.code, Some(11), "{}", ended.err);
    let list: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(list["kind"], "doctor.list");
    let items = list["items"].as_array().unwrap();
    let of = |section: &str| {
        let found = items.iter().find(|item| item["section"] == section);
        found
            .unwrap_or_else(|| panic!("no {section} in {list}"))
            .clone()
    };
    assert_eq!(of("daemon")["result"], "fail");
    assert!(of("daemon")["hint"].is_string());
    assert_eq!(of("sockets")["result"], "fail");
    for section in ["foreign", "unit", "space", "clock"] {
        assert!(of(section)["detail"].is_string(), "{section}");
    }
    let table = world.run("doctor");
    assert_eq!(table.code, Some(11));
    assert!(table.out.starts_with("CHECK "), "{}", table.out);
    assert!(
        table.out.contains("FAIL") && table.out.contains(" -> "),
        "{}",
        table.out
    );
    let one = world.run("doctor --section space -o csv --no-headers");
    assert_eq!(one.out.lines().count(), 1, "{}", one.out);
    let wrong = world.run("doctor --section nonsense");
    assert_eq!(wrong.code, Some(2));
    assert!(
        wrong.err.contains("expected one of daemon"),
        "{}",
        wrong.err
    );
}

#[test]
fn a59_a_socket_that_everybody_may_open_fails() {
    let world = World::empty();
    let _socket = UnixListener::bind(&world.socket).unwrap();
    let mode = |mode| {
        let rights = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&world.socket, rights).unwrap();
        let ended = world.run("doctor --section sockets --timeout 50ms");
        (ended.code, ended.out)
    };
    let (code, out) = mode(0o666);
    assert_eq!(code, Some(11), "{out}");
    assert!(
        out.contains("everybody may enter") && out.contains("sudo chmod 0660"),
        "{out}"
    );
    let (code, out) = mode(0o660);
    assert_eq!(code, Some(0), "{out}");
}

#[test]
fn a_raw_call_comes_back_as_it_is() {
    let page = json!({"items": [{"x": 1}], "next_cursor": null});
    let world = World::saying(&page);
    let ended = world.run("api GET /v1/user/list?limit=5");
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(ended.out, format!("{page}\n"));
    let asked = world.only();
    assert_eq!(
        (asked.method.as_str(), asked.query.as_str()),
        ("GET", "limit=5")
    );

    let world = World::saying(&page);
    let ended = world.run_with("api post /v1/user/disable -f -", "{\"a\":2}");
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(world.only().body, json!({"a": 2}));

    for line in [
        "api GET /v1/nothing",
        "api POST /v1/user/list",
        "api GET /v1/user/list -f -",
    ] {
        let world = World::saying(&page);
        assert_eq!(world.run(line).code, Some(2), "{line}");
        assert!(world.asked().is_empty(), "{line}");
    }
}

#[test]
fn a_raw_call_has_the_rights_and_the_exit_status_of_its_command() {
    let world = World::new(|_| Reply::problem(ErrorCode::NotFound, "no such user"));
    let ended = world.run("api GET /v1/user/show?user=x");
    assert_eq!(ended.code, Some(5));
    let body: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(body["code"], "not_found");
    assert!(ended.err.starts_with("authctl: error: "), "{}", ended.err);

    let world = World::behind("helpdesk.sock", |_| Reply::of(&objects::version()));
    assert_eq!(world.run("api GET /v1/status").code, Some(4));
    assert!(world.asked().is_empty());
    assert_eq!(world.run("api GET /v1/ping").code, Some(0));
}

#[test]
fn names_are_told_to_shells_and_failures_are_silent() {
    let world = World::saying(&objects::page(vec![
        objects::user("bob@x.test", "Bob"),
        objects::user("bill@x.test", "Bill"),
    ]));
    let ended = world.run("__complete users bo");
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), "bob@x.test\n"));
    let ended = world.run("__complete users acme/bi");
    assert_eq!(ended.out, "acme/bill@x.test\n");
    let ended = World::empty().run("__complete tenants a");
    assert_eq!(
        (ended.code, ended.out.as_str(), ended.err.as_str()),
        (Some(0), "", "")
    );
    let slow = World::new(|_| Reply::Silence);
    let started = Instant::now();
    let ended = slow.run("__complete roles x");
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""));
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(!World::empty().run("--help").out.contains("__complete"));
}

/// What bash would offer behind a line.
fn offered(world: &World, line: &str) -> Vec<String> {
    let script = world.bare().args(["completion", "bash"]).output().unwrap();
    let file = world.folder.path().join("authctl.bash");
    std::fs::write(&file, script.stdout).unwrap();
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_authctl"));
    let asked = format!(
        "source {}; COMP_LINE='{line}'; COMP_POINT=${{#COMP_LINE}}; \
         COMP_WORDS=({line}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
         _authctl_live authctl; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        file.display()
    );
    let output = std::process::Command::new("/bin/bash")
        .args(["-c", &asked])
        .env_clear()
        .env(
            "PATH",
            format!("{}:/usr/bin:/bin", program.parent().unwrap().display()),
        )
        .env("HOME", world.folder.path())
        .env("AUTHCTL_SOCKET", &world.socket)
        .output()
        .unwrap();
    assert!(output.stderr.is_empty(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn bash_offers_names_that_there_are_and_words_where_there_is_no_daemon() {
    let world = World::saying(&objects::page(vec![objects::user("bob@x.test", "Bob")]));
    assert_eq!(offered(&world, "authctl user show bo"), ["bob@x.test"]);
    let asked = world.asked();
    assert_eq!(asked[0].path, "/v1/user/list");
    assert!(offered(&world, "authctl -t acme user disable bo").contains(&"bob@x.test".to_owned()));
    let last = world.asked().pop().unwrap();
    assert!(last.query.contains("tenant=acme"), "{}", last.query);
    let nobody = World::empty();
    assert!(offered(&nobody, "authctl user li").contains(&"list".to_owned()));
}
