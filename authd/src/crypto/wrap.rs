//! The wrap key: keys in the database are encrypted under it, and it is not in the database.
//! What it encrypts is bound to its use by authenticated data.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use common::secret::Secret;
use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE};
use zeroize::Zeroizing;

use super::error::CryptoError;
use super::frame::keyed;
use super::random::{Random, bytes};

const KEY_BYTES: usize = 32;
/// NIST SP 800-38D 8.2.2: random nonces of 96 bits, safe for far more than the few keys wrapped.
const NONCE_BYTES: usize = 12;

/// The key that wraps all others. Its bytes serve as input for derived keys only, so that its id
/// and check value can be stored beside what it encrypts.
#[derive(Clone)]
pub struct WrapKey {
    root: Zeroizing<[u8; KEY_BYTES]>,
}

impl WrapKey {
    /// Draws a new one.
    ///
    /// # Errors
    /// [`CryptoError::Random`].
    pub fn generate(random: &dyn Random) -> Result<Self, CryptoError> {
        let mut root = Zeroizing::new([0; KEY_BYTES]);
        random.fill(root.as_mut())?;
        Ok(Self { root })
    }

    /// Reads the text of a credential or key file: 32 bytes as 64 hexadecimal digits or as base64.
    ///
    /// # Errors
    /// [`CryptoError::NoWrapKey`] for any other text, and for 32 equal bytes.
    pub fn from_text(text: &Secret<String>) -> Result<Self, CryptoError> {
        let text = text.expose().trim().as_bytes();
        let decoded = [HEXLOWER_PERMISSIVE, BASE64, BASE64_NOPAD, BASE64URL_NOPAD]
            .iter()
            .filter_map(|encoding| encoding.decode(text).ok().map(Zeroizing::new))
            .find(|decoded| decoded.len() == KEY_BYTES)
            .ok_or(CryptoError::NoWrapKey)?;
        let mut root = Zeroizing::new([0; KEY_BYTES]);
        for (to, from) in root.iter_mut().zip(decoded.iter()) {
            *to = *from;
        }
        // A file of zeros is a placeholder that somebody forgot, not a key.
        if root.iter().all(|byte| Some(byte) == root.first()) {
            return Err(CryptoError::NoWrapKey);
        }
        Ok(Self { root })
    }

    /// The text that [`WrapKey::from_text`] reads: 64 hexadecimal digits.
    pub fn to_text(&self) -> Secret<String> {
        Secret::new(HEXLOWER.encode(self.root.as_ref()))
    }

    /// Names the key for the operator; tells nothing about it.
    pub fn id(&self) -> String {
        let hash = self.derive("authd wrap key: id");
        HEXLOWER.encode(hash.get(..8).unwrap_or_default())
    }

    /// Shows that a key is the same as before; tells nothing about it.
    pub fn check_value(&self) -> [u8; 16] {
        let hash = self.derive("authd wrap key: check value");
        hash.first_chunk().copied().unwrap_or_default()
    }

    /// Encrypts `plain`, bound to `aad`; the result is nonce, ciphertext, tag.
    ///
    /// # Errors
    /// [`CryptoError::Random`], or if the cipher fails.
    pub fn wrap(
        &self,
        random: &dyn Random,
        plain: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        let nonce = bytes::<NONCE_BYTES>(random)?;
        let mut sealed = Zeroizing::new(plain.to_vec());
        self.cipher()?
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(aad),
                &mut *sealed,
            )
            .map_err(|_| CryptoError::failed("AES-256-GCM encryption"))?;
        Ok([nonce.as_slice(), sealed.as_slice()].concat())
    }

    /// Decrypts what [`WrapKey::wrap`] gave for the same `aad`.
    ///
    /// # Errors
    /// [`CryptoError::Unwrap`] if key, `aad` or a bit of `wrapped` differs.
    pub fn unwrap(&self, wrapped: &[u8], aad: &[u8]) -> Result<Secret<Vec<u8>>, CryptoError> {
        let (nonce, sealed) = wrapped
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or(CryptoError::Unwrap)?;
        let mut opened = Zeroizing::new(sealed.to_vec());
        let length = self
            .cipher()?
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(aad),
                &mut opened,
            )
            .map_err(|_| CryptoError::Unwrap)?
            .len();
        opened.truncate(length);
        Ok(Secret::new(std::mem::take(&mut *opened)))
    }

    pub(super) fn derive(&self, label: &str) -> Zeroizing<[u8; 32]> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.root.as_ref());
        Zeroizing::new(keyed(&key, label, &[]))
    }

    fn cipher(&self) -> Result<LessSafeKey, CryptoError> {
        let key = self.derive("authd wrap key: AES-256-GCM");
        UnboundKey::new(&AES_256_GCM, key.as_ref())
            .map(LessSafeKey::new)
            .map_err(|_| CryptoError::failed("AES-256-GCM key"))
    }
}

