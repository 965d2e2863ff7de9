//! A60, rule 27: with the log at its most talkative, nothing that was secret in any flow stands in the
//! log, in the database, or in what the kernel shows of the process.

use std::fs;

use harness::{Daemon, Home, Login, OTHER_PASSWORD, PASSWORD, Request, WRONG_PASSWORD};
use serde_json::json;

use crate::scene::{ALICE, open};

/// Typed by mistake where a name belongs: a password is, now and then.
const TYPED_AS_NAME: &str = "my-canary-secret@acme.test";
const CHANGED: &str = "thirteen quiet harbours wait";
const KRA_PIN: &str = "A012345678Z";

/// Sets Alice's password by hand, then has one made; returns that.
fn set_by_hand(daemon: &Daemon) -> String {
    let authctl = daemon.authctl();
    let set = authctl.run_with_input(
        &[
            "-t",
            "acme",
            "user",
            "set-password",
            ALICE,
            "--permanent",
            "--password-stdin",
        ],
        &format!("{OTHER_PASSWORD}\n"),
    );
    assert_eq!(set.code, Some(0), "{}", set.stderr);
    let made = authctl.ok(&["-t", "acme", "user", "set-password", ALICE, "--generate"]);
    made.trim().to_owned()
}

/// Does every flow there is; returns what must be nowhere.
fn every_flow(daemon: &Daemon) -> Vec<String> {
    let api = daemon.api();
    let mut secrets: Vec<String> = [PASSWORD, OTHER_PASSWORD, WRONG_PASSWORD, CHANGED]
        .map(str::to_owned)
        .to_vec();
    api.login(&Login::new("acme", ALICE, WRONG_PASSWORD));
    api.login(&Login::new("acme", TYPED_AS_NAME, WRONG_PASSWORD));
    api.login(&Login::new(TYPED_AS_NAME, ALICE, WRONG_PASSWORD));
    let signed_in = api.login(&Login::new("acme", ALICE, PASSWORD).device("phone"));
    assert_eq!(signed_in.status, 200, "{}", signed_in.text());
    let device = signed_in.field("/device_secret");
    let (access, refresh) = (
        signed_in.field("/access_token"),
        signed_in.field("/refresh_token"),
    );
    let again = Login::new("acme", ALICE, PASSWORD).device_with_secret("phone", &device);
    let again = api.login(&again);
    assert_eq!(again.status, 200, "{}", again.text());
    let (access_2, refresh_2) = (again.field("/access_token"), again.field("/refresh_token"));
    let refreshed = api.refresh(&refresh_2);
    assert_eq!(refreshed.status, 200, "{}", refreshed.text());
    let access_3 = refreshed.field("/access_token");
    api.check(&access_3);
    api.check(&access);
    // A token in the query, and one that is none.
    api.send(&Request::get(&format!("/v1/auth/check?token={access_3}")));
    api.send(&Request::get("/v1/me").bearer(CHANGED));
    let weak = json!({"current_password": PASSWORD, "new_password": PASSWORD});
    api.send(
        &Request::post("/v1/auth/password/change")
            .bearer(&access_3)
            .json(&weak),
    );
    let changed = api.change_password(&access_3, PASSWORD, CHANGED);
    assert_eq!(changed.status, 204, "{}", changed.text());
    let generated = set_by_hand(daemon);
    let temporary = api.login(&Login::new("acme", ALICE, &generated));
    assert_eq!(temporary.status, 200, "{}", temporary.text());
    secrets.extend([
        device,
        access,
        refresh,
        access_2,
        refresh_2,
        access_3,
        refreshed.field("/refresh_token"),
        temporary.field("/access_token"),
        generated,
    ]);
    secrets
}

/// Texts that are never to be found: the secret itself, and of a token its signature, which would do.
fn needles(secrets: &[String]) -> Vec<String> {
    let signature = |secret: &String| match secret.rsplit_once('.') {
        Some((_, signature)) if signature.len() > 20 => signature.to_owned(),
        _ => secret.clone(),
    };
    let needles: Vec<String> = secrets.iter().map(signature).collect();
    assert!(
        needles.iter().all(|needle| needle.len() >= 12),
        "{needles:?}"
    );
    needles
}

fn has(bytes: &[u8], needle: &str) -> bool {
    bytes
        .windows(needle.len())
        .any(|part| part == needle.as_bytes())
}

fn nowhere(place: &str, bytes: &[u8], needles: &[String]) {
    for needle in needles {
        assert!(!has(bytes, needle), "{needle} stands in {place}");
    }
}

fn flows_leave_nothing(target: &str) {
    let home = Home::new()
        .setting("log.target", &format!("{target:?}"))
        .setting("log.level", "\"trace\"");
    let daemon = open(&home);
    let arguments = ["--given-name", "Bob", "--kra-pin", KRA_PIN];
    daemon
        .authctl()
        .create_user_with("acme", "bob@acme.test", PASSWORD, &arguments);
    let needles = needles(&every_flow(&daemon));
    let proc = |file: &str| {
        let path = format!("/proc/{}/{file}", daemon.pid());
        fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
    };
    for file in ["cmdline", "environ"] {
        nowhere(file, &proc(file), &needles);
    }
    let state = home.snapshot();
    assert!(state.keys().any(|path| path.ends_with("authd.db-wal")));
    for (path, bytes) in &state {
        nowhere(&path.display().to_string(), bytes, &needles);
    }
    let exit = daemon.stop();
    assert_eq!(exit.code, Some(0));
    for (path, bytes) in &home.snapshot() {
        nowhere(&path.display().to_string(), bytes, &needles);
    }
    // That it was talkative, and of these flows.
    assert!(exit.stderr.contains("login.failed"), "{}", exit.stderr);
    assert!(exit.stderr.contains("/v1/auth/password/change"));
    let mut of_log = needles;
    // In the database they belong to somebody; in the log they are nobody's business.
    of_log.extend([KRA_PIN, TYPED_AS_NAME, ALICE].map(str::to_owned));
    nowhere("the log", exit.stderr.as_bytes(), &of_log);
}

#[test]
fn a60_rule_27_no_secret_stands_anywhere_with_a_log_for_programs() {
    flows_leave_nothing("json");
}

#[test]
fn a60_rule_27_no_secret_stands_anywhere_with_a_log_for_people() {
    flows_leave_nothing("stderr");
}

#[test]
fn a60_rule_27_no_secret_stands_anywhere_with_a_log_for_the_journal() {
    flows_leave_nothing("journal");
}
