//! The audit log: what an administrative change leaves behind (rule 30). The chain itself is made
//! with keyed hashes in `crypto`; here is only the shape of a row and what the hash covers.

use common::id::{AuditId, ClientId, TenantId, UserId};
use common::time::Time;
use serde::{Deserialize, Serialize};

/// Who made a change: a peer as the kernel and the socket told, a user who proved a session, or a service
/// client by its token.
/// The JSON of one is under a row's HMAC: a field that is new is left out where it is empty, so that
/// rows from before it stay proven.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Uid of the peer; none for the daemon itself.
    pub uid: Option<u32>,
    /// Login name of that uid.
    pub user: Option<String>,
    /// Process of the peer.
    pub pid: Option<i32>,
    /// `SUDO_UID` as claimed by the client; a claim only.
    pub sudo_uid: Option<u32>,
    /// `admin`, `daemon`, `offline`, or `api`.
    pub channel: String,
    /// The user, over the API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// The user's own tenant, where it acted in another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<TenantId>,
    /// The service client, over the API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientId>,
}

/// A change, before it has its place in the chain. It holds no secret.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// `aud_…`
    pub id: AuditId,
    /// When it happened.
    pub at: Time,
    /// The chain that it belongs to: one a tenant, one for the installation.
    pub tenant_id: Option<TenantId>,
    /// Who.
    pub actor: Actor,
    /// What, such as `user.disable`.
    pub action: String,
    /// Of which object, by id.
    pub object: String,
    /// Before and after, without secrets, and why.
    pub payload: serde_json::Value,
    /// Random bytes that make the payload's digest worthless for guessing it.
    pub salt: [u8; 16],
}

/// An entry with its place in the chain.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRow {
    /// The change.
    pub entry: AuditEntry,
    /// Place in its tenant's chain, from 1 without gaps.
    pub number: u64,
    /// SHA-256 over salt and payload.
    pub digest: [u8; 32],
    /// HMAC of the row before; zeros for the first.
    pub previous: [u8; 32],
    /// HMAC over chain, number, previous, digest and the columns beside the payload.
    pub mac: [u8; 32],
}

/// The end of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditHead {
    /// Number of the last row.
    pub number: u64,
    /// Its HMAC.
    pub mac: [u8; 32],
}

/// The bytes that a row's digest covers: the salt, then the payload as JSON with sorted keys.
pub fn digest_input(entry: &AuditEntry) -> Vec<u8> {
    let mut bytes = entry.salt.to_vec();
    bytes.extend_from_slice(entry.payload.to_string().as_bytes());
    bytes
}

/// The bytes that a row's HMAC covers; length-prefixed, so that no two rows share them.
pub fn mac_input(
    entry: &AuditEntry,
    number: u64,
    previous: &[u8; 32],
    digest: &[u8; 32],
) -> Vec<u8> {
    let mut bytes = b"authd audit v1".to_vec();
    let actor = serde_json::to_vec(&entry.actor).unwrap_or_default();
    let tenant = entry
        .tenant_id
        .map(|id| id.as_bytes().to_vec())
        .unwrap_or_default();
    for part in [
        tenant.as_slice(),
        &number.to_be_bytes(),
        previous,
        digest,
        entry.id.as_bytes(),
        &entry.at.millis().to_be_bytes(),
        &actor,
        entry.action.as_bytes(),
        entry.object.as_bytes(),
    ] {
        bytes.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_peers_have_the_bytes_that_they_always_had() {
        let actor = Actor {
            uid: Some(0),
            user: Some("root".to_owned()),
            pid: Some(7),
            channel: "admin".to_owned(),
            ..Actor::default()
        };
        let text = r#"{"uid":0,"user":"root","pid":7,"sudo_uid":null,"channel":"admin"}"#;
        assert_eq!(serde_json::to_string(&actor).unwrap(), text);
        assert_eq!(serde_json::from_str::<Actor>(text).unwrap(), actor);
    }
}
