//! Calls about the daemon itself.

use serde::{Deserialize, Serialize};

use crate::call::{AdminCall, Method, Socket};
use crate::view::{StatsView, StatusView, VersionView};

/// One-screen overview.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Status {}

impl AdminCall for Status {
    type Answer = StatusView;
    const NAME: &'static str = "status";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/status";
    const ALSO_ON: &'static [Socket] = &[Socket::Monitor];
}

/// Every counter, as Prometheus gets them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stats {}

impl AdminCall for Stats {
    type Answer = StatsView;
    const NAME: &'static str = "stats";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/stats";
    const ALSO_ON: &'static [Socket] = &[Socket::Monitor];
}

/// Is it alive: answers after one read of the database.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ping {}

impl AdminCall for Ping {
    type Answer = VersionView;
    const NAME: &'static str = "ping";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/ping";
    const ALSO_ON: &'static [Socket] = &[Socket::Monitor, Socket::Helpdesk];
}

/// Version of daemon, protocol and schema.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {}

impl AdminCall for Version {
    type Answer = VersionView;
    const NAME: &'static str = "version";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/version";
    const ALSO_ON: &'static [Socket] = &[Socket::Monitor, Socket::Helpdesk];
}
