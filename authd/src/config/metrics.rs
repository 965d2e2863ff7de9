//! `[metrics]`: counters for Prometheus.

use std::net::SocketAddr;

use super::fault::Fault;
use super::key::{Change, Class, Form, Key, Kind};
use super::value::Values;

/// The keys, sorted by name.
pub(super) const KEYS: &[Key] = &[
    Key {
        name: "metrics.listen",
        kind: Kind::Text(Form::OptionalAddress),
        default: Some("\"127.0.0.1:9440\""),
        change: Change::Restart,
        class: Class::Installation,
        doc: "Address where /metrics is served, and nothing else; empty = nowhere.",
    },
    Key {
        name: "metrics.tenant_label",
        kind: Kind::Bool,
        default: Some("false"),
        change: Change::Reload,
        class: Class::Installation,
        doc: "Whether sign-ins, users and sessions are told by tenant, which shows their names.",
    },
];

/// Settings of the counters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metrics {
    /// Where they are served; none where they are not.
    pub listen: Option<SocketAddr>,
    /// Whether some are told by tenant.
    pub tenant_label: bool,
}

impl Metrics {
    pub(super) fn build(values: &Values) -> Result<Self, Fault> {
        let key = "metrics.listen";
        let listen = match values.text(key)?.as_str() {
            "" => None,
            text => Some(text.parse().map_err(|why| values.refused(key, &why))?),
        };
        Ok(Self {
            listen,
            tenant_label: values.bool("metrics.tenant_label")?,
        })
    }
}
