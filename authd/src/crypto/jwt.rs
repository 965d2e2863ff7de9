//! Tokens (RFC 7519, 8725, 9068): signing, and the one strict way to read one.
//! A header is believed in nothing: it only selects one of our own keys and a kind of claims.

use std::time::Duration;

use common::id::TenantId;
use common::time::Time;
use data_encoding::BASE64URL_NOPAD;
use domain::event::{FEED_TYP, FeedClaims};
use domain::token::{
    ACCESS_TYP, AccessClaims, ClientClaims, PASSWORD_CHANGE_TYP, PasswordChangeClaims,
    ShowingClaims,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::{CryptoError, TokenError};
use super::keys::KeyRing;

/// What the subject of a service client begins with.
const CLIENT_SUBJECT: &str = "cli_";

/// Longest token that is looked at, in bytes.
const LIMIT_BYTES: usize = 8 * 1024;

/// What a token must say to be good here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The one issuer.
    pub issuer: String,
    /// The audience of `pwc+jwt`.
    pub password_change_audience: String,
    /// How far `nbf` and `iat` may lie in the future. `exp` has no tolerance: it is our own clock.
    pub skew: Duration,
}

/// A token that is one of ours, by its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VerifiedToken {
    /// Good for the API, as long as its session lives.
    Access(AccessClaims),
    /// Good where a service client may act, as long as that lives.
    Client(ClientClaims),
    /// Good for changing a password only (rule 13).
    PasswordChange(PasswordChangeClaims),
}

impl VerifiedToken {
    /// `nbf` and `exp`, in seconds since 1970.
    pub const fn period(&self) -> (i64, i64) {
        match self {
            Self::Access(claims) => (claims.nbf, claims.exp),
            Self::Client(claims) => (claims.nbf, claims.exp),
            Self::PasswordChange(claims) => (claims.nbf, claims.exp),
        }
    }

    /// Its tenant.
    pub const fn tenant(&self) -> TenantId {
        match self {
            Self::Access(claims) => claims.tid,
            Self::Client(claims) => claims.tid,
            Self::PasswordChange(claims) => claims.tid,
        }
    }

    /// Its id.
    pub fn id(&self) -> &str {
        match self {
            Self::Access(claims) => &claims.jti,
            Self::Client(claims) => &claims.jti,
            Self::PasswordChange(claims) => &claims.jti,
        }
    }

    /// Whether its time is over at `now`; a cached token must be asked at each use.
    pub const fn is_expired(&self, now: Time) -> bool {
        let (_, exp) = self.period();
        now.seconds() >= exp
    }
}

/// What a token says of itself, and whether one of our keys signed it.
#[derive(Debug, Clone)]
pub struct Inspected {
    /// Algorithm that it names.
    pub alg: Option<String>,
    /// Kind that it names.
    pub typ: Option<String>,
    /// Key that it names.
    pub kid: Option<String>,
    /// Its claims, believed in nothing.
    pub claims: serde_json::Value,
    /// Whether the signature is that key's; none if there is no such key.
    pub is_signed: Option<bool>,
}

/// The header of our tokens. Any other member, `crit` among them, and any doublet is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JoseHeader {
    alg: String,
    typ: String,
    kid: String,
}

impl KeyRing {
    /// Signs an access token.
    ///
    /// # Errors
    /// If the primitive fails.
    pub fn sign_access(&self, claims: &AccessClaims) -> Result<String, CryptoError> {
        self.signing().active()?.sign(ACCESS_TYP, claims)
    }

    /// Signs an access token that shows what its user may do.
    ///
    /// # Errors
    /// If the primitive fails.
    pub fn sign_showing(&self, claims: &ShowingClaims<'_>) -> Result<String, CryptoError> {
        self.signing().active()?.sign(ACCESS_TYP, claims)
    }

    /// Signs an access token of a service client.
    ///
    /// # Errors
    /// If the primitive fails.
    pub fn sign_client(&self, claims: &ClientClaims) -> Result<String, CryptoError> {
        self.signing().active()?.sign(ACCESS_TYP, claims)
    }

    /// Signs a page of the feed of revocations.
    ///
    /// # Errors
    /// If the primitive fails.
    pub fn sign_feed(&self, claims: &FeedClaims) -> Result<String, CryptoError> {
        self.signing().active()?.sign(FEED_TYP, claims)
    }

