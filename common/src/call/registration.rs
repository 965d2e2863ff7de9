//! Calls about registrations that wait for the owner of their address.

use serde::{Deserialize, Serialize};

use crate::call::{AdminCall, Change, Method, Paging, Socket, TenantFilter, UserRef};
use crate::view::{Page, RegistrationView};

/// Lists registrations that wait, the oldest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct List {
    /// Slug or id of the tenant; all of them where it is absent.
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
    type Answer = Page<RegistrationView>;
    const NAME: &'static str = "registration list";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/registration/list";
    const ALSO_ON: &'static [Socket] = &[Socket::Monitor, Socket::Helpdesk];
}

/// Ends all registrations of an address with one tenant.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delete {
    /// The address, and the tenant where it waits with several; or the id of one registration.
    pub registration: UserRef,
    /// Why, for the audit row.
    pub reason: Option<String>,
}

impl AdminCall for Delete {
    type Answer = Change;
    const NAME: &'static str = "registration delete";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/registration/delete";
}
