//! The applications that sign users in: guarded, refreshed, ended, with a browser's cookies.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use harness::{
    Connection, Daemon, Home, Login, PASSWORD, Program, Request, Response, WRONG_PASSWORD,
    free_address,
};
use serde_json::json;

use super::{BOB, EVE, NODE, NODE_LIBRARIES, PYTHON, cast, example};
use crate::scene::{ALICE, alice, open};

/// A browser before the application: what it keeps, and nothing else.
#[derive(Default)]
struct Visitor {
    cookies: BTreeMap<String, String>,
}

impl Visitor {
    fn ask(&mut self, application: &Program, request: Request) -> Response {
        let pairs = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let cookies = pairs.collect::<Vec<_>>().join("; ");
        let request = request
            .header("Connection", "close")
            .header("Cookie", &cookies);
        let answer = Connection::open(application.address(), None).ask(&request);
        let answer = answer.expect("an answer of the application");
        for (name, value) in &answer.headers {
            if name.eq_ignore_ascii_case("set-cookie") {
                self.keep(value);
            }
        }
        answer
    }

    fn keep(&mut self, cookie: &str) {
        let lower = cookie.to_ascii_lowercase();
        for attribute in ["httponly", "secure", "samesite=strict", "path=/"] {
            assert!(lower.split("; ").any(|part| part == attribute), "{cookie}");
        }
        let (name, rest) = cookie.split_once('=').expect("a name and a value");
        let value = rest.split(';').next().unwrap_or_default();
        if lower.contains("max-age=0") {
            self.cookies.remove(name);
        } else {
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }

    fn sign_in(&mut self, application: &Program, email: &str, password: &str) -> Response {
        let body = json!({"email": email, "password": password});
        self.ask(application, Request::post("/sign-in").json(&body))
    }

    fn orders(&mut self, application: &Program) -> Response {
        self.ask(application, Request::get("/orders"))
    }

    fn cookie(&self, name: &str) -> String {
        self.cookies.get(name).cloned().unwrap_or_default()
    }
}

fn refused(answer: &Response, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert!(
        answer.text().contains(&format!("\"{code}\"")),
        "{}",
        answer.text()
    );
}

/// The whole story of an application, which ends with the daemon's end.
fn plays(daemon: Daemon, application: &Program) {
    let mut visitor = Visitor::default();
    refused(&visitor.orders(application), 401, "missing_token");
    let wrong = visitor.sign_in(application, ALICE, WRONG_PASSWORD);
    refused(&wrong, 401, "invalid_credentials");
    assert!(visitor.cookies.is_empty());

    let answer = visitor.sign_in(application, ALICE, PASSWORD);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let text = answer.text();
    assert!(
        !text.contains(&visitor.cookie("refresh")),
        "a token in {text}"
    );
    let orders = visitor.orders(application);
    assert_eq!(orders.field("/for"), answer.field("/user/id"));
    let first = visitor.cookies.clone();
    visitor.orders(application);
    assert_eq!(visitor.cookies, first, "refreshed without need");

    let mut bob = Visitor::default();
    assert_eq!(bob.sign_in(application, BOB, PASSWORD).status, 200);
    refused(&bob.orders(application), 403, "permission_denied");
    let of_bob = bob.cookie("refresh");

    daemon.clock().forward(Duration::from_mins(11));
    assert_eq!(visitor.orders(application).status, 200);
    for name in ["access", "refresh"] {
        assert_ne!(visitor.cookies.get(name), first.get(name), "{name}");
    }
    // Also a refusal hands on what a refresh gave, or the next one would be a theft.
    refused(&bob.orders(application), 403, "permission_denied");
    assert_ne!(bob.cookie("refresh"), of_bob);
    daemon.clock().forward(Duration::from_mins(11));
    refused(&bob.orders(application), 403, "permission_denied");
    assert_eq!(visitor.orders(application).status, 200);

    stays_out(&daemon, application);

    // Signed in elsewhere: over, and nothing of it is left to try again with.
    daemon.api().tokens(&alice().device("tablet"));
    refused(&visitor.orders(application), 401, "session_superseded");
    assert!(visitor.cookies.is_empty());
    refused(&visitor.orders(application), 401, "missing_token");

    assert_eq!(visitor.sign_in(application, ALICE, PASSWORD).status, 200);
    let kept = visitor.cookies.clone();
    assert_eq!(daemon.stop().code, Some(0));
    refused(&visitor.orders(application), 503, "unavailable");
    assert_eq!(visitor.cookies, kept, "what is kept outlives a pause");
}

/// A user of another tenant, with the permission of this name there; a first password; no JSON.
fn stays_out(daemon: &Daemon, application: &Program) {
    let eve = daemon.api().tokens(&Login::new("globex", EVE, PASSWORD));
    let mut visitor = Visitor::default();
    visitor.cookies.insert("access".to_owned(), eve.access);
    visitor.cookies.insert("refresh".to_owned(), eve.refresh);
    let answer = visitor.orders(application);
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert!(!answer.text().contains("usr_"), "{}", answer.text());

    let create = "-t acme user create --email new@acme.test --password-stdin";
    let create: Vec<&str> = create.split(' ').collect();
    let created = daemon.authctl().run_with_input(&create, PASSWORD);
    assert_eq!(created.code, Some(0), "{created:?}");
    let mut new = Visitor::default();
    let answer = new.sign_in(application, "new@acme.test", PASSWORD);
    assert_eq!(
        answer.json().get("password_change_required"),
        Some(&json!(true))
    );
    assert!(new.cookies.is_empty());

    let broken = Request::post("/sign-in").json_text("{");
    let answer = new.ask(application, broken);
    assert!((400..500).contains(&answer.status), "{}", answer.text());
}

fn environment(mut command: Command, daemon: &Daemon) -> Command {
    command
        .env("AUTHD_URL", format!("http://{}", daemon.address()))
        .env("AUTHD_TENANT", "acme");
    command
}

#[test]
fn the_fastapi_example_signs_in_refreshes_and_stops() {
    let home = Home::new().with_clock();
    let daemon = open(&home);
    cast(&daemon);
    let address = free_address();
    let packages = "python3-fastapi python3-uvicorn python3-httpx";
    let mut command = environment(Program::command(PYTHON, packages, &home.path("")), &daemon);
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
        .args(["-m", "uvicorn", "--app-dir"])
        .arg(example(""));
    command.args(["--host", "127.0.0.1", "--port", &address.port().to_string()]);
    command.arg("fastapi_app:app");
    plays(daemon, &Program::start(command, address));
}

#[test]
fn the_express_example_signs_in_refreshes_and_stops() {
    let home = Home::new().with_clock();
    let daemon = open(&home);
    cast(&daemon);
    let address = free_address();
    let command = Program::command(NODE, "nodejs node-express", &home.path(""));
    let mut command = environment(command, &daemon);
    command
        .env("NODE_PATH", NODE_LIBRARIES)
        .env("NODE_ENV", "production")
        .env("PORT", address.port().to_string())
        .arg(example("express_app.js"));
    plays(daemon, &Program::start(command, address));
}
