//! What stands in a token (RFC 9068; rule 13): the claims of an access token, of a user or of a service
//! client, and of `pwc+jwt`.

use std::collections::BTreeMap;

use common::id::{ClientId, SessionId, TenantId, UserId};
use serde::{Deserialize, Serialize};

/// `typ` of an access token (RFC 9068 2.1).
pub const ACCESS_TYP: &str = "at+jwt";
/// `typ` of a token that is good for changing a password only.
pub const PASSWORD_CHANGE_TYP: &str = "pwc+jwt";
/// Seconds that a `pwc+jwt` lives.
pub const PASSWORD_CHANGE_SECONDS: i64 = 600;

/// Audience: one text or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl Audience {
    /// Whether it names one of these, to the letter.
    pub fn names_one_of(&self, names: &[String]) -> bool {
        match self {
            Self::One(own) => names.contains(own),
            Self::Many(own) => own.iter().any(|own| names.contains(own)),
        }
    }
}

/// Claims of an access token; times in whole seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessClaims {
    /// Issuer.
    pub iss: String,
    /// Audience.
    pub aud: Audience,
    /// Subject: the user.
    pub sub: UserId,
    /// The client; the issuer's own first-party sign-in.
    pub client_id: String,
    /// Tenant, by id.
    pub tid: TenantId,
    /// Tenant, by slug.
    pub tenant: String,
    /// Session.
    pub sid: SessionId,
    /// Id of the token.
    pub jti: String,
    /// Issued at.
    pub iat: i64,
    /// Not before.
    pub nbf: i64,
    /// Expires at.
    pub exp: i64,
    /// When the password was checked.
    pub auth_time: i64,
    /// Names of the roles held.
    pub roles: Vec<String>,
    /// Whether the user may do everything within the tenant.
    pub adm: bool,
    /// References to other systems, by name: whatever they are called, they stand nowhere else.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ext: BTreeMap<String, String>,
}

/// Claims of an access token of a service client: no user and no session stand behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientClaims {
    /// Issuer.
    pub iss: String,
    /// Audience.
    pub aud: Audience,
    /// Subject: the client.
    pub sub: ClientId,
    /// The client again (RFC 9068 2.2).
    pub client_id: ClientId,
    /// Tenant, by id.
    pub tid: TenantId,
    /// Tenant, by slug.
    pub tenant: String,
    /// Id of the token.
    pub jti: String,
    /// Issued at.
    pub iat: i64,
    /// Not before.
    pub nbf: i64,
    /// Expires at.
    pub exp: i64,
    /// Names of the roles held.
    pub roles: Vec<String>,
    /// The client's generation: it moves on when a secret ends.
    pub cgen: i64,
}

/// Claims of a token that is good for changing a password only: no session, no rights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordChangeClaims {
    /// Issuer.
    pub iss: String,
    /// Audience: the issuer's address of the password change, nobody else's.
    pub aud: String,
    /// Subject: the user.
    pub sub: UserId,
    /// Tenant, by id.
    pub tid: TenantId,
    /// Id of the token.
    pub jti: String,
    /// Issued at.
    pub iat: i64,
    /// Not before.
    pub nbf: i64,
    /// Expires at.
    pub exp: i64,
    /// Version of the credential that it was made for.
    pub cver: u64,
}
