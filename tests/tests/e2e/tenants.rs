//! Tenants and their users: isolation, seats, profiles.

use harness::{Home, Login, PASSWORD, Request};
use serde_json::{Value, json};

use crate::scene::{ALICE, alice, open};

#[test]
fn g14_a_session_of_one_tenant_is_unknown_in_another() {
    let home = Home::new();
    let daemon = open(&home);
    let authctl = daemon.authctl();
    authctl.create_tenant("globex");
    // The same address in two tenants is two people.
    authctl.create_user("globex", ALICE, PASSWORD);
    let api = daemon.api();
    let ours = api.tokens(&alice());
    let theirs = api.tokens(&Login::new("globex", ALICE, PASSWORD));
    assert_ne!(ours.claims().get("sub"), theirs.claims().get("sub"));
    assert_eq!(
        api.check(&ours.access).header("x-auth-tenant"),
        Some("acme")
    );

    let end = |id: &str| {
        let path = format!("/v1/me/sessions/{id}");
        api.send(&Request::new("DELETE", &path).bearer(&ours.access))
    };
    let foreign = end(&theirs.session_id);
    let unknown = end("ses_01jd3q5r8afk4vb1x2y3z4w5e6");
    let malformed = end("nonsense");
    assert_eq!(foreign.outcome(), "404 not_found");
    assert_eq!(foreign.likeness(), unknown.likeness());
    assert_eq!(foreign.likeness(), malformed.likeness());
    assert_eq!(api.check(&theirs.access).status, 200);

    let listed = api.get("/v1/me/sessions", &ours.access).json();
    let items = listed
        .get("items")
        .and_then(Value::as_array)
        .expect("a list");
    assert_eq!(items.len(), 1);

    // A lock in one is none in the other.
    crate::scene::lock(&daemon, ALICE);
    api.tokens(&Login::new("globex", ALICE, PASSWORD));
}

#[test]
fn s10_a_setting_of_one_tenant_holds_from_the_next_request_on_and_after_a_restart() {
    let home = Home::new();
    let daemon = open(&home);
    let authctl = daemon.authctl();
    authctl.create_tenant("globex");
    authctl.create_user("globex", ALICE, PASSWORD);
    let theirs = || Login::new("globex", ALICE, PASSWORD);
    let api = daemon.api();
    let (before, other) = (api.tokens(&alice()), api.tokens(&theirs()));
    assert_eq!(api.check(&before.access).status, 200);
    assert_eq!(api.check(&other.access).status, 200);

    let set = |key: &str, value: &str| {
        let words = ["-t", "acme", "tenant", "settings", "set", key, value];
        authctl.ok(&words)
    };
    let said = set("token.audience", "orders");
    assert!(
        said.starts_with("Set token.audience to orders in tenant acme."),
        "{said}"
    );
    assert_eq!(api.check(&before.access).outcome(), "401 invalid_token");
    assert_eq!(api.check(&other.access).status, 200);
    set("lockout.threshold", "2");
    let listed = authctl.ok(&["tenant", "settings", "list", "acme"]);
    let line = listed
        .lines()
        .find(|line| line.starts_with("lockout.threshold"));
    let words: Vec<&str> = line.unwrap_or_default().split_whitespace().collect();
    assert_eq!(words, ["lockout.threshold", "2", "operator", "tenant", "2"]);
    let refused = authctl.run(&[
        "-t",
        "acme",
        "tenant",
        "settings",
        "set",
        "lockout.treshold",
        "2",
    ]);
    assert!(
        refused.stderr.contains("Did you mean lockout.threshold?"),
        "{}",
        refused.stderr
    );

    daemon.stop();
    let daemon = home.start();
    let api = daemon.api();
    for tenant in ["acme", "globex"] {
        for _ in 0..2 {
            let guess = Login::new(tenant, ALICE, "not the password of anybody");
            assert_eq!(api.login(&guess).outcome(), "401 invalid_credentials");
        }
    }
    assert_eq!(api.login(&alice()).outcome(), "429 login_locked");
    let claims = api.tokens(&theirs()).claims();
    assert_ne!(claims.get("aud"), Some(&json!("orders")));
}

