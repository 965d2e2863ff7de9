//! The extractors that authenticate: a route that takes one cannot be reached without a live token,
//! and nothing of the body is read before (G6).

use std::sync::Arc;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;

use crate::app::password_change::{self, Changer};
use crate::app::{App, Caller, Client, authenticate};
use crate::http::error::Refusal;
use crate::http::extract::Bearer;

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
