//! The session and its device as they are shown.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{SessionId, UserId};
use crate::time::Time;

/// What kind of device a client says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the kinds are their own names")]
pub enum DeviceType {
    Desktop,
    Mobile,
    Tablet,
    Browser,
    Terminal,
    Service,
    Other,
}

impl DeviceType {
    /// The kind as it stands in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Desktop => "desktop",
            Self::Mobile => "mobile",
            Self::Tablet => "tablet",
            Self::Browser => "browser",
            Self::Terminal => "terminal",
            Self::Service => "service",
            Self::Other => "other",
        }
    }

    /// Reads what [`DeviceType::as_str`] wrote.
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Desktop,
            Self::Mobile,
            Self::Tablet,
            Self::Browser,
            Self::Terminal,
            Self::Service,
            Self::Other,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == name)
    }
}

/// A device by its client's own words; no proof of anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceView {
    /// The client's identifier of it.
    pub id: String,
    /// Name for people.
    pub name: Option<String>,
    /// Kind.
    #[serde(rename = "type")]
    pub kind: DeviceType,
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionView {
    /// `ses_…`
    pub id: SessionId,
    /// Owner; for the operator and for administrators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// Owner's address; for the operator, and for administrators who may see users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-permission" = "users:view"))]
    pub email: Option<String>,
    /// Slug of the tenant; on the operator's side alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub tenant: Option<String>,
    /// Whether the request that asked belongs to it; for the signed-in user alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<bool>,
    /// The device that signed in; null for one without a name.
    pub device: Option<DeviceView>,
    /// Address that signed in; null where the caller may not see it.
    pub ip: Option<String>,
    /// When the user signed in.
    pub created_at: Time,
    /// When anything of it last changed: its last use, rotation or end.
    pub updated_at: Time,
    /// Last use, to a minute or so.
    pub last_active_at: Time,
    /// When it ends if it is not used again, or at the latest.
    pub expires_at: Time,
    /// When the user last proved who it is; where the operator looks at one session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub authenticated_at: Option<Time>,
    /// When it was ended; where the operator looks at one session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub ended_at: Option<Time>,
    /// Why it was ended, in a stable word such as `revoked`; as above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub end_reason: Option<String>,
}
