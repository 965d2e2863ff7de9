//! Making, closing and opening users, and setting their passwords.

use std::time::Duration;

use authd::app::user;
use common::call::user::{Create, Disable, Enable, FirstPassword, NewPassword, SetPassword, Show};
use common::error::ErrorCode;
use common::id::{TenantId, UserId};
use common::secret::Secret;
use common::view::UserStatus;
use domain::user::{Credential, CredentialKind};
use store::Scope;

use crate::desk::{Desk, GOOD, NOW, given, new_tenant, new_user, reference};

async fn credential(desk: &Desk, tenant: TenantId, user: UserId) -> Credential {
    desk.app
        .store
        .read(move |tx| tx.tenant(tenant).credentials().of(user))
        .await
        .unwrap()
        .unwrap()
}

async fn status(desk: &Desk, user: UserId) -> UserStatus {
    let request = Show {
        tenant: None,
        user: user.to_string(),
    };
    let details = user::show(&desk.app, &desk.admin(), request).await;
    details.unwrap().user.status
}

fn disable(email: &str) -> Disable {
    Disable {
        user: reference("acme", email),
        reason: Some("left".to_owned()),
    }
}

fn enable(email: &str) -> Enable {
    Enable {
        user: reference("acme", email),
        reason: None,
    }
}

fn set_password(email: &str, password: NewPassword, permanent: bool) -> SetPassword {
    SetPassword {
        user: reference("acme", email),
        password,
        permanent,
        reason: None,
    }
}

#[tokio::test]
async fn rule_24_a_first_password_is_good_for_changing_it_only() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let request = Create {
        password: FirstPassword::Generate,
        ..new_user("acme", "bob@acme.test")
    };
    let change = desk.create(request).await.unwrap();
    let generated = change.generated_password.unwrap();
    assert_eq!(generated.expose().chars().count(), 20);
    assert!(change.notes[0].contains("5 logins"));
    let bob = change.id.unwrap().parse().unwrap();
    let credential = credential(&desk, acme, bob).await;
    assert_eq!(
        credential.kind,
        CredentialKind::Temporary {
            expires_at: NOW.plus(Duration::from_hours(72)),
            logins_left: 5
        }
    );
    assert_eq!(credential.version, 1);
    assert_eq!(status(&desk, bob).await, UserStatus::Invited);
}

#[tokio::test]
async fn a_permanent_password_stands_and_the_user_is_active() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let bob = desk.user("acme", "bob@acme.test").await;
    let credential = credential(&desk, acme, bob).await;
    assert_eq!(credential.kind, CredentialKind::Own);
    assert!(credential.hash.expose().starts_with("$argon2id$"));
    assert_eq!(status(&desk, bob).await, UserStatus::Active);
}

#[tokio::test]
async fn rule_26_the_operators_password_obeys_the_policy_too() {
    let desk = Desk::new();
    desk.tenant("acme").await;
    for (password, code) in [
        ("too short", "too_short"),
        ("passwordpassword1", "too_common"),
        ("bob.otieno-12345", "own_words"),
        ("acme-authd-20261", "own_words"),
        ("leaked herons of yesterday", "too_common"),
    ] {
        let request = Create {
            password: FirstPassword::Given(Secret::new(password.to_owned())),
            ..new_user("acme", "bob.otieno@acme.test")
        };
        let error = desk.create(request).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::PasswordRejected, "{password}");
        assert_eq!(error.fields[0].code, code, "{password}");
        assert!(!format!("{error:?}").contains(password));
    }
}

#[tokio::test]
async fn rule_8_an_address_is_one_users_in_a_tenant() {
    let desk = Desk::new();
    desk.tenant("acme").await;
    desk.tenant("globex").await;
    desk.user("acme", "bob@acme.test").await;
    let error = desk
        .create(new_user("acme", " BOB@acme.test"))
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::EmailTaken);
    desk.user("globex", "bob@acme.test").await;
}

