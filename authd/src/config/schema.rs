//! The configuration as a JSON Schema, for editors; made of the same keys as everything else.

use serde_json::{Map, Value, json};

use super::SECTIONS;
use super::key::{Change, Form, Key, Kind};
use super::read;

/// JSON Schema (2020-12) of `authd.toml`.
pub fn json_schema() -> Value {
    let mut properties = Map::new();
    for section in SECTIONS {
        let keys: Map<String, Value> = section
            .keys
            .iter()
            .map(|key| (key.leaf().to_owned(), property(key)))
            .collect();
        if section.name.is_empty() {
            properties.extend(keys);
        } else {
            properties.insert(
                section.name.to_owned(),
                json!({
                    "type": "object",
                    "description": section.doc,
                    "additionalProperties": false,
                    "properties": keys,
                }),
            );
        }
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "authd.toml",
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    })
}

fn property(key: &Key) -> Value {
    let mut schema = of_kind(key.kind);
    schema.insert("description".to_owned(), json!(description(key)));
    // Bounds that the schema cannot say stand in the text; the default is read as TOML.
    if let Some(default) = key.default
        && let Ok(table) = format!("value = {default}").parse::<toml::Table>()
        && let Some(value) = table.get("value")
    {
        schema.insert("default".to_owned(), json!(value));
    }
    Value::Object(schema)
}

fn description(key: &Key) -> String {
    let bounds = match key.kind {
        Kind::Duration { .. } | Kind::Size { .. } => {
            format!(" {}.", read::expected(key.kind).replacen('e', "E", 1))
        }
        _ => String::new(),
    };
    let change = match key.change {
        Change::Restart => " Needs a restart.",
        Change::Reload => "",
    };
    format!("{}{bounds}{change}", key.doc)
}

fn of_kind(kind: Kind) -> Map<String, Value> {
    let schema = match kind {
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Integer { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Kind::Duration { .. } => json!({
            "type": "string",
            "pattern": "^\\s*([0-9]+\\s*[a-z]+\\s*)+$",
        }),
        Kind::Size { .. } => json!({
            "type": "string",
            "pattern": "^\\s*([0-9]+\\s*(B|KiB|MiB|GiB)\\s*)+$",
        }),
        Kind::Text(form) => of_form(form),
        Kind::Choice(words) => json!({ "type": "string", "enum": words }),
        Kind::List { item, max } => json!({
            "type": "array",
            "items": of_form(item),
            "maxItems": max,
            "uniqueItems": true,
        }),
        Kind::TimeoutOverrides => json!({
            "type": "object",
            "propertyNames": { "pattern": "^/" },
            "additionalProperties": { "type": "string" },
        }),
    };
    match schema {
        Value::Object(schema) => schema,
        _ => Map::new(),
    }
}

fn of_form(form: Form) -> Value {
    match form {
        Form::Path => json!({ "type": "string", "pattern": "^/" }),
        Form::Mode => json!({ "type": "string", "enum": ["0600", "0660"] }),
        Form::Url => json!({ "type": "string", "pattern": "^https?://[^/?#@]+$" }),
        Form::Page => json!({ "type": "string", "pattern": "^https?://[^/?#@]+([/?][^#]*)?$" }),
        Form::Account => json!({ "type": ["string", "integer"] }),
        Form::Database => json!({ "type": "string", "pattern": "^sqlite:/" }),
        _ => json!({ "type": "string" }),
    }
}
