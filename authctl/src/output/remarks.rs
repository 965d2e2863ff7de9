//! What goes to standard error: remarks, warnings and failures.
//! Nothing here can fail: where standard error is gone there is nobody left to tell.

use std::ffi::OsStr;
use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use common::text::visible;

use crate::args::{ColorWhen, Format};
use crate::config::Settings;
use crate::error::Error;
use crate::exit::Exit;
use crate::output::json;

/// The way to standard error.
pub(crate) struct Remarks {
    quiet: bool,
    color: bool,
    as_json: bool,
}

impl Remarks {
    /// In the form that the reader of standard output wants.
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            quiet: settings.flags.quiet,
            color: error_color(settings.color),
            as_json: matches!(settings.format, Format::Json | Format::Jsonl),
        }
    }

    /// A remark beside the data; none with `--quiet`.
    pub(crate) fn note(&self, text: &str) {
        if self.quiet {
            return;
        }
        if self.as_json {
            let object = json::Note::new(text);
            complain(&json::line(&object).unwrap_or_default());
        } else {
            note(text);
        }
    }

    /// A failure.
    pub(crate) fn failure(&self, error: &Error, verbose: bool) {
        if let Some(text) = error.remark() {
            self.note(text);
        }
        report(error, self.as_json, self.color, verbose);
    }
}

/// A remark that no flag silences, because something would be lost without it.
pub(crate) fn note(text: &str) {
    complain(&format!("authctl: note: {}\n", visible(text)));
}

/// Puts what was asked for before what the terminal takes.
pub(crate) fn choose(when: ColorWhen, auto: ColorChoice, is_terminal: bool) -> bool {
    match when {
        ColorWhen::Always => true,
        ColorWhen::Never => false,
        ColorWhen::Auto if is("CLICOLOR_FORCE", "0") => {
            // Taken for force by the look at the environment, which stops there.
            auto != ColorChoice::Never && is_terminal && !is("CLICOLOR", "0") && !is("TERM", "dumb")
        }
        ColorWhen::Auto => auto != ColorChoice::Never,
    }
}

fn is(variable: &str, value: &str) -> bool {
    std::env::var_os(variable).as_deref() == Some(OsStr::new(value))
}

/// Whether standard error takes colour.
pub(crate) fn error_color(when: ColorWhen) -> bool {
    let stderr = io::stderr();
    choose(when, AutoStream::choice(&stderr), stderr.is_terminal())
}

/// Writes to standard error; where that fails too there is nobody left to tell.
pub(crate) fn complain(text: &str) {
    let _gone = io::stderr().write_all(text.as_bytes());
}

/// Tells of a failure on standard error.
pub(crate) fn report(error: &Error, as_json: bool, color: bool, verbose: bool) {
    if error.exit == Exit::Done {
        return;
    }
    if as_json {
        complain(&json::line(&error.form()).unwrap_or_default());
    } else {
        complain(&error.render(color, verbose));
    }
}
