//! Connections as hostile and slow clients make them, over real sockets.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};

use super::accept::{self, Listener};
use super::trial::{Trial, answer, ask, generous, rest};
use super::*;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const SHORT: Duration = Duration::from_millis(300);
const NEVER: Duration = Duration::from_secs(20);

fn plain() -> Router {
    Router::new().route("/", get(|| async { "fine" }))
}

fn limits(header: Duration, keepalive: Duration) -> Limits {
    Limits {
        times: Times::new(ConnectionTimes { header, keepalive }),
        ..generous()
    }
}

fn assert_about(took: Duration, wanted: Duration) {
    let slack = Duration::from_secs(3);
    assert!(took >= wanted && took < wanted + slack, "{took:?}");
}

#[tokio::test]
async fn a_silent_client_is_closed_when_its_head_is_due() {
    let trial = Trial::of(plain(), limits(SHORT, NEVER)).await;
    for beginning in ["", "GET / HT", "GET / HTTP/1.1\r\nHost: a\r\n", "\r\n"] {
        let start = Instant::now();
        assert_eq!(trial.exchange(beginning).await, "", "{beginning:?}");
        assert_about(start.elapsed(), SHORT);
    }
}

#[tokio::test]
async fn bytes_that_trickle_in_do_not_extend_the_time_for_a_head() {
    let trial = Trial::of(plain(), limits(SHORT, NEVER)).await;
    for first in ["", GET] {
        let mut stream = trial.connect().await;
        if !first.is_empty() {
            ask(&mut stream, first).await;
        }
        let start = Instant::now();
        let (mut reader, mut writer) = stream.into_split();
        let drip = tokio::spawn(async move {
            let head = "GET / HTTP/1.1\r\nHost: x\r\nX: "
                .bytes()
                .chain(std::iter::repeat(b'a'));
            let mut beat = tokio::time::interval(Duration::from_millis(20));
            for byte in head {
                beat.tick().await;
                if writer.write_all(&[byte]).await.is_err() {
                    return;
                }
            }
        });
        assert_eq!(rest(&mut reader).await, "");
        assert_about(start.elapsed(), SHORT);
        drip.abort();
    }
}

#[tokio::test]
async fn an_idle_connection_is_kept_for_its_own_time() {
    let keepalive = Duration::from_millis(900);
    let trial = Trial::of(plain(), limits(SHORT, keepalive)).await;
    let mut stream = trial.connect().await;
    ask(&mut stream, GET).await;
    let start = Instant::now();
    assert_eq!(rest(&mut stream).await, "");
    // The time runs from the answer, a moment before it is read.
    assert_about(start.elapsed(), Duration::from_millis(850));
}

