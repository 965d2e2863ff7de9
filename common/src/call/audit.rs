//! Calls about the audit log.

use serde::{Deserialize, Serialize};

use crate::call::{AdminCall, Method, Paging, Socket, TenantFilter};
use crate::time::Time;
use crate::view::{AuditChainView, AuditMarkView, AuditView, Page};

/// Checks the chains of audit rows, one a tenant, and the installation's own at the end.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Verify {
    /// Slug or id of the tenant; all chains where it is absent.
    pub tenant: TenantFilter,
    /// Chains wanted, 1 to 200; fewer come where they are long.
    pub limit: Option<u32>,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

impl Verify {
    /// The page that is asked for.
    pub fn paging(&self) -> Paging {
        Paging {
            limit: self.limit,
            cursor: self.cursor.clone(),
        }
    }
}

impl AdminCall for Verify {
    type Answer = Page<AuditChainView>;
    const NAME: &'static str = "audit verify";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/audit/verify";
    const ALSO_ON: &'static [Socket] = &[Socket::Monitor];
}

/// Tells the HMAC of one row, for the comparison with the heads that the journal kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// Slug or id of the tenant; the installation's own chain where it is absent.
    pub tenant: TenantFilter,
    /// The row's number.
    pub number: u64,
}

impl AdminCall for Mark {
    type Answer = AuditMarkView;
    const NAME: &'static str = "audit verify --heads";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/audit/mark";
    const ALSO_ON: &'static [Socket] = &[Socket::Monitor];
}

/// Lists changes, the newest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct List {
    /// Slug or id of the tenant; all chains where it is absent.
    pub tenant: TenantFilter,
    /// Only those made by this login name or uid.
    pub actor: Option<String>,
    /// Only this action, such as `user.disable`; `user.` stands for all that begin so.
    pub action: Option<String>,
    /// Only those of this object, by id.
    pub object: Option<String>,
    /// Only those at or after this time.
    pub since: Option<Time>,
    /// Only those before this time.
    pub until: Option<Time>,
    /// Rows wanted, 1 to 200.
    pub limit: Option<u32>,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

impl List {
    /// The page that is asked for.
    pub fn paging(&self) -> Paging {
        Paging {
            limit: self.limit,
            cursor: self.cursor.clone(),
        }
    }
}

impl AdminCall for List {
    type Answer = Page<AuditView>;
    const NAME: &'static str = "audit list";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/audit/list";
    const ALSO_ON: &'static [Socket] = &[Socket::Monitor];
}

/// Shows one change with what was before and after.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Show {
    /// `aud_…`
    pub id: String,
}

impl AdminCall for Show {
    type Answer = AuditView;
    const NAME: &'static str = "audit show";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/audit/show";
}

/// Gives changes whole, with what was before and after: chain by chain, each from its beginning.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Export {
    /// Slug or id of the tenant; all chains where it is absent.
    pub tenant: TenantFilter,
    /// Rows wanted, 1 to 200.
    pub limit: Option<u32>,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

impl Export {
    /// The page that is asked for.
    pub fn paging(&self) -> Paging {
        Paging {
            limit: self.limit,
            cursor: self.cursor.clone(),
        }
    }
}

impl AdminCall for Export {
    type Answer = Page<AuditView>;
    const NAME: &'static str = "audit export";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/audit/export";
}
