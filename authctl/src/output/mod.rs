//! The one writer: all that authctl says goes through here, so that a closed pipe or a full disk
//! ends it as documented. Data goes to standard output, all else to standard error.

pub(crate) mod csv;
pub(crate) mod json;
mod list;
pub(crate) mod remarks;
pub(crate) mod table;
pub(crate) mod time;

use std::io::{self, BufWriter, IsTerminal, Write};

use anstream::AutoStream;
use common::call::Change;
use common::text::visible;
use common::time::{Clock, SystemClock};
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::args::Format;
use crate::config::Settings;
use crate::error::Error;
use crate::exit::Exit;
use remarks::{Remarks, choose};
use table::Column;
use time::Moments;

const BOLD: &str = "\u{1b}[1m";
const YELLOW: &str = "\u{1b}[33m";
const PLAIN: &str = "\u{1b}[0m";

/// What a list or an object looks like in every format.
pub(crate) struct Shape<T: 'static> {
    /// Name of one in JSON; a list adds `.list`.
    pub(crate) kind: &'static str,
    /// Columns in their order.
    pub(crate) columns: &'static [Column<T>],
    /// Fields that `--filter` knows.
    pub(crate) keys: &'static [&'static str],
    /// What stands for it in `--output id`.
    pub(crate) id: fn(&T) -> String,
    /// What to say where there are none.
    pub(crate) none: &'static str,
}

/// Writes results and remarks in the wanted form.
pub(crate) struct Printer {
    out: BufWriter<io::Stdout>,
    /// How results are written.
    pub(crate) format: Format,
    headers: bool,
    width: Option<usize>,
    color: bool,
    /// The way to standard error.
    pub(crate) remarks: Remarks,
    columns: Vec<String>,
    sort: Option<String>,
    /// Whether the headings of a CSV of changes, or of a list that goes on, stand already.
    headed: bool,
    /// How wide the columns of a list that goes on became.
    widths: Vec<usize>,
    /// How times are written.
    pub(crate) moments: Moments,
}

impl Printer {
    /// Looks at the terminal once.
    pub(crate) fn new(settings: &Settings) -> Self {
        let stdout = io::stdout();
        let tty = stdout.is_terminal();
        let flags = &settings.flags;
        let local = flags.local || (tty && !flags.utc);
        let narrow = tty && !flags.no_trunc && settings.format == Format::Table;
        let width = narrow.then(terminal_width).flatten();
        let color = choose(settings.color, AutoStream::choice(&stdout), tty);
        Self {
            format: settings.format,
            headers: !flags.no_headers,
            width,
            color,
            remarks: Remarks::new(settings),
            columns: flags.columns.clone(),
            sort: flags.sort.clone(),
            headed: false,
            widths: Vec::new(),
            moments: Moments {
                now: SystemClock.now(),
                relative: tty && settings.format == Format::Table,
                zone: if local {
                    TimeZone::system()
                } else {
                    TimeZone::UTC
                },
                brief: settings.format == Format::Table && !flags.no_trunc,
            },
            out: BufWriter::new(stdout),
        }
    }

    /// Whether programs read this.
    pub(crate) fn speaks_json(&self) -> bool {
        matches!(self.format, Format::Json | Format::Jsonl)
    }

    /// Writes one object that has no table: with its kind, or bare in lines.
    ///
    /// # Errors
    /// As [`Printer::text`].
    pub(crate) fn object<T: Serialize>(&mut self, kind: &str, value: &T) -> Result<(), Error> {
        let line = match self.format {
            Format::Jsonl => json::line(value)?,
            _ => json::line(&json::Single::new(kind, value))?,
        };
        self.text(&line)
    }

    /// Writes text as it is.
    ///
    /// # Errors
    /// A closed pipe, which is no failure, or a full disk and the like.
    pub(crate) fn text(&mut self, text: &str) -> Result<(), Error> {
        self.out
            .write_all(text.as_bytes())
            .map_err(|error| write_error(&error))
    }

