//! The life of signing keys that follows by itself: announced in time, in use, retired, gone.

use std::sync::Arc;

use domain::key::{Step, due};
use store::Claim;

use super::exchange::{Draft, detached};
use crate::app::audit::Record;
use crate::app::{App, Error};

/// Steps that one look may take; more would be a fault.
const STEPS_LIMIT: usize = 64;

/// Does what is due about the signing keys; returns how many steps that were. Where nothing is due
/// it looks at memory alone.
///
/// # Errors
/// `unavailable` or `internal`: the keys are as they were before the step.
pub async fn tend(app: &Arc<App>) -> Result<usize, Error> {
    let mut steps = 0;
    while steps < STEPS_LIMIT && is_due(app) {
        let inner = Arc::clone(app);
        if !detached(async move { step(&inner).await }).await? {
            break;
        }
        steps += 1;
    }
    Ok(steps)
}

fn is_due(app: &App) -> bool {
    due(app.keys.signing().rows(), &app.settings().keys, app.now()).is_some()
}

/// Takes the next step; false if there is none.
async fn step(app: &Arc<App>) -> Result<bool, Error> {
    let _turn = app.keys.change().await;
    let policy = app.settings().keys;
    let mut draft = Draft::of(app).await?;
    let Some(step) = due(draft.keys(), &policy, draft.now()) else {
        return Ok(false);
    };
    let (action, id) = match step {
        Step::Announce { activates_at } => {
            let id = draft.make(app, policy.algorithm).await?;
            draft.announce(id, activates_at);
            ("key.announce", id)
        }
        Step::Withdraw(id) => {
            draft.end(id);
            ("key.withdraw", id)
        }
        Step::Activate(id) => {
            draft.take_over(id, policy.overlap);
            ("key.activate", id)
        }
        Step::End(id) => {
            draft.end(id);
            ("key.end", id)
        }
    };
    let record = Record::of_daemon(app, draft.now())?;
    draft
        .write(app, &Claim::detached(), &record, action, id)
        .await?;
    tracing::info!(key = %id, action, "a signing key moved on in its life");
    Ok(true)
}
