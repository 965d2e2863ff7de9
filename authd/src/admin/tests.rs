//! The admin channel's door over a real socket.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use common::call::Socket;
use common::error::{ErrorCode, Problem};
use common::id::RequestId;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::edge::{AdminEdge, behind, limits};
use super::listener::{SocketFile, SocketPlan, bind};
use super::peer::Admission;
use crate::app::{Current, Error, Operator};
use crate::http::body::JsonBody;
use crate::http::edge::Timeouts;
use crate::http::error::Refusal;
use crate::serve::trial::{ask, rest};
use crate::serve::{Gauge, serve_unix};

const VERSIONS: &str = "Authctl-Version: 0.1.0\r\nAuthctl-Protocol: 1\r\n";

/// An admin socket in a folder of its own.
struct Channel {
    path: PathBuf,
    calls: Arc<AtomicUsize>,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
    _file: SocketFile,
    _home: tempfile::TempDir,
}

impl Channel {
    fn open(timeout: Duration, admission: Admission) -> Self {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("admin.sock");
        let (listener, file) = bind(&SocketPlan {
            path: path.clone(),
            group: None,
            mode: 0o600,
            folder_mode: 0o700,
        })
        .unwrap();
        let edge = Arc::new(AdminEdge {
            request_ids: Arc::new(|| RequestId::from_uuid(Uuid::from_u128(1))),
            socket: Socket::Admin,
            timeouts: Current::new(Timeouts::new(Some(timeout), [])),
            admission: admission.clone(),
        });
        let calls = Arc::new(AtomicUsize::new(0));
        let (stop, stopped) = watch::channel(false);
        let server = serve_unix(
            listener,
            behind(edge, routes(Arc::clone(&calls))),
            limits(Duration::from_secs(20)),
            stopped,
            Gauge::default(),
            move |peer| admission.admits(peer),
        );
        Self {
            path,
            calls,
            stop,
            server: tokio::spawn(server),
            _file: file,
            _home: home,
        }
    }

