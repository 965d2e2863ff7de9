//! What answers and pages say to people, in the language that they asked for; what programs and
//! developers read is the same in all of them.

use std::collections::HashMap;

use common::error::ErrorCode;
use serde_json::{Value, json};

use crate::house::{ADA, Answer, Ask, GOOD, House, WRONG, get, login, post};
use crate::registration::{NEW, open, register};
use crate::world::{World, request};

/// Status, code, and what is asked.
type Case = (u16, &'static str, fn() -> Ask);

const SWAHILI: &str = "sw-KE,sw;q=0.9,en;q=0.1";

fn in_swahili(ask: Ask) -> Ask {
    ask.header("accept-language", SWAHILI)
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer
        .headers
        .get(name)
        .map(|value| value.to_str().unwrap())
}

fn varies(answer: &Answer) -> bool {
    let mut values = answer.headers.get_all("vary").iter();
    values.any(|value| value == "Accept-Language")
}

/// A document without what people read, and without its id.
fn for_programs(answer: &Answer) -> Value {
    let mut body = answer.body.clone();
    for member in ["message", "request_id"] {
        body.as_object_mut().unwrap().remove(member);
    }
    for field in body["fields"].as_array_mut().unwrap() {
        field.as_object_mut().unwrap().remove("message");
    }
    body
}

#[tokio::test]
async fn s20_refusals_speak_the_language_that_was_asked_for() {
    let house = House::new().await;
    let asks: [Case; 6] = [
        (401, "invalid_credentials", || login(ADA, WRONG)),
        (401, "missing_token", || get("/v1/me")),
        (401, "missing_token", || get("/v1/auth/check")),
        (404, "not_found", || get("/nowhere")),
        (405, "method_not_allowed", || get("/v1/auth/login")),
        (400, "unknown_field", || {
            post("/v1/auth/login", serde_json::json!({"x": 1}))
        }),
    ];
    for (status, code, ask) in asks {
        let english = house.ask(ask()).await;
        let swahili = house.ask(in_swahili(ask())).await;
        english.is(status, code);
        swahili.is(status, code);
        let code = ErrorCode::ALL.iter().find(|known| known.as_str() == code);
        assert_eq!(english.body["message"], code.unwrap().user_message());
        assert_ne!(english.body["message"], swahili.body["message"]);
        assert_eq!(for_programs(&english), for_programs(&swahili));
        assert_eq!(header(&english, "content-language"), Some("en"));
        assert_eq!(header(&swahili, "content-language"), Some("sw"));
        assert!(varies(&english) && varies(&swahili), "{english:?}");
        // What is not spoken here is answered in English.
        let french = house
            .ask(ask().header("accept-language", "fr, sw;q=0"))
            .await;
        assert_eq!(french.body["message"], english.body["message"]);
    }
    // What people do not read is the same for all.
    let signed_in = house.ask(in_swahili(login(ADA, GOOD))).await;
    let me = in_swahili(get("/v1/me")).with(signed_in.access());
    for answer in [&signed_in, &house.ask(me).await] {
        assert_eq!(answer.status, 200);
        assert!(!varies(answer));
        assert_eq!(header(answer, "content-language"), None);
    }
}

/// The refused login: one answer a language, whatever stands behind the name.
#[tokio::test]
async fn rule_4_s06_a_refused_login_is_the_same_for_all_names_in_every_language() {
    let house = House::new().await;
    let mut messages = HashMap::new();
    for language in ["en", SWAHILI, "fr", "sw;q=0.5, en;q=0.4", ""] {
        let mut answers = Vec::new();
        for name in [ADA, "nobody@acme.test", "\u{661}@nowhere.test"] {
            let ask = login(name, WRONG).header("accept-language", language);
            let mut answer = house.ask(ask).await;
            answer.is(401, "invalid_credentials");
            let id = answer.body["request_id"].as_str().unwrap().to_owned();
            answer.text = answer.text.replace(&id, "an id of its own");
            answers.push(answer);
        }
        for answer in &answers {
            assert_eq!(
                answer.but_for_its_id(),
                answers[0].but_for_its_id(),
                "{language}"
            );
        }
        let message = answers[0].body["message"].as_str().unwrap().to_owned();
        *messages.entry(message).or_insert(0) += 1;
        // Nobody is to be locked by this test.
        for name in [ADA, "nobody@acme.test", "\u{661}@nowhere.test"] {
            let key = house.subject(name);
            house
                .write(move |tx| tx.counters_mut().clear(&key).map(drop))
                .await;
        }
    }
    assert_eq!(messages.len(), 2, "{messages:?}");
}

#[tokio::test]
async fn fields_say_in_the_readers_language_what_to_write_instead() {
    let mailing = open().await;
    let said = async |ask: Ask, path: &str| {
        let answer = mailing.house.ask(ask).await;
        let fields = answer.body["fields"].as_array().unwrap();
        let field = fields.iter().find(|field| field["path"] == path);
        field.unwrap()["message"].as_str().unwrap().to_owned()
    };
    let short = || register(NEW, "short");
    assert_eq!(
        said(short(), "/password").await,
        "Use at least 15 characters."
    );
    assert_eq!(
        said(in_swahili(short()), "/password").await,
        "Tumia angalau herufi 15."
    );
    let long = || register(NEW, &"x".repeat(129));
    assert_eq!(
        said(in_swahili(long()), "/password").await,
        "Tumia herufi zisizozidi 128."
    );
    let wrong = || register("nobody", GOOD);
    assert!(said(wrong(), "/email").await.starts_with("Enter an e-mail"));
    assert!(
        said(in_swahili(wrong()), "/email")
            .await
            .starts_with("Andika anwani")
    );
}

/// What administrators fill in is told of as what everybody does.
#[tokio::test]
async fn fields_of_administrators_are_in_their_language_too() {
    let world = World::new().await;
    let admin = world.actor("acme", &["flag"]).await;
    for (method, path, body, field, said) in [
        (
            "POST",
            "/v1/roles",
            json!({"name": "Bad Name"}),
            "/name",
            "Anza kwa herufi ndogo",
        ),
        (
            "POST",
            "/v1/permissions",
            json!({"name": "orders"}),
            "/name",
            "Andika ruhusa",
        ),
        (
            "POST",
            "/v1/clients",
            json!({"name": "x", "scopes": ["all"]}),
            "/scopes",
            "Chagua kati",
        ),
        (
            "PATCH",
            "/v1/tenant/settings",
            json!({"lockout.threshold": 0}),
            "/lockout.threshold",
            "Thamani hii",
        ),
    ] {
        let ask = || request(method, path, Some(body.clone())).with(&admin.token);
        for (ask, is_swahili) in [(ask(), false), (in_swahili(ask()), true)] {
            let answer = world.ask(ask).await;
            assert_eq!(answer.status, 422, "{path}: {answer:?}");
            let fields = answer.body["fields"].as_array().unwrap();
            let told = fields.iter().find(|told| told["path"] == field).unwrap();
            let told = told["message"].as_str().unwrap();
            assert_eq!(told.starts_with(said), is_swahili, "{path}: {told}");
        }
    }
}

#[tokio::test]
async fn pages_are_in_the_readers_language_and_kept_apart() {
    let house = House::new().await;
    for path in ["/confirm-email", "/reset-password", "/verify-email"] {
        let english = house.ask(get(path)).await;
        let swahili = house.ask(in_swahili(get(path))).await;
        assert!(english.text.contains("<html lang=\"en\">"), "{path}");
        assert!(swahili.text.contains("<html lang=\"sw\">"), "{path}");
        assert_eq!(header(&swahili, "content-language"), Some("sw"));
        assert!(varies(&english) && varies(&swahili));
        assert_ne!(header(&english, "etag"), header(&swahili, "etag"));
        let tag = header(&english, "etag").unwrap();
        let kept = get(path).header("if-none-match", tag);
        let again = house.ask(kept).await;
        assert!(again.status == 304 && varies(&again), "{again:?}");
        let other = in_swahili(get(path)).header("if-none-match", tag);
        assert_eq!(house.ask(other).await.text, swahili.text);
        // The same parts, ids and names of data: the script serves both.
        let marks = |page: &str| {
            let words = page.split([' ', '\n', '<', '>']);
            let names = words.filter_map(|word| word.split_once("=\"").map(|(name, _)| name));
            names.map(str::to_owned).collect::<Vec<_>>()
        };
        let ids = |page: &str| page.matches("id=\"").count();
        assert_eq!(marks(&english.text), marks(&swahili.text), "{path}");
        assert_eq!(ids(&english.text), ids(&swahili.text));
        for word in ["Confirm", "password.", "Show", "Open the", "browser has"] {
            assert!(!swahili.text.contains(word), "{path}: {word}");
        }
    }
}
