//! `/v1/revocations`: pages of the feed, for a client that proves itself by its secret.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::app::App;
use crate::app::feed::{self, Wanted};
use crate::http::basic::ProvedClient;
use crate::http::error::Refusal;
use crate::http::extract::QueryParams;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Query {
    since: Option<u64>,
    #[schemars(range(max = feed::LONGEST_WAIT))]
    wait_seconds: u64,
}

/// The next page: a JWS whose claims are the page.
pub(super) async fn page(
    State(app): State<Arc<App>>,
    client: ProvedClient,
    QueryParams(query): QueryParams<Query>,
) -> Result<Response, Refusal> {
    let wanted = Wanted {
        since: query.since,
        wait: Duration::from_secs(query.wait_seconds),
    };
    let page = feed::page(&app, &client.0, wanted).await?;
    let kind = HeaderValue::from_static("application/jwt");
    Ok(([(CONTENT_TYPE, kind)], page).into_response())
}
