//! Mails from the command or the request that causes them to the mailbox, through a real server that
//! works, does not answer, hangs up, or refuses; and from the mailbox back, in a real browser.

use std::time::Duration;

use harness::{
    Browser, Conduct, Daemon, Fault, Home, Login, MailServer, MailTls, PASSWORD, Received,
    eventually,
};
use serde_json::{Value, json};

use crate::scene::{ALICE, alice, setup};

const ROOT: &str = "root@acme.test";
const BOB: &str = "bob@acme.test";
const NEW: &str = "nine grey herons swim away";
const PATIENCE: Duration = Duration::from_secs(20);

struct Scene {
    home: Home,
    server: MailServer,
}

/// A server, and a home whose mails go there; failed ones are tried again after a second.
fn scene() -> Scene {
    let server = MailServer::start(Conduct::new(MailTls::None));
    let home = Home::new()
        .setting("mail.transport", "\"smtp\"")
        .setting("mail.host", "\"127.0.0.1\"")
        .setting("mail.port", &server.port().to_string())
        .setting("mail.tls", "\"none\"")
        .setting("mail.from", "\"Acme <no-reply@acme.test>\"")
        .setting("mail.timeout", "\"1s\"")
        .setting("mail.retry_base", "\"1s\"");
    Scene { home, server }
}

fn forgot(daemon: &Daemon, email: &str) {
    let body = json!({"tenant": "acme", "email": email});
    let answer = daemon.api().post("/v1/auth/password/forgot", &body);
    assert_eq!(answer.status, 202, "{answer:?}");
}

fn message_id(letter: &Received) -> String {
    letter.header("Message-ID").expect("a Message-ID")
}

/// The password in an invitation.
fn password_in(letter: &Received) -> String {
    let text = letter.text();
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("password:"));
    line.expect("a password").trim().to_owned()
}

/// The only mail in the outbox that was not sent, once it is as wanted.
fn waiting(daemon: &Daemon, state: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    eventually("a mail that waits", PATIENCE, || {
        let rows = daemon
            .authctl()
            .items(&["mail", "queue", "list", "--state", state]);
        rows.into_iter().next().filter(|row| wanted(row))
    })
}

/// What the owner of a mailbox does with a link, and what comes of it when it is opened again. The
/// address before the token is that of the daemon here.
fn choose_in_the_browser(daemon: &Daemon, token: &str) {
    let page = format!("http://{}/reset-password#{token}", daemon.address());
    let browser = Browser::start(true);
    browser.open(&page);
    browser.type_into("#password", "short");
    browser.click("#save");
    browser.wait_for("#problem", "at least");
    browser.run("document.getElementById('password').value = ''; return 0");
    browser.type_into("#password", NEW);
    browser.click("#save");
    browser.wait_for("#heading", "Your new password is saved");
    browser.open("about:blank");
    browser.open(&page);
    browser.type_into("#password", NEW);
    browser.click("#save");
    browser.wait_for("#heading", "This link does not work any more");
}

#[test]
fn rule_24_from_an_empty_database_to_a_new_password_by_mail_alone() {
    let Scene { home, server } = scene();
    let daemon = home.start();
    let (authctl, api) = (daemon.authctl(), daemon.api());
    let said = authctl.ok(&["tenant", "create", "acme", "--admin-email", ROOT]);
    assert!(
        said.ends_with("; invitation sent to root@acme.test.\n"),
        "{said}"
    );
    let letter = server.wait_for(1).remove(0);
    assert_eq!(letter.to, [ROOT]);
    let first = password_in(&letter);
    let session = api.tokens(&Login::new("acme", ROOT, &first));
    assert_eq!(
        api.check(&session.access).outcome(),
        "403 password_change_required"
    );
    assert_eq!(
        api.change_password(&session.access, &first, PASSWORD)
            .status,
        204
    );
    assert_eq!(api.login(&Login::new("acme", ROOT, PASSWORD)).status, 200);
    // The owner hears of the change.
    assert!(server.wait_for(2)[1].links().is_empty());
    authctl.ok(&["-t", "acme", "role", "create", "cashier"]);
    authctl.ok(&[
        "-t", "acme", "user", "create", "--email", BOB, "--role", "cashier",
    ]);
    let invited = server.wait_for(3).remove(2);
    assert_eq!(invited.to, [BOB]);
    let first = password_in(&invited);
    let narrow = api.tokens(&Login::new("acme", BOB, &first));
    let changed = api.change_password(&narrow.access, &first, PASSWORD);
    assert_eq!(changed.status, 204);
    let session = api.tokens(&Login::new("acme", BOB, PASSWORD));
    server.wait_for(4);
    forgot(&daemon, BOB);
    let link = server.wait_for(5)[4].links().remove(0);
    let (_, token) = link.split_once('#').expect("a token");
    choose_in_the_browser(&daemon, token);
    assert_eq!(api.login(&Login::new("acme", BOB, NEW)).status, 200);
    assert_eq!(api.check(&session.access).outcome(), "401 session_revoked");
    let log = daemon.stop().stderr;
    for secret in [token, first.as_str(), NEW] {
        assert!(!log.contains(secret), "rule 27");
    }
}

