//! `diff`, `apply` and `tenant export`: what is read, sent, shown and asked.

use std::collections::BTreeMap;
use std::fs;

use common::call::Change;
use common::call::apply::{Wanted, WantedPermission, WantedRole};
use common::view::{DiffLineView, SettingValue, TenantDiffView};
use serde_json::{Value, json};

use crate::daemon::{Reply, World};
use crate::objects;
use crate::states::as_rehearsed;

fn line(sign: &str, kind: &str, name: &str, detail: Option<&str>) -> DiffLineView {
    DiffLineView {
        sign: sign.to_owned(),
        kind: kind.to_owned(),
        name: name.to_owned(),
        detail: detail.map(str::to_owned),
    }
}

fn differs(removed: u32) -> TenantDiffView {
    TenantDiffView {
        tenant: "acme".to_owned(),
        lines: vec![
            line("+", "role", "manager", Some("orders:edit")),
            line("-", "setting", "lockout.threshold", Some("5")),
        ],
        removed,
    }
}

fn world(diff: TenantDiffView) -> World {
    World::new(move |asked| match asked.path.as_str() {
        "/v1/diff" => Reply::of(&diff),
        "/v1/tenant/list" => Reply::of(&objects::page(vec![objects::tenant()])),
        _ => Reply::of(&objects::change("tenant.apply", "acme")),
    })
}

fn file(world: &World, text: &str) -> String {
    let path = world.folder.path().join("tenants.toml");
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

const FILE: &str = "[tenant.acme]\nsettings = { \"lockout.threshold\" = 3 }\n\
    [[tenant.acme.role]]\nname = \"manager\"\npermissions = [\"orders:edit\"]\n";

#[test]
fn a_difference_is_told_and_ends_with_11() {
    let world = world(differs(0));
    let path = file(&world, FILE);
    let ended = world.run(&format!("diff -f {path}"));
    assert_eq!(ended.code, Some(11), "{}", ended.err);
    assert_eq!(
        ended.out,
        "+ role acme/manager orders:edit\n- setting acme/lockout.threshold 5\n"
    );
    assert_eq!(
        world.only().body,
        json!({"tenant": "acme", "prune": false, "wanted": {
            "settings": {"lockout.threshold": 3}, "permissions": [],
            "roles": [{"name": "manager", "permissions": ["orders:edit"]}]}})
    );
    let ended = world.run_with("diff -f - --json", FILE);
    let value: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(
        (&value["kind"], &value["item"]["same"]),
        (&json!("diff"), &json!(false))
    );
    assert_eq!(ended.code, Some(11));
}

#[test]
fn what_is_the_same_ends_well_and_sends_no_change() {
    let world = world(TenantDiffView {
        lines: Vec::new(),
        ..differs(0)
    });
    let path = file(&world, FILE);
    let ended = world.run(&format!("diff -f {path}"));
    assert_eq!(
        (ended.code, ended.out.as_str()),
        (Some(0), "Nothing differs.\n")
    );
    let ended = world.run(&format!("apply -f {path}"));
    assert_eq!(
        (ended.code, ended.out.as_str()),
        (Some(0), "Nothing differs.\n")
    );
    assert!(world.asked().iter().all(|asked| asked.path == "/v1/diff"));
}

#[test]
fn a_file_is_applied_after_a_yes_and_a_removal_after_its_number() {
    let world = world(differs(0));
    let path = file(&world, FILE);
    let ended = world.run(&format!("apply -f {path}"));
    assert_eq!(ended.code, Some(12), "{}", ended.err);
    let ended = world.run(&format!("apply -f {path} --yes --reason spring"));
    assert_eq!(
        ended.out,
        "+ role acme/manager orders:edit\n- setting acme/lockout.threshold 5\n\
         Applied 2 differences in tenant acme.\n",
        "{}",
        ended.err
    );
    let sent = world.asked().pop().unwrap();
    assert_eq!(sent.path, "/v1/apply");
    assert_eq!(
        (&sent.body["confirm"], &sent.body["reason"]),
        (&Value::Null, &json!("spring"))
    );
    let world = self::world(differs(2));
    let path = file(&world, FILE);
    let ended = world.run(&format!("apply -f {path} --prune --yes"));
    assert_eq!(ended.code, Some(12), "{}", ended.err);
    let ended = world.run(&format!("apply -f {path} --prune --confirm=2"));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(world.asked().pop().unwrap().body["confirm"], "acme");
}

#[test]
fn a96_a_rehearsed_file_is_compared_as_ever_and_applied_as_a_rehearsal() {
    let diff = differs(2);
    let world = World::new(move |asked| match asked.path.as_str() {
        "/v1/diff" => Reply::of(&diff),
        _ => as_rehearsed(&Change {
            dry_run: true,
            ..objects::change("tenant.apply", "acme")
        }),
    });
    let path = file(&world, FILE);
    let ended = world.run(&format!("apply -f {path} --prune --dry-run"));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(
        ended
            .out
            .ends_with("Would apply 2 differences in tenant acme.\n"),
        "{}",
        ended.out
    );
    let asked = world.asked();
    let flags = asked
        .iter()
        .map(|asked| asked.headers.contains_key("authctl-dry-run"));
    assert_eq!(flags.collect::<Vec<_>>(), [false, true]);
}

#[test]
fn a_wish_for_all_is_asked_of_every_tenant_and_a_slip_is_told_with_its_line() {
    let world = world(differs(0));
    let path = file(
        &world,
        "[all]\n[[all.permission]]\nname = \"orders:view\"\n",
    );
    let ended = world.run(&format!("diff -f {path}"));
    assert_eq!(ended.code, Some(11));
    let asked = world.asked();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[1].body["tenant"], "acme");
    let path = file(&world, "[tenant.acme]\nrolle = 1\n");
    let ended = world.run(&format!("apply -f {path}"));
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.err.contains("tenants.toml:2:1: error: "),
        "{}",
        ended.err
    );
    assert_eq!(world.run("diff -f /nonexistent.toml").code, Some(2));
}

