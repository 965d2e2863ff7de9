//! The keys of one installation, opened: what signs, what authenticates, what hashes names.
//! Every key serves one purpose, and every use under a key has a label of its own.

use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::hmac;
use common::email::Email;
use common::id::KeyKind;
use common::secret::Secret;
use common::time::Time;
use domain::key::{KeyPurpose, KeyState, StoredKey};
use domain::lockout::CounterKey;
use serde_json::json;
use zeroize::Zeroizing;

use super::error::CryptoError;
use super::frame::{frame, keyed, mac};
use super::random::{Random, new_id};
use super::signing::{self, SigningKey};
use super::wrap::WrapKey;

const HMAC_SHA256: &str = "HMAC-SHA256";
const MAC_KEY_BYTES: usize = 32;

/// All opened keys. To change one, open a new ring.
pub struct KeyRing {
    /// The active one first.
    pub(super) signing: Vec<SigningKey>,
    refresh: BTreeMap<u32, hmac::Key>,
    refresh_number: u32,
    subject: hmac::Key,
    audit: hmac::Key,
    cursor: hmac::Key,
}

impl KeyRing {
    /// Makes the keys of a new installation: one active key for each purpose, wrapped.
    ///
    /// # Errors
    /// [`CryptoError::Random`], or a failing primitive.
    pub fn first_keys(
        random: &dyn Random,
        now: Time,
        wrap: &WrapKey,
    ) -> Result<Vec<StoredKey>, CryptoError> {
        [
            KeyPurpose::Signing,
            KeyPurpose::Refresh,
            KeyPurpose::Subject,
            KeyPurpose::Audit,
            KeyPurpose::Cursor,
        ]
        .into_iter()
        .map(|purpose| new_key(random, now, wrap, purpose, 1))
        .collect()
    }

    /// Makes an active key in the place of those before it; `number` is one that none of them had.
    ///
    /// # Errors
    /// As [`KeyRing::first_keys`].
    pub fn replacement(
        random: &dyn Random,
        now: Time,
        wrap: &WrapKey,
        purpose: KeyPurpose,
        number: u32,
    ) -> Result<StoredKey, CryptoError> {
        new_key(random, now, wrap, purpose, number)
    }

