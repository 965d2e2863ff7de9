//! A mail server that is away for an hour while mails are queued, and a daemon that is restarted twice
//! and killed in between (R9): every mail arrives, and those that leave twice do so under one id.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::Duration;

use harness::{Conduct, Daemon, Fault, Home, Login, MailServer, MailTls, Received, eventually};
use serde_json::json;

use crate::alone;

/// Deliveries side by side: what can be on its way when the daemon is killed.
const LANES: usize = 4;
/// For mails that all leave one after another.
const PATIENCE: Duration = Duration::from_mins(10);
const NEW: &str = "nine grey herons swim away";
/// Closed while the server is away, so that the link asked for has no owner any more.
const CLOSED: &str = "closed@acme.test";

fn person(number: usize) -> String {
    format!("person{number}@acme.test")
}

fn forgot(daemon: &Daemon, email: &str) {
    let body = json!({"tenant": "acme", "email": email});
    let answer = daemon.api().post("/v1/auth/password/forgot", &body);
    assert_eq!(answer.status, 202, "{answer:?}");
}

/// Mails that wait, and those that were given up.
fn standing(daemon: &Daemon) -> (u64, u64) {
    let status = daemon.authctl().json(&["mail", "status"]);
    let figure = |name: &str| {
        let figure = status.pointer(&format!("/item/{name}"));
        let figure = figure.and_then(serde_json::Value::as_u64);
        figure.unwrap_or_else(|| panic!("no {name} in {status}"))
    };
    (figure("queued"), figure("failed"))
}

/// Invites everybody and lets everybody ask for a link: two mails each.
fn queue_mails(daemon: &Daemon, people: usize) {
    let create = |email: &str| {
        let authctl = daemon.authctl();
        authctl.ok(&["-t", "acme", "user", "create", "--email", email]);
        forgot(daemon, email);
    };
    let seats = (people + 1).to_string();
    let create_tenant = ["tenant", "create", "acme", "--max-users", &seats];
    daemon.authctl().ok(&create_tenant);
    thread::scope(|scope| {
        for lane in 0..LANES {
            scope.spawn(move || {
                for number in (lane..people).step_by(LANES) {
                    create(&person(number));
                }
            });
        }
    });
    create(CLOSED);
    let closed = format!("acme/{CLOSED}");
    daemon.authctl().ok(&["user", "disable", &closed, "--yes"]);
}

/// Lets ten minutes pass; whoever asks for a link then wakes the worker, which finds nobody at the door.
fn ten_minutes(daemon: &Daemon, server: &MailServer, step: usize) {
    let before = server.connections();
    daemon.clock().forward(Duration::from_mins(10));
    forgot(daemon, &person(step));
    eventually("another try", Duration::from_secs(90), || {
        (server.connections() > before).then_some(())
    });
}

/// Letters by their id, each with its copies in the order of their arrival.
fn by_id(letters: Vec<Received>) -> BTreeMap<String, Vec<Received>> {
    let mut found: BTreeMap<String, Vec<Received>> = BTreeMap::new();
    for letter in letters {
        let id = letter.header("Message-ID").expect("a Message-ID");
        found.entry(id).or_default().push(letter);
    }
    found
}

/// Every mail came, few came twice, and none that was dead when it could be sent.
fn judge(daemon: &Daemon, letters: Vec<Received>, people: usize, asked_again: usize) {
    let copies = letters.len();
    let last = letters.clone();
    let mails = by_id(letters);
    assert_eq!(mails.len(), 2 * people + asked_again, "each mail once");
    let doubled = copies - mails.len();
    eprintln!("{} mails in {copies} letters", mails.len());
    assert!(doubled <= LANES, "{doubled} letters too many");
    let recipients = |mail: &Vec<Received>| mail.iter().flat_map(|l| l.to.clone()).collect();
    assert!(
        mails
            .values()
            .map(recipients)
            .all(|to: BTreeSet<_>| to.len() == 1)
    );
    let to: BTreeSet<String> = last.iter().flat_map(|letter| letter.to.clone()).collect();
    assert_eq!(to, (0..people).map(person).collect(), "and nobody else");
    let reset = |token: &str| {
        let body = json!({"token": token, "new_password": NEW});
        daemon.api().post("/v1/auth/password/reset", &body).status
    };
    // The last link of a mailbox is the one that works, however many there are.
    for number in [0, people / 2, people - 1] {
        let mailbox = [person(number)];
        let links = last
            .iter()
            .filter(|l| l.to == mailbox && !l.text().contains("password:"));
        let tokens: Vec<String> = links.map(Received::token).collect();
        let (newest, older) = tokens.split_last().expect("a link");
        for token in older {
            assert_eq!(reset(token), 410);
        }
        assert_eq!(reset(newest), 204);
        let login = Login::new("acme", &mailbox[0], NEW);
        assert_eq!(daemon.api().login(&login).status, 200);
    }
}

fn an_hour_away(people: usize) {
    let _turn = alone();
    let server = MailServer::start(Conduct::new(MailTls::None));
    let home = Home::new()
        .setting("mail.transport", "\"smtp\"")
        .setting("mail.host", "\"127.0.0.1\"")
        .setting("mail.port", &server.port().to_string())
        .setting("mail.tls", "\"none\"")
        .setting("mail.from", "\"Acme <no-reply@acme.test>\"")
        .setting("mail.rate", "0")
        .with_clock();
    server.set_fault(Fault::HangUp);
    let daemon = home.start();
    queue_mails(&daemon, people);
    ten_minutes(&daemon, &server, 0);
    assert_eq!(daemon.stop().code, Some(0));
    let daemon = home.start();
    ten_minutes(&daemon, &server, 1);
    ten_minutes(&daemon, &server, 2);
    daemon.kill();
    let daemon = home.start();
    ten_minutes(&daemon, &server, 3);
    assert_eq!(daemon.stop().code, Some(0));
    let daemon = home.start();
    ten_minutes(&daemon, &server, 4);
    ten_minutes(&daemon, &server, 5);
    let (queued, failed) = standing(&daemon);
    assert_eq!(failed, 0, "an hour gives no mail up");
    // A mail whose reason is over may be dropped before it could be sent.
    let all = u64::try_from(2 * people + 6).expect("a small number");
    assert!((all..=all + 2).contains(&queued), "{queued} of {all} wait");
    assert!(server.letters().is_empty());

    server.set_fault(Fault::None);
    daemon.clock().forward(Duration::from_hours(2));
    forgot(&daemon, &person(6));
    eventually("a part of the mails", PATIENCE, || {
        (server.letters().len() > people / 2).then_some(())
    });
    daemon.kill();
    let daemon = home.start();
    eventually("an empty queue", PATIENCE, || {
        (standing(&daemon).0 == 0).then_some(())
    });
    assert_eq!(standing(&daemon).1, 0);
    judge(&daemon, server.letters(), people, 7);
    assert_eq!(daemon.stop().code, Some(0));
}

#[test]
fn r9_an_hour_without_a_mail_server_and_three_ends_of_the_daemon_lose_no_mail() {
    an_hour_away(30);
}

#[test]
#[ignore = "long: a thousand mails"]
fn r9_whole_a_thousand_mails_outlive_an_hour_without_a_server() {
    an_hour_away(500);
}
