//! Forged, foreign and malformed tokens, many of them signed by the real key (RFC 8725, V9, 4E).

use common::id::{SessionId, TenantId, UserId};
use common::time::Time;
use data_encoding::BASE64URL_NOPAD;
use domain::key::SigningAlgorithm;
use domain::token::Audience;
use jsonwebtoken::{Algorithm, EncodingKey};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::random::SeededRandom;
use super::super::wrap::WrapKey;
use super::*;

const NOW: Time = Time::from_millis(1_764_000_000_500);
const SECOND: i64 = 1_764_000_000;

fn ring(seed: u64) -> KeyRing {
    let random = SeededRandom::new(seed);
    let wrap = WrapKey::generate(&random).unwrap();
    let keys = KeyRing::first_keys(&random, NOW, &wrap, SigningAlgorithm::EdDsa).unwrap();
    KeyRing::open(&keys, &wrap).unwrap()
}

fn expected() -> Expected {
    Expected {
        issuer: "https://id.acme.test".to_owned(),
        password_change_audience: "https://id.acme.test/v1/auth/password".to_owned(),
        skew: Duration::from_secs(30),
    }
}

fn access() -> AccessClaims {
    AccessClaims {
        iss: expected().issuer,
        aud: Audience::One("acme".to_owned()),
        sub: UserId::from_bytes([1; 16]),
        client_id: "first-party".to_owned(),
        tid: TenantId::from_bytes([2; 16]),
        tenant: "acme".to_owned(),
        sid: SessionId::from_bytes([3; 16]),
        jti: "jti".to_owned(),
        iat: SECOND,
        nbf: SECOND,
        exp: SECOND + 600,
        auth_time: SECOND,
        roles: vec!["cook".to_owned()],
        adm: false,
        ext: std::collections::BTreeMap::new(),
    }
}

fn password_change() -> PasswordChangeClaims {
    PasswordChangeClaims {
        iss: expected().issuer,
        aud: expected().password_change_audience,
        sub: UserId::from_bytes([1; 16]),
        tid: TenantId::from_bytes([2; 16]),
        jti: "jti".to_owned(),
        iat: SECOND,
        nbf: SECOND,
        exp: SECOND + 600,
        cver: 7,
    }
}

/// Reads a token; so does the way that first asks whether it is worth it, which takes access tokens
/// alone, and none that is not.
fn verify(token: &str) -> Result<VerifiedToken, TokenError> {
    let ring = ring(1);
    let found = ring.verify(token, &expected(), NOW);
    let taken = ring.verify_if_worth(token, &expected(), NOW, |_| true).ok();
    match &found {
        Ok(VerifiedToken::Access(claims)) => assert_eq!(taken.as_ref(), Some(claims)),
        Ok(VerifiedToken::PasswordChange(_) | VerifiedToken::Client(_)) | Err(_) => {
            assert!(taken.is_none(), "{token}");
        }
    }
    let refused = ring.verify_if_worth(token, &expected(), NOW, |_| false);
    assert!(refused.is_err(), "{token}");
    found
}

fn header(ring: &KeyRing) -> Value {
    json!({"alg": "EdDSA", "typ": "at+jwt", "kid": ring.kid()})
}

fn sign(header: &Value, claims: &Value) -> String {
    sign_bytes(&header.to_string(), claims.to_string().as_bytes())
}

/// Signs with the real key, whatever the header says.
fn sign_bytes(header: &str, claims: &[u8]) -> String {
    ring(1).signing().active().unwrap().sign_raw(header, claims)
}

fn with(mut object: Value, name: &str, value: Value) -> Value {
    object[name] = value;
    object
}

fn without(mut object: Value, name: &str) -> Value {
    object.as_object_mut().unwrap().remove(name);
    object
}

fn claims() -> Value {
    serde_json::to_value(access()).unwrap()
}

#[test]
fn a18_a_token_reads_back_and_names_type_algorithm_and_key() {
    let token = ring(1).sign_access(&access()).unwrap();
    assert_eq!(verify(&token), Ok(VerifiedToken::Access(access())));
    let bytes = BASE64URL_NOPAD
        .decode(token.split('.').next().unwrap().as_bytes())
        .unwrap();
    let header_found: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(header_found, header(&ring(1)));
    let token = ring(1).sign_password_change(&password_change()).unwrap();
    assert_eq!(
        verify(&token),
        Ok(VerifiedToken::PasswordChange(password_change()))
    );
}

