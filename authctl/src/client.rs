//! Carries typed calls to the daemon over its Unix socket, one connection a run.
//! It refuses what the socket does not carry before asking, and compares protocols before believing.

mod job;
mod raw;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use common::call::{
    AdminCall, CLIENT_PROTOCOL_HEADER, CLIENT_VERSION_HEADER, DRY_RUN_HEADER, Method,
    SERVER_PROTOCOL_HEADER, SERVER_VERSION_HEADER, Socket,
};
use common::error::Problem;
use common::{ADMIN_PROTOCOL, VERSION};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use zeroize::Zeroizing;

use crate::config::Settings;
use crate::connect;
use crate::error::Error;
use crate::exit::Exit;
use crate::output::remarks::complain;

pub(crate) use job::Hearer;

/// Header with the user who called sudo: a claim for the audit log, no proof.
const SUDO_UID_HEADER: &str = "authctl-sudo-uid";
/// Largest answer: a page has 200 rows of some kilobytes.
const ANSWER_LIMIT_BYTES: usize = 64 << 20;
/// Room for the largest request that carries a password.
const BODY_ROOM: usize = 64 << 10;
/// Longest silence within an answer that has begun.
const SILENCE: Duration = Duration::from_secs(45);

/// One run's way to the daemon.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Client {
    socket: Option<PathBuf>,
    timeout: Option<Duration>,
    verbose: bool,
    quiet: bool,
    rehearses: bool,
    link: Option<Link>,
    warned: bool,
}

