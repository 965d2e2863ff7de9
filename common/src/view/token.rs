//! A single token, as the operator sees it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::time::Time;

/// What a token says, who signed it, and whether it is accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenView {
    /// Algorithm that it names.
    pub alg: Option<String>,
    /// Kind that it names.
    pub typ: Option<String>,
    /// Key that it names.
    pub kid: Option<String>,
    /// `valid`, `invalid` or `unknown_key`.
    pub signature: String,
    /// Whether the next request with it would be let in.
    pub accepted: bool,
    /// Whether its time is over.
    pub expired: bool,
    /// Why it is refused before its time; null if it is not.
    pub revoked: Option<String>,
    /// Its claims; with a signature that is not valid anybody may have written them.
    pub claims: serde_json::Value,
}

/// A token that is denied before its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeniedTokenView {
    /// Its id.
    pub jti: String,
    /// When it was denied.
    pub revoked_at: Time,
    /// When it is over anyway.
    pub expires_at: Time,
    /// What the operator said; on `admin.sock` alone.
    pub reason: Option<String>,
}
