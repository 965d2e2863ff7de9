//! A call by its method and path, for `authctl api`: what is sent and what comes back are the caller's.
//! The rights are those of the call's type, as everywhere; frames of a job are taken apart.

use std::time::Duration;

use bytes::Bytes;
use common::ADMIN_PROTOCOL;
use common::call::job::{Frames, Kind};
use common::call::{CLIENT_PROTOCOL_HEADER, CLIENT_VERSION_HEADER, CallInfo, DRY_RUN_HEADER};
use common::error::Problem;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;

use super::{Client, SILENCE, SUDO_UID_HEADER, foreign, not_carried};
use crate::connect;
use crate::error::Error;
use crate::exit::Exit;

/// Hears the parts of an answer.
pub(crate) type Hear<'a> = &'a mut dyn FnMut(&[u8]) -> Result<(), Error>;

impl Client {
    /// Sends a body to a call, or a query, and hands the answer over as it comes.
    ///
    /// # Errors
    /// What the socket or the daemon refuses, after its body was handed over; what can go wrong between
    /// two processes.
    pub(crate) async fn raw(
        &mut self,
        call: &CallInfo,
        target: &str,
        body: Vec<u8>,
        hear: Hear<'_>,
    ) -> Result<(), Error> {
        let has_body = !body.is_empty();
        let request = self.raw_request(call, target, body)?;
        let timeout = self.timeout;
        let link = self.link(call.name).await?;
        if !call.sockets.contains(&link.door) {
            return Err(not_carried(call.name, link));
        }
        // It may hold a secret; nobody but the caller knows.
        if has_body && !connect::trusted(link.peer) {
            return Err(foreign(link));
        }
        let sent = link.sender.send_request(request);
        let response = match limited(timeout, sent).await? {
            Ok(response) => response,
            Err(error) => {
                return Err(Error::new(
                    Exit::NotRunning,
                    "daemon_unreachable",
                    format!("authd gave no answer to \"{}\": {error}", call.name),
                ));
            }
        };
        self.compare_versions(response.headers())?;
        let (head, mut body) = response.into_parts();
        if call.is_job && head.status.is_success() {
            return frames(&mut body, call.name, hear).await;
        }
        let mut whole = Vec::new();
        while let Some(part) = next(&mut body).await? {
            whole.extend_from_slice(&part);
        }
        hear(&whole)?;
        if head.status.is_success() {
            return Ok(());
        }
        Err(match serde_json::from_slice::<Problem>(&whole) {
            Ok(problem) => Error::refusal(call.name, problem),
            Err(_) => Error::new(
                Exit::of_status(head.status.as_u16()),
                "unexpected_answer",
                format!("authd answered with status {}", head.status.as_u16()),
            ),
        })
    }

    fn raw_request(
        &self,
        call: &CallInfo,
        target: &str,
        body: Vec<u8>,
    ) -> Result<Request<Full<Bytes>>, Error> {
        let mut builder = Request::builder()
            .method(call.method)
            .uri(target)
            .header(http::header::HOST, "authd")
            .header(CLIENT_VERSION_HEADER, common::VERSION)
            .header(CLIENT_PROTOCOL_HEADER, ADMIN_PROTOCOL);
        if call.method == "POST" {
            builder = builder.header(http::header::CONTENT_TYPE, "application/json");
            if self.rehearses {
                builder = builder.header(DRY_RUN_HEADER, "true");
            }
        }
        let sudo = std::env::var("SUDO_UID").ok();
        if let Some(uid) = sudo.and_then(|uid| uid.parse::<u32>().ok()) {
            builder = builder.header(SUDO_UID_HEADER, uid);
        }
        builder
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| Error::usage(format!("{target} is no path: {error}")))
    }
}

async fn limited<T>(limit: Option<Duration>, work: impl Future<Output = T>) -> Result<T, Error> {
    let Some(limit) = limit else {
        return Ok(work.await);
    };
    tokio::time::timeout(limit, work).await.map_err(|_| {
        let limit = common::units::format_duration(limit);
        Error::new(
            Exit::Busy,
            "timeout",
            format!("no answer from authd within {limit}"),
        )
        .hint("Wait longer: --timeout DURATION")
    })
}

async fn next(body: &mut Incoming) -> Result<Option<Bytes>, Error> {
    loop {
        let Some(frame) = limited(Some(SILENCE), body.frame()).await? else {
            return Ok(None);
        };
        let frame = frame.map_err(|error| cut(&error.to_string()))?;
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
}

async fn frames(body: &mut Incoming, name: &str, hear: Hear<'_>) -> Result<(), Error> {
    let mut frames = Frames::default();
    loop {
        while let Some(frame) = frames.take().map_err(|error| cut(&error.to_string()))? {
            match frame.kind {
                Kind::Progress => {}
                Kind::Data => hear(&frame.payload)?,
                Kind::End => return hear(&frame.payload),
                Kind::Failure => {
                    hear(&frame.payload)?;
                    return Err(match serde_json::from_slice::<Problem>(&frame.payload) {
                        Ok(problem) => Error::refusal(name, problem),
                        Err(error) => cut(&error.to_string()),
                    });
                }
            }
        }
        match next(body).await? {
            Some(part) => frames.push(&part),
            None => return Err(cut("the last part is missing")),
        }
    }
}

fn cut(why: &str) -> Error {
    Error::new(
        Exit::Failure,
        "unexpected_answer",
        format!("authd's answer broke off: {why}"),
    )
}
