//! Changes of keys while no daemon runs: another signing key, another wrap key, and all keys anew
//! where the wrap key is lost. Everything random is drawn before; the writes only write.

use common::id::TenantId;
use common::time::Time;
use domain::audit::AuditEntry;
use domain::key::{KeyPolicy, KeyPurpose, KeyState, RETIRING_LIMIT, SigningAlgorithm, StoredKey};
use store::{ReadTx, Renamed, StoreError, WriteTx};

use crate::app::audit;
use crate::crypto::{CryptoError, KeyRing, Random, WrapKey};

/// All purposes there are.
const PURPOSES: [KeyPurpose; 5] = [
    KeyPurpose::Signing,
    KeyPurpose::Refresh,
    KeyPurpose::Subject,
    KeyPurpose::Audit,
    KeyPurpose::Cursor,
];

/// Number of the next key of a purpose.
///
/// # Errors
/// Those of the store.
pub fn next_number(tx: &dyn ReadTx, purpose: KeyPurpose) -> Result<u32, StoreError> {
    let latest = tx.keys().of(purpose, u32::MAX, 1)?;
    Ok(latest
        .first()
        .map_or(1, |latest| latest.number.saturating_add(1)))
}

/// The signing keys after a new one takes over: what the present one signed stays good for the
/// overlap, what was only announced is withdrawn. Gives those that change, the new one last; none
/// while too many are retiring.
pub fn succeed(
    stored: &[StoredKey],
    mut new: StoredKey,
    policy: &KeyPolicy,
    now: Time,
) -> Option<Vec<StoredKey>> {
    let signing = stored
        .iter()
        .filter(|key| key.purpose == KeyPurpose::Signing);
    let mut changed = Vec::new();
    let mut retiring = 0_usize;
    for key in signing {
        let mut key = key.clone();
        match key.state {
            KeyState::Active => key.retire(now, policy.overlap),
            KeyState::Announced => key.end(now),
            KeyState::Retiring if key.ends_at.is_some_and(|end| end <= now) => key.end(now),
            KeyState::Retiring => {
                retiring = retiring.saturating_add(1);
                continue;
            }
            KeyState::Gone => continue,
        }
        changed.push(key);
    }
    new.activate(now);
    changed.push(new);
    (retiring < RETIRING_LIMIT).then_some(changed)
}

/// Writes what [`succeed`] gave.
///
/// # Errors
/// Those of the store.
pub fn write_succession(tx: &dyn WriteTx, changed: &[StoredKey]) -> Result<(), StoreError> {
    for key in changed {
        if !tx.keys_mut().update(key)? {
            tx.keys_mut().insert(key)?;
        }
    }
    Ok(())
}

/// Every key that lives, under another wrap key.
///
/// # Errors
/// [`CryptoError::Unwrap`] if `old` does not open one.
pub fn rewrapped(
    random: &dyn Random,
    stored: Vec<StoredKey>,
    old: &WrapKey,
    new: &WrapKey,
) -> Result<Vec<StoredKey>, CryptoError> {
    let keys: Result<Vec<StoredKey>, CryptoError> = stored
        .into_iter()
        .map(|key| KeyRing::rewrap(random, key, old, new))
        .collect();
    let keys = keys?;
    // What does not open again is never stored.
    KeyRing::open(&keys, new).map(|_| keys)
}

/// What new keys are made of.
#[derive(Clone, Copy)]
pub struct Making<'a> {
    /// Where their secrets come from.
    pub random: &'a dyn Random,
    /// What wraps them.
    pub wrap: &'a WrapKey,
    /// How the one that signs does.
    pub algorithm: SigningAlgorithm,
    /// When they are made.
    pub now: Time,
}

/// All keys anew, drawn and ready to be written.
pub struct Renewal {
    now: Time,
    ended: Vec<StoredKey>,
    made: Vec<StoredKey>,
    ring: KeyRing,
    beginnings: Vec<(Option<TenantId>, AuditEntry)>,
}

/// What ended with the old keys.
#[derive(Debug, Clone, Copy, Default)]
pub struct Renewed {
    /// Sessions.
    pub sessions: u64,
    /// Counters.
    pub counters: Renamed,
    /// Audit chains that begin anew.
    pub chains: usize,
}

impl Renewal {
    /// Draws new keys for every purpose. `above` is a number that none of a purpose's keys may be
    /// below, `entry` makes what an audit row needs.
    ///
    /// # Errors
    /// Those of the store, of `entry`, or of a primitive that fails.
    pub fn draw<E>(
        tx: &dyn ReadTx,
        making: &Making<'_>,
        above: &dyn Fn(KeyPurpose) -> Result<u32, E>,
        entry: &dyn Fn() -> Result<AuditEntry, E>,
    ) -> Result<Self, E>
    where
        E: From<StoreError> + From<CryptoError>,
    {
        let (wrap, now) = (making.wrap, making.now);
        let mut ended = tx.keys().all()?;
        for key in &mut ended {
            key.end(now);
        }
        let mut made = Vec::new();
        for purpose in PURPOSES {
            let number = next_number(tx, purpose)?.max(above(purpose)?.saturating_add(1));
            made.push(KeyRing::replacement(
                making.random,
                now,
                wrap,
                purpose,
                number,
                making.algorithm,
            )?);
        }
        let ring = KeyRing::open(&made, wrap)?;
        let mut chains = tx.audit().chains()?;
        // The installation's own tells of the renewal in any case.
        if !chains.contains(&None) {
            chains.push(None);
        }
        let mut beginnings = Vec::new();
        for chain in chains {
            beginnings.push((chain, entry()?));
        }
        Ok(Self {
            now,
            ended,
            made,
            ring,
            beginnings,
        })
    }

    /// The new keys, opened.
    pub const fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// Writes them, and ends what the old ones held up.
    ///
    /// # Errors
    /// Those of the store.
    pub fn write(&self, tx: &dyn WriteTx, wrap: &WrapKey) -> Result<Renewed, StoreError> {
        for key in &self.ended {
            tx.keys_mut().update(key)?;
        }
        for key in &self.made {
            tx.keys_mut().insert(key)?;
        }
        tx.meta_mut().set(WRAP_KEY_ID, wrap.id().as_bytes())?;
        tx.meta_mut().set(WRAP_KEY_CHECK, &wrap.check_value())?;
        let sessions = tx.renewal().end_sessions(self.now)?;
        let name = |slug: &str, email: &common::email::Email| self.ring.subject(slug, email);
        let counters = tx.renewal().rename_counters(&name)?;
        for (chain, entry) in &self.beginnings {
            audit::begin(tx, &self.ring, *chain, entry.clone())?;
        }
        Ok(Renewed {
            sessions,
            counters,
            chains: self.beginnings.len(),
        })
    }
}

/// Fact: the id of the pepper, where there is one.
pub const PEPPER_ID: &str = "pepper_id";
/// Fact: the id of the wrap key.
pub const WRAP_KEY_ID: &str = "wrap_key_id";
/// Fact: what shows that a wrap key is the same.
pub const WRAP_KEY_CHECK: &str = "wrap_key_check";
