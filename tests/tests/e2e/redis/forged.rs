//! A Redis that a stranger writes into: whatever lies there, no request is granted by it.

use harness::{Daemon, Home, PASSWORD, RedisAnswer, RedisServer, Request, Response, Tokens};

use super::{beside, figure, is_up, standing};
use crate::scene::{ALICE, alice, open};

/// Names of tokens.
fn is_token(name: &str) -> bool {
    name.contains(":t:")
}

/// Names of tenants and rights.
fn is_state(name: &str) -> bool {
    name.contains(":s:")
}

fn value(redis: &RedisServer, name: &str) -> Vec<u8> {
    redis.ask(&[b"GET", name.as_bytes()]).bytes()
}

fn put(redis: &RedisServer, name: &str, value: &[u8]) {
    let answer = redis.ask(&[b"SET", name.as_bytes(), value]);
    assert_eq!(answer, RedisAnswer::Text(b"OK".to_vec()));
}

fn may_view_users(daemon: &Daemon, tokens: &Tokens) -> Response {
    let wants = Request::get("/v1/auth/check?permission=users:view").bearer(&tokens.access);
    daemon.api().send(&wants)
}

/// The same home with nothing in memory.
fn again(home: &Home, daemon: Daemon) -> Daemon {
    daemon.stop();
    let daemon = home.start();
    is_up(&daemon);
    daemon
}

fn grant(daemon: &Daemon) {
    let authctl = daemon.authctl();
    authctl.ok(&[
        "-t",
        "acme",
        "role",
        "create",
        "waiter",
        "--permission",
        "users:view",
    ]);
    authctl.ok(&["-t", "acme", "user", "grant", ALICE, "waiter"]);
}

/// What a stranger makes of a value.
type Change<'c> = &'c dyn Fn(&[u8]) -> Vec<u8>;

#[test]
fn a76_a_changed_entry_is_as_though_it_were_not_there() {
    let redis = RedisServer::start();
    let home = beside(&redis);
    let mut daemon = open(&home);
    is_up(&daemon);
    grant(&daemon);
    let tokens = daemon.api().tokens(&alice());
    assert_eq!(may_view_users(&daemon, &tokens).status, 200);
    let names = redis.wait_for_names(|name| is_token(name) || is_state(name), 3);
    let originals: Vec<Vec<u8>> = names.iter().map(|name| value(&redis, name)).collect();
    let changes: [Change; 6] = [
        // A bit of the seal, of the number, of what it holds; cut, longer, a mountain.
        &|bytes| flipped(bytes, bytes.len() - 1),
        &|bytes| flipped(bytes, 8),
        &|bytes| flipped(bytes, 30),
        &|bytes| bytes.get(..bytes.len() / 2).unwrap_or_default().to_vec(),
        &|bytes| [bytes, b"\0"].concat(),
        &|_| vec![1; 3 << 20],
    ];
    for change in changes {
        daemon.stop();
        for (name, original) in names.iter().zip(&originals) {
            put(&redis, name, &change(original));
        }
        daemon = home.start();
        is_up(&daemon);
        assert_eq!(may_view_users(&daemon, &tokens).status, 200);
        assert_eq!(figure(&daemon, "hits"), 0, "{}", standing(&daemon));
    }
    // As they were they are good.
    for (name, original) in names.iter().zip(&originals) {
        put(&redis, name, original);
    }
    let daemon = again(&home, daemon);
    assert_eq!(may_view_users(&daemon, &tokens).status, 200);
    assert_eq!(figure(&daemon, "hits"), 3, "{}", standing(&daemon));
    assert_eq!(figure(&daemon, "refused"), 0);
}

#[test]
fn a76_a_list_in_the_place_of_a_value_costs_nobody_the_connection() {
    let redis = RedisServer::start();
    let home = beside(&redis);
    let daemon = open(&home);
    is_up(&daemon);
    let tokens = daemon.api().tokens(&alice());
    assert_eq!(daemon.api().check(&tokens.access).status, 200);
    let names = redis.wait_for_names(|name| is_token(name) || is_state(name), 3);
    daemon.stop();
    for name in &names {
        redis.ask(&[b"DEL", name.as_bytes()]);
        redis.ask(&[b"LPUSH", name.as_bytes(), b"planted"]);
    }
    let daemon = home.start();
    is_up(&daemon);
    assert_eq!(daemon.api().check(&tokens.access).status, 200);
    assert!(figure(&daemon, "failed") >= 1, "{}", standing(&daemon));
    assert_eq!(figure(&daemon, "losses"), 0, "{}", standing(&daemon));
    is_up(&daemon);
}

fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1;
    }
    bytes
}