    /// Opens the stored keys.
    ///
    /// # Errors
    /// [`CryptoError::Unwrap`] under another wrap key, [`CryptoError::Key`] for one that cannot be
    /// used, [`CryptoError::NoKey`] if a purpose has no active one.
    pub fn open(stored: &[StoredKey], wrap: &WrapKey) -> Result<Self, CryptoError> {
        let mut signing = Vec::new();
        let mut macs: BTreeMap<(&'static str, u32), hmac::Key> = BTreeMap::new();
        let mut active: BTreeMap<&'static str, u32> = BTreeMap::new();
        for key in stored.iter().filter(|key| key.state != KeyState::Gone) {
            let secret = wrap.unwrap(&key.wrapped, &binding(key))?;
            let purpose = key.purpose.as_str();
            if key.state == KeyState::Active {
                let number = active.entry(purpose).or_default();
                *number = key.number.max(*number);
            }
            if key.purpose == KeyPurpose::Signing {
                signing.push(SigningKey::open(key, &secret)?);
                continue;
            }
            let opened = open_mac(key, &secret)?;
            if macs.insert((purpose, key.number), opened).is_some() {
                return Err(CryptoError::Key {
                    id: key.id,
                    reason: "another key of its purpose has its number",
                });
            }
        }
        let mut take = |purpose: KeyPurpose| {
            let purpose = purpose.as_str();
            active
                .get(purpose)
                .and_then(|&number| macs.remove(&(purpose, number)))
                .ok_or(CryptoError::NoKey { purpose })
        };
        let subject = take(KeyPurpose::Subject)?;
        let audit = take(KeyPurpose::Audit)?;
        let cursor = take(KeyPurpose::Cursor)?;
        let number_of = |purpose: KeyPurpose| {
            let purpose = purpose.as_str();
            let number = active.get(purpose).copied();
            number.ok_or(CryptoError::NoKey { purpose })
        };
        let signing_number = number_of(KeyPurpose::Signing)?;
        let refresh_number = number_of(KeyPurpose::Refresh)?;
        signing.sort_by_key(|key| !(key.is_active() && key.number() == signing_number));
        Ok(Self {
            signing,
            refresh: macs
                .into_iter()
                .filter(|((purpose, _), _)| *purpose == KeyPurpose::Refresh.as_str())
                .map(|((_, number), key)| (number, key))
                .collect(),
            refresh_number,
            subject,
            audit,
            cursor,
        })
    }

    /// The key that signs; [`KeyRing::open`] lets no ring be without one.
    pub(super) fn active_signing(&self) -> Result<&SigningKey, CryptoError> {
        self.signing.first().ok_or(CryptoError::NoKey {
            purpose: KeyPurpose::Signing.as_str(),
        })
    }

    /// Id of the key that signs at present.
    pub fn kid(&self) -> &str {
        self.signing.first().map_or("", SigningKey::kid)
    }

    /// The public halves of all signing keys (RFC 7517), announced and retiring ones included.
    pub fn jwks(&self) -> serde_json::Value {
        let keys: Vec<&serde_json::Value> = self.signing.iter().map(SigningKey::jwk).collect();
        json!({ "keys": keys })
    }

    /// How many keys [`KeyRing::jwks`] publishes.
    pub fn published(&self) -> u32 {
        u32::try_from(self.signing.len()).unwrap_or(u32::MAX)
    }

    /// Number of the key that new sessions' refresh tokens are made with.
    pub const fn refresh_key_number(&self) -> u32 {
        self.refresh_number
    }

    pub(super) fn refresh(&self, number: u32) -> Option<&hmac::Key> {
        self.refresh.get(&number)
    }

    /// Names the counter of a subject: a tenant's slug as given and an address (rules 1 and 5).
    pub fn subject(&self, slug: &str, email: &Email) -> CounterKey {
        self.counter(
            "counter: subject",
            &[slug.as_bytes(), email.as_str().as_bytes()],
        )
    }

    /// Names the counter of a known device, by the hash of its secret (rule 6).
    pub fn device_counter(&self, secret_hash: &[u8; 32]) -> CounterKey {
        self.counter("counter: device", &[secret_hash])
    }

    /// Names the counter of wrong current passwords: of a session, or of a `pwc+jwt` by its `jti`.
    pub fn session_counter(&self, name: &[u8]) -> CounterKey {
        self.counter("counter: session", &[name])
    }

    fn counter(&self, label: &str, parts: &[&[u8]]) -> CounterKey {
        CounterKey::from_bytes(keyed(&self.subject, label, parts))
    }

    /// Authenticates a row of the audit log; the caller makes `data` unambiguous (rule 30).
    pub fn seal(&self, data: &[u8]) -> [u8; 32] {
        mac(&self.audit, &frame("audit row", &[data]))
    }

    /// Authenticates a list cursor; the caller makes `data` unambiguous.
    pub fn cursor_seal(&self, data: &[u8]) -> [u8; 16] {
        let tag = mac(&self.cursor, &frame("list cursor", &[data]));
        tag.first_chunk().copied().unwrap_or_default()
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyRing({})", self.kid())
    }
}

fn new_key(
    random: &dyn Random,
    now: Time,
    wrap: &WrapKey,
    purpose: KeyPurpose,
    number: u32,
) -> Result<StoredKey, CryptoError> {
    let (secret, public, algorithm) = if purpose == KeyPurpose::Signing {
        let (secret, public) = signing::generate(random)?;
        (secret, public, signing::EDDSA)
    } else {
        let mut drawn = Zeroizing::new(vec![0; MAC_KEY_BYTES]);
        random.fill(&mut drawn)?;
        let secret = Secret::new(std::mem::take(&mut *drawn));
        (secret, Vec::new(), HMAC_SHA256)
    };
    let mut key = StoredKey {
        id: new_id::<KeyKind>(random, now)?,
        purpose,
        number,
        algorithm: algorithm.to_owned(),
        state: KeyState::Active,
        public,
        wrapped: Vec::new(),
        created_at: now,
    };
    key.wrapped = wrap.wrap(random, secret.expose(), &binding(&key))?;
    Ok(key)
}

fn open_mac(key: &StoredKey, secret: &Secret<Vec<u8>>) -> Result<hmac::Key, CryptoError> {
    let refused = |reason| CryptoError::Key { id: key.id, reason };
    if key.algorithm != HMAC_SHA256 {
        return Err(refused("its algorithm is unknown"));
    }
    if secret.expose().len() != MAC_KEY_BYTES {
        return Err(refused("it has not 256 bits"));
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, secret.expose()))
}

