//! What leaves the house for a place that is not trusted, and comes back: names that tell nothing, and
//! values that are sealed. A value opens under the name and the number that it was sealed under, in the
//! installation that sealed it, and nowhere else.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use super::error::CryptoError;
use super::frame::{frame, keyed, mac};
use super::jwt::VerifiedToken;
use super::keys::KeyRing;
use super::random::{Random, bytes};

/// Form of what is sealed; another one does not open.
const FORM: u8 = 1;
/// Bytes before the nonce: the form, and the number in clear, which the seal covers.
const HEAD: usize = 1 + 8;

impl KeyRing {
    /// A keyed hash of parts, for naming what stands outside the house.
    pub fn outside_name(&self, label: &str, parts: &[&[u8]]) -> [u8; 32] {
        let label = format!("outside name: {label}");
        keyed(self.outside_key(), &label, parts)
    }

    /// Names the keys that verify tokens at present, as one: it changes with each of them.
    pub fn verifying(&self) -> [u8; 32] {
        let set = self.signing();
        let mut kids: Vec<&[u8]> = Vec::new();
        for key in set.rows() {
            kids.push(key.id.as_bytes());
            kids.push(key.state.as_str().as_bytes());
            kids.push(&key.public);
        }
        self.outside_name("verifying keys", &kids)
    }

    /// Seals a value for a name, with a number that comes back with it.
    ///
    /// # Errors
    /// [`CryptoError::Random`], or if the cipher fails.
    pub fn seal_outside(
        &self,
        random: &dyn Random,
        name: &[u8],
        number: u64,
        value: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        let nonce: [u8; NONCE_LEN] = bytes(random)?;
        let mut sealed = value.to_vec();
        self.outside_cipher(name)?
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(bound_to(name, number)),
                &mut sealed,
            )
            .map_err(|_| CryptoError::failed("AES-256-GCM encryption"))?;
        let mut whole = Vec::with_capacity(HEAD + NONCE_LEN + sealed.len());
        whole.push(FORM);
        whole.extend_from_slice(&number.to_be_bytes());
        whole.extend_from_slice(&nonce);
        whole.extend_from_slice(&sealed);
        Ok(whole)
    }

    /// Opens what [`KeyRing::seal_outside`] gave for the same name; none for anything else.
    pub fn open_outside(&self, name: &[u8], sealed: &[u8]) -> Option<(u64, Vec<u8>)> {
        let (&form, rest) = sealed.split_first()?;
        if form != FORM {
            return None;
        }
        let (number, rest) = rest.split_first_chunk::<8>()?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE_LEN>()?;
        let number = u64::from_be_bytes(*number);
        let mut opened = rest.to_vec();
        let length = self
            .outside_cipher(name)
            .ok()?
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(bound_to(name, number)),
                &mut opened,
            )
            .ok()?
            .len();
        opened.truncate(length);
        Some((number, opened))
    }

    /// A key for each name: a random nonce then serves for as many values as one name ever has.
    fn outside_cipher(&self, name: &[u8]) -> Result<LessSafeKey, CryptoError> {
        // A restore makes another refresh key, so nothing that was sealed before it opens after it:
        // numbers may begin anew then.
        let life = self
            .refresh(self.refresh_key_number())
            .map_or([0; 32], |key| {
                mac(key, &frame("outside: life of the database", &[]))
            });
        let key = mac(self.outside_key(), &frame("outside key", &[&life, name]));
        UnboundKey::new(&AES_256_GCM, &key)
            .map(LessSafeKey::new)
            .map_err(|_| CryptoError::failed("AES-256-GCM key"))
    }
}

fn bound_to(name: &[u8], number: u64) -> Vec<u8> {
    frame("outside value", &[&[FORM], name, &number.to_be_bytes()])
}

