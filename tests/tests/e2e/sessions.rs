//! Sessions: refreshing, ending, limits, devices (rules 9 to 11).

use std::collections::BTreeSet;
use std::time::Duration;

use harness::{Home, OTHER_PASSWORD, PASSWORD, Request, Response, Tokens, eventually, parallel};
use serde_json::{Value, json};

use crate::scene::{ALICE, alice, open};

const DAY: Duration = Duration::from_hours(24);

#[test]
fn a23_refresh_rotates_and_reuse_ends_the_session() {
    let home = Home::new().with_clock();
    let daemon = open(&home);
    let api = daemon.api();
    let first = api.tokens(&alice());
    let second = Tokens::of(&api.refresh(&first.refresh));
    assert_ne!(second.refresh, first.refresh);
    assert_eq!(second.session_id, first.session_id);

    // Past the grace, the used token is a theft: its session ends.
    daemon.clock().forward(Duration::from_secs(12));
    let reused = api.refresh(&first.refresh);
    assert_eq!(reused.outcome(), "401 refresh_token_reused");
    assert_eq!(api.check(&second.access).status, 401);
    assert_eq!(api.refresh(&second.refresh).status, 401);
    // And nobody else's.
    api.tokens(&alice());
}

#[test]
fn a24_parallel_refreshes_get_one_successor() {
    let home = Home::new();
    let daemon = open(&home);
    let api = daemon.api();
    let tokens = api.tokens(&alice());
    let old = tokens.refresh.clone();
    let answers = parallel(50, move |_| api.refresh(&old));
    let successors: BTreeSet<String> = answers
        .iter()
        .map(|answer| Tokens::of(answer).refresh)
        .collect();
    assert_eq!(successors.len(), 1, "{successors:?}");
    let successor = successors.first().expect("one");
    let next = Tokens::of(&api.refresh(successor));
    assert_eq!(next.session_id, tokens.session_id);
}

#[test]
fn a25_after_logout_both_tokens_are_dead() {
    let home = Home::new();
    let daemon = open(&home);
    let api = daemon.api();
    let tokens = api.tokens(&alice());
    for _ in 0..10 {
        assert_eq!(api.me(&tokens.access).status, 200);
        assert_eq!(api.check(&tokens.access).status, 200);
    }
    assert_eq!(api.logout(&tokens.access).status, 204);
    for refused in [
        api.check(&tokens.access),
        api.me(&tokens.access),
        api.get("/v1/me/sessions", &tokens.access),
        api.refresh(&tokens.refresh),
        api.logout(&tokens.access),
    ] {
        assert_eq!(refused.outcome(), "401 session_revoked");
    }

    // The same by the refresh token, for a client whose access token has expired.
    let tokens = api.tokens(&alice());
    let body = json!({"refresh_token": tokens.refresh});
    assert_eq!(api.post("/v1/auth/logout", &body).status, 204);
    assert_eq!(api.check(&tokens.access).outcome(), "401 session_revoked");
}

#[test]
fn a25_logout_of_all_and_of_others() {
    let home = Home::new().setting("session.policy", "\"per_device\"");
    let daemon = open(&home);
    let api = daemon.api();
    let sign_in = |device: &str| api.tokens(&alice().device(device));
    let out = |token: &str, scope: &str| -> Response {
        let request = Request::post("/v1/auth/logout").bearer(token);
        api.send(&request.json(&json!({"scope": scope})))
    };
    let (here, there) = (sign_in("phone"), sign_in("tablet"));
    assert_eq!(out(&here.access, "others").status, 204);
    assert_eq!(api.check(&here.access).status, 200);
    assert_eq!(api.check(&there.access).outcome(), "401 session_revoked");
    let there = sign_in("tablet");
    assert_eq!(out(&here.access, "all").status, 204);
    assert_eq!(api.check(&here.access).status, 401);
    assert_eq!(api.check(&there.access).status, 401);
}

