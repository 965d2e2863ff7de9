//! Values of settings as text: the configuration's spelling in both directions.

use std::fmt;

use common::email::Email;
use common::text;
use common::units::{format_duration, parse_duration};

use super::origin::{name_of_host, name_of_origin};
use super::page::name_of_page;
use super::{Kind, NamesOf, Value};

/// Longest name of an audience, in code points.
const AUDIENCE_LIMIT: usize = 255;

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
        Kind::Names { of, min, max } => names(text, of, min, max),
        Kind::Page => name_of_page(text).map(|()| Value::Page(text.to_owned())),
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
    let clean =
        text::sanitize(text, AUDIENCE_LIMIT).map_err(|error| InvalidValue(error.to_string()))?;
    if clean == text {
        Ok(())
    } else {
        Err(InvalidValue(
            "must not begin or end with white space, and be in normal form NFC".to_owned(),
        ))
    }
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
