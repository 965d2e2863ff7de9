//! One change of the signing keys: drafted over all of them, written with its audit row in one
//! transaction, and in effect before it is answered. Whoever drafts holds the ring's turn.

use std::sync::Arc;
use std::time::Duration;

use common::call::Change;
use common::id::KeyId;
use common::time::Time;
use domain::key::{KeyPurpose, KeyState, SigningAlgorithm, StoredKey};
use serde_json::{Value, json};
use store::{Claim, Priority, Scope, StoreError, WriteTx};

use super::{no_key, stored};
use crate::app::audit::{Record, WideAct};
use crate::app::{App, Error};
use crate::crypto::{KeyRing, SigningSet};

/// Runs a change to its end, whatever becomes of the one who asked: between COMMIT and the exchange
/// of the keys nothing may stop it.
///
/// # Errors
/// Those of the work.
pub(super) async fn detached<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    tokio::spawn(work).await.map_err(Error::internal)?
}

/// The signing keys among stored ones.
pub(super) fn live(keys: Vec<StoredKey>) -> Vec<StoredKey> {
    keys.into_iter()
        .filter(|key| key.purpose == KeyPurpose::Signing)
        .collect()
}

/// The change of a key; it belongs to no tenant.
pub(super) fn act(action: &'static str, key: KeyId) -> WideAct {
    WideAct {
        action,
        tenant: None,
        object: key.to_string(),
        subject: key.to_string(),
    }
}

/// The keys as they are to be.
pub(super) struct Draft {
    now: Time,
    before: Vec<StoredKey>,
    keys: Vec<StoredKey>,
    next_number: u32,
}

impl Draft {
    /// Begins with the keys as they are.
    ///
    /// # Errors
    /// `unavailable`.
    pub(super) async fn of(app: &App) -> Result<Self, Error> {
        let keys = stored(app).await?;
        let latest = app
            .store
            .read(|tx| tx.keys().of(KeyPurpose::Signing, u32::MAX, 1))
            .await
            .map_err(Error::from)?;
        Ok(Self {
            now: app.now(),
            before: keys.clone(),
            keys,
            next_number: latest.first().map_or(1, |key| key.number.saturating_add(1)),
        })
    }

    pub(super) const fn now(&self) -> Time {
        self.now
    }

    pub(super) fn keys(&self) -> &[StoredKey] {
        &self.keys
    }

    /// How many stand there.
    pub(super) fn count(&self, state: KeyState) -> usize {
        self.keys.iter().filter(|key| key.state == state).count()
    }

    /// Where a key stands, gone ones included.
    ///
    /// # Errors
    /// `not_found`.
    pub(super) async fn state(&self, app: &App, id: KeyId) -> Result<KeyState, Error> {
        if let Some(key) = self.keys.iter().find(|key| key.id == id) {
            return Ok(key.state);
        }
        let found = app
            .store
            .read(move |tx| tx.keys().by_id(id))
            .await
            .map_err(Error::from)?;
        found
            .filter(|key| key.purpose == KeyPurpose::Signing)
            .map(|key| key.state)
            .ok_or_else(no_key)
    }

    /// The announced key of an algorithm.
    pub(super) fn announced_as(&self, algorithm: &str) -> Option<KeyId> {
        self.keys
            .iter()
            .find(|key| key.state == KeyState::Announced && key.algorithm == algorithm)
            .map(|key| key.id)
    }

    /// An announced key that has been published for at least so long.
    pub(super) fn successor(&self, published: Duration) -> Option<KeyId> {
        self.keys
            .iter()
            .find(|key| {
                key.state == KeyState::Announced && key.created_at.plus(published) <= self.now
            })
            .map(|key| key.id)
    }

    /// Makes a key, announced for now.
    ///
    /// # Errors
    /// `internal` if a primitive fails.
    pub(super) async fn make(
        &mut self,
        app: &Arc<App>,
        algorithm: SigningAlgorithm,
    ) -> Result<KeyId, Error> {
        let (app, now, number) = (Arc::clone(app), self.now, self.next_number);
        // An RSA key takes so long that no thread of the requests should be kept by it.
        let made = tokio::task::spawn_blocking(move || {
            let random = app.random.as_ref();
            KeyRing::new_signing_key(random, now, app.keys.wrap(), algorithm, number)
        });
        let made = made.await.map_err(Error::internal)?;
        let key = StoredKey {
            state: KeyState::Announced,
            ..made.map_err(Error::internal)?
        };
        let id = key.id;
        self.keys.push(key);
        self.next_number = self.next_number.saturating_add(1);
        Ok(id)
    }

