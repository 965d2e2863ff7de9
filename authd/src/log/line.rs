//! The forms of a line. Whatever a value holds, it stays within its line and shows no control or
//! direction-changing character (ASVS 16.4.1).

use std::collections::BTreeMap;
use std::fmt::Write;

use common::text::{is_forbidden, visible};
use common::time::Time;
use serde_json::Value;
use tracing::Level;

/// Most characters of one value; the rest is left out and marked.
const LONGEST_VALUE: usize = 2048;

/// Named values of an event or a span.
pub(super) type Fields = BTreeMap<&'static str, Value>;

/// What a line tells.
#[derive(Debug)]
pub(super) struct Event {
    /// When.
    pub(super) time: Time,
    /// How grave.
    pub(super) level: Level,
    /// Which part of the program.
    pub(super) target: String,
    /// What.
    pub(super) message: String,
    /// The circumstances.
    pub(super) fields: Fields,
}

/// Form of the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// `<6>message key=value`: the journal adds the time, and reads the priority.
    Journal,
    /// `time LEVEL target: message key=value`
    Plain,
    /// An entry of the journal with its fields.
    Native,
    /// One JSON object.
    Json,
}

impl Format {
    /// Writes an event, with the end of its line.
    pub(super) fn line(self, event: &Event) -> String {
        let mut line = String::new();
        match self {
            Self::Native => return super::journal::entry(event),
            Self::Journal => {
                push(&mut line, format_args!("<{}>", priority(event.level)));
                human(&mut line, event);
            }
            Self::Plain => {
                let target = visible(&event.target);
                push(
                    &mut line,
                    format_args!("{} {:<5} {target}: ", event.time, event.level),
                );
                human(&mut line, event);
            }
            Self::Json => json(&mut line, event),
        }
        line.push('\n');
        line
    }

    /// Writes the line that tells of lost ones.
    pub(super) fn lost(self, time: Time, count: u64) -> String {
        self.line(&Event {
            time,
            level: Level::WARN,
            target: module_path!().to_owned(),
            message: "log lines were lost, because those before them were not read".to_owned(),
            fields: Fields::from([("count", Value::from(count))]),
        })
    }
}

/// A text as a value, not longer than values are.
pub(super) fn text(text: &str) -> String {
    match text.char_indices().nth(LONGEST_VALUE) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Priority of syslog.
pub(super) fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

/// `message key=value`.
pub(super) fn human(line: &mut String, event: &Event) {
    line.push_str(&visible(&event.message));
    for (name, value) in &event.fields {
        push(line, format_args!(" {name}="));
        match value {
            Value::String(text) if is_plain(text) => line.push_str(text),
            Value::String(text) => {
                let text = text.replace('\\', "\\\\").replace('"', "\\\"");
                push(line, format_args!("\"{}\"", visible(&text)));
            }
            other => push(line, format_args!("{other}")),
        }
    }
}

/// Whether a text needs no quotes.
fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| !c.is_whitespace() && !is_forbidden(c) && !matches!(c, '"' | '=' | '\\'))
}

fn json(line: &mut String, event: &Event) {
    let level = event.level.as_str().to_ascii_lowercase();
    let mut members = vec![
        ("time", Value::from(event.time.to_string())),
        ("level", Value::from(level)),
        ("target", Value::from(event.target.as_str())),
        ("message", Value::from(event.message.as_str())),
    ];
    let reserved: Vec<&str> = members.iter().map(|(name, _)| *name).collect();
    let fields = event.fields.iter();
    members.extend(
        fields
            .filter(|(name, _)| !reserved.contains(name))
            .map(|(name, value)| (*name, value.clone())),
    );
    let members: Vec<String> = members
        .into_iter()
        .map(|(name, value)| format!("{}:{value}", Value::from(name)))
        .collect();
    // Outside of texts JSON has no such character, so every one found is within a text.
    for c in format!("{{{}}}", members.join(",")).chars() {
        if is_forbidden(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                push(line, format_args!("\\u{unit:04x}"));
            }
        } else {
            line.push(c);
        }
    }
}

fn push(line: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a String does not fail.
    let _ = line.write_fmt(arguments);
}
