//! What the signature of a handler says: each extractor tells what it takes from a request and how it
//! refuses, the answer tells its shape. A handler with an argument that does not is no route.

use std::future::Future;
use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use common::error::ErrorCode::{
    BodyTooLarge, InvalidClient, InvalidCursor, InvalidToken, MalformedRequest, MissingToken,
    NotFound, PasswordChangeRequired, PermissionDenied, PreconditionFailed, SessionExpired,
    SessionRevoked, SessionSuperseded, SubscriptionEnded, TenantSuspended, TokenExpired,
    UnknownField, UnknownParameter, UnsupportedMediaType, ValidationFailed,
};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::draft::{Answer, BASIC, BEARER, Body, Book, Draft};
use crate::app::{App, Client};
use crate::http::authenticated::{Administering, Authenticated, MayChangePassword};
use crate::http::basic::ProvedClient;
use crate::http::body::{EntityAnswer, JsonAnswer, JsonBody, PatchBody, TaggedAnswer};
use crate::http::conditional::IfMatch;
use crate::http::cors::Asking;
use crate::http::error::Refusal;
use crate::http::extract::{BearerOutcome, NoQuery, QueryParams};
use crate::http::form::FormBody;
use crate::http::{json, query};

/// Describes a route by its handler.
pub(in crate::http) type Describe = fn(&mut Draft, &mut Book);

/// A handler whose arguments `T` and answer describe themselves. The first of the tuple is axum's own.
pub(in crate::http) trait Signature<T> {
    /// Adds all of them, in their order.
    fn describe(draft: &mut Draft, book: &mut Book);
}

macro_rules! signature {
    ($($argument:ident),+) => {
        impl<F, Future_, M, $($argument),+> Signature<(M, $($argument,)+)> for F
        where
            F: FnOnce($($argument),+) -> Future_,
            Future_: Future<Output: Outcome>,
            $($argument: Argument,)+
        {
            fn describe(draft: &mut Draft, book: &mut Book) {
                $($argument::describe(draft, book);)+
                <Future_::Output as Outcome>::describe(draft, book);
            }
        }
    };
}

signature!(A);
signature!(A, B);
signature!(A, B, C);
signature!(A, B, C, D);
signature!(A, B, C, D, E);
signature!(A, B, C, D, E, G);

/// What a handler takes.
pub(in crate::http) trait Argument {
    /// Adds what it reads of a request, and the codes that it refuses with.
    fn describe(draft: &mut Draft, book: &mut Book);
}

/// What a handler answers.
pub(in crate::http) trait Outcome {
    /// Adds the shape of the answer, where the type knows one.
    fn describe(draft: &mut Draft, book: &mut Book);
}

impl Argument for State<Arc<App>> {
    fn describe(_: &mut Draft, _: &mut Book) {}
}

impl Argument for Client {
    fn describe(_: &mut Draft, _: &mut Book) {}
}

impl Argument for Asking {
    fn describe(_: &mut Draft, _: &mut Book) {}
}

impl Argument for HeaderMap {
    fn describe(_: &mut Draft, _: &mut Book) {}
}

impl Argument for Authenticated {
    fn describe(draft: &mut Draft, _: &mut Book) {
        draft.proves(BEARER);
        draft.fails(&[
            MalformedRequest,
            MissingToken,
            InvalidToken,
            TokenExpired,
            SessionExpired,
            SessionRevoked,
            SessionSuperseded,
            PermissionDenied,
            PasswordChangeRequired,
            TenantSuspended,
            SubscriptionEnded,
        ]);
    }
}

impl Argument for Option<Authenticated> {
    fn describe(draft: &mut Draft, book: &mut Book) {
        Authenticated::describe(draft, book);
        draft.security.push(None);
    }
}

impl Argument for MayChangePassword {
    fn describe(draft: &mut Draft, book: &mut Book) {
        Authenticated::describe(draft, book);
    }
}

impl Argument for BearerOutcome {
    fn describe(draft: &mut Draft, _: &mut Book) {
        draft.proves(BEARER);
    }
}

impl Argument for Administering {
    fn describe(draft: &mut Draft, book: &mut Book) {
        Authenticated::describe(draft, book);
        draft.is_administration = true;
        draft.fails(&[UnknownParameter, NotFound]);
    }
}

impl Argument for ProvedClient {
    fn describe(draft: &mut Draft, _: &mut Book) {
        draft.proves(BASIC);
        draft.fails(&[InvalidClient]);
    }
}

impl<T> Argument for Path<T> {
    fn describe(draft: &mut Draft, _: &mut Book) {
        draft.fails(&[MalformedRequest, NotFound]);
    }
}

impl Argument for NoQuery {
    fn describe(draft: &mut Draft, _: &mut Book) {
        draft.fails(&[MalformedRequest, UnknownParameter]);
    }
}

