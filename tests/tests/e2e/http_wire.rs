//! HTTP as bytes: one error shape, limits, timeouts, ambiguous framing.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use harness::{Daemon, Home, Request, Response, WRONG_PASSWORD};
use serde_json::{Value, json};

use crate::scene::{ALICE, alice, guess, lock, open};

const MEMBERS: &[&str] = &[
    "type",
    "title",
    "status",
    "code",
    "message",
    "developer_message",
    "fields",
    "request_id",
    "retry_after_seconds",
];

fn has_the_one_shape(answer: &Response) {
    let what = format!("{} {}", answer.status, answer.text());
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json"),
        "{what}"
    );
    let body = answer.json();
    let object = body.as_object().expect("an object");
    let members: BTreeSet<&str> = object.keys().map(String::as_str).collect();
    assert_eq!(members, MEMBERS.iter().copied().collect(), "{what}");
    let code = answer.field("/code");
    assert_eq!(answer.field("/type"), format!("urn:authd:error:{code}"));
    assert_eq!(body.get("status"), Some(&Value::from(answer.status)));
    assert_ne!(answer.field("/message"), "", "{what}");
    assert_ne!(answer.field("/developer_message"), "", "{what}");
    let id = answer.field("/request_id");
    assert!(id.starts_with("req_"), "{what}");
    assert_eq!(answer.header("x-request-id"), Some(id.as_str()));
    if answer.status == 401 {
        assert!(answer.header("www-authenticate").is_some(), "{what}");
    }
    let waits = body
        .get("retry_after_seconds")
        .is_some_and(Value::is_number);
    assert_eq!(answer.header("retry-after").is_some(), waits, "{what}");
    assert_eq!(
        answer.status == 405,
        answer.header("allow").is_some(),
        "{what}"
    );
    has_the_headers_of_every_answer(answer);
}

fn has_the_headers_of_every_answer(answer: &Response) {
    let what = format!("{answer:?}");
    assert_eq!(
        answer.header("x-content-type-options"),
        Some("nosniff"),
        "{what}"
    );
    assert_eq!(
        answer.header("referrer-policy"),
        Some("no-referrer"),
        "{what}"
    );
    let policy = answer.header("content-security-policy").unwrap_or_default();
    assert!(policy.contains("default-src 'none'"), "{what}");
    let caching = answer.header("cache-control").unwrap_or_default();
    assert!(caching.contains("no-store"), "{what}");
    assert_eq!(answer.header("server"), None, "{what}");
    assert_eq!(answer.header("set-cookie"), None, "{what}");
}

/// Requests that are refused, each with how; the token is Alice's, whose name is locked.
fn refusals(token: &str) -> Vec<(&'static str, Request)> {
    let login = "/v1/auth/login";
    vec![
        ("404 not_found", Request::get("/nowhere")),
        ("404 not_found", Request::get("/v1/../etc/passwd")),
        (
            "405 method_not_allowed",
            Request::new("PUT", login).json(&json!({})),
        ),
        ("405 method_not_allowed", Request::new("TRACE", "/healthz")),
        (
            "415 unsupported_media_type",
            Request::post(login).body(b"{}"),
        ),
        (
            "415 unsupported_media_type",
            Request::post(login)
                .header("Content-Type", "text/plain")
                .body(b"{}"),
        ),
        ("400 malformed_request", Request::post(login).json_text("{")),
        (
            "400 unknown_field",
            Request::post(login).json(&json!({
                "tenant": "acme", "email": ALICE, "password": "x", "is_admin": true
            })),
        ),
        (
            "400 unknown_parameter",
            Request::get("/v1/me?callback=x").bearer(token),
        ),
        ("401 missing_token", Request::get("/v1/me")),
        ("401 invalid_token", Request::get("/v1/me").bearer("x")),
        (
            "401 invalid_credentials",
            Request::post(login).json(guess("b@acme.test").body()),
        ),
        (
            "429 login_locked",
            Request::post(login).json(alice().body()),
        ),
        (
            "413 body_too_large",
            Request::post(login).json_text(&"x".repeat(70_000)),
        ),
        (
            "422 password_rejected",
            Request::post("/v1/auth/password/change")
                .bearer(token)
                .json(&json!({
                    "current_password": harness::PASSWORD, "new_password": "short"
                })),
        ),
    ]
}

#[test]
fn a52_every_refusal_has_the_one_shape() {
    let home = Home::new();
    let daemon = open(&home);
    let api = daemon.api();
    let token = api.tokens(&alice()).access;
    lock(&daemon, ALICE);
    for (expected, request) in refusals(&token) {
        let answer = api.send(&request);
        assert_eq!(answer.outcome(), expected, "{request:?}");
        has_the_one_shape(&answer);
    }
    has_the_headers_of_every_answer(&api.me(&token));
    let two = Request::get("/v1/me").bearer(&token).bearer(&token);
    assert_eq!(api.send(&two).status, 400);
}

