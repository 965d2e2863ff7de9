//! Access tokens as an attacker would try them, and the keys that verify them.

use data_encoding::BASE64URL_NOPAD;
use harness::{Home, Request, Tokens};
use serde_json::{Value, json};

use crate::scene::{alice, open};

#[test]
fn a18_an_access_token_has_the_claims_of_rfc_9068() {
    let home = Home::new();
    let daemon = open(&home);
    let tokens = daemon.api().tokens(&alice().device("phone"));
    let header = tokens.header();
    assert_eq!(header.get("alg"), Some(&json!("EdDSA")));
    assert_eq!(header.get("typ"), Some(&json!("at+jwt")));
    let claims = tokens.claims();
    let number = |name: &str| claims.get(name).and_then(Value::as_i64).unwrap_or(-1);
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    assert_eq!(text("iss"), "http://127.0.0.1:8440");
    assert!(text("sub").starts_with("usr_"));
    assert!(text("tid").starts_with("ten_"));
    assert_eq!(text("sid"), tokens.session_id);
    assert!(text("jti").len() >= 22);
    assert_ne!(text("client_id"), "");
    assert_eq!(number("exp") - number("iat"), 600);
    assert_eq!(number("nbf"), number("iat"));
    assert!(number("auth_time") <= number("iat"));
    assert_eq!(claims.get("adm"), Some(&json!(false)));
    assert_eq!(claims.get("roles"), Some(&json!([])));

    // The key that made it is published, with its public part alone.
    let jwks = daemon.api().send(&Request::get("/.well-known/jwks.json"));
    let set = jwks.json();
    let keys = set.get("keys").and_then(Value::as_array).expect("keys");
    let key = keys
        .iter()
        .find(|key| key.get("kid") == header.get("kid"))
        .expect("the token's key");
    assert_eq!(key.get("crv"), Some(&json!("Ed25519")));
    assert_eq!(key.get("use"), Some(&json!("sig")));
    assert!(keys.iter().all(|key| key.get("d").is_none()));
    let caching = jwks.header("cache-control").unwrap_or_default();
    assert!(caching.contains("max-age"), "{caching}");
}

/// The parts of a token.
fn parts(token: &str) -> [String; 3] {
    let mut parts = token.split('.').map(str::to_owned);
    let mut next = || parts.next().unwrap_or_default();
    [next(), next(), next()]
}

#[test]
fn a19_a_foreign_or_altered_token_is_refused() {
    let home = Home::new();
    let daemon = open(&home);
    let api = daemon.api();
    let tokens = api.tokens(&alice());
    assert_eq!(api.check(&tokens.access).status, 200);
    let refused = |token: &str| {
        for answer in [api.check(token), api.me(token)] {
            assert_eq!(answer.outcome(), "401 invalid_token", "{token}");
            let challenge = answer.header("www-authenticate").unwrap_or_default();
            assert!(challenge.starts_with("Bearer"), "{challenge}");
        }
    };
    // Each character of the signature, and some of the rest.
    let length = tokens.access.len();
    for at in (0..length).step_by(7).chain(length - 86..length - 1) {
        let mut altered = tokens.access.clone().into_bytes();
        if let Some(byte) = altered.get_mut(at) {
            *byte = if *byte == b'A' { b'B' } else { b'A' };
        }
        let altered = String::from_utf8(altered).expect("ASCII");
        if altered != tokens.access {
            refused(&altered);
        }
    }
    // Cut, extended, doubled, emptied.
    for cut in [1, length / 2, length - 1] {
        refused(tokens.access.get(..cut).unwrap_or_default());
        refused(tokens.access.get(cut..).unwrap_or_default());
    }
    refused(&format!("{}A", tokens.access));
    refused(&format!("{}.", tokens.access));
    refused(&format!("{0}.{0}", tokens.access));
    refused("..");
    refused(&"a.".repeat(2000));
    // Of another installation.
    let elsewhere = Home::new();
    let other = open(&elsewhere);
    refused(&other.api().tokens(&alice()).access);
    assert_eq!(api.check(&tokens.access).status, 200);
}

