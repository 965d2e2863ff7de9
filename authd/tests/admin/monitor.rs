//! What `monitor.sock` and `helpdesk.sock` show of people: nothing, whichever call is asked.

use authd::admin::routes::router;
use authd::app::{lockout, session};
use authd::http::body::BodyLimit;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use common::call::Socket;
use common::call::lockout::ClearAll;
use common::call::session::{Matching, Revoke, Target};
use domain::lockout::CounterKey;
use tower::ServiceExt;

use crate::desk::{Desk, new_user, running};

/// Parameters of calls on these sockets that demand some.
const QUERIES: &[(&str, &str)] = &[("/v1/audit/mark", "tenant=acme&number=1")];

#[tokio::test]
async fn a94_no_call_on_the_monitor_socket_shows_a_person() {
    nobody_is_shown(Socket::Monitor).await;
}

#[tokio::test]
async fn a94_no_call_on_the_helpdesk_socket_shows_a_person() {
    nobody_is_shown(Socket::Helpdesk).await;
}

async fn nobody_is_shown(socket: Socket) {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let mut request = new_user("acme", "canary@acme.test");
    request.name.given = Some("canary".to_owned());
    request.name.family = Some("canary".to_owned());
    request.phone = Some("+254700000012".to_owned());
    request.employee_id = Some("canary".to_owned());
    request.permanent = true;
    let person = desk.create(request).await.unwrap().id.unwrap();
    let person = person.parse().unwrap();
    desk.sign_in(acme, person).await;
    desk.attempt(acme, Some(person)).await;
    let key = desk
        .app
        .keys
        .subject("acme", &"canary@acme.test".parse().unwrap());
    desk.lock(acme, key).await;
    changes_by_address(&desk).await;
    desk.registration(acme, "canary-too@acme.test").await;

    let router = router(&desk.app, &running());
    let calls = common::call::all();
    let listed = calls
        .iter()
        .filter(|call| call.method == "GET" && call.sockets.contains(&socket));
    let mut seen = 0;
    for call in listed {
        let query = QUERIES.iter().find(|(path, _)| *path == call.path);
        let query = query.map_or("", |(_, query)| query);
        let [masked, whole] = [desk.at(socket), desk.admin()].map(|operator| {
            let request = Request::get(format!("{}?{query}", call.path))
                .extension(operator)
                .extension(BodyLimit(65_536))
                .body(Body::empty());
            router.clone().oneshot(request.unwrap())
        });
        let masked = text(call.name, masked.await.unwrap()).await;
        let whole = text(call.name, whole.await.unwrap()).await;
        for personal in ["canary", "203.0.113", "+2547", "acme.test"] {
            assert!(!masked.contains(personal), "{}: {masked}", call.name);
        }
        // Where the administrator is shown the person, that it was masked says something.
        seen += usize::from(whole.contains("canary"));
    }
    assert!(seen >= 4, "{seen} calls had somebody to mask");
}

/// Changes that an address tells leave rows whose objects this socket shows.
async fn changes_by_address(desk: &Desk) {
    let globex = desk.tenant("globex").await;
    let eve = desk.user("globex", "canary@globex.test").await;
    desk.sign_in(globex, eve).await;
    let key = CounterKey::from_bytes([7; 32]);
    desk.lock(globex, key).await;
    let clear = ClearAll {
        tenant: Some("globex".to_owned()),
        ip: Some("203.0.113.0/24".to_owned()),
        confirm: None,
        reason: None,
    };
    let cleared = lockout::clear_all(&desk.app, &desk.admin(), clear).await;
    assert!(cleared.unwrap().changed);
    let revoke = Revoke {
        target: Target::Matching(Matching {
            tenant: Some("globex".to_owned()),
            ip: Some("203.0.113.7".to_owned()),
            older_than_seconds: None,
        }),
        confirm: None,
        reason: None,
    };
    let revoked = session::revoke(&desk.app, &desk.admin(), revoke).await;
    assert!(revoked.unwrap().changed);
}

async fn text(call: &str, answer: Response) -> String {
    // A new call may demand parameters: its line belongs above.
    assert_eq!(answer.status(), StatusCode::OK, "{call}");
    let bytes = axum::body::to_bytes(answer.into_body(), 1 << 20).await;
    String::from_utf8_lossy(&bytes.unwrap()).into_owned()
}
