//! Guessing and locking (rules 1 to 7) as a client sees them.

use std::time::Duration;

use harness::{Daemon, Home, Login, PASSWORD, Request, Response, WRONG_PASSWORD, parallel};
use serde_json::{Value, json};

use crate::scene::{ALICE, alice, guess, lock, open};

const MINUTE: Duration = Duration::from_mins(1);

fn rest(locked: &Response) -> u64 {
    assert_eq!(locked.outcome(), "429 login_locked");
    let header = locked.header("retry-after").expect("Retry-After");
    let seconds = header.parse().expect("seconds");
    let body = locked.json();
    assert_eq!(body.get("retry_after_seconds"), Some(&Value::from(seconds)));
    seconds
}

#[test]
fn a1_five_failures_lock_until_a_quarter_of_an_hour_after_the_last() {
    let home = Home::new().with_clock();
    let daemon = open(&home);
    lock(&daemon, ALICE);
    let seconds = rest(&daemon.api().login(&alice()));
    assert!((880..=900).contains(&seconds), "{seconds}");
    daemon.clock().forward(Duration::from_secs(seconds - 10));
    assert!(rest(&daemon.api().login(&alice())) <= 10);
    daemon.clock().forward(Duration::from_secs(11));
    daemon.api().tokens(&alice());
}

#[test]
fn a2_the_window_slides() {
    let home = Home::new().with_clock();
    let daemon = open(&home);
    let bob = "bob@acme.test";
    daemon.authctl().create_user("acme", bob, PASSWORD);
    for wait in [4, 4, 4, 0] {
        daemon.api().login(&guess(ALICE));
        daemon.api().login(&guess(bob));
        daemon.clock().forward(wait * MINUTE);
    }
    // Four failures at 0, 4, 8 and 12 minutes. At 14:50 all of them count: Bob's fifth locks.
    daemon.clock().forward(Duration::from_secs(170));
    daemon.api().login(&guess(bob));
    let seconds = rest(&daemon.api().login(&Login::new("acme", bob, PASSWORD)));
    assert!(
        seconds > 880,
        "counted from the last failure, not the first: {seconds}"
    );
    // At 15:05 Alice's first failure has left the window.
    daemon.clock().forward(Duration::from_secs(15));
    let fifth = daemon.api().login(&guess(ALICE));
    assert_eq!(fifth.outcome(), "401 invalid_credentials");
    daemon.api().tokens(&alice());
}

#[test]
fn a3_an_unknown_name_is_answered_byte_for_byte_alike() {
    let home = Home::new();
    let daemon = open(&home);
    let nowhere = Login::new("nowhere", ALICE, WRONG_PASSWORD);
    for _ in 0..7 {
        let known = daemon.api().login(&guess(ALICE));
        let unknown = daemon.api().login(&guess("nobody@acme.test"));
        let no_tenant = daemon.api().login(&nowhere);
        assert_eq!(known.likeness(), unknown.likeness());
        assert_eq!(known.likeness(), no_tenant.likeness());
    }
    // The right password of a locked name, and the same for a name that has none.
    let right = daemon.api().login(&alice());
    let unknown = daemon.api().login(&guess("nobody@acme.test"));
    assert_eq!(right.likeness(), unknown.likeness());
    assert_eq!(right.status, 429);
}

#[test]
fn a4_spellings_of_one_address_share_a_counter() {
    let home = Home::new();
    let daemon = open(&home);
    for spelling in [
        "ALICE@acme.test",
        "alice@ACME.TEST",
        "  alice@acme.test ",
        "\u{ff41}lice@acme.test",
        "Alice@Acme.Test",
    ] {
        let refused = daemon.api().login(&guess(spelling));
        assert_eq!(refused.outcome(), "401 invalid_credentials", "{spelling:?}");
    }
    rest(&daemon.api().login(&alice()));
}

#[test]
fn a5_parallel_guesses_get_five_evaluations() {
    let home = Home::new();
    let daemon = open(&home);
    let api = daemon.api();
    let answers = parallel(60, move |_| api.login(&guess(ALICE)).outcome());
    let evaluated = answers
        .iter()
        .filter(|answer| *answer == "401 invalid_credentials")
        .count();
    assert_eq!(evaluated, 5, "{answers:?}");
    let others = |answer: &&String| {
        ![
            "401 invalid_credentials",
            "429 login_locked",
            "503 overloaded",
        ]
        .contains(&answer.as_str())
    };
    assert_eq!(answers.iter().find(others), None);
    rest(&api.login(&alice()));
}

