//! `--dry-run`: every change that answers as one is rehearsed, and none of it stays.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use authd::admin::routes::router;
use authd::app::Operator;
use authd::http::body::BodyLimit;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use common::call::Change;
use common::call::user::FileBytes;
use common::id::MessageId;
use domain::mail::Message;
use rusqlite::Connection;
use serde_json::{Value, json};
use store::{MessageFilter, PageRequest};
use tower::ServiceExt;

use crate::desk::{Desk, GOOD, running};
use crate::pictures::photo;
use crate::support::FakePost;

async fn send(desk: &Desk, operator: Operator, path: &str, body: &Value) -> (StatusCode, Value) {
    let request = Request::builder()
        .method("POST")
        .uri(path)
        .header("content-type", "application/json")
        .extension(operator)
        .extension(BodyLimit(65_536))
        .body(Body::from(body.to_string()))
        .unwrap();
    let router = router(&desk.app, &running());
    let response = router.oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = axum::body::to_bytes(response.into_body(), 65_536).await;
    // What is refused gets its shape at the door, which is not here.
    (
        status,
        serde_json::from_slice(&bytes.unwrap()).unwrap_or_default(),
    )
}

const RESUME: &str = "/v1/mail/resume";

/// What is posted and changes nothing: it is answered as ever in a rehearsal.
const READS: &[&str] = &["/v1/token/inspect", "/v1/diff"];

