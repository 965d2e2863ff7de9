//! Calls about single tokens.

use serde::{Deserialize, Serialize};

use crate::call::{AdminCall, Change, Method, Paging, Socket};
use crate::secret::{self, Secret};
use crate::view::{DeniedTokenView, Page, TokenView};

/// Looks at a token. It travels in the body, for it may still be good.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inspect {
    /// The token.
    #[serde(serialize_with = "secret::send")]
    pub token: Secret<String>,
}

impl AdminCall for Inspect {
    type Answer = TokenView;
    const NAME: &'static str = "token inspect";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/token/inspect";
    const ONLY_READS: bool = true;
    const SENDS_SECRET: bool = true;
}

/// Denies one token by its id.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    /// Its `jti`.
    pub jti: String,
    /// Why, for the audit row and the list.
    pub reason: Option<String>,
}

impl AdminCall for Revoke {
    type Answer = Change;
    const NAME: &'static str = "token revoke";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/token/revoke";
}

/// Lists the tokens that are denied and would be good otherwise.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Denylist {
    /// Rows wanted, 1 to 200.
    pub limit: Option<u32>,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

impl Denylist {
    /// The page that is asked for.
    pub fn paging(&self) -> Paging {
        Paging {
            limit: self.limit,
            cursor: self.cursor.clone(),
        }
    }
}

impl AdminCall for Denylist {
    type Answer = Page<DeniedTokenView>;
    const NAME: &'static str = "token denylist";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/token/denylist";
    const ALSO_ON: &'static [Socket] = &[Socket::Monitor];
}
