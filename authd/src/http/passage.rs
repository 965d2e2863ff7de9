//! What every request goes through at either door, in this order: an id, the race of its handler
//! against deadline, client and panic, the one shape of refusals, the headers that each answer bears,
//! one line in the log.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request};
use axum::http::header::HeaderValue;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use common::error::{ErrorCode, chain};
use common::id::RequestId;
use common::language::Language;
use store::Claim;
use tracing::Instrument;

use super::error::{self, Hints, Refusal};
use super::race::{self, Outcome};
use super::{body::BodyLimit, headers, words};
use crate::app::Error;
use crate::serve::DrainLimit;

/// Where request ids come from.
pub type RequestIds = Arc<dyn Fn() -> RequestId + Send + Sync>;

/// One request on its way through.
pub(crate) struct Passage {
    pub(crate) request_id: RequestId,
    pub(crate) claim: Claim,
    correlation_id: Option<HeaderValue>,
    method: Method,
    /// The router's pattern, which holds nothing that a caller wrote.
    route: Option<MatchedPath>,
    started: Instant,
    deadline: Option<Instant>,
    drain_limit: Option<DrainLimit>,
    /// The one that refusals are said in.
    language: Language,
}

impl Passage {
    /// Takes a request in.
    pub(crate) fn begin(
        request: &mut Request,
        request_id: RequestId,
        timeout: Option<Duration>,
        body_limit: BodyLimit,
    ) -> Self {
        let started = Instant::now();
        let deadline = timeout.and_then(|timeout| started.checked_add(timeout));
        let extensions = request.extensions_mut();
        extensions.insert(body_limit);
        Self {
            request_id,
            claim: Claim::until(deadline),
            drain_limit: extensions.remove(),
            route: extensions.get().cloned(),
            correlation_id: headers::correlation_id(request.headers()),
            method: request.method().clone(),
            language: words::asked_for(request.headers()),
            started,
            deadline,
        }
    }

    /// Runs the handler; its answer is not in shape yet.
    pub(crate) async fn run(
        &mut self,
        handler: impl Future<Output = Response> + Send + 'static,
    ) -> Response {
        let span = tracing::info_span!("request", request_id = %self.request_id);
        let outcome = race::run(
            handler.instrument(span),
            self.claim.clone(),
            self.deadline,
            self.drain_limit.take(),
        )
        .await;
        let wait = Duration::from_secs(1);
        let error = match outcome {
            Outcome::Answered(response) => return response,
            Outcome::TimedOut => Error::new(
                ErrorCode::RequestTimeout,
                "the request took too long; nothing was done",
            )
            .with_retry_after(wait),
            Outcome::Draining => Error::new(
                ErrorCode::Unavailable,
                "the service is stopping; nothing was done",
            )
            .with_retry_after(wait),
            Outcome::Panicked(message) => {
                Error::internal(format!("the handler panicked: {message}"))
            }
        };
        Refusal(error).into_response()
    }

    /// Gives the answer its shape and headers, and logs the request.
    pub(crate) fn end(self, mut response: Response, hints: Hints) -> Ended {
        let error = error::write(&mut response, self.request_id, (hints, self.language));
        let took = self.started.elapsed();
        self.log(response.status(), error.as_deref(), took);
        headers::complete(response.headers_mut(), self.request_id, self.correlation_id);
        Ended {
            response,
            took,
            code: error.map(|error| error.code),
            method: self.method,
            route: self.route,
        }
    }

    fn log(&self, status: StatusCode, error: Option<&Error>, took: Duration) {
        let route = self.route.as_ref().map_or("-", MatchedPath::as_str);
        if status.as_u16() < 400 {
            let done = (self.method.as_str(), route, status);
            return log_done(self.request_id, self.correlation_id.as_ref(), done, took);
        }
        let request_id = tracing::field::display(self.request_id);
        let correlation_id = self.correlation_id.as_ref().and_then(|id| id.to_str().ok());
        let method = self.method.as_str();
        let code = error.map(|error| error.code.as_str());
        let status = status.as_u16();
        let micros = micros(took);
        if status < 500 {
            tracing::info!(
                %request_id, correlation_id, method, route, status, code, micros, "request refused"
            );
        } else {
            let cause = error.and_then(cause_chain);
            tracing::error!(
                %request_id, correlation_id, method, route, status, code, micros, cause,
                "request failed"
            );
        }
    }
}

/// The line on a request that was not refused: method, route and status of it.
pub(super) fn log_done(
    request_id: RequestId,
    correlation_id: Option<&HeaderValue>,
    (method, route, status): (&str, &str, StatusCode),
    took: Duration,
) {
    tracing::debug!(
        %request_id,
        correlation_id = correlation_id.and_then(|id| id.to_str().ok()),
        method,
        route,
        status = status.as_u16(),
        micros = micros(took),
        "request"
    );
}

fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}

/// An answer in its final form.
pub(crate) struct Ended {
    pub(crate) response: Response,
    pub(crate) took: Duration,
    /// Why, where it is a refusal.
    pub(crate) code: Option<ErrorCode>,
    pub(crate) method: Method,
    pub(crate) route: Option<MatchedPath>,
}

impl Ended {
    /// Method and route, for the counters.
    pub(crate) fn asked(&self) -> (&str, Option<&str>) {
        let route = self.route.as_ref().map(MatchedPath::as_str);
        (self.method.as_str(), route)
    }
}

/// Each cause after the other, as one line for the log.
fn cause_chain(error: &Error) -> Option<String> {
    let first = error.cause.as_deref()?;
    Some(common::text::visible(&chain(first)))
}
