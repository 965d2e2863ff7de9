//! `daemon config|reload|log-level|drain|maintenance`.

use std::fmt::Write;

use common::call::AdminCall;
use common::call::daemon::{Config, Drain, LogLevel, Maintenance, Reload, Steered};
use common::units::format_duration;
use common::view::{ConfigFaultView, ConfigValueView, ConfigView, KeyChangeView, ReloadView};

use crate::args::{Daemon, Switch};
use crate::commands::status::has_form;
use crate::commands::{Context, sentence};
use crate::error::Error;
use crate::exit::Exit;

/// What was done, and what is said where it was so already.
type Told = (&'static str, &'static str);

const READY: Told = (
    "Opened readiness: /readyz says yes",
    "authd is not draining",
);
const DRAINING: Told = (
    "Closed readiness: /readyz says no, requests are still answered",
    "authd is draining",
);
const OPEN: Told = ("Opened the API", "The API is open");
const CLOSED: Told = (
    "Closed the API for maintenance; health, keys and checks answer",
    "The API is closed so",
);

/// Runs one of the commands.
pub(crate) async fn run(context: &mut Context, command: Daemon) -> Result<Exit, Error> {
    match command {
        Daemon::Config { changed } => config(context, changed).await,
        Daemon::Reload { wait, why } => {
            has_form(&context.printer, "daemon reload")?;
            if wait {
                context.client.wait_for_ever();
            }
            let call = Reload { reason: why.reason };
            let view = context.client.call(&call).await?;
            reloaded(context, &view)
        }
        Daemon::LogLevel { level, term, why } => {
            let until = term.map_or_else(String::new, |term| {
                format!(" for {}", format_duration(term))
            });
            let done = format!("Set the level of the log to {level}{until}");
            let already = format!("The level of the log is {level}");
            let call = LogLevel {
                level,
                seconds: term.map(|term| term.as_secs()),
                reason: why.reason,
            };
            steer(context, &call, &done, &already).await
        }
        Daemon::Drain { off, why } => {
            let call = Drain {
                on: !off,
                reason: why.reason,
            };
            let (done, already) = if off { READY } else { DRAINING };
            steer(context, &call, done, already).await
        }
        Daemon::Maintenance {
            switch,
            message,
            why,
        } => {
            let on = switch == Switch::On;
            let call = Maintenance {
                on,
                message,
                reason: why.reason,
            };
            let (done, already) = if on { CLOSED } else { OPEN };
            steer(context, &call, done, already).await
        }
    }
}

/// Makes a call, and says what was done, or that all was so already.
async fn steer<C: AdminCall<Answer = Steered>>(
    context: &mut Context,
    call: &C,
    done: &str,
    already: &str,
) -> Result<Exit, Error> {
    let Steered(change) = context.client.call(call).await?;
    let text = sentence(&change, done, already);
    context.printer.change(&change, &text)?;
    Ok(Exit::Done)
}

async fn config(context: &mut Context, changed: bool) -> Result<Exit, Error> {
    has_form(&context.printer, "daemon config")?;
    let view = context.client.call(&Config { changed }).await?;
    if context.printer.speaks_json() {
        context.printer.object("daemon.config", &view)?;
    } else {
        context.printer.text(&toml(&view))?;
    }
    Ok(Exit::Done)
}

/// The configuration as a file that would load to the same.
fn toml(view: &ConfigView) -> String {
    let mut text = String::new();
    let mut section = "";
    for setting in &view.settings {
        let Some(value) = &setting.value else {
            continue;
        };
        let (own, leaf) = setting.key.split_once('.').unwrap_or(("", &setting.key));
        if own != section {
            let gap = if text.is_empty() { "" } else { "\n" };
            add(&mut text, format_args!("{gap}[{own}]\n"));
            section = own;
        }
        let remark = remark(setting);
        add(&mut text, format_args!("{leaf} = {value}  # {remark}\n"));
        if setting.key == "log.level"
            && let Some(level) = &view.log_level
        {
            add(
                &mut text,
                format_args!("# level = {level:?}  # set by hand, holds now\n"),
            );
        }
    }
    text
}

fn remark(setting: &ConfigValueView) -> String {
    let from = match setting.from.as_str() {
        "default" => "default".to_owned(),
        from => format!("from {from}"),
    };
    match setting.secret_is_set {
        None => from,
        Some(true) => format!("{from} (set)"),
        Some(false) => format!("{from} (not set)"),
    }
}

fn add(text: &mut String, more: std::fmt::Arguments<'_>) {
    // Writing to a String does not fail.
    let _ = text.write_fmt(more);
}

fn reloaded(context: &mut Context, view: &ReloadView) -> Result<Exit, Error> {
    if let Some((first, rest)) = view.faults.split_first() {
        return Err(refused(first, rest.len()));
    }
    if context.printer.speaks_json() {
        context.printer.object("daemon.reload", view)?;
        return Ok(Exit::Done);
    }
    context.printer.line(&summary(&view.changed))?;
    for warning in &view.warnings {
        context.printer.note(&place(warning))?;
    }
    Ok(Exit::Done)
}

fn refused(first: &ConfigFaultView, more: usize) -> Error {
    let message = format!("cannot reload: {}", place(first));
    let mut error = Error::new(Exit::Failure, "config_refused", message);
    if let Some(hint) = &first.hint {
        error = error.hint(hint);
    }
    let others = match more {
        0 => String::new(),
        1 => "One more fault: sudo authd check-config. ".to_owned(),
        many => format!("{many} more faults: sudo authd check-config. "),
    };
    error.hint(format!("{others}The former configuration holds."))
}

fn place(fault: &ConfigFaultView) -> String {
    match &fault.at {
        Some(at) => format!("{at}: {}", fault.message),
        None => fault.message.clone(),
    }
}

/// `Reloaded: 3 keys changed, 1 needs a restart (api.listen).`
fn summary(changed: &[KeyChangeView]) -> String {
    let count = match changed.len() {
        0 => return "Reloaded: nothing changed.".to_owned(),
        1 => "1 key changed".to_owned(),
        many => format!("{many} keys changed"),
    };
    let waiting: Vec<&str> = changed
        .iter()
        .filter(|change| change.needs_restart)
        .map(|change| change.key.as_str())
        .collect();
    let names = waiting.join(", ");
    match waiting.len() {
        0 => format!("Reloaded: {count}."),
        1 => format!("Reloaded: {count}, 1 needs a restart ({names})."),
        many => format!("Reloaded: {count}, {many} need a restart ({names})."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(key: &str, needs_restart: bool) -> KeyChangeView {
        KeyChangeView {
            key: key.to_owned(),
            before: String::new(),
            after: String::new(),
            needs_restart,
        }
    }

    #[test]
    fn a_reload_counts_what_changed_and_names_what_waits() {
        let some = [
            change("a", false),
            change("api.listen", true),
            change("b", false),
        ];
        assert_eq!(
            summary(&some),
            "Reloaded: 3 keys changed, 1 needs a restart (api.listen)."
        );
        assert_eq!(summary(&some[..1]), "Reloaded: 1 key changed.");
        let waiting = [change("a", true), change("b", true)];
        assert_eq!(
            summary(&waiting),
            "Reloaded: 2 keys changed, 2 need a restart (a, b)."
        );
        assert_eq!(summary(&[]), "Reloaded: nothing changed.");
    }
}
