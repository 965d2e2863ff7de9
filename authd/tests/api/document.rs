//! The OpenAPI document against the daemon: every answer that any test here gets is one that the document
//! names, and every limit that it names is where a value begins to be refused.

use std::sync::LazyLock;

use authd::http::openapi;
use serde_json::Value;

use crate::house::Answer;

/// The document.
pub(crate) fn document() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(openapi::document);
    &DOCUMENT
}

/// Holds an answer against what the document says of the route; what is no route is not its business.
#[track_caller]
pub(crate) fn hold(method: &str, path: &str, answer: &Answer) {
    let Some(pattern) = pattern_of(path) else {
        return;
    };
    let is_head = method == "HEAD";
    let method = if is_head {
        "get"
    } else {
        &method.to_lowercase()
    };
    let operation = &document()["paths"][pattern][method];
    if operation.is_null() {
        return;
    }
    let response = resolved(&operation["responses"][answer.status.to_string()]);
    let said =
        |what: &str| format!("the document does not have {what} of {method} {pattern}: {answer:?}");
    assert!(!response.is_null(), "{}", said("the status"));
    let kind = answer.headers.get("content-type");
    let kind = kind.map(|kind| kind.to_str().unwrap().split(';').next().unwrap());
    let Some(content) = response["content"].as_object() else {
        assert!(answer.bytes.is_empty(), "{}", said("the body"));
        return;
    };
    let media = content.get(kind.unwrap_or_default());
    let media = media.unwrap_or_else(|| panic!("{}", said("the content type")));
    for name in ["www-authenticate", "retry-after", "etag", "location"] {
        let mut documented = response["headers"].as_object().into_iter().flatten();
        let is_documented = documented.any(|(known, _)| known.eq_ignore_ascii_case(name));
        let is_there = answer.headers.contains_key(name);
        assert!(is_documented || !is_there, "{}", said(name));
    }
    if media["schema"].is_null() || is_head {
        return;
    }
    let faults = faults(&media["schema"], &answer.body);
    assert!(faults.is_empty(), "{}: {faults:?}", said("the body"));
}

/// The path of the document that a request's path is of; the one with the most words of its own.
fn pattern_of(path: &str) -> Option<&'static String> {
    let path = path.split('?').next()?;
    let given: Vec<&str> = path.split('/').collect();
    let is_variable = |part: &&str| part.starts_with('{');
    let fits = |pattern: &&String| {
        let parts: Vec<&str> = pattern.split('/').collect();
        let mut pairs = parts.iter().zip(&given);
        parts.len() == given.len()
            && pairs.all(|(part, given)| (is_variable(part) && !given.is_empty()) || part == given)
    };
    let patterns = document()["paths"].as_object()?.keys().filter(fits);
    patterns.min_by_key(|pattern| pattern.split('/').filter(is_variable).count())
}

/// What a reference points to; anything else as it is.
pub(crate) fn resolved(schema: &Value) -> &Value {
    match schema["$ref"].as_str() {
        Some(place) => document()
            .pointer(place.strip_prefix('#').unwrap())
            .unwrap(),
        None => schema,
    }
}

/// Where a value is not what a schema says; members that it does not name count.
fn faults(schema: &Value, value: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    look(schema, value, "", &mut faults);
    faults
}

fn look(schema: &Value, value: &Value, place: &str, faults: &mut Vec<String>) {
    let schema = resolved(schema);
    let mut fault = |what: &str| faults.push(format!("{place}: {what}"));
    if !is_of_type(&schema["type"], value) {
        fault("is of another type");
        return;
    }
    if schema["enum"]
        .as_array()
        .is_some_and(|known| !known.contains(value))
    {
        fault("is not among the values");
    }
    if !schema["const"].is_null() && schema["const"] != *value {
        fault("is not the constant");
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        let fits = |choice: &Value| self::faults(choice, value).is_empty();
        if !choices.iter().any(fits) {
            fault("fits none of the choices");
        }
    }
    if let Some(object) = value.as_object() {
        for name in required(schema) {
            if !object.contains_key(name) {
                faults.push(format!("{place}: {name} is missing"));
            }
        }
        for (name, value) in object {
            let place = format!("{place}/{name}");
            let members = members(schema, name);
            if members.is_empty() && is_closed(schema) {
                faults.push(format!("{place}: is not in the document"));
            }
            for member in members {
                look(member, value, &place, faults);
            }
        }
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        look(&schema["items"], item, &format!("{place}/{index}"), faults);
    }
}

fn is_of_type(wanted: &Value, value: &Value) -> bool {
    let is_one = |wanted: &Value| match wanted.as_str() {
        Some("null") => value.is_null(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("string") => value.is_string(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => true,
    };
    match wanted {
        Value::Array(kinds) => kinds.iter().any(is_one),
        kind => is_one(kind),
    }
}

/// A schema and those that it is made of.
fn parts(schema: &Value) -> Vec<&Value> {
    let schema = resolved(schema);
    let of = schema["allOf"].as_array().into_iter().flatten();
    std::iter::once(schema).chain(of.flat_map(parts)).collect()
}

fn required(schema: &Value) -> Vec<&str> {
    let lists = parts(schema)
        .into_iter()
        .filter_map(|part| part["required"].as_array());
    lists.flatten().filter_map(Value::as_str).collect()
}

fn members<'a>(schema: &'a Value, name: &str) -> Vec<&'a Value> {
    let parts = parts(schema).into_iter();
    let member = |part: &'a Value| {
        let own = part["properties"].get(name);
        own.or(part
            .get("additionalProperties")
            .filter(|rest| rest.is_object()))
    };
    parts.filter_map(member).collect()
}

/// Whether a schema names the members of its objects.
fn is_closed(schema: &Value) -> bool {
    parts(schema)
        .iter()
        .any(|part| part["properties"].is_object())
}

#[test]
fn an_answer_that_the_document_does_not_know_is_noticed() {
    let schema = &document()["components"]["schemas"]["DeviceView"];
    let of = |device: Value| faults(schema, &device);
    let good = serde_json::json!({"id": "a", "name": null, "type": "mobile"});
    assert_eq!(of(good.clone()), Vec::<String>::new());
    for (name, value) in [
        ("id", Value::Null),
        ("type", "car".into()),
        ("more", 1.into()),
    ] {
        let mut bad = good.clone();
        bad[name] = value;
        assert_eq!(of(bad).len(), 1, "{name}");
    }
    assert_eq!(
        of(serde_json::json!({"id": "a", "type": "mobile"})).len(),
        1
    );
}
