//! States of tenants and names: what is sent, what is said, and what a rehearsal says instead.

use common::call::Change;
use common::view::{SettingSource, SettingValue, SettingView, TenantUsageView};
use serde_json::{Value, json};

use crate::daemon::{Reply, World};
use crate::objects::{self, USER, page, tenant};

fn rehearsed(action: &str, subject: &str) -> Change {
    Change {
        dry_run: true,
        audit_id: None,
        ..objects::change(action, subject)
    }
}

/// A daemon that marks its answer as a rehearsal's, as the real one does.
pub(crate) fn rehearsing(change: &Change) -> World {
    let change = change.clone();
    World::new(move |_| as_rehearsed(&change))
}

/// Its answer alone.
pub(crate) fn as_rehearsed(change: &Change) -> Reply {
    let headers = vec![
        ("authd-version", common::VERSION.to_owned()),
        ("authd-protocol", common::ADMIN_PROTOCOL.to_string()),
        ("authctl-dry-run", "true".to_owned()),
    ];
    Reply::Headers(headers, serde_json::to_value(change).unwrap())
}

#[test]
fn a_tenant_is_changed_closed_and_opened() {
    let world = World::saying(&objects::change("tenant.set", "acme"));
    let ended = world.run("tenant set acme --plan pro --max-users 5 --ends never --reason grown");
    assert_eq!(ended.out, "Changed tenant acme.\n");
    assert_eq!(
        world.only().body,
        json!({"tenant": "acme", "name": null, "plan": "pro", "max_users": 5, "ends": "never",
            "time_zone": null, "reason": "grown"})
    );
    let world = World::saying(&Change {
        notes: vec!["2 sessions are refused until the tenant is resumed".to_owned()],
        ..objects::change("tenant.suspend", "acme")
    });
    let ended = world.run("tenant suspend acme --yes --reason unpaid");
    assert_eq!(ended.out, "Suspended tenant acme.\n");
    assert!(
        ended.err.contains("2 sessions are refused"),
        "{}",
        ended.err
    );
    let asked = world.only();
    assert_eq!(asked.path, "/v1/tenant/suspend");
    assert_eq!(asked.body, json!({"tenant": "acme", "reason": "unpaid"}));
    let world = World::saying(&objects::change("tenant.resume", "acme"));
    assert_eq!(
        world.run("-t acme tenant resume").out,
        "Resumed tenant acme.\n"
    );
}

#[test]
fn a95_a_tenant_is_deleted_by_its_slug_and_brought_back() {
    let answer = |method: &str, path: &str| match (method, path) {
        ("GET", _) => serde_json::to_value(tenant()).unwrap(),
        (_, "/v1/tenant/delete") => serde_json::to_value(Change {
            sessions_ended: 2,
            notes: vec!["it is purged after 2026-12-24T10:00:00.000Z".to_owned()],
            ..objects::change("tenant.delete", "acme")
        })
        .unwrap(),
        _ => serde_json::to_value(objects::change("tenant.restore", "acme")).unwrap(),
    };
    let world = World::new(move |asked| Reply::Json(200, answer(&asked.method, &asked.path)));
    // Nobody there to type it, and another name.
    let ended = world.run("tenant delete acme --yes");
    assert_eq!(ended.code, Some(12), "{}", ended.err);
    assert!(
        ended
            .err
            .contains("refusing to delete tenant acme (98 users) without confirmation"),
        "{}",
        ended.err
    );
    let script = "In scripts: authctl tenant delete acme --confirm=acme";
    assert!(ended.err.contains(script), "{}", ended.err);
    let ended = world.run("tenant delete acme --confirm=globex");
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    assert!(world.asked().iter().all(|asked| asked.method == "GET"));

    let ended = world.run("tenant delete acme --confirm=acme --reason closed");
    assert_eq!(ended.out, "Deleted tenant acme; 2 sessions ended.\n");
    assert!(ended.err.contains("purged after"), "{}", ended.err);
    let asked = world.asked().pop().unwrap();
    assert_eq!(
        asked.body,
        json!({"tenant": "acme", "confirm": "acme", "reason": "closed"})
    );
    let ended = world.run("tenant restore acme");
    assert_eq!(ended.out, "Restored tenant acme.\n");
}

