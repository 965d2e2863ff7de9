//! Roles and permissions, from the sysadmin's command to the answer that an application gets.

use harness::{Api, Daemon, Home, Login, PASSWORD, Response, parallel};
use serde_json::{Value, json};

use crate::scene::{ALICE, alice, open};

fn may(api: &Api, token: &str, query: &str) -> Response {
    api.get(&format!("/v1/auth/check?{query}"), token)
}

fn outcome(api: &Api, token: &str, permission: &str) -> String {
    may(api, token, &format!("permission={permission}")).outcome()
}

/// `acme` with `orders:view` and `orders:edit`, and a cashier's role that Alice holds.
fn shop(home: &Home) -> Daemon {
    let daemon = open(home);
    let authctl = daemon.authctl();
    for line in [
        "-t acme permission define orders:view",
        "-t acme permission define orders:edit",
        "-t acme role create cashier --permission orders:view",
        "user grant acme/alice@acme.test cashier",
    ] {
        authctl.ok(&line.split(' ').collect::<Vec<_>>());
    }
    daemon
}

#[test]
fn a40_a_role_edit_is_in_force_with_the_next_request() {
    let home = Home::new();
    let daemon = shop(&home);
    let (api, authctl) = (daemon.api(), daemon.authctl());
    let tokens = api.tokens(&alice());
    assert_eq!(tokens.claims().get("roles"), Some(&json!(["cashier"])));
    let token = tokens.access.as_str();
    let check = may(&api, token, "permission=orders:view&include=permissions");
    assert_eq!(check.status, 200, "{}", check.text());
    assert_eq!(check.header("x-auth-roles"), Some("cashier"));
    let body = check.json();
    assert_eq!(body.get("roles"), Some(&json!(["cashier"])));
    assert_eq!(body.get("permissions"), Some(&json!(["orders:view"])));
    assert_eq!(outcome(&api, token, "orders:edit"), "403 permission_denied");

    // A74: the cache is warm, and the token stays the same.
    authctl.ok(&["-t", "acme", "role", "allow", "cashier", "orders:edit"]);
    assert_eq!(may(&api, token, "permission=orders:edit").status, 200);
    let both = may(&api, token, "permission=orders:edit&permission=orders:view");
    assert_eq!(both.status, 200);
    authctl.ok(&["-t", "acme", "role", "deny", "cashier", "orders:edit"]);
    assert_eq!(outcome(&api, token, "orders:edit"), "403 permission_denied");
    let any = "any_permission=orders:edit&any_permission=orders:view";
    assert_eq!(may(&api, token, any).status, 200);
    let all = "permission=orders:edit&permission=orders:view";
    assert_eq!(may(&api, token, all).outcome(), "403 permission_denied");

    authctl.ok(&["user", "revoke", "acme/alice@acme.test", "cashier"]);
    let check = may(&api, token, "permission=orders:view");
    assert_eq!(check.outcome(), "403 permission_denied");
    assert_eq!(api.check(token).header("x-auth-roles"), Some(""));
    authctl.ok(&["user", "grant", "acme/alice@acme.test", "cashier"]);
    assert_eq!(may(&api, token, "permission=orders:view").status, 200);

    authctl.ok(&["-t", "acme", "role", "delete", "cashier", "--yes"]);
    assert_eq!(outcome(&api, token, "orders:view"), "403 permission_denied");
    let again = [
        "-t",
        "acme",
        "role",
        "create",
        "cashier",
        "--permission",
        "orders:view",
    ];
    authctl.ok(&again);
    assert_eq!(outcome(&api, token, "orders:view"), "403 permission_denied");
}

#[test]
fn a82_a_permission_of_no_catalogue_is_told_apart() {
    let home = Home::new();
    let daemon = shop(&home);
    let (api, authctl) = (daemon.api(), daemon.authctl());
    authctl.ok(&["user", "set", "acme/alice@acme.test", "--tenant-admin"]);
    let token = api.tokens(&alice()).access;
    for name in [
        "orders:delete",
        "orders:*",
        "Orders:view",
        "all_permissions",
        "",
    ] {
        let check = may(&api, &token, &format!("permission={name}"));
        assert_eq!(check.outcome(), "403 unknown_permission", "{name}");
        assert_eq!(check.header("x-auth-error"), Some("unknown_permission"));
    }
    daemon.wait_for_log("orders:delete");
    // Defined, it is known with the next request, and to who may everything allowed.
    authctl.ok(&["permission", "define", "orders:delete"]);
    assert_eq!(may(&api, &token, "permission=orders:delete").status, 200);
    authctl.ok(&["permission", "undefine", "orders:delete", "--yes"]);
    assert_eq!(
        outcome(&api, &token, "orders:delete"),
        "403 unknown_permission"
    );
    // Another tenant's permission is none of ours.
    authctl.create_tenant("globex");
    authctl.create_user_with("globex", "eve@globex.test", PASSWORD, &["--tenant-admin"]);
    let eve = api.tokens(&Login::new("globex", "eve@globex.test", PASSWORD));
    assert_eq!(
        outcome(&api, &eve.access, "orders:view"),
        "403 unknown_permission"
    );
}