#[test]
fn a76_entries_of_others_under_ones_own_name_are_none() {
    let redis = RedisServer::start();
    let home = beside(&redis);
    let daemon = open(&home);
    is_up(&daemon);
    let authctl = daemon.authctl();
    authctl.create_user("acme", "bob@acme.test", PASSWORD);
    authctl.create_tenant("other");
    authctl.create_user("other", "eve@other.test", PASSWORD);
    authctl.ok(&[
        "-t",
        "other",
        "role",
        "create",
        "chief",
        "--permission",
        "users:view",
    ]);
    authctl.ok(&["-t", "other", "user", "grant", "eve@other.test", "chief"]);
    let login = |tenant: &str, email: &str| {
        let before = redis.names();
        let login = harness::Login::new(tenant, email, PASSWORD);
        let tokens = daemon.api().tokens(&login);
        let status = may_view_users(&daemon, &tokens).status;
        let names = redis.wait_for_names(
            |name| !before.iter().any(|known| known == name) && !name.ends_with(":trial"),
            2,
        );
        (tokens, status, names)
    };
    let (alices, status, own) = login("acme", ALICE);
    assert_eq!(status, 403);
    let (_, status, bobs) = login("acme", "bob@acme.test");
    assert_eq!(status, 403);
    let (eves, status, foreign) = login("other", "eve@other.test");
    assert_eq!(status, 200);
    // Every entry of Bob and of Eve under every name of Alice, kind by kind or not.
    let mut daemon = daemon;
    for other in bobs.iter().chain(&foreign) {
        daemon.stop();
        let theirs = value(&redis, other);
        for name in &own {
            put(&redis, name, &theirs);
        }
        daemon = home.start();
        is_up(&daemon);
        assert_eq!(may_view_users(&daemon, &alices).status, 403);
        let me = daemon.api().me(&alices.access).json();
        assert_eq!(
            me.pointer("/email"),
            Some(&serde_json::json!(ALICE)),
            "{me}"
        );
        assert!(figure(&daemon, "refused") >= 1, "{}", standing(&daemon));
        assert_eq!(figure(&daemon, "hits"), 0, "{}", standing(&daemon));
    }
    assert_eq!(may_view_users(&daemon, &eves).status, 200);
}

#[test]
fn a76_an_older_entry_grants_nothing_and_denies_nothing() {
    let redis = RedisServer::start();
    let home = beside(&redis);
    let daemon = open(&home);
    is_up(&daemon);
    let tokens = daemon.api().tokens(&alice());
    assert_eq!(may_view_users(&daemon, &tokens).status, 403);
    let states = redis.wait_for_names(is_state, 2);
    let poor: Vec<Vec<u8>> = states.iter().map(|name| value(&redis, name)).collect();
    grant(&daemon);
    assert_eq!(may_view_users(&daemon, &tokens).status, 200);
    let is_written = || {
        states
            .iter()
            .zip(&poor)
            .any(|(name, old)| value(&redis, name) != *old)
    };
    harness::eventually("the new rights", super::NOTICED, || {
        is_written().then_some(())
    });
    let rich: Vec<Vec<u8>> = states.iter().map(|name| value(&redis, name)).collect();
    let replay = |values: &[Vec<u8>]| {
        for (name, value) in states.iter().zip(values) {
            put(&redis, name, value);
        }
    };
    // The poor ones, from before the role: the right is there all the same.
    daemon.stop();
    replay(&poor);
    let daemon = home.start();
    is_up(&daemon);
    assert_eq!(may_view_users(&daemon, &tokens).status, 200);
    assert!(figure(&daemon, "refused") >= 1, "{}", standing(&daemon));
    // The rich ones, after the role was taken away.
    daemon
        .authctl()
        .ok(&["-t", "acme", "user", "revoke", ALICE, "waiter"]);
    daemon.stop();
    replay(&rich);
    let daemon = home.start();
    is_up(&daemon);
    assert_eq!(may_view_users(&daemon, &tokens).status, 403);
    assert!(figure(&daemon, "refused") >= 1, "{}", standing(&daemon));
    // A user that was closed, a session that was ended, a token that was denied.
    let names = redis.wait_for_names(|name| is_token(name) || is_state(name), 3);
    let alive: Vec<Vec<u8>> = names.iter().map(|name| value(&redis, name)).collect();
    daemon
        .authctl()
        .ok(&["-t", "acme", "user", "disable", ALICE, "--yes"]);
    daemon.stop();
    for (name, value) in names.iter().zip(&alive) {
        put(&redis, name, value);
    }
    let daemon = home.start();
    is_up(&daemon);
    let answer = daemon.api().check(&tokens.access);
    assert_eq!(answer.outcome(), "401 session_revoked");
    assert!(figure(&daemon, "hits") >= 1, "{}", standing(&daemon));
}