#[test]
fn a19_headers_that_choose_their_own_key_are_refused() {
    let home = Home::new();
    let daemon = open(&home);
    let api = daemon.api();
    let tokens = api.tokens(&alice());
    let [_, payload, signature] = parts(&tokens.access);
    let kid = tokens.header().get("kid").cloned().unwrap_or_default();
    let jwks = api.send(&Request::get("/.well-known/jwks.json")).json();
    let jwk = jwks.pointer("/keys/0").cloned().unwrap_or_default();
    for header in [
        json!({"alg": "none", "typ": "at+jwt"}),
        json!({"alg": "None", "typ": "at+jwt", "kid": kid}),
        json!({"alg": "nOnE", "typ": "at+jwt", "kid": kid}),
        json!({"alg": "", "typ": "at+jwt", "kid": kid}),
        json!({"typ": "at+jwt", "kid": kid}),
        json!({"alg": "HS256", "typ": "at+jwt", "kid": kid}),
        json!({"alg": "ES256", "typ": "at+jwt", "kid": kid}),
        json!({"alg": "RS256", "typ": "at+jwt", "kid": kid}),
        json!({"alg": "EdDSA", "typ": "JWT", "kid": kid}),
        json!({"alg": "EdDSA", "typ": "at+jwt", "kid": kid, "crit": ["x"], "x": 1}),
        json!({"alg": "EdDSA", "typ": "at+jwt", "jwk": jwk}),
        json!({"alg": "EdDSA", "typ": "at+jwt", "kid": kid, "jku": "http://127.0.0.1:9/"}),
        json!({"alg": "EdDSA", "typ": "at+jwt", "kid": kid, "x5u": "http://127.0.0.1:9/"}),
        json!({"alg": "EdDSA", "typ": "at+jwt", "kid": "../../dev/null"}),
        json!({"alg": "EdDSA", "typ": "at+jwt", "kid": "' UNION SELECT 1 --"}),
        json!({"alg": "EdDSA", "typ": "at+jwt", "kid": [kid]}),
        json!({"alg": "EdDSA", "typ": "at+jwt", "kid": kid, "zip": "DEF"}),
    ] {
        let head = BASE64URL_NOPAD.encode(header.to_string().as_bytes());
        for signature in ["", signature.as_str(), "AAAA"] {
            let token = format!("{head}.{payload}.{signature}");
            assert_eq!(api.check(&token).outcome(), "401 invalid_token", "{header}");
        }
    }
}

#[test]
fn a22_kinds_of_token_are_not_interchangeable() {
    let home = Home::new();
    let daemon = open(&home);
    let api = daemon.api();
    let tokens = api.tokens(&alice().device("phone"));
    let secret = tokens.answer.get("device_secret").and_then(Value::as_str);
    let secret = secret.expect("a device secret");
    assert_eq!(api.check(&tokens.refresh).outcome(), "401 invalid_token");
    assert_eq!(api.check(secret).outcome(), "401 invalid_token");
    for wrong in [tokens.access.as_str(), secret, "", "x"] {
        let refused = api.refresh(wrong);
        assert!(
            [400, 401, 422].contains(&refused.status),
            "{}",
            refused.text()
        );
    }
    assert_eq!(api.check(&tokens.access).status, 200);
    Tokens::of(&api.refresh(&tokens.refresh));
}

#[test]
fn check_speaks_only_what_proxies_understand() {
    let home = Home::new();
    let daemon = open(&home);
    let api = daemon.api();
    let tokens = api.tokens(&alice());
    let check = |request: Request| api.send(&request);
    let path = "/v1/auth/check";
    let names = [
        "user-id",
        "tenant-id",
        "tenant",
        "session-id",
        "roles",
        "subscription",
    ];
    let good = check(Request::get(path).bearer(&tokens.access));
    assert_eq!(good.status, 200);
    for name in names {
        assert!(good.header(&format!("x-auth-{name}")).is_some(), "{name}");
    }
    assert_eq!(good.header("x-auth-subscription"), Some("active"));

    let none = check(Request::get(path));
    assert_eq!(none.outcome(), "401 missing_token");
    let two = Request::get(path)
        .bearer(&tokens.access)
        .bearer(&tokens.access);
    let two = check(two);
    assert_eq!(two.outcome(), "401 invalid_token");
    let query = format!("{path}?access_token={}", tokens.access);
    let by_query = check(Request::get(&query).bearer(&tokens.access));
    assert_eq!(by_query.outcome(), "403 permission_denied");
    let post = check(Request::post(path).bearer(&tokens.access).json(&json!({})));
    assert_eq!(post.outcome(), "405 method_not_allowed");
    for refused in [&none, &two, &by_query] {
        assert_eq!(
            refused.header("x-auth-error"),
            Some(refused.field("/code").as_str())
        );
        for name in names {
            assert!(
                refused.header(&format!("x-auth-{name}")).is_some(),
                "{name}"
            );
        }
    }
    // No body is read, so that none is too large.
    let mut connection = api.connect();
    let long = format!(
        "GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: 100000\r\n\r\n",
        tokens.access
    );
    connection.send(long.as_bytes()).expect("sent");
    assert_eq!(connection.read(false).expect("an answer").status, 200);
    let head = check(Request::new("HEAD", path).bearer(&tokens.access));
    assert_eq!(head.status, 200);
    assert!(head.body.is_empty());
}