#[test]
fn a29_a_new_device_ends_the_old_one() {
    let home = Home::new();
    let daemon = open(&home);
    let api = daemon.api();
    let phone = api.tokens(&alice().device("phone"));
    assert_eq!(api.check(&phone.access).status, 200);
    let tablet = api.tokens(&alice().device("tablet"));
    assert_eq!(
        tablet.answer.pointer("/ended_sessions/0/id"),
        Some(&Value::from(phone.session_id.as_str()))
    );
    for refused in [
        api.check(&phone.access),
        api.me(&phone.access),
        api.refresh(&phone.refresh),
    ] {
        assert_eq!(refused.outcome(), "401 session_superseded");
    }
    assert_eq!(api.check(&tablet.access).status, 200);
}

#[test]
fn a30_the_same_device_replaces_its_session() {
    let home = Home::new().setting("session.policy", "\"per_device\"");
    let daemon = open(&home);
    let api = daemon.api();
    let phone = api.tokens(&alice().device("phone"));
    let tablet = api.tokens(&alice().device("tablet"));
    assert_eq!(api.check(&phone.access).status, 200);
    let again = api.tokens(&alice().device("phone"));
    assert_ne!(again.session_id, phone.session_id);
    assert_eq!(api.check(&phone.access).outcome(), "401 session_superseded");
    assert_eq!(api.check(&tablet.access).status, 200);
    assert_eq!(api.check(&again.access).status, 200);
}

#[test]
fn a30_a_limit_lets_the_oldest_go() {
    let home = Home::new().setting("session.policy", "\"limit:2\"");
    let daemon = open(&home);
    let api = daemon.api();
    let first = api.tokens(&alice().device("one"));
    let second = api.tokens(&alice().device("two"));
    let third = api.tokens(&alice().device("three"));
    assert_eq!(api.check(&first.access).outcome(), "401 session_superseded");
    assert_eq!(api.check(&second.access).status, 200);
    assert_eq!(api.check(&third.access).status, 200);
}

#[test]
fn a31_two_devices_at_once_leave_one_session() {
    let home = Home::new();
    let daemon = open(&home);
    let api = daemon.api();
    for _ in 0..5 {
        let answers = parallel(2, move |index| {
            api.tokens(&alice().device(&format!("device-{index}")))
                .access
        });
        let alive = answers
            .iter()
            .filter(|access| api.check(access).status == 200)
            .count();
        assert_eq!(alive, 1);
        assert_eq!(daemon.authctl().items(&["session", "list"]).len(), 1);
    }
}

#[test]
fn a32_the_refresh_token_of_a_session_that_is_over_ends_no_others() {
    let home = Home::new()
        .with_clock()
        .setting("session.policy", "\"per_device\"")
        .setting("session.idle_timeout", "\"10m\"");
    let daemon = open(&home);
    let phone = daemon.api().tokens(&alice().device("phone"));
    let mut laptop = daemon.api().tokens(&alice().device("laptop"));
    for _ in 0..2 {
        daemon.clock().forward(Duration::from_mins(6));
        laptop = Tokens::of(&daemon.api().refresh(&laptop.refresh));
    }
    let body = json!({"refresh_token": phone.refresh, "scope": "all"});
    let refused = daemon.api().post("/v1/auth/logout", &body);
    assert_eq!(refused.outcome(), "401 session_expired");
    assert_eq!(daemon.api().check(&laptop.access).status, 200);
}

#[test]
fn a32_idle_and_absolute_limits_hold() {
    let home = Home::new().with_clock();
    let daemon = open(&home);
    let api = daemon.api();
    // Refreshed every day, it ends after thirty all the same.
    let mut tokens = api.tokens(&alice());
    for day in 1..30 {
        daemon.clock().forward(DAY);
        let answer = api.refresh(&tokens.refresh);
        assert_eq!(answer.status, 200, "day {day}: {}", answer.text());
        tokens = Tokens::of(&answer);
    }
    daemon.clock().forward(DAY + Duration::from_mins(1));
    assert_eq!(
        api.refresh(&tokens.refresh).outcome(),
        "401 session_expired"
    );

    // Not used for a week, it ends.
    let tokens = api.tokens(&alice());
    daemon.clock().forward(7 * DAY + Duration::from_mins(1));
    assert_eq!(
        api.refresh(&tokens.refresh).outcome(),
        "401 session_expired"
    );
}