#[tokio::test]
async fn rule_15_seats_are_counted_in_the_transaction() {
    let desk = Desk::new();
    let mut request = new_tenant("acme");
    request.max_users = Some(2);
    authd::app::tenant::create(&desk.app, &desk.admin(), request)
        .await
        .unwrap();
    let (a, b, c) = tokio::join!(
        desk.create(new_user("acme", "a@acme.test")),
        desk.create(new_user("acme", "b@acme.test")),
        desk.create(new_user("acme", "c@acme.test")),
    );
    let refused: Vec<_> = [a, b, c].into_iter().filter_map(Result::err).collect();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].code, ErrorCode::UserLimitReached);
    assert_eq!(
        refused[0].developer_message,
        "tenant acme has 2 of 2 users (plan free)"
    );
    assert_eq!(
        refused[0].hint.as_deref(),
        Some("Raise it: authctl tenant set acme --max-users 3")
    );
}

#[tokio::test]
async fn profile_fields_that_break_a_rule_are_named() {
    let desk = Desk::new();
    desk.tenant("acme").await;
    let new = || new_user("acme", "bob@acme.test");
    let mut name = new();
    name.name.family = Some("x\u{202e}".to_owned());
    let mut phone = new();
    phone.phone = Some("0700".to_owned());
    let mut locale = new();
    locale.locale = Some("english".to_owned());
    let mut pin = new();
    pin.kra_pin = Some("123".to_owned());
    let mut refs = new();
    refs.external_refs
        .insert("restaurant_id".to_owned(), "1".to_owned());
    for (request, path) in [
        (new_user("acme", "bob@@acme"), "/email"),
        (name, "/name/family"),
        (phone, "/phone"),
        (locale, "/locale"),
        (pin, "/kra_pin"),
        (refs, "/external_refs"),
    ] {
        let error = desk.create(request).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::ValidationFailed, "{path}");
        assert_eq!(error.fields[0].path, path);
    }
}

#[tokio::test]
async fn rule_11_disabling_ends_sessions_and_devices_once() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let bob = desk.user("acme", "bob@acme.test").await;
    let eve = desk.user("acme", "eve@acme.test").await;
    desk.sign_in(acme, bob).await;
    desk.sign_in(acme, bob).await;
    desk.sign_in(acme, eve).await;
    desk.scopes.take();
    let change = user::disable(&desk.app, &desk.admin(), disable("bob@acme.test"))
        .await
        .unwrap();
    assert!(change.changed);
    assert_eq!(change.sessions_ended, 2);
    assert_eq!(change.tenant.as_deref(), Some("acme"));
    assert_eq!(desk.scopes.take(), [Scope::User(bob)]);
    assert_eq!(desk.open_sessions(acme, bob).await, 0);
    assert_eq!(desk.devices(acme, bob).await, 0);
    assert_eq!(desk.open_sessions(acme, eve).await, 1);
    assert_eq!(status(&desk, bob).await, UserStatus::Disabled);

    let rows = desk.audit(acme).await.len();
    let again = user::disable(&desk.app, &desk.admin(), disable("bob@acme.test"))
        .await
        .unwrap();
    assert!(!again.changed && again.audit_id.is_none());
    assert_eq!(desk.audit(acme).await.len(), rows);
    assert!(desk.scopes.take().is_empty());
}

#[tokio::test]
async fn rule_19_enabling_revives_nothing() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let bob = desk.user("acme", "bob@acme.test").await;
    desk.create(new_user("acme", "new@acme.test"))
        .await
        .unwrap();
    desk.sign_in(acme, bob).await;
    for email in ["bob@acme.test", "new@acme.test"] {
        user::disable(&desk.app, &desk.admin(), disable(email))
            .await
            .unwrap();
    }
    let change = user::enable(&desk.app, &desk.admin(), enable("bob@acme.test"))
        .await
        .unwrap();
    assert!(change.changed && change.notes.is_empty());
    assert_eq!(status(&desk, bob).await, UserStatus::Active);
    assert_eq!(desk.open_sessions(acme, bob).await, 0);
    assert_eq!(desk.devices(acme, bob).await, 0);
    // Who never chose a password is invited as before.
    let change = user::enable(&desk.app, &desk.admin(), enable("new@acme.test"))
        .await
        .unwrap();
    assert!(change.notes[0].starts_with("The password is good for changing it only"));
    let id = change.id.unwrap().parse().unwrap();
    assert_eq!(status(&desk, id).await, UserStatus::Invited);
    // The first password is over by its own time: another one is needed.
    user::disable(&desk.app, &desk.admin(), disable("new@acme.test"))
        .await
        .unwrap();
    desk.clock.advance(Duration::from_hours(73));
    let change = user::enable(&desk.app, &desk.admin(), enable("new@acme.test"))
        .await
        .unwrap();
    assert!(change.notes[0].contains("set-password acme/new@acme.test"));
    let again = user::enable(&desk.app, &desk.admin(), enable("bob@acme.test"))
        .await
        .unwrap();
    assert!(!again.changed);
}