#[test]
fn health_and_readiness_answer() {
    let home = Home::new();
    let daemon = home.start();
    for path in ["/healthz", "/readyz"] {
        assert_eq!(daemon.api().send(&Request::get(path)).status, 200);
    }
    let metadata = daemon
        .api()
        .send(&Request::get("/.well-known/oauth-authorization-server"));
    assert_eq!(metadata.field("/issuer"), "http://127.0.0.1:8440");
    assert!(
        metadata
            .field("/jwks_uri")
            .ends_with("/.well-known/jwks.json")
    );
}

#[test]
fn a54_a_silent_client_is_closed_at_the_header_timeout() {
    let home = Home::new()
        .setting("api.header_timeout", "\"1s\"")
        .setting("api.keepalive_timeout", "\"2s\"");
    let daemon = open(&home);
    let started = Instant::now();
    let mut silent = daemon.api().connect();
    let mut half = daemon.api().connect();
    half.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        .expect("sent");
    let mut preface = daemon.api().connect();
    preface.send(b"PRI * HT").expect("sent");
    // Others are served meanwhile.
    assert_eq!(daemon.api().send(&Request::get("/healthz")).status, 200);
    assert!(silent.is_closed());
    // An empty 408 is allowed before the end.
    for connection in [&mut half, &mut preface] {
        drop(connection.read(false));
        assert!(connection.is_closed());
    }
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(900), "{took:?}");
    assert!(took < Duration::from_secs(6), "{took:?}");
}

#[test]
fn a54_an_idle_connection_is_closed_at_its_own_time() {
    let home = Home::new()
        .setting("api.header_timeout", "\"1s\"")
        .setting("api.keepalive_timeout", "\"3s\"");
    let daemon = home.start();
    let mut connection = daemon.api().connect();
    let answer = connection
        .ask(&Request::get("/healthz"))
        .expect("an answer");
    assert_eq!(answer.status, 200);
    let idle = Instant::now();
    assert!(connection.is_closed());
    let took = idle.elapsed();
    assert!(took >= Duration::from_millis(2500), "{took:?}");
    assert!(took < Duration::from_secs(8), "{took:?}");
}

#[test]
fn a55_ambiguous_json_is_refused() {
    let home = Home::new();
    let daemon = open(&home);
    let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    let twice = format!(
        "{{\"tenant\":\"acme\",\"email\":\"{ALICE}\",\"password\":\"{WRONG_PASSWORD}\",\"email\":\"x@y.test\"}}"
    );
    let trailing = format!("{} x", alice().body());
    let marked = format!("\u{feff}{}", alice().body());
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", Vec::new()),
        ("depth", deep.into_bytes()),
        ("duplicate key", twice.into_bytes()),
        ("trailing data", trailing.into_bytes()),
        ("byte order mark", marked.into_bytes()),
        (
            "lone surrogate",
            br#"{"tenant":"acme","email":"\ud800","password":"x"}"#.to_vec(),
        ),
        (
            "no UTF-8",
            b"{\"tenant\":\"acme\",\"email\":\"\xff\",\"password\":\"x\"}".to_vec(),
        ),
        (
            "large number",
            br#"{"tenant":1e400,"email":"x","password":"x"}"#.to_vec(),
        ),
        (
            "wrong type",
            br#"{"tenant":["acme"],"email":"x","password":"x"}"#.to_vec(),
        ),
        ("null", b"null".to_vec()),
        ("array", b"[]".to_vec()),
        ("text", b"\"x\"".to_vec()),
    ];
    for (name, body) in cases {
        let request = Request::post("/v1/auth/login")
            .header("Content-Type", "application/json")
            .body(&body);
        let answer = daemon.api().send(&request);
        assert_eq!(answer.outcome(), "400 malformed_request", "{name}");
        has_the_one_shape(&answer);
    }
    // Nothing was counted or recorded, and the daemon lives.
    assert!(daemon.authctl().items(&["attempt", "list"]).is_empty());
    daemon.api().tokens(&alice());
}

