//! What a transaction can do with the audit log.

#![expect(
    clippy::missing_errors_doc,
    reason = "all methods share one list of errors, which stands in `resource.rs`"
)]

use common::id::{AuditId, TenantId};
use common::time::Time;
use domain::audit::{AuditEntry, AuditHead, AuditRow};

use super::PageRequest;
use crate::error::StoreError;

/// Which rows are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only of this tenant's chain.
    pub tenant: Option<TenantId>,
    /// Only by the actor with this login name, or this uid in decimal.
    pub actor: Option<String>,
    /// Only this action; with a dot at its end all that begin so.
    pub action: Option<String>,
    /// Only of this object.
    pub object: Option<String>,
    /// Only at or after this.
    pub since: Option<Time>,
    /// Only before this.
    pub until: Option<Time>,
}

/// The audit log, to read.
pub trait AuditRead {
    /// End of a chain; number 0 and zeros for an empty one.
    fn head(&self, chain: Option<TenantId>) -> Result<AuditHead, StoreError>;
    /// All chains that have a row, the installation's own first.
    fn chains(&self) -> Result<Vec<Option<TenantId>>, StoreError>;
    /// Rows of a chain from a number on, in order.
    fn rows(
        &self,
        chain: Option<TenantId>,
        from: u64,
        limit: u32,
    ) -> Result<Vec<AuditRow>, StoreError>;
    /// By id.
    fn by_id(&self, id: AuditId) -> Result<Option<AuditRow>, StoreError>;
    /// Rows of all chains, the newest first; `after` is the last row's id, `aud_…`.
    fn list(&self, filter: &AuditFilter, page: &PageRequest) -> Result<Vec<AuditRow>, StoreError>;
}

/// The audit log, to write.
pub trait Audit: AuditRead {
    /// Appends an entry to its chain: `digest` is over salt and payload, `seal` makes the HMAC of the
    /// bytes of [`domain::audit::mac_input`]. Returns the row as it was stored.
    fn append(
        &self,
        entry: &AuditEntry,
        digest: [u8; 32],
        seal: &dyn Fn(&[u8]) -> [u8; 32],
    ) -> Result<AuditRow, StoreError>;
}
