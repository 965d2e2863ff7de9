//! The audit log as the operator sees it.

use serde::{Deserialize, Serialize};

/// What came out of checking one chain of audit rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditChainView {
    /// Slug; the `ten_…` id of a tenant that is gone; null for the installation's own chain.
    pub tenant: Option<String>,
    /// Rows up to the first bad one, or all.
    pub entries: u64,
    /// Whether every row is where and what it was.
    pub ok: bool,
    /// HMAC of the last good row in hex; null for an empty chain.
    pub head: Option<String>,
    /// Number of the first row that was changed, moved or taken away.
    pub first_bad: Option<u64>,
    /// Rows whose personal part was erased.
    pub erased: u64,
}

/// The HMAC of one row, to be held against what the journal kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditMarkView {
    /// The row's number.
    pub number: u64,
    /// Its HMAC in hex; null where the chain is shorter.
    pub head: Option<String>,
}
