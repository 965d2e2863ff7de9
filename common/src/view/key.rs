//! A signing key, as the operator sees it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::KeyId;
use crate::time::Time;

/// A signing key without anything secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyView {
    /// Its id: the `kid` of the tokens that it signed.
    pub id: KeyId,
    /// `EdDSA`, `ES256` or `RS256`.
    pub alg: String,
    /// `announced`, `active`, `retiring` or `gone`.
    pub state: String,
    /// When it was made.
    pub created_at: Time,
    /// When it began to sign, or will.
    pub activates_at: Time,
    /// When it ceased to sign, or will.
    pub retires_at: Option<Time>,
    /// When its tokens ceased to be accepted, or will.
    pub ends_at: Option<Time>,
}
