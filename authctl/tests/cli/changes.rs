//! What changes send, and the line that tells what they did.

use common::call::Change;
use common::error::ErrorCode;
use serde_json::{Value, json};

use crate::daemon::{Reply, World};
use crate::objects::{self, AUDIT, SESSION, USER};

#[test]
fn a_tenant_is_made() {
    let change = Change {
        id: Some("ten_01h455vb4pex5vsknk084sn02q".to_owned()),
        ..objects::change("tenant.create", "acme")
    };
    let world = World::saying(&change);
    let ended = world.run(
        "tenant create acme --display-name Acme --plan pro --max-users 5 --ends 2027-03-31 --time-zone UTC",
    );
    assert_eq!(
        ended.out,
        "Created tenant acme (ten_01h455vb4pex5vsknk084sn02q).\n"
    );
    let asked = world.only();
    assert_eq!(
        (asked.method.as_str(), asked.path.as_str()),
        ("POST", "/v1/tenant/create")
    );
    assert_eq!(
        asked.body,
        json!({"slug": "acme", "name": "Acme", "plan": "pro", "max_users": 5,
            "ends": "2027-03-31", "time_zone": "UTC", "admin_email": null, "print_link": false})
    );
}

#[test]
fn a_user_is_made_with_all_that_was_given() {
    let world = World::saying(&objects::change("user.create", "alice@acme.test"));
    let ended = world.run_with(
        "-t acme user create --email alice@acme.test --given-name Alice --family-name Wanja \
         --display-name Al --tenant-admin --phone +254712345678 --employee-id E-1 \
         --kra-pin A123456789B --ref branch=br_3 --ref till=t=1 --locale sw-KE --password-stdin --permanent",
        "correct horse\n",
    );
    assert_eq!(
        ended.out,
        format!("Created user alice@acme.test ({USER}) in tenant acme.\n")
    );
    assert_eq!(
        world.only().body,
        json!({"tenant": "acme", "email": "alice@acme.test",
            "name": {"given": "Alice", "family": "Wanja", "display": "Al"},
            "phone": "+254712345678", "locale": "sw-KE", "employee_id": "E-1",
            "kra_pin": "A123456789B", "external_refs": {"branch": "br_3", "till": "t=1"},
            "tenant_admin": true, "password": {"given": "correct horse"}, "permanent": true})
    );
}

#[test]
fn a_user_needs_a_tenant() {
    let world = World::saying(&objects::change("user.create", "alice@acme.test"));
    let ended = world.run("user create --email alice@acme.test --generate");
    assert_eq!(ended.code, Some(2));
    assert!(
        ended
            .err
            .starts_with("authctl: error: no tenant given\n  Name it with -t TENANT")
    );
    assert!(world.asked().is_empty());
    assert_eq!(
        world
            .run("user create --email acme/alice@acme.test --generate")
            .code,
        Some(0)
    );
    assert_eq!(world.only().body["tenant"], "acme");
}

#[test]
fn a_user_is_disabled_with_one_line_or_one_object() {
    let change = Change {
        sessions_ended: 2,
        ..objects::change("user.disable", "alice@acme.test")
    };
    let world = World::saying(&change);
    let ended = world.run("user disable acme/alice@acme.test -y --reason left");
    assert_eq!(
        ended.out,
        "Disabled user alice@acme.test in tenant acme; 2 sessions ended.\n"
    );
    assert_eq!(
        world.only().body,
        json!({"user": {"tenant": "acme", "name": "alice@acme.test"}, "reason": "left"})
    );
    let ended = world.run("user disable alice@acme.test -y --json");
    assert_eq!(
        ended.out,
        format!(
            "{{\"kind\":\"result\",\"v\":1,\"action\":\"user.disable\",\"changed\":true,\"id\":\"{USER}\",\
             \"tenant\":\"acme\",\"audit_id\":\"{AUDIT}\",\"dry_run\":false,\"sessions_ended\":2}}\n"
        )
    );
    assert_eq!(
        world.run("-y -q user disable alice@acme.test").out,
        format!("{USER}\n")
    );
    let ended = world.run("-y -o csv user disable alice@acme.test");
    assert!(
        ended.out.starts_with("action,changed,id,tenant,audit_id,"),
        "{}",
        ended.out
    );
}

