//! Peers that `admin.allow_uids` turns away: each leaves an audit row in the installation's chain,
//! one a uid and minute at most, so that nobody fills the disk by knocking.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use common::time::Time;
use domain::audit::{Actor, AuditEntry};
use serde_json::json;
use store::{Claim, Priority, StoreError};

use crate::app::{App, Error, audit};

/// Time in which further refusals of the same uid leave no row.
const QUIET: Duration = Duration::from_secs(60);
/// Uids that are remembered.
const UIDS_LIMIT: usize = 1024;

/// Remembers whose refusal was written when.
#[derive(Debug, Default)]
pub struct RefusedPeers {
    written: Mutex<HashMap<u32, Time>>,
}

impl RefusedPeers {
    /// Whether this refusal is due to be written.
    fn is_due(&self, uid: u32, now: Time) -> bool {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if written.len() >= UIDS_LIMIT {
            written.retain(|_, at| now.since(*at) < QUIET);
        }
        let is_due = written
            .get(&uid)
            .is_none_or(|&at| now.since(at) >= QUIET || at > now);
        if is_due && written.len() < UIDS_LIMIT {
            written.insert(uid, now);
        }
        is_due
    }

    /// Writes the row of a refusal, if it is due.
    ///
    /// # Errors
    /// `unavailable` or `internal`: the peer was refused all the same.
    pub async fn record(&self, app: &App, actor: Actor) -> Result<(), Error> {
        let now = app.now();
        let uid = actor.uid.unwrap_or(u32::MAX);
        if !self.is_due(uid, now) {
            return Ok(());
        }
        let salt: [u8; 16] = app.random_bytes()?;
        let entry = AuditEntry {
            id: app.new_id(now)?,
            at: now,
            tenant_id: None,
            actor,
            action: "admin.refused".to_owned(),
            object: format!("uid:{uid}"),
            payload: json!({"reason": "not in admin.allow_uids"}),
            salt,
        };
        let keys = Arc::clone(&app.keys);
        app.store
            .write(
                Priority::Background,
                Claim::detached(),
                move |tx| -> Result<(), StoreError> { audit::append(tx, &keys, &entry).map(drop) },
            )
            .await
            .map_err(Error::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a59_one_row_a_uid_and_minute() {
        let peers = RefusedPeers::default();
        let at = |seconds: i64| Time::from_millis(seconds * 1000);
        assert!(peers.is_due(1000, at(0)));
        assert!(!peers.is_due(1000, at(59)));
        assert!(peers.is_due(1001, at(59)));
        assert!(peers.is_due(1000, at(60)));
    }
}