    /// Lets an announced key begin then.
    pub(super) fn announce(&mut self, id: KeyId, activates_at: Time) {
        for key in self.keys.iter_mut().filter(|key| key.id == id) {
            key.activates_at = activates_at;
        }
    }

    /// Takes back every announced key but one.
    pub(super) fn withdraw_but(&mut self, kept: Option<KeyId>) {
        let now = self.now;
        let stale = |key: &&mut StoredKey| key.state == KeyState::Announced && Some(key.id) != kept;
        self.keys
            .iter_mut()
            .filter(stale)
            .for_each(|key| key.end(now));
    }

    /// Lets a key sign from now on; the one that did retires.
    pub(super) fn take_over(&mut self, id: KeyId, overlap: Duration) {
        for key in &mut self.keys {
            if key.id == id {
                key.activate(self.now);
            } else if key.state == KeyState::Active {
                key.retire(self.now, overlap);
            }
        }
    }

    /// Ends a key.
    pub(super) fn end(&mut self, id: KeyId) {
        let now = self.now;
        self.keys
            .iter_mut()
            .filter(|key| key.id == id)
            .for_each(|key| key.end(now));
    }

    /// Writes what was changed, and lets it take effect. A rehearsal ends before that.
    ///
    /// # Errors
    /// `internal` if the keys would not be of use, `unavailable`.
    pub(super) async fn write(
        self,
        app: &App,
        claim: &Claim,
        record: &Record,
        action: &'static str,
        object: KeyId,
    ) -> Result<Change, Error> {
        // Before anything is written: keys that cannot be opened are never stored.
        let set = SigningSet::open(&self.keys, app.keys.wrap()).map_err(Error::internal)?;
        let (before, after) = (described(&self.before), described(&self.keys));
        let act = act(action, object);
        if before == after {
            return Ok(act.unchanged());
        }
        let mut touched: Vec<(StoredKey, bool)> = self
            .keys
            .into_iter()
            .filter(|key| !self.before.contains(key))
            .map(|key| {
                let is_new = !self.before.iter().any(|old| old.id == key.id);
                (key, is_new)
            })
            .collect();
        // The one that signs gives way before the next begins.
        touched.sort_by_key(|(key, _)| key.state == KeyState::Active);
        let record = record.clone();
        let change = app
            .store
            .write(Priority::Urgent, claim.clone(), move |tx| {
                for (key, is_new) in &touched {
                    if *is_new {
                        tx.keys_mut().insert(key)?;
                    } else {
                        tx.keys_mut().update(key)?;
                    }
                }
                tx.invalidate(Scope::Tokens);
                record.append_wide(tx, &act, &before, &after)
            })
            .await?;
        if !claim.is_rehearsal() {
            app.keys.exchange(set);
            // After the exchange: what is verified from now on is verified by the new keys.
            app.cache.committed(&[Scope::Tokens]);
            log_exchange(app).await;
        }
        Ok(change)
    }
}

/// What the former keys verified here between the commit and the exchange may be kept outside of this
/// process: it is older than this entry of the log.
async fn log_exchange(app: &App) {
    let write = |tx: &dyn WriteTx| -> Result<(), StoreError> {
        tx.invalidate(Scope::Tokens);
        Ok(())
    };
    let logged = app.store.write(Priority::Urgent, Claim::detached(), write);
    if let Err(error) = logged.await {
        tracing::warn!(%error, "the exchange of signing keys was not logged a second time");
    }
}

/// The keys, for the audit row.
fn described(keys: &[StoredKey]) -> Value {
    keys.iter()
        .map(|key| {
            json!({
                "id": key.id.to_string(),
                "alg": key.algorithm,
                "state": key.state.as_str(),
                "activates_at": key.activates_at,
                "ends_at": key.ends_at,
            })
        })
        .collect()
}
