//! Calls about the keys that sign tokens.

use serde::{Deserialize, Serialize};

use crate::call::{AdminCall, Change, Method, Paging, Socket};
use crate::view::{KeyView, Page};

/// Lists the signing keys, the latest first, gone ones too.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct List {
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
    type Answer = Page<KeyView>;
    const NAME: &'static str = "key list";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/key/list";
    const ALSO_ON: &'static [Socket] = &[Socket::Monitor];
}

/// Gives the public halves, as verifiers get them (RFC 7517).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jwks {}

impl AdminCall for Jwks {
    type Answer = serde_json::Value;
    const NAME: &'static str = "key jwks";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/key/jwks";
    const ALSO_ON: &'static [Socket] = &[Socket::Monitor];
}

/// Announces the next key, or moves the one that is announced.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotate {
    /// Seconds until it signs; `keys.announce` where it is absent.
    pub activate_after_seconds: Option<u64>,
    /// Why, for the audit row.
    pub reason: Option<String>,
}

impl AdminCall for Rotate {
    type Answer = Change;
    const NAME: &'static str = "key rotate";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/key/rotate";
}

/// Takes a key out of use without refusing anything that it signed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retire {
    /// Its id.
    pub key: String,
    /// Why, for the audit row.
    pub reason: Option<String>,
}

impl AdminCall for Retire {
    type Answer = Change;
    const NAME: &'static str = "key retire";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/key/retire";
}

/// Ends a key at once, and everything that it signed: it may be in other hands.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    /// Its id.
    pub key: String,
    /// Its id, as it was typed.
    pub confirm: Option<String>,
    /// Why, for the audit row.
    pub reason: Option<String>,
}

impl AdminCall for Revoke {
    type Answer = Change;
    const NAME: &'static str = "key revoke";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/key/revoke";
}
