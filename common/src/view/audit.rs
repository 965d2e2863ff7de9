//! The audit log as who administers sees it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::{AuditId, ClientId, TenantId, UserId};
use crate::time::Time;

/// What came out of checking one chain of audit rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditChainView {
    /// Slug; the `ten_…` id of a tenant that is gone; null for the installation's own chain.
    pub tenant: Option<String>,
    /// Rows up to the first bad one, or all.
    pub entries: u64,
    /// Whether every row is where and what it was.
    pub ok: bool,
    /// HMAC of the last good row in hex; null for an empty chain.
    pub head: Option<String>,
    /// Number of the first row that was changed, moved or taken away.
    pub first_bad: Option<u64>,
    /// Rows whose personal part was erased.
    pub erased: u64,
    /// Rows from before the keys were renewed: unchanged since then, and not proven for the time
    /// before, for their key is lost.
    #[serde(default)]
    pub unproven: u64,
}

/// The HMAC of one row, to be held against what the journal kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditMarkView {
    /// The row's number.
    pub number: u64,
    /// Its HMAC in hex; null where the chain is shorter.
    pub head: Option<String>,
}

/// Who made a change; what the client claims stands apart from what the kernel told. Administrators are
/// told the channel, and of users those of the tenant and of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ActorView {
    /// Uid of the peer; null for the daemon itself.
    pub uid: Option<u32>,
    /// Login name of that uid.
    pub user: Option<String>,
    /// Uid that called sudo, as the client claimed.
    pub sudo_uid: Option<u32>,
    /// Process of the peer.
    pub pid: Option<i32>,
    /// `admin`, `daemon`, `offline`, or `api`.
    pub channel: String,
    /// The user, over the API; null for administrators where it is of another tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// The user's own tenant, where it acted in another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<TenantId>,
    /// The service client, over the API; null as `user_id` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientId>,
}

/// One administrative change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AuditView {
    /// `aud_…`
    pub id: AuditId,
    /// When it happened.
    pub at: Time,
    /// Slug; the `ten_…` id of a tenant that is gone; null for the installation's own chain.
    pub tenant: Option<String>,
    /// Place in that chain.
    pub number: u64,
    /// Stable name, such as `user.disable`.
    pub action: String,
    /// Id of the object.
    pub object: String,
    /// Address of the user that the object is, while it exists; null on a socket without such data,
    /// and for administrators who may not see users.
    #[schemars(extend("x-permission" = "users:view"))]
    pub email: Option<String>,
    /// Who; null on a socket without such data.
    pub actor: Option<ActorView>,
    /// Why; for the operator alone, on a socket with such data; null where none was given.
    pub reason: Option<String>,
    /// Whether the personal part was erased.
    pub erased: bool,
    /// How it was, without secrets; for one row alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub before: Option<Value>,
    /// How it is, without secrets; for one row alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub after: Option<Value>,
}
