//! The OpenAPI 3.1 document, made of what the code says: the table of routes and who may use them, the
//! signatures of the handlers, and the types of bodies, queries and answers. Only summaries, examples
//! and the codes of use cases are written by hand, in `entries`. It decides nothing.

mod components;
mod draft;
mod entries;
mod entry;
mod operation;
mod refusals;
mod signature;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

pub(super) use signature::{Describe, Signature};

use draft::Book;
use entries::Section;
use entry::Entry;

use crate::http::extract::NoQuery;
use crate::http::route::Route;
use crate::http::router;

const INTRODUCTION: &str = "Signs people in for many tenants.\n\n\
    Bodies are JSON in UTF-8, at most 64 KiB. Unknown members, names that stand twice, wrong types and \
    trailing data are refused with 400, values that break a rule with 422 and the `fields` that do. \
    Texts are trimmed and normalised to NFC; they hold no control or direction-changing characters, \
    and their lengths are counted in code points after that.\n\n\
    An id has one spelling; anything else is not found, and so is what belongs to another tenant.\n\n\
    `x-permission` is the permission that an operation or a member needs, `x-scope` the scope of a \
    service client. `x-masked-unless` names the permission without which a value is covered, \
    `x-setting` and `x-policy` the setting that decides, and `x-rule: 14` marks what may need a fresh \
    sign-in. Every answer has `Cache-Control: no-store` but for keys and pictures, and the path's \
    other methods answer 405 with `Allow`.";

/// The document as it is printed, and kept in the tree.
pub fn text() -> String {
    let mut text = serde_json::to_string_pretty(&document()).unwrap_or_default();
    text.push('\n');
    text
}

/// The document.
pub fn document() -> Value {
    let mut book = Book::new();
    let sections = entries::all();
    let known = by_route(&sections);
    let mut paths: Map<String, Value> = Map::new();
    for (route, describe) in router::described() {
        let Some((tag, entry)) = known.get(name(&route).as_str()) else {
            continue;
        };
        let mut operation = operation::of(&route, describe, entry, &mut book);
        draft::set(&mut operation, "tags", Some(json!([tag])));
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        draft::set(path, &route.method.to_lowercase(), Some(operation));
    }
    let tags = sections
        .iter()
        .map(|section| json!({"name": section.name, "description": section.description}));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "authd",
            "version": common::VERSION,
            "description": INTRODUCTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": tags.collect::<Vec<Value>>(),
        "paths": paths,
        "components": components::all(book),
    })
}

/// Answers with the document.
pub(super) async fn show(_: NoQuery) -> Response {
    // It is the same for as long as the process lives.
    static SERVED: LazyLock<String> = LazyLock::new(|| document().to_string());
    let kind = HeaderValue::from_static("application/json");
    ([(CONTENT_TYPE, kind)], SERVED.as_str()).into_response()
}

/// Method and path, as entries name a route.
fn name(route: &Route) -> String {
    format!("{} {}", route.method, route.path)
}

fn by_route(sections: &[Section]) -> BTreeMap<&'static str, (&'static str, &Entry)> {
    let of = |section: &'_ Section| section.name;
    sections
        .iter()
        .flat_map(|section| {
            section
                .entries
                .iter()
                .map(move |entry| (of(section), entry))
        })
        .map(|(name, entry)| (entry.route, (name, entry)))
        .collect()
}
