//! Why a request's text does not fit its type: where, and what was expected; never what stood
//! there, which may be a password.

use std::borrow::Cow;
use std::fmt::{self, Display};

use common::error::ErrorCode;
use common::suggest::nearest;
use common::text::visible;
use serde::de::{self, Expected, Unexpected};

use crate::app::Error;

/// Longest name of a caller's that is repeated.
const NAME_LIMIT: usize = 64;

/// A text that does not fit, found while reading it.
#[derive(Debug)]
pub(super) struct Fault {
    /// Names and indexes on the way to it, the innermost first.
    path: Vec<String>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Unknown {
        name: String,
        nearest: Option<String>,
    },
    Unfit(String),
}

impl Fault {
    /// A name that the type does not have.
    pub(super) fn unknown(name: &str, known: &[&str]) -> Self {
        Self::of(Kind::Unknown {
            name: shown(name),
            nearest: nearest(name, known.iter().copied()).map(str::to_owned),
        })
    }

    /// Anything else; the text must not hold a value.
    pub(super) fn unfit(text: impl Into<String>) -> Self {
        Self::of(Kind::Unfit(text.into()))
    }

    /// Says in which member or element the fault lies.
    #[must_use]
    pub(super) fn within(mut self, name: impl Into<String>) -> Self {
        self.path.push(name.into());
        self
    }

    /// The refusal of a JSON body.
    pub(super) fn in_body(self) -> Error {
        let pointer = self.pointer();
        match self.kind {
            Kind::Unknown { name, nearest } => Error::new(
                ErrorCode::UnknownField,
                unknown_text("field", &format!("{pointer}/{name}"), nearest),
            ),
            Kind::Unfit(text) if pointer.is_empty() => {
                Error::new(ErrorCode::MalformedRequest, format!("body: {text}"))
            }
            Kind::Unfit(text) => {
                Error::new(ErrorCode::MalformedRequest, format!("{pointer}: {text}"))
            }
        }
    }

    /// The refusal of a query.
    pub(super) fn in_query(self) -> Error {
        let place = self.path.last().map(|name| shown(name));
        match self.kind {
            Kind::Unknown { name, nearest } => Error::new(
                ErrorCode::UnknownParameter,
                unknown_text("parameter", &name, nearest),
            ),
            Kind::Unfit(text) => {
                let place = place.map_or(Cow::Borrowed("query"), Cow::Owned);
                Error::new(ErrorCode::MalformedRequest, format!("{place}: {text}"))
            }
        }
    }

    fn of(kind: Kind) -> Self {
        Self {
            path: Vec::new(),
            kind,
        }
    }

    /// JSON pointer (RFC 6901).
    fn pointer(&self) -> String {
        let mut pointer = String::new();
        for name in self.path.iter().rev() {
            pointer.push('/');
            pointer.push_str(&shown(name).replace('~', "~0").replace('/', "~1"));
        }
        pointer
    }
}

/// A caller's name, fit for an answer and a log line.
pub(super) fn shown(name: &str) -> String {
    let mut chars = name.chars();
    let mut short: String = chars.by_ref().take(NAME_LIMIT).collect();
    if chars.next().is_some() {
        short.push('…');
    }
    visible(&short)
}

fn unknown_text(what: &str, name: &str, nearest: Option<String>) -> String {
    let hint = nearest.map(|name| format!("; did you mean \"{name}\"?"));
    format!("unknown {what} \"{name}\"{}", hint.unwrap_or_default())
}

fn kind_of(unexpected: &Unexpected<'_>) -> &'static str {
    match unexpected {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "a whole number",
        Unexpected::Float(_) => "a number",
        Unexpected::Char(_) | Unexpected::Str(_) => "a string",
        Unexpected::Unit | Unexpected::Option => "null",
        Unexpected::Seq => "an array",
        Unexpected::Map | Unexpected::NewtypeStruct => "an object",
        _ => "something else",
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Unknown { name, .. } => write!(f, "unknown name {name}"),
            Kind::Unfit(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: Display>(message: T) -> Self {
        Self::unfit(visible(&message.to_string()))
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::unfit(format!("expected {expected}, got {}", kind_of(&unexpected)))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::unfit(format!("expected {expected}"))
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::unfit(format!("expected {expected}, got {length} of them"))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::unfit(format!("expected one of: {}", expected.join(", ")))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::unknown(field, expected)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::unfit(format!("{field} is missing"))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::unfit(format!("{field} stands there twice"))
    }
}
