//! Roles and permissions: what is sent, what is shown, and what is asked first.

use common::call::Change;
use common::call::permission::Verdict;
use common::error::ErrorCode;
use common::view::{HolderView, PermissionScope, PermissionView, RoleView, Via};
use serde_json::{Value, json};

use crate::daemon::{Reply, World};
use crate::objects::{self, USER, time};

const ROLE: &str = "rol_01h455vb4pex5vsknk084sn02q";

fn role(name: &str) -> RoleView {
    RoleView {
        id: ROLE.parse().unwrap(),
        name: name.to_owned(),
        tenant: Some("acme".to_owned()).filter(|_| !name.starts_with("system:")),
        description: None,
        permissions: vec!["orders:edit".to_owned(), "orders:view".to_owned()],
        members: 3,
        created_at: time("2026-11-20T08:12:00.000Z"),
        updated_at: time("2026-11-20T08:12:00.000Z"),
    }
}

fn by_role(name: &str) -> Via {
    Via {
        role: Some(name.to_owned()),
        tenant_admin: false,
    }
}

fn change(action: &str, subject: &str) -> Change {
    Change {
        id: Some(ROLE.to_owned()),
        ..objects::change(action, subject)
    }
}

#[test]
fn roles_are_listed_with_all_permissions_by_name() {
    let everything = RoleView {
        permissions: vec!["ALL_PERMISSIONS".to_owned()],
        ..role("system:superadmin")
    };
    let world = World::saying(&objects::page(vec![everything, role("manager")]));
    let ended = world.run("-t acme role list");
    assert_eq!(
        ended.out,
        "ROLE               PERMISSIONS      MEMBERS\n\
         system:superadmin  ALL_PERMISSIONS  3\n\
         manager            2                3\n"
    );
    assert_eq!(world.only().query, "tenant=acme&system=false&limit=200");
    let ended = world.run("role list --system --json");
    assert!(
        ended
            .out
            .starts_with("{\"kind\":\"role.list\",\"v\":1,\"items\":[{\"id\":\"rol_")
    );
}

#[test]
fn a_role_is_made_in_its_tenant_or_in_none() {
    let world = World::saying(&change("role.create", "cashier"));
    let ended = world.run("-t acme role create cashier --permission orders:view --description x");
    assert_eq!(
        ended.out,
        format!("Created role cashier ({ROLE}) in tenant acme.\n")
    );
    assert_eq!(
        world.only().body,
        json!({"tenant": "acme", "name": "cashier", "description": "x",
            "permissions": ["orders:view"]})
    );
    let ended = world.run("role create cashier");
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    assert!(ended.err.contains("no tenant given"), "{}", ended.err);
    let world = World::saying(&Change {
        tenant: None,
        ..change("role.create", "system:reader")
    });
    let ended = world.run("role create system:reader");
    assert_eq!(ended.out, format!("Created role system:reader ({ROLE}).\n"));
}

#[test]
fn a_role_is_deleted_after_a_question_and_a_system_role_by_its_name() {
    let world = World::new(|asked| match asked.path.as_str() {
        "/v1/role/show" => Reply::of(&role("cashier")),
        _ => Reply::of(&change("role.delete", "cashier")),
    });
    let ended = world.run("-t acme role delete cashier");
    assert_eq!(ended.code, Some(12), "{}", ended.err);
    assert!(world.asked().is_empty());
    let ended = world.run("-t acme role delete cashier --reassign clerk -y");
    assert_eq!(ended.out, "Deleted role cashier in tenant acme.\n");
    assert_eq!(
        world.only().body,
        json!({"role": {"tenant": "acme", "name": "cashier"}, "reassign": "clerk", "confirm": null})
    );
    let world = World::new(|asked| match asked.path.as_str() {
        "/v1/role/show" => Reply::of(&role("system:reader")),
        _ => Reply::of(&Change {
            tenant: None,
            ..change("role.delete", "system:reader")
        }),
    });
    assert_eq!(world.run("role delete system:reader -y").code, Some(12));
    assert_eq!(
        world.run("role delete system:reader --confirm=reader").code,
        Some(2)
    );
    let ended = world.run("role delete system:reader --confirm=system:reader");
    assert_eq!(ended.out, "Deleted role system:reader.\n");
    let last = world.asked().pop().unwrap();
    assert_eq!(last.body["confirm"], "system:reader");
}

fn sends(line: &str, path: &str, body: &Value, out: &str) {
    let world = World::saying(&change("any", "it"));
    let ended = world.run(line);
    let told = (ended.code, ended.out.as_str());
    assert_eq!(told, (Some(0), out), "{line}: {}", ended.err);
    let asked = world.only();
    assert_eq!((asked.path.as_str(), &asked.body), (path, body), "{line}");
}

#[test]
fn roles_are_edited() {
    for (line, path, body, out) in [
        (
            "-t acme role allow cashier orders:view orders:edit",
            "/v1/role/allow",
            json!({"role": {"tenant": "acme", "name": "cashier"},
                "permissions": ["orders:view", "orders:edit"]}),
            "Added orders:view, orders:edit to role it in tenant acme.\n",
        ),
        (
            "-t acme role deny cashier orders:view",
            "/v1/role/deny",
            json!({"role": {"tenant": "acme", "name": "cashier"}, "permissions": ["orders:view"]}),
            "Removed orders:view from role it in tenant acme.\n",
        ),
        (
            "-t acme role set cashier --description x",
            "/v1/role/set",
            json!({"role": {"tenant": "acme", "name": "cashier"}, "description": "x",
                "permissions": null}),
            "Changed role it in tenant acme.\n",
        ),
    ] {
        sends(line, path, &body, out);
    }
}

