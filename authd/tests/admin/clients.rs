//! Service clients, as the operator makes, looks at and removes them.

use authd::app::{Error, client};
use common::call::Change;
use common::call::client::{ClientRef, Create, Delete, List, Rotate, Show};
use common::error::ErrorCode;
use common::view::ClientView;
use serde_json::json;

use crate::desk::Desk;

fn creating(name: &str) -> Create {
    Create {
        tenant: "acme".to_owned(),
        name: name.to_owned(),
        scopes: vec!["revoke".to_owned(), "introspect".to_owned()],
        roles: vec!["system:superadmin".to_owned()],
        expires_seconds: Some(3600),
    }
}

async fn create(desk: &Desk, request: Create) -> Result<Change, Error> {
    client::create(&desk.app, &desk.admin(), request).await
}

async fn show(desk: &Desk, tenant: Option<&str>, name: &str) -> Result<ClientView, Error> {
    let request = Show {
        tenant: tenant.map(str::to_owned),
        client: name.to_owned(),
    };
    client::show(&desk.app, &desk.admin(), request).await
}

fn reference(name: &str) -> ClientRef {
    ClientRef {
        tenant: Some("acme".to_owned()),
        name: name.to_owned(),
    }
}

/// Puts something into a request that no client may have.
type Spoil = fn(&mut Create);

async fn rotate(desk: &Desk, name: &str) -> Result<Change, Error> {
    let request = Rotate {
        client: reference(name),
        now: false,
        reason: Some("yearly".to_owned()),
    };
    client::rotate(&desk.app, &desk.admin(), request).await
}

async fn delete(desk: &Desk, name: &str) -> Result<Change, Error> {
    let request = Delete {
        client: reference(name),
        reason: None,
    };
    client::delete(&desk.app, &desk.admin(), request).await
}

#[tokio::test]
async fn a_client_is_made_shown_and_removed() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let before = desk.audit(acme).await.len();
    let made = create(&desk, creating("  Billing ")).await.unwrap();
    let secret = made.client_secret.as_ref().unwrap().expose().to_owned();
    assert!(secret.starts_with("authd_cs_"));
    assert_eq!(made.subject, "Billing");
    let id = made.id.unwrap();
    let view = show(&desk, None, &id).await.unwrap();
    assert_eq!(show(&desk, Some("acme"), "Billing").await.unwrap(), view);
    assert_eq!(view.name.as_deref(), Some("Billing"));
    assert_eq!(view.scopes, ["introspect", "revoke"]);
    assert_eq!(view.roles, ["system:superadmin"]);
    let now = desk.app.now();
    assert_eq!(view.secrets, [now]);
    assert_eq!(
        view.expires_at,
        Some(now.plus(std::time::Duration::from_hours(1)))
    );
    let rotated = rotate(&desk, "Billing").await.unwrap();
    assert!(rotated.notes[1].contains("until the next rotation"));
    assert_ne!(rotated.client_secret.unwrap().expose(), secret);
    let twice = show(&desk, None, &id).await.unwrap();
    assert_eq!(twice.secrets.len(), 2);
    delete(&desk, "Billing").await.unwrap();
    let gone = show(&desk, None, &id).await.unwrap_err();
    assert_eq!(gone.code, ErrorCode::NotFound);
    // One row each, and no secret in any.
    let rows = desk.audit(acme).await;
    let actions: Vec<&str> = rows[before..]
        .iter()
        .map(|row| row.entry.action.as_str())
        .collect();
    assert_eq!(actions, ["client.create", "client.rotate", "client.delete"]);
    let told = json!(rows[before].entry.payload).to_string();
    assert!(told.contains("Billing") && !told.contains("authd_cs_"));
}

#[tokio::test]
async fn what_is_no_client_is_refused() {
    let desk = Desk::new();
    desk.tenant("acme").await;
    desk.tenant("beta").await;
    let wrong: [(&str, Spoil); 8] = [
        ("/name", |request| request.name = " ".to_owned()),
        ("/name", |request| request.name = "a/b".to_owned()),
        ("/name", |request| request.name = "cli_x".to_owned()),
        ("/name", |request| request.name = "a\u{202e}b".to_owned()),
        ("/name", |request| request.name = "x".repeat(101)),
        ("/scopes", |request| request.scopes.push("all".to_owned())),
        ("/expires_seconds", |request| {
            request.expires_seconds = Some(0);
        }),
        ("/expires_seconds", |request| {
            request.expires_seconds = Some(u64::MAX);
        }),
    ];
    for (path, spoil) in wrong {
        let mut request = creating("billing");
        spoil(&mut request);
        let error = create(&desk, request).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::ValidationFailed, "{path}");
        assert_eq!(error.fields[0].path, path);
    }
    for request in [
        Create {
            tenant: "nobody".to_owned(),
            ..creating("billing")
        },
        Create {
            roles: vec!["nothing".to_owned()],
            ..creating("billing")
        },
    ] {
        let error = create(&desk, request).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::NotFound);
    }
    create(&desk, creating("billing")).await.unwrap();
    let taken = create(&desk, creating("billing")).await.unwrap_err();
    assert_eq!(taken.code, ErrorCode::NameTaken);
    // Of another tenant it is not there, by name or by id; a name alone says no tenant.
    let id = show(&desk, Some("acme"), "billing").await.unwrap().id;
    for name in ["billing", &id.to_string()] {
        let error = show(&desk, Some("beta"), name).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::NotFound, "{name}");
    }
    let error = show(&desk, None, "billing").await.unwrap_err();
    assert_eq!(error.fields[0].path, "/client");
    let near = show(&desk, Some("acme"), "biling").await.unwrap_err();
    assert!(near.hint.unwrap().contains("Did you mean billing?"));
    for n in 1..100 {
        create(&desk, creating(&format!("client {n}")))
            .await
            .unwrap();
    }
    let full = create(&desk, creating("one more")).await.unwrap_err();
    assert_eq!(full.fields[0].code, "too_many");
}

#[tokio::test]
async fn a94_the_monitor_socket_sees_clients_without_names() {
    let desk = Desk::new();
    desk.tenant("acme").await;
    create(&desk, creating("canary")).await.unwrap();
    let list = |operator| client::list(&desk.app, operator, List::default());
    let (admin, monitor) = (desk.admin(), desk.monitor());
    let whole = list(&admin).await.unwrap().items;
    let masked = list(&monitor).await.unwrap().items;
    assert_eq!(whole[0].name.as_deref(), Some("canary"));
    assert_eq!(masked[0].name, None);
    assert_eq!(masked[0].id, whole[0].id);
}
