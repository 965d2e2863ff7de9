//! Signing keys: what is sent, what is shown, and what is asked first.

use common::call::Change;
use common::view::KeyView;
use serde_json::json;

use crate::daemon::World;
use crate::objects::{self, time};

const KEY: &str = "key_01h455vb4pex5vsknk084sn02q";

fn key() -> KeyView {
    KeyView {
        id: KEY.parse().unwrap(),
        alg: "EdDSA".to_owned(),
        state: "active".to_owned(),
        created_at: time("2026-11-20T08:12:00.000Z"),
        activates_at: time("2026-11-20T09:12:00.000Z"),
        retires_at: Some(time("2027-02-18T09:12:00.000Z")),
        ends_at: None,
    }
}

fn change(action: &str) -> Change {
    Change {
        id: Some(KEY.to_owned()),
        tenant: None,
        ..objects::change(action, KEY)
    }
}

#[test]
fn keys_are_listed_with_their_times() {
    let world = World::saying(&objects::page(vec![key()]));
    let ended = world.run("key list --utc");
    assert_eq!(
        ended.out,
        "KEY                             ALG    STATE   CREATED                   ACTIVATES                 RETIRES\n\
         key_01h455vb4pex5vsknk084sn02q  EdDSA  active  2026-11-20T08:12:00.000Z  2026-11-20T09:12:00.000Z  2027-02-18T09:12:00.000Z\n"
    );
    assert_eq!(world.only().path, "/v1/key/list");
    let ended = world.run("key list --json");
    assert!(ended.out.contains("\"kind\":\"key.list\""), "{}", ended.out);
    assert!(ended.out.contains("\"ends_at\":null"), "{}", ended.out);
}

#[test]
fn rfc7517_the_public_keys_are_json_whatever_the_format() {
    let jwks = json!({"keys": [{"kid": KEY, "kty": "OKP"}]});
    for format in ["key jwks", "key jwks -o csv", "key jwks --json"] {
        let world = World::saying(&jwks);
        let ended = world.run(format);
        let printed: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
        assert_eq!(printed, jwks, "{format}");
    }
}

#[test]
fn a_rotation_is_asked_for_and_says_when() {
    let world = World::saying(&change("key.rotate"));
    assert_eq!(world.run("key rotate").code, Some(12));
    assert!(world.asked().is_empty());
    let ended = world.run("key rotate --activate-after 2h --yes");
    assert_eq!(ended.out, format!("Announced key {KEY}.\n"));
    assert_eq!(world.only().body["activate_after_seconds"], 7200);
    let world = World::saying(&change("key.rotate"));
    let ended = world.run("key rotate --activate-after 0s --reason audit -y");
    assert_eq!(ended.out, format!("Rotated to key {KEY}.\n"));
    assert_eq!(world.only().body["reason"], "audit");
    let ended = world.run("key rotate --activate-after soon -y");
    assert_eq!(ended.code, Some(2));
}

#[test]
fn a_key_is_retired_after_a_question_and_revoked_by_its_name() {
    let world = World::saying(&change("key.retire"));
    assert_eq!(world.run(&format!("key retire {KEY}")).code, Some(12));
    let ended = world.run(&format!("key retire {KEY} -y"));
    assert_eq!(ended.out, format!("Retired key {KEY}.\n"));
    let world = World::saying(&change("key.revoke"));
    // Yes is no answer to a name.
    let ended = world.run(&format!("key revoke {KEY} -y"));
    assert_eq!(ended.code, Some(12), "{}", ended.err);
    let ended = world.run(&format!("key revoke {KEY} --confirm=key_x"));
    assert_eq!(ended.code, Some(2));
    for line in ["key revoke key_x", "key retire key_x"] {
        let ended = world.run(line);
        assert_eq!(ended.code, Some(2), "{}", ended.err);
        assert!(ended.err.contains("expected a key_"), "{}", ended.err);
    }
    assert!(world.asked().is_empty());
    let ended = world.run(&format!("key revoke {KEY} --confirm={KEY}"));
    assert_eq!(ended.out, format!("Revoked key {KEY}.\n"));
    assert_eq!(
        world.only().body,
        json!({"key": KEY, "confirm": KEY, "reason": null})
    );
}