    /// Signs a token that is good for changing a password only.
    ///
    /// # Errors
    /// If the primitive fails.
    pub fn sign_password_change(
        &self,
        claims: &PasswordChangeClaims,
    ) -> Result<String, CryptoError> {
        self.signing().active()?.sign(PASSWORD_CHANGE_TYP, claims)
    }

    /// Reads a token: signature, kind, issuer and times, and the audience of `pwc+jwt`. Not whether
    /// its session lives, nor whether an access token is for whom its tenant says.
    ///
    /// # Errors
    /// [`TokenError::Expired`] if nothing but its age is wrong, [`TokenError::Invalid`] otherwise.
    pub fn verify(
        &self,
        token: &str,
        expected: &Expected,
        now: Time,
    ) -> Result<VerifiedToken, TokenError> {
        let verified = self.signed(token, expected, now)?;
        if verified.is_expired(now) {
            return Err(TokenError::Expired);
        }
        Ok(verified)
    }

    /// As [`KeyRing::verify`], whatever the token's age: it proves who made it, and nothing now.
    ///
    /// # Errors
    /// [`TokenError::Invalid`]
    pub fn signed(
        &self,
        token: &str,
        expected: &Expected,
        now: Time,
    ) -> Result<VerifiedToken, TokenError> {
        let (typ, claims) = self.open_token(token)?;
        Ok(if typ == ACCESS_TYP {
            access(&claims, expected, now)?
        } else {
            let claims: PasswordChangeClaims = parse(&claims)?;
            check_password_change(&claims, expected, now)?;
            VerifiedToken::PasswordChange(claims)
        })
    }

    /// Looks at a token of whatever kind and state, for an operator; none if it is no JWT at all.
    pub fn inspect(&self, token: &str) -> Option<Inspected> {
        if token.len() > LIMIT_BYTES {
            return None;
        }
        let (message, signature) = token.rsplit_once('.')?;
        let (header, claims) = message.split_once('.')?;
        let object = |segment: &str| -> Option<serde_json::Value> {
            let bytes = decode(segment).ok()?;
            let value: serde_json::Value = serde_json::from_slice(&bytes).ok()?;
            value.is_object().then_some(value)
        };
        let (header, claims) = (object(header)?, object(claims)?);
        let text = |name: &str| header.get(name)?.as_str().map(str::to_owned);
        let keys = self.signing();
        let key = text("kid").and_then(|kid| keys.by_kid(&kid));
        let is_signed = key.map(|key| {
            let alg = text("alg").unwrap_or_default();
            key.verifies(&alg, message.as_bytes(), signature)
        });
        Some(Inspected {
            alg: text("alg"),
            typ: text("typ"),
            kid: text("kid"),
            claims,
            is_signed,
        })
    }

    /// As [`KeyRing::verify`], for an access token that turns out good and is worth a look at its
    /// signature. What is asked about its claims is asked before they are proven: the answer may save
    /// work, and grant nothing.
    ///
    /// # Errors
    /// [`TokenError`] for every other token: [`KeyRing::verify`] tells why.
    pub fn verify_if_worth(
        &self,
        token: &str,
        expected: &Expected,
        now: Time,
        is_worth: impl FnOnce(&AccessClaims) -> bool,
    ) -> Result<AccessClaims, TokenError> {
        let parts = Parts::of(token)?;
        if parts.typ != ACCESS_TYP {
            return Err(TokenError::Invalid);
        }
        let claims: AccessClaims = parse(&decode(parts.claims)?)?;
        check_access(&claims, expected, now)?;
        let verified = VerifiedToken::Access(claims);
        if verified.is_expired(now) {
            return Err(TokenError::Expired);
        }
        match verified {
            VerifiedToken::Access(claims) if is_worth(&claims) => {
                self.check_signature(&parts)?;
                Ok(claims)
            }
            _ => Err(TokenError::Invalid),
        }
    }

    /// Splits a token, checks its signature, and hands out its kind and the bytes of its claims.
    fn open_token(&self, token: &str) -> Result<(&'static str, Vec<u8>), TokenError> {
        let parts = Parts::of(token)?;
        self.check_signature(&parts)?;
        Ok((parts.typ, decode(parts.claims)?))
    }

