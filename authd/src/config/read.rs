//! Reads a value against the kind of its key: from TOML with places, or from a plain text.
//! Hard bounds hold here for every layer alike.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use common::units::{format_duration, parse_duration, parse_size};
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::form;
use super::key::{Form, Kind};
use super::value::{Value, format_size};

/// Longest time limit of a path.
const LONGEST_TIMEOUT: Duration = Duration::from_hours(24);
/// Most path prefixes with limits of their own.
const MOST_TIMEOUTS: usize = 100;

/// Why a value was refused, and the bytes of the document that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// Bytes of the document.
    pub span: Range<usize>,
    /// The end of a sentence that begins with the key.
    pub why: String,
}

/// Reads a value of a TOML document.
///
/// # Errors
/// Every refusal, as for several elements of a list.
pub(super) fn from_toml(kind: Kind, value: &Spanned<DeValue<'_>>) -> Result<Value, Vec<Refusal>> {
    let refuse = |why: String| {
        vec![Refusal {
            span: value.span(),
            why,
        }]
    };
    match (kind, value.get_ref()) {
        (Kind::Bool, DeValue::Boolean(on)) => Ok(Value::Bool(*on)),
        (Kind::Integer { min, max }, DeValue::Integer(_)) => {
            integer(whole(value.get_ref()), min, max).map_err(refuse)
        }
        (Kind::List { item, max }, DeValue::Array(items)) => list(item, max, items, &value.span()),
        (Kind::TimeoutOverrides, DeValue::Table(table)) => timeouts(table, &value.span()),
        (
            Kind::Duration { .. } | Kind::Size { .. } | Kind::Text(_) | Kind::Choice(_),
            DeValue::String(text),
        ) => from_text(kind, text).map_err(refuse),
        (_, other) => Err(refuse(wrong_type(kind, other))),
    }
}

/// Reads a plain text, as of an environment variable: lists are separated by commas.
///
/// # Errors
/// The end of a sentence that begins with the key.
pub(super) fn from_text(kind: Kind, text: &str) -> Result<Value, String> {
    match kind {
        Kind::Bool => match text {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err(expected(kind)),
        },
        Kind::Integer { min, max } => integer(digits(text), min, max),
        Kind::Duration { min, max } => duration(text, min, max).map(Value::Duration),
        Kind::Size { min, max } => {
            let bytes = parse_size(text).map_err(|e| e.to_string())?;
            if (min..=max).contains(&bytes) {
                Ok(Value::Size(bytes))
            } else {
                Err(expected(kind))
            }
        }
        Kind::Text(form) => {
            form::check(form, text)?;
            Ok(Value::Text(text.to_owned()))
        }
        Kind::Choice(words) if words.contains(&text) => Ok(Value::Text(text.to_owned())),
        Kind::Choice(words) => Err(
            match common::suggest::nearest(text, words.iter().copied()) {
                Some(word) => format!("{}; did you mean \"{word}\"?", expected(kind)),
                None => expected(kind),
            },
        ),
        Kind::List { item, max } => text_list(item, max, text),
        Kind::TimeoutOverrides => text_timeouts(text),
    }
}

/// What a key takes, as the end of a sentence that begins with the key.
pub(super) fn expected(kind: Kind) -> String {
    match kind {
        Kind::Bool => "expected true or false".to_owned(),
        Kind::Integer { min, max } => format!("expected a whole number from {min} to {max}"),
        Kind::Duration { min, max } => format!(
            "expected a duration from \"{}\" to \"{}\"",
            format_duration(min),
            format_duration(max)
        ),
        Kind::Size { min, max } => format!(
            "expected a size from \"{}\" to \"{}\"",
            format_size(min),
            format_size(max)
        ),
        Kind::Text(_) => "expected a text in quotes".to_owned(),
        Kind::Choice(words) => {
            let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
            format!("expected one of {}", words.join(", "))
        }
        Kind::List { .. } => "expected a list of texts, like [\"a\", \"b\"]".to_owned(),
        Kind::TimeoutOverrides => {
            "expected path prefixes with durations, like { \"/v1/import\" = \"10m\" }".to_owned()
        }
    }
}

fn wrong_type(kind: Kind, found: &DeValue<'_>) -> String {
    match (kind, found) {
        (Kind::Duration { .. }, DeValue::Integer(_)) => {
            "needs a unit: write it as a text, like \"30s\" or \"15m\"".to_owned()
        }
        (Kind::Size { .. }, DeValue::Integer(_)) => {
            "needs a unit: write it as a text, like \"64KiB\" or \"8MiB\"".to_owned()
        }
        (Kind::Text(Form::Mode), DeValue::Integer(_)) => {
            "is an octal mode, and a bare number is read as decimal: write it as a text, like \"0660\""
                .to_owned()
        }
        (_, found) => format!("{}, found {}", expected(kind), name_of(found)),
    }
}

