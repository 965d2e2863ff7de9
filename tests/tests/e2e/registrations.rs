//! From a registration to a session, and on to another address: over HTTP, through a mail server, in a
//! real browser.

use harness::{Browser, Conduct, Daemon, Home, Login, MailServer, MailTls, PASSWORD, Received};
use serde_json::json;

use crate::scene::setup;

const GRACE: &str = "grace@acme.test";
const NEXT: &str = "grace@next.test";

fn token(letter: &Received, page: &str) -> String {
    let link = letter.links().remove(0);
    let (address, token) = link.split_once('#').expect("a token");
    assert!(address.ends_with(page), "{link}");
    token.to_owned()
}

/// What the owner of a mailbox does with the link of a registration.
fn complete(browser: &Browser, daemon: &Daemon, token: &str) {
    let page = format!("http://{}/verify-email", daemon.address());
    browser.open(&format!("{page}#{token}"));
    assert_eq!(browser.address_bar(), page);
    browser.type_into("#password", "nobody chose this one");
    browser.click("#save");
    browser.wait_for("#problem", "This is not the password");
    browser.run("document.getElementById('password').value = ''; return 0");
    browser.type_into("#password", PASSWORD);
    browser.click("#save");
    browser.wait_for("#heading", "Your account is ready");
}

#[test]
fn rule_21_rule_25_a_person_registers_signs_in_and_moves_to_another_address() {
    let server = MailServer::start(Conduct::new(MailTls::None));
    let home = Home::new()
        .setting("mail.transport", "\"smtp\"")
        .setting("mail.host", "\"127.0.0.1\"")
        .setting("mail.port", &server.port().to_string())
        .setting("mail.tls", "\"none\"")
        .setting("mail.from", "\"Acme <no-reply@acme.test>\"");
    let daemon = home.start();
    setup(&daemon);
    let (authctl, api) = (daemon.authctl(), daemon.api());
    let body = json!({"tenant": "acme", "email": GRACE, "password": PASSWORD,
        "name": {"given": "Grace"}});
    let closed = api.post("/v1/auth/register", &body);
    assert_eq!(closed.outcome(), "403 registration_closed");
    let opened = [
        "-t",
        "acme",
        "tenant",
        "settings",
        "set",
        "registration.enabled",
        "true",
    ];
    authctl.ok(&opened);
    assert_eq!(api.post("/v1/auth/register", &body).status, 202);
    let listed = authctl.items(&["registration", "list"]);
    assert_eq!((listed.len(), &listed[0]["email"]), (1, &json!(GRACE)));
    let letter = server.wait_for(1).remove(0);
    assert_eq!(letter.to, [GRACE]);
    let verify = token(&letter, "/verify-email");
    let browser = Browser::start(true);
    complete(&browser, &daemon, &verify);
    assert_eq!(api.login(&Login::new("acme", GRACE, PASSWORD)).status, 200);
    assert!(authctl.items(&["registration", "list"]).is_empty());
    // And on to another address, which the administrator sets.
    authctl.ok(&["user", "email", &format!("acme/{GRACE}"), NEXT]);
    let mails = server.wait_for(3);
    let to = |address: &str| {
        let found = mails.iter().skip(1).find(|mail| mail.to == [address]);
        found.expect("a mail to that address")
    };
    assert!(to(GRACE).links().is_empty());
    let confirm = token(to(NEXT), "/confirm-email");
    let page = format!("http://{}/confirm-email#{confirm}", daemon.address());
    browser.open(&page);
    browser.click("#save");
    browser.wait_for("#heading", "Your new address is confirmed");
    browser.open("about:blank");
    browser.open(&page);
    browser.click("#save");
    browser.wait_for("#heading", "This link does not work any more");
    assert_eq!(
        api.login(&Login::new("acme", GRACE, PASSWORD)).outcome(),
        "401 invalid_credentials"
    );
    assert_eq!(api.login(&Login::new("acme", NEXT, PASSWORD)).status, 200);
    assert_eq!(server.wait_for(4)[3].to, [GRACE]);
}
