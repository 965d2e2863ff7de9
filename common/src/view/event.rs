//! Events as `authctl events` tells them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{AuditId, UserId};
use crate::time::Time;
use crate::view::ActorView;

/// Whom or what an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventSubject {
    /// Id of the object; of a locked name the hash of its key.
    pub id: String,
    /// The user that it is, or belongs to; null where there is none.
    pub user_id: Option<UserId>,
    /// The user's address, while it exists; null on a socket without such data.
    pub email: Option<String>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventView {
    /// Its number: a later commit has a higher one, and none is given twice.
    pub seq: u64,
    /// When it happened.
    pub at: Time,
    /// Slug; the `ten_…` id of a tenant that is gone; null for what belongs to none.
    pub tenant: Option<String>,
    /// What: the action of a change, such as `user.disable`, or `lockout.started`, `session.ended`,
    /// `token.denied`, `user.tokens_ended`, `client.tokens_ended`, `tenant.tokens_ended`, `key.gone`.
    #[serde(rename = "type")]
    pub kind: String,
    /// About whom or what.
    pub subject: EventSubject,
    /// Address that the last failure came from, of a lock that stands; null on a socket without such
    /// data.
    pub ip: Option<String>,
    /// Who made the change; null on a socket without such data, and where nobody did.
    pub actor: Option<ActorView>,
    /// The audit row of a change.
    pub audit_id: Option<AuditId>,
    /// Why the change was made; null on a socket without such data, and where none was given.
    pub reason: Option<String>,
}
