//! The keys that sign tokens: others can verify what they sign, they change under load without a
//! lost request, and an emergency ends all that one of them signed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use harness::{Exit, Home, Request, eventually, parallel};
use serde_json::{Value, json};

use crate::scene::{ALICE, alice, open};

/// Reads a JWKS and tokens from standard input, and verifies them by OpenSSL through `PyJWT`.
const VERIFIER: &str = r#"
import json, sys, jwt
given = json.load(sys.stdin)
keys = {key["kid"]: key for key in given["jwks"]["keys"]}
for token in given["tokens"]:
    header = jwt.get_unverified_header(token)
    key = jwt.PyJWK(keys[header["kid"]])
    claims = jwt.decode(token, key.key, algorithms=[given["alg"]],
                        audience=given["iss"], issuer=given["iss"])
    print(header["alg"], header["typ"], claims["sub"])
    bent = token[:-12] + ("A" if token[-12] != "A" else "B") + token[-11:]
    try:
        jwt.decode(bent, key.key, algorithms=[given["alg"]], audience=given["iss"])
        print("took a bent one")
    except jwt.InvalidSignatureError:
        pass
"#;

fn verified_elsewhere(algorithm: &str, jwks: &Value, tokens: &[&str]) -> String {
    // The system's own, which has the packages, whatever else is in the path.
    let mut command = std::process::Command::new("/usr/bin/python3");
    command.args(["-c", VERIFIER]);
    let given = json!({"alg": algorithm, "jwks": jwks, "tokens": tokens,
        "iss": "http://127.0.0.1:8440"});
    let ended = Exit::of(command, &given.to_string(), Duration::from_secs(30));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.stdout
}

#[test]
fn a26_every_algorithm_signs_what_others_can_verify() {
    for algorithm in ["EdDSA", "ES256", "RS256"] {
        let home = Home::new().setting("token.algorithm", &format!("{algorithm:?}"));
        let daemon = open(&home);
        let authctl = daemon.authctl();
        let first = daemon.api().tokens(&alice());
        authctl.ok(&["key", "rotate", "--activate-after", "0s", "--yes"]);
        let second = daemon.api().tokens(&alice());
        assert_ne!(first.header().get("kid"), second.header().get("kid"));
        let jwks: Value = serde_json::from_str(&authctl.ok(&["key", "jwks"])).expect("JSON");
        let published = daemon.api().send(&Request::get("/.well-known/jwks.json"));
        assert_eq!(published.json(), jwks);
        let told = verified_elsewhere(algorithm, &jwks, &[&first.access, &second.access]);
        let line = format!("{algorithm} at+jwt {}\n", user_id(&second.claims()));
        assert_eq!(told, line.repeat(2));
        assert_eq!(daemon.stop().code, Some(0));
    }
}

fn user_id(claims: &Value) -> String {
    let sub = claims.get("sub").and_then(Value::as_str);
    sub.expect("a subject").to_owned()
}

#[test]
fn a26_another_algorithm_is_announced_at_the_start_and_the_old_key_signs_on() {
    let home = Home::new();
    let daemon = open(&home);
    let before = daemon.api().tokens(&alice());
    daemon.stop();
    let home = home.setting("token.algorithm", "\"ES256\"");
    let daemon = home.start();
    let keys = daemon.monitor().items(&["key", "list"]);
    let told: Vec<(&Value, &Value)> = keys
        .iter()
        .map(|key| (&key["alg"], &key["state"]))
        .collect();
    assert_eq!(
        told,
        [
            (&json!("ES256"), &json!("announced")),
            (&json!("EdDSA"), &json!("active")),
        ]
    );
    assert_eq!(daemon.api().check(&before.access).status, 200);
    let after = daemon.api().tokens(&alice());
    assert_eq!(after.header().get("alg"), Some(&json!("EdDSA")));
    assert_eq!(daemon.stop().code, Some(0));
}