    /// Writes bytes as they are.
    ///
    /// # Errors
    /// As [`Printer::text`].
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.out
            .write_all(bytes)
            .map_err(|error| write_error(&error))
    }

    /// Writes one line for people, made harmless.
    ///
    /// # Errors
    /// As [`Printer::text`].
    pub(crate) fn line(&mut self, line: &str) -> Result<(), Error> {
        self.text(&visible(line))?;
        self.text("\n")
    }

    /// Writes one line that wants attention.
    ///
    /// # Errors
    /// As [`Printer::text`].
    pub(crate) fn warning_line(&mut self, line: &str) -> Result<(), Error> {
        if self.color {
            return self.text(&format!("{YELLOW}{}{PLAIN}\n", visible(line)));
        }
        self.line(line)
    }

    /// Writes all that is still held back.
    ///
    /// # Errors
    /// As [`Printer::text`].
    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        self.out.flush().map_err(|error| write_error(&error))
    }

    /// Reads the clock again, for what is shown again and again.
    pub(crate) fn look_at_the_clock(&mut self) {
        self.moments.now = SystemClock.now();
    }

    /// Writes what a change did; `sentence` is the line for people.
    ///
    /// # Errors
    /// As [`Printer::text`].
    pub(crate) fn change(&mut self, change: &Change, sentence: &str) -> Result<(), Error> {
        match self.format {
            Format::Json | Format::Jsonl => self.text(&json::line(&json::Outcome::new(change))?)?,
            Format::Id => self.line(change.id.as_deref().unwrap_or(&change.subject))?,
            Format::Csv => self.change_csv(change)?,
            Format::Table | Format::Wide => {
                self.line(sentence)?;
                // Alone on its line, so that it can be copied, or taken by a script.
                if let Some(link) = &change.link {
                    self.line(link.expose())?;
                }
            }
        }
        if !self.speaks_json() {
            for note in &change.notes {
                self.note(note)?;
            }
        }
        if self.format == Format::Id && change.link.is_some() {
            let whose = &change.subject;
            self.note(&format!(
                "the link made for {whose} was not shown; make another: \
                 authctl user reset-password USER --print-link"
            ))?;
        }
        Ok(())
    }

    /// Adds a remark below what was written so far; none with `--quiet`.
    ///
    /// # Errors
    /// As [`Printer::text`].
    pub(crate) fn note(&mut self, text: &str) -> Result<(), Error> {
        // Both streams may be one terminal: what was written first is to stand first.
        self.flush()?;
        self.remarks.note(text);
        Ok(())
    }

    /// Tells of a failure below what was written so far, and goes on.
    ///
    /// # Errors
    /// As [`Printer::text`].
    pub(crate) fn failure(&mut self, error: &Error, verbose: bool) -> Result<(), Error> {
        self.flush()?;
        self.remarks.failure(error, verbose);
        Ok(())
    }

    /// Writes what several changes did as one object; nothing in the formats that wrote each.
    ///
    /// # Errors
    /// As [`Printer::text`].
    pub(crate) fn changes(&mut self, changes: &[Change]) -> Result<(), Error> {
        if self.format != Format::Json {
            return Ok(());
        }
        let items: Vec<json::Outcome> = changes.iter().map(json::Outcome::new).collect();
        self.text(&json::line(&json::List::new("result.list", &items, None))?)
    }

    fn change_csv(&mut self, change: &Change) -> Result<(), Error> {
        if self.headers && !self.headed {
            self.headed = true;
            self.text(&csv::line(&[
                "action",
                "changed",
                "id",
                "tenant",
                "audit_id",
                "generated_password",
                "link",
                "client_secret",
            ]))?;
        }
        let audit = change.audit_id.map(|id| id.to_string()).unwrap_or_default();
        self.text(&csv::line(&[
            change.action.as_str(),
            if change.changed { "yes" } else { "no" },
            change.id.as_deref().unwrap_or(""),
            change.tenant.as_deref().unwrap_or(""),
            &audit,
            change
                .generated_password
                .as_ref()
                .map_or("", |p| p.expose()),
            change.link.as_ref().map_or("", |link| link.expose()),
            change.client_secret.as_ref().map_or("", |s| s.expose()),
        ]))
    }
}

fn terminal_width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|&columns| columns > 0)
}

fn write_error(error: &io::Error) -> Error {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Error::closed_pipe();
    }
    Error::new(
        Exit::Failure,
        "output",
        format!("cannot write to standard output: {error}"),
    )
}
