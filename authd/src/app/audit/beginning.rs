//! A new beginning of a chain whose key is lost. What the old key proved, nobody can prove any more;
//! but the first row under the new key vouches for the rows before it as they were found then, so that
//! a change since shows, and whoever checks the chain is told how many rows that is.

use common::id::TenantId;
use data_encoding::HEXLOWER;
use domain::audit::{AuditEntry, AuditRow, mac_input};
use serde_json::json;
use store::{StoreError, WriteTx};

use super::append;
use crate::crypto::{self, KeyRing};

/// The action of such a row.
pub const BEGINNING: &str = "audit.renew";
/// Rows that are read at once.
const PART: u32 = 500;

/// A hash over rows in order, each with its place and its mark. It covers what a mark covers, so that
/// a payload that is erased later changes nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Content {
    rows: u64,
    hash: [u8; 32],
}

impl Content {
    pub(super) fn add(&mut self, row: &AuditRow) {
        let mut bytes = self.hash.to_vec();
        bytes.extend_from_slice(&row.mac);
        bytes.extend_from_slice(&mac_input(
            &row.entry,
            row.number,
            &row.previous,
            &row.digest,
        ));
        self.rows = self.rows.saturating_add(1);
        self.hash = crypto::sha256(&bytes);
    }

    fn told(&self) -> serde_json::Value {
        json!({ "rows": self.rows, "rows_sha256": HEXLOWER.encode(&self.hash) })
    }
}

/// Whether a row that the keys at hand prove vouches for exactly the rows before it.
pub(super) fn vouches(row: &AuditRow, before: &Content) -> bool {
    row.entry.action == BEGINNING && row.entry.payload.get("after") == Some(&before.told())
}

/// Appends such a row to a chain. What is drawn beforehand is in `entry`; its payload is made here.
///
/// # Errors
/// Those of the store; a row that cannot be read is [`StoreError::Damaged`].
pub fn begin(
    tx: &dyn WriteTx,
    keys: &KeyRing,
    chain: Option<TenantId>,
    mut entry: AuditEntry,
) -> Result<(), StoreError> {
    let mut content = Content::default();
    loop {
        let rows = tx
            .audit()
            .rows(chain, content.rows.saturating_add(1), PART)?;
        for row in &rows {
            content.add(row);
        }
        if rows.len() < usize::try_from(PART).unwrap_or(usize::MAX) {
            break;
        }
    }
    BEGINNING.clone_into(&mut entry.action);
    entry.tenant_id = chain;
    entry.payload = json!({ "before": null, "after": content.told(), "reason": null });
    append(tx, keys, &entry).map(drop)
}