#[test]
fn asvs_7_5_2_a_user_ends_own_sessions() {
    let home = Home::new().setting("session.policy", "\"per_device\"");
    let daemon = open(&home);
    let api = daemon.api();
    let here = api.tokens(&alice().device("phone"));
    let there = api.tokens(&alice().device("tablet"));
    let path = format!("/v1/me/sessions/{}", there.session_id);
    let request = Request::new("DELETE", &path).bearer(&here.access);
    assert_eq!(api.send(&request).status, 204);
    assert_eq!(api.check(&there.access).outcome(), "401 session_revoked");
    assert_eq!(api.check(&here.access).status, 200);
}

#[test]
fn a_full_tenant_takes_no_more_users() {
    let home = Home::new();
    let daemon = home.start();
    let authctl = daemon.authctl();
    authctl.ok(&["tenant", "create", "small", "--max-users", "1"]);
    authctl.create_user("small", "one@small.test", PASSWORD);
    let arguments = [
        "-t",
        "small",
        "user",
        "create",
        "--email",
        "two@small.test",
        "--password-stdin",
        "--permanent",
    ];
    let refused = authctl.run_with_input(&arguments, PASSWORD);
    assert_eq!(refused.code, Some(7), "{refused:?}");
    let shown = authctl.json(&["tenant", "show", "small"]);
    assert_eq!(shown.pointer("/item/subscription/users"), Some(&json!(1)));
    assert_eq!(
        shown.pointer("/item/subscription/max_users"),
        Some(&json!(1))
    );
}

#[test]
fn a_profile_comes_back_as_it_was_given() {
    let home = Home::new();
    let daemon = home.start();
    let authctl = daemon.authctl();
    authctl.create_tenant("acme");
    let flags = [
        "--given-name",
        "Bob",
        "--family-name",
        "Otieno",
        "--phone",
        "+254700000001",
        "--employee-id",
        "E-118",
        "--kra-pin",
        "A123456789Z",
        "--ref",
        "branch_id=br_3",
        "--locale",
        "en-KE",
    ];
    let id = authctl.create_user_with("acme", "bob@acme.test", PASSWORD, &flags);
    let tokens = daemon
        .api()
        .tokens(&Login::new("acme", "bob@acme.test", PASSWORD));
    let me = daemon.api().me(&tokens.access).json();
    for (pointer, expected) in [
        ("/id", json!(id)),
        ("/email", json!("bob@acme.test")),
        ("/name/given", json!("Bob")),
        ("/name/family", json!("Otieno")),
        ("/phone", json!("+254700000001")),
        ("/employee/employee_id", json!("E-118")),
        ("/external_refs/branch_id", json!("br_3")),
        ("/locale", json!("en-KE")),
        ("/status", json!("active")),
        ("/is_tenant_admin", json!(false)),
    ] {
        assert_eq!(me.pointer(pointer), Some(&expected), "{pointer} of {me}");
    }
    for name in ["created_at", "updated_at", "last_login_at"] {
        let time = me.get(name).and_then(Value::as_str).unwrap_or_default();
        assert!(time.parse::<common::time::Time>().is_ok(), "{name} of {me}");
    }
    // Lists show the tax number masked, `show` shows it whole.
    let listed = authctl.items(&["-t", "acme", "user", "list"]);
    let masked = listed
        .first()
        .and_then(|user| user.pointer("/employee/kra_pin"));
    assert_ne!(masked, Some(&json!("A123456789Z")));
    let shown = authctl.json(&["-t", "acme", "user", "show", "bob@acme.test"]);
    assert_eq!(
        shown.pointer("/item/employee/kra_pin"),
        Some(&json!("A123456789Z"))
    );
}

#[test]
fn rule_16_system_takes_no_tenant_of_its_name() {
    let home = Home::new();
    let daemon = home.start();
    let refused = daemon.authctl().run(&["tenant", "create", "system"]);
    assert!(
        [2, 6, 7].contains(&refused.code.unwrap_or(-1)),
        "{refused:?}"
    );
    let bad = home_with_system_as_default();
    assert_eq!(bad.try_start().err().and_then(|exit| exit.code), Some(78));
}

