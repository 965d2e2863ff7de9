//! `[cors]`: which pages of other origins may read answers.

use std::time::Duration;

use domain::setting::Setting;

use super::fault::Fault;
use super::key::{Change, Class, Form, Key, Kind, hours, seconds};
use super::value::Values;

const fn key(name: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Key {
    Key {
        name,
        kind,
        default: Some(default),
        change: Change::Reload,
        class: Class::Installation,
        doc,
    }
}

const fn list(item: Form) -> Kind {
    Kind::List { item, max: 32 }
}

/// The keys, sorted by name.
pub(super) const KEYS: &[Key] = &[
    key(
        "cors.credentials",
        Kind::Bool,
        "false",
        "Whether pages may send cookies and the like; never with the origin \"*\".",
    ),
    key(
        "cors.expose_headers",
        list(Form::HeaderName),
        "[\"X-Request-Id\", \"Retry-After\", \"ETag\", \"WWW-Authenticate\"]",
        "Headers of answers that pages may read.",
    ),
    key(
        "cors.headers",
        list(Form::HeaderName),
        "[\"authorization\", \"content-type\", \"if-match\", \"accept-language\", \"x-request-id\"]",
        "Headers that pages may send.",
    ),
    key(
        "cors.max_age",
        Kind::Duration {
            min: seconds(0),
            max: hours(24),
        },
        "\"10m\"",
        "How long browsers keep the answer to a question about origins.",
    ),
    key(
        "cors.methods",
        list(Form::Method),
        "[\"GET\", \"POST\", \"PUT\", \"PATCH\", \"DELETE\"]",
        "Methods that pages may use.",
    ),
    Key::of(
        Setting::CorsOrigins,
        Some("[]"),
        "Origins whose pages may read answers; [] for none, \"*\" for all; a tenant's own are https on links.allowed_hosts.",
    ),
];

/// Settings of pages of other origins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cors {
    /// Whether pages may send cookies and the like.
    pub credentials: bool,
    /// Headers of answers that pages may read.
    pub expose_headers: Vec<String>,
    /// Headers that pages may send.
    pub headers: Vec<String>,
    /// How long browsers keep an answer.
    pub max_age: Duration,
    /// Methods that pages may use.
    pub methods: Vec<String>,
    /// Origins whose pages may read answers.
    pub origins: Vec<String>,
}

impl Cors {
    pub(super) fn build(values: &Values) -> Result<Self, Fault> {
        Ok(Self {
            credentials: values.bool("cors.credentials")?,
            expose_headers: values.list("cors.expose_headers")?,
            headers: values.list("cors.headers")?,
            max_age: values.duration("cors.max_age")?,
            methods: values.list("cors.methods")?,
            origins: values.list("cors.origins")?,
        })
    }
}