#[test]
fn a95_locks_are_cleared_by_address_or_all_by_the_word() {
    let world = World::saying(&objects::change("lockout.clear-all", "2 names"));
    let ended = world.run("lockout clear --ip 203.0.113.0/24 --reason office");
    assert!(
        ended
            .out
            .starts_with("Cleared the login failures of 2 names"),
        "{}",
        ended.out
    );
    let asked = world.only();
    assert_eq!(asked.path, "/v1/lockout/clear-all");
    assert_eq!(
        asked.body,
        json!({"tenant": null, "ip": "203.0.113.0/24", "confirm": null, "reason": "office"})
    );
    let world = World::saying(&objects::change("lockout.clear-all", "2 names"));
    let unanswered = world.run("-t acme lockout clear --all --yes");
    assert_eq!(unanswered.code, Some(12), "{}", unanswered.err);
    let script = "In scripts: authctl -t acme lockout clear --all --confirm=all";
    assert!(unanswered.err.contains(script), "{}", unanswered.err);
    for line in [
        "lockout clear",
        "lockout clear --all --ip 203.0.113.7",
        "lockout clear bob@acme.test --all",
        "lockout clear --all --confirm=2",
    ] {
        assert_eq!(world.run(line).code, Some(2), "{line}");
    }
    assert!(world.asked().is_empty());
    world.run("-t acme lockout clear --all --confirm=all");
    assert_eq!(
        world.only().body,
        json!({"tenant": "acme", "ip": null, "confirm": "all", "reason": null})
    );
}

#[test]
fn old_attempts_are_pruned_after_a_question() {
    let pruned = objects::change("attempt.prune", "login attempts before 2026-05-28");
    let world = World::saying(&pruned);
    let unanswered = world.run("attempt prune --older-than 180d");
    assert_eq!(unanswered.code, Some(12), "{}", unanswered.err);
    assert!(world.asked().is_empty());
    let ended = world.run("attempt prune --older-than 180d --yes --reason policy");
    assert!(
        ended
            .out
            .starts_with("Pruned login attempts before 2026-05-28"),
        "{}",
        ended.out
    );
    assert_eq!(
        world.only().body,
        json!({"older_than_seconds": 15_552_000, "reason": "policy"})
    );
    assert_eq!(world.run("attempt prune --yes").code, Some(2));
}

