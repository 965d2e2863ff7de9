//! The headers that every answer bears, whatever made it.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use common::id::RequestId;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const CORRELATION_ID_LIMIT: usize = 128;

/// The caller's own request id, if it is one that may be repeated in an answer and in the log.
pub(super) fn correlation_id(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut values = headers.get_all(REQUEST_ID).iter();
    let value = values.next()?;
    let bytes = value.as_bytes();
    let is_plain = (1..=CORRELATION_ID_LIMIT).contains(&bytes.len())
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte));
    (is_plain && values.next().is_none()).then(|| value.clone())
}

/// Sets what each answer bears; a handler's own word on caching, content and embedding stands.
pub(super) fn complete(
    headers: &mut HeaderMap,
    request_id: RequestId,
    correlation_id: Option<HeaderValue>,
) {
    put_constant(headers);
    headers.remove(CORRELATION_ID);
    put_ids(headers, request_id, correlation_id);
}

/// Those that are the same for all requests.
fn put_constant(headers: &mut HeaderMap) {
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
        ),
        (RESOURCE_POLICY, "same-origin"),
    ] {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// Puts everything but the ids of a request into a pattern of answers, each in its place.
pub(super) fn prepare(pattern: &mut HeaderMap) {
    put_constant(pattern);
    pattern.insert(REQUEST_ID, HeaderValue::from_static(""));
}

/// Those that name the request.
pub(super) fn put_ids(
    headers: &mut HeaderMap,
    request_id: RequestId,
    correlation_id: Option<HeaderValue>,
) {
    if let Ok(value) = HeaderValue::try_from(request_id.to_string()) {
        headers.insert(REQUEST_ID, value);
    }
    if let Some(value) = correlation_id {
        headers.insert(CORRELATION_ID, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a97_only_a_plain_request_id_of_the_caller_comes_back() {
        let of = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(REQUEST_ID, HeaderValue::from_str(value).unwrap());
            }
            correlation_id(&headers)
        };
        assert_eq!(of(&["Abc-1_2.3"]).unwrap(), "Abc-1_2.3");
        assert!(of(&[&"a".repeat(128)]).is_some());
        for bad in ["", "a b", "a,b", "a\"", "a=b", "\u{e9}", &"a".repeat(129)] {
            assert!(of(&[bad]).is_none(), "{bad}");
        }
        assert!(of(&["a", "b"]).is_none());
        assert!(of(&[]).is_none());
    }
}
