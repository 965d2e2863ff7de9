//! Bodies: JSON in, within its limit, and JSON out.

use axum::body::{Body, HttpBody};
use axum::extract::{FromRequest, OptionalFromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderValue};
use axum::response::{IntoResponse, Response};
use common::error::ErrorCode;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::error::Refusal;
use super::json;
use crate::app::{Error, entity};

const JSON: &str = "application/json";
const MERGE_PATCH: &str = "application/merge-patch+json";

/// Most bytes of a request's body; it stands in the request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyLimit(pub usize);

impl BodyLimit {
    fn length(self) -> u64 {
        u64::try_from(self.0).unwrap_or(u64::MAX)
    }

    /// The refusal of a body that is longer.
    pub(super) fn exceeded() -> Error {
        Error::new(
            ErrorCode::BodyTooLarge,
            "the body is too large; nothing was done",
        )
    }
}

/// A JSON body, read whole and strictly. It comes last among a handler's arguments, behind all
/// that authenticates: axum runs them in order, so nobody's body is read before his rights.
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        document(request, &[JSON]).await.map(Self)
    }
}

/// A JSON Merge Patch (RFC 7396), under its own content type or as plain JSON; it is read as strictly.
#[derive(Debug)]
pub struct PatchBody<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for PatchBody<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        document(request, &[MERGE_PATCH, JSON]).await.map(Self)
    }
}

/// Reads a body of one of these content types.
async fn document<T: DeserializeOwned>(
    request: Request,
    kinds: &[&'static str],
) -> Result<T, Refusal> {
    let bytes = whole(request, kinds).await?;
    json::read(&bytes).map_err(|fault| Refusal(fault.in_body()))
}

/// The bytes of a body of one of these content types, within its limit.
pub(super) async fn whole(
    request: Request,
    kinds: &[&'static str],
) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let limit = request.extensions().get().copied();
    let limit = limit.unwrap_or(BodyLimit(0));
    if declared(request.headers()) > limit.length() {
        return Err(Refusal(BodyLimit::exceeded()));
    }
    if !kinds.iter().any(|kind| is_of(request.headers(), kind)) {
        return Err(Refusal(Error::new(
            ErrorCode::UnsupportedMediaType,
            format!("the content type must be {}", kinds.join(" or ")),
        )));
    }
    receive(request, limit).await
}

/// Reads a body up to its limit; one byte more ends the reading, and a length that says so forestalls
/// it.
pub(super) async fn receive(
    request: Request,
    limit: BodyLimit,
) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    if declared(request.headers()) > limit.length() {
        return Err(Refusal(BodyLimit::exceeded()));
    }
    read(request.into_body(), limit).await
}

/// For paths whose body may be absent: none where there is neither a body nor a type of one.
impl<T: DeserializeOwned, S: Send + Sync> OptionalFromRequest<S> for JsonBody<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, Refusal> {
        let is_absent =
            !request.headers().contains_key(CONTENT_TYPE) && request.body().is_end_stream();
        if is_absent {
            return Ok(None);
        }
        <Self as FromRequest<S>>::from_request(request, state)
            .await
            .map(Some)
    }
}

/// Bytes that a request says it has; none where it says nothing that can be read, which the
/// connection has refused before.
fn declared(headers: &HeaderMap) -> u64 {
    headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse().ok())
        .unwrap_or(0)
}

/// Reads a body up to its limit; one byte more ends the reading.
async fn read(body: Body, limit: BodyLimit) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let mut body = Limited::new(body, limit.0);
    // Passwords stand in bodies: the copy of ours is wiped.
    let mut bytes = Zeroizing::new(Vec::new());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            if error.is::<LengthLimitError>() {
                return Refusal(BodyLimit::exceeded());
            }
            let error = Error::new(
                ErrorCode::MalformedRequest,
                "the body ended early, or its chunks are malformed",
            );
            Refusal(error)
        })?;
        if let Some(data) = frame.data_ref() {
            bytes.extend_from_slice(data);
        }
    }
    Ok(bytes)
}

/// Whether the one content type is this, in UTF-8 where a charset is named.
fn is_of(headers: &HeaderMap, wanted: &str) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let Ok(value) = value.to_str() else {
        return false;
    };
    let mut parts = value.split(';').map(str::trim);
    let is_wanted = parts
        .next()
        .is_some_and(|kind| kind.eq_ignore_ascii_case(wanted));
    let mut charsets = parts.map(|parameter| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        name.trim().eq_ignore_ascii_case("charset")
            && value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
    });
    is_wanted && charsets.next().unwrap_or(true) && charsets.next().is_none()
}

/// An answer in JSON.
#[derive(Debug)]
pub struct JsonAnswer<T>(pub T);

impl<T: Serialize> IntoResponse for JsonAnswer<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(bytes) => {
                let kind = HeaderValue::from_static(JSON);
                ([(CONTENT_TYPE, kind)], bytes).into_response()
            }
            Err(error) => Refusal(Error::internal(error)).into_response(),
        }
    }
}

/// One entity in JSON, with its tag.
#[derive(Debug)]
pub struct EntityAnswer<T>(pub T);

impl<T: Serialize> IntoResponse for EntityAnswer<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(bytes) => {
                let kind = HeaderValue::from_static(JSON);
                let tag = entity::tag(&bytes);
                ([(CONTENT_TYPE, kind)], [(ETAG, tag)], bytes).into_response()
            }
            Err(error) => Refusal(Error::internal(error)).into_response(),
        }
    }
}

/// One entity in JSON with the tag of less than is shown: members that move on by use alone would let no
/// tag live for long.
#[derive(Debug)]
pub struct TaggedAnswer<T> {
    /// What the answer shows.
    pub shown: T,
    /// What `If-Match` is compared with.
    pub tagged: T,
}

impl<T: Serialize> IntoResponse for TaggedAnswer<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.tagged) {
            Ok(bytes) => ([(ETAG, entity::tag(&bytes))], JsonAnswer(self.shown)).into_response(),
            Err(error) => Refusal(Error::internal(error)).into_response(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_in_utf_8_is_json() {
        let of = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CONTENT_TYPE, HeaderValue::from_static(value));
            }
            is_of(&headers, JSON)
        };
        for good in [
            "application/json",
            "Application/JSON; charset=UTF-8",
            "application/json;charset=\"utf-8\"",
        ] {
            assert!(of(&[good]), "{good}");
        }
        for bad in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/json; charset=utf-16",
            "application/json; charset=utf-8; charset=utf-8",
            "application/json, text/plain",
            "application/jsonp",
            "",
        ] {
            assert!(!of(&[bad]), "{bad}");
        }
        assert!(!of(&[]));
        assert!(!of(&["application/json", "application/json"]));
        assert!(!of(&[MERGE_PATCH]));
    }
}