#[test]
fn a74_what_becomes_true_by_time_alone_is_checked_at_every_hit() {
    let home = Home::new().with_clock();
    let daemon = open(&home);
    let api = daemon.api();
    let tokens = api.tokens(&alice());
    assert_eq!(api.check(&tokens.access).status, 200);
    daemon.clock().forward(Duration::from_mins(11));
    assert_eq!(api.check(&tokens.access).outcome(), "401 token_expired");
    assert_eq!(api.me(&tokens.access).outcome(), "401 token_expired");
}

#[test]
fn a33_last_active_moves_with_use() {
    let home = Home::new().with_clock();
    let daemon = open(&home);
    let api = daemon.api();
    let tokens = api.tokens(&alice());
    let last_active = || -> common::time::Time {
        let list = api.get("/v1/me/sessions", &tokens.access);
        list.field("/items/0/last_active_at")
            .parse()
            .expect("a time")
    };
    let before = last_active();
    daemon.clock().forward(Duration::from_mins(3));
    assert_eq!(api.check(&tokens.access).status, 200);
    eventually("the use shows", Duration::from_secs(10), || {
        (last_active().since(before) >= Duration::from_secs(150)).then_some(())
    });
}

#[test]
fn a34_disabling_cuts_every_session_at_once() {
    let home = Home::new().setting("session.policy", "\"per_device\"");
    let daemon = open(&home);
    let api = daemon.api();
    let authctl = daemon.authctl();
    let all = [
        api.tokens(&alice().device("phone")),
        api.tokens(&alice().device("tablet")),
    ];
    for tokens in &all {
        assert_eq!(api.check(&tokens.access).status, 200);
    }
    let disable = ["-t", "acme", "user", "disable", ALICE, "--yes"];
    authctl.ok(&disable);
    for tokens in &all {
        assert_eq!(api.check(&tokens.access).outcome(), "401 session_revoked");
        assert_eq!(
            api.refresh(&tokens.refresh).outcome(),
            "401 session_revoked"
        );
    }
    // Only who knows the password learns why.
    assert_eq!(api.login(&alice()).outcome(), "403 account_disabled");
    assert_eq!(
        api.login(&crate::scene::guess(ALICE)).outcome(),
        "401 invalid_credentials"
    );
    // Twice is no error, and changes nothing.
    let again = authctl.json(&disable);
    assert_eq!(again.get("changed"), Some(&Value::from(false)));

    // What has ended stays ended.
    authctl.ok(&["-t", "acme", "user", "enable", ALICE]);
    for tokens in &all {
        assert_eq!(api.check(&tokens.access).status, 401);
        assert_eq!(api.refresh(&tokens.refresh).status, 401);
    }
    api.tokens(&alice());
}

#[test]
fn a74_an_operators_acts_end_sessions_at_once() {
    let home = Home::new();
    let daemon = open(&home);
    let api = daemon.api();
    let authctl = daemon.authctl();
    let warm = || {
        let tokens = api.tokens(&alice());
        assert_eq!(api.check(&tokens.access).status, 200);
        tokens
    };
    let tokens = warm();
    authctl.ok(&["session", "revoke", &tokens.session_id, "--yes"]);
    assert_eq!(api.check(&tokens.access).outcome(), "401 session_revoked");
    let tokens = warm();
    authctl.ok(&[
        "session",
        "revoke",
        "--user",
        "acme/alice@acme.test",
        "--yes",
    ]);
    assert_eq!(api.check(&tokens.access).outcome(), "401 session_revoked");
    let tokens = warm();
    authctl.ok(&["session", "revoke", "--tenant", "acme", "--confirm", "acme"]);
    assert_eq!(api.check(&tokens.access).outcome(), "401 session_revoked");
    let tokens = warm();
    let set = [
        "-t",
        "acme",
        "user",
        "set-password",
        ALICE,
        "--password-stdin",
        "--permanent",
    ];
    assert_eq!(authctl.run_with_input(&set, OTHER_PASSWORD).code, Some(0));
    assert_eq!(api.check(&tokens.access).outcome(), "401 session_revoked");
    assert_eq!(api.refresh(&tokens.refresh).status, 401);
}