#[test]
fn a63_parallel_right_passwords_lock_nobody_out() {
    let home = Home::new();
    let daemon = open(&home);
    for _ in 0..4 {
        daemon.api().login(&guess(ALICE));
    }
    let api = daemon.api();
    let answers = parallel(20, move |_| api.login(&alice()).outcome());
    let is_fair = |answer: &String| answer == "200" || answer == "503 overloaded";
    assert!(answers.iter().all(is_fair), "{answers:?}");
    assert!(answers.contains(&"200".to_owned()));
    daemon.api().tokens(&alice());
    assert!(daemon.authctl().items(&["lockout", "list"]).is_empty());
}

#[test]
fn a6_success_clears() {
    let home = Home::new();
    let daemon = open(&home);
    for _ in 0..2 {
        for _ in 0..4 {
            let refused = daemon.api().login(&guess(ALICE));
            assert_eq!(refused.outcome(), "401 invalid_credentials");
        }
        daemon.api().tokens(&alice());
    }
}

#[test]
fn a7_forwarding_headers_of_strangers_have_no_effect() {
    let home = Home::new();
    let daemon = open(&home);
    for number in 0..5 {
        let request = Request::post("/v1/auth/login")
            .header("X-Forwarded-For", &format!("203.0.113.{number}"))
            .header("Forwarded", &format!("for=203.0.113.{number}"))
            .header("X_Forwarded_For", &format!("203.0.113.{number}"))
            .header("X-Real-IP", &format!("203.0.113.{number}"))
            .json(guess(ALICE).body());
        assert_eq!(daemon.api().send(&request).status, 401);
    }
    rest(&daemon.api().login(&alice()));
    for attempt in daemon.authctl().items(&["attempt", "list"]) {
        assert_eq!(attempt.get("ip"), Some(&Value::from("127.0.0.1")));
    }
}

#[test]
fn a7_a_trusted_proxy_names_the_client() {
    let home = Home::new()
        .setting("api.trusted_proxies", "[\"127.0.0.0/8\"]")
        .setting("api.client_ip_header", "\"x-forwarded-for\"");
    let daemon = open(&home);
    let request = Request::post("/v1/auth/login")
        .header("X-Forwarded-For", "198.51.100.1, 203.0.113.9, 127.0.0.3")
        .json(guess(ALICE).body());
    assert_eq!(daemon.api().send(&request).status, 401);
    let attempts = daemon.authctl().items(&["attempt", "list"]);
    let ip = attempts.first().and_then(|attempt| attempt.get("ip"));
    assert_eq!(ip, Some(&Value::from("203.0.113.9")));
}

#[test]
fn a7_an_unparsable_forwarding_header_lets_nobody_in() {
    let plain = Home::new();
    let trusting = Home::new()
        .setting("api.trusted_proxies", "[\"127.0.0.0/8\"]")
        .setting("api.client_ip_header", "\"x-forwarded-for\"");
    for home in [plain, trusting] {
        let home = home.setting("lockout.threshold", "5");
        let daemon = open(&home);
        let long = "1.1.1.1, ".repeat(1000);
        for junk in [
            "a",
            "",
            "999.1.1.1",
            "::ffff:x",
            ",,,",
            long.trim_end_matches(", "),
        ] {
            let request = Request::post("/v1/auth/login")
                .header("X-Forwarded-For", junk)
                .json(guess("nobody@acme.test").body());
            let answer = daemon.api().send(&request);
            let is_refused = [401, 429, 431].contains(&answer.status);
            assert!(is_refused, "{junk:?}: {}", answer.outcome());
        }
    }
}

fn outcomes(daemon: &Daemon) -> Vec<(String, u64)> {
    let mut all: Vec<(String, u64)> = daemon
        .authctl()
        .items(&["attempt", "list"])
        .iter()
        .map(|attempt| {
            let outcome = attempt.get("outcome").and_then(Value::as_str);
            let count = attempt.get("count").and_then(Value::as_u64);
            (outcome.unwrap_or_default().to_owned(), count.unwrap_or(0))
        })
        .collect();
    all.sort();
    all
}

fn tries(outcomes: &[(String, u64)], outcome: &str) -> u64 {
    let of = outcomes.iter().filter(|(name, _)| name == outcome);
    of.map(|(_, count)| count).sum()
}

