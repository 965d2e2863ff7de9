//! What the document says of a route beyond the signature of its handler.

use common::error::ErrorCode;
use schemars::JsonSchema;
use serde_json::Value;

use super::draft::{Book, reference};

/// What a good answer bears, where the handler's type does not say it.
#[derive(Clone, Copy)]
pub(super) enum Bears {
    /// What the type says.
    AsTyped,
    /// JSON of this schema.
    Json(fn(&mut Book) -> Value),
    /// Bytes or text of one of these content types.
    Content(&'static [&'static str]),
    /// No body.
    Nothing,
}

/// The name of a body and its schema.
type OwnBody = (&'static str, fn() -> Value);

/// The entry of a route.
pub(super) struct Entry {
    /// Method and path, as the table of routes has them.
    pub(super) route: &'static str,
    /// One line.
    pub(super) summary: &'static str,
    /// More, where a line is not enough.
    pub(super) description: Option<&'static str>,
    /// Status of the good answer.
    pub(super) status: u16,
    /// Its body.
    pub(super) bears: Bears,
    /// Further good answers without a body, with the reason.
    pub(super) also: Vec<(u16, &'static str)>,
    /// Headers of the good answer beside those that all have.
    pub(super) headers: Vec<(&'static str, &'static str)>,
    /// Codes that the use case refuses with.
    pub(super) codes: Vec<ErrorCode>,
    /// A body.
    pub(super) example: Option<&'static str>,
    /// Scope that a service client needs.
    pub(super) scope: Option<&'static str>,
    /// The schema of a body whose type has no members of its own, with its name.
    pub(super) body: Option<OwnBody>,
}

/// An entry for a route, which answers 200 with what its type says.
pub(super) fn entry(route: &'static str, summary: &'static str) -> Entry {
    Entry {
        route,
        summary,
        description: None,
        status: 200,
        bears: Bears::AsTyped,
        also: Vec::new(),
        headers: Vec::new(),
        codes: Vec::new(),
        example: None,
        scope: None,
        body: None,
    }
}

impl Entry {
    /// Says more.
    pub(super) fn says(mut self, text: &'static str) -> Self {
        self.description = Some(text);
        self
    }

    /// It answers with this status and without a body.
    pub(super) fn empty(mut self, status: u16) -> Self {
        self.status = status;
        self.bears = Bears::Nothing;
        self
    }

    /// It answers with JSON of a type.
    pub(super) fn json<T: JsonSchema>(mut self, status: u16) -> Self {
        self.status = status;
        self.bears = Bears::Json(Book::answer::<T>);
        self
    }

    /// It answers with JSON that no type of ours describes.
    pub(super) fn shaped(mut self, schema: fn(&mut Book) -> Value) -> Self {
        self.bears = Bears::Json(schema);
        self
    }

    /// It answers with one of these content types.
    pub(super) fn content(mut self, kinds: &'static [&'static str]) -> Self {
        self.bears = Bears::Content(kinds);
        self
    }

    /// It makes something, and says where that is.
    pub(super) fn makes(self) -> Self {
        self.bearing("Location", "Path of what was made.")
    }

    /// The good answer has this header.
    pub(super) fn bearing(mut self, name: &'static str, text: &'static str) -> Self {
        self.headers.push((name, text));
        self
    }

    /// It may answer with this status, too.
    pub(super) fn or(mut self, status: u16, why: &'static str) -> Self {
        self.also.push((status, why));
        self
    }

    /// The use case refuses with these codes.
    pub(super) fn fails(mut self, codes: &[ErrorCode]) -> Self {
        self.codes.extend(codes);
        self
    }

    /// A body that its reader takes.
    pub(super) fn example(mut self, body: &'static str) -> Self {
        self.example = Some(body);
        self
    }

    /// A service client needs this scope.
    pub(super) fn scope(mut self, scope: &'static str) -> Self {
        self.scope = Some(scope);
        self
    }

    /// The body is of this schema.
    pub(super) fn body(mut self, name: &'static str, schema: fn() -> Value) -> Self {
        self.body = Some((name, schema));
        self
    }
}

/// A reference to a schema of the document's own.
pub(super) fn named(name: &'static str) -> Value {
    reference("schemas", name)
}