impl fmt::Debug for WrapKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WrapKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::super::random::SeededRandom;
    use super::*;
    use proptest::prelude::*;

    fn key(seed: u64) -> WrapKey {
        WrapKey::generate(&SeededRandom::new(seed)).unwrap()
    }

    #[test]
    fn v11_what_is_wrapped_opens_under_the_same_key_and_use_alone() {
        let random = SeededRandom::new(9);
        let wrapped = key(1).wrap(&random, b"plain", b"use").unwrap();
        assert_eq!(key(1).unwrap(&wrapped, b"use").unwrap().expose(), b"plain");
        assert!(key(1).unwrap(&wrapped, b"other use").is_err());
        assert!(key(1).unwrap(&wrapped, b"").is_err());
        assert!(key(2).unwrap(&wrapped, b"use").is_err());
        for position in 0..wrapped.len() {
            let mut changed = wrapped.clone();
            changed[position] ^= 1;
            assert!(key(1).unwrap(&changed, b"use").is_err(), "{position}");
            assert!(key(1).unwrap(&wrapped[..position], b"use").is_err());
        }
    }

    #[test]
    fn v11_a_nonce_is_never_used_twice() {
        let random = SeededRandom::new(9);
        let one = key(1).wrap(&random, b"plain", b"use").unwrap();
        let two = key(1).wrap(&random, b"plain", b"use").unwrap();
        assert_ne!(one[..NONCE_BYTES], two[..NONCE_BYTES]);
        assert_ne!(one[NONCE_BYTES..], two[NONCE_BYTES..]);
    }

    #[test]
    fn a91_id_and_check_value_tell_keys_apart_and_show_nothing_of_them() {
        assert_eq!(key(1).id(), key(1).id());
        assert_ne!(key(1).id(), key(2).id());
        assert_ne!(key(1).check_value(), key(2).check_value());
        let text = key(1).to_text();
        assert!(!text.expose().contains(&key(1).id()));
        assert_eq!(format!("{:?}", key(1)), "WrapKey(…)");
    }

    #[test]
    fn every_usual_spelling_of_the_key_is_read() {
        let raw = *key(1).root;
        for text in [
            HEXLOWER.encode(&raw),
            HEXLOWER.encode(&raw).to_uppercase(),
            BASE64.encode(&raw),
            BASE64_NOPAD.encode(&raw),
            BASE64URL_NOPAD.encode(&raw),
            format!("{}\n", HEXLOWER.encode(&raw)),
        ] {
            let read = WrapKey::from_text(&Secret::new(text.clone())).unwrap();
            assert_eq!(*read.root, raw, "{text}");
        }
    }

    #[test]
    fn a91_other_texts_are_no_key() {
        for text in [
            String::new(),
            "secret".to_owned(),
            "0".repeat(64),
            "A".repeat(43) + "=",
            HEXLOWER.encode(&[1; 31]),
            HEXLOWER.encode(&[1, 2].repeat(17)),
            format!("{} {}", "1".repeat(32), "2".repeat(32)),
        ] {
            let result = WrapKey::from_text(&Secret::new(text.clone()));
            assert!(matches!(result, Err(CryptoError::NoWrapKey)), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a60_no_text_makes_the_reader_panic(text in ".{0,80}") {
            drop(WrapKey::from_text(&Secret::new(text)));
        }
    }
}
