//! What services ask, what browsers fetch, and what who runs authd looks at.

use common::error::ErrorCode::{
    FeedGap, NotFound, PermissionDenied, Unavailable, ValidationFailed,
};
use serde_json::json;

use super::users::PICTURES;
use crate::http::oauth::Introspection;
use crate::http::openapi::draft::Book;
use crate::http::openapi::entry::{Entry, entry, named};

pub(super) fn entries() -> Vec<Entry> {
    vec![
        entry(
            "POST /oauth2/token",
            "Get a token of a service client (RFC 6749, 4.4)",
        )
        .says("It lives ten minutes, carries the roles given to the client, and has no refresh.")
        .fails(&[ValidationFailed])
        .example("grant_type=client_credentials"),
        entry("POST /oauth2/introspect", "Ask what a token is (RFC 7662)")
            .says(
                "Whatever is unknown, expired, foreign or of another kind is `{\"active\":false}`.",
            )
            .scope("introspect")
            .shaped(|book: &mut Book| {
                let active = book.answer::<Introspection<'static>>();
                let inactive = json!({
                    "type": "object",
                    "properties": {"active": {"const": false}},
                    "required": ["active"],
                    "additionalProperties": false,
                });
                json!({"anyOf": [active, inactive]})
            })
            .fails(&[PermissionDenied])
            .example("token=authd_rt_example"),
        entry("POST /oauth2/revoke", "Revoke a token (RFC 7009)")
            .says("What is unknown is revoked enough.")
            .scope("revoke")
            .empty(200)
            .fails(&[PermissionDenied])
            .example("token=authd_rt_example"),
        entry("GET /v1/revocations", "Read the feed of revocations")
            .says("A page is a JWS whose claims are `iss aud iat exp since upto items`.")
            .scope("revocations")
            .content(&["application/jwt"])
            .fails(&[PermissionDenied, FeedGap]),
        entry(
            "GET /.well-known/jwks.json",
            "The public halves of the signing keys (RFC 7517)",
        )
        .shaped(|_| named("KeySet")),
        entry(
            "GET /.well-known/oauth-authorization-server",
            "The metadata (RFC 8414)",
        )
        .shaped(|_| named("Metadata")),
    ]
}

pub(super) fn pages() -> Vec<Entry> {
    let page = |route, summary| {
        entry(route, summary)
            .or(304, "The page is the one that the caller has.")
            .bearing("ETag", "Tag of this version of the file.")
    };
    vec![
        page("GET /verify-email", "Page that completes a registration").content(&["text/html"]),
        page("GET /reset-password", "Page that sets a new password").content(&["text/html"]),
        page("GET /confirm-email", "Page that confirms a new address").content(&["text/html"]),
        page("GET /pages/link.js", "Script of the pages").content(&["text/javascript"]),
        page("GET /pages/pages.css", "Style of the pages").content(&["text/css"]),
        entry(
            "GET /v1/pictures/{address}",
            "Fetch a picture by its address",
        )
        .says("No token: the address is the secret, and never means another picture.")
        .content(PICTURES)
        .fails(&[NotFound]),
    ]
}

pub(super) fn operations() -> Vec<Entry> {
    let status = |book: &mut Book| {
        let _ = book;
        json!({
            "type": "object",
            "properties": {"status": {"type": "string"}},
            "required": ["status"],
        })
    };
    vec![
        entry(
            "GET /healthz",
            "Whether authd is alive, also while it drains",
        )
        .shaped(status),
        entry("GET /readyz", "Whether authd is able to answer")
            .shaped(status)
            .fails(&[Unavailable]),
        entry("GET /openapi.json", "This document").shaped(|_| json!({"type": "object"})),
    ]
}
