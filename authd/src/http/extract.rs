//! What handlers take from a request's head. These run in the order of a handler's arguments and
//! before [`super::body::JsonBody`], which is last: whoever may not do a thing is told so before
//! his body is read (rule G6 of security.md).

use std::convert::Infallible;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::header::{AUTHORIZATION, HeaderMap};
use axum::http::request::Parts;
use common::error::ErrorCode;
use common::secret::Secret;
use serde::de::DeserializeOwned;

use super::error::Refusal;
use super::fault::Fault;
use super::query;
use crate::app::{Client, Error};

/// The query, read strictly into a type; a list field takes a name that repeats.
#[derive(Debug)]
pub struct QueryParams<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for QueryParams<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        query::read(parts.uri.query().unwrap_or_default())
            .map(Self)
            .map_err(|fault| Refusal(fault.in_query()))
    }
}

/// Stands in the handlers of paths that take no parameters.
#[derive(Debug)]
pub struct NoQuery;

impl<S: Send + Sync> FromRequestParts<S> for NoQuery {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        query::read::<()>(parts.uri.query().unwrap_or_default())
            .map(|()| Self)
            .map_err(|fault: Fault| Refusal(fault.in_query()))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Client {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let absent = || Refusal(Error::internal("the request did not come through the edge"));
        parts.extensions.get().cloned().ok_or_else(absent)
    }
}

/// The token of `Authorization: Bearer …`, not verified. Tokens in a query are not looked for.
#[derive(Debug)]
pub struct Bearer(pub Secret<String>);

/// Why a request has no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BearerFault {
    /// No header, or another scheme.
    Missing,
    /// More than one, or no token behind the scheme's name.
    Ambiguous,
}

impl From<BearerFault> for Error {
    fn from(fault: BearerFault) -> Self {
        match fault {
            BearerFault::Missing => Self::new(
                ErrorCode::MissingToken,
                "send Authorization: Bearer with an access token",
            ),
            BearerFault::Ambiguous => Self::new(
                ErrorCode::MalformedRequest,
                "send one Authorization header with one bearer token",
            ),
        }
    }
}

impl Bearer {
    /// Takes the token from a request's headers.
    ///
    /// # Errors
    /// [`BearerFault`]
    pub fn of(headers: &HeaderMap) -> Result<Self, BearerFault> {
        let token = Self::text_of(headers)?;
        // RFC 6750, 2.1: neither blanks nor commas are part of a token.
        let is_token = token
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte));
        if !is_token {
            return Err(BearerFault::Ambiguous);
        }
        Ok(Self(Secret::new(token.to_owned())))
    }

    /// What stands where the token should, for who compares it with tokens that were taken before.
    pub(super) fn text_of(headers: &HeaderMap) -> Result<&str, BearerFault> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let value = values.next().ok_or(BearerFault::Missing)?;
        if values.next().is_some() {
            return Err(BearerFault::Ambiguous);
        }
        let text = value.to_str().map_err(|_| BearerFault::Ambiguous)?.trim();
        let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(BearerFault::Missing);
        }
        let token = token.trim();
        if token.is_empty() {
            return Err(BearerFault::Missing);
        }
        Ok(token)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Bearer {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        Self::of(&parts.headers).map_err(|fault| Refusal(fault.into()))
    }
}

/// For paths that a token opens and a body may open too: none where there is no token.
impl<S: Send + Sync> OptionalFromRequestParts<S> for Bearer {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Refusal> {
        match Self::of(&parts.headers) {
            Ok(bearer) => Ok(Some(bearer)),
            Err(BearerFault::Missing) => Ok(None),
            Err(fault) => Err(Refusal(fault.into())),
        }
    }
}

/// The outcome of looking for a token, for paths that answer a fault in their own way.
impl<S: Send + Sync> FromRequestParts<S> for BearerOutcome {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(Bearer::of(&parts.headers)))
    }
}

/// A token, or why there is none; it refuses nothing by itself.
#[derive(Debug)]
pub struct BearerOutcome(pub Result<Bearer, BearerFault>);

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn of(values: &[&str]) -> Result<String, BearerFault> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        Bearer::of(&headers).map(|bearer| bearer.0.expose().clone())
    }

    #[test]
    fn one_header_with_one_token_is_taken() {
        assert_eq!(of(&["Bearer a.b-c_d"]).unwrap(), "a.b-c_d");
        assert_eq!(of(&["bEARER  a="]).unwrap(), "a=");
        for missing in ["Basic YTpi", "Bearer", "Bearer ", "", "a.b.c"] {
            assert_eq!(of(&[missing]), Err(BearerFault::Missing), "{missing}");
        }
        assert_eq!(of(&[]), Err(BearerFault::Missing));
    }

    #[test]
    fn g5_more_than_one_token_is_refused() {
        for values in [
            &["Bearer a", "Bearer b"][..],
            &["Bearer a", "Bearer a"],
            &["Bearer a", "Basic b"],
            &["Bearer a, Bearer b"],
            &["Bearer a,b"],
            &["Bearer a b"],
            &["Bearer \u{e9}"],
        ] {
            assert_eq!(of(values), Err(BearerFault::Ambiguous), "{values:?}");
        }
    }
}
