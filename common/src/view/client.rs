//! Service clients as they are shown.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::ClientId;
use crate::time::Time;

/// A service client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClientView {
    /// `cli_…`
    pub id: ClientId,
    /// For people; unique in its tenant. Null where it is masked.
    pub name: Option<String>,
    /// Slug of its tenant; left out over HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub tenant: Option<String>,
    /// What it may ask of authd, sorted.
    pub scopes: Vec<String>,
    /// Roles held, sorted.
    pub roles: Vec<String>,
    /// When each of its secrets was made, the newest first; the secrets themselves are shown once.
    pub secrets: Vec<Time>,
    /// From when on it is dead.
    pub expires_at: Option<Time>,
    /// Last use, within a minute or so.
    pub last_used_at: Option<Time>,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}
