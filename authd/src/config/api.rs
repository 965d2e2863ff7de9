//! `[api]`: the HTTP side.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;

use super::fault::Fault;
use super::form;
use super::key::{Change, Class, Form, Key, Kind, hours, kib, mib, minutes, seconds};
use super::value::Values;

const CLIENT_IP_HEADERS: &[&str] = &["none", "forwarded", "x-forwarded-for"];

/// The keys, sorted by name.
pub(super) const KEYS: &[Key] = &[
    Key {
        name: "api.behind_proxy",
        kind: Kind::Bool,
        default: Some("false"),
        change: Change::Restart,
        class: Class::Installation,
        doc: "A proxy that speaks TLS stands in front; an address other than loopback needs it.",
    },
    Key {
        name: "api.client_ip_header",
        kind: Kind::Choice(CLIENT_IP_HEADERS),
        default: Some("\"none\""),
        change: Change::Reload,
        class: Class::Installation,
        doc: "Header in which a trusted proxy names the client.",
    },
    Key {
        name: "api.header_timeout",
        kind: Kind::Duration {
            min: seconds(1),
            max: minutes(2),
        },
        default: Some("\"10s\""),
        change: Change::Reload,
        class: Class::Installation,
        doc: "Longest time for the head of a request, from accept or its first byte.",
    },
    Key {
        name: "api.keepalive_timeout",
        kind: Kind::Duration {
            min: seconds(1),
            max: hours(1),
        },
        default: Some("\"75s\""),
        change: Change::Reload,
        class: Class::Installation,
        doc: "How long a connection may stay idle between requests.",
    },
    Key {
        name: "api.listen",
        kind: Kind::List {
            item: Form::Address,
            max: 16,
        },
        default: Some("[\"127.0.0.1:8440\"]"),
        change: Change::Restart,
        class: Class::Installation,
        doc: "Addresses to listen on; empty = only the sockets of authd.socket.",
    },
    Key {
        name: "api.max_body",
        kind: Kind::Size {
            min: kib(4),
            max: mib(16),
        },
        default: Some("\"64KiB\""),
        change: Change::Restart,
        class: Class::Installation,
        doc: "Largest body of a request.",
    },
    Key {
        name: "api.max_connections",
        kind: Kind::Integer {
            min: 8,
            max: 1_000_000,
        },
        default: Some("4096"),
        change: Change::Restart,
        class: Class::Installation,
        doc: "Most connections at a time.",
    },
    Key {
        name: "api.max_header_bytes",
        kind: Kind::Size {
            min: kib(8),
            max: kib(256),
        },
        default: Some("\"16KiB\""),
        change: Change::Restart,
        class: Class::Installation,
        doc: "Largest head of a request.",
    },
    Key {
        name: "api.public_url",
        kind: Kind::Text(Form::Url),
        default: None,
        change: Change::Restart,
        class: Class::Installation,
        doc: "Address under which the world reaches authd; required, and the issuer of tokens.",
    },
    Key {
        name: "api.request_timeout",
        kind: Kind::Duration {
            min: Duration::from_millis(100),
            max: minutes(10),
        },
        default: Some("\"30s\""),
        change: Change::Reload,
        class: Class::Installation,
        doc: "Longest time for the answer to a request.",
    },
    Key {
        name: "api.shutdown_grace",
        kind: Kind::Duration {
            min: seconds(0),
            max: minutes(10),
        },
        default: Some("\"30s\""),
        change: Change::Restart,
        class: Class::Installation,
        doc: "How long requests under way may go on after a signal to stop.",
    },
    Key {
        name: "api.timeout_overrides",
        kind: Kind::TimeoutOverrides,
        default: Some("{}"),
        change: Change::Reload,
        class: Class::Installation,
        doc: "Path prefixes with a time limit of their own, or \"none\"; the longest prefix wins.",
    },
    Key {
        name: "api.trusted_proxies",
        kind: Kind::List {
            item: Form::Network,
            max: 256,
        },
        default: Some("[]"),
        change: Change::Reload,
        class: Class::Installation,
        doc: "Address ranges of proxies that may name the client.",
    },
    Key {
        name: "api.worker_threads",
        kind: Kind::Integer { min: 0, max: 1024 },
        default: Some("0"),
        change: Change::Restart,
        class: Class::Installation,
        doc: "Threads that serve requests; 0 = one a processor.",
    },
];

/// Header in which a trusted proxy names the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientIpHeader {
    /// None: the peer is the client.
    None,
    /// `Forwarded` (RFC 7239).
    Forwarded,
    /// `X-Forwarded-For`.
    XForwardedFor,
}

/// Settings of the HTTP side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Api {
    /// Whether a proxy that speaks TLS stands in front.
    pub behind_proxy: bool,
    /// Header in which a trusted proxy names the client.
    pub client_ip_header: ClientIpHeader,
    /// Longest time for the head of a request.
    pub header_timeout: Duration,
    /// How long a connection may stay idle.
    pub keepalive_timeout: Duration,
    /// Addresses to listen on; none where the service manager passes the sockets.
    pub listen: Vec<SocketAddr>,
    /// Largest body, in bytes.
    pub max_body: u64,
    /// Most connections at a time.
    pub max_connections: usize,
    /// Largest head of a request, in bytes.
    pub max_header_bytes: u64,
    /// Scheme, host and port, without a slash at the end.
    pub public_url: String,
    /// Longest time for the answer to a request.
    pub request_timeout: Duration,
    /// How long requests may go on after a signal to stop.
    pub shutdown_grace: Duration,
    /// Path prefixes with a limit of their own; none where there is no limit.
    pub timeout_overrides: BTreeMap<String, Option<Duration>>,
    /// Ranges whose proxies may name the client.
    pub trusted_proxies: Vec<IpNet>,
    /// Threads that serve requests; 0 = one a processor.
    pub worker_threads: usize,
}

impl Api {
    pub(super) fn build(values: &Values) -> Result<Self, Fault> {
        Ok(Self {
            behind_proxy: values.bool("api.behind_proxy")?,
            client_ip_header: match values.text("api.client_ip_header")?.as_str() {
                "forwarded" => ClientIpHeader::Forwarded,
                "x-forwarded-for" => ClientIpHeader::XForwardedFor,
                _ => ClientIpHeader::None,
            },
            header_timeout: values.duration("api.header_timeout")?,
            keepalive_timeout: values.duration("api.keepalive_timeout")?,
            listen: values.each("api.listen", str::parse)?,
            max_body: values.size("api.max_body")?,
            max_connections: values.number("api.max_connections")?,
            max_header_bytes: values.size("api.max_header_bytes")?,
            public_url: values.text("api.public_url")?,
            request_timeout: values.duration("api.request_timeout")?,
            shutdown_grace: values.duration("api.shutdown_grace")?,
            timeout_overrides: values.timeouts("api.timeout_overrides")?,
            trusted_proxies: values.each("api.trusted_proxies", form::network)?,
            worker_threads: values.number("api.worker_threads")?,
        })
    }
}