#[test]
fn a8_every_try_leaves_exactly_one_record() {
    let home = Home::new();
    let daemon = open(&home);
    let authctl = daemon.authctl();
    let user = authctl.create_user("acme", "bob@acme.test", PASSWORD);
    authctl.ok(&["-t", "acme", "user", "disable", "bob@acme.test", "--yes"]);

    daemon.api().tokens(&alice());
    lock(&daemon, ALICE);
    daemon.api().login(&alice());
    daemon.api().login(&guess("nobody@acme.test"));
    daemon
        .api()
        .login(&Login::new("acme", "bob@acme.test", PASSWORD));

    let all = outcomes(&daemon);
    for (outcome, expected) in [
        ("success", 1),
        ("wrong_password", 5),
        ("locked", 1),
        ("unknown_user", 1),
        ("account_disabled", 1),
    ] {
        assert_eq!(tries(&all, outcome), expected, "{outcome} in {all:?}");
    }
    assert_eq!(all.iter().map(|(_, count)| count).sum::<u64>(), 9);

    for attempt in authctl.items(&["attempt", "list"]) {
        let text = |name: &str| {
            attempt
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        assert!(
            text("at").parse::<common::time::Time>().is_ok(),
            "{attempt}"
        );
        assert!(
            text("at").ends_with('Z') || text("at").contains('+'),
            "{attempt}"
        );
        assert_eq!(text("ip"), "127.0.0.1");
        let is_success = text("outcome") == "success";
        assert_eq!(attempt.get("success"), Some(&Value::from(is_success)));
        if text("outcome") == "unknown_user" {
            assert_eq!(attempt.get("user_id"), Some(&Value::Null));
        } else {
            assert!(text("user_id").starts_with("usr_"), "{attempt}");
        }
        if text("outcome") == "account_disabled" {
            assert_eq!(text("user_id"), user);
        }
    }
}

#[test]
fn a11_a_lock_survives_a_restart() {
    let home = Home::new();
    let daemon = open(&home);
    lock(&daemon, ALICE);
    lock(&daemon, "nobody@acme.test");
    daemon.kill();
    let daemon = home.start();
    rest(&daemon.api().login(&alice()));
    rest(&daemon.api().login(&guess("nobody@acme.test")));
}

#[test]
fn a61_tries_during_a_lock_do_not_move_its_end() {
    let home = Home::new().with_clock();
    let daemon = open(&home);
    lock(&daemon, ALICE);
    let end = |daemon: &Daemon| {
        let list = daemon.authctl().items(&["lockout", "list"]);
        list.first()
            .and_then(|row| row.get("locked_until"))
            .cloned()
    };
    let before = end(&daemon);
    assert!(before.is_some());
    for _ in 0..3 {
        daemon.clock().forward(4 * MINUTE);
        rest(&daemon.api().login(&guess(ALICE)));
        rest(&daemon.api().login(&alice()));
    }
    assert_eq!(end(&daemon), before);
    // When it ends, counting starts anew: four more failures do not lock.
    daemon.clock().forward(4 * MINUTE);
    for _ in 0..4 {
        let refused = daemon.api().login(&guess(ALICE));
        assert_eq!(refused.outcome(), "401 invalid_credentials");
    }
    daemon.api().tokens(&alice());
}

#[test]
fn a65_tries_whose_clients_hang_up_are_counted_all_the_same() {
    let home = Home::new();
    let daemon = open(&home);
    let request = Request::post("/v1/auth/login").json(guess(ALICE).body());
    harness::eventually("the name is locked", Duration::from_secs(20), || {
        // One that is gone before it was read is no try, so there are always more.
        for _ in 0..5 {
            let mut connection = daemon.api().connect();
            connection.send(&request.bytes("127.0.0.1")).expect("sent");
            daemon.has_read_everything();
        }
        (!daemon.authctl().items(&["lockout", "list"]).is_empty()).then_some(())
    });
    assert_eq!(tries(&outcomes(&daemon), "wrong_password"), 5);
    rest(&daemon.api().login(&alice()));
}

#[test]
fn a69_a_known_device_signs_in_although_strangers_locked_the_name() {
    let home = Home::new();
    let daemon = open(&home);
    let first = daemon.api().login(&alice().device("phone"));
    let secret = first.field("/device_secret");
    assert!(!secret.is_empty(), "{}", first.text());
    // With a valid one none is sent, and it stays.
    let again = daemon
        .api()
        .login(&alice().device_with_secret("phone", &secret));
    assert_eq!(again.status, 200);
    assert_eq!(again.field("/device_secret"), "");

    lock(&daemon, ALICE);
    rest(&daemon.api().login(&alice()));
    // A device id is a claim and selects nothing.
    rest(&daemon.api().login(&alice().device("phone")));
    daemon
        .api()
        .tokens(&alice().device_with_secret("phone", &secret));
    // Its success clears its own counter only.
    rest(&daemon.api().login(&alice()));
}

#[test]
fn a70_a_device_secret_dies_with_its_fifth_failure() {
    let home = Home::new();
    let daemon = open(&home);
    let secret = daemon
        .api()
        .login(&alice().device("phone"))
        .field("/device_secret");
    let wrong = guess(ALICE).device_with_secret("phone", &secret);
    for _ in 0..5 {
        let refused = daemon.api().login(&wrong);
        assert_eq!(refused.outcome(), "401 invalid_credentials");
    }
    // Not the shared counter: the name is open. And the secret is dead: a new one is handed out.
    let answer = daemon
        .api()
        .login(&alice().device_with_secret("phone", &secret));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_ne!(answer.field("/device_secret"), "");
}

#[test]
fn a70_parallel_guesses_with_one_secret_get_no_more_than_two_counters_allow() {
    let home = Home::new();
    let daemon = open(&home);
    let secret = daemon
        .api()
        .login(&alice().device("phone"))
        .field("/device_secret");
    let api = daemon.api();
    let guesses = secret.clone();
    let answers = parallel(60, move |_| {
        api.login(&guess(ALICE).device_with_secret("phone", &guesses))
            .outcome()
    });
    // Five on the device's counter, which kills the secret; those that waited count as without one.
    assert_eq!(
        tries(&outcomes(&daemon), "wrong_password"),
        10,
        "{answers:?}"
    );
    rest(
        &daemon
            .api()
            .login(&alice().device_with_secret("phone", &secret)),
    );
}

#[test]
fn a71_an_address_over_its_budget_marks_no_name() {
    let home = Home::new().setting("login_budget.failures_per_ip", "10");
    let daemon = open(&home);
    let crowd = daemon.api().from("127.0.0.9".parse().expect("an address"));
    for number in 0..10 {
        let refused = crowd.login(&guess(&format!("nobody{number}@acme.test")));
        assert_eq!(refused.outcome(), "401 invalid_credentials");
    }
    let refused = crowd.login(&guess(ALICE));
    assert_eq!(refused.outcome(), "429 rate_limited");
    assert!(refused.header("retry-after").is_some());
    // Elsewhere the name is as it was; and sign-ins that succeed take nothing.
    let elsewhere = daemon.api().from("127.0.0.10".parse().expect("an address"));
    assert_eq!(elsewhere.login(&guess(ALICE)).status, 401);
    for _ in 0..20 {
        elsewhere.tokens(&alice());
    }
}

#[test]
fn an_empty_or_absent_name_is_nobody() {
    let home = Home::new();
    let daemon = open(&home);
    for email in [
        json!(""),
        json!(null),
        json!(0),
        json!([ALICE, "x@y.test"]),
        json!({}),
    ] {
        let body = json!({"tenant": "acme", "email": email, "password": PASSWORD});
        let answer = daemon.api().post("/v1/auth/login", &body);
        assert!(
            (400..=422).contains(&answer.status),
            "{email}: {}",
            answer.text()
        );
        assert_ne!(answer.status, 401, "{email}");
    }
    let missing = json!({"tenant": "acme", "password": PASSWORD});
    assert!([400, 422].contains(&daemon.api().post("/v1/auth/login", &missing).status));
    assert!(daemon.authctl().items(&["attempt", "list"]).is_empty());
}

#[test]
fn a_name_with_control_characters_makes_one_log_line() {
    let home = Home::new();
    let daemon = open(&home);
    let forged = "x\r\n{\"level\":\"ERROR\",\"message\":\"forged\"}\u{1b}[31m\u{2028}@acme.test";
    daemon.api().login(&guess(forged));
    let request = Request::post("/v1/auth/login")
        .header("User-Agent", "\u{1b}[2Jforged")
        .json(guess(ALICE).body());
    daemon.api().send(&request);
    let exit = daemon.stop();
    for line in exit.stderr.lines() {
        assert!(!line.contains('\u{1b}'), "{line:?}");
        assert!(
            !line.starts_with("{\"level\":\"ERROR\",\"message\":\"forged\""),
            "{line:?}"
        );
    }
}

#[test]
fn a60_no_secret_and_no_unknown_name_is_in_log_or_database() {
    let home = Home::new().setting("log.level", "\"trace\"");
    let daemon = open(&home);
    let typed = "hunter2-typed-into-the-name@acme.test";
    daemon.api().login(&guess(typed));
    let tokens = daemon.api().tokens(&alice().device("phone"));
    let device_secret = daemon
        .api()
        .login(&alice().device("tablet"))
        .field("/device_secret");
    let exit = daemon.stop();
    assert_eq!(exit.code, Some(0));
    let secrets = [
        PASSWORD,
        WRONG_PASSWORD,
        typed,
        tokens.access.as_str(),
        tokens.refresh.as_str(),
        device_secret.as_str(),
    ];
    for secret in secrets {
        assert!(!exit.stderr.contains(secret), "{secret} is in the log");
        for (path, content) in home.snapshot() {
            let found = content
                .windows(secret.len())
                .any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} is in {}", path.display());
        }
    }
}
