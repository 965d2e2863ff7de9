//! From `app::Error` to an answer: status, problem document and the headers that belong to a code.
//! A handler's refusal stays a refusal until the edge writes it, with the request's id in it.

use std::sync::Arc;

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{
    CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::response::{IntoResponse, Response};
use common::error::{ErrorCode, Problem};
use common::id::RequestId;
use common::language::Language;

use super::words;
use crate::app::Error;

/// What a handler or an extractor refuses with; `?` makes one of an [`Error`].
#[derive(Debug)]
pub struct Refusal(pub Error);

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = status(self.0.code);
        self.answered_with(status)
    }
}

impl Refusal {
    /// The refusal under another status than its code's, for a path that is limited to a few.
    pub fn answered_with(self, status: StatusCode) -> Response {
        let mut response = status.into_response();
        response
            .extensions_mut()
            .insert(Refused(Arc::new(self.0), status));
        response
    }
}

/// Whether an operator's hint is part of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hints {
    /// At the admin channel.
    Shown,
    /// Over HTTP.
    Hidden,
}

/// Marks an answer of an endpoint of OAuth: its refusals bear the members of RFC 6749 5.2 too.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standard;

/// Codes of fields that OAuth has a name of its own for.
const STANDARD_FIELDS: &[&str] = &["unsupported_grant_type", "invalid_scope"];

/// What OAuth calls a refusal.
fn standard_name(error: &Error) -> &str {
    if let Some(field) = error.fields.first()
        && STANDARD_FIELDS.contains(&field.code.as_ref())
    {
        return field.code.as_ref();
    }
    match error.code {
        ErrorCode::InvalidClient => "invalid_client",
        ErrorCode::PermissionDenied => "unauthorized_client",
        ErrorCode::Internal => "server_error",
        code if code.status() == 503 => "temporarily_unavailable",
        _ => "invalid_request",
    }
}

/// The document in the shape of OAuth: its two members beside ours, and 400 for what was asked
/// wrongly.
fn standard(error: &Error, problem: &mut Problem) -> Option<Vec<u8>> {
    if problem.status == 422 {
        problem.status = 400;
    }
    let mut document = serde_json::to_value(&*problem).ok()?;
    let members = document.as_object_mut()?;
    members.insert("error".to_owned(), standard_name(error).into());
    let description = ascii(&problem.developer_message);
    members.insert("error_description".to_owned(), description.into());
    serde_json::to_vec(&document).ok()
}

/// The characters that RFC 6749 5.2 allows in a description.
fn ascii(text: &str) -> String {
    let allowed = |c: &char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
    text.chars().filter(allowed).collect()
}

/// A refusal on its way to the edge.
#[derive(Clone)]
struct Refused(Arc<Error>, StatusCode);

/// Writes the problem document into a refusal. What the router or a layer refuses on its own
/// account comes out in the same shape. None, and no change, if the answer is no refusal.
pub(super) fn write(
    response: &mut Response,
    request_id: RequestId,
    (hints, language): (Hints, Language),
) -> Option<Arc<Error>> {
    let refused = response.extensions_mut().remove::<Refused>();
    let Refused(error, status) = match refused {
        Some(refused) => refused,
        None => foreign(response.status()).map(|error| {
            let status = status(error.code);
            Refused(Arc::new(error), status)
        })?,
    };
    let mut problem = error.problem(request_id);
    problem.status = status.as_u16();
    match hints {
        Hints::Shown => problem.hint.clone_from(&error.hint),
        Hints::Hidden => words::translate(&mut problem, language),
    }
    let is_standard = response.extensions_mut().remove::<Standard>().is_some();
    // A document of texts and numbers cannot fail to be written.
    let (kind, document) = if is_standard {
        ("application/json", standard(&error, &mut problem))
    } else {
        (
            "application/problem+json",
            serde_json::to_vec(&problem).ok(),
        )
    };
    *response.status_mut() = StatusCode::from_u16(problem.status).unwrap_or(status);
    let headers = response.headers_mut();
    headers.remove(CONTENT_LENGTH);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if hints == Hints::Hidden {
        words::vary(headers, language);
    }
    add_headers_of(&error, headers);
    *response.body_mut() = Body::from(document.unwrap_or_default());
    Some(error)
}

