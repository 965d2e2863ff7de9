//! Calls about sessions.

use serde::{Deserialize, Serialize};

use crate::call::{AdminCall, Change, Method, Paging, Socket, TenantFilter, UserRef};
use crate::view::{Page, SessionView};

/// Lists sessions that are alive, the newest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct List {
    /// Slug or id of the tenant; all of them where it is absent.
    pub tenant: TenantFilter,
    /// Only those of this user, an id or an address.
    pub user: Option<String>,
    /// Only those of this device id.
    pub device: Option<String>,
    /// Only those that signed in from this address or range.
    pub ip: Option<String>,
    /// Only those not used for so many seconds.
    pub idle_seconds: Option<u64>,
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
    type Answer = Page<SessionView>;
    const NAME: &'static str = "session list";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/session/list";
    const ALSO_ON: &'static [Socket] = &[Socket::Monitor, Socket::Helpdesk];
}

/// Shows one session, an ended one too.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Show {
    /// `ses_…`
    pub id: String,
}

impl AdminCall for Show {
    type Answer = SessionView;
    const NAME: &'static str = "session show";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/session/show";
}

/// Which sessions to end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Target {
    /// One session, by id.
    Session(String),
    /// All of a user.
    User(UserRef),
    /// All of a tenant, by slug or id; needs `confirm`.
    Tenant(String),
    /// Those that an address or an age tells.
    Matching(Matching),
}

/// Which sessions are meant; all that is given must fit, and one of address and age must be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Matching {
    /// Only those of this tenant, by slug or id; of all where it is absent.
    pub tenant: Option<String>,
    /// Those that signed in from this address or range.
    pub ip: Option<String>,
    /// Those that began longer ago than so many seconds; a minute at least.
    pub older_than_seconds: Option<u64>,
}

/// Ends sessions; their tokens are dead when it answers. `helpdesk.sock` ends those of one user alone.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    /// Which.
    pub target: Target,
    /// The slug typed, for all sessions of a tenant.
    pub confirm: Option<String>,
    /// Why, for the audit row.
    pub reason: Option<String>,
}

impl AdminCall for Revoke {
    type Answer = Change;
    const NAME: &'static str = "session revoke";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/session/revoke";
    const ALSO_ON: &'static [Socket] = &[Socket::Helpdesk];
}