struct Link {
    sender: SendRequest<Full<Bytes>>,
    path: PathBuf,
    door: Socket,
    peer: Option<u32>,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Client {
    /// Opens nothing yet.
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            socket: settings.socket.clone(),
            timeout: settings.timeout,
            verbose: settings.flags.verbose,
            quiet: settings.flags.quiet,
            rehearses: settings.flags.dry_run,
            link: None,
            warned: false,
        }
    }

    /// Sets no limit to the time until an answer.
    pub(crate) fn wait_for_ever(&mut self) {
        self.timeout = None;
    }

    /// Waits at least so long for the first byte of an answer: the daemon itself waits for somebody.
    pub(crate) fn wait_at_least(&mut self, least: Duration) {
        self.timeout = self.timeout.map(|timeout| timeout.max(least));
    }

    /// Makes a call and reads its answer.
    ///
    /// # Errors
    /// Whatever can go wrong between two processes, and what the daemon refuses.
    pub(crate) async fn call<C: AdminCall>(&mut self, call: &C) -> Result<C::Answer, Error> {
        let started = Instant::now();
        let rehearses = self.rehearses && C::CHANGES;
        let response = self.begin(call).await?;
        let first_byte = started.elapsed();
        let answer = read::<C>(response).await?;
        self.trace::<C>(&answer, first_byte, started.elapsed());
        self.compare_versions(&answer.headers)?;
        if rehearses && answer.status.is_success() && !answer.headers.contains_key(DRY_RUN_HEADER) {
            return Err(Error::new(
                Exit::Failure,
                "not_rehearsed",
                format!("authd knows no --dry-run: \"{}\" was done", C::NAME),
            )
            .hint("Upgrade the daemon: sudo apt install authd-server"));
        }
        if answer.status.is_success() {
            return serde_json::from_slice(&answer.body).map_err(|error| {
                Error::new(
                    Exit::Failure,
                    "unexpected_answer",
                    format!("cannot read authd's answer to \"{}\": {error}", C::NAME),
                )
            });
        }
        Err(refusal::<C>(&answer))
    }

    /// Makes a call that takes long, and hears how it goes on to its end.
    ///
    /// # Errors
    /// As [`Client::call`]; an answer that was cut off.
    pub(crate) async fn job<C: AdminCall>(
        &mut self,
        call: &C,
        hearer: &mut dyn Hearer,
    ) -> Result<C::Answer, Error> {
        let started = Instant::now();
        let response = self.begin(call).await?;
        let first_byte = started.elapsed();
        self.compare_versions(response.headers())?;
        if !response.status().is_success() {
            let answer = read::<C>(response).await?;
            self.trace::<C>(&answer, first_byte, started.elapsed());
            return Err(refusal::<C>(&answer));
        }
        let (head, mut body) = response.into_parts();
        let ended = job::read::<C>(&mut body, hearer).await;
        if ended.is_err() {
            self.link = None;
        }
        let answer = Answer {
            status: head.status,
            headers: head.headers,
            body: Bytes::new(),
        };
        self.trace::<C>(&answer, first_byte, started.elapsed());
        ended
    }

    /// Sends a call and waits for the beginning of its answer.
    async fn begin<C: AdminCall>(&mut self, call: &C) -> Result<http::Response<Incoming>, Error> {
        let mut request = request(call)?;
        if self.rehearses && C::CHANGES {
            let yes = http::HeaderValue::from_static("true");
            request.headers_mut().insert(DRY_RUN_HEADER, yes);
        }
        let timeout = self.timeout;
        let sent = within::<C, _>(timeout, self.send::<C>(request)).await;
        if sent.is_err() {
            // Its answer may still be under way: the next call must not wait for it.
            self.link = None;
        }
        sent
    }

    async fn send<C: AdminCall>(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<http::Response<Incoming>, Error> {
        let link = self.link(C::NAME).await?;
        may_carry::<C>(link)?;
        let path = link.path.clone();
        link.sender
            .send_request(request)
            .await
            .map_err(|error| broken::<C>(&path, &error))
    }

    /// The connection, made anew where the daemon closed the last one.
    async fn link(&mut self, command: &str) -> Result<&mut Link, Error> {
        let alive = match &mut self.link {
            Some(link) => link.sender.ready().await.is_ok(),
            None => false,
        };
        if !alive {
            self.link = None;
        }
        match self.link {
            Some(ref mut link) => Ok(link),
            ref mut none => {
                let opened = connect::open(self.socket.as_deref(), command).await?;
                let (sender, connection) = http1::handshake(TokioIo::new(opened.stream))
                    .await
                    .map_err(|error| unreachable(&opened.path, &error))?;
                // Its errors reach the caller through the sender.
                tokio::spawn(connection);
                Ok(none.insert(Link {
                    sender,
                    path: opened.path,
                    door: opened.door,
                    peer: opened.peer,
                }))
            }
        }
    }

    fn trace<C: AdminCall>(&self, answer: &Answer, first_byte: Duration, total: Duration) {
        if !self.verbose {
            return;
        }
        let socket = self
            .link
            .as_ref()
            .map(|link| link.path.display().to_string());
        complain(&format!(
            "authctl: debug: {} {} {}: {}, request {}, first byte after {:.1} ms, all after {:.1} ms, {}\n",
            C::NAME,
            C::METHOD.as_str(),
            C::PATH,
            answer.status.as_u16(),
            common::text::visible(text(&answer.headers, "x-request-id").unwrap_or("-")),
            first_byte.as_secs_f64() * 1000.0,
            total.as_secs_f64() * 1000.0,
            socket.unwrap_or_default(),
        ));
    }

    fn compare_versions(&mut self, headers: &HeaderMap) -> Result<(), Error> {
        let path = self
            .link
            .as_ref()
            .map(|link| link.path.display().to_string());
        let theirs = text(headers, SERVER_VERSION_HEADER).unwrap_or("?");
        let theirs = common::text::visible(theirs);
        let Some(protocol) = text(headers, SERVER_PROTOCOL_HEADER) else {
            return Err(Error::new(
                Exit::Denied,
                "foreign_server",
                format!("what listens on {} is not authd", path.unwrap_or_default()),
            )
            .hint("Check --socket and AUTHCTL_SOCKET."));
        };
        if protocol != ADMIN_PROTOCOL.to_string() {
            let newer = protocol
                .parse::<u32>()
                .is_ok_and(|number| number > ADMIN_PROTOCOL);
            let protocol = common::text::visible(protocol);
            return Err(Error::new(
                Exit::Version,
                "protocol_mismatch",
                format!(
                    "authctl {VERSION} speaks admin protocol {ADMIN_PROTOCOL}, authd {theirs} speaks {protocol}"
                ),
            )
            .hint(if newer {
                "Upgrade the client: sudo apt install authd-ctl"
            } else {
                "Upgrade the daemon: sudo apt install authd-server"
            }));
        }
        if release(&theirs) != release(VERSION) && !self.warned && !self.quiet {
            self.warned = true;
            complain(&format!(
                "authctl: warning: authctl {VERSION} talks to authd {theirs}; upgrade the older one\n"
            ));
        }
        Ok(())
    }
}

/// Major and minor number: patches do not change what is said between the two.
fn release(version: &str) -> Vec<&str> {
    version.split('.').take(2).collect()
}

async fn within<C: AdminCall, T>(
    timeout: Option<Duration>,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let Some(limit) = timeout else {
        return work.await;
    };
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
        let limit = common::units::format_duration(limit);
        let error = Error::new(
            Exit::Busy,
            "timeout",
            format!("no answer from authd within {limit}"),
        );
        Err(outcome_open::<C>(error).hint("Wait longer: --timeout DURATION"))
    })
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn request<C: AdminCall>(call: &C) -> Result<Request<Full<Bytes>>, Error> {
    let internal = |error: String| {
        Error::new(
            Exit::Failure,
            "internal",
            format!("cannot write \"{}\": {error}", C::NAME),
        )
    };
    let (uri, body) = match C::METHOD {
        Method::Get => {
            let query = serde_urlencoded::to_string(call).map_err(|e| internal(e.to_string()))?;
            let mark = if query.is_empty() { "" } else { "?" };
            (format!("{}{mark}{query}", C::PATH), Bytes::new())
        }
        Method::Post => {
            // It may hold a password: cleared after sending, and never moved by growing.
            let mut body = Zeroizing::new(Vec::with_capacity(BODY_ROOM));
            serde_json::to_writer(&mut *body, call).map_err(|e| internal(e.to_string()))?;
            (C::PATH.to_owned(), Bytes::from_owner(body))
        }
    };
    let mut builder = Request::builder()
        .method(C::METHOD.as_str())
        .uri(uri)
        .header(http::header::HOST, "authd")
        .header(CLIENT_VERSION_HEADER, VERSION)
        .header(CLIENT_PROTOCOL_HEADER, ADMIN_PROTOCOL);
    if C::METHOD == Method::Post {
        builder = builder.header(http::header::CONTENT_TYPE, "application/json");
    }
    let sudo = std::env::var("SUDO_UID")
        .ok()
        .and_then(|uid| uid.parse::<u32>().ok());
    if let Some(uid) = sudo {
        builder = builder.header(SUDO_UID_HEADER, uid);
    }
    builder
        .body(Full::new(body))
        .map_err(|error| internal(error.to_string()))
}

