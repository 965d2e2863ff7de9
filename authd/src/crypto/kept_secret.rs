//! Secrets that are handed out once and kept as SHA-256: 256 random bits each. A device's (rule 6) is
//! no credential; a mailed one (rule 22) is good once; a service client's proves it each time.

use std::fmt;
use std::marker::PhantomData;

use common::secret::Secret;
use data_encoding::BASE64URL_NOPAD;
use zeroize::Zeroizing;

use super::error::CryptoError;
use super::frame::sha256;
use super::random::Random;

const SECRET_BYTES: usize = 32;

/// What a secret is for; one kind is never taken for another.
pub trait Purpose {
    /// What stands before the random part; secret scanners look for it.
    const PREFIX: &'static str;
}

/// Purpose of a known device's secret.
pub enum Device {}

impl Purpose for Device {
    const PREFIX: &'static str = "authd_ds_";
}

/// Purpose of the token in a mailed link.
pub enum Mailed {}

impl Purpose for Mailed {
    const PREFIX: &'static str = "authd_ml_";
}

/// Purpose of a service client's secret.
pub enum Service {}

impl Purpose for Service {
    const PREFIX: &'static str = "authd_cs_";
}

/// Secret of a known device.
pub type DeviceSecret = KeptSecret<Device>;
/// Secret of a service client.
pub type ClientSecret = KeptSecret<Service>;
/// Token in a mailed link.
pub type MailedSecret = KeptSecret<Mailed>;

/// A secret: its prefix and 43 characters of base64url.
pub struct KeptSecret<P: Purpose> {
    text: Secret<String>,
    hash: [u8; 32],
    purpose: PhantomData<fn() -> P>,
}

impl<P: Purpose> fmt::Debug for KeptSecret<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptSecret").finish_non_exhaustive()
    }
}

impl<P: Purpose> KeptSecret<P> {
    /// Draws one.
    ///
    /// # Errors
    /// [`CryptoError::Random`].
    pub fn generate(random: &dyn Random) -> Result<Self, CryptoError> {
        let mut drawn = Zeroizing::new([0_u8; SECRET_BYTES]);
        random.fill(drawn.as_mut())?;
        let body = Zeroizing::new(BASE64URL_NOPAD.encode(drawn.as_ref()));
        Ok(Self {
            text: Secret::new(format!("{}{}", P::PREFIX, body.as_str())),
            hash: sha256(drawn.as_ref()),
            purpose: PhantomData,
        })
    }

    /// The text for its owner, handed out once.
    pub fn reveal(&self) -> Secret<String> {
        self.text.clone()
    }

    /// SHA-256 of the secret, for storage.
    pub const fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// The stored form of a presented secret; none if the text has not the one accepted form.
    pub fn hash_of(text: &Secret<String>) -> Option<[u8; 32]> {
        let body = text.expose().strip_prefix(P::PREFIX)?;
        if body.len() != BASE64URL_NOPAD.encode_len(SECRET_BYTES) {
            return None;
        }
        let decoded = Zeroizing::new(BASE64URL_NOPAD.decode(body.as_bytes()).ok()?);
        Some(sha256(&decoded))
    }
}

#[cfg(test)]
mod tests {
    use super::super::random::{SeededRandom, SystemRandom};
    use super::*;
    use proptest::prelude::*;

    fn hash_of(text: &str) -> Option<[u8; 32]> {
        DeviceSecret::hash_of(&Secret::new(text.to_owned()))
    }

    #[test]
    fn a70_a_secret_reads_back_as_the_hash_that_is_stored() {
        let secret = DeviceSecret::generate(&SystemRandom).unwrap();
        assert_eq!(secret.reveal().expose().len(), 9 + 43);
        assert_eq!(hash_of(secret.reveal().expose()), Some(secret.hash()));
        assert_ne!(
            DeviceSecret::generate(&SystemRandom).unwrap().hash(),
            secret.hash()
        );
        assert!(!format!("{secret:?}").contains(&secret.reveal().expose()[9..]));
    }

    #[test]
    fn a70_only_one_spelling_is_a_secret() {
        let secret = DeviceSecret::generate(&SeededRandom::new(3)).unwrap();
        let text = secret.reveal();
        let text = text.expose();
        let body = &text[9..];
        for other in [
            String::new(),
            body.to_owned(),
            format!("authd_rt_{body}"),
            format!("AUTHD_DS_{body}"),
            format!(" {text}"),
            format!("{text}\n"),
            format!("{text}="),
            format!("{text}A"),
            text[..text.len() - 1].to_owned(),
            format!("authd_ds_{}", "é".repeat(21) + "x"),
        ] {
            assert_eq!(hash_of(&other), None, "{other}");
        }
        // 43 characters hold 258 bits: the two that are over must be zero.
        let last = text.chars().next_back().unwrap();
        let twin = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let index = twin.find(last).unwrap();
        let twin = twin.chars().nth(index ^ 1).unwrap();
        assert_eq!(hash_of(&format!("{}{twin}", &text[..text.len() - 1])), None);
    }

    #[test]
    fn a22_a_secret_of_one_purpose_is_none_of_another() {
        let device = DeviceSecret::generate(&SystemRandom).unwrap();
        let mailed = MailedSecret::generate(&SystemRandom).unwrap();
        assert!(MailedSecret::hash_of(&mailed.reveal()).is_some());
        assert!(MailedSecret::hash_of(&device.reveal()).is_none());
        assert!(DeviceSecret::hash_of(&mailed.reveal()).is_none());
    }

    proptest! {
        #[test]
        fn a60_no_text_makes_the_reader_panic(text in "(authd_ds_)?.{0,60}") {
            hash_of(&text);
        }
    }
}
