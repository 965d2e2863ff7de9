//! One operation: what its handler's signature, its line in the table of routes and its entry say.

use common::error::ErrorCode::{Internal, Overloaded, RequestTimeout, Unavailable};
use common::id::{RoleId, SessionId, TenantId, UserId};
use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use super::draft::{Answer, Body, Book, Draft, reference, set};
use super::entry::{Bears, Entry};
use super::refusals;
use super::signature::Describe;
use crate::http::route::{Access, Route};

/// Describes a route.
pub(super) fn of(route: &Route, describe: Describe, entry: &Entry, book: &mut Book) -> Value {
    let mut draft = Draft::default();
    describe(&mut draft, book);
    draft.fails(&[Internal, RequestTimeout, Overloaded, Unavailable]);
    draft.fails(&entry.codes);
    let mut operation = json!({
        "operationId": id(route),
        "summary": entry.summary,
        "security": security(&draft),
        "responses": responses(route, &draft, entry, book),
    });
    let parameters = parameters(route, &draft, book);
    set(&mut operation, "parameters", parameters);
    let text = entry.description.map(Value::from);
    set(&mut operation, "description", text);
    let body = draft.body.as_ref().map(|body| request(body, entry, book));
    set(&mut operation, "requestBody", body);
    if let Access::Permission(permission) = route.access {
        set(&mut operation, "x-permission", Some(permission.into()));
    }
    set(&mut operation, "x-scope", entry.scope.map(Value::from));
    operation
}

/// Method and path in one word.
fn id(route: &Route) -> String {
    let path = route.path.replace(['{', '}'], "");
    let words = path.split(|c: char| !c.is_ascii_alphanumeric());
    let words = words.filter(|word| !word.is_empty());
    let method = route.method.to_lowercase();
    let words: Vec<&str> = std::iter::once(method.as_str()).chain(words).collect();
    words.join("_")
}

fn security(draft: &Draft) -> Vec<Value> {
    let way = |way: Option<&str>| match way {
        Some(name) => json!({ name: [] }),
        None => json!({}),
    };
    draft.security.iter().copied().map(way).collect()
}

fn parameters(route: &Route, draft: &Draft, book: &mut Book) -> Option<Value> {
    let names = route.path.split('/');
    let names = names.filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut all: Vec<Value> = names
        .map(|name| {
            json!({
                "name": name,
                "in": "path",
                "required": true,
                "schema": named_by(route.path, name, book),
            })
        })
        .collect();
    all.extend(draft.parameters.iter().cloned());
    let is_tenants_own = matches!(
        route.access,
        Access::Permission(permission) if !is_of_system(permission)
    );
    if draft.is_administration && is_tenants_own {
        let kind = if route.method == "GET" {
            "tenant_read"
        } else {
            "tenant_changed"
        };
        all.push(reference("parameters", kind));
    }
    if draft.is_conditional {
        all.push(reference("parameters", "if_match"));
    }
    (!all.is_empty()).then(|| all.into())
}

/// Whether a permission exists in `system` only; its routes take no other tenant.
fn is_of_system(permission: &str) -> bool {
    let permission: Result<domain::permission::Permission, _> = permission.parse();
    permission.is_ok_and(|permission| permission.is_system_only())
}

/// What a part of a path names.
fn named_by(path: &str, name: &str, book: &mut Book) -> Value {
    fn of<T: JsonSchema>(book: &mut Book) -> Value {
        book.answer::<T>()
    }
    match name {
        "session" => of::<SessionId>(book),
        "id" if path.starts_with("/v1/me/sessions") => of::<SessionId>(book),
        "id" if path.starts_with("/v1/users") => of::<UserId>(book),
        "id" if path.contains("roles") => of::<RoleId>(book),
        "id" if path.starts_with("/v1/tenants") => of::<TenantId>(book),
        "id" if path.starts_with("/v1/clients") => of::<common::id::ClientId>(book),
        "name" => json!({"type": "string", "pattern": domain::permission::PERMISSION_PATTERN}),
        _ => json!({"type": "string", "minLength": 1}),
    }
}

fn request(body: &Body, entry: &Entry, book: &mut Book) -> Value {
    let own = entry.body.zip(body.content.first());
    let own = own.map(|((name, schema), (_, there))| book.replace_body(there, name, schema()));
    let mut content = Map::new();
    for (kind, schema) in &body.content {
        let schema = own.as_ref().unwrap_or(schema);
        let mut media = json!({"schema": schema});
        let example = entry.example.map(example);
        set(&mut media, "example", example);
        content.insert((*kind).to_owned(), media);
    }
    json!({"required": body.is_required, "content": content})
}

/// An example as a value: of JSON itself, of a form its members.
fn example(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| {
        let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
        pairs
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect::<Map<String, Value>>()
            .into()
    })
}

fn responses(route: &Route, draft: &Draft, entry: &Entry, book: &mut Book) -> Value {
    let mut all = refusals::by_status(route.path, draft, book);
    let content = match (entry.bears, &draft.answer) {
        (Bears::AsTyped, Answer::Json(schema)) => {
            Some(json!({"application/json": {"schema": schema}}))
        }
        (Bears::Json(schema), _) => Some(json!({"application/json": {"schema": schema(book)}})),
        (Bears::Content(kinds), _) => Some(
            kinds
                .iter()
                .map(|kind| ((*kind).to_owned(), json!({})))
                .collect::<Map<_, _>>()
                .into(),
        ),
        (Bears::Nothing, _) | (Bears::AsTyped, Answer::Empty | Answer::Unknown) => None,
    };
    let mut headers = refusals::headers();
    if draft.has_tag {
        let text = super::entries::TAG;
        set(&mut headers, "ETag", Some(header(text)));
    }
    for (name, text) in &entry.headers {
        set(&mut headers, name, Some(header(text)));
    }
    let mut good = json!({"description": meaning(entry.status), "headers": headers});
    set(&mut good, "content", content);
    all.insert(entry.status.to_string(), good);
    for (status, why) in &entry.also {
        let answer = json!({"description": why, "headers": refusals::headers()});
        all.insert(status.to_string(), answer);
    }
    all.into()
}

fn header(text: &str) -> Value {
    json!({"description": text, "schema": {"type": "string"}})
}

fn meaning(status: u16) -> &'static str {
    match status {
        201 => "Made.",
        202 => "Accepted.",
        204 => "Done.",
        _ => "As asked.",
    }
}