#[test]
fn v9_no_changed_byte_is_accepted() {
    let token = ring(1).sign_access(&access()).unwrap();
    for position in 0..token.len() {
        for replacement in ["A", "B", "-", "=", ".", "\0", " "] {
            let mut changed = token.clone();
            changed.replace_range(position..=position, replacement);
            if changed != token {
                assert_eq!(verify(&changed), Err(TokenError::Invalid), "{position}");
            }
        }
        assert_eq!(verify(&token[..position]), Err(TokenError::Invalid));
    }
    for other in [
        format!("{token}A"),
        format!("{token}="),
        format!("{token}."),
        format!("{token} "),
        format!(" {token}"),
        format!(".{token}"),
        format!("Bearer {token}"),
    ] {
        assert_eq!(verify(&other), Err(TokenError::Invalid), "{other}");
    }
}

#[test]
fn a19_the_algorithm_is_that_of_the_key() {
    for alg in [
        "none", "None", "nOnE", "NONE", "", "HS256", "HS512", "ES256", "RS256", "eddsa", "Ed25519",
        "EDDSA",
    ] {
        let header = with(header(&ring(1)), "alg", json!(alg));
        assert_eq!(verify(&sign(&header, &claims())), Err(TokenError::Invalid));
        let signed = sign(&header, &claims());
        let (message, _) = signed.rsplit_once('.').unwrap();
        assert_eq!(verify(&format!("{message}.")), Err(TokenError::Invalid));
        assert_eq!(verify(message), Err(TokenError::Invalid));
    }
}

#[test]
fn a19_an_hmac_with_the_public_key_or_an_empty_one_is_refused() {
    let ring = ring(1);
    let jwk = &ring.jwks()["keys"][0];
    let x = jwk["x"].as_str().unwrap();
    let raw = BASE64URL_NOPAD.decode(x.as_bytes()).unwrap();
    for secret in [
        raw.as_slice(),
        x.as_bytes(),
        jwk.to_string().as_bytes(),
        b"",
    ] {
        for (alg, kid) in [
            (Algorithm::HS256, ring.kid()),
            (Algorithm::HS256, "key_unknown".to_owned()),
            (Algorithm::HS512, ring.kid()),
        ] {
            let mut header = jsonwebtoken::Header::new(alg);
            header.typ = Some(ACCESS_TYP.to_owned());
            header.kid = Some(kid);
            let key = EncodingKey::from_secret(secret);
            let token = jsonwebtoken::encode(&header, &access(), &key).unwrap();
            assert_eq!(verify(&token), Err(TokenError::Invalid));
            let (message, signature) = token.rsplit_once('.').unwrap();
            let (_, body) = message.split_once('.').unwrap();
            let eddsa = BASE64URL_NOPAD.encode(self::header(&ring).to_string().as_bytes());
            let token = format!("{eddsa}.{body}.{signature}");
            assert_eq!(verify(&token), Err(TokenError::Invalid));
        }
    }
}

#[test]
fn a19_another_key_or_curve_under_our_kid_is_refused() {
    let foreign = ring(2);
    let claims = claims().to_string();
    let token = foreign
        .signing()
        .active()
        .unwrap()
        .sign_raw(&header(&ring(1)).to_string(), claims.as_bytes());
    assert_eq!(verify(&token), Err(TokenError::Invalid));
    let zeros = BASE64URL_NOPAD.encode(&[0; 64]);
    let real = sign(&header(&ring(1)), &self::claims());
    let (message, _) = real.rsplit_once('.').unwrap();
    assert_eq!(
        verify(&format!("{message}.{zeros}")),
        Err(TokenError::Invalid)
    );
    let token = foreign.sign_access(&access()).unwrap();
    assert_eq!(verify(&token), Err(TokenError::Invalid), "unknown kid");
}

#[test]
fn a19_the_kid_is_one_of_ours_by_its_exact_text() {
    let kid = ring(1).kid();
    for value in [
        json!("../../dev/null"),
        json!("' UNION SELECT 1 --"),
        json!(""),
        json!(null),
        json!(1),
        json!([kid]),
        json!({"kid": kid}),
        json!(kid.to_uppercase()),
        json!(format!("{kid} ")),
        json!("x".repeat(1 << 20)),
    ] {
        let header = with(header(&ring(1)), "kid", value.clone());
        assert_eq!(verify(&sign(&header, &claims())), Err(TokenError::Invalid));
    }
    let header = without(header(&ring(1)), "kid");
    assert_eq!(verify(&sign(&header, &claims())), Err(TokenError::Invalid));
}

