//! The running daemon itself: its configuration, the level of its log, and whether it serves.
//!
//! What these change lies outside of the database. The audit row is committed first and the change
//! follows, which by then cannot fail: a change without its row there is none (rule 30).

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use common::call::Change;
use common::call::daemon::{Config, Drain, LogLevel, Maintenance, Reload, Steered};
use common::text;
use common::view::{ConfigFaultView, ConfigView, KeyChangeView, ReloadView};
use serde_json::{Value, json};
use store::Priority;

use crate::app::audit::{Record, WideAct};
use crate::app::{App, Error, Operator};

/// Longest message about maintenance, in code points.
const MESSAGE_LIMIT: usize = 200;
/// What callers are told where the operator says nothing.
const MESSAGE: &str = "closed for maintenance";
/// Longest time of a level of the log that ends by itself.
const LONGEST_LEVEL: Duration = Duration::from_hours(7 * 24);
/// Object of the audit rows.
const OBJECT: &str = "daemon";

/// Work that answers later.
pub type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A configuration that was read, checked and made ready, and has not taken effect.
pub trait Prepared: Send {
    /// What it changes.
    fn changes(&self) -> Vec<KeyChangeView>;
    /// What should be looked at.
    fn warnings(&self) -> Vec<ConfigFaultView>;
    /// Lets it take effect. Nothing of it can fail.
    fn apply(self: Box<Self>);
}

/// The way to the parts of the daemon that are not the use cases'.
pub trait Steering: Send + Sync {
    /// The configuration that runs.
    fn config(&self) -> ConfigView;
    /// Reads the configuration again and makes it ready; its faults, if it is wrong. While what was
    /// prepared exists, another call waits.
    fn prepare(&self) -> Later<Result<Box<dyn Prepared>, Vec<ConfigFaultView>>>;
    /// The level of the log that holds.
    fn level(&self) -> String;
    /// Says what is wrong with a level.
    ///
    /// # Errors
    /// In words for the operator.
    fn check_level(&self, level: &str) -> Result<(), String>;
    /// Sets a level that was checked, for a time if one is given.
    fn set_level(&self, level: &str, term: Option<Duration>);
}

/// Shows the configuration that runs.
pub fn config(steering: &dyn Steering, request: &Config) -> ConfigView {
    let mut view = steering.config();
    if request.changed {
        view.settings.retain(|setting| !setting.is_default);
    }
    view
}

/// Reads the configuration again and takes what needs no restart; a wrong one changes nothing, and
/// its faults are the answer.
///
/// # Errors
/// `validation_failed` for a reason that is no text; those of the store, with nothing changed.
pub async fn reload(
    app: &Arc<App>,
    operator: &Operator,
    steering: &Arc<dyn Steering>,
    request: Reload,
) -> Result<ReloadView, Error> {
    let record = Record::draw(app, operator, app.now(), request.reason.as_deref())?;
    let (app, claim) = (Arc::clone(app), operator.claim.clone());
    let preparing = steering.prepare();
    // A task of its own: between the row and the change no client that hangs up may come.
    let task = tokio::spawn(async move {
        let prepared = match preparing.await {
            Ok(prepared) => prepared,
            Err(faults) => return Ok(refused(faults)),
        };
        let (changed, warnings) = (prepared.changes(), prepared.warnings());
        let mut audit_id = None;
        if changed.iter().any(|change| !change.needs_restart) {
            let (before, after) = (
                values(&changed, |c| &c.before),
                values(&changed, |c| &c.after),
            );
            let write = move |tx: &dyn store::WriteTx| {
                record.append_wide(tx, &act("daemon.reload"), &before, &after)
            };
            let change = app.store.write(Priority::Urgent, claim, write).await?;
            audit_id = change.audit_id;
        }
        // Also without a change: a file that a key names may have another content.
        prepared.apply();
        told(&changed);
        Ok(ReloadView {
            faults: Vec::new(),
            changed,
            warnings,
            audit_id,
        })
    });
    task.await.map_err(Error::internal)?
}

/// Reloads at a signal: nobody is named, so the log alone tells of it.
pub async fn reload_by_signal(steering: &dyn Steering) {
    match steering.prepare().await {
        Ok(prepared) => {
            let changed = prepared.changes();
            prepared.apply();
            told(&changed);
        }
        Err(faults) => drop(refused(faults)),
    }
}

/// What took effect and what waits, for the log.
fn told(changed: &[KeyChangeView]) {
    let names = |needs_restart: bool| -> String {
        let of_kind = changed.iter().filter(|c| c.needs_restart == needs_restart);
        let names: Vec<&str> = of_kind.map(|change| change.key.as_str()).collect();
        names.join(",")
    };
    tracing::info!(
        event = "config.reloaded",
        changed = names(false),
        needs_restart = names(true),
        "configuration reloaded"
    );
}

