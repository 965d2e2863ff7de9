//! The edge over real sockets: what every answer bears, and how requests end that do not end well.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use common::error::{ErrorCode, Problem};
use common::id::RequestId;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Notify, mpsc};
use uuid::Uuid;

use super::body::{JsonAnswer, JsonBody};
use super::client_ip::TrustedProxies;
use super::edge::{Edge, EdgeSettings, Timeouts, behind};
use super::error::Refusal;
use super::extract::{Bearer, NoQuery, QueryParams};
use super::traffic::Traffic;
use crate::app::{Client, Error};
use crate::serve::Limits;
use crate::serve::trial::{Trial, answer, ask, generous, rest};

const SHORT: Duration = Duration::from_millis(300);
const MAX_BODY: usize = 1000;
const JSON: &str = "Content-Type: application/json\r\n";
const TEXT: &str = "Content-Type: text/plain\r\n";

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Greeting {
    name: String,
}

fn request_ids() -> super::edge::RequestIds {
    let next = AtomicU64::new(1);
    Arc::new(move || {
        RequestId::from_uuid(Uuid::from_u128(next.fetch_add(1, Ordering::SeqCst).into()))
    })
}

fn edge(timeout: Option<Duration>) -> Arc<Edge> {
    let excluded = [("/v1/long".to_owned(), None)];
    Edge::new(EdgeSettings {
        request_ids: request_ids(),
        timeouts: Timeouts::new(timeout, excluded),
        max_body: MAX_BODY,
        proxies: TrustedProxies::default(),
        traffic: Arc::new(Traffic::starting(Instant::now())),
    })
}

fn routes() -> Router {
    Router::new()
        .route("/v1/plain", get(|_: NoQuery| async { "fine" }))
        .route(
            "/v1/greet",
            post(|JsonBody(greeting): JsonBody<Greeting>| async { JsonAnswer(greeting) }),
        )
        .route(
            "/v1/closed",
            post(|_: Bearer, _: JsonBody<Greeting>| async { "open" }),
        )
        .route(
            "/v1/page",
            get(|QueryParams(greeting): QueryParams<Greeting>| async { greeting.name }),
        )
        .route(
            "/v1/refused",
            get(|| async {
                let error = Error::new(ErrorCode::LoginLocked, "locked")
                    .with_retry_after(Duration::from_millis(1_500))
                    .with_hint("only for operators");
                Err::<(), _>(Refusal(error))
            }),
        )
        .route("/v1/broken", get(broken))
        .route("/v1/foreign", get(|| async { StatusCode::BAD_GATEWAY }))
}

async fn broken() {
    panic!("the secret reason");
}

async fn trial(timeout: Option<Duration>, routes: Router) -> Trial {
    Trial::of(behind(edge(timeout), routes), generous()).await
}

fn request(line: &str, extra: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: a\r\n{extra}\r\n")
}

fn posted(path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n{headers}\r\n{body}")
}

fn problem(text: &str) -> Problem {
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(
        head.contains("content-type: application/problem+json"),
        "{head}"
    );
    let problem: Problem = serde_json::from_str(body).unwrap();
    assert!(
        head.starts_with(&format!("HTTP/1.1 {} ", problem.status)),
        "{head}"
    );
    assert!(
        head.contains(&format!("x-request-id: {}", problem.request_id)),
        "{head}"
    );
    problem
}

