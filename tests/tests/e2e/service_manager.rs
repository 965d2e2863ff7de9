//! What authd and a service manager say and hand to each other: sockets that are passed, readiness,
//! time for a migration, signs of life, the stop. No systemd runs here: `systemd-socket-activate`
//! passes the sockets, and a stand-in reads the notifications.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::time::Duration;

use harness::{Daemon, Exit, Home, eventually};
use serde_json::Value;

use crate::scene::{alice, setup};

/// The sockets of the units, below the test's folder.
pub(crate) fn units(home: &Home) -> [(&'static str, String); 4] {
    let below_run = |name: &str| home.path(name).display().to_string();
    [
        ("api", "127.0.0.1:PORT".to_owned()),
        ("admin", below_run("run/admin.sock")),
        ("monitor", below_run("run/monitor.sock")),
        ("helpdesk", below_run("run/helpdesk.sock")),
    ]
}

fn start(home: &Home, sockets: &[(&'static str, String)]) -> Result<Daemon, Exit> {
    let sockets: Vec<(&str, &str)> = sockets
        .iter()
        .map(|(name, address)| (*name, address.as_str()))
        .collect();
    home.try_start_passed(&sockets)
}

pub(crate) fn started(home: &Home, sockets: &[(&'static str, String)]) -> Daemon {
    start(home, sockets).unwrap_or_else(|exit| panic!("{:?}: {}", exit.code, exit.stderr))
}

fn refusal(home: &Home, sockets: &[(&'static str, String)]) -> String {
    let Err(exit) = start(home, sockets) else {
        panic!("it started");
    };
    assert_eq!(exit.code, Some(78), "{}", exit.stderr);
    exit.stderr
}

#[test]
fn passed_sockets_win_and_authd_says_so() {
    // Were authd to bind by itself, this folder and this address would stop it.
    let home = Home::new()
        .setting("admin.socket", "\"/nowhere/admin.sock\"")
        .setting("admin.monitor_socket", "\"/nowhere/monitor.sock\"")
        .set("api.listen", "192.0.2.1:8440")
        .set("api.behind_proxy", "true");
    let daemon = started(&home, &units(&home));
    let log = daemon.log();
    assert!(log.contains("api.listen is not used"), "{log}");
    assert_eq!(
        log.matches("the socket comes from the service manager")
            .count(),
        3,
        "{log}"
    );

    // All of them carry what they should, and the kernel still names the peer.
    setup(&daemon);
    let tokens = daemon.api().tokens(&alice());
    assert_eq!(daemon.api().check(&tokens.access).status, 200);
    let status = daemon.monitor().json(&["status"]);
    let listen = status.pointer("/item/api/listen/0").and_then(Value::as_str);
    assert_eq!(listen, Some(daemon.address().to_string().as_str()));
    let refused = daemon
        .monitor()
        .run(&["user", "show", "acme/alice@acme.test"]);
    assert_eq!(refused.code, Some(4), "{}", refused.stderr);

    daemon.helpdesk().ok(&["ping"]);

    // They are the service manager's: authd leaves them where they are.
    assert_eq!(daemon.stop().code, Some(0));
    for name in ["run/admin.sock", "run/monitor.sock", "run/helpdesk.sock"] {
        let left = fs::symlink_metadata(home.path(name)).expect("it is left");
        assert!(left.file_type().is_socket());
    }
}

#[test]
fn the_api_alone_may_be_passed_and_api_listen_be_empty() {
    let home = Home::new().set("api.listen", "[]");
    let Err(exit) = home.try_start() else {
        panic!("it serves nothing");
    };
    assert_eq!(exit.code, Some(78));
    assert!(exit.stderr.contains("authd.socket"), "{}", exit.stderr);

    let [api, ..] = units(&home);
    let daemon = started(&home, &[api]);
    setup(&daemon);
    daemon.api().tokens(&alice());
    assert_eq!(daemon.stop().code, Some(0));
    // These were authd's own.
    assert!(!home.path("run/admin.sock").exists());
}

#[test]
fn r41_a_socket_without_a_place_stops_the_start() {
    let home = Home::new();
    let [api, admin, ..] = units(&home);
    let shown = refusal(&home, &[api.clone(), ("admni", admin.1.clone())]);
    assert!(
        shown.contains("socket 2") && shown.contains("admni"),
        "{shown}"
    );
    let shown = refusal(&home, &[("admin", api.1.clone())]);
    assert!(shown.contains("unix stream socket"), "{shown}");
    let other = home.path("run/other.sock").display().to_string();
    let shown = refusal(&home, &[admin, ("admin", other)]);
    assert!(shown.contains("already"), "{shown}");
    let everywhere = ("api", "0.0.0.0:PORT".to_owned());
    let shown = refusal(&home, &[everywhere]);
    assert!(shown.contains("api.behind_proxy"), "{shown}");
}

#[test]
fn the_service_manager_hears_start_life_and_stop() {
    let home = Home::new().environment("WATCHDOG_USEC", "200000");
    let daemon = home.start();
    let told = daemon.told();
    let place = |line: &str| {
        told.iter()
            .position(|told| told == line)
            .unwrap_or_else(|| panic!("{line} was not told: {told:?}"))
    };
    // Time is asked for before the database is opened, so that no limit cuts a migration off.
    assert!(place("EXTEND_TIMEOUT_USEC=60000000") < place("READY=1"));
    assert!(place("STATUS=opening the database") < place("STATUS=serving"));
    assert!(!told.iter().any(|line| line == "STOPPING=1"));
    eventually("three signs of life", Duration::from_secs(10), || {
        let signs = |line: &&String| *line == "WATCHDOG=1";
        let told = daemon.told();
        (told.iter().filter(signs).count() >= 3).then_some(())
    });

    let (exit, told) = daemon.stop_and_tell();
    assert_eq!(exit.code, Some(0));
    let end: Vec<&str> = told
        .iter()
        .map(String::as_str)
        .filter(|line| *line == "STOPPING=1" || *line == "STATUS=draining")
        .collect();
    assert_eq!(end, ["STOPPING=1", "STATUS=draining"]);
}

#[test]
fn without_a_watchdog_no_signs_of_life_are_sent() {
    let home = Home::new();
    let daemon = home.start();
    let (_, told) = daemon.stop_and_tell();
    assert!(told.iter().all(|line| line != "WATCHDOG=1"), "{told:?}");
}
