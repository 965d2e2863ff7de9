//! nginx, Caddy and Traefik before an application: authd decides who comes through, and what a client
//! says of itself under authd's names never arrives.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::Duration;

use harness::{
    Connection, Daemon, Exit, Home, Login, PASSWORD, Program, Request, Response, StandIn,
    free_address,
};
use serde_json::json;

use super::{ANN, BOB, PYTHON, cast, text_of};
use crate::scene::{alice, open};

/// The value of everything forged.
const FORGED: &str = "forged-by-the-client";

/// The headers in which authd says who it is, of its answer.
fn identity(check: &Response) -> BTreeMap<String, String> {
    let headers = check.headers.iter();
    let ours = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
    let ours: BTreeMap<_, _> = ours
        .filter(|(name, _)| name.starts_with("x-auth-"))
        .collect();
    assert!(ours.len() >= 6, "{ours:?}");
    ours
}

/// Each of authd's headers as a client may spell it, so that an application could take it for authd's.
fn spellings(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut all = Vec::new();
    for name in names {
        all.push(name.to_ascii_uppercase());
        for separator in ["_", "."] {
            all.push(name.replace('-', separator));
            all.push(name.to_ascii_uppercase().replace('-', separator));
            all.push(name.replacen('-', separator, 1));
            all.push(format!(
                "X-Auth{separator}{}",
                name.trim_start_matches("x-auth-")
            ));
        }
        all.push(name);
    }
    all
}

/// What an application sees of a request that may carry an identity: names as CGI would have them.
fn seen(head: &str) -> BTreeMap<String, String> {
    let headers = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    let mut seen = BTreeMap::new();
    for (name, value) in headers {
        let name = name
            .to_ascii_lowercase()
            .replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        if name.starts_with("x-auth") && !value.trim().is_empty() {
            let before = seen.insert(name, value.trim().to_owned());
            assert_eq!(before, None, "twice in {head}");
        }
    }
    seen
}

/// A proxy with its application, and the daemon that it asks.
struct Gate {
    proxy: Program,
    application: StandIn,
    daemon: Daemon,
}

impl Gate {
    /// Starts a proxy by its example, with the addresses of this test in it.
    fn open(home: &Home, file: &str, start: fn(&Home) -> Command) -> Self {
        let daemon = open(home);
        cast(&daemon);
        let application = StandIn::before(daemon.address());
        let address = free_address();
        let mut text = text_of(file);
        for (of_example, ours) in [
            ("127.0.0.1:8080", address),
            ("127.0.0.1:3000", application.address()),
            ("127.0.0.1:8440", daemon.address()),
        ] {
            assert!(text.contains(of_example), "{of_example} is not in {file}");
            text = text.replace(of_example, &ours.to_string());
        }
        fs::write(home.path(file), text).expect("the configuration");
        Self {
            proxy: Program::start(start(home), address),
            application,
            daemon,
        }
    }

    /// Asks the proxy for a page that the application has.
    fn ask(&self, request: &Request) -> Response {
        let mut connection = Connection::open(self.proxy.address(), None);
        let answer = connection.ask(&request.clone().header("Connection", "close"));
        answer.expect("an answer of the proxy")
    }

    /// A request with every forged header that there is.
    fn forged(&self, token: &str) -> Request {
        let names = identity(&self.daemon.api().check(token)).into_keys();
        let names = names.chain(["x-auth-error".to_owned()]);
        let start = Request::get("/healthz").bearer(token);
        spellings(names)
            .iter()
            .fold(start, |request, name| request.header(name, FORGED))
    }

    fn refuses(&self, request: &Request, status: u16, code: &str) {
        let before = self.application.asked().len();
        let answer = self.ask(request);
        assert_eq!(answer.status, status, "{}", answer.text());
        assert_eq!(answer.header("x-auth-error"), Some(code));
        assert_eq!(self.application.asked().len(), before, "it was asked");
    }

    /// Who may, comes through, and is to the application who authd says.
    fn lets_through(&self, login: &Login) {
        let token = self.daemon.api().tokens(login).access;
        let mut told = identity(&self.daemon.api().check(&token));
        told.retain(|_, value| !value.is_empty());
        let answer = self.ask(&self.forged(&token));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let head = self.application.asked().pop().expect("a request");
        assert_eq!(seen(&head), told, "{head}");
        for not_his in [FORGED, token.as_str()] {
            assert!(!head.contains(not_his), "{head}");
        }
        let order = json!({"table": 7});
        let request = Request::post("/orders").bearer(&token).json(&order);
        assert_eq!(self.ask(&request).status, 204);
        assert_eq!(self.application.posted().pop(), Some(order));
    }