#[test]
fn a73_a_lost_answer_can_be_asked_for_again() {
    let home = Home::new();
    let daemon = open(&home);
    let api = daemon.api();
    let first = api.tokens(&alice());
    let answer = Tokens::of(&api.refresh(&first.refresh));
    let again = Tokens::of(&api.refresh(&first.refresh));
    assert_eq!(again.refresh, answer.refresh);
    assert_eq!(again.session_id, answer.session_id);
    assert_eq!(
        again.claims().get("auth_time"),
        first.claims().get("auth_time")
    );
    // The successor is good, also after that.
    Tokens::of(&api.refresh(&answer.refresh));
}

#[test]
fn a73_a_generation_outside_the_grace_ends_the_session() {
    let home = Home::new();
    let daemon = open(&home);
    let api = daemon.api();
    let first = api.tokens(&alice());
    let second = Tokens::of(&api.refresh(&first.refresh));
    let third = Tokens::of(&api.refresh(&second.refresh));
    // Two rotations within the grace: the first token is two generations behind.
    assert_eq!(
        api.refresh(&first.refresh).outcome(),
        "401 refresh_token_reused"
    );
    assert_eq!(api.check(&third.access).status, 401);
    assert_eq!(api.refresh(&third.refresh).status, 401);
}

#[test]
fn a73_a_token_with_anything_of_another_session_is_nothing() {
    let home = Home::new();
    let daemon = open(&home);
    let bob = "bob@acme.test";
    daemon.authctl().create_user("acme", bob, PASSWORD);
    let api = daemon.api();
    let ours = api.tokens(&alice());
    let theirs = api.tokens(&harness::Login::new("acme", bob, PASSWORD));
    let length = ours.refresh.len();
    assert_eq!(length, theirs.refresh.len());
    for cut in [length / 4, length / 2, length * 3 / 4] {
        let head = ours.refresh.get(..cut).unwrap_or_default();
        let tail = theirs.refresh.get(cut..).unwrap_or_default();
        let mixed = format!("{head}{tail}");
        // Sessions made in the same moment share the beginning of their ids.
        if mixed == ours.refresh || mixed == theirs.refresh {
            continue;
        }
        assert_eq!(api.refresh(&mixed).outcome(), "401 invalid_token");
    }
    assert_eq!(api.check(&ours.access).status, 200);
    assert_eq!(api.check(&theirs.access).status, 200);
}

#[test]
fn own_sessions_come_in_pages_that_belong_to_their_user() {
    let home = Home::new().setting("session.policy", "\"limit:9\"");
    let daemon = open(&home);
    let api = daemon.api();
    let tokens: Vec<_> = (0..5)
        .map(|n| api.tokens(&alice().device(&format!("d{n}"))))
        .collect();
    let access = &tokens.last().expect("a sign-in").access;
    let mut seen = Vec::new();
    let mut path = "/v1/me/sessions?limit=2".to_owned();
    loop {
        let page = api.send(&Request::get(&path).bearer(access)).json();
        let items = page["items"].as_array().expect("items").clone();
        assert!(items.len() <= 2);
        seen.extend(items.iter().map(|item| item["id"].to_string()));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/v1/me/sessions?limit=2&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 5);
    assert!(
        seen.is_sorted_by(|a, b| a > b),
        "the newest first: {seen:?}"
    );
    for (query, outcome) in [
        ("cursor=abc", "400 invalid_cursor"),
        ("limit=0", "422 validation_failed"),
        ("limit=201", "422 validation_failed"),
        ("page=2", "400 unknown_parameter"),
    ] {
        let answer = api.send(&Request::get(&format!("/v1/me/sessions?{query}")).bearer(access));
        assert_eq!(answer.outcome(), outcome, "{query}");
    }
    let me = api.send(&Request::get("/v1/me").bearer(access));
    assert!(me.header("etag").is_some_and(|tag| tag.starts_with('"')));
}
