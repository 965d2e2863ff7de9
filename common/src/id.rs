//! TypeIDs: `usr_` + UUIDv7 in lower-case Crockford base32, with exactly one accepted spelling.
//! A user id cannot pass for a tenant id, neither in code nor in JSON nor in a shell.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// What an id names; the list of kinds is closed and stands below.
pub trait Kind: Send + Sync + 'static {
    /// Text before the underscore.
    const PREFIX: &'static str;
}

/// A typed identifier. It is public, sortable by creation time and never a secret.
pub struct Id<K: Kind>(Uuid, PhantomData<fn() -> K>);

/// Why a text is no id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an id of the form {prefix}_…")]
pub struct InvalidId {
    /// Prefix that was expected.
    pub prefix: &'static str,
}

impl<K: Kind> Id<K> {
    /// Wraps a UUID that the caller drew.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid, PhantomData)
    }

    /// The UUID inside, for storage.
    pub const fn uuid(&self) -> Uuid {
        self.0
    }

    /// The sixteen bytes inside, for storage and message authentication.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// Reads the sixteen bytes that [`Id::as_bytes`] gave.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes), PhantomData)
    }
}

/// 128 bits in symbols of five bits each; the first one holds only three of them.
const LENGTH: usize = 26;
const BITS: u32 = 5;
const HIGHEST_LEAD: u128 = 7;

/// Crockford's alphabet in lower case, without its tolerance for look-alikes: one spelling an id.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

fn symbol(value: u128) -> u8 {
    let five_bits = usize::try_from(value & 31).unwrap_or_default();
    ALPHABET.get(five_bits).copied().unwrap_or(b'0')
}

fn value(symbol: u8) -> Option<u128> {
    let position = ALPHABET.iter().position(|&known| known == symbol)?;
    u128::try_from(position).ok()
}

impl<K: Kind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_u128();
        let mut text = [b'0'; LENGTH];
        for place in text.iter_mut().rev() {
            *place = symbol(rest);
            rest >>= BITS;
        }
        f.write_str(K::PREFIX)?;
        f.write_str("_")?;
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl<K: Kind> FromStr for Id<K> {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId { prefix: K::PREFIX };
        let body = text
            .strip_prefix(K::PREFIX)
            .and_then(|rest| rest.strip_prefix('_'))
            .filter(|body| body.len() == LENGTH)
            .ok_or_else(invalid)?;
        let mut bits = 0_u128;
        for (place, byte) in body.bytes().enumerate() {
            let next = value(byte).ok_or_else(invalid)?;
            if place == 0 && next > HIGHEST_LEAD {
                return Err(invalid());
            }
            bits = bits << BITS | next;
        }
        Ok(Self::from_uuid(Uuid::from_u128(bits)))
    }
}

impl<K: Kind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<K: Kind> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: Kind> Copy for Id<K> {}

impl<K: Kind> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<K: Kind> Eq for Id<K> {}

impl<K: Kind> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K: Kind> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl<K: Kind> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<K: Kind> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, K: Kind> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Kind of a tenant's id.
pub enum TenantKind {}
/// Kind of a user's id.
pub enum UserKind {}
/// Kind of a role's id.
pub enum RoleKind {}
/// Kind of a session's id.
pub enum SessionKind {}
/// Kind of a login attempt's id.
pub enum AttemptKind {}
/// Kind of a signing key's id, a JWT's `kid`.
pub enum KeyKind {}
/// Kind of an audit row's id.
pub enum AuditKind {}
/// Kind of a request's id.
pub enum RequestKind {}
/// Kind of a mail's id.
pub enum MessageKind {}
/// Kind of a service client's id.
pub enum ClientKind {}

impl Kind for TenantKind {
    const PREFIX: &'static str = "ten";
}
impl Kind for UserKind {
    const PREFIX: &'static str = "usr";
}
impl Kind for RoleKind {
    const PREFIX: &'static str = "rol";
}
impl Kind for SessionKind {
    const PREFIX: &'static str = "ses";
}
impl Kind for AttemptKind {
    const PREFIX: &'static str = "att";
}
impl Kind for KeyKind {
    const PREFIX: &'static str = "key";
}
impl Kind for AuditKind {
    const PREFIX: &'static str = "aud";
}
impl Kind for RequestKind {
    const PREFIX: &'static str = "req";
}
impl Kind for MessageKind {
    const PREFIX: &'static str = "msg";
}
impl Kind for ClientKind {
    const PREFIX: &'static str = "cli";
}

/// Names a tenant.
pub type TenantId = Id<TenantKind>;
/// Names a user.
pub type UserId = Id<UserKind>;
/// Names a role.
pub type RoleId = Id<RoleKind>;
/// Names a session.
pub type SessionId = Id<SessionKind>;
/// Names a login attempt, or the row that several were folded into.
pub type AttemptId = Id<AttemptKind>;
/// Names a key; a JWT's `kid`.
pub type KeyId = Id<KeyKind>;
/// Names a row of the audit log.
pub type AuditId = Id<AuditKind>;
/// Names one request to authd.
pub type RequestId = Id<RequestKind>;
/// Names a mail in the outbox.
pub type MessageId = Id<MessageKind>;
/// Names a service client.
pub type ClientId = Id<ClientKind>;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_id_has_one_spelling_that_reads_back(bytes: [u8; 16]) {
            let id = UserId::from_bytes(bytes);
            let text = id.to_string();
            prop_assert_eq!(text.len(), 30);
            prop_assert_eq!(text.parse::<UserId>(), Ok(id));
            prop_assert!(text.to_uppercase().parse::<UserId>().is_err());
            prop_assert!(text.parse::<TenantId>().is_err());
        }

        #[test]
        fn other_texts_are_refused(text in "usr_[0-9a-zA-Z]{26}") {
            if let Ok(id) = text.parse::<UserId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }

    #[test]
    fn the_known_vector_of_the_typeid_specification_holds() {
        let uuid = Uuid::parse_str("01890a5d-ac96-774b-bcce-b302099a8057").unwrap();
        assert_eq!(
            UserId::from_uuid(uuid).to_string(),
            "usr_01h455vb4pex5vsknk084sn02q"
        );
    }

    #[test]
    fn overflow_of_the_first_symbol_is_refused() {
        assert!("usr_8zzzzzzzzzzzzzzzzzzzzzzzzz".parse::<UserId>().is_err());
        assert!("usr_7zzzzzzzzzzzzzzzzzzzzzzzzz".parse::<UserId>().is_ok());
    }
}
