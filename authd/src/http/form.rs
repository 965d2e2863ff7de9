//! Bodies of forms, as the standards of OAuth have them; read as strictly as queries: unknown names,
//! a name given twice and broken encoding are refused.

use axum::extract::{FromRequest, Request};
use common::error::ErrorCode;
use serde::de::DeserializeOwned;

use super::error::Refusal;
use super::{body, query};
use crate::app::Error;

/// A form, read whole. It comes last among a handler's arguments, as [`super::body::JsonBody`] does.
#[derive(Debug)]
pub(super) struct FormBody<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for FormBody<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        let bytes = body::whole(request, &["application/x-www-form-urlencoded"]).await?;
        let text = std::str::from_utf8(&bytes).map_err(|_| {
            Refusal(Error::new(
                ErrorCode::MalformedRequest,
                "the form is not UTF-8",
            ))
        })?;
        query::read(text)
            .map(Self)
            .map_err(|fault| Refusal(fault.in_query()))
    }
}