fn name_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// A whole number; none if negative or beyond 64 bits, which no bound allows.
fn whole(value: &DeValue<'_>) -> Option<u64> {
    let number = value.as_integer()?;
    u64::from_str_radix(number.as_str().trim_start_matches('+'), number.radix()).ok()
}

fn digits(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}

fn integer(number: Option<u64>, min: u64, max: u64) -> Result<Value, String> {
    number
        .filter(|number| (min..=max).contains(number))
        .map(Value::Integer)
        .ok_or_else(|| expected(Kind::Integer { min, max }))
}

fn duration(text: &str, min: Duration, max: Duration) -> Result<Duration, String> {
    let length = parse_duration(text).map_err(|e| e.to_string())?;
    if (min..=max).contains(&length) {
        Ok(length)
    } else {
        Err(expected(Kind::Duration { min, max }))
    }
}

fn list(
    item: Form,
    max: usize,
    items: &DeArray<'_>,
    span: &Range<usize>,
) -> Result<Value, Vec<Refusal>> {
    let mut texts: Vec<String> = Vec::new();
    let mut refusals = Vec::new();
    for element in items {
        let read = match element.get_ref() {
            DeValue::String(text) => Ok(text.to_string()),
            DeValue::Integer(_) if item == Form::Account => whole(element.get_ref())
                .map(|uid| uid.to_string())
                .ok_or_else(|| "expected names of users or uids".to_owned()),
            other => Err(format!(
                "expected texts in quotes, found {}",
                name_of(other)
            )),
        };
        let read = read.and_then(|text| next_item(item, &texts, text));
        match read {
            Ok(text) => texts.push(text),
            Err(why) => refusals.push(Refusal {
                span: element.span(),
                why,
            }),
        }
    }
    if texts.len() > max {
        refusals.push(Refusal {
            span: span.clone(),
            why: too_many(max),
        });
    }
    if refusals.is_empty() {
        Ok(Value::List(texts))
    } else {
        Err(refusals)
    }
}

fn next_item(item: Form, before: &[String], text: String) -> Result<String, String> {
    form::check(item, &text)?;
    if before.contains(&text) {
        return Err(format!("names \"{text}\" twice"));
    }
    Ok(text)
}

fn too_many(max: usize) -> String {
    format!("takes at most {max} entries")
}

fn text_list(item: Form, max: usize, text: &str) -> Result<Value, String> {
    let mut texts = Vec::new();
    for part in parts(text) {
        texts.push(next_item(item, &texts, part.to_owned())?);
    }
    if texts.len() > max {
        return Err(too_many(max));
    }
    Ok(Value::List(texts))
}

/// The parts between commas; none in an empty text.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let text = text.trim();
    text.split(',')
        .map(str::trim)
        .filter(move |_| !text.is_empty())
}

fn timeouts(table: &DeTable<'_>, span: &Range<usize>) -> Result<Value, Vec<Refusal>> {
    let mut limits = BTreeMap::new();
    let mut refusals = Vec::new();
    for (prefix, limit) in table {
        let read = match limit.get_ref() {
            DeValue::String(text) => timeout(prefix.get_ref(), text),
            other => Err(wrong_type(
                Kind::Duration {
                    min: Duration::from_millis(1),
                    max: LONGEST_TIMEOUT,
                },
                other,
            )),
        };
        match read {
            Ok(read) => {
                limits.insert(prefix.get_ref().to_string(), read);
            }
            Err(why) => refusals.push(Refusal {
                span: limit.span(),
                why: format!("\"{}\": {why}", prefix.get_ref()),
            }),
        }
    }
    if limits.len() > MOST_TIMEOUTS {
        refusals.push(Refusal {
            span: span.clone(),
            why: too_many(MOST_TIMEOUTS),
        });
    }
    if refusals.is_empty() {
        Ok(Value::Timeouts(limits))
    } else {
        Err(refusals)
    }
}

fn timeout(prefix: &str, limit: &str) -> Result<Option<Duration>, String> {
    let prefix_fits = prefix.starts_with('/')
        && prefix.len() <= 200
        && prefix.bytes().all(|byte| byte.is_ascii_graphic());
    if !prefix_fits {
        return Err("expected a path prefix that begins with /".to_owned());
    }
    if limit == "none" {
        return Ok(None);
    }
    duration(limit, Duration::from_millis(1), LONGEST_TIMEOUT)
        .map(Some)
        .map_err(|why| format!("{why}, or \"none\""))
}

fn text_timeouts(text: &str) -> Result<Value, String> {
    let mut limits = BTreeMap::new();
    for part in parts(text) {
        let (prefix, limit) = part
            .rsplit_once('=')
            .ok_or("expected PREFIX=DURATION, separated by commas")?;
        let read = timeout(prefix, limit).map_err(|why| format!("\"{prefix}\": {why}"))?;
        if limits.insert(prefix.to_owned(), read).is_some() {
            return Err(format!("names \"{prefix}\" twice"));
        }
    }
    if limits.len() > MOST_TIMEOUTS {
        return Err(too_many(MOST_TIMEOUTS));
    }
    Ok(Value::Timeouts(limits))
}
