//! Ways to a Redis: by a port of this machine, a Unix socket and TLS; what is refused, and that a start
//! waits for nobody.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use harness::{Authority, Home, RedisServer, eventually, free_address};

use super::{NOTICED, beside, beside_url, figure, is_down, is_up, standing, warnings};
use crate::scene::{alice, open};

/// A token that is new to a daemon is found in Redis by the next one.
fn serves(home: &Home, redis: &RedisServer) {
    let daemon = open(home);
    is_up(&daemon);
    let tokens = daemon.api().tokens(&alice());
    assert_eq!(daemon.api().check(&tokens.access).status, 200);
    redis.wait_for_names(|name| name.contains(":t:"), 1);
    daemon.stop();
    let daemon = home.start();
    is_up(&daemon);
    assert_eq!(daemon.api().check(&tokens.access).status, 200);
    assert!(figure(&daemon, "hits") >= 1, "{}", standing(&daemon));
    assert_eq!(figure(&daemon, "refused"), 0);
    assert_eq!(warnings(&daemon), 0, "{}", daemon.log());
}

#[test]
fn s17_a_port_of_this_machine_is_a_way() {
    let redis = RedisServer::start();
    serves(&beside(&redis), &redis);
}

#[test]
fn s17_a_unix_socket_is_a_way() {
    let redis = RedisServer::at_socket();
    serves(&beside(&redis), &redis);
}

#[test]
fn v12_3_5_tls_is_a_way_with_a_certificate_of_an_authority_that_is_trusted() {
    let authority = Authority::new();
    let redis = RedisServer::with_tls(&authority, "localhost");
    let home = beside(&redis);
    let trusted = home.path("authority.pem");
    authority.write(&trusted);
    let home = home.environment("SSL_CERT_FILE", &trusted.display().to_string());
    serves(&home, &redis);
    // The same with an authority that is another one of the same name.
    Authority::new().write(&trusted);
    let daemon = home.start();
    is_down(&daemon);
    assert_eq!(daemon.api().login(&alice()).status, 200);
    assert_eq!(figure(&daemon, "answered"), 0);
}

#[test]
fn v12_3_5_a_certificate_for_another_name_is_no_way() {
    let authority = Authority::new();
    let redis = RedisServer::with_tls(&authority, "elsewhere.example");
    let home = beside(&redis);
    let trusted = home.path("authority.pem");
    authority.write(&trusted);
    let home = home.environment("SSL_CERT_FILE", &trusted.display().to_string());
    let daemon = open(&home);
    is_down(&daemon);
    assert_eq!(daemon.api().login(&alice()).status, 200);
    assert_eq!(figure(&daemon, "answered"), 0);
    assert!(redis.names().is_empty());
}

#[test]
fn a76_a_redis_elsewhere_without_tls_stops_the_start() {
    for url in [
        "redis://10.0.0.7:6379",
        "redis://cache.example.com",
        "redis://authd:secret@127.0.0.1:6379",
    ] {
        let home = beside_url(url);
        for command in ["run", "check-config"] {
            let exit = home.authd(&[command]);
            assert_eq!(exit.code, Some(78), "{url}: {}", exit.stderr);
            assert!(exit.stderr.contains("redis.url"), "{}", exit.stderr);
            assert!(exit.stderr.contains("authd.toml:"), "{}", exit.stderr);
        }
    }
    let exit = beside_url("redis://10.0.0.7").authd(&["run"]);
    assert!(exit.stderr.contains("rediss://"), "{}", exit.stderr);
}

#[test]
fn r12_a_start_waits_for_no_redis_and_finds_it_later() {
    let mut redis = RedisServer::start();
    redis.kill();
    let home = beside(&redis);
    let daemon = open(&home);
    is_down(&daemon);
    let tokens = daemon.api().tokens(&alice());
    assert_eq!(daemon.api().check(&tokens.access).status, 200);
    redis.go();
    is_up(&daemon);
    assert_eq!(warnings(&daemon), 1, "{}", daemon.log());
    daemon.wait_for_log("\"redis.up\"");
}

#[test]
fn r12_the_password_is_a_credential_and_a_wrong_one_is_told_once() {
    let redis = RedisServer::with_password("correct-horse");
    let home = beside(&redis);
    let file = home.path("data/authd.redis-password");
    fs::write(&file, "wrong-donkey\n").expect("written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("its mode");
    let exit = home.authd(&["run"]);
    assert_eq!(exit.code, Some(78), "{}", exit.stderr);
    assert!(exit.stderr.contains("chmod 0600"), "{}", exit.stderr);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("its mode");
    let daemon = open(&home);
    is_down(&daemon);
    let tokens = daemon.api().tokens(&alice());
    assert_eq!(daemon.api().check(&tokens.access).status, 200);
    // It goes on trying, and says so once.
    let failures = redis.say("INFO clients");
    assert!(matches!(failures, harness::RedisAnswer::Text(_)));
    eventually("several tries", NOTICED, || {
        (redis.calls("auth") + redis.calls("hello") >= 4).then_some(())
    });
    assert_eq!(warnings(&daemon), 1, "{}", daemon.log());
    let log = daemon.log();
    assert!(!log.contains("donkey"), "{log}");
    let shown = standing(&daemon).to_string();
    assert!(!shown.contains("donkey"), "{shown}");
    daemon.stop();
    fs::write(&file, "correct-horse\n").expect("written");
    serves_again(&home);
}

fn serves_again(home: &Home) {
    let daemon = home.start();
    is_up(&daemon);
    assert_eq!(daemon.api().login(&alice()).status, 200);
    assert!(!daemon.log().contains("horse"));
}

#[test]
fn a60_a_server_that_is_no_redis_is_no_harm() {
    // Something that answers every question with HTTP.
    let listener = std::net::TcpListener::bind(free_address()).expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().filter_map(Result::ok) {
            let mut stream = stream;
            let answer = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
            drop(std::io::Write::write_all(&mut stream, answer));
        }
    });
    let home = beside_url(&format!("redis://{address}"));
    let daemon = open(&home);
    is_down(&daemon);
    let tokens = daemon.api().tokens(&alice());
    assert_eq!(daemon.api().check(&tokens.access).status, 200);
    assert!(warnings(&daemon) <= 1);
}