#[test]
fn a76_a_token_that_was_denied_or_whose_key_was_revoked_stays_so() {
    let redis = RedisServer::start();
    let home = beside(&redis);
    let daemon = open(&home);
    is_up(&daemon);
    let denied = daemon.api().tokens(&alice().device("a"));
    assert_eq!(daemon.api().check(&denied.access).status, 200);
    redis.wait_for_names(is_token, 1);
    let jti = denied.claims();
    let jti = jti
        .get("jti")
        .and_then(serde_json::Value::as_str)
        .expect("an id");
    daemon.authctl().ok(&["token", "revoke", jti]);
    let daemon = again(&home, daemon);
    let answer = daemon.api().check(&denied.access);
    assert_eq!(answer.outcome(), "401 invalid_token");
    assert!(figure(&daemon, "hits") >= 1, "{}", standing(&daemon));
    // A key that is revoked takes all that it signed with it, in Redis too.
    let fresh = daemon.api().tokens(&alice().device("a"));
    assert_eq!(daemon.api().check(&fresh.access).status, 200);
    redis.wait_for_names(is_token, 2);
    let kid = fresh.header();
    let kid = kid
        .get("kid")
        .and_then(serde_json::Value::as_str)
        .expect("a key")
        .to_owned();
    daemon
        .authctl()
        .ok(&["key", "revoke", &kid, "--confirm", &kid]);
    let daemon = again(&home, daemon);
    let answer = daemon.api().check(&fresh.access);
    assert_eq!(answer.outcome(), "401 invalid_token");
}

#[test]
fn v1_3_9_what_people_send_reaches_redis_as_one_argument_that_tells_nothing() {
    let redis = RedisServer::start();
    let home = beside(&redis).setting("login_budget.failures_per_ip", "5");
    let daemon = open(&home);
    is_up(&daemon);
    let mut monitor = redis.monitor();
    let poison = "x\r\nDEL x\r\n*1\r\n$8\r\nFLUSHALL\r\n";
    let refused = daemon
        .api()
        .login(&harness::Login::new("acme", ALICE, poison));
    assert_eq!(refused.status, 401, "{}", refused.text());
    let odd = harness::Login::new(poison, poison, PASSWORD);
    assert!([401, 422].contains(&daemon.api().login(&odd).status));
    let tokens = daemon.api().tokens(&alice().device("phone"));
    assert_eq!(daemon.api().check(&tokens.access).status, 200);
    // Header values cannot hold line ends; what is no token is asked for nowhere.
    assert_eq!(daemon.api().check("x DEL x").status, 401);
    redis.wait_for_names(|name| name.contains(":t:"), 1);
    assert_eq!(redis.say("ECHO done"), RedisAnswer::Text(b"done".to_vec()));
    let lines = monitor.until("\"ECHO\"");
    let ours: Vec<&String> = lines
        .iter()
        .filter(|line| !line.contains("unix:"))
        .collect();
    assert!(
        ours.iter().any(|line| line.contains("\"LPUSH\"")),
        "{lines:?}"
    );
    assert!(
        ours.iter().any(|line| line.contains("\"GETRANGE\"")),
        "{lines:?}"
    );
    for line in ours {
        tells_nothing(line);
    }
    everything_ends(&redis);
}

/// A line of MONITOR that holds one of our commands, a name of our alphabet, and nothing of anybody.
fn tells_nothing(line: &str) {
    for word in [
        "DEL", "FLUSHALL", "acme", "alice", "phone", "usr_", "ten_", "eyJ",
    ] {
        assert!(!line.contains(word), "{word}: {line}");
    }
    let (_, command) = line.split_once("] ").expect("a line of MONITOR");
    let known = [
        "HELLO",
        "SELECT",
        "SUBSCRIBE",
        "SET",
        "GETRANGE",
        "LPUSH",
        "LTRIM",
        "PEXPIRE",
        "LINDEX",
        "PUBLISH",
        "MULTI",
        "EXEC",
        "PING",
        "CLIENT",
    ];
    let name = command.split('"').nth(1).unwrap_or_default();
    assert!(known.contains(&name), "{line}");
    // The second word is one name, of our alphabet.
    let argument = command.split('"').nth(3).unwrap_or_default();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ":-_".contains(c);
    assert!(argument.chars().all(is_plain), "{line}");
}

/// Nothing stays for ever.
fn everything_ends(redis: &RedisServer) {
    for name in redis.names() {
        let ttl = redis.ask(&[b"PTTL", name.as_bytes()]).bytes();
        let ttl: i64 = String::from_utf8_lossy(&ttl).parse().expect("a number");
        assert!(ttl > 0 || ttl == -2, "{name}: {ttl}");
    }
}
