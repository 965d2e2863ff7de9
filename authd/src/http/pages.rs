//! The pages behind mailed links, for tenants that have none of their own, and what they load. They
//! are the same for everybody: the token of a link stays in the browser, and no GET consumes it.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

/// What a page may do: load and ask from its own origin, and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";
/// Kept, and asked for again each time, so that an upgrade's page never meets the old script.
const KEEPING: HeaderValue = HeaderValue::from_static("no-cache");

/// A file of a page.
struct File {
    kind: &'static str,
    text: &'static str,
}

const CONFIRM_EMAIL: File = File {
    kind: "text/html; charset=utf-8",
    text: include_str!("pages/confirm-email.html"),
};
const RESET_PASSWORD: File = File {
    kind: "text/html; charset=utf-8",
    text: include_str!("pages/reset-password.html"),
};
const VERIFY_EMAIL: File = File {
    kind: "text/html; charset=utf-8",
    text: include_str!("pages/verify-email.html"),
};
const SCRIPT: File = File {
    kind: "text/javascript; charset=utf-8",
    text: include_str!("pages/link.js"),
};
const STYLE: File = File {
    kind: "text/css; charset=utf-8",
    text: include_str!("pages/pages.css"),
};

/// The page for confirming a new address. What mail programs and scanners hang onto the address of a
/// page as a query is not looked at.
pub(super) async fn confirm_email(headers: HeaderMap) -> Response {
    CONFIRM_EMAIL.answer(&headers)
}

/// The page for choosing a new password.
pub(super) async fn reset_password(headers: HeaderMap) -> Response {
    RESET_PASSWORD.answer(&headers)
}

/// The page for completing a registration.
pub(super) async fn verify_email(headers: HeaderMap) -> Response {
    VERIFY_EMAIL.answer(&headers)
}

/// The script of all pages.
pub(super) async fn script(headers: HeaderMap) -> Response {
    SCRIPT.answer(&headers)
}

/// The style of all pages.
pub(super) async fn style(headers: HeaderMap) -> Response {
    STYLE.answer(&headers)
}

impl File {
    fn answer(&self, asked: &HeaderMap) -> Response {
        let tag = self.tag();
        let known = asked
            .get_all(IF_NONE_MATCH)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(|value| value.trim().trim_start_matches("W/"));
        let is_known = known.into_iter().any(|known| known == tag || known == "*");
        let mut response = if is_known {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            self.text.into_response()
        };
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.kind));
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        headers.insert(CACHE_CONTROL, KEEPING);
        if let Ok(tag) = HeaderValue::try_from(tag) {
            headers.insert(ETAG, tag);
        }
        response
    }

    /// Tells one version of the file from another (RFC 9110, 8.8.3); it protects nothing.
    fn tag(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.text.hash(&mut hasher);
        format!("\"{:016x}\"", hasher.finish())
    }
}
