//! `[token]`: what stands in tokens.

use std::time::Duration;

use domain::key::SigningAlgorithm;
use domain::setting::Setting;

use super::fault::Fault;
use super::key::{Change, Class, Form, Key, Kind, minutes, seconds};
use super::value::Values;

/// The keys, sorted by name.
pub(super) const KEYS: &[Key] = &[
    Key::of(
        Setting::TokenAccessTtl,
        Some("\"10m\""),
        "Life of an access token; as long may a verifier without a connection believe it.",
    ),
    Key {
        name: "token.algorithm",
        kind: Kind::Choice(&["EdDSA", "ES256", "RS256"]),
        default: Some("\"EdDSA\""),
        change: Change::Reload,
        class: Class::Installation,
        doc: "How access tokens are signed; another one is announced before it is used.",
    },
    Key::of(
        Setting::TokenAudience,
        None,
        "Whom tokens are for, in at most 768 bytes as JSON; the issuer if unset.",
    ),
    Key {
        name: "token.clock_skew",
        kind: Kind::Duration {
            min: seconds(0),
            max: minutes(5),
        },
        default: Some("\"30s\""),
        change: Change::Reload,
        class: Class::Installation,
        doc: "How far the clocks of other machines may be off.",
    },
    Key {
        name: "token.issuer",
        kind: Kind::Text(Form::Url),
        default: None,
        change: Change::Restart,
        class: Class::Installation,
        doc: "Issuer of tokens; api.public_url if unset. Never changes after the first start.",
    },
    Key {
        name: "token.refresh_grace",
        kind: Kind::Duration {
            min: seconds(0),
            max: minutes(1),
        },
        default: Some("\"10s\""),
        change: Change::Reload,
        class: Class::Installation,
        doc: "How long a refresh token may be sent again for the same successor; \"0s\" = not.",
    },
];

/// Settings of tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Life of an access token.
    pub access_ttl: Duration,
    /// How access tokens are signed.
    pub algorithm: SigningAlgorithm,
    /// Whom tokens are for; at least one.
    pub audience: Vec<String>,
    /// How far other clocks may be off.
    pub clock_skew: Duration,
    /// Issuer of tokens.
    pub issuer: String,
    /// How long a refresh token may be sent again.
    pub refresh_grace: Duration,
}

impl Token {
    pub(super) fn build(values: &Values) -> Result<Self, Fault> {
        Ok(Self {
            access_ttl: values.duration("token.access_ttl")?,
            algorithm: SigningAlgorithm::from_name(&values.text("token.algorithm")?)
                .unwrap_or(SigningAlgorithm::EdDsa),
            audience: values.list("token.audience")?,
            clock_skew: values.duration("token.clock_skew")?,
            issuer: values.text("token.issuer")?,
            refresh_grace: values.duration("token.refresh_grace")?,
        })
    }
}
