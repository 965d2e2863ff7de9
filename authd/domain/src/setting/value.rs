//! Values of settings as text: the configuration's spelling in both directions.

use std::fmt;

use common::email::Email;
use common::text;
use common::units::{format_duration, parse_duration};

use super::origin::{name_of_host, name_of_origin};
use super::page::name_of_page;
use super::{Kind, NamesOf, TextOf, Value};
use crate::mailbox::Mailbox;
use crate::profile;

/// Longest name of an audience, in code points.
const AUDIENCE_LIMIT: usize = 255;
/// Most bytes of all names of an audience, as JSON: each token has them, and is below 8 KiB
/// ([`crate::token::CLAIMS_LIMIT`]).
const AUDIENCES_LIMIT: usize = 768;
/// Longest line for people, in code points.
const LINE_LIMIT: usize = 200;

/// Why a text is no value of a setting: the end of a sentence that begins with the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidValue(pub(super) String);

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Switch(on) => write!(f, "{on}"),
            Self::Duration(length) => f.write_str(&format_duration(*length)),
            Self::SessionPolicy(policy) => write!(f, "{policy}"),
            Self::Text(text) => f.write_str(text),
            Self::Names(names) => f.write_str(&names.join(",")),
            Self::Page(page) => f.write_str(page),
        }
    }
}

impl fmt::Display for Kind {
    /// What it takes: `1 to 100`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Number { min, max } => write!(f, "{min} to {max}"),
            Self::Duration { min, max } => {
                write!(f, "{} to {}", format_duration(min), format_duration(max))
            }
            Self::Switch => f.write_str("true or false"),
            Self::SessionPolicy => f.write_str("single, per_device, per_device_type or limit:N"),
            Self::Text(TextOf::Colour) => f.write_str("#rrggbb"),
            Self::Text(TextOf::Language) => f.write_str("a language tag"),
            Self::Text(TextOf::Line) => write!(f, "1 to {LINE_LIMIT} characters"),
            Self::Text(TextOf::Mailbox) => f.write_str("user@host or Name <user@host>"),
            Self::Names { min, max, .. } => write!(f, "{min} to {max} names"),
            Self::Page => f.write_str("the https URL of a page"),
        }
    }
}

/// Reads a text of a kind.
pub(super) fn parse(kind: Kind, text: &str) -> Result<Value, InvalidValue> {
    match kind {
        Kind::Number { min, max } => number(text, min, max),
        Kind::Duration { min, max } => {
            let length = parse_duration(text).map_err(|error| InvalidValue(error.to_string()))?;
            if (min..=max).contains(&length) {
                Ok(Value::Duration(length))
            } else {
                Err(InvalidValue(format!(
                    "expected a duration from \"{}\" to \"{}\"",
                    format_duration(min),
                    format_duration(max)
                )))
            }
        }
        Kind::Switch => text
            .parse()
            .map(Value::Switch)
            .map_err(|_| InvalidValue("expected true or false".to_owned())),
        Kind::SessionPolicy => text
            .parse()
            .map(Value::SessionPolicy)
            .map_err(|error: crate::session::InvalidPolicy| InvalidValue(error.to_string())),
        Kind::Text(of) => {
            match of {
                TextOf::Colour => text_of_colour(text)?,
                TextOf::Language => text_of_language(text)?,
                TextOf::Line => text_of_line(text)?,
                TextOf::Mailbox => text_of_mailbox(text)?,
            }
            Ok(Value::Text(text.to_owned()))
        }
        Kind::Names { of, min, max } => names(text, of, min, max),
        Kind::Page => name_of_page(text).map(|()| Value::Page(text.to_owned())),
    }
}

/// Checks a colour: `#rrggbb` in small letters.
///
/// # Errors
/// The end of a sentence that begins with the key.
pub fn text_of_colour(text: &str) -> Result<(), InvalidValue> {
    let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    let digits = text.strip_prefix('#');
    if digits.is_some_and(|digits| digits.len() == 6 && digits.bytes().all(is_digit)) {
        Ok(())
    } else {
        Err(InvalidValue(
            "expected a colour, like \"#1d4fbf\": six digits of 0-9 and a-f".to_owned(),
        ))
    }
}

/// Checks the tag of a language.
///
/// # Errors
/// The end of a sentence that begins with the key.
pub fn text_of_language(text: &str) -> Result<(), InvalidValue> {
    match profile::locale(text) {
        Ok(tag) if tag == text => Ok(()),
        _ => Err(InvalidValue(profile::InvalidField::Locale.to_string())),
    }
}