/// Requests, and what each is refused with.
fn requests() -> Vec<(String, Option<ErrorCode>)> {
    use ErrorCode as E;
    let overridden = "X-HTTP-Method-Override: DELETE\r\nX-Method-Override: DELETE\r\n";
    let bare = [
        ("GET /v1/nothing", Some(E::NotFound)),
        ("GET /", Some(E::NotFound)),
        ("GET //", Some(E::NotFound)),
        ("GET /v1/%ff%00", Some(E::NotFound)),
        ("OPTIONS *", Some(E::NotFound)),
        ("CONNECT a.test:443", Some(E::NotFound)),
        ("PUT /v1/plain", Some(E::MethodNotAllowed)),
        ("TRACE /v1/plain", Some(E::MethodNotAllowed)),
        ("BREW /v1/plain", Some(E::MethodNotAllowed)),
        ("GET /v1/plain?callback=x", Some(E::UnknownParameter)),
        ("GET /v1/page?name=a&name=b", Some(E::MalformedRequest)),
        ("GET /v1/page?name=a", None),
        ("GET /v1/refused", Some(E::LoginLocked)),
        ("GET /v1/broken", Some(E::Internal)),
        ("GET /v1/foreign", Some(E::Internal)),
        ("GET /v1/plain", None),
    ];
    let bodies = [
        (JSON, r#"{"name":"a"}"#, None),
        (JSON, r#"{"nam":"a"}"#, Some(E::UnknownField)),
        (
            JSON,
            r#"{"name":"a","name":"b"}"#,
            Some(E::MalformedRequest),
        ),
        (JSON, "", Some(E::MalformedRequest)),
        (TEXT, r#"{"name":"a"}"#, Some(E::UnsupportedMediaType)),
        ("", r#"{"name":"a"}"#, Some(E::UnsupportedMediaType)),
    ];
    let bare = bare.map(|(line, code)| (request(line, ""), code));
    let bodies = bodies.map(|(kind, body, code)| (posted("/v1/greet", kind, body), code));
    let others = [
        (request("GET /v1/plain", overridden), None),
        (
            request("POST /v1/plain", overridden),
            Some(E::MethodNotAllowed),
        ),
        (posted("/v1/closed", JSON, "{}"), Some(E::MissingToken)),
    ];
    bare.into_iter().chain(bodies).chain(others).collect()
}

#[tokio::test]
async fn a52_every_refusal_has_the_one_shape_and_every_answer_its_headers() {
    let trial = trial(None, routes()).await;
    let mut stream = trial.connect().await;
    for (request, code) in requests() {
        let text = ask(&mut stream, &request).await;
        for header in [
            "cache-control: no-store",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "content-security-policy: default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
            "cross-origin-resource-policy: same-origin",
            "x-request-id: req_",
        ] {
            assert!(text.contains(header), "{header} in {text}");
        }
        assert!(
            !text.contains("server:") && !text.contains("secret"),
            "{text}"
        );
        match code {
            Some(code) => assert_eq!(problem(&text).code, code, "{request}"),
            None => assert!(text.starts_with("HTTP/1.1 200 OK"), "{request} gave {text}"),
        }
        match code.map(ErrorCode::status) {
            Some(405) => assert!(text.contains("allow: GET,HEAD"), "{text}"),
            Some(401) => assert!(text.contains("www-authenticate: Bearer\r\n"), "{text}"),
            Some(429) => {
                assert!(text.contains("retry-after: 2\r\n"), "{text}");
                assert_eq!(problem(&text).hint, None);
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn head_is_answered_like_get_without_a_body() {
    let trial = trial(None, routes()).await;
    let close = "Connection: close\r\n";
    let text = trial.exchange(request("HEAD /v1/plain", close)).await;
    assert!(
        text.starts_with("HTTP/1.1 200 OK") && text.ends_with("\r\n\r\n"),
        "{text}"
    );
    let text = trial.exchange(request("HEAD /v1/refused", close)).await;
    assert!(
        text.starts_with("HTTP/1.1 429") && text.ends_with("\r\n\r\n"),
        "{text}"
    );
}

#[tokio::test]
async fn a97_each_request_has_an_id_of_ours() {
    let trial = trial(None, routes()).await;
    let mut stream = trial.connect().await;
    let mut ids = HashSet::new();
    for (theirs, comes_back) in [("Abc-1_2.3", true), ("a b", false), ("a\"b", false)] {
        let headers = format!("X-Request-Id: {theirs}\r\nX-Correlation-Id: forged\r\n");
        let text = ask(&mut stream, request("GET /v1/plain", &headers)).await;
        let line = |name: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(name))
                .map(str::to_owned)
        };
        assert!(ids.insert(line("x-request-id: ").unwrap()));
        let expected = comes_back.then(|| theirs.to_owned());
        assert_eq!(line("x-correlation-id: "), expected);
    }
}

#[tokio::test]
async fn r28_a_panic_is_one_failed_request() {
    let trial = trial(None, routes()).await;
    let mut stream = trial.connect().await;
    for _ in 0..20 {
        let text = ask(&mut stream, request("GET /v1/broken", "")).await;
        assert_eq!(problem(&text).code, ErrorCode::Internal);
        let text = ask(&mut stream, request("GET /v1/plain", "")).await;
        assert!(text.ends_with("fine"));
    }
}

/// What a test's own thread logs.
#[derive(Clone, Default)]
struct Journal(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Journal {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_failure_is_logged_once_with_its_cause_and_without_the_query() {
    let journal = Journal::default();
    let writer = journal.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let trial = trial(None, routes()).await;
    let mut stream = trial.connect().await;
    let headers = "X-Request-Id: theirs-1\r\n";
    let text = ask(
        &mut stream,
        request("GET /v1/broken?token=hunter2", headers),
    )
    .await;
    let id = problem(&text).request_id;
    let logged = String::from_utf8(journal.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<_> = logged.lines().filter(|line| line.contains(&id)).collect();
    assert_eq!(lines.len(), 1, "{logged}");
    for part in [
        "ERROR",
        "theirs-1",
        "/v1/broken",
        "500",
        "internal",
        "the secret reason",
    ] {
        assert!(lines[0].contains(part), "{part} in {logged}");
    }
    assert!(!logged.contains("hunter2"), "{logged}");
}

/// Tells by its end that the future which holds it has been dropped.
struct Ending(mpsc::UnboundedSender<&'static str>);

impl Drop for Ending {
    fn drop(&mut self) {
        // A test that has ended does not listen any more.
        self.0.send("dropped").ok();
    }
}

/// A handler that begins its effect or not, waits to be released, and tells how it ended.
fn waiting(begins: bool) -> (Router, Arc<Notify>, mpsc::UnboundedReceiver<&'static str>) {
    let release = Arc::new(Notify::new());
    let (told, events) = mpsc::unbounded_channel();
    let held = Arc::clone(&release);
    let handler = move |client: Client| async move {
        let ending = Ending(told.clone());
        if begins {
            assert!(client.claim.begin());
        }
        told.send("entered").unwrap();
        held.notified().await;
        let outcome = if client.claim.begin() {
            "done"
        } else {
            "expired"
        };
        told.send(outcome).unwrap();
        drop(ending);
        outcome
    };
    let router = Router::new()
        .route("/v1/work", get(handler.clone()))
        .route("/v1/long", get(handler));
    (router, release, events)
}

#[tokio::test]
async fn r27_a_request_that_has_not_begun_is_cut_and_does_nothing() {
    let (router, _release, mut events) = waiting(false);
    let trial = trial(Some(SHORT), router).await;
    let mut stream = trial.connect().await;
    let start = Instant::now();
    let text = ask(&mut stream, request("GET /v1/work", "")).await;
    assert!(start.elapsed() >= SHORT);
    let problem = problem(&text);
    assert_eq!(problem.code, ErrorCode::RequestTimeout);
    assert_eq!(problem.retry_after_seconds, Some(1));
    assert!(text.contains("retry-after: 1\r\n"));
    assert_eq!(events.recv().await, Some("entered"));
    assert_eq!(events.recv().await, Some("dropped"));
}

#[tokio::test]
async fn r27_a_request_that_has_begun_answers_its_outcome() {
    let (router, release, mut events) = waiting(true);
    let trial = trial(Some(SHORT), router).await;
    let mut stream = trial.connect().await;
    let start = Instant::now();
    stream
        .write_all(request("GET /v1/work", "").as_bytes())
        .await
        .unwrap();
    assert_eq!(events.recv().await, Some("entered"));
    let early = tokio::time::timeout(SHORT * 2, stream.readable()).await;
    assert!(early.is_err(), "nothing may be said before the outcome");
    release.notify_one();
    assert!(answer(&mut stream).await.ends_with("done"));
    assert!(start.elapsed() >= SHORT);
}

#[tokio::test]
async fn a54_an_excluded_path_is_not_cut() {
    let (router, release, mut events) = waiting(false);
    let trial = trial(Some(SHORT), router).await;
    let mut stream = trial.connect().await;
    stream
        .write_all(request("GET /v1/long", "").as_bytes())
        .await
        .unwrap();
    assert_eq!(events.recv().await, Some("entered"));
    let early = tokio::time::timeout(SHORT * 2, stream.readable()).await;
    assert!(early.is_err());
    release.notify_one();
    assert!(answer(&mut stream).await.ends_with("done"));
}

#[tokio::test]
async fn r26_a_client_that_leaves_cancels_what_has_not_begun_and_only_that() {
    for (begins, expected) in [(false, "dropped"), (true, "done")] {
        let (router, release, mut events) = waiting(begins);
        let trial = trial(None, router).await;
        let mut stream = trial.connect().await;
        stream
            .write_all(request("GET /v1/work", "").as_bytes())
            .await
            .unwrap();
        assert_eq!(events.recv().await, Some("entered"));
        drop(stream);
        trial.stop();
        trial.drained().await;
        release.notify_one();
        assert_eq!(events.recv().await, Some(expected));
    }
}

#[tokio::test]
async fn r23_at_the_drains_limit_what_has_not_begun_answers_503() {
    for (begins, expected) in [(false, "503"), (true, "200")] {
        let (router, release, mut events) = waiting(begins);
        let brief = Limits {
            shutdown_grace: SHORT,
            ..generous()
        };
        let trial = Trial::of(behind(edge(None), router), brief).await;
        let mut stream = trial.connect().await;
        stream
            .write_all(request("GET /v1/work", "").as_bytes())
            .await
            .unwrap();
        assert_eq!(events.recv().await, Some("entered"));
        trial.stop();
        if begins {
            let early = tokio::time::timeout(SHORT * 2, stream.readable()).await;
            assert!(early.is_err(), "nothing may be said before the outcome");
            release.notify_one();
        }
        let text = rest(&mut stream).await;
        assert!(text.starts_with(&format!("HTTP/1.1 {expected}")), "{text}");
        trial.drained().await;
    }
}

#[tokio::test]
async fn a55_a_body_over_its_limit_is_refused_while_it_comes() {
    let trial = trial(None, routes()).await;
    let declared = format!(
        "POST /v1/greet HTTP/1.1\r\nHost: a\r\n{JSON}Content-Length: {}\r\n\r\n",
        MAX_BODY + 1
    );
    let text = trial.exchange(declared).await;
    assert_eq!(problem(&text).code, ErrorCode::BodyTooLarge);

    let mut stream = trial.connect().await;
    let head =
        format!("POST /v1/greet HTTP/1.1\r\nHost: x\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&sent);
    let upload = tokio::spawn(async move {
        // Never ends by itself.
        while writer.write_all(b"64\r\n").await.is_ok()
            && writer.write_all(&[b' '; 100]).await.is_ok()
            && writer.write_all(b"\r\n").await.is_ok()
        {
            counted.fetch_add(100, Ordering::SeqCst);
            tokio::task::yield_now().await;
        }
    });
    let text = answer(&mut reader).await;
    assert_eq!(problem(&text).code, ErrorCode::BodyTooLarge);
    upload.abort();

    let fits = format!("{{\"name\":\"{}\"}}", "a".repeat(MAX_BODY - 11));
    assert_eq!(fits.len(), MAX_BODY);
    let mut stream = trial.connect().await;
    let text = ask(&mut stream, posted("/v1/greet", JSON, &fits)).await;
    assert!(text.starts_with("HTTP/1.1 200 OK"), "{text}");
}

#[tokio::test]
async fn a55_a_client_that_reads_only_after_its_upload_still_gets_the_refusal() {
    let trial = trial(None, routes()).await;
    let size = 4 << 20;
    for framing in [
        format!("Content-Length: {size}\r\n\r\n"),
        format!("Transfer-Encoding: chunked\r\n\r\n{size:x}\r\n"),
        // Refused below HTTP.
        format!("Content-Length: +{size}\r\n\r\n"),
    ] {
        let mut stream = trial.connect().await;
        let head = format!("POST /v1/greet HTTP/1.1\r\nHost: x\r\n{JSON}{framing}");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&vec![b' '; size]).await.unwrap();
        stream.shutdown().await.unwrap();
        let text = rest(&mut stream).await;
        let is_refused = text.starts_with("HTTP/1.1 413") || text.starts_with("HTTP/1.1 400");
        assert!(is_refused, "{framing:?} gave {text:?}");
    }
}

#[tokio::test]
async fn g6_nobody_is_asked_for_a_body_before_his_token_was_seen() {
    let trial = trial(None, routes()).await;
    let head = |token: &str| {
        format!(
            "POST /v1/closed HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{token}\
             Content-Length: 12\r\nExpect: 100-continue\r\n\r\n"
        )
    };
    let mut stream = trial.connect().await;
    let text = ask(&mut stream, head("")).await;
    assert_eq!(problem(&text).code, ErrorCode::MissingToken);
    drop(stream);
    let mut stream = trial.connect().await;
    stream
        .write_all(head("Authorization: Bearer x\r\n").as_bytes())
        .await
        .unwrap();
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    assert!(ask(&mut stream, r#"{"name":"a"}"#).await.ends_with("open"));
}

#[tokio::test]
async fn a_body_that_ends_early_is_no_request() {
    let called = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&called);
    let router = Router::new().route(
        "/v1/greet",
        post(move |_: JsonBody<Greeting>| {
            seen.store(true, Ordering::SeqCst);
            async {}
        }),
    );
    let trial = trial(None, router).await;
    let mut stream = trial.connect().await;
    let text = "POST /v1/greet HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
                Content-Length: 100\r\n\r\n{\"name\":\"a\"}";
    stream.write_all(text.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let text = rest(&mut stream).await;
    assert!(
        text.is_empty() || text.starts_with("HTTP/1.1 400"),
        "{text}"
    );
    assert!(!called.load(Ordering::SeqCst));
}

#[tokio::test]
async fn rule_7_a_forgotten_proxy_is_noticed() {
    let router = Router::new().route(
        "/v1/who",
        get(|client: Client| async move { format!("{} {}", client.ip, client.has_own_address) }),
    );
    let edge = edge(None);
    let trial = Trial::of(behind(Arc::clone(&edge), router), generous()).await;
    let mut stream = trial.connect().await;
    let text = ask(&mut stream, request("GET /v1/who", "")).await;
    assert!(text.ends_with("127.0.0.1 true"), "{text}");
    assert!(!edge.saw_untrusted_proxy());
    let forwarded = "X-Forwarded-For: 203.0.113.7\r\n";
    let text = ask(&mut stream, request("GET /v1/who", forwarded)).await;
    assert!(text.ends_with("127.0.0.1 false"), "{text}");
    assert!(edge.saw_untrusted_proxy());
}
