//! The pages behind mailed links, for tenants that have none of their own, and what they load: a folder
//! a language. They are the same for everybody: the token of a link stays in the browser, and no GET
//! consumes it.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use common::language::Language;

use super::words;

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

const HTML: &str = "text/html; charset=utf-8";

/// A page in each language that has it, in English first.
type Page = [(Language, File)];

macro_rules! page {
    ($name:literal) => {
        &[
            (
                Language::English,
                File {
                    kind: HTML,
                    text: include_str!(concat!("pages/en/", $name, ".html")),
                },
            ),
            (
                Language::Swahili,
                File {
                    kind: HTML,
                    text: include_str!(concat!("pages/sw/", $name, ".html")),
                },
            ),
        ]
    };
}

const CONFIRM_EMAIL: &Page = page!("confirm-email");
const RESET_PASSWORD: &Page = page!("reset-password");
const VERIFY_EMAIL: &Page = page!("verify-email");
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
    of_language(CONFIRM_EMAIL, &headers)
}

/// The page for choosing a new password.
pub(super) async fn reset_password(headers: HeaderMap) -> Response {
    of_language(RESET_PASSWORD, &headers)
}

/// The page for completing a registration.
pub(super) async fn verify_email(headers: HeaderMap) -> Response {
    of_language(VERIFY_EMAIL, &headers)
}

/// The script of all pages.
pub(super) async fn script(headers: HeaderMap) -> Response {
    SCRIPT.answer(&headers)
}

/// The style of all pages.
pub(super) async fn style(headers: HeaderMap) -> Response {
    STYLE.answer(&headers)
}

/// The page in the language that is asked for; in English if it is not there in that one.
fn of_language(page: &Page, headers: &HeaderMap) -> Response {
    let asked = words::asked_for(headers);
    let found = page.iter().find(|(language, _)| *language == asked);
    let Some((language, file)) = found.or_else(|| page.first()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut response = file.answer(headers);
    words::vary(response.headers_mut(), *language);
    response
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
