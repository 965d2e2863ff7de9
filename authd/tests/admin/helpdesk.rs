//! What `helpdesk.sock` does: it helps users back in, and reaches neither `system` nor who may do
//! everything in a tenant, whichever call is asked and however they are named.

use std::sync::Arc;

use authd::admin::routes::router;
use authd::app::{lockout, registration, role, session, user};
use authd::http::body::BodyLimit;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use common::call::{self, Socket};
use common::id::{TenantId, UserId};
use common::view::TenantStatus;
use domain::tenant::{Slug, Tenant};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::desk::{Desk, NOW, new_user, reference, running};
use crate::support::FakePost;

/// Asks as the helpdesk does; the answer's status and text.
async fn ask(desk: &Desk, path: &str, body: &Value) -> (StatusCode, String) {
    let request = Request::post(path)
        .header("content-type", "application/json")
        .extension(desk.helpdesk())
        .extension(BodyLimit(65_536))
        .body(Body::from(body.to_string()))
        .unwrap();
    let router = router(&desk.app, &running());
    let answer = router.oneshot(request).await.unwrap();
    let status = answer.status();
    let bytes = axum::body::to_bytes(answer.into_body(), 1 << 20).await;
    (status, String::from_utf8(bytes.unwrap().to_vec()).unwrap())
}

/// What a changing call of this socket is asked to do to a user.
fn body(path: &str, tenant: Option<&str>, name: &str) -> Value {
    let user = json!({"tenant": tenant, "name": name});
    match path {
        "/v1/lockout/clear" | "/v1/user/reset-password" => json!({"user": user}),
        "/v1/session/revoke" => json!({"target": {"user": user}}),
        // A new call on this socket: its line belongs above.
        other => panic!("{other}"),
    }
}

fn changing() -> Vec<call::CallInfo> {
    let all = call::all().into_iter();
    let mine = |call: &call::CallInfo| call.sockets.contains(&Socket::Helpdesk);
    all.filter(|call| call.method == "POST" && mine(call))
        .collect()
}

/// A user in need: signed in, known by a device, locked out.
async fn in_need(desk: &Desk, slug: &str, tenant: TenantId, email: &str) -> UserId {
    let request = call::user::Create {
        tenant_admin: email.starts_with("chief@"),
        permanent: true,
        ..new_user(slug, email)
    };
    let id = desk.create(request).await.unwrap().id.unwrap();
    let id = id.parse().unwrap();
    desk.sign_in(tenant, id).await;
    let key = desk.app.keys.subject(slug, &email.parse().unwrap());
    desk.lock(tenant, key).await;
    id
}

/// The built-in tenant, which the first start of a daemon makes.
async fn system(desk: &Desk) -> TenantId {
    let id = TenantId::from_bytes(desk.next());
    let tenant = Tenant {
        id,
        slug: Slug::system(),
        name: "system".to_owned(),
        status: TenantStatus::Active,
        time_zone: "UTC".to_owned(),
        plan: "free".to_owned(),
        ends_at: None,
        max_users: None,
        created_at: NOW,
        updated_at: NOW,
    };
    desk.write(move |tx| tx.tenants_mut().insert(&tenant)).await;
    id
}

/// A tenant `acme` with a plain user, an administrator by the flag and one by a role, and somebody in
/// `system`.
struct Cast {
    desk: Desk,
    acme: TenantId,
    plain: UserId,
    strong: Vec<(TenantId, &'static str, &'static str, UserId)>,
}

async fn cast() -> Cast {
    let post = Arc::new(FakePost::default());
    let desk = Desk::with_post(&post);
    let acme = desk.tenant("acme").await;
    let system = system(&desk).await;
    let plain = in_need(&desk, "acme", acme, "bob@acme.test").await;
    let mut strong = Vec::new();
    for (tenant, slug, email) in [
        (acme, "acme", "chief@acme.test"),
        (acme, "acme", "deputy@acme.test"),
        (system, "system", "root@acme.test"),
    ] {
        let id = in_need(&desk, slug, tenant, email).await;
        strong.push((tenant, slug, email, id));
    }
    let everything = call::role::Create {
        tenant: Some("acme".to_owned()),
        name: "everything".to_owned(),
        description: None,
        permissions: vec!["ALL_PERMISSIONS".to_owned()],
    };
    let made = role::create(&desk.app, &desk.admin(), everything).await;
    made.unwrap();
    let grant = call::user::Grant {
        user: reference("acme", "deputy@acme.test"),
        roles: vec!["everything".to_owned()],
    };
    user::grant(&desk.app, &desk.admin(), grant).await.unwrap();
    Cast {
        desk,
        acme,
        plain,
        strong,
    }
}

#[tokio::test]
async fn a94_the_helpdesk_changes_nothing_of_system_or_of_tenant_administrators() {
    let cast = cast().await;
    let desk = &cast.desk;
    let calls = changing();
    assert!(calls.len() >= 3, "{}", calls.len());
    for (tenant, slug, email, id) in &cast.strong {
        let rows = desk.audit(*tenant).await.len();
        for call in &calls {
            for (within, name) in [
                (None, id.to_string()),
                (Some(*slug), id.to_string()),
                (Some(*slug), (*email).to_owned()),
                (None, (*email).to_owned()),
            ] {
                let (status, text) = ask(desk, call.path, &body(call.path, within, &name)).await;
                assert_eq!(
                    status,
                    StatusCode::FORBIDDEN,
                    "{} {name}: {text}",
                    call.name
                );
            }
        }
        assert_eq!(desk.audit(*tenant).await.len(), rows, "{email}");
        assert_eq!(desk.open_sessions(*tenant, *id).await, 1, "{email}");
    }
    // A name that nobody has in `system` is not its to clear either.
    let stranger = body("/v1/lockout/clear", Some("system"), "ghost@acme.test");
    let (status, text) = ask(desk, "/v1/lockout/clear", &stranger).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{text}");
}

