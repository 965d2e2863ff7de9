//! What a tenant lacks of what is wanted, and has beyond it.

use serde::{Deserialize, Serialize};

/// The differences of one tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantDiffView {
    /// Slug.
    pub tenant: String,
    /// The differences, in the order in which they are made.
    pub lines: Vec<DiffLineView>,
    /// Roles and permissions that would go.
    pub removed: u32,
}

/// One difference; `+` is what the tenant would get, `-` what it would lose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffLineView {
    /// `+` or `-`.
    pub sign: String,
    /// `setting`, `permission` or `role`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// What of it: a value, a permission, a description; null for the thing itself.
    pub detail: Option<String>,
}

impl DiffLineView {
    /// `+ role acme/manager orders:edit`.
    pub fn to_line(&self, tenant: &str) -> String {
        let detail = self.detail.as_deref();
        let detail = detail.map(|d| format!(" {d}")).unwrap_or_default();
        format!("{} {} {tenant}/{}{detail}", self.sign, self.kind, self.name)
    }
}
