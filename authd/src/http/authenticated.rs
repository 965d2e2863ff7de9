//! The extractors that authenticate: a route that takes one cannot be reached without a live token,
//! and nothing of the body is read before (G6).

use std::sync::Arc;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::Uri;
use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;
use common::error::ErrorCode;

use crate::app::administer::{self, Needed};
use crate::app::password_change::{self, Changer};
use crate::app::{Administrator, App, Caller, Client, Error, authenticate};
use crate::http::error::Refusal;
use crate::http::extract::Bearer;
use crate::http::query;

/// Parameter by which users of `system` name another tenant.
const TENANT: &str = "tenant";

/// A user who proved a live session.
pub(super) struct Authenticated(pub(super) Caller);

impl FromRequestParts<Arc<App>> for Authenticated {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        let client = Client::from_request_parts(parts, app).await?;
        let bearer = <Bearer as FromRequestParts<_>>::from_request_parts(parts, app).await?;
        let checked = authenticate::authenticate(app, client, bearer.0.expose()).await?;
        Ok(Self(checked.caller))
    }
}

/// For paths that a token opens and a body may open too: none where there is no token.
impl OptionalFromRequestParts<Arc<App>> for Authenticated {
    type Rejection = Refusal;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Arc<App>,
    ) -> Result<Option<Self>, Refusal> {
        let bearer =
            <Bearer as OptionalFromRequestParts<_>>::from_request_parts(parts, app).await?;
        if bearer.is_none() {
            return Ok(None);
        }
        <Self as FromRequestParts<_>>::from_request_parts(parts, app)
            .await
            .map(Some)
    }
}

/// Somebody whose token may change a password.
pub(super) struct MayChangePassword(pub(super) Changer);

impl FromRequestParts<Arc<App>> for MayChangePassword {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        let client = Client::from_request_parts(parts, app).await?;
        let bearer = <Bearer as FromRequestParts<_>>::from_request_parts(parts, app).await?;
        let changer = password_change::prove(app, client, bearer.0.expose()).await?;
        Ok(Self(changer))
    }
}

/// A user or a service client that holds the permission that the table of routes names for the matched
/// one, in the tenant that the request is about. The handlers of such routes take it second, before path, query and body:
/// the table does not compile otherwise.
pub(super) struct Administering(pub(super) Administrator);

impl FromRequestParts<Arc<App>> for Administering {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        let client = Client::from_request_parts(parts, app).await?;
        let bearer = <Bearer as FromRequestParts<_>>::from_request_parts(parts, app).await?;
        let agent = authenticate::agent(app, client, bearer.0.expose()).await?;
        let needed: Needed = parts
            .extensions
            .get()
            .copied()
            .ok_or_else(|| Error::internal("a route without its permission"))?;
        let query = parts.uri.query().unwrap_or_default();
        let (mut named, rest) = query::take(query, TENANT);
        let tenant = named.pop();
        if !named.is_empty() {
            return Err(Refusal(Error::new(
                ErrorCode::MalformedRequest,
                "tenant: takes one value, and stands there twice",
            )));
        }
        if tenant.is_some() {
            parts.uri = with_query(&parts.uri, &rest)?;
        }
        let administrator = administer::enter(app, agent, needed, tenant).await?;
        Ok(Self(administrator))
    }
}

/// The address with another query.
fn with_query(uri: &Uri, query: &str) -> Result<Uri, Error> {
    let path = uri.path();
    let text = if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    };
    let mut parts = uri.clone().into_parts();
    let path_and_query = PathAndQuery::try_from(text).map_err(Error::internal)?;
    parts.path_and_query = Some(path_and_query);
    Uri::from_parts(parts).map_err(Error::internal)
}