/// Changes outside of the database, which nothing would undo: none of them can be rehearsed.
const OUTSIDE: &[(&str, &str)] = &[
    ("/v1/daemon/reload", "{}"),
    ("/v1/daemon/log-level", r#"{"level": "debug"}"#),
    ("/v1/daemon/drain", r#"{"on": true}"#),
    ("/v1/daemon/maintenance", r#"{"on": true}"#),
    ("/v1/cache/flush", "{}"),
];

/// One request for each change there is; a new change needs its line here.
fn changes(
    session: &str,
    [active, announced]: &[String; 2],
    waiting: [MessageId; 2],
) -> Vec<(&'static str, Value)> {
    let bob = json!({"tenant": "acme", "name": "bob@acme.test"});
    let off = json!({"tenant": "acme", "name": "off@acme.test"});
    let mut changes = vec![
        ("/v1/tenant/create", json!({"slug": "globex"})),
        ("/v1/tenant/set", json!({"tenant": "acme", "plan": "pro"})),
        (
            "/v1/tenant/settings/set",
            json!({"tenant": "acme", "key": "lockout.threshold", "value": "3"}),
        ),
        (
            "/v1/tenant/settings/unset",
            json!({"tenant": "acme", "key": "session.policy"}),
        ),
        ("/v1/tenant/suspend", json!({"tenant": "acme"})),
        ("/v1/tenant/resume", json!({"tenant": "closed"})),
        (
            "/v1/tenant/delete",
            json!({"tenant": "left", "confirm": "left"}),
        ),
        ("/v1/tenant/restore", json!({"tenant": "gone"})),
        (
            "/v1/user/create",
            json!({"tenant": "acme", "email": "new@acme.test", "name": {}, "external_refs": {},
                "tenant_admin": false, "password": "generate", "permanent": false}),
        ),
        ("/v1/user/disable", json!({"user": bob})),
        ("/v1/user/enable", json!({"user": off})),
        ("/v1/user/flag-compromised", json!({"user": bob})),
        (
            "/v1/user/set-password",
            json!({"user": bob, "password": {"given": GOOD}, "permanent": true}),
        ),
        (
            "/v1/user/delete",
            json!({"user": off, "confirm": "off@acme.test"}),
        ),
        ("/v1/lockout/clear", json!({"user": bob})),
        ("/v1/attempt/prune", json!({"older_than_seconds": 86_400})),
        ("/v1/lockout/clear-all", json!({"ip": "198.51.100.0/24"})),
        (
            "/v1/lockout/add",
            json!({"user": bob, "term": "until_cleared"}),
        ),
        (
            "/v1/session/revoke",
            json!({"target": {"session": session}}),
        ),
        ("/v1/token/revoke", json!({"jti": "w4Z2uPRcTH2vVcGmEGVYbQ"})),
        ("/v1/key/retire", json!({"key": announced})),
        ("/v1/key/rotate", json!({"activate_after_seconds": 7200})),
        ("/v1/key/revoke", json!({"key": active, "confirm": active})),
        ("/v1/backup/prune", json!({"keep": 1})),
    ];
    changes.splice(0..0, mails(waiting));
    changes.splice(0..0, clients());
    changes.splice(0..0, pictures());
    // What makes and gives comes before what deletes.
    changes.splice(0..0, rights());
    changes
}

/// The changes that mail something, and those of the queue.
fn mails([first, second]: [MessageId; 2]) -> Vec<(&'static str, Value)> {
    let bob = json!({"tenant": "acme", "name": "bob@acme.test"});
    let new = json!({"tenant": "acme", "name": "invited@acme.test"});
    vec![
        (
            "/v1/tenant/create",
            json!({"slug": "initech", "admin_email": "root@initech.test"}),
        ),
        (
            "/v1/tenant/create",
            json!({"slug": "hooli", "admin_email": "root@hooli.test", "print_link": true}),
        ),
        ("/v1/user/reset-password", json!({"user": bob})),
        (
            "/v1/user/reset-password",
            json!({"user": bob, "print_link": true, "expires_seconds": 600}),
        ),
        ("/v1/user/resend-invitation", json!({"user": new})),
        (
            "/v1/user/email",
            json!({"user": bob, "email": "bob@next.test"}),
        ),
        (
            "/v1/registration/delete",
            json!({"registration": {"tenant": "acme", "name": "wait@acme.test"}}),
        ),
        ("/v1/mail/test", json!({"address": "ops@acme.test"})),
        ("/v1/mail/pause", json!({})),
        ("/v1/mail/queue/retry", json!({"id": first})),
        ("/v1/mail/queue/delete", json!({"id": second})),
    ]
}

/// The changes of roles, permissions and of what users hold.
fn rights() -> Vec<(&'static str, Value)> {
    let bob = json!({"tenant": "acme", "name": "bob@acme.test"});
    let off = json!({"tenant": "acme", "name": "off@acme.test"});
    let cashier = json!({"tenant": "acme", "name": "cashier"});
    vec![
        (
            "/v1/permission/define",
            json!({"tenant": "acme", "name": "orders:create"}),
        ),
        (
            "/v1/permission/undefine",
            json!({"tenant": "acme", "name": "orders:old"}),
        ),
        (
            "/v1/role/create",
            json!({"tenant": "acme", "name": "waiter", "permissions": ["orders:view"]}),
        ),
        (
            "/v1/role/set",
            json!({"role": cashier, "description": "At the till"}),
        ),
        (
            "/v1/role/allow",
            json!({"role": cashier, "permissions": ["orders:edit"]}),
        ),
        (
            "/v1/role/deny",
            json!({"role": cashier, "permissions": ["orders:view"]}),
        ),
        (
            "/v1/role/delete",
            json!({"role": {"tenant": "acme", "name": "spare"}}),
        ),
        (
            "/v1/apply",
            json!({"tenant": "acme", "wanted": {"roles": [{"name": "waiter", "description": "x"}]}}),
        ),
        ("/v1/user/grant", json!({"user": bob, "roles": ["cashier"]})),
        ("/v1/user/revoke", json!({"user": bob, "roles": ["held"]})),
        ("/v1/user/set", json!({"user": off, "tenant_admin": true})),
    ]
}

/// Changes of pictures.
fn pictures() -> [(&'static str, Value); 2] {
    let off = json!({"tenant": "acme", "name": "off@acme.test"});
    [
        picture("bob@acme.test"),
        ("/v1/user/picture/remove", json!({"user": off})),
    ]
}

fn picture(of: &str) -> (&'static str, Value) {
    let user = json!({"tenant": "acme", "name": of});
    let file = FileBytes(photo(8));
    (
        "/v1/user/picture/set",
        json!({"user": user, "content": file}),
    )
}

/// Changes of service clients.
fn clients() -> [(&'static str, Value); 3] {
    [
        (
            "/v1/client/create",
            json!({"tenant": "acme", "name": "ledger", "scopes": ["revoke"], "roles": []}),
        ),
        (
            "/v1/client/rotate",
            json!({"client": {"tenant": "acme", "name": "billing"}, "now": true}),
        ),
        (
            "/v1/client/delete",
            json!({"client": {"tenant": "acme", "name": "billing"}}),
        ),
    ]
}

/// What the changes find: roles and permissions, a disabled user, a closed tenant.
async fn furnish(desk: &Desk) {
    let backups = desk.app.settings().backup.folder.clone();
    std::fs::create_dir(&backups).unwrap();
    for name in ["authd-1.db", "authd-2.db"] {
        std::fs::write(backups.join(name), "x").unwrap();
    }
    let permission = |name: &str| {
        let body = json!({"tenant": "acme", "name": name});
        ("/v1/permission/define", body)
    };
    let role = |name: &str, permissions: &[&str]| {
        let body = json!({"tenant": "acme", "name": name, "permissions": permissions});
        ("/v1/role/create", body)
    };
    for (path, body) in [
        permission("orders:view"),
        permission("orders:edit"),
        permission("orders:old"),
        role("cashier", &["orders:view"]),
        role("held", &[]),
        role("spare", &[]),
        (
            "/v1/client/create",
            json!({"tenant": "acme", "name": "billing"}),
        ),
        (
            "/v1/user/grant",
            json!({"user": {"tenant": "acme", "name": "bob@acme.test"}, "roles": ["held"]}),
        ),
        picture("off@acme.test"),
        ("/v1/tenant/suspend", json!({"tenant": "closed"})),
        ("/v1/tenant/create", json!({"slug": "left"})),
        ("/v1/tenant/create", json!({"slug": "gone"})),
        (
            "/v1/tenant/delete",
            json!({"tenant": "gone", "confirm": "gone"}),
        ),
        (
            "/v1/tenant/settings/set",
            json!({"tenant": "acme", "key": "session.policy", "value": "limit:2"}),
        ),
        (
            "/v1/user/create",
            json!({"tenant": "acme", "email": "invited@acme.test", "name": {}, "external_refs": {},
                "tenant_admin": false, "password": "invite", "permanent": false}),
        ),
        (
            "/v1/user/resend-invitation",
            json!({"user": {"tenant": "acme", "name": "invited@acme.test"}}),
        ),
        (
            "/v1/user/disable",
            json!({"user": {"tenant": "acme", "name": "off@acme.test"}}),
        ),
    ] {
        let (status, _) = send(desk, desk.admin(), path, &body).await;
        assert_eq!(status, StatusCode::OK, "{path}");
    }
}

/// The mails that the furniture queued.
async fn waiting(desk: &Desk) -> [MessageId; 2] {
    let page = PageRequest {
        limit: 10,
        after: None,
    };
    let read = desk
        .app
        .store
        .read(move |tx| tx.outbox().page(&MessageFilter::default(), &page));
    let rows: Vec<Message> = read.await.unwrap();
    let ids: Vec<MessageId> = rows.iter().map(|row| row.id).take(2).collect();
    ids.try_into().unwrap()
}

#[tokio::test]
async fn a96_every_change_is_rehearsed_and_leaves_nothing() {
    let post = Arc::new(FakePost::default());
    let desk = Desk::with_post(&post);
    let acme = desk.tenant("acme").await;
    let closed = desk.tenant("closed").await;
    let bob = desk.user("acme", "bob@acme.test").await;
    desk.user("acme", "off@acme.test").await;
    let session = desk.sign_in(acme, bob).await.to_string();
    let name = |email: &str| desk.app.keys.subject("acme", &email.parse().unwrap());
    desk.lock(acme, name("bob@acme.test")).await;
    desk.lock_from(acme, name("eve@acme.test"), "198.51.100.7")
        .await;
    desk.attempts_of_the_past(acme, 1).await;
    furnish(&desk).await;
    desk.registration(acme, "wait@acme.test").await;
    let before = (desk.audit(acme).await, desk.audit(closed).await);
    let posts: Vec<&str> = common::call::all()
        .iter()
        // Some are posted to be looked at, and nothing changes; a job is refused a rehearsal.
        .filter(|call| call.method == "POST" && !READS.contains(&call.path) && !call.is_job)
        .map(|call| call.path)
        .collect();
    let (_, rotated) = send(&desk, desk.admin(), "/v1/key/rotate", &json!({})).await;
    let announced = rotated["id"].as_str().unwrap().to_owned();
    desk.scopes.take();
    let keys = [desk.app.keys.kid(), announced];
    let changes = changes(&session, &keys, waiting(&desk).await);
    post.take();
    for post in posts {
        // What resumes finds nothing where what pauses does: it has a test of its own.
        let is_outside = post == RESUME || OUTSIDE.iter().any(|(path, _)| *path == post);
        let known = is_outside || changes.iter().any(|(path, _)| *path == post);
        assert!(known, "{post} is not rehearsed here");
    }
    for (path, body) in &changes {
        // Twice: the second finds everything as the first did.
        for _ in 0..2 {
            let (status, answer) = send(&desk, desk.rehearsing(), path, body).await;
            assert_eq!(status, StatusCode::OK, "{path}: {answer}");
            let change: Change = serde_json::from_value(answer).unwrap();
            assert!(change.changed && change.dry_run, "{path}: {change:?}");
            assert!(change.audit_id.is_none(), "{path}");
            assert!(change.generated_password.is_none(), "{path}");
            assert!(change.link.is_none(), "{path}");
            assert!(change.client_secret.is_none(), "{path}");
        }
    }
    assert_eq!(desk.scopes.take(), []);
    assert_eq!((desk.audit(acme).await, desk.audit(closed).await), before);
    assert_eq!(desk.open_sessions(acme, bob).await, 1);
    assert!(post.take().is_empty(), "a rehearsal mails nothing");
    let backups = std::fs::read_dir(&desk.app.settings().backup.folder).unwrap();
    assert_eq!(backups.count(), 2);
    // And afterwards each is done as if nothing had been, and leaves exactly one row where it changes
    // something (A93). What an earlier one has done already changes nothing.
    let mut rows = audit_rows(&desk);
    for (path, body) in &changes {
        let (status, answer) = send(&desk, desk.admin(), path, body).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        assert_eq!(answer["dry_run"], false, "{path}");
        assert_eq!(answer["audit_id"].is_string(), answer["changed"] == true);
        rows += i64::from(answer["changed"] == true);
        assert_eq!(audit_rows(&desk), rows, "{path}: {answer}");
    }
}

/// Rows of all chains.
fn audit_rows(desk: &Desk) -> i64 {
    let database = Connection::open(desk.database()).unwrap();
    let count = database.query_row("SELECT count(*) FROM audit", [], |row| row.get(0));
    count.unwrap()
}

#[tokio::test]
async fn a96_what_nothing_would_undo_is_not_rehearsed() {
    let desk = Desk::new();
    let before = desk.audit_wide().await.len();
    for (path, body) in OUTSIDE {
        let body = serde_json::from_str(body).unwrap();
        let (status, _) = send(&desk, desk.rehearsing(), path, &body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
    }
    assert!(!desk.app.draining.load(Ordering::Acquire));
    assert_eq!(*desk.app.maintenance.get(), None);
    assert_eq!(desk.audit_wide().await.len(), before);
}

#[tokio::test]
async fn a96_a_job_refuses_to_be_rehearsed() {
    let desk = Desk::new();
    let calls = common::call::all();
    // One that only reads has nothing to rehearse.
    let changing = |call: &&common::call::CallInfo| call.is_job && call.method == "POST";
    for call in calls.iter().filter(changing) {
        let body = json!({"goal": "folder", "name": "x"});
        let (status, _) = send(&desk, desk.rehearsing(), call.path, &body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{}", call.name);
    }
}

#[tokio::test]
async fn a96_sending_is_not_resumed_by_a_rehearsal() {
    let desk = Desk::new();
    let pause = json!({"reason": "the relay moves"});
    send(&desk, desk.admin(), "/v1/mail/pause", &pause).await;
    for (operator, is_dry) in [
        (desk.rehearsing(), true),
        (desk.rehearsing(), true),
        (desk.admin(), false),
    ] {
        let (_, answer) = send(&desk, operator, RESUME, &json!({})).await;
        assert_eq!(
            (&answer["changed"], &answer["dry_run"]),
            (&json!(true), &json!(is_dry))
        );
    }
    let (_, answer) = send(&desk, desk.admin(), RESUME, &json!({})).await;
    assert_eq!(answer["changed"], false);
}

#[tokio::test]
async fn a96_a_rehearsal_refuses_as_the_change_would() {
    let desk = Desk::new();
    desk.tenant("acme").await;
    let body = json!({"slug": "acme"});
    let (status, _) = send(&desk, desk.rehearsing(), "/v1/tenant/create", &body).await;
    assert_eq!(status, StatusCode::CONFLICT);
}