    /// The whole story, which ends with the daemon's end.
    fn holds(self) {
        let api = self.daemon.api();
        self.refuses(&Request::get("/healthz"), 401, "missing_token");
        let token = api.tokens(&Login::new("acme", BOB, PASSWORD)).access;
        self.refuses(&self.forged(&token), 403, "permission_denied");
        let nobody = Request::get("/healthz").header("X-Auth-User-Id", FORGED);
        self.refuses(&nobody.bearer("nonsense"), 401, "invalid_token");
        self.lets_through(&alice());
        // She has no role: where authd says nothing, what the client says is gone all the same.
        self.lets_through(&Login::new("acme", ANN, PASSWORD));
        let first = api.tokens(&alice().device("phone")).access;
        let second = api.tokens(&alice().device("tablet")).access;
        let request = Request::get("/healthz").bearer(&first);
        self.refuses(&request, 401, "session_superseded");
        let twice = self.ask(&request.bearer(&second));
        assert!([400, 401].contains(&twice.status), "{}", twice.text());
        let before = self.application.asked().len();
        assert_eq!(self.daemon.stop().code, Some(0));
        let mut connection = Connection::open(self.proxy.address(), None);
        let late = connection.ask(&Request::get("/healthz").bearer(&second));
        let late = late.expect("an answer of the proxy");
        assert!([502, 503].contains(&late.status), "{}", late.text());
        assert_eq!(self.application.asked().len(), before);
    }
}

#[test]
fn a80_no_forged_identity_passes_nginx() {
    let home = Home::new();
    let start = |home: &Home| {
        let mut command = Program::command("/usr/sbin/nginx", "nginx-light", &home.path(""));
        let config = home.path("nginx.conf");
        command.arg("-p").arg(home.path("")).arg("-c").arg(config);
        command.args(["-g", "daemon off;"]);
        command
    };
    Gate::open(&home, "nginx.conf", start).holds();
}

#[test]
fn a80_no_forged_identity_passes_caddy() {
    let home = Home::new();
    let start = |home: &Home| {
        let mut command = Program::command("/usr/bin/caddy", "caddy", &home.path(""));
        let config = home.path("Caddyfile");
        command.env(
            "CADDY_ADMIN",
            format!("unix/{}", home.path("caddy.sock").display()),
        );
        command.args(["run", "--adapter", "caddyfile", "--config"]);
        command.arg(config);
        command
    };
    Gate::open(&home, "Caddyfile", start).holds();
}

/// Neither Debian nor a registry has Traefik; what it would delete and copy stands in one pattern.
#[test]
fn a80_the_pattern_for_traefik_covers_every_forged_name() {
    let text = text_of("traefik.yml");
    let setting = |key: &str| {
        let mut lines = text.lines().filter_map(|line| {
            let (name, value) = line.trim().split_once(": ")?;
            (name == key).then(|| value.to_owned())
        });
        lines.next().unwrap_or_else(|| panic!("{key} is not set"))
    };
    assert_eq!(setting("trustForwardHeader"), "false");
    let home = Home::new();
    let daemon = open(&home);
    let check = daemon.api().check(&daemon.api().tokens(&alice()).access);
    let names = identity(&check).into_keys();
    let forged = spellings(names.chain(["x-auth-error".to_owned()]));
    let others = ["Authorization", "X-Authority", "X-Forwarded-For", "Accept"];
    let given = json!({"pattern": setting("authResponseHeadersRegex"),
        "forged": forged, "others": others});
    let script = "import json, re, sys\n\
                  given = json.load(sys.stdin)\n\
                  pattern = re.compile(given['pattern'])\n\
                  print([n for n in given['forged'] if not pattern.search(n)],\n\
                        [n for n in given['others'] if pattern.search(n)])\n";
    let mut command = Program::command(PYTHON, "python3", &home.path(""));
    command.args(["-c", script]);
    let exit = Exit::of(command, &given.to_string(), Duration::from_secs(30));
    assert_eq!(exit.stdout, "[] []\n", "{exit:?}");
}
