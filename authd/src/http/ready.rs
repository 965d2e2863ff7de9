//! Answers that are ready, given in front of the router: warm checks of live sessions. They touch
//! no disk and wait for nothing, so there is no race to run; everything else is the router's.
//!
//! Both ways use the same functions and give the same bytes; the tests drive both through one table.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::response::Response;

use super::check;
use super::edge::Edge;
use super::tally::RouteNumber;
use crate::app::App;
use crate::serve::{Front, Head, Peer};

/// The front of the HTTP API.
pub struct Ready {
    app: Arc<App>,
    edge: Arc<Edge>,
    number: RouteNumber,
    pattern: HeaderMap,
}

impl Ready {
    /// Stands in front of the router behind `edge`.
    pub fn new(app: Arc<App>, edge: Arc<Edge>) -> Arc<Self> {
        let number = edge.number_of(check::PATH);
        Arc::new(Self {
            app,
            edge,
            number,
            pattern: check::pattern(),
        })
    }
}

impl Front for Ready {
    fn answer(&self, head: &Head<'_>) -> Option<Response<Body>> {
        let started = Instant::now();
        let Peer::Tcp(peer) = head.peer else {
            return None;
        };
        let (mut response, grant) = check::ready(&self.app, &self.pattern, head)?;
        let client = (peer.ip(), head.headers);
        self.edge.complete_ready(
            client,
            (check::PATH, self.number),
            started,
            &mut response,
            grant,
        );
        Some(response)
    }
}
