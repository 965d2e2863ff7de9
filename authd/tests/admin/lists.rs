//! Pages and their cursors, and what the monitor socket may see of a list.

use authd::app::{attempt, lockout, session, tenant, user};
use common::call;
use common::error::ErrorCode;
use data_encoding::BASE64URL_NOPAD;

use crate::desk::{Desk, new_user};

fn tenants(limit: u32, cursor: Option<String>) -> call::tenant::List {
    call::tenant::List {
        limit: Some(limit),
        cursor,
        ..call::tenant::List::default()
    }
}

fn users(limit: u32, cursor: Option<String>) -> call::user::List {
    call::user::List {
        limit: Some(limit),
        cursor,
        ..call::user::List::default()
    }
}

#[tokio::test]
async fn every_row_stands_on_one_page() {
    let desk = Desk::new();
    for slug in ["a1", "b1", "c1", "d1", "e1"] {
        desk.tenant(slug).await;
    }
    for limit in 1..=6 {
        let (mut cursor, mut seen, mut pages) = (None, Vec::new(), 0);
        loop {
            let page = tenant::list(&desk.app, &desk.admin(), tenants(limit, cursor))
                .await
                .unwrap();
            pages += 1;
            seen.extend(page.items.into_iter().map(|tenant| tenant.slug));
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, ["a1", "b1", "c1", "d1", "e1"], "{limit}");
        assert_eq!(pages, 5_u32.div_ceil(limit), "{limit}");
    }
}

#[tokio::test]
async fn a_cursor_belongs_to_its_call_and_its_filters() {
    let desk = Desk::new();
    for slug in ["a1", "b1", "c1"] {
        desk.tenant(slug).await;
    }
    let page = tenant::list(&desk.app, &desk.admin(), tenants(1, None))
        .await
        .unwrap();
    let cursor = page.next_cursor.unwrap();
    // Another number of rows is still the same list.
    let page = tenant::list(&desk.app, &desk.admin(), tenants(2, Some(cursor.clone())))
        .await
        .unwrap();
    assert_eq!(page.items.len(), 2);
    let filtered = call::tenant::List {
        plan: Some("pro".to_owned()),
        ..tenants(1, Some(cursor.clone()))
    };
    let mut bytes = BASE64URL_NOPAD.decode(cursor.as_bytes()).unwrap();
    bytes[0] ^= 1;
    let forged = BASE64URL_NOPAD.encode(&bytes);
    for request in [
        filtered,
        tenants(1, Some(forged)),
        tenants(1, Some(String::new())),
        tenants(1, Some("a1".to_owned())),
        tenants(1, Some("x".repeat(100_000))),
    ] {
        let error = tenant::list(&desk.app, &desk.admin(), request)
            .await
            .unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidCursor);
    }
    let error = user::list(&desk.app, &desk.admin(), users(1, Some(cursor)))
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidCursor);
}

#[tokio::test]
async fn a_page_has_1_to_200_rows() {
    let desk = Desk::new();
    for limit in [0, 201, u32::MAX] {
        let error = tenant::list(&desk.app, &desk.admin(), tenants(limit, None))
            .await
            .unwrap_err();
        assert_eq!(error.code, ErrorCode::ValidationFailed);
        assert_eq!(error.fields[0].path, "/limit");
    }
}

#[tokio::test]
async fn users_are_paged_over_tenants_and_their_cursor_holds_no_address() {
    let desk = Desk::new();
    for slug in ["acme", "beta"] {
        desk.tenant(slug).await;
        for name in ["alice", "bob"] {
            desk.user(slug, &format!("{name}@x.test")).await;
        }
    }
    let (mut cursor, mut seen) = (None, Vec::new());
    loop {
        let page = user::list(&desk.app, &desk.admin(), users(1, cursor))
            .await
            .unwrap();
        for user in page.items {
            seen.push(format!("{}/{}", user.tenant.unwrap(), user.email.unwrap()));
        }
        cursor = page.next_cursor;
        let Some(cursor) = &cursor else { break };
        let place = BASE64URL_NOPAD.decode(cursor.as_bytes()).unwrap();
        assert!(!String::from_utf8_lossy(&place).contains("x.test"));
    }
    assert_eq!(
        seen,
        [
            "acme/alice@x.test",
            "acme/bob@x.test",
            "beta/alice@x.test",
            "beta/bob@x.test"
        ]
    );
}

#[tokio::test]
async fn a_page_follows_one_whose_rows_are_gone() {
    let desk = Desk::new();
    desk.tenant("acme").await;
    for name in ["alice", "bob", "carol"] {
        desk.user("acme", &format!("{name}@x.test")).await;
    }
    let first = user::list(&desk.app, &desk.admin(), users(2, None)).await;
    let first = first.unwrap();
    for row in &first.items {
        let request = call::user::Delete {
            user: call::UserRef {
                tenant: None,
                name: row.id.to_string(),
            },
            hard: false,
            confirm: row.email.clone(),
            reason: None,
        };
        user::delete(&desk.app, &desk.admin(), request)
            .await
            .unwrap();
    }
    let next = users(2, first.next_cursor);
    let next = user::list(&desk.app, &desk.admin(), next).await.unwrap();
    let names: Vec<_> = next.items.iter().map(|row| row.email.as_deref()).collect();
    assert_eq!(names, [Some("carol@x.test")]);
    assert_eq!(next.next_cursor, None);
}

