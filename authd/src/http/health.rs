//! `/healthz` (alive, also while draining) and `/readyz` (able to answer).

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use common::error::ErrorCode;
use serde_json::json;

use crate::app::{App, Error, health};
use crate::http::body::JsonAnswer;
use crate::http::error::Refusal;
use crate::http::extract::NoQuery;

/// Alive.
pub(super) async fn alive(_: NoQuery) -> Response {
    JsonAnswer(json!({"status": "ok"})).into_response()
}

/// Ready: the database answers, keys and schema are there, and the daemon is not draining.
pub(super) async fn ready(State(app): State<Arc<App>>, _: NoQuery) -> Result<Response, Refusal> {
    if app.draining.load(Ordering::Acquire) {
        return Err(Refusal(
            Error::new(ErrorCode::Unavailable, "draining").with_retry_after(Duration::from_secs(5)),
        ));
    }
    health::probe(&app).await?;
    Ok(JsonAnswer(json!({"status": "ready"})).into_response())
}
