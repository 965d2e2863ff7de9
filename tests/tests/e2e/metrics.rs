//! The counters of a real daemon: the page is what Prometheus's own reader takes, its figures are
//! those of `authctl stats`, and the alerts that are shipped name nothing that is not there.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use harness::{Api, Home, Request, free_address};
use serde_json::Value;

use crate::scene::{alice, guess, open};

/// Reads the page as Prometheus's library for Python does, and gives each figure a line. A counter
/// must be called one, and every family needs its help.
const READ: &str = r#"
import sys
from prometheus_client.parser import text_string_to_metric_families
seen = set()
for family in text_string_to_metric_families(sys.stdin.read()):
    assert family.documentation, family.name
    assert family.type in ("counter", "gauge", "histogram"), (family.name, family.type)
    assert family.name not in seen, family.name
    seen.add(family.name)
    for sample in family.samples:
        assert (family.type == "counter") == sample.name.endswith("_total"), sample.name
        labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
        print(sample.name, labels, sample.value, sep="|")
"#;
const PACKAGE: &str = "/usr/lib/python3/dist-packages/prometheus_client";

/// What the library read: name, labels, figure.
fn read(page: &str) -> Vec<(String, String, f64)> {
    assert!(
        Path::new(PACKAGE).exists(),
        "prometheus_client is missing; install it: apt-get install python3-prometheus-client"
    );
    let mut python = Command::new("/usr/bin/python3")
        .args(["-c", READ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is missing; install it: apt-get install python3");
    let mut stdin = python.stdin.take().expect("a pipe");
    stdin.write_all(page.as_bytes()).expect("it reads");
    drop(stdin);
    let output = python.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{page}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines()
        .map(|line| {
            let mut cells = line.split('|');
            let mut cell = || cells.next().unwrap_or_default().to_owned();
            let (name, labels, value) = (cell(), cell(), cell());
            (name, labels, value.parse().expect("a figure"))
        })
        .collect()
}

fn figure(figures: &[(String, String, f64)], name: &str, labels: &str) -> Option<f64> {
    let mut all = figures.iter();
    all.find(|(of, with, _)| of == name && with == labels)
        .map(|(_, _, value)| *value)
}

fn page(metrics: &Api) -> String {
    let answer = metrics.send(&Request::get("/metrics"));
    assert_eq!(answer.status, 200);
    answer.text()
}

#[test]
fn the_page_is_what_prometheus_reads_and_says_what_happened() {
    let address = free_address();
    let home = Home::new().setting("metrics.listen", &format!("\"{address}\""));
    let daemon = open(&home);
    let tokens = daemon.api().tokens(&alice());
    daemon.api().login(&guess("alice@acme.test"));
    for _ in 0..7 {
        assert_eq!(daemon.api().check(&tokens.access).status, 200);
    }
    let metrics = Api::at(address);
    let text = page(&metrics);
    let figures = read(&text);
    let is = |name: &str, labels: &str, expected: f64| {
        let found = figure(&figures, name, labels);
        assert_eq!(found, Some(expected), "{name} {labels}\n{text}");
    };
    is("authd_logins_total", "outcome=success", 1.0);
    is("authd_logins_total", "outcome=wrong_password", 1.0);
    // Most of them were answered in front of the router.
    let check = "method=GET,route=/v1/auth/check";
    is(
        "authd_http_requests_total",
        &format!("{check},status=2xx"),
        7.0,
    );
    is("authd_http_request_duration_seconds_count", check, 7.0);
    is("authd_sessions", "", 1.0);
    is("authd_database_up", "", 1.0);
    for at_least in [
        ("authd_cache_hits_total", 11.0),
        ("authd_http_connections_total", 1.0),
        ("authd_process_resident_memory_bytes", 1_000_000.0),
        ("authd_process_open_fds", 8.0),
        ("authd_database_size_bytes", 4096.0),
        ("authd_database_commit_duration_seconds_sum", 0.0),
        ("authd_signing_key_rotation_timestamp_seconds", 1.7e9),
    ] {
        let found = figure(&figures, at_least.0, "");
        assert!(found > Some(at_least.1), "{at_least:?}: {found:?}");
    }
    // The same by the operator's socket, which carries no names of people either.
    let again = daemon.monitor().ok(&["stats", "--prometheus"]);
    let names = |page: &str| -> BTreeSet<String> {
        read(page).into_iter().map(|(name, ..)| name).collect()
    };
    assert_eq!(names(&again), names(&text));
    assert!(
        !again.contains("alice") && !again.contains("acme"),
        "{again}"
    );
    let listed = daemon
        .monitor()
        .items(&["stats", "--filter", "name=authd_sessions"]);
    assert_eq!(listed[0].get("value").and_then(Value::as_f64), Some(1.0));
}

#[test]
fn v13_4_5_the_page_is_on_its_own_address_and_nothing_else_is() {
    let address = free_address();
    let home = Home::new().setting("metrics.listen", &format!("\"{address}\""));
    let daemon = open(&home);
    let metrics = Api::at(address);
    let get = |api: &Api, path: &str| api.send(&Request::get(path)).outcome();
    assert_eq!(get(&daemon.api(), "/metrics"), "404 not_found");
    for path in ["/v1/me", "/healthz", "/v1/auth/check", "/"] {
        assert_eq!(get(&metrics, path), "404 not_found");
    }
    let posted = metrics.send(&Request::post("/metrics"));
    assert_eq!(posted.outcome(), "405 method_not_allowed");
    drop(daemon);
    // Where it is taken, the start says by whose key.
    let taken = std::net::TcpListener::bind(address).expect("it is free again");
    let refused = home.try_start().err().expect("it does not start");
    assert!(
        refused.stderr.contains("metrics.listen"),
        "{}",
        refused.stderr
    );
    drop(taken);
}

#[test]
fn the_alerts_and_the_board_name_what_there_is() {
    let address = free_address();
    let home = Home::new().setting("metrics.listen", &format!("\"{address}\""));
    let daemon = open(&home);
    // Without one its time is not told.
    daemon.authctl().ok(&["backup", "create"]);
    // Nor are answers and errors before the first.
    daemon.api().tokens(&alice());
    let missing = daemon.api().send(&Request::get("/v1/nothing"));
    assert_eq!(missing.outcome(), "404 not_found");
    let figures = read(&page(&Api::at(address)));
    let names: BTreeSet<&str> = figures.iter().map(|(name, ..)| name.as_str()).collect();
    let rules =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/prometheus/authd.rules.yml");
    let rules = fs::read_to_string(rules).expect("the rules");
    let mut asked = 0;
    for line in rules.lines() {
        let Some(expression) = line.trim().strip_prefix("expr: ") else {
            continue;
        };
        let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        for word in words.filter(|word| word.starts_with("authd_")) {
            asked += 1;
            assert!(names.contains(word), "{word}: {line}");
        }
    }
    assert!(asked >= 9, "{asked}");

    let board = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/grafana/authd.json");
    let board = fs::read_to_string(board).expect("the board");
    let board: Value = serde_json::from_str(&board).expect("JSON");
    let panels = board["panels"].as_array().expect("panels");
    assert!(panels.len() >= 15, "{}", panels.len());
    for panel in panels {
        for target in panel["targets"].as_array().expect("targets") {
            let expression = target["expr"].as_str().expect("an expression");
            let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let mut of_ours = words.filter(|word| word.starts_with("authd_")).peekable();
            assert!(of_ours.peek().is_some(), "{expression}");
            for word in of_ours {
                assert!(names.contains(word), "{word}: {expression}");
            }
        }
    }
}