#[test]
fn r9_r11_while_the_server_is_silent_requests_go_on_and_mails_wait() {
    let Scene { home, server } = scene();
    let daemon = home.start();
    setup(&daemon);
    server.set_fault(Fault::Silent);
    forgot(&daemon, ALICE);
    forgot(&daemon, "nobody@acme.test");
    assert_eq!(daemon.api().login(&alice()).status, 200);
    let row = waiting(&daemon, "queued", |row| !row["last_error"].is_null());
    assert_eq!(row["to"], "a…@acme.test");
    let status = daemon.authctl().ok(&["mail", "status"]);
    assert!(
        status.contains("queued 1") && status.contains("failed 0"),
        "{status}"
    );
    assert!(
        daemon
            .authctl()
            .ok(&["status"])
            .contains("1 queued, 0 failed")
    );
    // It is kept over a restart, and over a pause that is.
    daemon.authctl().ok(&["mail", "pause"]);
    daemon.stop();
    server.set_fault(Fault::None);
    let daemon = home.start();
    let status = daemon.authctl().ok(&["mail", "status"]);
    assert!(
        status.contains("paused") && status.contains("queued 1"),
        "{status}"
    );
    assert!(server.letters().is_empty());
    daemon.authctl().ok(&["mail", "resume"]);
    let letter = server.wait_for(1).remove(0);
    let id = row["id"].as_str().expect("an id");
    assert!(message_id(&letter).contains(id), "{id}");
    let body = json!({"token": letter.token(), "new_password": NEW});
    let answer = daemon.api().post("/v1/auth/password/reset", &body);
    assert_eq!(answer.status, 204, "{answer:?}");
}

#[test]
fn r9_a48_a_daemon_killed_while_it_sends_sends_again_under_the_same_id() {
    let Scene { home, server } = scene();
    let daemon = home.start();
    setup(&daemon);
    server.set_fault(Fault::SilentAfterMessage);
    forgot(&daemon, ALICE);
    eventually("the message", PATIENCE, || {
        let heard = server.heard();
        heard.iter().any(|line| line == "DATA").then_some(())
    });
    let id = waiting(&daemon, "queued", |row| row["tries"] == 1)["id"].clone();
    daemon.kill();
    server.set_fault(Fault::None);
    let daemon = home.start();
    let letters = server.wait_for(1);
    assert!(message_id(&letters[0]).contains(id.as_str().expect("an id")));
    eventually("an empty queue", PATIENCE, || {
        let rows = daemon
            .authctl()
            .items(&["mail", "queue", "list", "--state", "queued"]);
        rows.is_empty().then_some(())
    });
    assert_eq!(server.letters().len(), 1);
}

/// Lines of a letter that nothing but a letter has.
fn sentences(letter: &Received) -> Vec<String> {
    let text = letter.text();
    let lines = text.lines().map(str::trim);
    let whole = lines.filter(|line| line.len() > 30 && !line.contains(['@', ':']));
    whole.map(str::to_owned).collect()
}

/// Stops the post and gathers every file and every call in which a mail that waits could show.
fn places(home: &Home, daemon: &Daemon) -> Vec<(String, Vec<u8>)> {
    let authctl = daemon.authctl();
    authctl.ok(&["mail", "pause"]);
    let backup = home.path("copy.db");
    authctl.ok(&["backup", "create", backup.to_str().expect("a path")]);
    let mut places: Vec<(String, Vec<u8>)> = home
        .snapshot()
        .into_iter()
        .map(|(path, bytes)| (path.display().to_string(), bytes))
        .collect();
    assert!(
        places
            .iter()
            .any(|(path, _)| path.ends_with("authd.db-wal"))
    );
    let copy = std::fs::read(&backup).expect("a backup");
    places.push(("the backup".to_owned(), copy));
    let rows = authctl.items(&["mail", "queue", "list"]);
    assert_eq!(rows.len(), 2, "{rows:?}");
    for row in rows {
        let id = row.get("id").and_then(Value::as_str).expect("an id");
        let shown = authctl.ok(&["--json", "mail", "queue", "show", id]);
        places.push((row.to_string(), shown.into_bytes()));
        places.push(("the list".to_owned(), row.to_string().into_bytes()));
    }
    let audit = authctl.ok(&["--json", "audit", "list"]);
    places.push(("the audit log".to_owned(), audit.into_bytes()));
    places.push(("the log".to_owned(), daemon.log().into_bytes()));
    places
}