#[test]
fn a_tenant_is_not_closed_without_a_word() {
    let world = World::saying(&tenant());
    let ended = world.run("tenant suspend acme");
    assert_eq!(ended.code, Some(12));
    assert!(
        ended
            .err
            .contains("In scripts: authctl tenant suspend acme --yes"),
        "{}",
        ended.err
    );
    // One that is merely in force is closed by nobody.
    let mut command = world.authctl();
    command.env("AUTHCTL_TENANT", "acme");
    let output = command.args(["tenant", "suspend", "-y"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(world.run("tenant set acme").code, Some(2));
    assert!(world.asked().is_empty());
}

#[test]
fn usage_has_its_columns() {
    let world = World::saying(&page(vec![TenantUsageView {
        tenant: "acme".to_owned(),
        users: 98,
        max_users: Some(100),
        sessions: 61,
        logins_24h: 340,
        failed_24h: 12,
    }]));
    let out = world.run("tenant usage acme").out;
    let words: Vec<Vec<&str>> = out
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        words,
        [
            [
                "TENANT",
                "USERS",
                "MAX",
                "SESSIONS",
                "LOGINS/24H",
                "FAILED/24H"
            ],
            ["acme", "98", "100", "61", "340", "12"]
        ]
    );
    assert_eq!(world.only().query, "tenant=acme&limit=200");
    let csv = world.run("-o csv tenant usage").out;
    assert_eq!(csv.lines().nth(1), Some("acme,98,100,61,340,12"), "{csv}");
}

#[test]
fn a_name_is_locked_for_a_time_or_until_cleared() {
    let world = World::saying(&objects::change("lockout.add", "bob@acme.test"));
    let ended = world.run("lockout add acme/bob@acme.test --for 90m --reason left");
    assert_eq!(
        ended.out,
        "Locked bob@acme.test for 1h 30m in tenant acme.\n"
    );
    assert_eq!(
        world.only().body,
        json!({"user": {"tenant": "acme", "name": "bob@acme.test"},
            "term": {"seconds": 5400}, "reason": "left"})
    );
    let world = World::saying(&objects::change("lockout.add", "bob@acme.test"));
    let ended = world.run("-t acme lockout add bob@acme.test --until-cleared");
    assert!(
        ended
            .out
            .starts_with("Locked bob@acme.test until it is cleared")
    );
    assert_eq!(world.only().body["term"], "until_cleared");
    for line in [
        "lockout add acme/bob@acme.test",
        "lockout add acme/bob@acme.test --for 1h --until-cleared",
    ] {
        assert_eq!(world.run(line).code, Some(2), "{line}");
    }
    assert_eq!(world.asked().len(), 1);
}

#[test]
fn unlocking_a_user_clears_its_counter() {
    let world = World::saying(&objects::change("lockout.clear", "bob@acme.test"));
    let ended = world.run("user unlock acme/bob@acme.test");
    assert!(ended.out.starts_with("Cleared the login failures of bob"));
    assert_eq!(world.only().path, "/v1/lockout/clear");
}

#[test]
fn a96_a_rehearsal_is_asked_for_and_told_as_one() {
    let change = Change {
        sessions_ended: 2,
        ..rehearsed("user.disable", "alice@acme.test")
    };
    let world = rehearsing(&change);
    // Nobody is asked: nothing happens.
    let ended = world.run("--dry-run user disable acme/alice@acme.test");
    assert_eq!(
        ended.out,
        "Would disable user alice@acme.test in tenant acme; 2 sessions would end.\n"
    );
    let asked = world.only();
    let flag = asked.headers.get("authctl-dry-run").map(String::as_str);
    assert_eq!(flag, Some("true"));
    let ended = world.run("user disable acme/alice@acme.test --dry-run --json");
    let result: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(result["dry_run"], true);
    assert_eq!(result["audit_id"], Value::Null);
    assert_eq!(result["id"], USER);
    let nothing = Change {
        changed: false,
        ..rehearsed("user.disable", "alice@acme.test")
    };
    let ended = rehearsing(&nothing).run("user disable alice@acme.test --dry-run");
    assert_eq!(
        ended.out,
        "User alice@acme.test is already disabled in tenant acme; nothing changed.\n"
    );
}

#[test]
fn a96_a_daemon_that_knows_no_rehearsal_is_found_out() {
    let world = World::saying(&objects::change("user.disable", "alice@acme.test"));
    let ended = world.run("--dry-run user disable acme/alice@acme.test");
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""));
    assert!(
        ended.err.contains("\"user disable\" was done"),
        "{}",
        ended.err
    );
}

#[test]
fn reading_is_not_rehearsed() {
    let world = World::saying(&page(vec![tenant()]));
    assert_eq!(world.run("tenant list --dry-run").code, Some(0));
    assert!(!world.only().headers.contains_key("authctl-dry-run"));
}

