//! What operations share: schemas, parameters, headers, and the ways to prove who asks.

use common::error::{ErrorCode, Problem};
use common::id::RequestId;
use serde_json::{Map, Value, json};

use super::draft::{BASIC, BEARER, Book, set};

/// All components.
pub(super) fn all(mut book: Book) -> Value {
    let request_id = book.answer::<RequestId>();
    book.answer::<Problem>();
    let refusals = book.refusals();
    let mut schemas = book.finish();
    if let Some(problem) = schemas.get_mut("Problem") {
        let example = problem_example();
        set(problem, "examples", Some(json!([example])));
    }
    schemas.insert("StandardProblem".to_owned(), standard());
    schemas.insert("KeySet".to_owned(), key_set());
    schemas.insert("Metadata".to_owned(), metadata());
    json!({
        "schemas": schemas,
        "responses": refusals,
        "parameters": parameters(),
        "headers": {
            "x_request_id": {"description": "Id of the request, found in the log.", "required": true, "schema": request_id},
            "x_auth_error": {"description": "The code.", "required": true, "schema": {"type": "string"}},
            "challenge": {"description": "How to prove who asks.", "required": true, "schema": {"type": "string"}},
            "retry_after": {"description": "Seconds to wait.", "required": true, "schema": {"type": "string", "pattern": "^[0-9]+$"}},
        },
        "securitySchemes": {
            BEARER: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "An access token."},
            BASIC: {"type": "http", "scheme": "basic", "description": "Id and secret of a service client."},
        },
    })
}

fn parameters() -> Value {
    let other = |permission: &str| {
        json!({
            "name": "tenant",
            "in": "query",
            "description": "Slug of another tenant, for users of `system` alone.",
            "schema": {"type": "string"},
            "x-permission": permission,
        })
    };
    json!({
        "limit": {
            "name": "limit",
            "in": "query",
            "description": "Rows of a page.",
            "schema": {"type": "integer", "minimum": 1, "maximum": 200, "default": 50},
        },
        "cursor": {
            "name": "cursor",
            "in": "query",
            "description": "Where the page before ended, as `next_cursor` said: good for the same caller, tenant and query.",
            "schema": {"type": "string"},
        },
        "if_match": {
            "name": "If-Match",
            "in": "header",
            "description": "Tags of the entity, as `ETag` said: a change is made under them alone.",
            "schema": {"type": "string", "pattern": "^(\\*|\"[0-9A-Za-z_-]+\"(, \"[0-9A-Za-z_-]+\")*)$"},
        },
        "tenant_read": other("tenants:view"),
        "tenant_changed": other("tenants:edit"),
    })
}

/// A refusal as it looks.
fn problem_example() -> Value {
    let code = ErrorCode::ValidationFailed;
    json!({
        "type": format!("urn:authd:error:{code}"),
        "title": code.title(),
        "status": code.status(),
        "code": code,
        "message": code.user_message(),
        "developer_message": "/phone: expected a number with its country code, like +254700000000",
        "fields": [{
            "path": "/phone",
            "code": "invalid_phone",
            "message": "expected a number with its country code, like +254700000000",
        }],
        "request_id": "req_01kb3m8x3hf5ssz6x9a2qgq6ax",
        "retry_after_seconds": null,
    })
}

/// The members of RFC 6749, 5.2 beside ours.
fn standard() -> Value {
    json!({
        "allOf": [
            {"$ref": "#/components/schemas/Problem"},
            {
                "type": "object",
                "properties": {
                    "error": {"enum": [
                        "invalid_client", "invalid_request", "invalid_scope", "server_error",
                        "temporarily_unavailable", "unauthorized_client", "unsupported_grant_type",
                    ]},
                    "error_description": {"type": "string", "pattern": "^[ !#-\\[\\]-~]*$"},
                },
                "required": ["error", "error_description"],
            },
        ],
    })
}

fn key_set() -> Value {
    let key = json!({
        "type": "object",
        "properties": {
            "kty": {"enum": ["OKP", "EC", "RSA"]},
            "kid": {"type": "string"},
            "alg": {"enum": ["EdDSA", "ES256", "RS256"]},
            "use": {"const": "sig"},
            "crv": {"enum": ["Ed25519", "P-256"]},
            "x": {"type": "string"},
            "y": {"type": "string"},
            "n": {"type": "string"},
            "e": {"type": "string"},
        },
        "required": ["kty", "kid", "alg", "use"],
    });
    json!({
        "type": "object",
        "properties": {"keys": {"type": "array", "items": key}},
        "required": ["keys"],
    })
}

fn metadata() -> Value {
    let texts = [
        "issuer",
        "jwks_uri",
        "token_endpoint",
        "introspection_endpoint",
        "revocation_endpoint",
    ];
    let members = texts.map(|name| (name.to_owned(), json!({"type": "string"})));
    let lists = [
        "grant_types_supported",
        "response_types_supported",
        "introspection_endpoint_auth_methods_supported",
        "revocation_endpoint_auth_methods_supported",
        "token_endpoint_auth_methods_supported",
    ];
    let names = json!({"type": "array", "items": {"type": "string"}});
    let lists_of = lists.map(|name| (name.to_owned(), names.clone()));
    let properties: Map<String, Value> = members.into_iter().chain(lists_of).collect();
    let required = [texts, lists].concat();
    json!({"type": "object", "properties": properties, "required": required})
}
