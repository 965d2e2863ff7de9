//! Every route of the HTTP API, against the two lists that say which of them authenticate.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use authd::app::Client;
use authd::http::body::BodyLimit;
use authd::http::router::{PUBLIC_ROUTES, SIGNED_IN_ROUTES, routes};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use common::id::RequestId;
use store::Claim;
use tower::ServiceExt;

use crate::desk::Desk;

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// A stranger's request, without a token.
async fn send(router: &Router, method: &str, path: &str) -> StatusCode {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json")
        .extension(BodyLimit(65_536))
        .extension(Client {
            ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            has_own_address: true,
            request_id: RequestId::from_bytes([1; 16]),
            claim: Claim::detached(),
        })
        .body(Body::from("{}"))
        .unwrap();
    router.clone().oneshot(request).await.unwrap().status()
}

/// The paths that the router's own source adds.
fn added() -> BTreeSet<&'static str> {
    let source = include_str!("../../src/http/router.rs");
    let calls = source.split(".route(").skip(1);
    calls.map(|call| call.split('"').nth(1).unwrap()).collect()
}

#[tokio::test]
async fn every_route_authenticates_or_is_on_the_public_list() {
    let desk = Desk::new();
    let router = routes().with_state(desk.app.clone());
    let listed: BTreeSet<(&str, &str)> = PUBLIC_ROUTES
        .iter()
        .chain(SIGNED_IN_ROUTES)
        .copied()
        .collect();
    assert_eq!(listed.len(), PUBLIC_ROUTES.len() + SIGNED_IN_ROUTES.len());
    let paths: BTreeSet<&str> = listed.iter().map(|(_, path)| *path).collect();
    assert_eq!(paths, added(), "the lists against the router");
    for path in paths {
        for method in METHODS {
            let status = send(&router, method, path).await;
            let route = (method, path);
            if SIGNED_IN_ROUTES.contains(&route) {
                assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path}");
            } else if listed.contains(&route) {
                assert_ne!(status, StatusCode::NOT_FOUND, "{method} {path}");
                assert_ne!(status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            } else {
                assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            }
        }
    }
}
