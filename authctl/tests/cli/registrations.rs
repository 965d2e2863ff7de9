//! `registration …` and `user email`: what is asked, what is shown.

use common::view::RegistrationView;
use serde_json::{Value, json};

use crate::daemon::World;
use crate::objects::{self, USER, page, time};

fn registration(email: Option<&str>) -> RegistrationView {
    RegistrationView {
        id: USER.parse().unwrap(),
        tenant: "acme".to_owned(),
        email: email.map(str::to_owned),
        network: email.map(|_| "203.0.113.7".to_owned()),
        tries_left: 4,
        created_at: time("2026-11-20T08:12:00.000Z"),
        expires_at: time("2999-01-01T00:00:00.000Z"),
    }
}

#[test]
fn registrations_are_listed() {
    let world = World::saying(&page(vec![registration(Some("new@acme.test"))]));
    let said = world.run("-t acme registration list").out;
    let words: Vec<&str> = said.split_whitespace().collect();
    let expected = [
        "ADDRESS",
        "FROM",
        "TRIES",
        "LEFT",
        "REGISTERED",
        "EXPIRES",
        "new@acme.test",
        "203.0.113.7",
        "4",
        "2026-11-20T08:12:00.000Z",
    ];
    assert_eq!(words[..10], expected, "{said}");
    let asked = world.only();
    assert_eq!(
        (asked.path.as_str(), asked.query.as_str()),
        ("/v1/registration/list", "tenant=acme&limit=200")
    );
    let said: Value = serde_json::from_str(&world.run("registration list --json").out).unwrap();
    assert_eq!(said["kind"], "registration.list");
    assert_eq!(said["items"][0]["tries_left"], 4);
    assert_eq!(said["items"][0]["network"], "203.0.113.7");
    // Without personal data the id stands for the address.
    let shown = World::saying(&page(vec![registration(Some("new@acme.test"))]));
    assert_eq!(
        shown.run("registration list -q").out,
        "acme/new@acme.test\n"
    );
    let masked = World::saying(&page(vec![registration(None)]));
    assert!(masked.run("registration list").out.contains(USER));
    assert_eq!(
        masked.run("registration list -o id").out,
        format!("{USER}\n")
    );
}

#[test]
fn registrations_are_ended_by_address() {
    let world = World::saying(&objects::change("registration.delete", "new@acme.test"));
    let ended = world.run("registration delete acme/new@acme.test --reason spam");
    assert_eq!(
        (ended.code, ended.out.as_str()),
        (
            Some(0),
            "Ended the registration of new@acme.test in tenant acme.\n"
        )
    );
    let asked = world.only();
    assert_eq!(asked.path, "/v1/registration/delete");
    let named = json!({"tenant": "acme", "name": "new@acme.test"});
    assert_eq!(asked.body, json!({"registration": named, "reason": "spam"}));
    let ended = world.run_with("registration delete -", "a@acme.test\nb@acme.test\n");
    assert_eq!((ended.code, ended.out.lines().count()), (Some(0), 2));
    assert_eq!(world.run("registration delete").code, Some(2));
    // A list that found none is in front of the pipe.
    let before = world.asked().len();
    let ended = world.run_with("registration delete -", "\n");
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""));
    assert_eq!(
        ended.err,
        "authctl: note: standard input holds no ids; nothing to do\n"
    );
    assert_eq!(world.run_with("user disable - -q", "").err, "");
    assert_eq!(world.asked().len(), before);
}

#[test]
fn a_new_address_is_told_as_waiting() {
    let world = World::saying(&objects::change("user.email", "alice@acme.test"));
    let ended = world.run("user email acme/alice@acme.test alice@next.test");
    assert_eq!(
        ended.out,
        "Queued a confirmation to alice@next.test, the new address of alice@acme.test in tenant acme.\n"
    );
    let asked = world.only();
    assert_eq!(asked.path, "/v1/user/email");
    let named = json!({"tenant": "acme", "name": "alice@acme.test"});
    let expected = json!({"user": named, "email": "alice@next.test", "reason": null});
    assert_eq!(asked.body, expected);
    assert_eq!(world.run("user email alice@acme.test").code, Some(2));
}
