//! Single tokens: what is sent, what is shown, and how it ends.

use common::call::Change;
use common::view::{DeniedTokenView, TokenView};
use serde_json::json;

use crate::daemon::World;
use crate::objects::{self, time};

const JTI: &str = "w4Z2uPRcTH2vVcGmEGVYbQ";
const KEY: &str = "key_01h455vb4pex5vsknk084sn02q";

fn view() -> TokenView {
    TokenView {
        alg: Some("EdDSA".to_owned()),
        typ: Some("at+jwt".to_owned()),
        kid: Some(KEY.to_owned()),
        signature: "valid".to_owned(),
        accepted: true,
        expired: false,
        revoked: None,
        claims: json!({"jti": JTI, "sub": "usr_1"}),
    }
}

#[test]
fn a_token_is_read_from_stdin_and_its_state_is_the_exit() {
    let world = World::saying(&view());
    let ended = world.run_with("token inspect", " a.b.c \n");
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(
        ended.out.starts_with("{\n  \"jti\": \"w4Z2"),
        "{}",
        ended.out
    );
    assert!(
        ended.out.contains(&format!("Signature  valid ({KEY})")),
        "{}",
        ended.out
    );
    assert!(ended.out.contains("Revoked    no"), "{}", ended.out);
    assert_eq!(world.only().body, json!({"token": "a.b.c"}));
    let ended = world.run_with("token inspect --json", "a.b.c");
    assert!(
        ended
            .out
            .starts_with("{\"kind\":\"token\",\"v\":1,\"item\":{\"alg\"")
    );
    for (refused, shown) in [
        (
            TokenView {
                revoked: Some("session superseded".to_owned()),
                accepted: false,
                ..view()
            },
            "session superseded",
        ),
        (
            TokenView {
                signature: "unknown_key".to_owned(),
                accepted: false,
                ..view()
            },
            "of an unknown key",
        ),
    ] {
        let world = World::saying(&refused);
        let ended = world.run_with("token inspect", "a.b.c");
        assert_eq!(ended.code, Some(11));
        assert!(ended.out.contains(shown), "{}", ended.out);
    }
    let ended = world.run_with("token inspect", "");
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("no token given"), "{}", ended.err);
    // Never in the arguments, where others of the machine could read it.
    assert_eq!(world.run("token inspect a.b.c").code, Some(2));
}

#[test]
fn tokens_are_denied_by_their_ids() {
    let change = Change {
        id: Some(JTI.to_owned()),
        tenant: None,
        ..objects::change("token.revoke", JTI)
    };
    let world = World::saying(&change);
    let ended = world.run(&format!("token revoke {JTI} --reason lost"));
    assert_eq!(
        ended.out,
        format!("Revoked token {JTI}.\n"),
        "{}",
        ended.err
    );
    assert_eq!(world.only().body, json!({"jti": JTI, "reason": "lost"}));
    let world = World::saying(&change);
    // A jti may begin with a hyphen.
    world.run("token revoke --reason lost -- -abc");
    assert_eq!(world.only().body, json!({"jti": "-abc", "reason": "lost"}));
    let world = World::saying(&change);
    let ended = world.run_with("token revoke -", "one\ntwo\n");
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(world.asked().len(), 2);
}

#[test]
fn the_denied_ones_are_listed() {
    let world = World::saying(&objects::page(vec![DeniedTokenView {
        jti: JTI.to_owned(),
        revoked_at: time("2026-11-20T08:12:00.000Z"),
        expires_at: time("2026-11-20T09:17:00.000Z"),
        reason: Some("lost".to_owned()),
    }]));
    let ended = world.run("token denylist --utc");
    assert_eq!(
        ended.out,
        "JTI                     REVOKED                   EXPIRES                   REASON\n\
         w4Z2uPRcTH2vVcGmEGVYbQ  2026-11-20T08:12:00.000Z  2026-11-20T09:17:00.000Z  lost\n"
    );
}
