//! `explain`: what is sent, and how the answer reads.

use common::time::Time;
use common::view::{
    ActorView, DeviceStanding, ExplainedAttempt, LockStanding, LoginExplanation, NameStanding,
    PermissionExplanation, TenantStatus, UserStatus, ViaExplanation,
};
use serde_json::Value;

use crate::daemon::World;
use crate::objects::{self, USER, time};

fn standing(until: Option<Time>) -> NameStanding {
    NameStanding {
        only_match: true,
        lock: LockStanding {
            locked: until.is_some(),
            manual: false,
            locked_until: until,
            failures: 5,
            since: Some(time("2026-11-20T08:10:00.000Z")),
            threshold: 5,
            window_seconds: 900,
            duration_seconds: 900,
        },
        status: Some(UserStatus::Active),
        email_verified: Some(true),
        password: Some("own".to_owned()),
        registration_waits: false,
        tenant_status: TenantStatus::Active,
        tenant_ends_at: None,
        tenant_ended: false,
        devices: vec![DeviceStanding {
            last_used_at: time("2026-11-20T08:00:00.000Z"),
            failures: 0,
            locked: false,
        }],
    }
}

fn explanation() -> LoginExplanation {
    let until = time("2999-01-01T00:00:00.000Z");
    let refused = objects::attempt();
    let mut ignored = objects::attempt();
    ignored.outcome = "locked".to_owned();
    LoginExplanation {
        user_id: Some(USER.parse().unwrap()),
        email: Some("bob@acme.test".to_owned()),
        tenant: Some("acme".to_owned()),
        verdict: "locked".to_owned(),
        locked_until: Some(until),
        standing: Some(standing(Some(until))),
        attempts: vec![
            ExplainedAttempt {
                attempt: ignored,
                why: vec!["not evaluated: failures had locked the name".to_owned()],
            },
            ExplainedAttempt {
                attempt: refused,
                why: vec![
                    "the password was wrong".to_owned(),
                    "5th in the window".to_owned(),
                ],
            },
        ],
        next: vec!["authctl lockout clear acme/bob@acme.test".to_owned()],
    }
}

#[test]
fn a_login_is_explained_with_the_next_step_last() {
    let world = World::saying(&explanation());
    let ended = world.run("explain login acme/bob@acme.test --last 2 --utc");
    assert_eq!(
        ended.out,
        format!(
            "bob@acme.test  {USER}  tenant acme (the only match)\n\
             \x20 locked    yes: 5 wrong passwords since 2026-11-20T08:10:00.000Z, until \
             2999-01-01T00:00:00.000Z (threshold 5, window 15m, duration 15m)\n\
             \x20 disabled  no     e-mail verified  yes     password  own     tenant  active     \
             known devices  1 (own counter: 0 failures)\n\
             \x20 2026-11-20T08:12:00.000Z  refused  locked              203.0.113.7  \
             not evaluated: failures had locked the name\n\
             \x20 2026-11-20T08:12:00.000Z  refused  wrong_password      203.0.113.7  \
             the password was wrong; 5th in the window\n\
             \x20 next: authctl lockout clear acme/bob@acme.test\n"
        )
    );
    assert_eq!(
        world.only().query,
        "tenant=acme&subject=bob%40acme.test&last=2"
    );
}

#[test]
fn an_explanation_is_one_object_for_programs() {
    let world = World::saying(&explanation());
    let ended = world.run("explain login req_01h455vb4pex5vsknk084sn02q --json");
    let value: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(value["kind"], "explain.login");
    assert_eq!(value["item"]["verdict"], "locked");
    assert_eq!(
        value["item"]["next"][0],
        "authctl lockout clear acme/bob@acme.test"
    );
    assert_eq!(value["item"]["attempts"][1]["outcome"], "wrong_password");
    assert_eq!(
        world.only().query,
        "subject=req_01h455vb4pex5vsknk084sn02q&last=5"
    );
    let ended = world.run("explain login bob@acme.test -o id");
    assert_eq!(ended.out.lines().count(), 2);
    let ended = world.run("explain login bob@acme.test --last 51");
    assert_eq!(ended.code, Some(2));
}

fn permission(allowed: bool) -> PermissionExplanation {
    let via = ViaExplanation {
        role: Some("manager".to_owned()),
        tenant_admin: false,
        by: "orders:edit".to_owned(),
        granted_at: Some(time("2026-10-02T08:00:00.000Z")),
        granted_by: Some(ActorView {
            uid: Some(1001),
            user: Some("jane".to_owned()),
            sudo_uid: None,
            pid: None,
            channel: "admin".to_owned(),
            user_id: None,
            tenant_id: None,
            client_id: None,
        }),
    };
    let roles = ["manager", "system:superadmin"].map(str::to_owned);
    PermissionExplanation {
        allowed,
        via: if allowed { vec![via] } else { Vec::new() },
        permission: "orders:edit".to_owned(),
        user_id: USER.parse().unwrap(),
        email: "bob@acme.test".to_owned(),
        tenant: "acme".to_owned(),
        roles_that_would: if allowed { Vec::new() } else { roles.to_vec() },
        hindered_by: (!allowed).then(|| "disabled".to_owned()),
    }
}

#[test]
fn a_permission_is_explained_by_its_chain_or_by_what_would_give_it() {
    let world = World::saying(&permission(true));
    let ended = world.run("explain permission acme/bob@acme.test orders:edit --utc");
    assert_eq!(
        ended.out,
        "acme/bob@acme.test: allowed\n  \
         orders:edit <- role manager <- granted 2026-10-02T08:00:00.000Z by jane\n"
    );
    assert_eq!(ended.code, Some(0));
    let world = World::saying(&permission(false));
    let ended = world.run("explain permission acme/bob@acme.test orders:edit");
    assert_eq!(
        ended.out,
        "acme/bob@acme.test: denied: no role grants it; roles that would: manager, \
         system:superadmin\n  of no use now: the user is disabled\n"
    );
    assert_eq!(ended.code, Some(0));
    let ended = world.run("explain permission bob@acme.test orders:edit --json");
    let value: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(value["item"]["allowed"], false);
    assert_eq!(value["item"]["roles_that_would"][0], "manager");
}
