//! One operation while it is described, and the book of schemas that all of them share.

use common::error::ErrorCode;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// Proof of a user, or where it is said so of a client: an access token.
pub(in crate::http) const BEARER: &str = "bearer";
/// Proof of a service client: id and secret.
pub(in crate::http) const BASIC: &str = "client";

/// Parameters that all lists have, told once.
pub(super) const OF_LISTS: &[&str] = &["limit", "cursor"];

/// A body that a request brings.
pub(in crate::http) struct Body {
    /// By content type.
    pub(super) content: Vec<(&'static str, Value)>,
    /// Whether it may be left out.
    pub(super) is_required: bool,
    /// Reads a body as the handler does.
    #[cfg_attr(not(test), expect(dead_code, reason = "examples are held by it"))]
    pub(super) reads: fn(&str) -> Result<(), String>,
}

/// What a good answer bears.
#[derive(Default)]
pub(in crate::http) enum Answer {
    /// Its entry says it.
    #[default]
    Unknown,
    /// No body.
    Empty,
    /// JSON of this schema.
    Json(Value),
}

/// An operation as the signature of its handler tells it.
#[derive(Default)]
pub(in crate::http) struct Draft {
    /// Ways to prove who asks, any of them; none for nobody.
    pub(super) security: Vec<Option<&'static str>>,
    /// Parameters of the query.
    pub(super) parameters: Vec<Value>,
    /// The body.
    pub(super) body: Option<Body>,
    /// The good answer.
    pub(super) answer: Answer,
    /// Whether that has an `ETag`.
    pub(super) has_tag: bool,
    /// Whether `If-Match` is honoured.
    pub(super) is_conditional: bool,
    /// Whether it takes `?tenant=`.
    pub(super) is_administration: bool,
    codes: Vec<ErrorCode>,
}

impl Draft {
    /// Adds a way to prove who asks.
    pub(super) fn proves(&mut self, way: &'static str) {
        self.security.push(Some(way));
    }

    /// Adds codes of refusals.
    pub(super) fn fails(&mut self, codes: &[ErrorCode]) {
        self.codes.extend(codes);
    }

    /// The codes, each once, in the order of the closed list.
    pub(super) fn codes(&self) -> impl Iterator<Item = ErrorCode> {
        let all = ErrorCode::ALL.iter().copied();
        all.filter(|code| self.codes.contains(code))
    }

    /// Whether there is such a parameter of the query.
    pub(super) fn takes(&self, name: &str) -> bool {
        let reference = reference("parameters", name);
        let is_it = |parameter: &Value| parameter["name"] == name || *parameter == reference;
        self.parameters.iter().any(is_it)
    }
}

/// Schemas of bodies and of answers. Both are named after their types; what a body holds stands in it,
/// because a type that is in answers too may want less of a request.
pub(in crate::http) struct Book {
    requests: SchemaGenerator,
    answers: SchemaGenerator,
    bodies: Map<String, Value>,
    refusals: Map<String, Value>,
}

impl Book {
    /// An empty one.
    pub(super) fn new() -> Self {
        let requests = SchemaSettings::draft2020_12().for_deserialize();
        let answers = SchemaSettings::draft2020_12().for_serialize();
        Self {
            requests: requests
                .with(|settings| {
                    settings.inline_subschemas = true;
                    settings.meta_schema = None;
                })
                .into_generator(),
            answers: answers
                .with(|settings| {
                    settings.definitions_path = "/components/schemas".into();
                    settings.meta_schema = None;
                })
                .into_generator(),
            bodies: Map::new(),
            refusals: Map::new(),
        }
    }

    /// The schema of a body, by its name. A type of no name of its own is described by its entry.
    pub(super) fn body<T: JsonSchema>(&mut self) -> Value {
        let schema = plain(self.requests.subschema_for::<T>().to_value());
        let name = T::schema_name().into_owned();
        self.add_body(name, schema)
    }

    /// Adds the schema of a body by name; two of one name must be the same.
    pub(super) fn add_body(&mut self, mut name: String, schema: Value) -> Value {
        while self.bodies.get(&name).is_some_and(|known| *known != schema) {
            name.push('_');
        }
        let there = reference("schemas", &name);
        self.bodies.insert(name, schema);
        there
    }

    /// Forgets the schema of a body, which its entry describes better.
    pub(super) fn replace_body(&mut self, there: &Value, name: &str, schema: Value) -> Value {
        let place = there["$ref"].as_str().unwrap_or_default();
        let known = place.rsplit('/').next().unwrap_or_default();
        self.bodies.remove(known);
        self.add_body(name.to_owned(), schema)
    }

    /// Adds a refusal, which is told once for all routes that give it.
    pub(super) fn add_refusal(&mut self, name: &str, answer: Value) -> Value {
        self.refusals.insert(name.to_owned(), answer);
        reference("responses", name)
    }