#[tokio::test]
async fn a94_the_helpdesk_helps_others_and_is_told_no_address() {
    let cast = cast().await;
    let desk = &cast.desk;
    let before = desk.audit(cast.acme).await.len();
    for call in changing() {
        let (status, text) = ask(
            desk,
            call.path,
            &body(call.path, None, &cast.plain.to_string()),
        )
        .await;
        assert_eq!(status, StatusCode::OK, "{}: {text}", call.name);
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(answer["changed"], true, "{}: {text}", call.name);
        assert!(!text.contains("acme.test"), "{}: {text}", call.name);
        assert!(!text.contains("203.0.113"), "{}: {text}", call.name);
    }
    assert_eq!(desk.open_sessions(cast.acme, cast.plain).await, 0);
    let rows = desk.audit(cast.acme).await;
    assert_eq!(rows.len(), before + changing().len());
    // Who is misspelled is not told whose address is near.
    for path in ["/v1/lockout/clear", "/v1/session/revoke"] {
        for (within, name) in [(Some("acme"), "bbo"), (None, "bbo@acme.test")] {
            let (status, text) = ask(desk, path, &body(path, within, name)).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{text}");
            assert!(!text.contains("bob@"), "{text}");
        }
    }
    // Who is closed is named by the id, too.
    let disable = call::user::Disable {
        user: reference("acme", "bob@acme.test"),
        reason: None,
    };
    user::disable(&desk.app, &desk.admin(), disable)
        .await
        .unwrap();
    let path = "/v1/user/reset-password";
    let (status, text) = ask(desk, path, &body(path, None, &cast.plain.to_string())).await;
    assert_eq!(status, StatusCode::CONFLICT, "{text}");
    assert!(!text.contains("bob@"), "{text}");
}

#[tokio::test]
async fn a94_the_helpdesk_gets_no_link_no_rehearsal_and_no_more_than_one_user() {
    let cast = cast().await;
    let desk = &cast.desk;
    let plain = json!({"tenant": null, "name": cast.plain.to_string()});
    for (path, body) in [
        (
            "/v1/user/reset-password",
            json!({"user": plain, "print_link": true}),
        ),
        (
            "/v1/session/revoke",
            json!({"target": {"tenant": "acme"}, "confirm": "acme"}),
        ),
        (
            "/v1/session/revoke",
            json!({"target": {"matching": {"tenant": "acme", "ip": "203.0.113.7"}}}),
        ),
        (
            "/v1/session/revoke",
            json!({"target": {"session": "ses_00000000000000000000000000"}}),
        ),
        ("/v1/lockout/clear-all", json!({"ip": "203.0.113.7"})),
    ] {
        let (status, text) = ask(desk, path, &body).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{path}: {text}");
    }
    assert_eq!(desk.open_sessions(cast.acme, cast.plain).await, 1);

    let helpdesk = desk.helpdesk();
    let rehearsing = authd::app::Operator {
        claim: helpdesk.claim.rehearsing(),
        ..helpdesk
    };
    let path = "/v1/lockout/clear";
    let request = Request::post(path)
        .header("content-type", "application/json")
        .extension(rehearsing)
        .extension(BodyLimit(65_536))
        .body(Body::from(
            body(path, None, &cast.plain.to_string()).to_string(),
        ));
    let answer = router(&desk.app, &running()).oneshot(request.unwrap());
    assert_eq!(answer.await.unwrap().status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a94_the_lists_of_the_helpdesk_leave_the_strong_out() {
    let cast = cast().await;
    let desk = &cast.desk;
    desk.registration(cast.acme, "new@acme.test").await;
    let helpdesk = desk.helpdesk();
    let users = user::list(&desk.app, &helpdesk, call::user::List::default()).await;
    let ids: Vec<UserId> = users.unwrap().items.iter().map(|user| user.id).collect();
    assert_eq!(ids, [cast.plain]);
    let sessions = session::list(&desk.app, &helpdesk, call::session::List::default()).await;
    let owners: Vec<_> = sessions.unwrap().items.into_iter().collect();
    let owners: Vec<_> = owners.iter().map(|session| session.user_id).collect();
    assert_eq!(owners, [Some(cast.plain)]);
    let locked = lockout::list(&desk.app, &helpdesk, call::lockout::List::default()).await;
    let locked: Vec<_> = locked.unwrap().items;
    let locked: Vec<_> = locked.iter().map(|lockout| lockout.user_id).collect();
    assert_eq!(locked, [Some(cast.plain)]);
    let waiting = registration::list(&desk.app, &helpdesk, call::registration::List::default());
    let waiting = waiting.await.unwrap().items;
    assert_eq!(waiting.len(), 1);
    assert!(waiting.iter().all(|waiting| waiting.email.is_none()));

    // The administrator sees all of them, and so nothing was left out for another reason.
    let users = user::list(&desk.app, &desk.admin(), call::user::List::default()).await;
    assert_eq!(users.unwrap().items.len(), 1 + cast.strong.len());
}
