//! The door of an admin socket: turns away who does not speak the protocol, names the operator for
//! the audit log, and gives each request the same passage as the HTTP API's door.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{HeaderMap, HeaderName, HeaderValue};
use axum::http::request::Parts;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use common::call::{
    CLIENT_PROTOCOL_HEADER, CLIENT_VERSION_HEADER, DRY_RUN_HEADER, SERVER_PROTOCOL_HEADER,
    SERVER_VERSION_HEADER, Socket,
};
use common::error::ErrorCode;
use common::{ADMIN_PROTOCOL, VERSION};
use domain::audit::Actor;

use super::peer::{Admission, login_name};
use crate::app::{Current, Error, Operator};
use crate::http::body::BodyLimit;
use crate::http::edge::{RequestIds, Timeouts};
use crate::http::error::{Hints, Refusal};
use crate::http::passage::Passage;
use crate::serve::{CloseUnanswered, ConnectionTimes, Limits, Peer, PeerCredentials, Times};

/// Header that carries `SUDO_UID` as the client claims it.
pub const SUDO_UID_HEADER: &str = "authctl-sudo-uid";

const BODY_LIMIT: BodyLimit = BodyLimit(1024 * 1024);
const LONGEST_CONNECTION: Duration = Duration::from_mins(10);

/// What the door of an admin socket goes by.
pub struct AdminEdge {
    /// Makes the id of each request.
    pub request_ids: RequestIds,
    /// Which door it is.
    pub socket: Socket,
    /// Time of a request; streams and jobs are excluded by path.
    pub timeouts: Current<Timeouts>,
    /// Who may talk here. Asked at each request, too: a connection may be older than the list.
    pub admission: Admission,
}

/// What an admin socket grants its connections.
pub fn limits(shutdown_grace: Duration) -> Limits {
    Limits {
        max_connections: 64,
        times: Times::new(ConnectionTimes {
            header: Duration::from_secs(10),
            keepalive: Duration::from_secs(75),
        }),
        max_header_bytes: 16 * 1024,
        max_age: Some(LONGEST_CONNECTION),
        shutdown_grace,
    }
}

/// Puts the door before a router whose routes and fallbacks are complete.
pub fn behind(edge: Arc<AdminEdge>, router: Router) -> Router {
    router.layer(from_fn_with_state(edge, pass))
}

async fn pass(State(edge): State<Arc<AdminEdge>>, mut request: Request, next: Next) -> Response {
    let Some(protocol) = protocol(request.headers()) else {
        return close();
    };
    let peer = request.extensions().get().copied();
    if let Some(Peer::Unix(peer)) = peer
        && !edge.admission.admits(&peer)
    {
        return close();
    }
    let request_id = (edge.request_ids)();
    let timeout = edge.timeouts.peek().of(request.uri().path());
    let mut passage = Passage::begin(&mut request, request_id, timeout, BODY_LIMIT);
    let rehearses = request.headers().contains_key(DRY_RUN_HEADER);
    let response = match (protocol == ADMIN_PROTOCOL.to_string().as_str(), peer) {
        (false, _) => Refusal(other_protocol()).into_response(),
        (true, Some(Peer::Unix(peer))) => {
            let claimed = sudo_uid(request.headers());
            let mut operator = unnamed(&edge, &passage, peer, claimed);
            if rehearses {
                operator.claim = operator.claim.rehearsing();
            }
            passage.run(named(operator, request, next)).await
        }
        (true, _) => Refusal(Error::internal(
            "a request without the credentials of its peer",
        ))
        .into_response(),
    };
    let mut response = passage.end(response, Hints::Shown).response;
    let headers = response.headers_mut();
    headers.insert(
        HeaderName::from_static(SERVER_VERSION_HEADER),
        HeaderValue::from_static(VERSION),
    );
    headers.insert(
        HeaderName::from_static(SERVER_PROTOCOL_HEADER),
        HeaderValue::from(ADMIN_PROTOCOL),
    );
    if rehearses {
        headers.insert(
            HeaderName::from_static(DRY_RUN_HEADER),
            HeaderValue::from_static("true"),
        );
    }
    response
}

/// The protocol's number as it was sent, if the client says both what it is and what it speaks.
/// Said twice it is no number, and the request no one's.
fn protocol(headers: &HeaderMap) -> Option<String> {
    headers.get(CLIENT_VERSION_HEADER)?;
    headers.get(CLIENT_PROTOCOL_HEADER)?;
    let values = headers.get_all(CLIENT_PROTOCOL_HEADER).iter();
    let texts = values.map(|value| String::from_utf8_lossy(value.as_bytes()));
    Some(texts.collect::<Vec<_>>().join(", "))
}

fn close() -> Response {
    let mut response = ().into_response();
    response.extensions_mut().insert(CloseUnanswered);
    response
}

fn other_protocol() -> Error {
    Error::new(
        ErrorCode::MalformedRequest,
        format!("authd {VERSION} speaks admin protocol {ADMIN_PROTOCOL}; nothing was done"),
    )
    .with_hint("use the authctl of the same version as authd")
}

fn sudo_uid(headers: &HeaderMap) -> Option<u32> {
    let mut values = headers.get_all(SUDO_UID_HEADER).iter();
    let first = values.next()?.to_str().ok()?.parse().ok()?;
    values.next().is_none().then_some(first)
}

fn unnamed(
    edge: &AdminEdge,
    passage: &Passage,
    peer: PeerCredentials,
    sudo_uid: Option<u32>,
) -> Operator {
    Operator {
        actor: Actor {
            uid: Some(peer.uid),
            user: None,
            pid: peer.pid,
            sudo_uid,
            channel: edge.socket.as_str().to_owned(),
            ..Actor::default()
        },
        socket: edge.socket,
        request_id: passage.request_id,
        claim: passage.claim.clone(),
    }
}

/// The name service may be slow: it is asked within the request's own time.
async fn named(mut operator: Operator, mut request: Request, next: Next) -> Response {
    if let Some(uid) = operator.actor.uid {
        operator.actor.user = login_name(uid).await;
    }
    request.extensions_mut().insert(operator);
    next.run(request).await
}

impl<S: Send + Sync> FromRequestParts<S> for Operator {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let absent = || Refusal(Error::internal("the request did not come through the edge"));
        parts.extensions.get().cloned().ok_or_else(absent)
    }
}