#[tokio::test]
async fn requests_that_follow_each_other_are_answered_in_order() {
    let trial = Trial::of(plain(), generous()).await;
    let mut stream = trial.connect().await;
    for _ in 0..3 {
        assert!(ask(&mut stream, GET).await.ends_with("fine"));
    }
    let both = trial
        .exchange(format!(
            "{GET}GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        ))
        .await;
    assert_eq!(both.matches("fine").count(), 2);
    let old = trial.exchange("GET / HTTP/1.0\r\n\r\n").await;
    assert!(old.starts_with("HTTP/1.0 200 OK"), "{old}");
}

#[tokio::test]
async fn a56_what_a_proxy_could_read_otherwise_is_refused_and_ends_the_connection() {
    let seconds = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&seconds);
    let router = Router::new()
        .route(
            "/",
            post(|body: Bytes| async move { body.len().to_string() }),
        )
        .route(
            "/second",
            get(move || {
                counted.fetch_add(1, Ordering::SeqCst);
                async { "smuggled" }
            }),
        );
    let trial = Trial::of(router, generous()).await;
    let second = "GET /second HTTP/1.1\r\nHost: a\r\n\r\n";
    for head in [
        "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\nGPOST / HTTP/1.1\r\nHost: x\r\n",
        "Content-Length: 0\r\nContent-Length: 40\r\n\r\n",
        "Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
        "Content-Length: +5\r\n\r\nhello",
        "Content-Length: 5 5\r\n\r\nhello",
        "Content-Length : 0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding\r\n : chunked\r\n\r\n0\r\n\r\n",
        "X: y\nContent-Length: 0\r\n\r\n",
        "X: y\rContent-Length: 0\r\n\r\n",
        "Content-Length: 0\r\n\n",
        "Transfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n",
    ] {
        let request = format!("POST / HTTP/1.1\r\nHost: a\r\n{head}{second}");
        let text = trial.exchange(&request).await;
        assert!(text.starts_with("HTTP/1.1 400"), "{head:?} gave {text:?}");
        assert_eq!(
            text.matches("HTTP/1.1").count(),
            1,
            "{head:?} gave {text:?}"
        );
    }
    assert_eq!(seconds.load(Ordering::SeqCst), 0);
    let honest = format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello{second}");
    let mut stream = trial.connect().await;
    assert!(ask(&mut stream, honest).await.contains("\r\n\r\n5"));
}

#[tokio::test]
async fn a56_an_ambiguous_request_does_not_spoil_the_one_before_it() {
    let trial = Trial::of(plain(), generous()).await;
    let bad = "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: +0\r\n\r\n";
    let text = trial.exchange(format!("{GET}{bad}{GET}")).await;
    assert!(text.starts_with("HTTP/1.1 200 OK"), "{text}");
    assert!(text.contains("fineHTTP/1.1 400"), "{text}");
    assert_eq!(text.matches("HTTP/1.1").count(), 2, "{text}");
}

#[tokio::test]
async fn http_2_is_not_spoken() {
    let trial = Trial::of(plain(), generous()).await;
    let text = trial
        .exchange("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await;
    assert!(text.starts_with("HTTP/1.1 400"), "{text}");
    let mut stream = trial.connect().await;
    let upgrade = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\n\
                   Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n";
    let text = ask(&mut stream, upgrade).await;
    assert!(text.starts_with("HTTP/1.1 200 OK"), "{text}");
}

#[tokio::test]
async fn a_head_over_its_limit_is_answered_431() {
    let trial = Trial::of(plain(), generous()).await;
    for line in [16 * 1024, 100 * 1024] {
        let request = format!(
            "GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n",
            "a".repeat(line)
        );
        let text = trial.exchange(request).await;
        assert!(text.starts_with("HTTP/1.1 431"), "{line}: {text}");
    }
    let request = format!(
        "GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n",
        "a".repeat(15 * 1024)
    );
    let mut stream = trial.connect().await;
    assert!(ask(&mut stream, request).await.ends_with("fine"));
}

#[tokio::test]
async fn authority_and_host_are_data_alone() {
    let router = Router::new().route(
        "/",
        get(|request: Request| async move { request.uri().path().to_owned() }),
    );
    let trial = Trial::of(router, generous()).await;
    let mut stream = trial.connect().await;
    let request = "GET http://evil.test:99/ HTTP/1.1\r\nHost: other.test\r\n\r\n";
    assert!(ask(&mut stream, request).await.ends_with("\r\n\r\n/"));
}

#[tokio::test]
async fn further_clients_wait_until_there_is_room() {
    let few = Limits {
        max_connections: 2,
        ..limits(SHORT, NEVER)
    };
    let trial = Trial::of(plain(), few).await;
    let (mut first, _second) = (trial.connect().await, trial.connect().await);
    let mut third = trial.connect().await;
    let start = Instant::now();
    assert!(ask(&mut third, GET).await.ends_with("fine"));
    assert_about(start.elapsed(), SHORT / 2);
    assert_eq!(rest(&mut first).await, "");
}

#[tokio::test]
async fn r22_two_thousand_half_sent_requests_keep_nobody_out() {
    allow_descriptors(4_500);
    let trial = Trial::of(plain(), limits(Duration::from_secs(3), NEVER)).await;
    let mut half_open = Vec::new();
    for _ in 0..2_000 {
        let mut stream = trial.connect().await;
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX")
            .await
            .unwrap();
        half_open.push(stream);
    }
    let start = Instant::now();
    let mut healthy = trial.connect().await;
    assert!(ask(&mut healthy, GET).await.ends_with("fine"));
    assert!(start.elapsed() < Duration::from_secs(1));
    for mut stream in half_open {
        assert_eq!(rest(&mut stream).await, "");
    }
    assert!(ask(&mut healthy, GET).await.ends_with("fine"));
    trial.stop();
    assert_eq!(rest(&mut healthy).await, "");
    let gauge = trial.gauge.clone();
    trial.drained().await;
    assert_eq!(gauge.open(), 0);
}

fn allow_descriptors(wanted: u64) {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < wanted) {
        limit.current = Some(wanted);
        setrlimit(Resource::Nofile, limit).unwrap();
    }
}

#[tokio::test]
async fn r23_a_drain_answers_what_is_under_way_and_closes_the_rest() {
    let gate = Arc::new(Semaphore::new(0));
    let (entered, mut entries) = tokio::sync::mpsc::unbounded_channel();
    let held = Arc::clone(&gate);
    let router = plain().route(
        "/slow",
        get(move || {
            entered.send(()).unwrap();
            async move { held.acquire().await.map(|_| "done").unwrap_or_default() }
        }),
    );
    let trial = Trial::of(router, generous()).await;
    let mut idle = trial.connect().await;
    ask(&mut idle, GET).await;
    let mut silent = trial.connect().await;
    let mut waiting = Vec::new();
    for _ in 0..200 {
        let mut stream = trial.connect().await;
        stream
            .write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .unwrap();
        waiting.push(stream);
    }
    for _ in 0..200 {
        entries.recv().await.unwrap();
    }
    trial.stop();
    assert_eq!(rest(&mut idle).await, "");
    assert_eq!(rest(&mut silent).await, "");
    assert!(TcpStream::connect(trial.address).await.is_err());
    gate.add_permits(1);
    for mut stream in waiting {
        assert!(rest(&mut stream).await.ends_with("done"));
    }
    trial.drained().await;
}

#[tokio::test]
async fn r23_a_drain_ends_at_its_limit() {
    let router = Router::new().route("/", get(std::future::pending::<()>));
    let brief = Limits {
        shutdown_grace: SHORT,
        ..generous()
    };
    let trial = Trial::of(router, brief).await;
    let mut stream = trial.connect().await;
    stream.write_all(GET.as_bytes()).await.unwrap();
    trial.stop();
    assert_eq!(rest(&mut stream).await, "");
    trial.drained().await;
}

/// Answers one path at once, and breaks at another.
struct Quick;

impl Front for Quick {
    fn answer(&self, head: &Head<'_>) -> Option<Response<Body>> {
        match head.uri.path() {
            "/quick" => Some(Response::new(Body::from("ready"))),
            "/broken" => panic!("in front of the router"),
            _ => None,
        }
    }
}

#[tokio::test]
async fn what_is_not_ready_in_front_is_the_routers_also_where_the_front_breaks() {
    let router = plain().route("/broken", get(|| async { "routed" }));
    let site = Site::with_front(router, Arc::new(Quick));
    let trial = Trial::of(site, generous()).await;
    let mut stream = trial.connect().await;
    for (path, text) in [("/quick", "ready"), ("/", "fine"), ("/broken", "routed")] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(ask(&mut stream, request).await.ends_with(text), "{path}");
    }
}