#[test]
fn n_compromise_a_password_is_voided_with_one_line() {
    let change = Change {
        sessions_ended: 1,
        ..objects::change("user.flag_compromised", "alice@acme.test")
    };
    let world = World::saying(&change);
    let ended = world.run("user flag-compromised acme/alice@acme.test -y --reason list");
    assert_eq!(
        ended.out,
        "Voided the password of alice@acme.test in tenant acme; 1 session ended.\n"
    );
    let asked = world.only();
    assert_eq!(asked.path, "/v1/user/flag-compromised");
    assert_eq!(
        asked.body,
        json!({"user": {"tenant": "acme", "name": "alice@acme.test"}, "reason": "list"})
    );
    let world = World::new(|_| Reply::problem(ErrorCode::NoMailTransport, "no mail leaves authd"));
    let ended = world.run("user flag-compromised alice@acme.test -y");
    assert_eq!(ended.code, Some(7), "{}", ended.err);
}

#[test]
fn what_is_already_so_ends_well() {
    let change = Change {
        changed: false,
        audit_id: None,
        ..objects::change("user.disable", "alice@acme.test")
    };
    let world = World::saying(&change);
    let ended = world.run("user disable alice@acme.test -y");
    assert_eq!(ended.code, Some(0));
    assert_eq!(
        ended.out,
        "User alice@acme.test is already disabled in tenant acme; nothing changed.\n"
    );
    assert!(
        world
            .run("user disable a -y --json")
            .out
            .contains("\"changed\":false")
    );
    let out = world.run("user enable alice@acme.test").out;
    assert!(
        out.starts_with("User alice@acme.test is already enabled"),
        "{out}"
    );
}

#[test]
fn nobody_to_ask_means_no() {
    let world = World::saying(&objects::change("x", "x"));
    for (line, what) in [
        ("user disable a@x.test", "disable user a@x.test"),
        ("user disable a b", "disable 2 users"),
        (
            "user flag-compromised a@x.test",
            "void the password of a@x.test",
        ),
        ("user flag-compromised a b", "void the passwords of 2 users"),
        (
            "-t acme session revoke --user a@x.test",
            "end all sessions of user acme/a@x.test",
        ),
        (
            "session revoke --tenant acme",
            "end all sessions of tenant acme",
        ),
        (
            "session revoke --tenant acme -y",
            "end all sessions of tenant acme",
        ),
    ] {
        let ended = world.run(line);
        assert_eq!(ended.code, Some(12), "{line}");
        let start = format!(
            "authctl: error: refusing to {what} without confirmation: stdin is not a terminal\n  In scripts: authctl "
        );
        assert!(ended.err.starts_with(&start), "{line}: {}", ended.err);
    }
    let ended = world.run_with("user disable -", "a\n");
    assert_eq!(ended.code, Some(12));
    // What the script does is what was asked for, its reason and its tenant too.
    let ended = world.run("-t acme role delete buyer --reassign seller");
    let script = "In scripts: authctl -t acme role delete buyer --reassign seller --yes\n";
    assert!(ended.err.contains(script), "{}", ended.err);
    let mut command = world.authctl();
    command.env("AUTHCTL_TENANT", "acme");
    command.args(["session", "revoke", "--ip", "::1", "--reason", "a theft"]);
    let err = String::from_utf8(command.output().unwrap().stderr).unwrap();
    let script = "In scripts: AUTHCTL_TENANT=acme authctl session revoke --ip ::1 \
                  --reason 'a theft' --yes\n";
    assert!(err.contains(script), "{err}");
    assert!(world.asked().is_empty());
}

#[test]
fn several_objects_are_changed_one_by_one_and_failures_told_apart() {
    let world = World::new(|asked| match asked.body["user"]["name"].as_str() {
        Some("bad@x.test") => Reply::problem(ErrorCode::NotFound, "no user \"bad@x.test\""),
        Some(name) => Reply::of(&objects::change("user.enable", name)),
        None => Reply::Silence,
    });
    let ended = world.run_with("user enable -", "a@x.test\n\nbad@x.test\nb@x.test\n");
    assert_eq!(ended.code, Some(8));
    assert_eq!(
        ended.out,
        "Enabled user a@x.test in tenant acme.\nEnabled user b@x.test in tenant acme.\n"
    );
    assert!(
        ended.err.contains("error: no user \"bad@x.test\"\n"),
        "{}",
        ended.err
    );
    assert!(ended.err.ends_with("1 of 3 failed\n"), "{}", ended.err);
    let ended = world.run("user enable a@x.test b@x.test --json");
    let list: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(
        (ended.code, &list["kind"]),
        (Some(0), &json!("result.list"))
    );
    assert_eq!(list["items"][1]["action"], "user.enable");
    assert_eq!(world.run("user enable bad@x.test").code, Some(5));
}