/// Checks one line for people.
///
/// # Errors
/// The end of a sentence that begins with the key.
pub fn text_of_line(text: &str) -> Result<(), InvalidValue> {
    clean(text, LINE_LIMIT)
}

/// Checks a mailbox.
///
/// # Errors
/// The end of a sentence that begins with the key.
pub fn text_of_mailbox(text: &str) -> Result<(), InvalidValue> {
    let read: Result<Mailbox, _> = text.parse();
    read.map(drop)
        .map_err(|error| InvalidValue(error.to_string()))
}

/// Checks that a text is what [`text::sanitize`] would make of it.
fn clean(text: &str, limit: usize) -> Result<(), InvalidValue> {
    let clean = text::sanitize(text, limit).map_err(|error| InvalidValue(error.to_string()))?;
    if clean == text {
        Ok(())
    } else {
        Err(InvalidValue(
            "must not begin or end with white space, and be in normal form NFC".to_owned(),
        ))
    }
}

fn number(text: &str, min: u64, max: u64) -> Result<Value, InvalidValue> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse::<u32>().ok();
    number
        .filter(|&number| is_plain && (min..=max).contains(&u64::from(number)))
        .map(Value::Number)
        .ok_or_else(|| InvalidValue(format!("expected a whole number from {min} to {max}")))
}

fn names(text: &str, of: NamesOf, min: usize, max: usize) -> Result<Value, InvalidValue> {
    let text = text.trim();
    let parts = text.split(',').map(str::trim).filter(|_| !text.is_empty());
    let mut names: Vec<String> = Vec::new();
    for part in parts {
        match of {
            NamesOf::Audience => name_of_audience(part)?,
            NamesOf::Domain => name_of_domain(part)?,
            NamesOf::Host => name_of_host(part)?,
            NamesOf::Origin => name_of_origin(part)?,
            NamesOf::Reference => name_of_reference(part)?,
        }
        if names.iter().any(|name| name == part) {
            return Err(InvalidValue(format!("names \"{part}\" twice")));
        }
        names.push(part.to_owned());
    }
    if names.len() > max {
        return Err(InvalidValue(format!("takes at most {max} entries")));
    }
    if matches!(of, NamesOf::Audience) {
        size_of_audience(&names)?;
    }
    if names.len() < min {
        return Err(InvalidValue(format!("takes at least {min} entries")));
    }
    Ok(Value::Names(names))
}

/// Checks whom a token may be for.
///
/// # Errors
/// The end of a sentence that begins with the key.
pub fn name_of_audience(text: &str) -> Result<(), InvalidValue> {
    clean(text, AUDIENCE_LIMIT)
}

/// Checks how much room all names of an audience take in a token.
///
/// # Errors
/// The end of a sentence that begins with the key.
pub fn size_of_audience(names: &[String]) -> Result<(), InvalidValue> {
    let length = crate::token::json_length(&names);
    if length <= AUDIENCES_LIMIT {
        return Ok(());
    }
    Err(InvalidValue(format!(
        "takes at most {AUDIENCES_LIMIT} bytes as JSON, and this is {length}: each token has them"
    )))
}

/// Checks the domain of e-mail addresses: in the canonical spelling, so that it compares with theirs.
///
/// # Errors
/// The end of a sentence that begins with the key.
pub fn name_of_domain(text: &str) -> Result<(), InvalidValue> {
    let expected = || InvalidValue("expected domains, like example.com".to_owned());
    let address: Email = format!("a@{text}").parse().map_err(|_| expected())?;
    let canonical = address.domain();
    if canonical == text {
        Ok(())
    } else if address.local() == "a" && !canonical.is_empty() {
        Err(InvalidValue(format!(
            "has \"{text}\", to be written \"{canonical}\""
        )))
    } else {
        Err(expected())
    }
}

/// Checks the name of a reference to another system: `[a-z][a-z0-9_]{0,31}`.
///
/// # Errors
/// The end of a sentence that begins with the key.
pub fn name_of_reference(text: &str) -> Result<(), InvalidValue> {
    let fits = (1..=32).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if fits {
        Ok(())
    } else {
        Err(InvalidValue(
            "expected names of 1 to 32 characters of a-z, 0-9 and _, the first a letter".to_owned(),
        ))
    }
}