/// What `user set` sends for Bob, with the given fields in it.
fn set_body(given: &Value) -> Value {
    let mut body = json!({
        "user": {"tenant": "acme", "name": "bob@acme.test"}, "tenant_admin": null,
        "name": {"given": null, "family": null, "display": null}, "phone": null, "locale": null,
        "employee_id": null, "kra_pin": null, "external_refs": {}, "unset": [], "reason": null});
    for (name, value) in given.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

#[test]
fn rights_are_granted_and_taken() {
    for (line, path, body, out) in [
        (
            "user grant acme/bob@acme.test cashier system:reader",
            "/v1/user/grant",
            json!({"user": {"tenant": "acme", "name": "bob@acme.test"},
                "roles": ["cashier", "system:reader"]}),
            "Granted cashier, system:reader to user it in tenant acme.\n",
        ),
        (
            "user revoke acme/bob@acme.test cashier",
            "/v1/user/revoke",
            json!({"user": {"tenant": "acme", "name": "bob@acme.test"}, "roles": ["cashier"]}),
            "Took cashier from user it in tenant acme.\n",
        ),
        (
            "user set acme/bob@acme.test --no-tenant-admin",
            "/v1/user/set",
            set_body(&json!({"tenant_admin": false})),
            "Took the tenant-admin flag from user it in tenant acme.\n",
        ),
        (
            "user set acme/bob@acme.test --given-name Bob --phone +254711111111 \
             --ref branch_id=7 --unset kra-pin --unset ref.old-id --reason moved",
            "/v1/user/set",
            set_body(
                &json!({"name": {"given": "Bob", "family": null, "display": null},
                "phone": "+254711111111", "external_refs": {"branch_id": "7"},
                "unset": ["kra_pin", "ref.old-id"], "reason": "moved"}),
            ),
            "Changed user it in tenant acme.\n",
        ),
        (
            "user set acme/bob@acme.test --tenant-admin --locale sw-KE",
            "/v1/user/set",
            set_body(&json!({"tenant_admin": true, "locale": "sw-KE"})),
            "Changed user it in tenant acme.\n",
        ),
        (
            "-t acme permission undefine orders:view -y",
            "/v1/permission/undefine",
            json!({"tenant": "acme", "name": "orders:view"}),
            "Removed permission it in tenant acme.\n",
        ),
    ] {
        sends(line, path, &body, out);
    }
}

#[test]
fn what_is_not_said_in_full_is_not_sent() {
    let world = World::saying(&change("any", "it"));
    for line in [
        "user set bob@acme.test",
        "user set bob@acme.test --reason moved",
        "user set bob@acme.test --tenant-admin --no-tenant-admin",
        "role set cashier -t acme",
        "role allow cashier",
    ] {
        assert_eq!(world.run(line).code, Some(2), "{line}");
    }
    assert_eq!(world.run("permission undefine orders:view").code, Some(12));
    assert!(world.asked().is_empty());
}

#[test]
fn a_check_ends_with_0_or_7() {
    let world = World::saying(&Verdict {
        allowed: true,
        via: vec![
            Via {
                role: None,
                tenant_admin: true,
            },
            by_role("cashier"),
        ],
    });
    let ended = world.run("permission check acme/bob@acme.test orders:view");
    assert_eq!(
        (ended.code, ended.out.as_str()),
        (Some(0), "allowed (tenant-admin flag, role cashier)\n")
    );
    let ended = world.run("permission check acme/bob@acme.test orders:view --json");
    assert_eq!(
        ended.out,
        "{\"kind\":\"permission.check\",\"v\":1,\"item\":{\"allowed\":true,\
         \"via\":[{\"tenant_admin\":true},{\"role\":\"cashier\"}]}}\n"
    );
    let world = World::saying(&Verdict {
        allowed: false,
        via: Vec::new(),
    });
    let ended = world.run("permission check acme/bob@acme.test orders:view");
    assert_eq!((ended.code, ended.out.as_str()), (Some(7), "denied\n"));
    assert_eq!(ended.err, "");
    let world = World::new(|_| Reply::problem(ErrorCode::UnknownPermission, "in no catalogue"));
    assert_eq!(
        world.run("permission check acme/b@c.test orders:veiw").code,
        Some(2)
    );
}

#[test]
fn the_catalogue_and_holders_are_listed() {
    let world = World::saying(&objects::page(vec![PermissionView {
        permission: "orders:view".to_owned(),
        scope: PermissionScope::Tenant,
        description: Some("See orders".to_owned()),
        roles: 2,
        created_at: None,
        updated_at: None,
    }]));
    let ended = world.run("-t acme permission list --resource orders");
    assert_eq!(
        ended.out,
        "PERMISSION   SCOPE   DESCRIPTION  ROLES\norders:view  tenant  See orders   2\n"
    );
    assert_eq!(world.only().query, "tenant=acme&resource=orders&limit=200");
    let world = World::saying(&objects::page(vec![HolderView {
        user_id: USER.parse().unwrap(),
        email: "bob@acme.test".to_owned(),
        tenant: "acme".to_owned(),
        via: vec![by_role("cashier"), by_role("viewer")],
    }]));
    let ended = world.run("-t acme who-can orders:view");
    assert_eq!(
        ended.out,
        "USER           VIA\nbob@acme.test  cashier,viewer\n"
    );
    assert_eq!(world.run("who-can orders:view").code, Some(2));
    let ended = world.run("who-can orders:view --all-tenants");
    assert!(
        ended.out.starts_with("USER           TENANT  VIA\n"),
        "{}",
        ended.out
    );
}
