//! Libraries that are not ours verify access tokens by the JWKS alone, also past a change of keys.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use harness::{Daemon, Home, Login, PASSWORD, Program, Tokens, eventually};

use super::{EVE, NODE, NODE_LIBRARIES, PYTHON, cast, example};
use crate::scene::{alice, open};

/// One that runs until its value goes.
struct Verifier {
    child: Child,
    tokens: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Verifier {
    fn start(mut command: Command, daemon: &Daemon, tenant_id: &str) -> Self {
        let mut child = command
            .env("AUTHD_ISSUER", "http://127.0.0.1:8440")
            .env("AUTHD_TENANT_ID", tenant_id)
            .env(
                "AUTHD_JWKS",
                format!("http://{}/.well-known/jwks.json", daemon.address()),
            )
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the verifier starts");
        let tokens = child.stdin.take().expect("a pipe");
        let answers = BufReader::new(child.stdout.take().expect("a pipe"));
        Self {
            child,
            tokens,
            answers,
        }
    }

    fn ask(&mut self, token: &str) -> String {
        writeln!(self.tokens, "{token}").expect("the verifier reads");
        let mut answer = String::new();
        self.answers
            .read_line(&mut answer)
            .expect("the verifier answers");
        answer.trim().to_owned()
    }

    fn takes(&mut self, tokens: &Tokens) {
        let subject = tokens.answer.pointer("/user/id").and_then(|id| id.as_str());
        let subject = subject.expect("a user");
        assert_eq!(self.ask(&tokens.access), format!("taken {subject}"));
    }

    fn refuses(&mut self, token: &str) {
        let answer = self.ask(token);
        assert!(answer.starts_with("refused "), "{answer}: {token}");
    }
}

impl Drop for Verifier {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn text(tokens: &Tokens, claim: &str) -> String {
    let claims = tokens.claims();
    let value = claims.get(claim).and_then(|value| value.as_str());
    value.unwrap_or_default().to_owned()
}

fn verifies(command: Command, home: &Home) {
    let daemon = open(home);
    cast(&daemon);
    let (api, authctl) = (daemon.api(), daemon.authctl());
    let first = api.tokens(&alice());
    // Announced now, and signing a little later: who reads the JWKS meanwhile has both keys.
    authctl.ok(&["key", "rotate", "--activate-after", "3s", "--yes"]);
    let mut verifier = Verifier::start(command, &daemon, &text(&first, "tid"));
    verifier.takes(&first);
    let second = eventually("the new key signs", Duration::from_secs(60), || {
        let next = api.tokens(&alice());
        (next.header().get("kid") != first.header().get("kid")).then_some(next)
    });
    verifier.takes(&second);
    verifier.takes(&first);

    // Another signature, another tenant, another installation, another kind of token.
    for at in [second.access.len() - 20, second.access.len() / 2] {
        let mut bent = second.access.clone();
        let letter = if bent.get(at..=at) == Some("A") {
            "B"
        } else {
            "A"
        };
        bent.replace_range(at..=at, letter);
        verifier.refuses(&bent);
    }
    let eve = api.tokens(&Login::new("globex", EVE, PASSWORD));
    assert_eq!(text(&eve, "aud"), text(&second, "aud"));
    verifier.refuses(&eve.access);
    let elsewhere = Home::new();
    let other = open(&elsewhere);
    let foreign = other.api().tokens(&alice());
    assert_eq!(text(&foreign, "iss"), text(&second, "iss"));
    verifier.refuses(&foreign.access);
    let create = "-t acme user create --email new@acme.test --password-stdin";
    let create: Vec<&str> = create.split(' ').collect();
    let created = authctl.run_with_input(&create, PASSWORD);
    assert_eq!(created.code, Some(0), "{created:?}");
    let new = api.tokens(&Login::new("acme", "new@acme.test", PASSWORD));
    assert_eq!(new.header().get("typ"), Some(&"pwc+jwt".into()));
    verifier.refuses(&new.access);
    verifier.refuses(&second.refresh);
    verifier.takes(&second);
}

#[test]
fn a26_pyjwt_verifies_by_the_jwks_alone_past_a_rotation() {
    let home = Home::new();
    let mut command = Program::command(PYTHON, "python3-jwt", &home.path(""));
    command.arg(example("verify.py"));
    verifies(command, &home);
}

#[test]
fn a26_jose_verifies_by_the_jwks_alone_past_a_rotation() {
    let home = Home::new();
    let mut command = Program::command(NODE, "nodejs node-jose", &home.path(""));
    command.env("NODE_PATH", NODE_LIBRARIES);
    command.arg(example("verify.js"));
    verifies(command, &home);
}
