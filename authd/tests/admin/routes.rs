//! Every call at every socket, through the router.

use authd::admin::routes::router;
use authd::app::Operator;
use authd::http::body::BodyLimit;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use common::call::Socket;
use tower::ServiceExt;

use crate::desk::{Desk, running};

const LIMIT: BodyLimit = BodyLimit(65_536);

async fn send(
    router: &Router,
    operator: Operator,
    method: &str,
    path: &str,
    body: &'static str,
) -> StatusCode {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json")
        .extension(operator)
        .extension(LIMIT)
        .body(Body::from(body))
        .unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    response.status()
}

#[tokio::test]
async fn g21_a_socket_carries_what_is_listed_for_it_alone() {
    let desk = Desk::new();
    let router = router(&desk.app, &running());
    for call in common::call::all() {
        for socket in Socket::ALL {
            let operator = desk.at(socket);
            let status = send(&router, operator, call.method, call.path, "{}").await;
            if call.sockets.contains(&socket) {
                assert_ne!(status, StatusCode::FORBIDDEN, "{} {socket:?}", call.name);
                assert_ne!(status, StatusCode::NOT_FOUND, "{} {socket:?}", call.name);
                assert_ne!(
                    status,
                    StatusCode::METHOD_NOT_ALLOWED,
                    "{} {socket:?}",
                    call.name
                );
                assert!(status.as_u16() < 500, "{} {socket:?}", call.name);
            } else {
                assert_eq!(status, StatusCode::FORBIDDEN, "{} {socket:?}", call.name);
            }
        }
        let other = if call.method == "GET" { "POST" } else { "GET" };
        let status = send(&router, desk.admin(), other, call.path, "{}").await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{}", call.name);
    }
}

#[tokio::test]
async fn g6_rights_are_looked_at_before_the_request() {
    let desk = Desk::new();
    let router = router(&desk.app, &running());
    let path = "/v1/user/create";
    for body in ["", "{", "{\"nonsense\":1}"] {
        let status = send(&router, desk.monitor(), "POST", path, body).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{body}");
    }
    let status = send(&router, desk.monitor(), "GET", "/v1/user/show?x=%", "").await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn rule_29_unknown_and_repeated_names_are_refused() {
    let desk = Desk::new();
    let router = router(&desk.app, &running());
    let admin = || desk.admin();
    for path in [
        "/v1/tenant/list?limt=5",
        "/v1/tenant/list?limit=5&limit=5",
        "/v1/tenant/list?limit=five",
        "/v1/tenant/list?status=closed",
        "/v1/status?x=1",
    ] {
        let status = send(&router, admin(), "GET", path, "").await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}");
    }
    let path = "/v1/tenant/create";
    for body in [
        "",
        "[]",
        "{\"slug\":\"acme\",\"slug\":\"acme\"}",
        "{\"slug\":\"acme\",\"owner\":\"x\"}",
        "{\"slug\":\"acme\"} {}",
        "{\"slug\":7}",
    ] {
        let status = send(&router, admin(), "POST", path, body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
    }
    let with_query = "/v1/tenant/create?slug=acme";
    let status = send(&router, admin(), "POST", with_query, "{\"slug\":\"acme\"}").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let status = send(&router, admin(), "POST", path, "{\"slug\":\"acme\"}").await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn an_answer_is_the_calls_own_type() {
    let desk = Desk::new();
    desk.tenant("acme").await;
    let router = router(&desk.app, &running());
    let request = Request::builder()
        .uri("/v1/status")
        .extension(desk.monitor())
        .body(Body::empty())
        .unwrap();
    let response = router.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let bytes = axum::body::to_bytes(response.into_body(), 65_536)
        .await
        .unwrap();
    let status: common::view::StatusView = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(status.status, "running");
    assert_eq!(status.counts.tenants, 1);
    assert_eq!(status.keys.total, 1);
    assert!(status.keys.active_kid.starts_with("key_"));
    assert_eq!(status.database.pending, 0);
}