impl VerifiedToken {
    /// The claims with their kind, for a sealed value.
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        let (kind, claims) = match self {
            Self::Access(claims) => (b'a', serde_json::to_vec(claims)),
            Self::Client(claims) => (b'c', serde_json::to_vec(claims)),
            Self::PasswordChange(claims) => (b'p', serde_json::to_vec(claims)),
        };
        let mut bytes = vec![kind];
        bytes.extend_from_slice(&claims.ok()?);
        Some(bytes)
    }

    /// Reads what [`VerifiedToken::to_bytes`] gave. It verifies nothing: the seal did.
    pub fn from_sealed(bytes: &[u8]) -> Option<Self> {
        let (kind, claims) = bytes.split_first()?;
        match kind {
            b'a' => serde_json::from_slice(claims).ok().map(Self::Access),
            b'c' => serde_json::from_slice(claims).ok().map(Self::Client),
            b'p' => serde_json::from_slice(claims)
                .ok()
                .map(Self::PasswordChange),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use common::time::Time;
    use domain::key::{KeyPurpose, SigningAlgorithm, StoredKey};

    use super::super::random::SeededRandom;
    use super::super::wrap::WrapKey;
    use super::*;

    fn stored(seed: u64) -> Vec<StoredKey> {
        let now = Time::from_millis(1_764_000_000_000);
        let random = SeededRandom::new(seed);
        KeyRing::first_keys(&random, now, &wrap(), SigningAlgorithm::EdDsa).unwrap()
    }

    fn wrap() -> WrapKey {
        WrapKey::generate(&SeededRandom::new(1)).unwrap()
    }

    fn ring(stored: &[StoredKey]) -> KeyRing {
        KeyRing::open(stored, &wrap()).unwrap()
    }

    #[test]
    fn a76_a_value_opens_under_its_name_and_number_alone() {
        let keys = stored(2);
        let ring = ring(&keys);
        let random = SeededRandom::new(3);
        let sealed = ring.seal_outside(&random, b"name", 7, b"value").unwrap();
        assert_eq!(
            ring.open_outside(b"name", &sealed),
            Some((7, b"value".to_vec()))
        );
        assert_eq!(ring.open_outside(b"other", &sealed), None);
        assert_eq!(ring.open_outside(b"", &sealed), None);
        for at in 0..sealed.len() {
            for bit in 0..8 {
                let mut forged = sealed.clone();
                forged[at] ^= 1 << bit;
                assert_eq!(ring.open_outside(b"name", &forged), None, "{at} {bit}");
            }
            assert_eq!(ring.open_outside(b"name", &sealed[..at]), None);
        }
        let longer = [&sealed[..], &[0]].concat();
        assert_eq!(ring.open_outside(b"name", &longer), None);
        // Nobody sees in it what it holds.
        assert!(!sealed.windows(5).any(|bytes| bytes == b"value"));
    }

    #[test]
    fn a76_another_installation_and_a_restored_one_open_nothing() {
        let keys = stored(2);
        let random = SeededRandom::new(3);
        let sealed = ring(&keys)
            .seal_outside(&random, b"name", 7, b"value")
            .unwrap();
        let same = ring(&keys);
        assert!(same.open_outside(b"name", &sealed).is_some());
        assert_eq!(ring(&stored(4)).open_outside(b"name", &sealed), None);
        // As a restore does it: another refresh key, all else as it was.
        let restored: Vec<StoredKey> = keys
            .into_iter()
            .map(|key| match key.purpose {
                KeyPurpose::Refresh => {
                    let now = key.created_at;
                    let purpose = KeyPurpose::Refresh;
                    KeyRing::new_mac_key(&SeededRandom::new(5), now, &wrap(), purpose, 2).unwrap()
                }
                _ => key,
            })
            .collect();
        let restored = ring(&restored);
        assert_eq!(restored.open_outside(b"name", &sealed), None);
        assert_eq!(
            restored.outside_name("x", &[b"y"]),
            same.outside_name("x", &[b"y"])
        );
    }

    #[test]
    fn names_differ_by_label_part_and_keys() {
        let other = ring(&stored(4));
        let ring = ring(&stored(2));
        let name = ring.outside_name("a", &[b"b", b"c"]);
        assert_eq!(name, ring.outside_name("a", &[b"b", b"c"]));
        assert_ne!(name, ring.outside_name("a", &[b"bc"]));
        assert_ne!(name, ring.outside_name("b", &[b"b", b"c"]));
        assert_ne!(ring.verifying(), other.verifying());
    }
}