#[test]
fn a88_g11_neither_files_nor_calls_hold_what_a_mail_that_waits_says() {
    let Scene { home, server } = scene();
    let daemon = home.start();
    setup(&daemon);
    // It takes whole letters and never says so, so that they stay queued and we know them.
    server.set_fault(Fault::HangUpAfterMessage);
    forgot(&daemon, ALICE);
    let authctl = daemon.authctl();
    authctl.ok(&["-t", "acme", "user", "create", "--email", BOB]);
    let of = |letters: &[Received], to: &str| -> Option<Received> {
        letters.iter().find(|letter| letter.to == [to]).cloned()
    };
    let (link, invitation) = eventually("both letters", PATIENCE, || {
        let letters = server.letters();
        Some((of(&letters, ALICE)?, of(&letters, BOB)?))
    });
    let (token, first) = (link.token(), password_in(&invitation));
    let places = places(&home, &daemon);
    let mut needles = [sentences(&link), sentences(&invitation)].concat();
    assert!(needles.len() >= 2, "{}", link.text());
    needles.extend([token.clone(), first.clone()]);
    for (place, bytes) in &places {
        for needle in &needles {
            let mut parts = bytes.windows(needle.len());
            assert!(
                !parts.any(|part| part == needle.as_bytes()),
                "{needle} in {place}"
            );
        }
    }
    // Sent later it works, and what was made for an earlier try is dead.
    server.set_fault(Fault::None);
    let before = server.letters().len();
    authctl.ok(&["mail", "resume"]);
    let last = eventually("both letters again", PATIENCE, || {
        let letters = server.letters().split_off(before);
        Some((of(&letters, ALICE)?, of(&letters, BOB)?))
    });
    let reset = |token: &str| {
        let body = json!({"token": token, "new_password": NEW});
        daemon.api().post("/v1/auth/password/reset", &body).status
    };
    assert_eq!(reset(&token), 410);
    assert_eq!(reset(&last.0.token()), 204);
    let login = |password: &str| {
        daemon
            .api()
            .login(&Login::new("acme", BOB, password))
            .status
    };
    assert_eq!(login(&first), 401);
    assert_eq!(login(&password_in(&last.1)), 200);
}

#[test]
fn r10_a_hang_up_after_the_message_costs_one_copy_whose_link_is_dead() {
    let Scene { home, server } = scene();
    let daemon = home.start();
    setup(&daemon);
    server.set_fault(Fault::HangUpAfterMessage);
    forgot(&daemon, ALICE);
    server.wait_for(1);
    server.set_fault(Fault::None);
    let letters = server.wait_for(2);
    assert_eq!(message_id(&letters[0]), message_id(&letters[1]));
    let reset = |token: String| {
        let body = json!({"token": token, "new_password": NEW});
        daemon.api().post("/v1/auth/password/reset", &body).status
    };
    assert_eq!(reset(letters[0].token()), 410);
    assert_eq!(reset(letters[1].token()), 204);
}

#[test]
fn r10_what_the_server_refuses_for_good_is_shown_and_can_be_retried() {
    let Scene { home, server } = scene();
    let daemon = home.start();
    setup(&daemon);
    server.set_fault(Fault::Answer("RCPT", "550 5.1.1 No such mailbox"));
    forgot(&daemon, ALICE);
    let row = waiting(&daemon, "dead", |_| true);
    let error = row["last_error"].as_str().expect("an error");
    assert!(error.contains("550"), "{error}");
    daemon.wait_for_log("a mail was given up");
    let refused = daemon.authctl().run(&["mail", "test", "you@example.net"]);
    assert_eq!(refused.code, Some(10), "{refused:?}");
    server.set_fault(Fault::None);
    let id = row["id"].as_str().expect("an id");
    let authctl = daemon.authctl();
    assert_eq!(authctl.run(&["mail", "queue", "delete", id]).code, Some(12));
    authctl.ok(&["mail", "queue", "retry", id]);
    let letter = server.wait_for(1).remove(0);
    assert!(message_id(&letter).contains(id));
    authctl.ok(&["mail", "test", "you@example.net"]);
    assert_eq!(server.wait_for(2)[1].to, ["you@example.net"]);
}

#[test]
fn r4_a_stop_while_a_mail_is_on_its_way_is_in_time_and_loses_nothing() {
    let Scene { home, server } = scene();
    let home = home.setting("mail.timeout", "\"60s\"");
    let daemon = home.start();
    setup(&daemon);
    server.set_fault(Fault::Silent);
    forgot(&daemon, ALICE);
    eventually("a connection", PATIENCE, || {
        (server.connections() > 0).then_some(())
    });
    let exit = daemon.stop();
    assert_eq!(exit.code, Some(0), "{}", exit.stderr);
    server.set_fault(Fault::None);
    let _daemon = home.start();
    server.wait_for(1);
}