#[test]
fn a55_a_body_over_its_limit_is_refused_before_it_is_read() {
    let home = Home::new();
    let daemon = home.start();
    let mut connection = daemon.api().connect();
    connection
        .send(
            b"POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
              Content-Length: 100000000\r\n\r\n{",
        )
        .expect("sent");
    let answer = connection.read(false).expect("an answer");
    assert_eq!(answer.outcome(), "413 body_too_large");
    // And without a length said: the refusal comes while still uploading.
    let mut connection = daemon.api().connect();
    connection
        .send(
            b"POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
              Transfer-Encoding: chunked\r\n\r\n",
        )
        .expect("sent");
    let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
    for _ in 0..6 {
        if connection.send(chunk.as_bytes()).is_err() {
            break;
        }
    }
    let answer = connection.read(false).expect("an answer");
    assert_eq!(answer.outcome(), "413 body_too_large");
    let long = Request::get("/healthz").header("X-Long", &"x".repeat(40_000));
    assert_eq!(daemon.api().send(&long).status, 431);
}

/// Sends bytes, and says how often the daemon answered with success before it closed.
fn successes(daemon: &Daemon, bytes: &[u8]) -> usize {
    let mut connection = daemon.api().connect();
    connection.patience(Duration::from_secs(20));
    drop(connection.send(bytes));
    let mut found = 0;
    while let Ok(answer) = connection.read(false) {
        if answer.status < 400 {
            found += 1;
        }
    }
    found
}

const SMUGGLED: &str = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
const LOGOUT: &str =
    "POST /v1/auth/logout HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";

/// What is wrong, header lines that make a body's length ambiguous, and a body.
const FRAMINGS: &[(&str, &str, &str)] = &[
    (
        "CL.TE",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "0\r\n\r\n",
    ),
    (
        "TE.CL",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "0\r\n\r\n",
    ),
    (
        "TE.TE",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "0\r\n\r\n",
    ),
    (
        "TE twice",
        "Transfer-Encoding: chunked, chunked\r\n",
        "0\r\n\r\n",
    ),
    ("TE unknown", "Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"),
    ("two CL", "Content-Length: 0\r\nContent-Length: 38\r\n", ""),
    ("CL list", "Content-Length: 0, 38\r\n", ""),
    ("CL plus", "Content-Length: +0\r\n", ""),
    ("CL minus", "Content-Length: -1\r\n", ""),
    ("CL hex", "Content-Length: 0x0\r\n", ""),
    ("CL huge", "Content-Length: 99999999999999999999999\r\n", ""),
    ("space before colon", "Content-Length : 0\r\n", ""),
    ("folded", "X-A: b\r\n Content-Length: 0\r\n", ""),
    ("NUL", "X-A: a\0b\r\n", ""),
    ("bare CR", "X-A: a\rContent-Length: 0\r\n", ""),
    ("chunk size", "Transfer-Encoding: chunked\r\n", "x\r\n\r\n"),
    ("chunk sign", "Transfer-Encoding: chunked\r\n", "+0\r\n\r\n"),
    (
        "chunk end",
        "Transfer-Encoding: chunked\r\n",
        "1\r\nxx0\r\n\r\n",
    ),
];

/// What is wrong, and a whole head.
const HEADS: &[(&str, &str)] = &[
    ("no version", "GET /healthz\r\n\r\n"),
    ("other version", "GET /healthz HTTP/3.7\r\nHost: x\r\n\r\n"),
    ("no host", "GET /healthz HTTP/1.1\r\n\r\n"),
    (
        "two hosts",
        "GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    ),
];

#[test]
fn a56_ambiguous_framing_is_refused_and_closed() {
    let home = Home::new()
        .setting("api.header_timeout", "\"1s\"")
        .setting("api.keepalive_timeout", "\"2s\"");
    let daemon = home.start();
    for (name, framing, body) in FRAMINGS {
        let bytes = format!("{LOGOUT}{framing}\r\n{body}{SMUGGLED}");
        assert_eq!(successes(&daemon, bytes.as_bytes()), 0, "{name}");
    }
    for (name, head) in HEADS {
        let bytes = format!("{head}{SMUGGLED}");
        assert_eq!(successes(&daemon, bytes.as_bytes()), 0, "{name}");
    }
    // The corpus is refused for what it is: the plain form passes, and so does what follows it.
    let plain = format!("{SMUGGLED}{SMUGGLED}");
    assert_eq!(successes(&daemon, plain.as_bytes()), 2);
}

#[test]
fn http_2_is_not_spoken() {
    let home = Home::new()
        .setting("api.header_timeout", "\"1s\"")
        .setting("api.keepalive_timeout", "\"2s\"");
    let daemon = home.start();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";
    assert_eq!(successes(&daemon, preface), 0);
    let upgrade = Request::get("/healthz")
        .header("Connection", "Upgrade, HTTP2-Settings")
        .header("Upgrade", "h2c")
        .header("HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA");
    let answer = daemon.api().connect().ask(&upgrade).expect("an answer");
    assert_ne!(answer.status, 101);
}

#[test]
fn a97_request_ids_are_our_own_and_unique() {
    let home = Home::new();
    let daemon = home.start();
    let mut seen = BTreeSet::new();
    for _ in 0..50 {
        let request = Request::get("/healthz").header("X-Request-Id", "caller-7");
        let answer = daemon.api().send(&request);
        let ours = answer.header("x-request-id").expect("an id").to_owned();
        assert!(ours.starts_with("req_"), "{ours}");
        assert!(seen.insert(ours));
        assert_eq!(answer.header("x-correlation-id"), Some("caller-7"));
    }
    for odd in ["a b\tc", "<script>", &"x".repeat(500)] {
        let answer = daemon
            .api()
            .send(&Request::get("/healthz").header("X-Request-Id", odd));
        assert_eq!(answer.header("x-correlation-id"), None, "{odd:?}");
    }
}

#[test]
fn g6_authentication_comes_before_the_body() {
    let home = Home::new();
    let daemon = home.start();
    let mut connection = daemon.api().connect();
    connection
        .send(
            b"POST /v1/auth/password/change HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\n\
              Content-Type: application/json\r\nContent-Length: 1000\r\n\
              Expect: 100-continue\r\n\r\n",
        )
        .expect("sent");
    // The final answer, without an invitation to send the body.
    let answer = connection.read(false).expect("an answer");
    assert_eq!(answer.outcome(), "401 invalid_token");
}