    async fn say(&self, text: String) -> UnixStream {
        let mut stream = UnixStream::connect(&self.path).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    async fn close(self) -> usize {
        self.stop.send_replace(true);
        self.server.await.unwrap();
        self.calls.load(Ordering::SeqCst)
    }
}

fn routes(calls: Arc<AtomicUsize>) -> Router {
    Router::new()
        .route(
            "/v1/who",
            get(move |operator: Operator| {
                calls.fetch_add(1, Ordering::SeqCst);
                async move { serde_json::to_string(&operator.actor).unwrap_or_default() }
            }),
        )
        .route(
            "/v1/refuse",
            get(|| async {
                let error = Error::new(ErrorCode::NotFound, "no user").with_hint("list them");
                Err::<(), _>(Refusal(error))
            }),
        )
        .route("/v1/slow", get(std::future::pending::<()>))
        .route(
            "/v1/read",
            post(|JsonBody(text): JsonBody<String>| async move { text.len().to_string() }),
        )
}

fn everybody() -> Admission {
    Admission::new(Vec::new(), |_| ())
}

fn get_with(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n{headers}\r\n")
}

fn problem(text: &str) -> Problem {
    assert!(text.contains("authd-version: "), "{text}");
    assert!(text.contains("authd-protocol: 1\r\n"), "{text}");
    serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[tokio::test]
async fn a59_who_does_not_say_his_version_is_closed_unanswered() {
    let channel = Channel::open(Duration::from_secs(20), everybody());
    for headers in ["", "Authctl-Version: 0.1.0\r\n", "Authctl-Protocol: 1\r\n"] {
        for path in ["/v1/who", "/v1/nothing"] {
            let mut stream = channel.say(get_with(path, headers)).await;
            assert_eq!(rest(&mut stream).await, "", "{headers:?}");
        }
    }
    assert_eq!(channel.close().await, 0);
}

#[tokio::test]
async fn g5_a95_another_protocol_or_two_is_told_and_nothing_done() {
    let channel = Channel::open(Duration::from_secs(20), everybody());
    let mut stream = UnixStream::connect(&channel.path).await.unwrap();
    for protocol in ["2", "0", "01", "x", "1, 1", "", "\u{e9}"] {
        let headers = format!("Authctl-Version: 2.0.0\r\nAuthctl-Protocol: {protocol}\r\n");
        let text = ask(&mut stream, get_with("/v1/who", &headers)).await;
        assert_eq!(problem(&text).code, ErrorCode::MalformedRequest, "{text}");
    }
    let twice = format!("{VERSIONS}Authctl-Protocol: 1\r\n");
    let text = ask(&mut stream, get_with("/v1/who", &twice)).await;
    assert_eq!(problem(&text).code, ErrorCode::MalformedRequest, "{text}");
    drop(stream);
    assert_eq!(channel.close().await, 0);
}

#[tokio::test]
async fn a59_the_operator_is_who_the_kernel_says() {
    let channel = Channel::open(Duration::from_secs(20), everybody());
    let mut stream = UnixStream::connect(&channel.path).await.unwrap();
    let headers = format!("{VERSIONS}Authctl-Sudo-Uid: 1000\r\n");
    let text = ask(&mut stream, get_with("/v1/who", &headers)).await;
    let actor: domain::audit::Actor =
        serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap();
    let uid = rustix::process::getuid().as_raw();
    assert_eq!(actor.uid, Some(uid));
    assert_eq!(actor.pid, Some(i32::try_from(std::process::id()).unwrap()));
    assert_eq!(actor.sudo_uid, Some(1000));
    let twice = format!("{headers}Authctl-Sudo-Uid: 0\r\n");
    let text = ask(&mut stream, get_with("/v1/who", &twice)).await;
    let torn: domain::audit::Actor =
        serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(torn.sudo_uid, None, "two claims are none");
    assert_eq!(actor.channel, "admin");
    let name = nix::unistd::User::from_uid(uid.into()).unwrap();
    assert_eq!(actor.user, name.map(|user| user.name));
    let text = ask(&mut stream, get_with("/v1/refuse", VERSIONS)).await;
    assert_eq!(problem(&text).hint.as_deref(), Some("list them"));
    let text = ask(&mut stream, get_with("/v1/nothing", VERSIONS)).await;
    assert_eq!(problem(&text).code, ErrorCode::NotFound);
}

#[tokio::test]
async fn a_request_has_its_time_and_its_size() {
    let channel = Channel::open(Duration::from_millis(300), everybody());
    let mut stream = UnixStream::connect(&channel.path).await.unwrap();
    let text = ask(&mut stream, get_with("/v1/slow", VERSIONS)).await;
    assert_eq!(problem(&text).code, ErrorCode::RequestTimeout);
    let post = |length: usize| {
        let body = format!("\"{}\"", "a".repeat(length - 2));
        format!(
            "POST /v1/read HTTP/1.1\r\nHost: x\r\n{VERSIONS}Content-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        )
    };
    let text = ask(&mut stream, post(1 << 20)).await;
    assert!(text.ends_with("\r\n\r\n1048574"), "{text}");
    let (mut reader, mut writer) = stream.into_split();
    let too_much = post((1 << 20) + 1);
    let upload = tokio::spawn(async move { drop(writer.write_all(too_much.as_bytes()).await) });
    let text = crate::serve::trial::answer(&mut reader).await;
    assert_eq!(problem(&text).code, ErrorCode::BodyTooLarge);
    upload.await.unwrap();
}

#[tokio::test]
async fn a59_a_uid_that_is_not_listed_is_closed_and_told() {
    let refused = Arc::new(AtomicUsize::new(0));
    let told = Arc::clone(&refused);
    let admission = Admission::new(vec![u32::MAX - 1], move |_| {
        told.fetch_add(1, Ordering::SeqCst);
    });
    let channel = Channel::open(Duration::from_secs(20), admission);
    let mut stream = UnixStream::connect(&channel.path).await.unwrap();
    assert_eq!(rest(&mut stream).await, "");
    assert_eq!(refused.load(Ordering::SeqCst), 1);
    assert_eq!(channel.close().await, 0);
}