#[test]
fn lockouts_are_cleared() {
    let world = World::saying(&objects::change("lockout.clear", "bob@acme.test"));
    let ended = world.run("lockout clear acme/bob@acme.test --reason called");
    assert_eq!(
        ended.out,
        "Cleared the login failures of bob@acme.test in tenant acme.\n"
    );
    let asked = world.only();
    assert_eq!(asked.path, "/v1/lockout/clear");
    assert_eq!(
        asked.body,
        json!({"user": {"tenant": "acme", "name": "bob@acme.test"}, "reason": "called"})
    );
}

#[test]
fn a_counter_is_shown_also_of_a_name_that_no_user_has() {
    let world = World::saying(&objects::lockout());
    let out = world.run("lockout show acme/nobody@acme.test").out;
    assert!(out.starts_with("Subject         bob@acme.test\n"), "{out}");
    assert_eq!(world.only().query, "tenant=acme&user=nobody%40acme.test");
}

#[test]
fn sessions_end_by_id_user_or_tenant() {
    let world = World::new(|asked| {
        let target = &asked.body["target"];
        let subject = if target.get("session").is_some() {
            format!("session {SESSION} of user bob@acme.test")
        } else if target.get("user").is_some() {
            "all sessions of user bob@acme.test".to_owned()
        } else {
            "all sessions of tenant acme".to_owned()
        };
        let change = Change {
            sessions_ended: 3,
            ..objects::change("session.revoke", &subject)
        };
        Reply::of(&change)
    });
    let ended = world.run(&format!("session revoke {SESSION} -y"));
    let one = format!("Ended session {SESSION} of user bob@acme.test in tenant acme.\n");
    assert_eq!(ended.out, one);
    let ended = world.run("session revoke --user acme/bob@acme.test -y");
    assert_eq!(
        ended.out,
        "Ended all sessions of user bob@acme.test in tenant acme; 3 sessions ended.\n"
    );
    let ended = world.run("session revoke --tenant acme --confirm=acme --reason drill");
    assert_eq!(
        ended.out,
        "Ended all sessions of tenant acme; 3 sessions ended.\n"
    );
    let bodies: Vec<Value> = world.asked().into_iter().map(|asked| asked.body).collect();
    assert_eq!(bodies[0]["target"], json!({"session": SESSION}));
    let user = json!({"user": {"tenant": "acme", "name": "bob@acme.test"}});
    assert_eq!(bodies[1]["target"], user);
    assert_eq!(
        bodies[2],
        json!({"target": {"tenant": "acme"}, "confirm": "acme", "reason": "drill"})
    );
    let ended = world.run("session revoke --tenant acme --confirm=acne");
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.err.contains("--confirm=acne does not name acme"),
        "{}",
        ended.err
    );
    assert_eq!(world.asked().len(), 3);
}

#[test]
fn where_no_session_was_left_none_is_said_to_have_ended() {
    for (line, subject, told) in [
        (
            "session revoke --ip 203.0.113.0/24 -y",
            "sessions from 203.0.113.0/24",
            "No session from 203.0.113.0/24; nothing changed.\n",
        ),
        (
            "session revoke --user bob@acme.test -y",
            "all sessions of user bob@acme.test",
            "No session of user bob@acme.test; nothing changed.\n",
        ),
    ] {
        let world = World::saying(&Change {
            changed: false,
            tenant: None,
            ..objects::change("session.revoke", subject)
        });
        let ended = world.run(line);
        assert_eq!((ended.code, ended.out.as_str()), (Some(0), told));
    }
}

#[test]
fn what_is_no_address_is_refused_before_the_question() {
    let world = World::saying(&objects::change("session.revoke", "sessions"));
    for ip in ["office", "203.0.113.0/33", "::1/129", "203.0.113.0/", "/8"] {
        let ended = world.run(&format!("session revoke --ip {ip}"));
        assert_eq!(ended.code, Some(2), "{ip}: {}", ended.err);
        assert!(ended.err.contains("expected an address"), "{}", ended.err);
    }
    for ip in ["203.0.113.7", "203.0.113.0/24", "2001:db8::/32"] {
        let ended = world.run(&format!("session revoke --ip {ip}"));
        assert_eq!(ended.code, Some(12), "{ip}: {}", ended.err);
    }
    assert!(world.asked().is_empty());
}

#[test]
fn a_tenant_that_is_merely_in_force_ends_nobody() {
    let world = World::saying(&objects::change("session.revoke", "x"));
    assert_eq!(world.run("session revoke").code, Some(2));
    let mut command = world.authctl();
    command
        .env("AUTHCTL_TENANT", "acme")
        .args(["session", "revoke", "-y"]);
    assert_eq!(command.output().unwrap().status.code(), Some(2));
    assert!(world.asked().is_empty());
}