fn home_with_system_as_default() -> Home {
    Home::new().setting("default_tenant", "\"system\"")
}

#[test]
fn rule_19_a_slug_is_never_given_twice() {
    let home = Home::new();
    let daemon = open(&home);
    let again = daemon.authctl().run(&["tenant", "create", "acme"]);
    assert_eq!(again.code, Some(6), "{again:?}");
    let arguments = [
        "-t",
        "acme",
        "user",
        "create",
        "--email",
        "ALICE@acme.test",
        "--password-stdin",
        "--permanent",
    ];
    let twin = daemon.authctl().run_with_input(&arguments, PASSWORD);
    assert_eq!(twin.code, Some(6), "{twin:?}");
}

#[test]
fn rule_19_a_tenant_is_deleted_restored_and_purged() {
    let home = Home::new()
        .with_clock()
        .setting("tenant.delete_grace", "\"2d\"");
    let daemon = open(&home);
    let authctl = daemon.authctl();
    let api = daemon.api();
    authctl.create_tenant("globex");
    authctl.create_user("globex", ALICE, PASSWORD);
    let ours = api.tokens(&alice());
    assert_eq!(api.check(&ours.access).status, 200);
    let refused = |tokens: &harness::Tokens| {
        assert_eq!(api.check(&tokens.access).status, 401);
        assert_eq!(api.refresh(&tokens.refresh).status, 401);
    };
    let delete = ["tenant", "delete", "acme", "--reason", "closed down"];
    let unanswered = authctl.run(&delete);
    assert_eq!(unanswered.code, Some(12), "{unanswered:?}");
    let confirmed = [&delete[..], &["--confirm=acme"]].concat();
    let rehearsed = authctl.ok(&[&confirmed[..], &["--dry-run"]].concat());
    assert!(rehearsed.starts_with("Would delete tenant acme; 1 session"));
    assert_eq!(api.check(&ours.access).status, 200);
    let said = authctl.ok(&confirmed);
    assert_eq!(said, "Deleted tenant acme; 1 session ended.\n");
    refused(&ours);
    let unknown = Login::new("never-was", ALICE, PASSWORD);
    let (one, other) = (api.login(&alice()), api.login(&unknown));
    assert_eq!(one.outcome(), "401 invalid_credentials");
    assert_eq!(one.likeness(), other.likeness());
    let listed = authctl.items(&["tenant", "list", "--status", "deleted"]);
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].get("slug"), Some(&json!("acme")));
    assert!(listed[0].get("purge_at").is_some_and(Value::is_string));
    let gone = authctl.run(&["-t", "acme", "user", "list"]);
    assert_eq!(gone.code, Some(5), "{gone:?}");
    assert!(gone.stderr.contains("tenant restore acme"), "{gone:?}");

    let said = authctl.ok(&["tenant", "restore", "acme"]);
    assert_eq!(said, "Restored tenant acme.\n");
    refused(&ours);
    let anew = api.tokens(&alice());
    assert_eq!(api.check(&anew.access).status, 200);

    authctl.ok(&confirmed);
    daemon.clock().forward(std::time::Duration::from_hours(49));
    let late = authctl.run(&["tenant", "restore", "acme"]);
    assert_eq!(late.code, Some(6), "{late:?}");
    // The first round of a start removes what is due.
    daemon.stop();
    let daemon = home.start();
    let authctl = daemon.authctl();
    harness::eventually("the purge", std::time::Duration::from_secs(10), || {
        (authctl.run(&["tenant", "show", "acme"]).code == Some(5)).then_some(())
    });
    let again = authctl.run(&["tenant", "create", "acme"]);
    assert_ne!(again.code, Some(0), "{again:?}");
    let rows = authctl.items(&["-t", "acme", "audit", "list"]);
    let actions: Vec<_> = rows.iter().filter_map(|row| row.get("action")).collect();
    assert!(actions.contains(&&json!("tenant.purge")), "{actions:?}");
    assert!(!rows.iter().any(|row| row.to_string().contains("alice@")));
    authctl.ok(&["audit", "verify"]);
    daemon.api().tokens(&Login::new("globex", ALICE, PASSWORD));
}
