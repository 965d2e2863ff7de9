//! Calls about service clients.

use serde::{Deserialize, Serialize};

use crate::call::{AdminCall, Change, Method, Paging, Socket, TenantFilter};
use crate::view::{ClientView, Page};

/// A service client as the operator names it, with the tenant where one was given.
///
/// `name` is a `cli_…` id, or the name of a client of the tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientRef {
    /// Slug or id of the tenant.
    pub tenant: Option<String>,
    /// Id or name.
    pub name: String,
}

/// Lists service clients by tenant and name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct List {
    /// Those of this tenant, slug or id; all of them where it is absent.
    pub tenant: TenantFilter,
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
    type Answer = Page<ClientView>;
    const NAME: &'static str = "client list";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/client/list";
    const ALSO_ON: &'static [Socket] = &[Socket::Monitor];
}

/// Shows one service client.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Show {
    /// Slug or id of the tenant.
    pub tenant: Option<String>,
    /// Id or name.
    pub client: String,
}

impl AdminCall for Show {
    type Answer = ClientView;
    const NAME: &'static str = "client show";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/client/show";
}

/// Makes a service client. Its secret is in the answer, once.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// Slug or id of the tenant.
    pub tenant: String,
    /// For people; unique in its tenant.
    pub name: String,
    /// What it may ask of authd: `introspect`, `revocations`, `revoke`.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Roles of its tenant, or system roles.
    #[serde(default)]
    pub roles: Vec<String>,
    /// How long it lives, in seconds; for ever where it is absent.
    pub expires_seconds: Option<u64>,
}

impl AdminCall for Create {
    type Answer = Change;
    const NAME: &'static str = "client create";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/client/create";
}

/// Makes another secret for a service client. Its secret is in the answer, once.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotate {
    /// The client.
    pub client: ClientRef,
    /// Whether the secrets before end at once, with the tokens fetched by them; otherwise the newest
    /// of them stays beside the new one.
    #[serde(default)]
    pub now: bool,
    /// Why, for the audit log.
    pub reason: Option<String>,
}

impl AdminCall for Rotate {
    type Answer = Change;
    const NAME: &'static str = "client rotate";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/client/rotate";
}

/// Removes a service client with its secrets and tokens.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delete {
    /// The client.
    pub client: ClientRef,
    /// Why, for the audit log.
    pub reason: Option<String>,
}

impl AdminCall for Delete {
    type Answer = Change;
    const NAME: &'static str = "client delete";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/client/delete";
}