/// R24: clients that refresh and check without pause, while the key is exchanged under them.
#[test]
fn r24_a_rotation_under_load_loses_no_request() {
    const CLIENTS: usize = 6;
    const ROTATIONS: usize = 6;
    let home = Home::new().set("session.policy", "limit:50");
    let daemon = open(&home);
    let over = Arc::new(AtomicBool::new(false));
    let done = Arc::clone(&over);
    let (api, authctl) = (daemon.api(), daemon.authctl());
    let clients: Vec<_> = (0..CLIENTS)
        .map(|n| api.tokens(&alice().device(&format!("d{n}"))))
        .collect();
    let asked = parallel(CLIENTS + 1, move |n| {
        let Some(first) = clients.get(n) else {
            for _ in 0..ROTATIONS {
                authctl.ok(&["key", "rotate", "--activate-after", "0s", "--yes"]);
            }
            done.store(true, Ordering::Release);
            return (0, 0);
        };
        let mut connection = api.connect();
        let (mut access, mut refresh) = (first.access.clone(), first.refresh.clone());
        let (mut asked, mut kids) = (0, std::collections::BTreeSet::new());
        while !over.load(Ordering::Acquire) || asked < 20 {
            let check = Request::get("/v1/auth/check").bearer(&access);
            let answer = connection.ask(&check).expect("an answer");
            assert_eq!(answer.status, 200, "{}", answer.text());
            let body = json!({"refresh_token": refresh});
            let renew = Request::post("/v1/auth/refresh").json(&body);
            let answer = connection.ask(&renew).expect("an answer");
            assert_eq!(answer.status, 200, "{}", answer.text());
            access = answer.field("/access_token");
            refresh = answer.field("/refresh_token");
            kids.insert(access.split('.').next().map(str::to_owned));
            asked += 2;
        }
        (asked, kids.len())
    });
    let requests: usize = asked.iter().map(|(asked, _)| asked).sum();
    let most = asked
        .iter()
        .map(|(_, kids)| *kids)
        .max()
        .unwrap_or_default();
    assert!(requests >= CLIENTS * 20, "{requests}");
    assert!(most >= 2, "no client saw a rotation");
    let keys = daemon.authctl().items(&["key", "list"]);
    assert_eq!(keys.len(), ROTATIONS + 1);
    assert!(!daemon.log().contains("panicked"));
    assert_eq!(daemon.stop().code, Some(0));
}

#[test]
fn r39_an_emergency_ends_every_token_of_a_key_at_the_next_request() {
    let home = Home::new();
    let daemon = open(&home);
    let (api, authctl) = (daemon.api(), daemon.authctl());
    let tokens = api.tokens(&alice());
    assert_eq!(api.check(&tokens.access).status, 200);
    let header = tokens.header();
    let key = header.get("kid").and_then(Value::as_str).expect("a kid");
    let refused = authctl.run(&["key", "revoke", key, "--yes"]);
    assert_eq!(refused.code, Some(12), "{refused:?}");
    let confirm = format!("--confirm={key}");
    let rehearsed = authctl.ok(&["key", "revoke", key, &confirm, "--dry-run"]);
    assert!(rehearsed.starts_with("Would revoke key"), "{rehearsed}");
    assert_eq!(api.check(&tokens.access).status, 200);
    authctl.ok(&["key", "revoke", key, &confirm, "--reason", "stolen disk"]);
    assert_eq!(api.check(&tokens.access).outcome(), "401 invalid_token");
    assert_eq!(api.me(&tokens.access).outcome(), "401 invalid_token");
    let renewed = api.refresh(&tokens.refresh);
    assert_eq!(renewed.status, 200);
    let access = renewed.field("/access_token");
    assert_eq!(api.check(&access).status, 200);
    // It stays so, also for a daemon that knows nothing but the database.
    assert_eq!(daemon.kill().code, None);
    let daemon = home.start();
    let api = daemon.api();
    assert_eq!(api.check(&tokens.access).outcome(), "401 invalid_token");
    assert_eq!(api.check(&access).status, 200);
    assert_eq!(api.login(&alice()).status, 200, "{ALICE}");
    assert_eq!(daemon.stop().code, Some(0));
}

#[test]
fn a26_keys_follow_one_another_by_the_wall_clock() {
    let home = Home::new().with_clock();
    let daemon = open(&home);
    let before = daemon.api().tokens(&alice());
    let kid = |tokens: &harness::Tokens| tokens.header().get("kid").cloned();
    let state_of = |at: usize| {
        let keys = daemon.authctl().items(&["key", "list"]);
        keys.get(at).map(|key| key["state"].clone())
    };
    let wait_for = |at: usize, state: &str| {
        eventually("the next key", Duration::from_secs(20), || {
            (state_of(at) == Some(json!(state))).then_some(())
        });
    };
    daemon.clock().forward(Duration::from_hours(90 * 24 - 1));
    wait_for(0, "announced");
    assert_eq!(kid(&daemon.api().tokens(&alice())), kid(&before));
    daemon.clock().forward(Duration::from_hours(1));
    wait_for(0, "active");
    assert_ne!(kid(&daemon.api().tokens(&alice())), kid(&before));
    daemon.clock().forward(Duration::from_hours(24));
    wait_for(1, "gone");
    assert_eq!(daemon.stop().code, Some(0));
}
