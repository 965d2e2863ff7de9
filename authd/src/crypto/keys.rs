//! The keys of one installation, opened: what signs, what authenticates, what hashes names.
//! Every key serves one purpose, and every use under a key has a label of its own.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use common::email::Email;
use common::id::KeyKind;
use common::secret::Secret;
use common::time::Time;
use domain::key::{KeyPurpose, KeyState, SigningAlgorithm, StoredKey};
use domain::lockout::CounterKey;
use zeroize::Zeroizing;

use super::error::CryptoError;
use super::frame::{frame, keyed, mac};
use super::random::{Random, new_id};
use super::signing;
use super::signing_set::SigningSet;
use super::wrap::WrapKey;

const HMAC_SHA256: &str = "HMAC-SHA256";
const MAC_KEY_BYTES: usize = 32;

/// All opened keys. Those that sign can be exchanged while requests go on; a reader has the old
/// set or the new one, and both have a key that signs.
pub struct KeyRing {
    signing: RwLock<Arc<SigningSet>>,
    /// Held by whoever changes signing keys, from reading them to exchanging the set.
    changing: tokio::sync::Mutex<()>,
    wrap: WrapKey,
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
        algorithm: SigningAlgorithm,
    ) -> Result<Vec<StoredKey>, CryptoError> {
        let signing = Self::new_signing_key(random, now, wrap, algorithm, 1);
        let others = [
            KeyPurpose::Refresh,
            KeyPurpose::Subject,
            KeyPurpose::Audit,
            KeyPurpose::Cursor,
        ]
        .into_iter()
        .map(|purpose| Self::new_mac_key(random, now, wrap, purpose, 1));
        std::iter::once(signing).chain(others).collect()
    }

    /// Makes a signing key, active from now on. An RSA key takes a tenth of a second and more.
    ///
    /// # Errors
    /// [`CryptoError::Random`], or a failing primitive.
    pub fn new_signing_key(
        random: &dyn Random,
        now: Time,
        wrap: &WrapKey,
        algorithm: SigningAlgorithm,
        number: u32,
    ) -> Result<StoredKey, CryptoError> {
        let halves = signing::generate(random, algorithm)?;
        Self::keep_signing_key(random, now, wrap, (algorithm, halves), number)
    }

    /// Wraps a signing key that was made elsewhere: PKCS#8, DER.
    ///
    /// # Errors
    /// [`CryptoError::Foreign`] if it is no key of that algorithm, or a weak one.
    pub fn import_signing_key(
        random: &dyn Random,
        now: Time,
        wrap: &WrapKey,
        private: Secret<Vec<u8>>,
        number: u32,
    ) -> Result<StoredKey, CryptoError> {
        let recognised = signing::recognise(private)?;
        Self::keep_signing_key(random, now, wrap, recognised, number)
    }

    fn keep_signing_key(
        random: &dyn Random,
        now: Time,
        wrap: &WrapKey,
        (algorithm, (secret, public)): (SigningAlgorithm, signing::Halves),
        number: u32,
    ) -> Result<StoredKey, CryptoError> {
        let key = StoredKey {
            algorithm: algorithm.as_str().to_owned(),
            public,
            ..blank(random, now, KeyPurpose::Signing, number)?
        };
        wrapped(random, wrap, key, &secret)
    }

    /// Makes a key for anything but signing, active from now on.
    ///
    /// # Errors
    /// [`CryptoError::Random`], or a failing primitive.
    pub fn new_mac_key(
        random: &dyn Random,
        now: Time,
        wrap: &WrapKey,
        purpose: KeyPurpose,
        number: u32,
    ) -> Result<StoredKey, CryptoError> {
        let mut drawn = Zeroizing::new(vec![0; MAC_KEY_BYTES]);
        random.fill(&mut drawn)?;
        let secret = Secret::new(std::mem::take(&mut *drawn));
        wrapped(random, wrap, blank(random, now, purpose, number)?, &secret)
    }

    /// Wraps a stored key anew, under another wrap key.
    ///
    /// # Errors
    /// [`CryptoError::Unwrap`] if `old` does not open it.
    pub fn rewrap(
        random: &dyn Random,
        key: StoredKey,
        old: &WrapKey,
        new: &WrapKey,
    ) -> Result<StoredKey, CryptoError> {
        let secret = old.unwrap(&key.wrapped, &binding(&key))?;
        wrapped(random, new, key, &secret)
    }

    /// Makes an active key in the place of those before it; `number` is one that none of them had. Only a
    /// signing key has an algorithm to choose.
    ///
    /// # Errors
    /// As [`KeyRing::first_keys`].
    pub fn replacement(
        random: &dyn Random,
        now: Time,
        wrap: &WrapKey,
        purpose: KeyPurpose,
        number: u32,
        algorithm: SigningAlgorithm,
    ) -> Result<StoredKey, CryptoError> {
        match purpose {
            KeyPurpose::Signing => Self::new_signing_key(random, now, wrap, algorithm, number),
            KeyPurpose::Refresh | KeyPurpose::Subject | KeyPurpose::Audit | KeyPurpose::Cursor => {
                Self::new_mac_key(random, now, wrap, purpose, number)
            }
        }
    }

    /// Opens the stored keys.
    ///
    /// # Errors
    /// [`CryptoError::Unwrap`] under another wrap key, [`CryptoError::Key`] for one that cannot be
    /// used, [`CryptoError::NoKey`] if a purpose has no active one.
    pub fn open(stored: &[StoredKey], wrap: &WrapKey) -> Result<Self, CryptoError> {
        let signing = SigningSet::open(stored, wrap)?;
        let mut macs: BTreeMap<(&'static str, u32), hmac::Key> = BTreeMap::new();
        let mut active: BTreeMap<&'static str, u32> = BTreeMap::new();
        let lives =
            |key: &&StoredKey| key.state != KeyState::Gone && key.purpose != KeyPurpose::Signing;
        for key in stored.iter().filter(lives) {
            let secret = wrap.unwrap(&key.wrapped, &binding(key))?;
            let purpose = key.purpose.as_str();
            if key.state == KeyState::Active {
                let number = active.entry(purpose).or_default();
                *number = key.number.max(*number);
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
        let refresh_number = number_of(KeyPurpose::Refresh)?;
        Ok(Self {
            signing: RwLock::new(Arc::new(signing)),
            changing: tokio::sync::Mutex::default(),
            wrap: wrap.clone(),
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

    /// The signing keys of the moment.
    pub fn signing(&self) -> Arc<SigningSet> {
        let set = self.signing.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&set)
    }

    /// Lets a set take the place of the present one. What was verified before by a key that the new
    /// one lacks must be forgotten after this.
    pub fn exchange(&self, set: SigningSet) {
        let set = Arc::new(set);
        *self.signing.write().unwrap_or_else(PoisonError::into_inner) = set;
    }

    /// Waits until nobody else changes signing keys.
    pub async fn change(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.changing.lock().await
    }

    /// What new keys are wrapped with.
    pub const fn wrap(&self) -> &WrapKey {
        &self.wrap
    }

    /// Id of the key that signs at present.
    pub fn kid(&self) -> String {
        self.signing().kid().to_owned()
    }

    /// The public halves of all signing keys (RFC 7517), announced and retiring ones included.
    pub fn jwks(&self) -> serde_json::Value {
        self.signing().jwks()
    }

    /// How many keys [`KeyRing::jwks`] publishes.
    pub fn published(&self) -> u32 {
        self.signing().published()
    }

    /// Number of the key that new sessions' refresh tokens are made with.
    pub const fn refresh_key_number(&self) -> u32 {
        self.refresh_number
    }

    /// What names and seals that leave the house are derived from: list cursors and they are the same
    /// kind of thing, each use under a label of its own.
    pub(super) const fn outside_key(&self) -> &hmac::Key {
        &self.cursor
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

    /// Encrypts the place of a list cursor, bound to its `list`; the result is nonce, ciphertext, tag. The
    /// nonce is made of both, so that it stands for them alone and needs no randomness.
    ///
    /// # Errors
    /// Whatever the cipher fails with.
    pub fn seal_cursor(&self, list: &[u8], place: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let tag = mac(&self.cursor, &frame("list cursor nonce", &[list, place]));
        let nonce: [u8; NONCE_LEN] = tag.first_chunk().copied().unwrap_or_default();
        let mut sealed = place.to_vec();
        self.cursor_cipher()?
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(list),
                &mut sealed,
            )
            .map_err(|_| CryptoError::failed("AES-256-GCM encryption"))?;
        Ok([nonce.as_slice(), sealed.as_slice()].concat())
    }

    /// Decrypts what [`KeyRing::seal_cursor`] gave for the same `list`; none for anything else.
    pub fn open_cursor(&self, list: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut opened = sealed.to_vec();
        let length = self
            .cursor_cipher()
            .ok()?
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(list),
                &mut opened,
            )
            .ok()?
            .len();
        opened.truncate(length);
        Some(opened)
    }

    fn cursor_cipher(&self) -> Result<LessSafeKey, CryptoError> {
        let key = mac(&self.cursor, &frame("list cursor key", &[]));
        let key = UnboundKey::new(&AES_256_GCM, &key);
        let key = key.map_err(|_| CryptoError::failed("AES-256-GCM key"))?;
        Ok(LessSafeKey::new(key))
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyRing({})", self.kid())
    }
}

/// A symmetric key without its secret.
fn blank(
    random: &dyn Random,
    now: Time,
    purpose: KeyPurpose,
    number: u32,
) -> Result<StoredKey, CryptoError> {
    Ok(StoredKey {
        id: new_id::<KeyKind>(random, now)?,
        purpose,
        number,
        algorithm: HMAC_SHA256.to_owned(),
        state: KeyState::Active,
        public: Vec::new(),
        wrapped: Vec::new(),
        created_at: now,
        activates_at: now,
        retires_at: None,
        ends_at: None,
    })
}

fn wrapped(
    random: &dyn Random,
    wrap: &WrapKey,
    mut key: StoredKey,
    secret: &Secret<Vec<u8>>,
) -> Result<StoredKey, CryptoError> {
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
pub(super) fn binding(key: &StoredKey) -> Vec<u8> {
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
        KeyRing::first_keys(&SeededRandom::new(2), now, &wrap(), SigningAlgorithm::EdDsa).unwrap()
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
        let (_, foreign) =
            signing::generate(&SeededRandom::new(7), SigningAlgorithm::EdDsa).unwrap();
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
            let algorithm = SigningAlgorithm::EdDsa;
            let key = KeyRing::new_signing_key(&random, now, &wrap(), algorithm, number).unwrap();
            keys.push(StoredKey { state, ..key });
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
    fn a_cursor_opens_for_its_list_alone_and_shows_nothing() {
        let ring = ring();
        let sealed = ring.seal_cursor(b"users", b"acme/ada@acme.test").unwrap();
        assert_eq!(
            ring.open_cursor(b"users", &sealed).as_deref(),
            Some(b"acme/ada@acme.test".as_slice())
        );
        assert!(!sealed.windows(4).any(|part| part == b"acme"));
        assert_eq!(ring.open_cursor(b"roles", &sealed), None);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(ring.open_cursor(b"users", &changed), None, "byte {at}");
            assert_eq!(ring.open_cursor(b"users", &sealed[..at]), None, "to {at}");
        }
        // A nonce is never another place's.
        let next = ring.seal_cursor(b"users", b"acme/bob@acme.test").unwrap();
        assert_ne!(next[..NONCE_LEN], sealed[..NONCE_LEN]);
    }

    #[test]
    fn seals_depend_on_their_key_and_every_byte() {
        let ring = ring();
        assert_eq!(ring.seal(b"row"), ring.seal(b"row"));
        assert_ne!(ring.seal(b"row"), ring.seal(b"rox"));
        assert_ne!(ring.seal(b""), ring.seal(b"\0"));
        assert!(format!("{ring:?}").starts_with("KeyRing(key_"));
    }
}