#[tokio::test]
async fn rule_18_the_last_working_administrator_stays() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let mut ids = Vec::new();
    for email in ["ann@acme.test", "bea@acme.test"] {
        let request = Create {
            tenant_admin: true,
            permanent: true,
            ..new_user("acme", email)
        };
        let change = desk.create(request).await.unwrap();
        ids.push(change.id.unwrap().parse().unwrap());
    }
    desk.sign_in(acme, ids[0]).await;
    // The other one has never signed in: nobody knows whether she can.
    let error = user::disable(&desk.app, &desk.admin(), disable("ann@acme.test"))
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::LastAdmin);
    assert!(error.hint.is_some());
    assert_eq!(desk.open_sessions(acme, ids[0]).await, 1);
    desk.sign_in(acme, ids[1]).await;
    let change = user::disable(&desk.app, &desk.admin(), disable("ann@acme.test"))
        .await
        .unwrap();
    assert!(change.changed);
    let error = user::disable(&desk.app, &desk.admin(), disable("bea@acme.test"))
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::LastAdmin);
}

#[tokio::test]
async fn setting_a_password_ends_everything_but_the_lock() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let bob = desk.user("acme", "bob@acme.test").await;
    let email = "bob@acme.test".parse().unwrap();
    let key = desk.app.keys.subject("acme", &email);
    desk.lock(acme, key).await;
    desk.sign_in(acme, bob).await;
    desk.scopes.take();
    let before = credential(&desk, acme, bob).await;
    let request = set_password("bob@acme.test", NewPassword::Generate, false);
    let change = user::set_password(&desk.app, &desk.admin(), request)
        .await
        .unwrap();
    assert_eq!(change.action, "user.set_password");
    assert_eq!(change.sessions_ended, 1);
    assert!(change.generated_password.is_some());
    assert!(
        change
            .notes
            .iter()
            .any(|note| note.contains("lockout clear acme/bob@acme.test"))
    );
    assert_eq!(desk.scopes.take(), [Scope::User(bob)]);
    assert_eq!(desk.open_sessions(acme, bob).await, 0);
    assert_eq!(desk.devices(acme, bob).await, 0);
    let after = credential(&desk, acme, bob).await;
    assert_eq!(after.version, before.version + 1);
    assert!(matches!(after.kind, CredentialKind::Temporary { .. }));
    assert_eq!(status(&desk, bob).await, UserStatus::Active);
    let policy = desk.app.settings().tenant.lockout;
    let state = desk
        .app
        .store
        .read(move |tx| tx.counters().state(&key, NOW.minus(policy.window)))
        .await
        .unwrap();
    assert!(state.locked(&policy, NOW).is_some());
}

#[tokio::test]
async fn g16_of_two_passwords_set_at_once_one_is_told() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let bob = desk.user("acme", "bob@acme.test").await;
    let admin = desk.admin();
    let set = || {
        let request = set_password("bob@acme.test", given(GOOD), true);
        user::set_password(&desk.app, &admin, request)
    };
    let (one, other) = tokio::join!(set(), set());
    let refused: Vec<_> = [one, other].into_iter().filter_map(Result::err).collect();
    assert!(
        refused
            .iter()
            .all(|error| error.code == ErrorCode::Conflict)
    );
    let version = credential(&desk, acme, bob).await.version;
    assert_eq!(version, 3 - u64::try_from(refused.len()).unwrap());
}

#[tokio::test]
async fn a_permanent_password_ends_an_invitation() {
    let desk = Desk::new();
    desk.tenant("acme").await;
    let change = desk
        .create(new_user("acme", "bob@acme.test"))
        .await
        .unwrap();
    let bob = change.id.unwrap().parse().unwrap();
    let request = set_password("bob@acme.test", given(GOOD), true);
    let change = user::set_password(&desk.app, &desk.admin(), request)
        .await
        .unwrap();
    assert!(change.generated_password.is_none());
    assert_eq!(status(&desk, bob).await, UserStatus::Active);
}
