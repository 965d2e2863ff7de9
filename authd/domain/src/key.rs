//! Keys as they are kept: wrapped, numbered, each for one purpose and algorithm; and the life of a
//! signing key: announced, active, retiring, gone. Nothing here holds or opens a secret.

use std::time::Duration;

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

/// How tokens are signed (RFC 7518 3.1, RFC 8037).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SigningAlgorithm {
    /// Ed25519.
    EdDsa,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
}

impl SigningAlgorithm {
    /// All of them, the usual one first.
    pub const ALL: [Self; 3] = [Self::EdDsa, Self::Es256, Self::Rs256];

    /// The name in tokens, in the database and in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }

    /// Reads the name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.as_str() == name)
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
    /// Name of a [`SigningAlgorithm`], or `HMAC-SHA256`.
    pub algorithm: String,
    /// Where it stands.
    pub state: KeyState,
    /// Public half, DER; empty for symmetric keys.
    pub public: Vec<u8>,
    /// AES-256-GCM under the wrap key: nonce, ciphertext, tag. Empty once the key is gone.
    pub wrapped: Vec<u8>,
    /// When it was made.
    pub created_at: Time,
    /// When it began to be used, or will.
    pub activates_at: Time,
    /// When it ceased to be used; none as long as it is.
    pub retires_at: Option<Time>,
    /// When it is gone, or will be; none as long as it is used.
    pub ends_at: Option<Time>,
}

impl StoredKey {
    /// Begins its use.
    pub const fn activate(&mut self, now: Time) {
        self.state = KeyState::Active;
        self.activates_at = now;
    }

    /// Ends its use: what it made stays good for `overlap`.
    pub fn retire(&mut self, now: Time, overlap: Duration) {
        self.state = KeyState::Retiring;
        self.retires_at = Some(now);
        self.ends_at = Some(now.plus(overlap));
    }

    /// Ends all: its private half is forgotten, and nothing that it made is good any more.
    pub fn end(&mut self, now: Time) {
        self.state = KeyState::Gone;
        self.retires_at = self.retires_at.or(Some(now));
        self.ends_at = Some(now);
        self.wrapped.clear();
    }
}

/// How signing keys follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyPolicy {
    /// How new keys sign.
    pub algorithm: SigningAlgorithm,
    /// How long a key signs.
    pub rotate_every: Duration,
    /// How long a key is published before it signs.
    pub announce: Duration,
    /// How long a key is published after it signed; no token lives longer.
    pub overlap: Duration,
}

/// Keys that may be retiring at the same time, so that what is published stays small.
pub const RETIRING_LIMIT: usize = 8;

/// What is to be done about the signing keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Publish a new key that begins to sign then.
    Announce {
        /// When it begins.
        activates_at: Time,
    },
    /// Take back an announced key, which never signed.
    Withdraw(KeyId),
    /// Let an announced key sign; the one that does retires.
    Activate(KeyId),
    /// Remove a key whose overlap is over.
    End(KeyId),
}

/// The next step that is due, if any. What is not due by a clock that went back waits.
pub fn due(keys: &[StoredKey], policy: &KeyPolicy, now: Time) -> Option<Step> {
    let of = |state| {
        keys.iter()
            .filter(move |key| key.purpose == KeyPurpose::Signing && key.state == state)
    };
    if let Some(over) = of(KeyState::Retiring).find(|key| key.ends_at.is_some_and(|end| end <= now))
    {
        return Some(Step::End(over.id));
    }
    let fits = |key: &&StoredKey| key.algorithm == policy.algorithm.as_str();
    if let Some(stale) = of(KeyState::Announced).find(|key| !fits(key)) {
        return Some(Step::Withdraw(stale.id));
    }
    if let Some(next) = of(KeyState::Announced).min_by_key(|key| key.activates_at) {
        return (next.activates_at <= now).then_some(Step::Activate(next.id));
    }
    let active = of(KeyState::Active).next()?;
    if !fits(&active) {
        return Some(Step::Announce {
            activates_at: now.plus(policy.announce),
        });
    }
    let retires_at = planned_end(active, policy);
    (retires_at.minus(policy.announce) <= now).then(|| Step::Announce {
        activates_at: retires_at.max(now.plus(policy.announce)),
    })
}

