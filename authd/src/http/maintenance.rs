//! The API closed for maintenance: who asks is told so, and nothing is done.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use common::error::ErrorCode;

use super::error::Refusal;
use super::router::OPEN_IN_MAINTENANCE;
use crate::app::{App, Error};

/// When to ask again; how long it takes is known to nobody here.
const ASK_AGAIN: Duration = Duration::from_secs(30);

/// Lets through what stays open, and everything while the API is open.
pub(super) async fn guard(
    State(app): State<Arc<App>>,
    route: MatchedPath,
    request: Request,
    next: Next,
) -> Response {
    let message = match app.maintenance.peek().as_ref() {
        Some(message) if !OPEN_IN_MAINTENANCE.contains(&route.as_str()) => message.clone(),
        _ => return next.run(request).await,
    };
    let error = Error::new(ErrorCode::Unavailable, message).with_retry_after(ASK_AGAIN);
    Refusal(error).into_response()
}
