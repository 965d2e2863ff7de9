//! New keys for a database that comes from elsewhere or from the past: what the old ones made is
//! worthless from then on (rule 19). The daemon must not be running on it; who opens it afterwards
//! has the new ones.

use common::time::Time;
use domain::key::{KeyPurpose, KeyState, SigningAlgorithm, StoredKey};
use store::{Claim, Priority, Store, StoreError};

use crate::app::Error;
use crate::crypto::{KeyRing, Random, WrapKey};

/// Keys of a purpose that are looked at; more are never alive.
const LIMIT: u32 = 200;

/// Ends the keys that sign tokens and those that authenticate refresh tokens and cursors, and puts
/// new ones in their places, in one transaction. Keys that hash names and chain the audit log stay:
/// what they made must go on being found and proven.
///
/// # Errors
/// `internal` if a primitive fails, `unavailable`; the old keys are as they were then.
pub async fn renew(
    store: &Store,
    random: &dyn Random,
    wrap: &WrapKey,
    algorithm: SigningAlgorithm,
    now: Time,
) -> Result<(), Error> {
    let mut ended: Vec<StoredKey> = Vec::new();
    let mut made = Vec::new();
    for purpose in [KeyPurpose::Signing, KeyPurpose::Refresh, KeyPurpose::Cursor] {
        let keys: Result<Vec<StoredKey>, StoreError> = store
            .read(move |tx| tx.keys().of(purpose, u32::MAX, LIMIT))
            .await;
        let keys = keys?;
        let number = keys
            .first()
            .map_or(1, |latest| latest.number.saturating_add(1));
        let key = match purpose {
            KeyPurpose::Signing => KeyRing::new_signing_key(random, now, wrap, algorithm, number),
            other => KeyRing::new_mac_key(random, now, wrap, other, number),
        };
        made.push(key.map_err(Error::internal)?);
        ended.extend(keys.into_iter().filter(|key| key.state != KeyState::Gone));
    }
    for key in &mut ended {
        key.end(now);
    }
    store
        .write(
            Priority::Urgent,
            Claim::detached(),
            move |tx| -> Result<(), StoreError> {
                for key in &ended {
                    tx.keys_mut().update(key)?;
                }
                made.iter().try_for_each(|key| tx.keys_mut().insert(key))
            },
        )
        .await
        .map_err(Error::from)
}