#[test]
fn a39_all_permissions_ends_at_the_tenant_and_in_system_nowhere() {
    let home = Home::new();
    let daemon = shop(&home);
    let (api, authctl) = (daemon.api(), daemon.authctl());
    let flags = ["--role", "system:superadmin"];
    authctl.create_user_with("system", "root@acme.test", PASSWORD, &flags);
    authctl.ok(&["user", "grant", "acme/alice@acme.test", "system:superadmin"]);
    let root = api.tokens(&Login::new("system", "root@acme.test", PASSWORD));
    let alice = api.tokens(&alice());
    assert_eq!(
        root.claims().get("roles"),
        Some(&json!(["system:superadmin"]))
    );
    for (token, permission, expected) in [
        (&root, "tenants:delete", 200),
        (&root, "system_roles:edit", 200),
        (&root, "ALL_PERMISSIONS", 200),
        (&alice, "users:delete", 200),
        (&alice, "orders:edit", 200),
        (&alice, "ALL_PERMISSIONS", 200),
        (&alice, "tenants:delete", 403),
        (&alice, "subscriptions:edit", 403),
    ] {
        let check = may(&api, &token.access, &format!("permission={permission}"));
        assert_eq!(check.status, expected, "{permission}: {}", check.text());
    }
    let roles = api.check(&alice.access);
    assert_eq!(
        roles.header("x-auth-roles"),
        Some("cashier,system:superadmin")
    );
    let own = api.get("/v1/me/permissions", &alice.access).json();
    assert_eq!(own.get("items"), Some(&json!(["ALL_PERMISSIONS"])));
    let me = api.me(&alice.access).json();
    assert_eq!(
        me.get("roles"),
        Some(&json!(["cashier", "system:superadmin"]))
    );
}

#[test]
fn a43_a84_the_last_administrator_stays() {
    let home = Home::new();
    let daemon = shop(&home);
    let (api, authctl) = (daemon.api(), daemon.authctl());
    authctl.ok(&["user", "grant", "acme/alice@acme.test", "system:superadmin"]);
    api.tokens(&alice());
    for line in [
        "user revoke acme/alice@acme.test system:superadmin",
        "user disable acme/alice@acme.test --yes",
    ] {
        let refused = authctl.run(&line.split(' ').collect::<Vec<_>>());
        assert_eq!(refused.code, Some(7), "{refused:?}");
        assert!(refused.stderr.contains("acme"), "{refused:?}");
    }
    // Two of them, each taken away at the same time as the other: one stays.
    authctl.create_user_with("acme", "bea@acme.test", PASSWORD, &["--tenant-admin"]);
    api.tokens(&Login::new("acme", "bea@acme.test", PASSWORD));
    let codes = parallel(2, move |n| {
        let line: &[&str] = if n == 0 {
            &[
                "user",
                "revoke",
                "acme/alice@acme.test",
                "system:superadmin",
            ]
        } else {
            &["user", "set", "acme/bea@acme.test", "--no-tenant-admin"]
        };
        authctl.run(line).code
    });
    let mut codes: Vec<_> = codes.into_iter().collect();
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(7)]);
}

#[test]
fn s09_the_sysadmin_sees_who_may_what_and_why() {
    let home = Home::new();
    let daemon = shop(&home);
    let authctl = daemon.authctl();
    let check = |permission: &str| {
        let arguments = ["permission", "check", "acme/alice@acme.test", permission];
        let ended = authctl.run(&arguments);
        (ended.code, ended.stdout)
    };
    assert_eq!(
        check("orders:view"),
        (Some(0), "allowed (role cashier)\n".to_owned())
    );
    assert_eq!(check("orders:edit"), (Some(7), "denied\n".to_owned()));
    assert_eq!(check("orders:eidt").0, Some(2));
    let held = authctl.items(&["user", "permissions", "acme/alice@acme.test"]);
    let expected = json!({"permission": "orders:view", "via": [{"role": "cashier"}]});
    assert_eq!(held, [expected]);
    let who = authctl.ok(&["-t", "acme", "who-can", "orders:view"]);
    assert_eq!(who, "USER             VIA\nalice@acme.test  cashier\n");
    let listed = authctl.ok(&["-t", "acme", "role", "list"]);
    assert!(
        listed.contains("system:superadmin  ALL_PERMISSIONS  0")
            && listed.contains("cashier            1                1"),
        "{listed}"
    );
    let members = authctl.items(&["-t", "acme", "role", "members", "cashier"]);
    let first = members.first().and_then(|user| user.get("email"));
    assert_eq!(first, Some(&json!(ALICE)));
    assert!(
        authctl
            .items(&["user", "list", "--role", "system:superadmin"])
            .is_empty()
    );
    let catalogue = authctl.items(&["-t", "acme", "permission", "list", "--resource", "orders"]);
    let names: Vec<&str> = catalogue
        .iter()
        .filter_map(|item| item.get("permission").and_then(Value::as_str))
        .collect();
    assert_eq!(names, ["orders:edit", "orders:view"]);
    // The monitor sees roles and the catalogue, and changes nothing.
    let monitor = daemon.monitor();
    assert!(!monitor.items(&["role", "list"]).is_empty());
    assert!(!monitor.items(&["permission", "list"]).is_empty());
    let refused = monitor.run(&["-t", "acme", "role", "create", "mine"]);
    assert_eq!(refused.code, Some(4), "{refused:?}");
}
