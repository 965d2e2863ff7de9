//! `audit list|show` and `attempt show`: what they ask for, and what they show.

use common::view::{ActorView, AuditView};
use serde_json::{Value, json};

use crate::daemon::World;
use crate::objects::{self, AUDIT, USER, time};

fn change() -> AuditView {
    AuditView {
        id: AUDIT.parse().unwrap(),
        at: time("2026-11-20T08:12:00.000Z"),
        tenant: Some("acme".to_owned()),
        number: 3,
        action: "user.disable".to_owned(),
        object: USER.to_owned(),
        email: Some("bob@acme.test".to_owned()),
        actor: Some(ActorView {
            uid: Some(1001),
            user: Some("jane".to_owned()),
            sudo_uid: None,
            pid: Some(4411),
            channel: "admin".to_owned(),
            user_id: None,
            tenant_id: None,
            client_id: None,
        }),
        reason: Some("left".to_owned()),
        erased: false,
        before: None,
        after: None,
    }
}

#[test]
fn the_audit_log_is_a_table_of_fifty() {
    let world = World::saying(&objects::page(vec![change()]));
    let ended = world.run("audit list");
    assert_eq!(
        ended.out,
        "TIME                      TENANT  ACTION        SUBJECT        BY          REASON\n\
         2026-11-20T08:12:00.000Z  acme    user.disable  bob@acme.test  jane(1001)  left\n"
    );
    assert_eq!(world.only().query, "limit=50");
}

#[test]
fn the_audit_log_asks_for_what_its_flags_say() {
    let world = World::saying(&objects::page(Vec::<Value>::new()));
    let ended = world.run(
        "-t acme audit list --actor jane --action user. --object usr_1 --until 2026-11-23 -n 5",
    );
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(
        world.only().query,
        "tenant=acme&actor=jane&action=user.&object=usr_1&until=2026-11-23T00%3A00%3A00.000Z&limit=5"
    );
    let ended = world.run("audit list --until whenever");
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.err.contains("--until whenever is no time"),
        "{}",
        ended.err
    );
    let ended = world.run("audit list --filter actr.user=jane");
    assert!(
        ended.err.contains("Did you mean \"actor.user\"?"),
        "{}",
        ended.err
    );
}

#[test]
fn one_change_is_shown_with_what_was_and_is() {
    let whole = AuditView {
        before: Some(json!({"status": "active"})),
        after: Some(json!({"status": "disabled", "sessions_ended": 2})),
        ..change()
    };
    let world = World::saying(&whole);
    let ended = world.run(&format!("audit show {AUDIT}"));
    assert!(
        ended
            .out
            .ends_with("\n- status: \"active\"\n+ sessions_ended: 2\n+ status: \"disabled\"\n"),
        "{}",
        ended.out
    );
    assert_eq!(world.only().query, format!("id={AUDIT}"));
    let ended = world.run(&format!("audit show {AUDIT} --json"));
    let shown: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(shown["kind"], "audit");
    assert_eq!(shown["item"], serde_json::to_value(&whole).unwrap());
    let erased = AuditView {
        erased: true,
        ..change()
    };
    let ended = World::saying(&erased).run(&format!("audit show {AUDIT}"));
    assert!(ended.err.contains("was erased"), "{}", ended.err);
}

#[test]
fn one_attempt_is_shown_with_its_steps() {
    let mut attempt = objects::attempt();
    attempt.trace = vec!["counter: 4 of 5".to_owned(), "password: wrong".to_owned()];
    let world = World::saying(&attempt);
    let ended = world.run("attempt show att_01h455vb4pex5vsknk084sn02q");
    assert!(
        ended.out.contains("counter: 4 of 5; password: wrong\n"),
        "{}",
        ended.out
    );
    assert_eq!(world.only().path, "/v1/attempt/show");
}
