//! What can go wrong in here. No text holds a secret, a password or a token.

use common::id::KeyId;

/// A failure of cryptography: the request fails with it, nothing falls back (ASVS 11.2.5).
#[derive(Debug, thiserror::Error)]
pub enum CryptoError {
    /// The random source gave no bytes.
    #[error("the random source failed")]
    Random,
    /// A library refused an operation that always works on sound input.
    #[error("{operation} failed")]
    Failed {
        /// What was tried.
        operation: &'static str,
    },
    /// A text is no wrap key.
    #[error("a wrap key is 32 bytes as 64 hexadecimal digits or as base64; this text is not")]
    NoWrapKey,
    /// A wrapped value was made under another wrap key or for another use, or is damaged.
    #[error("cannot unwrap: another wrap key, or a damaged value")]
    Unwrap,
    /// A stored key cannot be used.
    #[error("key {id} cannot be used: {reason}")]
    Key {
        /// The key.
        id: KeyId,
        /// Why.
        reason: &'static str,
    },
    /// A key from elsewhere is none that signs here.
    #[error("no signing key: expected PKCS#8 of Ed25519, P-256, or RSA of 2048 bits and more")]
    Foreign,
    /// No active key serves a purpose.
    #[error("no active {purpose} key")]
    NoKey {
        /// What the key would be for.
        purpose: &'static str,
    },
    /// A hash thread could not be started.
    #[error("cannot start a hash thread")]
    Thread(#[source] std::io::Error),
    /// There is no memory for a hash.
    #[error("no memory for a password hash of {kib} KiB")]
    Memory {
        /// Wanted memory.
        kib: u32,
    },
    /// The hash pool has ended.
    #[error("the hash pool has stopped")]
    Stopped,
}

impl CryptoError {
    pub(super) const fn failed(operation: &'static str) -> Self {
        Self::Failed { operation }
    }
}

/// Why a token is not accepted. More is told to nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not one of ours, not for us, or not yet valid.
    #[error("invalid token")]
    Invalid,
    /// All right, but its time is over.
    #[error("expired token")]
    Expired,
}
