//! `/metrics`: the counters for Prometheus, behind a listener of its own with nothing else on it. It
//! is no route of the API: who reaches that must not read how the installation is doing (ASVS 13.4.5).

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::body::BodyLimit;
use super::error::Hints;
use super::passage::{Passage, RequestIds};
use crate::app::status::Running;
use crate::app::{App, stats};
use crate::serve::{ConnectionTimes, Limits, Times};

/// The text format of Prometheus.
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Prometheus itself gives up sooner, unless it is told otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What the listener grants its connections: those who scrape are few.
pub fn limits(shutdown_grace: Duration) -> Limits {
    Limits {
        max_connections: 16,
        times: Times::new(ConnectionTimes {
            header: Duration::from_secs(10),
            keepalive: Duration::from_secs(75),
        }),
        max_header_bytes: 8 * 1024,
        max_age: None,
        shutdown_grace,
    }
}

/// The page, and refusals of all else in the shape of the API.
pub fn router(app: &Arc<App>, running: &Arc<Running>, request_ids: &RequestIds) -> Router {
    let (app, running) = (Arc::clone(app), Arc::clone(running));
    let page = move || {
        let (app, running) = (Arc::clone(&app), Arc::clone(&running));
        async move {
            let text = stats::stats(&app, &running).await.to_string();
            ([(CONTENT_TYPE, FORMAT)], text).into_response()
        }
    };
    Router::new()
        .route("/metrics", get(page))
        .layer(from_fn_with_state(Arc::clone(request_ids), pass))
}

async fn pass(State(request_ids): State<RequestIds>, mut request: Request, next: Next) -> Response {
    let id = request_ids();
    let mut passage = Passage::begin(&mut request, id, Some(TIMEOUT), BodyLimit(0));
    let response = passage.run(next.run(request)).await;
    passage.end(response, Hints::Hidden).response
}