/// HTTP status of a code.
fn status(code: ErrorCode) -> StatusCode {
    StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn add_headers_of(error: &Error, headers: &mut HeaderMap) {
    if let Some(seconds) = error.retry_after_seconds() {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Some(challenge) = challenge(error.code) {
        headers
            .entry(WWW_AUTHENTICATE)
            .or_insert(HeaderValue::from_static(challenge));
    }
}

/// The challenge that a 401 must bear (RFC 9110, 11.6.1; RFC 6750, 3). A token that is there and
/// not good is said to be invalid; where none was used, the scheme alone is named.
fn challenge(code: ErrorCode) -> Option<&'static str> {
    match code {
        ErrorCode::InvalidToken
        | ErrorCode::TokenExpired
        | ErrorCode::SessionExpired
        | ErrorCode::SessionRevoked
        | ErrorCode::SessionSuperseded
        | ErrorCode::RefreshTokenReused => Some("Bearer error=\"invalid_token\""),
        // RFC 9470, 3.
        ErrorCode::ReauthenticationRequired => {
            Some("Bearer error=\"insufficient_user_authentication\"")
        }
        // RFC 6749, 5.2.
        ErrorCode::InvalidClient => Some("Basic realm=\"authd\""),
        code => (code.status() == 401).then_some("Bearer"),
    }
}

/// A refusal that no handler of ours made.
fn foreign(status: StatusCode) -> Option<Error> {
    let (code, message) = match status {
        StatusCode::NOT_FOUND => (ErrorCode::NotFound, "no such path"),
        StatusCode::METHOD_NOT_ALLOWED => (
            ErrorCode::MethodNotAllowed,
            "the path does not take this method; see the Allow header",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => (ErrorCode::BodyTooLarge, "the body is too large"),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => (
            ErrorCode::UnsupportedMediaType,
            "the path does not take this content type",
        ),
        StatusCode::SERVICE_UNAVAILABLE => {
            let message = "not available now; nothing was done";
            let error = Error::new(ErrorCode::Unavailable, message);
            return Some(error.with_retry_after(std::time::Duration::from_secs(1)));
        }
        status if status.is_client_error() => {
            (ErrorCode::MalformedRequest, "the request is malformed")
        }
        status if status.is_server_error() => {
            return Some(Error::internal(format!("unshaped answer {status}")));
        }
        _ => return None,
    };
    Some(Error::new(code, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use uuid::Uuid;

    async fn written(error: Error, hints: Hints) -> (Response<()>, Problem) {
        let mut response = Refusal(error).into_response();
        let id = RequestId::from_uuid(Uuid::from_u128(7));
        assert!(write(&mut response, id, (hints, Language::English)).is_some());
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 65536).await.unwrap();
        let problem = serde_json::from_slice(&bytes).unwrap();
        (Response::from_parts(parts, ()), problem)
    }

    #[tokio::test]
    async fn a52_every_code_has_its_document_and_headers() {
        for code in ErrorCode::ALL {
            let error = Error::new(*code, "why").with_retry_after(Duration::from_millis(1200));
            let (response, problem) = written(error, Hints::Hidden).await;
            assert_eq!(response.status().as_u16(), code.status());
            assert_eq!(problem.status, code.status());
            assert_eq!(problem.type_uri, format!("urn:authd:error:{code}"));
            assert_eq!(problem.code, *code);
            assert!(!problem.message.is_empty() && problem.message != problem.developer_message);
            assert!(problem.request_id.starts_with("req_"));
            let headers = response.headers();
            assert_eq!(headers[CONTENT_TYPE], "application/problem+json");
            assert_eq!(headers[RETRY_AFTER], "2");
            assert_eq!(
                headers.contains_key(WWW_AUTHENTICATE),
                code.status() == 401,
                "{code}"
            );
        }
    }

    #[tokio::test]
    async fn causes_stay_inside_and_hints_at_the_admin_channel() {
        let error = || Error::internal("the secret cause").with_hint("look at the disk");
        let (_, problem) = written(error(), Hints::Hidden).await;
        assert!(!serde_json::to_string(&problem).unwrap().contains("secret"));
        assert_eq!(problem.hint, None);
        let (_, problem) = written(error(), Hints::Shown).await;
        assert_eq!(problem.hint.as_deref(), Some("look at the disk"));
    }
}