#[test]
fn a19_no_other_header_member_is_tolerated() {
    for (name, value) in [
        ("crit", json!(["x"])),
        ("crit", json!([])),
        ("jku", json!("https://evil.test/jwks")),
        ("jwk", ring(2).jwks()["keys"][0].clone()),
        ("x5u", json!("https://evil.test/cert")),
        ("x5c", json!(["AAAA"])),
        ("x5t", json!("AAAA")),
        ("zip", json!("DEF")),
        ("enc", json!("A128GCM")),
        ("cty", json!("JWT")),
        ("b64", json!(false)),
        ("unknown", json!(null)),
    ] {
        let header = with(header(&ring(1)), name, value);
        let token = sign(&header, &claims());
        assert_eq!(verify(&token), Err(TokenError::Invalid), "{name}");
    }
}

#[test]
fn a19_a_header_of_another_form_is_refused() {
    let kid = ring(1).kid();
    let claims = claims().to_string();
    for header in [
        format!(r#"{{"alg":"none","alg":"EdDSA","typ":"at+jwt","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"EdDSA","typ":"at+jwt","kid":"{kid}","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"EdDSA","typ":"at+jwt","kid":"{kid}"}}x"#),
        format!(r#"["EdDSA","at+jwt","{kid}"]"#),
        format!(r#"{{"alg":["EdDSA"],"typ":"at+jwt","kid":"{kid}"}}"#),
        format!("\u{feff}{{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"{kid}\"}}"),
        String::new(),
        "null".to_owned(),
    ] {
        let token = sign_bytes(&header, claims.as_bytes());
        assert_eq!(verify(&token), Err(TokenError::Invalid), "{header}");
    }
}

#[test]
fn a22_each_kind_is_taken_for_no_other() {
    let change = serde_json::to_value(password_change()).unwrap();
    for typ in [
        "JWT",
        "at+JWT",
        "AT+JWT",
        "application/at+jwt",
        "",
        "pwc+jwt",
        "rt+jwt",
        "at+jwt ",
    ] {
        let header = with(header(&ring(1)), "typ", json!(typ));
        let token = sign(&header, &claims());
        assert_eq!(verify(&token), Err(TokenError::Invalid), "{typ}");
    }
    let token = sign(&header(&ring(1)), &change);
    assert_eq!(verify(&token), Err(TokenError::Invalid));
    let token = sign(&without(header(&ring(1)), "typ"), &claims());
    assert_eq!(verify(&token), Err(TokenError::Invalid));
    let as_access = with(change, "aud", json!("acme"));
    let header = with(header(&ring(1)), "typ", json!("pwc+jwt"));
    assert_eq!(verify(&sign(&header, &as_access)), Err(TokenError::Invalid));
}

#[test]
fn a20_times_are_whole_numbers_or_the_token_is_invalid() {
    for name in ["exp", "nbf", "iat", "auth_time"] {
        for value in [
            json!("1764000600"),
            json!(null),
            json!([1_764_000_600]),
            json!({}),
            json!(true),
            json!(1_764_000_600.5),
            json!(1e30),
            json!(-1),
            json!(9_223_372_036_854_775_808_u64),
            json!(u64::MAX),
        ] {
            let token = sign(&header(&ring(1)), &with(claims(), name, value.clone()));
            assert_eq!(verify(&token), Err(TokenError::Invalid), "{name} {value}");
        }
        let token = sign(&header(&ring(1)), &without(claims(), name));
        assert_eq!(verify(&token), Err(TokenError::Invalid), "{name} absent");
        let text = claims()
            .to_string()
            .replacen('{', &format!("{{\"{name}\":{SECOND},"), 1);
        let token = sign_bytes(&header(&ring(1)).to_string(), text.as_bytes());
        assert_eq!(verify(&token), Err(TokenError::Invalid), "{name} twice");
    }
}

#[test]
fn a20_a_token_lives_from_nbf_to_the_moment_of_exp() {
    let at = |name: &str, second: i64| {
        verify(&sign(
            &header(&ring(1)),
            &with(claims(), name, json!(second)),
        ))
    };
    assert_eq!(at("exp", SECOND), Err(TokenError::Expired));
    assert_eq!(at("exp", 0), Err(TokenError::Expired));
    assert!(at("exp", SECOND + 1).is_ok());
    assert!(at("exp", i64::MAX).is_ok());
    for name in ["nbf", "iat"] {
        assert!(at(name, SECOND + 30).is_ok());
        assert_eq!(at(name, SECOND + 31), Err(TokenError::Invalid));
        assert!(at(name, 0).is_ok());
        assert_eq!(at(name, i64::MAX), Err(TokenError::Invalid));
    }
    let token = ring(1).sign_access(&access()).unwrap();
    let later = NOW.plus(Duration::from_mins(10));
    assert_eq!(
        ring(1).verify(&token, &expected(), later),
        Err(TokenError::Expired)
    );
    let verified = verify(&token).unwrap();
    assert!(!verified.is_expired(NOW));
    assert!(verified.is_expired(later));
}

#[test]
fn a20_expired_is_said_only_when_all_else_is_right() {
    let old = with(claims(), "exp", json!(SECOND - 1));
    let token = sign(&header(&ring(1)), &old);
    assert_eq!(verify(&token), Err(TokenError::Expired));
    for (name, value) in [
        ("iss", json!("https://evil.test")),
        ("aud", json!(7)),
        ("nbf", json!(SECOND + 1000)),
        ("sub", json!("ten_01h455vb4pex5vsknk084sn02q")),
    ] {
        let token = sign(&header(&ring(1)), &with(old.clone(), name, value));
        assert_eq!(verify(&token), Err(TokenError::Invalid), "{name}");
    }
    let (message, _) = token.rsplit_once('.').unwrap();
    let forged = format!("{message}.{}", BASE64URL_NOPAD.encode(&[7; 64]));
    assert_eq!(verify(&forged), Err(TokenError::Invalid));
}

#[test]
fn a21_issuer_and_audience_are_exact() {
    for value in [
        json!("https://id.acme.tes"),
        json!("https://id.acme.test/"),
        json!("https://id.acme.test.evil"),
        json!(["https://id.acme.test"]),
        json!(""),
        json!(null),
    ] {
        let token = sign(&header(&ring(1)), &with(claims(), "iss", value.clone()));
        assert_eq!(verify(&token), Err(TokenError::Invalid), "{value}");
    }
    for (value, good) in [
        (json!("acme"), true),
        (json!("other"), true),
        (json!(["foreign", "acme"]), true),
        (json!(["foreign"]), false),
        (json!([]), false),
        (json!("acm"), false),
        (json!("acme "), false),
        (json!(null), false),
        (json!([["acme"]]), false),
        (json!({"acme": 1}), false),
        (json!(expected().password_change_audience), false),
    ] {
        let token = sign(&header(&ring(1)), &with(claims(), "aud", value.clone()));
        let audience = ["acme".to_owned(), "other".to_owned()];
        let is_for_us = match verify(&token) {
            Ok(VerifiedToken::Access(claims)) => claims.aud.names_one_of(&audience),
            _ => false,
        };
        assert_eq!(is_for_us, good, "{value}");
    }
    let token = sign(&header(&ring(1)), &without(claims(), "aud"));
    assert_eq!(verify(&token), Err(TokenError::Invalid));
    let change = serde_json::to_value(password_change()).unwrap();
    let header = with(header(&ring(1)), "typ", json!("pwc+jwt"));
    let many = with(change, "aud", json!([expected().password_change_audience]));
    assert_eq!(verify(&sign(&header, &many)), Err(TokenError::Invalid));
}

#[test]
fn rfc8725_invalid_utf8_under_a_good_signature_is_refused() {
    let mut bytes = claims().to_string().into_bytes();
    let position = bytes.iter().position(|&byte| byte == b'j').unwrap();
    bytes[position] = 0xff;
    let token = sign_bytes(&header(&ring(1)).to_string(), &bytes);
    assert_eq!(verify(&token), Err(TokenError::Invalid));
}

#[test]
fn v9_long_tokens_and_many_segments_are_refused_unread() {
    for token in [
        ".".repeat(1 << 20),
        "a.".repeat(100_000),
        "a".repeat(8 * 1024 + 1),
        ".".repeat(8 * 1024),
        "..".to_owned(),
        "...".to_owned(),
        String::new(),
    ] {
        assert_eq!(verify(&token), Err(TokenError::Invalid));
    }
    let mut long = access();
    long.roles = vec!["r".repeat(60); 140];
    let token = ring(1).sign_access(&long).unwrap();
    assert!(token.len() > 8 * 1024);
    assert_eq!(verify(&token), Err(TokenError::Invalid));
}

proptest! {
    #[test]
    fn a60_no_text_makes_the_reader_panic(text in "[ -~é.]{0,200}") {
        prop_assert_eq!(verify(&text), Err(TokenError::Invalid));
    }

    #[test]
    fn a60_no_signed_header_or_claims_make_the_reader_panic(
        header in "[{}\":,a-z0-9\\[\\]]{0,60}",
        claims in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        prop_assert_eq!(verify(&sign_bytes(&header, &claims)), Err(TokenError::Invalid));
        let good = self::header(&ring(1)).to_string();
        prop_assert_eq!(verify(&sign_bytes(&good, &claims)), Err(TokenError::Invalid));
    }
}

fn ring_of(algorithm: SigningAlgorithm) -> KeyRing {
    let random = SeededRandom::new(1);
    let wrap = WrapKey::generate(&random).unwrap();
    let keys = KeyRing::first_keys(&random, NOW, &wrap, algorithm).unwrap();
    KeyRing::open(&keys, &wrap).unwrap()
}

/// CVE-2022-21449 and the spellings of ECDSA: numbers that no signature has, and the form that is not
/// that of JOSE.
#[test]
fn cve_2022_21449_no_empty_or_reshaped_signature_of_es256_is_accepted() {
    let ring = ring_of(SigningAlgorithm::Es256);
    let token = ring.sign_access(&access()).unwrap();
    assert!(ring.verify(&token, &expected(), NOW).is_ok());
    let (message, signature) = token.rsplit_once('.').unwrap();
    let real = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
    let (r, s) = real.split_at(32);
    let order = data_encoding::HEXLOWER
        .decode(b"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")
        .unwrap();
    let zeros = [0; 32];
    // Each number of DER with the zero in front that keeps it positive.
    let number = |bytes: &[u8]| [&[2, 33, 0][..], bytes].concat();
    let numbers = [number(r), number(s)].concat();
    let der = [&[0x30, 70][..], &numbers].concat();
    for forged in [
        [&zeros[..], &zeros].concat(),
        [r, &zeros].concat(),
        [&zeros[..], s].concat(),
        [&order[..], &order].concat(),
        [r, &order].concat(),
        [&order[..], s].concat(),
        [s, r].concat(),
        r.to_vec(),
        [&real[..], &[0]].concat(),
        [&[0], &real[..]].concat(),
        Vec::new(),
        der,
    ] {
        let token = format!("{message}.{}", BASE64URL_NOPAD.encode(&forged));
        let refused = ring.verify(&token, &expected(), NOW);
        assert_eq!(refused, Err(TokenError::Invalid), "{forged:?}");
    }
}

/// RFC 8725 3.1: the algorithm belongs to the key, and the header only repeats it.
#[test]
fn a19_every_algorithm_signs_and_is_bound_to_its_key() {
    for algorithm in SigningAlgorithm::ALL {
        let ring = ring_of(algorithm);
        let token = ring.sign_access(&access()).unwrap();
        let verified = ring.verify(&token, &expected(), NOW);
        assert_eq!(verified, Ok(VerifiedToken::Access(access())));
        let (head, rest) = token.split_once('.').unwrap();
        let head: Value =
            serde_json::from_slice(&BASE64URL_NOPAD.decode(head.as_bytes()).unwrap()).unwrap();
        assert_eq!(head["alg"], algorithm.as_str());
        for other in ["EdDSA", "ES256", "RS256", "PS256", "RS512", "HS256", "none"] {
            if other == algorithm.as_str() {
                continue;
            }
            let header = json!({"alg": other, "typ": "at+jwt", "kid": ring.kid()}).to_string();
            let signing = ring.signing();
            let key = signing.active().unwrap();
            let resigned = key.sign_raw(&header, claims().to_string().as_bytes());
            let relabelled = format!("{}.{rest}", BASE64URL_NOPAD.encode(header.as_bytes()));
            for token in [resigned, relabelled] {
                let refused = ring.verify(&token, &expected(), NOW);
                assert_eq!(refused, Err(TokenError::Invalid), "{algorithm:?} {other}");
            }
        }
        let mut bent = token.into_bytes();
        let at = bent.len() - 20;
        bent[at] = if bent[at] == b'A' { b'B' } else { b'A' };
        let bent = String::from_utf8(bent).unwrap();
        assert!(ring.verify(&bent, &expected(), NOW).is_err());
    }
}

/// RFC 7517 4: public members alone, and the use and algorithm of each key.
#[test]
fn rfc7517_every_algorithm_publishes_its_public_members_alone() {
    for (algorithm, members) in [
        (SigningAlgorithm::EdDsa, &["crv", "x"][..]),
        (SigningAlgorithm::Es256, &["crv", "x", "y"]),
        (SigningAlgorithm::Rs256, &["e", "n"]),
    ] {
        let jwks = ring_of(algorithm).jwks();
        let key = jwks["keys"][0].as_object().unwrap();
        let mut names: Vec<&str> = key.keys().map(String::as_str).collect();
        names.sort_unstable();
        let mut wanted = [members, &["alg", "kid", "kty", "use"]].concat();
        wanted.sort_unstable();
        assert_eq!(names, wanted);
        assert_eq!(key["alg"], algorithm.as_str());
        assert_eq!(key["use"], "sig");
    }
}

fn of_client() -> ClientClaims {
    let id = common::id::ClientId::from_bytes([4; 16]);
    ClientClaims {
        iss: expected().issuer,
        aud: Audience::One("acme".to_owned()),
        sub: id,
        client_id: id,
        tid: TenantId::from_bytes([2; 16]),
        tenant: "acme".to_owned(),
        jti: "jti".to_owned(),
        iat: SECOND,
        nbf: SECOND,
        exp: SECOND + 600,
        roles: vec!["cook".to_owned()],
        cgen: 7,
    }
}

#[test]
fn rfc9068_a_clients_token_reads_back_as_one_and_never_as_a_users() {
    let token = ring(1).sign_client(&of_client()).unwrap();
    let verified = verify(&token).unwrap();
    assert_eq!(verified, VerifiedToken::Client(of_client()));
    assert_eq!((verified.id(), verified.tenant()), ("jti", of_client().tid));
    let claims = serde_json::to_value(of_client()).unwrap();
    let header = header(&ring(1));
    for (name, value) in [
        // Another client, a user, or a subject that is neither.
        ("client_id", json!("cli_01h455vb4pex5vsknk084sn02q")),
        ("client_id", json!("authd")),
        ("sub", json!(UserId::from_bytes([1; 16]))),
        ("sub", json!("cli_")),
        ("sub", json!("")),
        ("sub", json!(["cli_01h455vb4pex5vsknk084sn02q"])),
        ("iss", json!("https://other.test")),
        ("cgen", json!("7")),
        ("exp", json!(1.5)),
    ] {
        let forged = sign(&header, &with(claims.clone(), name, value));
        assert_eq!(verify(&forged), Err(TokenError::Invalid), "{name}");
    }
    // A user's claims with a client's subject lack what a client's have.
    let mut user = serde_json::to_value(access()).unwrap();
    user["sub"] = json!(of_client().sub);
    assert_eq!(verify(&sign(&header, &user)), Err(TokenError::Invalid));
    // And it lives no longer than it says.
    let later = NOW.plus(Duration::from_secs(600));
    let expired = ring(1).verify(&token, &expected(), later);
    assert_eq!(expired, Err(TokenError::Expired));
}

#[test]
fn a79_a_page_of_the_feed_is_no_token() {
    let page = FeedClaims {
        iss: expected().issuer,
        aud: of_client().sub,
        tid: of_client().tid,
        iat: SECOND,
        exp: SECOND + 60,
        since: 1,
        upto: 2,
        items: Vec::new(),
    };
    let page = ring(1).sign_feed(&page).unwrap();
    assert_eq!(verify(&page), Err(TokenError::Invalid));
    let seen = ring(1).inspect(&page).unwrap();
    assert_eq!(seen.typ.as_deref(), Some("revocations+jwt"));
    assert_eq!(seen.is_signed, Some(true));
}