#[test]
fn a_tenant_is_written_out_as_apply_reads_it() {
    let wanted = Wanted {
        settings: BTreeMap::from([(
            "session.policy".to_owned(),
            SettingValue::Text("single".to_owned()),
        )]),
        permissions: vec![WantedPermission {
            name: "orders:view".to_owned(),
            description: Some("Look at \"orders\"".to_owned()),
        }],
        roles: vec![WantedRole {
            name: "viewer".to_owned(),
            description: None,
            permissions: Some(vec!["orders:view".to_owned()]),
        }],
    };
    let diff = differs(0);
    let answer = wanted.clone();
    let world = World::new(move |asked| match asked.path.as_str() {
        "/v1/diff" => Reply::of(&diff),
        _ => Reply::of(&answer),
    });
    let path = world.folder.path().join("acme.toml");
    let ended = world.run(&format!("tenant export acme {}", path.display()));
    assert_eq!(
        (ended.code, ended.out.as_str()),
        (Some(0), ""),
        "{}",
        ended.err
    );
    assert_eq!(ended.err, "authctl: note: 3 rows\n");
    world.run(&format!("diff -f {}", path.display()));
    let sent = world.asked().pop().unwrap().body["wanted"].clone();
    assert_eq!(sent, serde_json::to_value(&wanted).unwrap());
    let again = world.run(&format!("tenant export acme {}", path.display()));
    assert_eq!(again.code, Some(2), "none is overwritten");
    let ended = world.run("tenant export acme --as jsonl");
    let kinds: Vec<String> = ended
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["kind"].to_string())
        .collect();
    assert_eq!(kinds, ["\"setting\"", "\"permission\"", "\"role\""]);
}