/// When an active key is to be followed by the next.
pub fn planned_end(active: &StoredKey, policy: &KeyPolicy) -> Time {
    active.activates_at.plus(policy.rotate_every)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);
    const HOUR: Duration = Duration::from_hours(1);

    fn at(hours: u64) -> Time {
        Time::from_millis(1_764_000_000_000).plus(HOUR * u32::try_from(hours).unwrap())
    }

    fn policy() -> KeyPolicy {
        KeyPolicy {
            algorithm: SigningAlgorithm::EdDsa,
            rotate_every: DAY * 90,
            announce: HOUR,
            overlap: DAY,
        }
    }

    fn key(n: u8, state: KeyState) -> StoredKey {
        StoredKey {
            id: KeyId::from_bytes([n; 16]),
            purpose: KeyPurpose::Signing,
            number: u32::from(n),
            algorithm: "EdDSA".to_owned(),
            state,
            public: vec![1],
            wrapped: vec![2],
            created_at: at(0),
            activates_at: at(0),
            retires_at: None,
            ends_at: None,
        }
    }

    #[test]
    fn a26_a_key_is_announced_before_it_signs_and_leaves_after_the_overlap() {
        let policy = policy();
        let end = 90 * 24;
        let mut keys = vec![key(1, KeyState::Active)];
        assert_eq!(due(&keys, &policy, at(end - 2)), None);
        let announce = Some(Step::Announce {
            activates_at: at(end),
        });
        assert_eq!(due(&keys, &policy, at(end - 1)), announce);
        keys.push(StoredKey {
            activates_at: at(end),
            ..key(2, KeyState::Announced)
        });
        assert_eq!(due(&keys, &policy, at(end - 1)), None);
        let activate = Some(Step::Activate(keys[1].id));
        assert_eq!(due(&keys, &policy, at(end)), activate);
        keys[0].retire(at(end), policy.overlap);
        keys[1].activate(at(end));
        assert_eq!(keys[0].ends_at, Some(at(end + 24)));
        assert_eq!(due(&keys, &policy, at(end + 23)), None);
        assert_eq!(
            due(&keys, &policy, at(end + 24)),
            Some(Step::End(keys[0].id))
        );
        keys[0].end(at(end + 24));
        assert!(keys[0].wrapped.is_empty());
        assert_eq!(keys[0].retires_at, Some(at(end)));
        assert_eq!(due(&keys, &policy, at(end + 24)), None);
    }

    #[test]
    fn a26_a_daemon_that_was_off_still_announces_first() {
        let keys = [key(1, KeyState::Active)];
        let late = at(200 * 24);
        assert_eq!(
            due(&keys, &policy(), late),
            Some(Step::Announce {
                activates_at: late.plus(HOUR)
            })
        );
    }

    #[test]
    fn a26_another_algorithm_is_announced_at_once_and_a_stale_announcement_is_taken_back() {
        let wanted = KeyPolicy {
            algorithm: SigningAlgorithm::Rs256,
            ..policy()
        };
        let mut keys = vec![key(1, KeyState::Active)];
        let announce = Some(Step::Announce {
            activates_at: at(1),
        });
        assert_eq!(due(&keys, &wanted, at(0)), announce);
        keys.push(key(2, KeyState::Announced));
        assert_eq!(due(&keys, &wanted, at(0)), Some(Step::Withdraw(keys[1].id)));
        keys[1].end(at(0));
        assert_eq!(due(&keys, &wanted, at(0)), announce);
    }

    #[test]
    fn r16_a_clock_that_went_back_takes_nothing_back() {
        let keys = [
            key(3, KeyState::Active),
            StoredKey {
                ends_at: Some(at(24)),
                ..key(1, KeyState::Retiring)
            },
            StoredKey {
                purpose: KeyPurpose::Refresh,
                ..key(9, KeyState::Announced)
            },
        ];
        let past = at(0).minus(DAY * 365);
        assert_eq!(due(&keys, &policy(), past), None);
        assert_eq!(due(&[], &policy(), past), None);
        assert_eq!(due(&keys, &policy(), Time::from_millis(i64::MIN)), None);
        assert!(due(&keys, &policy(), Time::from_millis(i64::MAX)).is_some());
    }

    #[test]
    fn names_of_algorithms_read_back() {
        for algorithm in SigningAlgorithm::ALL {
            assert_eq!(
                SigningAlgorithm::from_name(algorithm.as_str()),
                Some(algorithm)
            );
        }
        for other in ["none", "HS256", "eddsa", "ES384", ""] {
            assert_eq!(SigningAlgorithm::from_name(other), None, "{other}");
        }
    }
}
