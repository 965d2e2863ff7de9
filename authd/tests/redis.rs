//! Redis as nodes tell each other what was taken away: with a real one, two nodes of one installation,
//! and a stranger.
#![cfg(feature = "redis")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests: what fails here is the message"
)]

use std::sync::Arc;
use std::time::Duration;

use authd::app::shared::{Sealed, namespace};
use authd::cache::redis::{Place, Redis, Way};
use authd::cache::{Beside, Bus, Notice};
use authd::crypto::{KeyRing, SeededRandom, SystemRandom, WrapKey};
use common::id::{SessionId, UserId};
use common::time::Time;
use domain::key::SigningAlgorithm;
use harness::{RedisAnswer, RedisServer};
use store::Scope;
use tokio::sync::{broadcast, watch};

fn keys(seed: u64) -> Arc<KeyRing> {
    let random = SeededRandom::new(seed);
    let wrap = WrapKey::generate(&random).unwrap();
    let now = Time::from_millis(1_764_000_000_000);
    let stored = KeyRing::first_keys(&random, now, &wrap, SigningAlgorithm::EdDsa).unwrap();
    Arc::new(KeyRing::open(&stored, &wrap).unwrap())
}

/// A node of the installation whose keys these are.
async fn node(server: &RedisServer, keys: &Arc<KeyRing>, stop: &watch::Sender<bool>) -> Arc<Redis> {
    let place = Place {
        way: Way::Plain("127.0.0.1".to_owned(), server.address().port()),
        address: server.url(),
        user: None,
        password: None,
        database: 0,
        timeout: Duration::from_secs(5),
    };
    let envelope = Arc::new(Sealed {
        keys: Arc::clone(keys),
        random: Arc::new(SystemRandom),
    });
    let node = Redis::start(place, namespace(keys).as_str(), envelope, &stop.subscribe());
    while !node.connection().is_up {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    node
}

async fn next(heard: &mut broadcast::Receiver<Notice>) -> Notice {
    let next = tokio::time::timeout(Duration::from_secs(10), heard.recv());
    next.await.expect("in time").expect("a notice")
}

fn notice(number: u64) -> Notice {
    let scope = match number % 3 {
        0 => Scope::Global,
        1 => Scope::User(UserId::from_bytes([1; 16])),
        _ => Scope::Session(SessionId::from_bytes([2; 16])),
    };
    Notice { number, scope }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s17_nodes_hear_of_each_other_and_of_no_stranger() {
    let mut server = RedisServer::start();
    let (stop, _stopping) = watch::channel(false);
    let (own, foreign) = (keys(1), keys(2));
    let one = node(&server, &own, &stop).await;
    let two = node(&server, &own, &stop).await;
    let other = node(&server, &foreign, &stop).await;
    let (mut heard, mut by_others) = (two.subscribe(), other.subscribe());
    assert_eq!(two.connection().heard_ago, None);
    // More than fit into one message.
    let many: Vec<Notice> = (1..=200).map(notice).collect();
    one.publish(&many);
    for wanted in &many {
        assert_eq!(next(&mut heard).await, *wanted);
    }
    assert!(two.connection().heard_ago.is_some());
    // What a stranger sends on the channel is nothing, and what ids it carries nobody sees.
    let channel = format!("{}:bus", namespace(&own));
    let forged = notice(7).to_bytes();
    for message in [&forged[..], b"", b"x", &[1; 4096]] {
        let answer = server.ask(&[b"PUBLISH", channel.as_bytes(), message]);
        assert_eq!(answer, RedisAnswer::Text(b"2".to_vec()), "two nodes listen");
    }
    let mut monitor = server.monitor();
    one.publish(&[notice(201)]);
    assert_eq!(next(&mut heard).await, notice(201), "and nothing before it");
    let lines = monitor.until("PUBLISH").join("\n");
    assert!(!lines.contains("\\x01\\x01\\x01\\x01"), "{lines}");
    // It goes on after Redis was away; what was said meanwhile is lost, and nobody waited.
    server.kill();
    one.publish(&many);
    server.go();
    for node in [&one, &two] {
        let begun = std::time::Instant::now();
        while node.connection().losses == 0 || !node.connection().is_up {
            assert!(begun.elapsed() < Duration::from_secs(30));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    let last = notice(1000);
    loop {
        one.publish(&[last]);
        let next = tokio::time::timeout(Duration::from_secs(1), heard.recv()).await;
        if next.is_ok_and(|heard| heard.is_ok_and(|heard| heard == last)) {
            break;
        }
    }
    assert!(
        by_others.try_recv().is_err(),
        "another installation heard it"
    );
    stop.send_replace(true);
}
