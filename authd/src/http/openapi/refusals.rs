//! Refusals: which statuses a route answers with, and the codes that each of them bears.

use std::collections::BTreeMap;

use common::error::ErrorCode;
use serde_json::{Map, Value, json};

use super::draft::{Book, Draft, reference, set};
use crate::http::check;

/// Where refusals have the shape of OAuth.
const STANDARD: &str = "/oauth2/";

/// Refusals by status.
pub(super) fn by_status(path: &str, draft: &Draft, book: &mut Book) -> Map<String, Value> {
    let mut grouped: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for code in draft.codes() {
        let status = status(path, code).to_string();
        grouped.entry(status).or_default().push(code.as_str());
    }
    let kind = match path {
        check::PATH => "check.",
        path if path.starts_with(STANDARD) => "oauth2.",
        _ => "",
    };
    let mut all = Map::new();
    for (status, codes) in grouped {
        let name = format!("{kind}{status}.{}", codes.join("."));
        let answer = answer(path, &status, &codes);
        all.insert(status, book.add_refusal(&name, answer));
    }
    all
}

/// The status of a code on a path: two parts of the API are limited to a few.
fn status(path: &str, code: ErrorCode) -> u16 {
    match (path, code.status()) {
        (check::PATH, status @ (401 | 403)) => status,
        (check::PATH, _) if code == ErrorCode::UnknownPermission => 403,
        (check::PATH, _) => 503,
        (path, 422) if path.starts_with(STANDARD) => 400,
        (_, status) => status,
    }
}

fn answer(path: &str, status: &str, codes: &[&str]) -> Value {
    let is_standard = path.starts_with(STANDARD);
    let (kind, shape) = if is_standard {
        ("application/json", "StandardProblem")
    } else {
        ("application/problem+json", "Problem")
    };
    let narrowed = json!({"type": "object", "properties": {"code": {"enum": codes}}});
    let schema = json!({"allOf": [reference("schemas", shape), narrowed]});
    let mut headers = headers();
    match status {
        "401" => set(
            &mut headers,
            "WWW-Authenticate",
            Some(reference("headers", "challenge")),
        ),
        "429" | "503" => set(
            &mut headers,
            "Retry-After",
            Some(reference("headers", "retry_after")),
        ),
        _ => {}
    }
    if path == check::PATH {
        set(
            &mut headers,
            "X-Auth-Error",
            Some(reference("headers", "x_auth_error")),
        );
    }
    json!({
        "description": "Refused.",
        "headers": headers,
        "content": {kind: {"schema": schema}},
    })
}

/// Headers that every answer has.
pub(super) fn headers() -> Value {
    json!({"X-Request-Id": reference("headers", "x_request_id")})
}
