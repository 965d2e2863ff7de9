//! What stands in a token (RFC 9068; rule 13): the claims of an access token, of a user or of a service
//! client, and of `pwc+jwt`.

use std::collections::BTreeMap;

use common::id::{ClientId, SessionId, TenantId, UserId};
use serde::{Deserialize, Serialize};

/// `typ` of an access token (RFC 9068 2.1).
pub const ACCESS_TYP: &str = "at+jwt";
/// `typ` of a token that is good for changing a password only.
pub const PASSWORD_CHANGE_TYP: &str = "pwc+jwt";
/// Most bytes of the names of permissions in a token, as JSON.
pub const PERMISSIONS_LIMIT: usize = 4 * 1024;
/// Most bytes of claims that show permissions, as JSON: with its header and a signature by RSA-4096 the
/// token stays below the 8 KiB that authd and the usual servers take in one header.
pub const CLAIMS_LIMIT: usize = 5_500;
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

/// What an access token says beside its claims, to whoever verifies it without asking. It is no part of
/// [`AccessClaims`], so that authd reads nothing of it back: a change of a role reaches every decision
/// of its own at once, and these names with the next token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShowingClaims<'a> {
    /// The claims.
    #[serde(flatten)]
    pub claims: &'a AccessClaims,
    /// Names of the permissions held when it was made, `ALL_PERMISSIONS` alone where that is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Vec<String>>,
    /// Whether they were too many.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub perms_omitted: bool,
}

impl<'a> ShowingClaims<'a> {
    /// Shows the names if they fit: as JSON in [`PERMISSIONS_LIMIT`], and with the claims in
    /// [`CLAIMS_LIMIT`].
    #[must_use]
    pub fn new(claims: &'a AccessClaims, names: Vec<String>) -> Self {
        let mut showing = Self {
            claims,
            permissions: Some(names),
            perms_omitted: false,
        };
        let length = json_length(&showing.permissions);
        if length > PERMISSIONS_LIMIT || json_length(&showing) > CLAIMS_LIMIT {
            showing.permissions = None;
            showing.perms_omitted = true;
        }
        showing
    }
}

/// Bytes as JSON; what cannot be written fits nowhere.
pub(crate) fn json_length(value: &impl Serialize) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |json| json.len())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::role::ROLES_OF_USER_LIMIT;
    use crate::setting::size_of_audience;

    /// With the longest of everything that a user, a tenant and a configuration may have.
    #[test]
    fn s01_the_largest_claims_fit_a_header() {
        let roles = (0..ROLES_OF_USER_LIMIT).map(|n| format!("system:{n:a>63}"));
        let references = 0..crate::profile::REFS_LIMIT;
        let audience = [("a", 250), ("b", 250), ("c", 250), ("d", 5)];
        let audience = audience
            .map(|(letter, length)| letter.repeat(length))
            .to_vec();
        let issuer = format!("https://{}:65535", "h".repeat(253));
        size_of_audience(&audience).unwrap();
        let mut claims = AccessClaims {
            iss: issuer,
            aud: Audience::Many(audience.clone()),
            sub: UserId::from_bytes([255; 16]),
            client_id: "authd".to_owned(),
            tid: TenantId::from_bytes([255; 16]),
            tenant: "t".repeat(63),
            sid: SessionId::from_bytes([255; 16]),
            jti: "j".repeat(22),
            iat: 99_999_999_999,
            nbf: 99_999_999_999,
            exp: 99_999_999_999,
            auth_time: 99_999_999_999,
            roles: roles.collect(),
            adm: false,
            ext: references
                .map(|n| (format!("{n:a>32}"), "v".repeat(64)))
                .collect(),
        };
        assert!(
            json_length(&claims) <= CLAIMS_LIMIT,
            "{}",
            json_length(&claims)
        );
        // Permissions go where there is no room beside these.
        let showing = ShowingClaims::new(&claims, vec!["p".repeat(1000)]);
        assert!(showing.perms_omitted && json_length(&showing) <= CLAIMS_LIMIT);
        claims.ext.clear();
        let showing = ShowingClaims::new(&claims, vec!["p".repeat(1000)]);
        assert!(!showing.perms_omitted && json_length(&showing) <= CLAIMS_LIMIT);
        let larger = [audience, vec!["e".repeat(5)]].concat();
        let refused = size_of_audience(&larger).unwrap_err().to_string();
        assert!(refused.contains("at most 768 bytes"), "{refused}");
        let parse =
            |names: &[String]| crate::setting::Setting::TokenAudience.parse(&names.join(","));
        let shorter = larger.get(..4).unwrap();
        assert!(parse(shorter).is_ok());
        assert_eq!(parse(&larger).unwrap_err().to_string(), refused);
    }
}