#[tokio::test]
async fn a94_the_monitor_socket_lists_ids_statuses_and_times_alone() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let mut request = new_user("acme", "canary@acme.test");
    request.name.given = Some("canary".to_owned());
    request.phone = Some("+254700000012".to_owned());
    request.employee_id = Some("canary".to_owned());
    request.permanent = true;
    let bob = desk.create(request).await.unwrap().id.unwrap();
    let bob = bob.parse().unwrap();
    desk.sign_in(acme, bob).await;
    desk.attempt(acme, Some(bob)).await;
    let key = desk
        .app
        .keys
        .subject("acme", &"canary@acme.test".parse().unwrap());
    desk.lock(acme, key).await;

    let (app, monitor) = (&desk.app, desk.monitor());
    let users = user::list(app, &monitor, call::user::List::default()).await;
    let sessions = session::list(app, &monitor, call::session::List::default()).await;
    let attempts = attempt::list(app, &monitor, call::attempt::List::default()).await;
    let lockouts = lockout::list(app, &monitor, call::lockout::List::default()).await;
    for text in [
        serde_json::to_string(&users.unwrap()),
        serde_json::to_string(&sessions.unwrap()),
        serde_json::to_string(&attempts.unwrap()),
        serde_json::to_string(&lockouts.unwrap()),
    ] {
        let text = text.unwrap();
        assert!(text.contains(&bob.to_string()), "{text}");
        for personal in ["canary", "203.0.113", "+2547", "@"] {
            assert!(!text.contains(personal), "{personal} in {text}");
        }
    }
}

#[tokio::test]
async fn a94_the_monitor_socket_answers_no_question_about_what_it_hides() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let bob = desk.user("acme", "bob@acme.test").await;
    desk.sign_in(acme, bob).await;
    let (app, monitor) = (&desk.app, desk.monitor());
    let contains = call::user::List {
        email_contains: Some("bo".to_owned()),
        ..call::user::List::default()
    };
    let error = user::list(app, &monitor, contains).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::PermissionDenied);
    let ip = Some("203.0.113.7".to_owned());
    let by_ip = call::lockout::List {
        ip: ip.clone(),
        ..call::lockout::List::default()
    };
    let error = lockout::list(app, &monitor, by_ip).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::PermissionDenied);
    let default = call::attempt::List::default;
    for request in [
        call::attempt::List {
            ip: ip.clone(),
            ..default()
        },
        call::attempt::List {
            user: Some("bob@acme.test".to_owned()),
            ..default()
        },
        // The same for a name that no user has.
        call::attempt::List {
            user: Some("eve@acme.test".to_owned()),
            ..default()
        },
    ] {
        let error = attempt::list(app, &monitor, request).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::PermissionDenied);
    }
    let default = call::session::List::default;
    for request in [
        call::session::List { ip, ..default() },
        call::session::List {
            device: Some("canary-device".to_owned()),
            ..default()
        },
        call::session::List {
            user: Some("bob@acme.test".to_owned()),
            ..default()
        },
    ] {
        let error = session::list(app, &monitor, request).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::PermissionDenied);
    }
    let by_id = call::session::List {
        user: Some(bob.to_string()),
        ..default()
    };
    let page = session::list(app, &monitor, by_id).await.unwrap();
    assert_eq!(page.items.len(), 1);
}

#[tokio::test]
async fn attempts_are_listed_with_the_names_behind_the_ids() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let bob = desk.user("acme", "bob@acme.test").await;
    let known = desk.attempt(acme, Some(bob)).await;
    let unknown = desk.attempt(acme, None).await;
    let request = call::attempt::List::default();
    let page = attempt::list(&desk.app, &desk.admin(), request)
        .await
        .unwrap();
    let [first, second] = page.items.as_slice() else {
        panic!("{:?}", page.items);
    };
    assert_eq!((first.id, second.id), (unknown, known));
    assert_eq!(first.email, None);
    assert!(first.subject_hash.is_some());
    assert_eq!(second.email.as_deref(), Some("bob@acme.test"));
    assert_eq!(second.subject_hash, None);
    assert_eq!(second.tenant.as_deref(), Some("acme"));
    let request = call::attempt::List {
        user: Some("bob@acme.test".to_owned()),
        failed: true,
        ..call::attempt::List::default()
    };
    let page = attempt::list(&desk.app, &desk.admin(), request)
        .await
        .unwrap();
    assert_eq!(page.items.len(), 1);
}

#[tokio::test]
async fn rule_5_tries_for_a_name_that_no_user_has_are_found_by_its_tenant() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let bob = desk.user("acme", "bob@acme.test").await;
    desk.attempt(acme, Some(bob)).await;
    let ghost = desk
        .app
        .keys
        .subject("acme", &"ghost@acme.test".parse().unwrap());
    let tried = desk.attempt_of_nobody(acme, ghost).await;
    let list = |tenant: Option<&str>, user: &str| call::attempt::List {
        tenant: tenant.map(ToOwned::to_owned),
        user: Some(user.to_owned()),
        ..call::attempt::List::default()
    };
    let (app, admin) = (&desk.app, desk.admin());
    for (user, ids) in [
        ("Ghost@acme.test", vec![tried]),
        ("nobody@acme.test", Vec::new()),
    ] {
        let page = attempt::list(app, &admin, list(Some("acme"), user)).await;
        let found: Vec<_> = page.unwrap().items.iter().map(|row| row.id).collect();
        assert_eq!(found, ids, "{user}");
    }
    let error = attempt::list(app, &admin, list(None, "ghost@acme.test"))
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
    assert!(error.hint.unwrap().contains("-t TENANT"));
    // The socket without personal data answers no such question.
    let error = attempt::list(app, &desk.monitor(), list(Some("acme"), "ghost@acme.test"))
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::PermissionDenied);
}