fn refused(faults: Vec<ConfigFaultView>) -> ReloadView {
    for fault in &faults {
        let at = fault.at.as_deref().unwrap_or("-");
        tracing::error!(
            event = "config.refused",
            at,
            hint = fault.hint,
            "the configuration is wrong, the former one holds: {}",
            fault.message
        );
    }
    ReloadView {
        faults,
        changed: Vec::new(),
        warnings: Vec::new(),
        audit_id: None,
    }
}

fn values(changed: &[KeyChangeView], value: impl Fn(&KeyChangeView) -> &String) -> Value {
    let taken = changed.iter().filter(|change| !change.needs_restart);
    let pairs = taken.map(|change| (change.key.clone(), json!(value(change))));
    Value::Object(pairs.collect())
}

/// Sets the level of the log.
///
/// # Errors
/// `validation_failed` for no level, or a time of nothing or over a week; those of the store.
pub async fn log_level(
    app: &Arc<App>,
    operator: &Operator,
    steering: &Arc<dyn Steering>,
    request: LogLevel,
) -> Result<Steered, Error> {
    let LogLevel {
        level,
        seconds,
        reason,
    } = request;
    steering
        .check_level(&level)
        .map_err(|why| Error::field("/level", "invalid_level", why))?;
    let term = seconds.map(Duration::from_secs);
    if term.is_some_and(|term| term.is_zero() || term > LONGEST_LEVEL) {
        let why = "expected a time of a second to a week";
        return Err(Error::field("/seconds", "out_of_range", why));
    }
    let before = steering.level();
    let steps = Steps {
        action: "daemon.log_level",
        reason,
        changes: before != level || term.is_some(),
        before: json!({ "level": before }),
        after: json!({ "level": level.clone(), "seconds": seconds }),
    };
    let steering = Arc::clone(steering);
    steer(app, operator, steps, move |_| {
        steering.set_level(&level, term);
        tracing::info!(event = "log.level", level, seconds, "log level set");
    })
    .await
}

/// Has `/readyz` say no, or yes again.
///
/// # Errors
/// Those of the store.
pub async fn drain(app: &Arc<App>, operator: &Operator, request: Drain) -> Result<Steered, Error> {
    let on = request.on;
    let before = app.draining.load(Ordering::Acquire);
    let steps = Steps {
        action: "daemon.drain",
        reason: request.reason,
        changes: before != on,
        before: json!({ "draining": before }),
        after: json!({ "draining": on }),
    };
    steer(app, operator, steps, move |app| {
        app.draining.store(on, Ordering::Release);
        tracing::info!(
            event = "daemon.drain",
            on,
            "readiness set by an administrator"
        );
    })
    .await
}

/// Closes the API but for health, keys and the check of tokens, or opens it.
///
/// # Errors
/// `validation_failed` for a message that is no text, or with `off`; those of the store.
pub async fn maintenance(
    app: &Arc<App>,
    operator: &Operator,
    request: Maintenance,
) -> Result<Steered, Error> {
    if !request.on && request.message.is_some() {
        let why = "a message is for closing, not for opening";
        return Err(Error::field("/message", "not_supported", why));
    }
    let message = request.message.unwrap_or_else(|| MESSAGE.to_owned());
    let message = text::sanitize(&message, MESSAGE_LIMIT)
        .map_err(|error| Error::field("/message", "invalid_text", error.to_string()))?;
    let after = request.on.then_some(message);
    let before = app.maintenance.get();
    let steps = Steps {
        action: "daemon.maintenance",
        reason: request.reason,
        changes: *before != after,
        before: json!({ "message": *before }),
        after: json!({ "message": after }),
    };
    steer(app, operator, steps, move |app| {
        let on = after.is_some();
        app.maintenance.set(after);
        tracing::info!(
            event = "daemon.maintenance",
            on,
            "maintenance set by an administrator"
        );
    })
    .await
}

/// A change outside of the database, for its row.
pub(super) struct Steps {
    pub(super) action: &'static str,
    pub(super) reason: Option<String>,
    /// False where everything already is as asked.
    pub(super) changes: bool,
    pub(super) before: Value,
    pub(super) after: Value,
}

fn act(action: &'static str) -> WideAct {
    WideAct {
        action,
        tenant: None,
        object: OBJECT.to_owned(),
        subject: "authd".to_owned(),
    }
}

/// Writes the row, then lets `work` change what cannot fail.
pub(super) async fn steer(
    app: &Arc<App>,
    operator: &Operator,
    steps: Steps,
    work: impl FnOnce(&Arc<App>) + Send + 'static,
) -> Result<Steered, Error> {
    let record = Record::draw(app, operator, app.now(), steps.reason.as_deref())?;
    let act = act(steps.action);
    if !steps.changes {
        return Ok(Steered(act.unchanged()));
    }
    let (app, claim) = (Arc::clone(app), operator.claim.clone());
    // A task of its own, as for a reload.
    let task = tokio::spawn(async move {
        let write = move |tx: &dyn store::WriteTx| -> Result<Change, Error> {
            record.append_wide(tx, &act, &steps.before, &steps.after)
        };
        let change = app.store.write(Priority::Urgent, claim, write).await?;
        work(&app);
        Ok(Steered(change))
    });
    task.await.map_err(Error::internal)?
}
