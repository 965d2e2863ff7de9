//! The signing keys of one moment: the one that signs, and those that verify beside it.

use std::fmt;

use domain::key::{KeyPurpose, KeyState, StoredKey};
use serde_json::json;

use super::error::CryptoError;
use super::keys::binding;
use super::signing::SigningKey;
use super::wrap::WrapKey;

/// Opened signing keys. To change one, open a new set.
pub struct SigningSet {
    /// The active one first.
    keys: Vec<SigningKey>,
    /// What is known of them, without their private halves.
    rows: Vec<StoredKey>,
}

impl SigningSet {
    /// Opens the signing keys among stored ones.
    ///
    /// # Errors
    /// [`CryptoError::Unwrap`] under another wrap key, [`CryptoError::Key`] for one that cannot be
    /// used, [`CryptoError::NoKey`] if there is no active one.
    pub fn open(stored: &[StoredKey], wrap: &WrapKey) -> Result<Self, CryptoError> {
        let mut keys = Vec::new();
        let mut rows = Vec::new();
        let lives =
            |key: &&StoredKey| key.state != KeyState::Gone && key.purpose == KeyPurpose::Signing;
        for key in stored.iter().filter(lives) {
            let secret = wrap.unwrap(&key.wrapped, &binding(key))?;
            keys.push(SigningKey::open(key, &secret)?);
            rows.push(StoredKey {
                wrapped: Vec::new(),
                ..key.clone()
            });
        }
        keys.sort_by_key(|key| (!key.is_active(), u32::MAX - key.number()));
        if !keys.first().is_some_and(SigningKey::is_active) {
            return Err(CryptoError::NoKey {
                purpose: KeyPurpose::Signing.as_str(),
            });
        }
        Ok(Self { keys, rows })
    }

    /// The key that signs; [`SigningSet::open`] lets no set be without one.
    pub(super) fn active(&self) -> Result<&SigningKey, CryptoError> {
        self.keys.first().ok_or(CryptoError::NoKey {
            purpose: KeyPurpose::Signing.as_str(),
        })
    }

    /// The key with an id, whatever it may still do.
    pub(super) fn by_kid(&self, kid: &str) -> Option<&SigningKey> {
        self.keys.iter().find(|key| key.kid() == kid)
    }

    /// Id of the key that signs.
    pub fn kid(&self) -> &str {
        self.keys.first().map_or("", SigningKey::kid)
    }

    /// The public halves of all keys (RFC 7517), announced and retiring ones included.
    pub fn jwks(&self) -> serde_json::Value {
        let keys: Vec<&serde_json::Value> = self.keys.iter().map(SigningKey::jwk).collect();
        json!({ "keys": keys })
    }

    /// How many keys [`SigningSet::jwks`] publishes.
    pub fn published(&self) -> u32 {
        u32::try_from(self.keys.len()).unwrap_or(u32::MAX)
    }

    /// What is known of the keys, without their private halves.
    pub fn rows(&self) -> &[StoredKey] {
        &self.rows
    }
}

impl fmt::Debug for SigningSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningSet({})", self.kid())
    }
}
