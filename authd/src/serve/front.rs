//! What stands in front of a router: answers that are ready are given without it. What it has no
//! answer for goes to the router as though nobody had looked.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use hyper::{HeaderMap, Method, Response, Uri};

use super::Peer;

/// A request as far as an answer that is ready may depend on it.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// Method.
    pub method: &'a Method,
    /// Target.
    pub uri: &'a Uri,
    /// Headers.
    pub headers: &'a HeaderMap,
    /// Whether a body follows.
    pub has_body: bool,
    /// Who sent it.
    pub peer: Peer,
}

/// Answers what can be answered without waiting for anything.
pub trait Front: Send + Sync {
    /// The whole answer; none where the router has to give it. Then nothing was done that the
    /// router's way would not do as well.
    fn answer(&self, head: &Head<'_>) -> Option<Response<Body>>;
}

/// What a listener serves: a router, and perhaps something in front of it.
#[derive(Clone)]
pub struct Site {
    router: Router,
    front: Option<Arc<dyn Front>>,
}

impl From<Router> for Site {
    fn from(router: Router) -> Self {
        Self {
            router,
            front: None,
        }
    }
}

impl Site {
    /// A router with something in front of it.
    pub fn with_front(router: Router, front: Arc<dyn Front>) -> Self {
        Self {
            router,
            front: Some(front),
        }
    }

    pub(super) fn router(&self) -> Router {
        self.router.clone()
    }

    /// An answer that is ready. A panic is none: the router's way meets it again and answers it.
    pub(super) fn ready(&self, head: &Head<'_>) -> Option<Response<Body>> {
        let front = self.front.as_ref()?;
        catch_unwind(AssertUnwindSafe(|| front.answer(head))).unwrap_or_default()
    }
}