    /// All refusals.
    pub(super) fn refusals(&mut self) -> Value {
        std::mem::take(&mut self.refusals).into()
    }

    /// The schema of an answer.
    pub(super) fn answer<T: JsonSchema>(&mut self) -> Value {
        plain(self.answers.subschema_for::<T>().to_value())
    }

    /// The parameters of a query.
    pub(super) fn parameters<T: JsonSchema>(&mut self) -> Vec<Value> {
        let schema = plain(self.requests.subschema_for::<T>().to_value());
        let required = schema.get("required").and_then(Value::as_array);
        let required = required.cloned().unwrap_or_default();
        let properties = schema.get("properties").and_then(Value::as_object).cloned();
        let parameter = |(name, mut schema): (String, Value)| {
            if OF_LISTS.contains(&name.as_str()) {
                return reference("parameters", &name);
            }
            without_null(&mut schema);
            let description = schema
                .as_object_mut()
                .and_then(|it| it.remove("description"));
            let is_required = required.iter().any(|known| *known == name);
            let mut parameter = json!({"name": name, "in": "query", "schema": schema});
            set(
                &mut parameter,
                "required",
                is_required.then_some(Value::Bool(true)),
            );
            set(&mut parameter, "description", description);
            parameter
        };
        properties.into_iter().flatten().map(parameter).collect()
    }

    /// All schemas, by name; bodies stand over answers of the same name.
    pub(super) fn finish(mut self) -> Map<String, Value> {
        let mut all = self.answers.take_definitions(true);
        for schema in all.values_mut() {
            *schema = plain(schema.take());
        }
        all.extend(self.bodies);
        all
    }

    /// Names that a body and an answer of another shape share.
    #[cfg(test)]
    pub(super) fn clashes(&self) -> Vec<String> {
        let answers = self.answers.definitions();
        let bodies = self.bodies.keys();
        let clashing = |name: &&String| answers.contains_key(*name) || name.ends_with('_');
        bodies.filter(clashing).cloned().collect()
    }
}

/// A reference to a component.
pub(super) fn reference(kind: &str, name: &str) -> Value {
    json!({"$ref": format!("#/components/{kind}/{name}")})
}

/// Sets a member, where there is a value for it.
pub(super) fn set(object: &mut Value, name: &str, value: Option<Value>) {
    if let (Some(object), Some(value)) = (object.as_object_mut(), value) {
        object.insert(name.to_owned(), value);
    }
}

/// A query has no null: what may be absent is left out.
fn without_null(schema: &mut Value) {
    let Some(members) = schema.as_object_mut() else {
        return;
    };
    if let Some(Value::Array(kinds)) = members.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [kind] = kinds.as_slice() {
            let kind = kind.clone();
            members.insert("type".to_owned(), kind);
        }
    }
    if let Some(Value::Array(values)) = members.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if let Some(Value::Array(choices)) = members.remove("anyOf") {
        let choice = choices.into_iter().find(|choice| choice["type"] != "null");
        if let Some(Value::Object(choice)) = choice {
            members.extend(choice);
        }
    }
}

/// A schema without what says nothing here: widths of machine numbers and defaults of null or nothing.
/// The variants of an enumeration become one list of names.
fn plain(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(members) => {
            if members.get("format").is_some_and(is_machine_width) {
                members.remove("format");
            }
            let says_nothing = |value: &Value| match value {
                Value::Null => true,
                Value::Array(items) => items.is_empty(),
                Value::Object(members) => members.values().all(Value::is_null),
                _ => false,
            };
            if members.get("default").is_some_and(says_nothing) {
                members.remove("default");
            }
            for value in members.values_mut() {
                *value = plain(value.take());
            }
            name_variants(members);
        }
        Value::Array(items) => {
            for item in items {
                *item = plain(item.take());
            }
        }
        _ => {}
    }
    schema
}

fn is_machine_width(format: &Value) -> bool {
    let text = format.as_str().unwrap_or_default();
    text.starts_with("uint") || text.starts_with("int")
}

/// Documented variants come as a choice of constants.
fn name_variants(members: &mut Map<String, Value>) {
    let Some(Value::Array(choices)) = members.get("oneOf") else {
        return;
    };
    let names: Option<Vec<Value>> = choices
        .iter()
        .map(|choice| match (&choice["const"], &choice["enum"]) {
            (Value::String(name), _) => Some(vec![name.as_str().into()]),
            (_, Value::Array(names)) => Some(names.clone()),
            _ => None,
        })
        .collect::<Option<Vec<_>>>()
        .map(|names| names.concat());
    if let Some(names) = names {
        members.remove("oneOf");
        members.insert("type".to_owned(), "string".into());
        members.insert("enum".to_owned(), names.into());
    }
}
