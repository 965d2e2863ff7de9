//! The answer of a job, frame by frame. Only the last frame makes it whole: a daemon that goes
//! before it, or a line that is cut, leaves a failure, however much came before.

use common::call::AdminCall;
use common::call::job::{Frame, Frames, Kind, Progress};
use common::error::Problem;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::{SILENCE, outcome_open, within};
use crate::error::Error;
use crate::exit::Exit;

/// Hears what comes before the end.
pub(crate) trait Hearer {
    /// How far the work is.
    fn progress(&mut self, progress: &Progress);
    /// A part of what was asked for.
    ///
    /// # Errors
    /// What ends the job.
    fn data(&mut self, part: &[u8]) -> Result<(), Error>;
}

/// Reads frames to the last one.
pub(super) async fn read<C: AdminCall>(
    body: &mut Incoming,
    hearer: &mut dyn Hearer,
) -> Result<C::Answer, Error> {
    let mut frames = Frames::default();
    loop {
        while let Some(frame) = frames
            .take()
            .map_err(|error| cut::<C>(&error.to_string()))?
        {
            if let Some(answer) = take::<C>(&frame, hearer)? {
                return Ok(answer);
            }
        }
        let next = within::<C, _>(Some(SILENCE), async { Ok(body.frame().await) }).await?;
        let Some(next) = next else {
            return Err(cut::<C>("the last part is missing"));
        };
        let next = next.map_err(|error| cut::<C>(&error.to_string()))?;
        if let Some(data) = next.data_ref() {
            frames.push(data);
        }
    }
}

fn take<C: AdminCall>(frame: &Frame, hearer: &mut dyn Hearer) -> Result<Option<C::Answer>, Error> {
    match frame.kind {
        Kind::Progress => {
            // A form that a later daemon made is no reason to stop.
            if let Ok(progress) = serde_json::from_slice(&frame.payload) {
                hearer.progress(&progress);
            }
            Ok(None)
        }
        Kind::Data => hearer.data(&frame.payload).map(|()| None),
        Kind::End => serde_json::from_slice(&frame.payload)
            .map(Some)
            .map_err(|error| cut::<C>(&error.to_string())),
        Kind::Failure => Err(match serde_json::from_slice::<Problem>(&frame.payload) {
            Ok(problem) => Error::refusal(C::NAME, problem),
            Err(error) => cut::<C>(&error.to_string()),
        }),
    }
}

fn cut<C: AdminCall>(why: &str) -> Error {
    outcome_open::<C>(Error::new(
        Exit::Failure,
        "unexpected_answer",
        format!("authd's answer to \"{}\" broke off: {why}", C::NAME),
    ))
}
