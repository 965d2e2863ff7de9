//! Keys as they are kept: wrapped, numbered, each for one purpose and algorithm.

use common::id::KeyId;
use common::time::Time;

/// What a key is for; a key serves no second purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyPurpose {
    /// Signs access tokens.
    Signing,
    /// Authenticates refresh tokens.
    Refresh,
    /// Hashes the names of counters.
    Subject,
    /// Chains audit rows.
    Audit,
    /// Authenticates list cursors.
    Cursor,
}

impl KeyPurpose {
    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Signing => "signing",
            Self::Refresh => "refresh",
            Self::Subject => "subject",
            Self::Audit => "audit",
            Self::Cursor => "cursor",
        }
    }

    /// Reads a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Signing,
            Self::Refresh,
            Self::Subject,
            Self::Audit,
            Self::Cursor,
        ]
        .into_iter()
        .find(|purpose| purpose.as_str() == name)
    }
}

/// Where a key stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Published, not yet used.
    Announced,
    /// In use.
    Active,
    /// Verifies only.
    Retiring,
    /// Of no use any more.
    Gone,
}

impl KeyState {
    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::Active => "active",
            Self::Retiring => "retiring",
            Self::Gone => "gone",
        }
    }

    /// Reads a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Announced, Self::Active, Self::Retiring, Self::Gone]
            .into_iter()
            .find(|state| state.as_str() == name)
    }
}

/// A key as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// `key_…`
    pub id: KeyId,
    /// What it is for.
    pub purpose: KeyPurpose,
    /// Number within its purpose, from 1; refresh tokens carry it.
    pub number: u32,
    /// `EdDSA`, or `HMAC-SHA256`.
    pub algorithm: String,
    /// Where it stands.
    pub state: KeyState,
    /// Public half, DER; empty for symmetric keys.
    pub public: Vec<u8>,
    /// AES-256-GCM under the wrap key: nonce, ciphertext, tag.
    pub wrapped: Vec<u8>,
    /// When it was made.
    pub created_at: Time,
}