#[test]
fn a_user_is_deleted_by_its_address_and_several_by_their_number() {
    let bob = objects::details("bob@acme.test");
    let change = objects::change("user.delete", "bob@acme.test");
    let answer = move |asked: &crate::daemon::Asked| match asked.path.as_str() {
        "/v1/user/show" => Reply::of(&bob),
        _ => Reply::of(&change),
    };
    let world = World::new(answer.clone());
    // An id is no name to type: the address behind it is.
    let ended = world.run(&format!("user delete {USER} --confirm bob@acme.test"));
    assert_eq!(ended.out, "Deleted user bob@acme.test in tenant acme.\n");
    let asked = world.asked().pop().unwrap();
    assert_eq!(asked.path, "/v1/user/delete");
    assert_eq!(asked.body["confirm"], "bob@acme.test");
    let world = World::new(answer.clone());
    let line = "-t acme user delete bob@acme.test eve@acme.test";
    assert_eq!(
        world.run(&format!("{line} --confirm bob@acme.test")).code,
        Some(2)
    );
    assert_eq!(world.run(&format!("{line} --yes")).code, Some(12));
    let sent = |world: &World| {
        let asked = world.asked();
        asked.iter().filter(|asked| asked.method == "POST").count()
    };
    assert_eq!(sent(&world), 0);
    assert_eq!(world.run(&format!("{line} --confirm 2")).code, Some(0));
    assert_eq!(sent(&world), 2);
}

#[test]
fn s10_settings_of_a_tenant_are_listed_and_shown() {
    let row = |key: &str, value, source: SettingSource, bound: Option<SettingValue>| SettingView {
        tenant: "acme".to_owned(),
        key: key.to_owned(),
        value,
        source,
        class: if bound.is_some() {
            "tenant"
        } else {
            "operator"
        }
        .to_owned(),
        bound,
        unused: None,
        allowed: "1 to 100".to_owned(),
        updated_at: None,
    };
    let threshold = row(
        "lockout.threshold",
        SettingValue::Number(5),
        SettingSource::Default,
        Some(SettingValue::Number(5)),
    );
    let world = World::saying(&page(vec![
        threshold.clone(),
        row(
            "session.policy",
            SettingValue::Text("limit:3".to_owned()),
            SettingSource::Operator,
            None,
        ),
    ]));
    assert_eq!(
        world.run("tenant settings list acme").out,
        "KEY                VALUE    SOURCE    CLASS     BOUND\n\
         lockout.threshold  5        default   tenant    5\n\
         session.policy     limit:3  operator  operator  -\n"
    );
    let asked = world.only();
    assert_eq!(asked.path, "/v1/tenant/settings/list");
    assert_eq!(asked.query, "tenant=acme&limit=200");
    let world = World::saying(&threshold);
    let json = world
        .run("-t acme --json tenant settings get lockout.threshold")
        .out;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["kind"], &json["item"]["bound"]),
        (&json!("tenant.setting"), &json!(5))
    );
}

#[test]
fn s10_settings_of_a_tenant_are_set_and_unset() {
    let world = World::saying(&Change {
        sessions_ended: 2,
        notes: vec!["Something to know.".to_owned()],
        ..objects::change("tenant.settings.set", "session.max_age")
    });
    let ended = world.run("-t acme tenant settings set session.max_age 1d --reason short");
    assert_eq!(
        ended.out,
        "Set session.max_age to 1d in tenant acme; 2 sessions ended.\n"
    );
    assert!(ended.err.contains("Something to know."), "{}", ended.err);
    assert_eq!(
        world.only().body,
        json!({"tenant": "acme", "key": "session.max_age", "value": "1d", "reason": "short"})
    );
    let world = rehearsing(&rehearsed("tenant.settings.unset", "session.max_age"));
    let ended = world.run("-t acme --dry-run tenant settings unset session.max_age");
    assert_eq!(
        ended.out,
        "Would remove the value of session.max_age in tenant acme.\n"
    );
    let nothing = Change {
        changed: false,
        ..objects::change("tenant.settings.unset", "session.max_age")
    };
    let ended = World::saying(&nothing).run("-t acme tenant settings unset session.max_age");
    assert_eq!(
        ended.out,
        "session.max_age has no value of its own in tenant acme; nothing changed.\n"
    );
    let without = World::saying(&nothing).run("tenant settings unset session.max_age");
    assert_eq!(without.code, Some(2));
}