/// Refuses a call that the socket does not carry, or a secret for a stranger.
fn may_carry<C: AdminCall>(link: &Link) -> Result<(), Error> {
    if !C::allowed_on(link.door) {
        return Err(not_carried(C::NAME, link));
    }
    if C::SENDS_SECRET && !connect::trusted(link.peer) {
        return Err(foreign(link));
    }
    Ok(())
}

fn not_carried(name: &str, link: &Link) -> Error {
    let file = link.path.file_name().unwrap_or_default().to_string_lossy();
    Error::new(
        Exit::Denied,
        "wrong_socket",
        format!(
            "\"{name}\" needs the admin channel; you are connected as {} ({file})",
            connect::role(link.door)
        ),
    )
    .hint("Use sudo, or ask a member of authd-admin.")
}

fn foreign(link: &Link) -> Error {
    let stranger = link
        .peer
        .map_or_else(|| "an unknown user".to_owned(), connect::user_name);
    Error::new(
        Exit::Denied,
        "foreign_server",
        format!(
            "refusing to send a secret: {} belongs to {stranger}",
            link.path.display()
        ),
    )
    .hint("Only root, authd and you yourself are trusted there. Check --socket.")
}

fn unreachable(path: &std::path::Path, error: &hyper::Error) -> Error {
    Error::new(
        Exit::NotRunning,
        "daemon_unreachable",
        format!("cannot reach authd on {}: {error}", path.display()),
    )
}

fn broken<C: AdminCall>(path: &std::path::Path, error: &hyper::Error) -> Error {
    if error.is_parse() {
        return Error::new(
            Exit::Denied,
            "foreign_server",
            format!("what listens on {} is not authd: {error}", path.display()),
        )
        .hint("Check --socket and AUTHCTL_SOCKET.");
    }
    let error = Error::new(
        Exit::NotRunning,
        "daemon_unreachable",
        format!("authd closed {} without an answer", path.display()),
    )
    .hint("It may be stopping, or refuse your uid. See: journalctl -u authd -n 20");
    outcome_open::<C>(error)
}

/// A change that was sent may have been made, whatever became of its answer.
fn outcome_open<C: AdminCall>(error: Error) -> Error {
    match C::METHOD {
        Method::Get => error,
        Method::Post => error.hint("The change may have been made: look before you repeat it."),
    }
}

async fn read<C: AdminCall>(response: http::Response<Incoming>) -> Result<Answer, Error> {
    let (head, mut body) = response.into_parts();
    let mut bytes = BytesMut::new();
    let cut = |why: String| {
        outcome_open::<C>(Error::new(
            Exit::Failure,
            "unexpected_answer",
            format!("authd's answer broke off: {why}"),
        ))
    };
    loop {
        let frame = within::<C, _>(Some(SILENCE), async { Ok(body.frame().await) }).await?;
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|error| cut(error.to_string()))?;
        if let Some(data) = frame.data_ref() {
            if bytes.len().saturating_add(data.len()) > ANSWER_LIMIT_BYTES {
                return Err(cut(format!("more than {ANSWER_LIMIT_BYTES} bytes")));
            }
            bytes.extend_from_slice(data);
        }
    }
    Ok(Answer {
        status: head.status,
        headers: head.headers,
        body: bytes.freeze(),
    })
}

fn refusal<C: AdminCall>(answer: &Answer) -> Error {
    if let Ok(problem) = serde_json::from_slice::<Problem>(&answer.body) {
        return Error::refusal(C::NAME, problem);
    }
    // A code that a later daemon made: the status still tells what to do.
    let loose: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let member = |name: &str| loose.get(name).and_then(|value| value.as_str());
    let code = member("code").unwrap_or("unexpected_answer");
    let words = member("developer_message").unwrap_or("no reason given");
    let id = member("request_id").or_else(|| text(&answer.headers, "x-request-id"));
    let error = Error::new(
        Exit::of_status(answer.status.as_u16()),
        code,
        format!(
            "authd answered \"{}\" with status {} ({code}): {}",
            C::NAME,
            answer.status.as_u16(),
            words.trim_end_matches('.')
        ),
    );
    match id {
        Some(id) => error.hint(format!("See: journalctl -u authd REQUEST_ID={id}")),
        None => error,
    }
}