/// What a wrapped key is bound to, so that rows cannot be exchanged or rededicated.
fn binding(key: &StoredKey) -> Vec<u8> {
    frame(
        "wrapped key",
        &[
            key.id.as_bytes(),
            key.algorithm.as_bytes(),
            &key.public,
            key.purpose.as_str().as_bytes(),
            &key.number.to_be_bytes(),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::super::random::SeededRandom;
    use super::*;
    use std::collections::HashSet;

    fn wrap() -> WrapKey {
        WrapKey::generate(&SeededRandom::new(1)).unwrap()
    }

    fn stored() -> Vec<StoredKey> {
        let now = Time::from_millis(1_764_000_000_000);
        KeyRing::first_keys(&SeededRandom::new(2), now, &wrap()).unwrap()
    }

    fn ring() -> KeyRing {
        KeyRing::open(&stored(), &wrap()).unwrap()
    }

    #[test]
    fn v11_the_first_keys_serve_one_purpose_each_and_hold_no_clear_secret() {
        let keys = stored();
        let purposes: Vec<&str> = keys.iter().map(|key| key.purpose.as_str()).collect();
        assert_eq!(
            purposes,
            ["signing", "refresh", "subject", "audit", "cursor"]
        );
        for key in &keys {
            assert_eq!((key.number, key.state), (1, KeyState::Active));
            let is_signing = key.purpose == KeyPurpose::Signing;
            assert_eq!(key.public.is_empty(), !is_signing);
            let secret = wrap().unwrap(&key.wrapped, &binding(key)).unwrap();
            assert!(
                !key.wrapped
                    .windows(secret.expose().len())
                    .any(|window| window == secret.expose().as_slice())
            );
        }
        assert_eq!(ring().kid(), keys[0].id.to_string());
        assert_eq!(ring().refresh_key_number(), 1);
    }

    #[test]
    fn rfc7517_only_public_members_are_published() {
        let jwks = ring().jwks();
        let key = jwks["keys"][0].as_object().unwrap();
        let names: HashSet<&str> = key.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            HashSet::from(["kty", "crv", "x", "kid", "alg", "use"])
        );
        assert_eq!(key["kty"], "OKP");
        assert_eq!(key["crv"], "Ed25519");
        assert_eq!(key["alg"], "EdDSA");
        assert_eq!(key["use"], "sig");
        assert_eq!(key["kid"], ring().kid());
        assert_eq!(jwks["keys"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn a91_another_wrap_key_opens_nothing() {
        let other = WrapKey::generate(&SeededRandom::new(3)).unwrap();
        assert!(matches!(
            KeyRing::open(&stored(), &other),
            Err(CryptoError::Unwrap)
        ));
    }

    #[test]
    fn v11_a_row_that_was_changed_in_any_column_does_not_open() {
        let changes: [fn(&mut StoredKey); 5] = [
            |key| key.id = common::id::KeyId::from_bytes([9; 16]),
            |key| key.number = 2,
            |key| key.algorithm = "HMAC-SHA512".to_owned(),
            |key| key.public.push(0),
            |key| {
                key.purpose = if key.purpose == KeyPurpose::Audit {
                    KeyPurpose::Cursor
                } else {
                    KeyPurpose::Audit
                }
            },
        ];
        for position in 0..5 {
            for change in changes {
                let mut keys = stored();
                change(&mut keys[position]);
                assert!(KeyRing::open(&keys, &wrap()).is_err());
            }
            let mut keys = stored();
            keys[position].state = KeyState::Gone;
            assert!(matches!(
                KeyRing::open(&keys, &wrap()),
                Err(CryptoError::NoKey { .. })
            ));
            keys.remove(position);
            assert!(KeyRing::open(&keys, &wrap()).is_err());
        }
        let mut keys = stored();
        let (left, right) = keys.split_at_mut(2);
        std::mem::swap(&mut left[1].wrapped, &mut right[0].wrapped);
        assert!(KeyRing::open(&keys, &wrap()).is_err());
    }

    /// RUSTSEC-2022-0093: a public half that is not the private one's is never used.
    #[test]
    fn v11_the_public_half_belongs_to_the_private_one() {
        let mut keys = stored();
        let secret = wrap().unwrap(&keys[0].wrapped, &binding(&keys[0])).unwrap();
        let (_, foreign) = signing::generate(&SeededRandom::new(7)).unwrap();
        keys[0].public = foreign;
        let random = SeededRandom::new(8);
        let aad = binding(&keys[0]);
        keys[0].wrapped = wrap().wrap(&random, secret.expose(), &aad).unwrap();
        assert!(matches!(
            KeyRing::open(&keys, &wrap()),
            Err(CryptoError::Key { .. })
        ));
    }

    #[test]
    fn a26_retiring_and_announced_keys_are_published_and_the_active_one_signs() {
        let mut keys = stored();
        let random = SeededRandom::new(4);
        let now = Time::from_millis(1_764_000_000_001);
        for (number, state) in [(2, KeyState::Active), (3, KeyState::Announced)] {
            let mut key = new_key(&random, now, &wrap(), KeyPurpose::Signing, 1).unwrap();
            let secret = wrap().unwrap(&key.wrapped, &binding(&key)).unwrap();
            key.number = number;
            key.state = state;
            key.wrapped = wrap()
                .wrap(&random, secret.expose(), &binding(&key))
                .unwrap();
            keys.push(key);
        }
        keys[0].state = KeyState::Retiring;
        let rotated = KeyRing::open(&keys, &wrap()).unwrap();
        assert_eq!(rotated.kid(), keys[5].id.to_string());
        assert_eq!(rotated.jwks()["keys"].as_array().unwrap().len(), 3);
        assert_eq!(rotated.published(), 3);
        keys[0].state = KeyState::Gone;
        let rotated = KeyRing::open(&keys, &wrap()).unwrap();
        assert_eq!(rotated.jwks()["keys"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn r5_a_counter_is_named_by_slug_and_address_together() {
        let ring = ring();
        let email = |text: &str| text.parse::<Email>().unwrap();
        let one = ring.subject("acme", &email("bob@x.test"));
        assert_eq!(one, ring.subject("acme", &email(" BOB@X.test ")));
        let others = [
            ring.subject("acmeb", &email("ob@x.test")),
            ring.subject("acme2", &email("bob@x.test")),
            ring.subject("acme", &email("bob@x.tes")),
            ring.subject("", &email("acmebob@x.test")),
            ring.device_counter(&[1; 32]),
            ring.device_counter(&[2; 32]),
            ring.session_counter(&[1; 32]),
            ring.session_counter(&[1; 16]),
            ring.session_counter(b"acmebob@x.test"),
        ];
        let distinct: HashSet<CounterKey> = others.into_iter().chain([one]).collect();
        assert_eq!(distinct.len(), others.len() + 1);
    }

    #[test]
    fn seals_depend_on_their_key_and_every_byte() {
        let ring = ring();
        assert_eq!(ring.seal(b"row"), ring.seal(b"row"));
        assert_ne!(ring.seal(b"row"), ring.seal(b"rox"));
        assert_ne!(ring.seal(b""), ring.seal(b"\0"));
        assert_ne!(ring.cursor_seal(b"row"), ring.cursor_seal(b"rox"));
        assert_ne!(ring.seal(b"row")[..16], ring.cursor_seal(b"row"));
        assert!(format!("{ring:?}").starts_with("KeyRing(key_"));
    }
}
