//! The answer of a job: frames, as the work goes on. A refusal that comes before anything was done
//! is answered as every other one; later it is the last frame.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use common::call::job::{self, Kind, Progress};
use common::error::chain;
use common::id::RequestId;
use hyper::body::Frame;
use serde::Serialize;
use tokio::task::JoinHandle;
use tokio::time::{Instant, Sleep, sleep};

use crate::app::Error;
use crate::app::job::{Event, Events};
use crate::http::error::Refusal;

/// Time for a refusal to come by itself, before the answer begins.
const FIRST: Duration = Duration::from_secs(2);

/// What a job ends with.
type Work<T> = JoinHandle<Result<T, Error>>;

/// Answers with the job's frames.
pub(super) async fn answer<T: Serialize + Send + 'static>(
    mut work: Work<T>,
    mut events: Events,
    request_id: RequestId,
) -> Result<Response, Refusal> {
    let mut early = None;
    let mut first = Vec::new();
    tokio::select! {
        biased;
        event = events.recv() => match event {
            Some(event) => first = event_frame(event),
            None => early = Some(ended((&mut work).await)),
        },
        () = sleep(FIRST) => first = keep_alive(),
    }
    let state = match early {
        Some(Err(error)) => return Err(error.into()),
        Some(Ok(answer)) => {
            first = last_frame(Ok(answer), request_id);
            State::Over
        }
        None => State::Working(work),
    };
    let body = Framed {
        first: Some(first),
        events,
        state,
        request_id,
        silence: Box::pin(sleep(job::KEEP_ALIVE)),
    };
    let mut response = Body::new(body).into_response();
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(job::CONTENT_TYPE));
    Ok(response)
}

fn ended<T>(joined: Result<Result<T, Error>, tokio::task::JoinError>) -> Result<T, Error> {
    joined.unwrap_or_else(|error| Err(Error::internal(error.to_string())))
}

fn event_frame(event: Event) -> Vec<u8> {
    match event {
        Event::Progress(progress) => progress_frame(&progress),
        Event::Data(part) => part
            .chunks(job::PAYLOAD_LIMIT_BYTES)
            .flat_map(|part| job::frame(Kind::Data, part))
            .collect(),
    }
}

fn progress_frame(progress: &Progress) -> Vec<u8> {
    // Texts and numbers cannot fail to be written.
    job::frame(
        Kind::Progress,
        &serde_json::to_vec(progress).unwrap_or_default(),
    )
}

fn keep_alive() -> Vec<u8> {
    progress_frame(&Progress {
        stage: "working".to_owned(),
        done: 0,
        of: None,
    })
}

fn last_frame<T: Serialize>(result: Result<T, Error>, request_id: RequestId) -> Vec<u8> {
    let failure = |error: &Error| {
        let mut problem = error.problem(request_id);
        problem.hint.clone_from(&error.hint);
        let text = serde_json::to_vec(&problem).unwrap_or_default();
        job::frame(Kind::Failure, &text)
    };
    let error = match result.map(|answer| serde_json::to_vec(&answer)) {
        Ok(Ok(text)) => return job::frame(Kind::End, &text),
        Ok(Err(error)) => Error::internal(error),
        Err(error) => error,
    };
    let cause = error.cause.as_deref().map(|cause| chain(cause));
    tracing::warn!(%request_id, code = error.code.as_str(), cause, "a job failed");
    failure(&error)
}

enum State<T> {
    Working(Work<T>),
    Over,
}

/// The frames, as a body. Dropped before its end, it leaves the job without a listener, which ends
/// it at its next step.
struct Framed<T> {
    first: Option<Vec<u8>>,
    events: Events,
    state: State<T>,
    request_id: RequestId,
    silence: Pin<Box<Sleep>>,
}

impl<T> Framed<T> {
    fn sent(&mut self, bytes: Vec<u8>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let until = Instant::now().checked_add(job::KEEP_ALIVE);
        if let Some(until) = until {
            self.silence.as_mut().reset(until);
        }
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(bytes)))))
    }
}

impl<T: Serialize + Send + 'static> HttpBody for Framed<T> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        if let Some(first) = this.first.take() {
            return this.sent(first);
        }
        let State::Working(work) = &mut this.state else {
            return Poll::Ready(None);
        };
        match this.events.poll_recv(context) {
            Poll::Ready(Some(event)) => return this.sent(event_frame(event)),
            // All was told: what is left is the end.
            Poll::Ready(None) => {
                if let Poll::Ready(joined) = Pin::new(work).poll(context) {
                    this.state = State::Over;
                    let last = last_frame(ended(joined), this.request_id);
                    return this.sent(last);
                }
            }
            Poll::Pending => {}
        }
        if this.silence.as_mut().poll(context).is_ready() {
            return this.sent(keep_alive());
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::job::line;
    use common::call::job::Frames;
    use common::error::ErrorCode;

    const ID: RequestId = RequestId::from_bytes([1; 16]);

    async fn frames(response: Response) -> Vec<(Kind, String)> {
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20)
            .await
            .unwrap();
        let mut frames = Frames::default();
        frames.push(&bytes);
        let mut read = Vec::new();
        while let Some(frame) = frames.take().unwrap() {
            read.push((frame.kind, String::from_utf8(frame.payload).unwrap()));
        }
        assert!(frames.is_empty());
        read
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_silence_is_filled_and_the_end_comes_last() {
        let (reporter, events) = line();
        let work = tokio::spawn(async move {
            sleep(Duration::from_secs(40)).await;
            assert!(reporter.progress("packing", 1, Some(2)));
            Ok::<_, Error>(7)
        });
        let response = answer(work, events, ID).await.unwrap();
        let read = frames(response).await;
        let kinds: Vec<Kind> = read.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(
            kinds,
            [
                Kind::Progress,
                Kind::Progress,
                Kind::Progress,
                Kind::Progress,
                Kind::End
            ]
        );
        assert!(read[3].1.contains("packing"));
        assert_eq!(read[4].1, "7");
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_an_answer_of_its_own_or_the_last_frame() {
        let refused = || Error::new(ErrorCode::Conflict, "busy");
        let (reporter, events) = line();
        let work: Work<u32> = tokio::spawn(async move {
            drop(reporter);
            Err(refused())
        });
        let early = answer(work, events, ID).await.unwrap_err();
        assert_eq!(early.0.code, ErrorCode::Conflict);
        let (reporter, events) = line();
        let work: Work<u32> = tokio::spawn(async move {
            reporter.progress("copying", 0, None);
            Err(refused())
        });
        let read = frames(answer(work, events, ID).await.unwrap()).await;
        assert_eq!(read[1].0, Kind::Failure);
        assert!(read[1].1.contains("\"conflict\""));
    }

    #[tokio::test]
    async fn a_caller_who_has_gone_ends_the_work() {
        let (reporter, events) = line();
        let work: Work<u32> = tokio::spawn(async move {
            while reporter.progress("copying", 0, None) {
                tokio::task::yield_now().await;
            }
            Ok(1)
        });
        let response = answer(work, events, ID).await.unwrap();
        drop(response);
    }
}