    fn check_signature(&self, parts: &Parts<'_>) -> Result<(), TokenError> {
        let keys = self.signing();
        let key = keys.by_kid(&parts.kid).ok_or(TokenError::Invalid)?;
        // The library's decoder is laxer about spare bits, which would be a second spelling.
        decode(parts.signature)?;
        if key.verifies(&parts.alg, parts.message.as_bytes(), parts.signature) {
            Ok(())
        } else {
            Err(TokenError::Invalid)
        }
    }
}

/// A token that has the form of ours. Nothing of it is proven.
struct Parts<'a> {
    typ: &'static str,
    alg: String,
    kid: String,
    message: &'a str,
    claims: &'a str,
    signature: &'a str,
}

impl<'a> Parts<'a> {
    fn of(token: &'a str) -> Result<Self, TokenError> {
        if token.len() > LIMIT_BYTES {
            return Err(TokenError::Invalid);
        }
        let mut segments = token.split('.');
        let (Some(header), Some(claims), Some(signature), None) = (
            segments.next(),
            segments.next(),
            segments.next(),
            segments.next(),
        ) else {
            return Err(TokenError::Invalid);
        };
        let parsed: JoseHeader = parse(&decode(header)?)?;
        let typ = [ACCESS_TYP, PASSWORD_CHANGE_TYP]
            .into_iter()
            .find(|typ| *typ == parsed.typ)
            .ok_or(TokenError::Invalid)?;
        let message = token
            .get(..header.len() + 1 + claims.len())
            .ok_or(TokenError::Invalid)?;
        Ok(Self {
            typ,
            alg: parsed.alg,
            kid: parsed.kid,
            message,
            claims,
            signature,
        })
    }
}

fn decode(segment: &str) -> Result<Vec<u8>, TokenError> {
    BASE64URL_NOPAD
        .decode(segment.as_bytes())
        .map_err(|_| TokenError::Invalid)
}

/// Types are part of the form: a time that is no integer is refused here, never taken as absent
/// (CVE-2026-25537).
fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, TokenError> {
    // serde would take an array for a struct as well.
    if json.first() != Some(&b'{') {
        return Err(TokenError::Invalid);
    }
    serde_json::from_slice(json).map_err(|_| TokenError::Invalid)
}

/// The header of claims that says which kind of access token they are.
#[derive(Deserialize)]
struct Subject {
    sub: String,
}

fn access(json: &[u8], expected: &Expected, now: Time) -> Result<VerifiedToken, TokenError> {
    let subject: Subject = parse(json)?;
    if subject.sub.starts_with(CLIENT_SUBJECT) {
        let claims: ClientClaims = parse(json)?;
        check_client(&claims, expected, now)?;
        return Ok(VerifiedToken::Client(claims));
    }
    let claims: AccessClaims = parse(json)?;
    check_access(&claims, expected, now)?;
    Ok(VerifiedToken::Access(claims))
}

fn check_client(claims: &ClientClaims, expected: &Expected, now: Time) -> Result<(), TokenError> {
    if claims.iss != expected.issuer || claims.client_id != claims.sub {
        return Err(TokenError::Invalid);
    }
    check_times([claims.iat, claims.nbf, claims.exp], expected, now)
}

fn check_access(claims: &AccessClaims, expected: &Expected, now: Time) -> Result<(), TokenError> {
    if claims.iss != expected.issuer || claims.auth_time < 0 {
        return Err(TokenError::Invalid);
    }
    check_times([claims.iat, claims.nbf, claims.exp], expected, now)
}

fn check_password_change(
    claims: &PasswordChangeClaims,
    expected: &Expected,
    now: Time,
) -> Result<(), TokenError> {
    if claims.iss != expected.issuer || claims.aud != expected.password_change_audience {
        return Err(TokenError::Invalid);
    }
    check_times([claims.iat, claims.nbf, claims.exp], expected, now)
}

/// Everything about the times but whether the last one has passed.
fn check_times(
    [iat, nbf, exp]: [i64; 3],
    expected: &Expected,
    now: Time,
) -> Result<(), TokenError> {
    let latest = now.plus(expected.skew).seconds();
    if iat < 0 || nbf < 0 || exp < 0 || iat > latest || nbf > latest {
        return Err(TokenError::Invalid);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
