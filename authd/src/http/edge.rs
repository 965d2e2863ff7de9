//! The door of the HTTP API: the outermost layer, through which every request and every answer
//! goes. It decides who the client is and how long the request may take; it knows no route.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};

use super::body::BodyLimit;
use super::client_ip::{ClientAddress, TrustedProxies, client_address};
use super::cors::{self, Asking, Grant};
use super::error::{Hints, Refusal, Standard};
use super::headers;
pub use super::passage::RequestIds;
use super::passage::{self, Passage};
use super::tally::RouteNumber;
pub use super::timeouts::Timeouts;
use super::traffic::Traffic;
use crate::app::{Client, Current, Error};
use crate::serve::Peer;

/// Where refusals have the shape of OAuth.
const STANDARD_PATHS: &str = "/oauth2/";

/// What the door goes by.
pub struct EdgeSettings {
    /// Makes the id of each request.
    pub request_ids: RequestIds,
    /// Time of a request, by path.
    pub timeouts: Timeouts,
    /// Most bytes of a body.
    pub max_body: usize,
    /// Whom to believe about the client's address.
    pub proxies: TrustedProxies,
    /// Where answers are counted.
    pub traffic: Arc<Traffic>,
}

/// What a reload may change.
#[derive(Debug)]
struct Policy {
    timeouts: Timeouts,
    proxies: TrustedProxies,
}

/// The door of the HTTP API.
pub struct Edge {
    request_ids: RequestIds,
    max_body: usize,
    traffic: Arc<Traffic>,
    policy: Current<Policy>,
    saw_untrusted_proxy: AtomicBool,
}

impl Edge {
    /// A door that goes by the given settings.
    pub fn new(settings: EdgeSettings) -> Arc<Self> {
        let EdgeSettings {
            request_ids,
            timeouts,
            max_body,
            proxies,
            traffic,
        } = settings;
        Arc::new(Self {
            request_ids,
            max_body,
            traffic,
            policy: Current::new(Policy { timeouts, proxies }),
            saw_untrusted_proxy: AtomicBool::new(false),
        })
    }

    /// Requests that come from now on go by these. Whether a proxy is trusted that should be is
    /// found out anew.
    pub fn set(&self, timeouts: Timeouts, proxies: TrustedProxies) {
        self.policy.set(Policy { timeouts, proxies });
        self.saw_untrusted_proxy.store(false, Ordering::Relaxed);
    }

    /// What requests go by, to look at.
    pub fn policy(&self) -> impl std::fmt::Debug {
        self.policy.get()
    }

    /// Whether a private peer has sent forwarding headers while no proxy is trusted (rule 7).
    pub fn saw_untrusted_proxy(&self) -> bool {
        self.saw_untrusted_proxy.load(Ordering::Relaxed)
    }

    /// Tells the client's address, and notices a proxy that nobody trusts.
    fn address(
        &self,
        peer: IpAddr,
        headers: &HeaderMap,
        proxies: &TrustedProxies,
    ) -> ClientAddress {
        let client = client_address(peer, headers, proxies);
        if !client.has_own_address && !self.saw_untrusted_proxy.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                %peer,
                "a private peer sends forwarding headers, but no proxy is trusted: the budget of \
                 failed logins is off for it; see api.trusted_proxies"
            );
        }
        client
    }

    fn client(
        &self,
        proxies: &TrustedProxies,
        request: &Request,
        passage: &Passage,
    ) -> Result<Client, Error> {
        let Some(Peer::Tcp(address)) = request.extensions().get().copied() else {
            return Err(Error::internal("a request without the address of its peer"));
        };
        let client = self.address(address.ip(), request.headers(), proxies);
        Ok(Client {
            ip: client.ip,
            has_own_address: client.has_own_address,
            request_id: passage.request_id,
            correlation_id: headers::correlation_id(request.headers())
                .and_then(|value| value.to_str().ok().map(Arc::from)),
            claim: passage.claim.clone(),
        })
    }

    /// What [`pass`] does beside the handler for an answer that was ready: the client is looked
    /// at, the answer gets its id, and is logged and counted.
    pub(super) fn complete_ready(
        &self,
        (peer, request_headers): (IpAddr, &HeaderMap),
        (route, number): (&'static str, RouteNumber),
        started: Instant,
        response: &mut Response,
        grant: Option<Grant>,
    ) {
        self.address(peer, request_headers, &self.policy.peek().proxies);
        let request_id = (self.request_ids)();
        let correlation_id = headers::correlation_id(request_headers);
        let ended = Instant::now();
        let took = ended.saturating_duration_since(started);
        let done = ("GET", route, response.status());
        passage::log_done(request_id, correlation_id.as_ref(), done, took);
        let headers = response.headers_mut();
        // The length is the last one, as through the router.
        let length =
            (correlation_id.is_some() || grant.is_some()).then(|| headers.remove(CONTENT_LENGTH));
        headers::put_ids(headers, request_id, correlation_id);
        if let Some(grant) = grant {
            grant.put(headers);
        }
        if let Some(length) = length.flatten() {
            headers.insert(CONTENT_LENGTH, length);
        }
        self.traffic.record(ended, took, response.status());
        self.traffic.count(number, took, response.status(), None);
    }

    /// Where answers to GET at a route are counted.
    pub(super) fn number_of(&self, route: &'static str) -> RouteNumber {
        self.traffic.number_of("GET", Some(route))
    }
}

/// Puts the door before a router whose routes and fallbacks are complete; nothing may be laid
/// around the outcome but what has to see its refusals.
pub fn behind(edge: Arc<Edge>, router: Router) -> Router {
    router.layer(from_fn_with_state(edge, pass))
}

async fn pass(State(edge): State<Arc<Edge>>, mut request: Request, next: Next) -> Response {
    let policy = edge.policy.peek();
    let timeout = policy.timeouts.of(request.uri().path());
    let is_standard = request.uri().path().starts_with(STANDARD_PATHS);
    let request_id = (edge.request_ids)();
    let limit = BodyLimit(edge.max_body);
    let asking = Asking::of(request.headers());
    request.extensions_mut().insert(asking.clone());
    let mut passage = Passage::begin(&mut request, request_id, timeout, limit);
    let client = edge.client(&policy.proxies, &request, &passage);
    drop(policy);
    let mut response = match client {
        Ok(client) => {
            request.extensions_mut().insert(client);
            passage.run(next.run(request)).await
        }
        Err(error) => Refusal(error).into_response(),
    };
    if is_standard {
        response.extensions_mut().insert(Standard);
    }
    cors::vary(response.headers_mut());
    let mut ended = passage.end(response, Hints::Hidden);
    if let Some(grant) = asking.granted() {
        grant.put(ended.response.headers_mut());
    }
    let (method, route) = ended.asked();
    let (number, status) = (
        edge.traffic.number_of(method, route),
        ended.response.status(),
    );
    edge.traffic.record(Instant::now(), ended.took, status);
    edge.traffic.count(number, ended.took, status, ended.code);
    ended.response
}