#[tokio::test]
async fn an_old_connection_ends_with_a_ready_answer_too() {
    let old = Limits {
        max_age: Some(Duration::ZERO),
        ..generous()
    };
    let trial = Trial::of(Site::with_front(plain(), Arc::new(Quick)), old).await;
    let text = trial
        .exchange("GET /quick HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    assert!(text.contains("connection: close\r\n"), "{text}");
    assert!(text.ends_with("ready"), "{text}");
}

#[test]
fn r23_a_drain_limit_is_seen_as_soon_as_it_is_reached() {
    let (force, limit) = DrainLimit::channel();
    assert!(!limit.is_reached());
    let other = limit.clone();
    force.reach();
    assert!(limit.is_reached() && other.is_reached());
    assert!(other.clone().is_reached(), "also by who comes later");
    let (force, limit) = DrainLimit::channel();
    drop(force);
    assert!(limit.is_reached(), "nobody could tell any more");
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_its_answer_is_closed() {
    let router = Router::new().route("/", get(|| async { vec![0_u8; 64 << 20] }));
    let trial = Trial::of(router, limits(NEVER, SHORT)).await;
    let mut stream = trial.connect().await;
    stream.write_all(GET.as_bytes()).await.unwrap();
    stream.readable().await.unwrap();
    let start = Instant::now();
    trial.stop();
    trial.drained().await;
    assert!(start.elapsed() < NEVER / 2);
}

#[tokio::test]
async fn an_answer_may_be_withheld() {
    let router = Router::new().route(
        "/",
        get(|| async {
            let mut response = "unseen".into_response();
            response.extensions_mut().insert(CloseUnanswered);
            response
        }),
    );
    let trial = Trial::of(router, generous()).await;
    assert_eq!(trial.exchange(GET).await, "");
}

#[tokio::test]
async fn an_old_connection_ends_with_its_next_answer() {
    let old = Limits {
        max_age: Some(Duration::ZERO),
        ..generous()
    };
    let trial = Trial::of(plain(), old).await;
    let text = trial.exchange(GET).await;
    assert!(text.contains("connection: close") && text.ends_with("fine"));
}

#[tokio::test]
async fn a59_a_peer_that_is_not_admitted_is_closed_before_a_byte_is_read() {
    let home = tempfile::tempdir().unwrap();
    let router = Router::new().route(
        "/",
        get(|request: Request| async move {
            format!("{:?}", request.extensions().get::<Peer>().unwrap())
        }),
    );
    let mine = rustix::process::getuid().as_raw();
    for (admits, name) in [(true, "open"), (false, "shut")] {
        let path = home.path().join(name);
        let listener = UnixListener::bind(&path).unwrap();
        let (stop, stopped) = watch::channel(false);
        let gauge = Gauge::default();
        let admit = move |peer: &PeerCredentials| peer.uid == mine && admits;
        let server = serve_unix(listener, router.clone(), generous(), stopped, gauge, admit);
        let server = tokio::spawn(server);
        let mut stream = UnixStream::connect(&path).await.unwrap();
        if admits {
            let text = ask(&mut stream, GET).await;
            assert!(text.contains(&format!("uid: {mine}")), "{text}");
        } else {
            assert_eq!(rest(&mut stream).await, "");
        }
        drop(stop);
        drop(stream);
        server.await.unwrap();
    }
}

/// Fails as a system without descriptors does, then gives one connection.
struct Exhausted {
    failures: usize,
    calls: Arc<AtomicUsize>,
    stream: std::sync::Mutex<Option<UnixStream>>,
}

impl Listener for Exhausted {
    type Stream = UnixStream;
    type Address = ();

    async fn accept(&self) -> io::Result<(UnixStream, ())> {
        if self.calls.fetch_add(1, Ordering::SeqCst) < self.failures {
            return Err(io::Error::from_raw_os_error(24));
        }
        let stream = self.stream.lock().unwrap().take();
        match stream {
            Some(stream) => Ok((stream, ())),
            None => std::future::pending().await,
        }
    }
}

#[tokio::test]
async fn r18_without_descriptors_the_loop_waits_and_recovers() {
    let (mut client, server) = UnixStream::pair().unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let listener = Exhausted {
        failures: 3,
        calls: Arc::clone(&calls),
        stream: std::sync::Mutex::new(Some(server)),
    };
    let (_stop, stopped) = watch::channel(false);
    let peer = |_: &UnixStream, (): &()| Some(Peer::Tcp(([127, 0, 0, 1], 1).into()));
    let start = Instant::now();
    let parts = (Gauge::default(), peer);
    let server = tokio::spawn(accept::run(
        listener,
        plain().into(),
        generous(),
        stopped,
        parts,
    ));
    client.write_all(GET.as_bytes()).await.unwrap();
    assert!(answer(&mut client).await.ends_with("fine"));
    // 100 ms, 200 ms and 400 ms, and no call between them.
    assert_about(start.elapsed(), Duration::from_millis(700));
    assert!(calls.load(Ordering::SeqCst) <= 5);
    server.abort();
}