impl<T: JsonSchema> Argument for QueryParams<T> {
    fn describe(draft: &mut Draft, book: &mut Book) {
        draft.parameters.extend(book.parameters::<T>());
        draft.fails(&[MalformedRequest, UnknownParameter, ValidationFailed]);
        if draft.takes("cursor") {
            draft.fails(&[InvalidCursor]);
        }
    }
}

/// For paths that answer a bad query in their own way.
impl<T: JsonSchema> Argument for Result<QueryParams<T>, Refusal> {
    fn describe(draft: &mut Draft, book: &mut Book) {
        draft.parameters.extend(book.parameters::<T>());
    }
}

impl Argument for IfMatch {
    fn describe(draft: &mut Draft, _: &mut Book) {
        draft.is_conditional = true;
        draft.fails(&[MalformedRequest, PreconditionFailed]);
    }
}

impl<T: JsonSchema + DeserializeOwned> Argument for JsonBody<T> {
    fn describe(draft: &mut Draft, book: &mut Book) {
        let kinds = &["application/json"];
        takes::<T>(draft, book, kinds, reads::<T>);
        draft.fails(&[UnknownField]);
    }
}

impl<T: JsonSchema + DeserializeOwned> Argument for Option<JsonBody<T>> {
    fn describe(draft: &mut Draft, book: &mut Book) {
        JsonBody::<T>::describe(draft, book);
        if let Some(body) = &mut draft.body {
            body.is_required = false;
        }
    }
}

impl<T: JsonSchema + DeserializeOwned> Argument for PatchBody<T> {
    fn describe(draft: &mut Draft, book: &mut Book) {
        let kinds = &["application/merge-patch+json", "application/json"];
        takes::<T>(draft, book, kinds, reads::<T>);
        draft.fails(&[UnknownField, ValidationFailed]);
    }
}

impl<T: JsonSchema + DeserializeOwned> Argument for FormBody<T> {
    fn describe(draft: &mut Draft, book: &mut Book) {
        let kinds = &["application/x-www-form-urlencoded"];
        takes::<T>(draft, book, kinds, reads_form::<T>);
        draft.fails(&[UnknownParameter]);
    }
}

/// A whole request is read by pictures alone: a file of one of several kinds, or a form with one part.
impl Argument for Request {
    fn describe(draft: &mut Draft, _: &mut Book) {
        let file = json!({});
        let form = json!({
            "type": "object",
            "properties": {"file": {"type": "string", "contentMediaType": "application/octet-stream"}},
            "required": ["file"],
            "maxProperties": 1,
        });
        let mut content = vec![("multipart/form-data", form)];
        for kind in crate::http::picture::TYPES {
            content.push((kind, file.clone()));
        }
        draft.body = Some(Body {
            content,
            is_required: true,
            reads: |_| Ok(()),
        });
        draft.fails(&[
            MalformedRequest,
            UnknownField,
            BodyTooLarge,
            UnsupportedMediaType,
            ValidationFailed,
        ]);
    }
}

fn takes<T: JsonSchema>(
    draft: &mut Draft,
    book: &mut Book,
    kinds: &[&'static str],
    reads: fn(&str) -> Result<(), String>,
) {
    let schema = book.body::<T>();
    draft.body = Some(Body {
        content: kinds.iter().map(|kind| (*kind, schema.clone())).collect(),
        is_required: true,
        reads,
    });
    draft.fails(&[MalformedRequest, BodyTooLarge, UnsupportedMediaType]);
}

fn reads<T: DeserializeOwned>(text: &str) -> Result<(), String> {
    let read = json::read::<T>(text.as_bytes());
    read.map(drop).map_err(|fault| fault.to_string())
}

fn reads_form<T: DeserializeOwned>(text: &str) -> Result<(), String> {
    let read = query::read::<T>(text);
    read.map(drop).map_err(|fault| fault.to_string())
}

impl<T: Outcome> Outcome for Result<T, Refusal> {
    fn describe(draft: &mut Draft, book: &mut Book) {
        T::describe(draft, book);
    }
}

/// Its entry says what it is.
impl Outcome for Response {
    fn describe(_: &mut Draft, _: &mut Book) {}
}

impl Outcome for StatusCode {
    fn describe(draft: &mut Draft, _: &mut Book) {
        draft.answer = Answer::Empty;
    }
}

impl<T: JsonSchema> Outcome for JsonAnswer<T> {
    fn describe(draft: &mut Draft, book: &mut Book) {
        draft.answer = Answer::Json(book.answer::<T>());
    }
}

impl<T: JsonSchema> Outcome for TaggedAnswer<T> {
    fn describe(draft: &mut Draft, book: &mut Book) {
        EntityAnswer::<T>::describe(draft, book);
    }
}

impl<T: JsonSchema> Outcome for EntityAnswer<T> {
    fn describe(draft: &mut Draft, book: &mut Book) {
        draft.answer = Answer::Json(book.answer::<T>());
        draft.has_tag = true;
    }
}
