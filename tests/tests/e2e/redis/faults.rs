//! Everything that a Redis does when it is ill. In each story the daemon answers right and in time, no
//! revoked token is accepted, no permission appears, one warning is enough, and nobody restarts authd.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use harness::{Daemon, Home, RedisServer, Request, Tokens, eventually};

use super::{NOTICED, beside, beside_url, figure, is_down, is_up, standing, warnings};
use crate::scene::{alice, open};

/// Longer than any request may take on a busy machine, shorter than a Redis that takes 5 s.
const IN_TIME: Duration = Duration::from_secs(4);

/// A story's people: what was revoked before stays so.
struct Cast {
    daemon: Daemon,
    revoked: Vec<Tokens>,
    alive: Tokens,
}

impl Cast {
    fn open(home: &Home) -> Self {
        let daemon = open(home);
        is_up(&daemon);
        daemon.authctl().ok(&[
            "-t",
            "acme",
            "tenant",
            "settings",
            "set",
            "session.policy",
            "limit:50",
        ]);
        let alive = daemon.api().tokens(&alice().device("kept"));
        let mut cast = Self {
            daemon,
            revoked: Vec::new(),
            alive,
        };
        cast.plays();
        cast
    }

    /// Signs in, is checked, asks for what it may not, signs out; all that ended stays ended.
    fn plays(&mut self) {
        let api = self.daemon.api();
        let timed = |what: &str, work: &dyn Fn() -> u16, wanted: u16| {
            let begun = Instant::now();
            let status = work();
            assert_eq!(status, wanted, "{what}: {}", self.daemon.log());
            assert!(begun.elapsed() < IN_TIME, "{what}: {:?}", begun.elapsed());
        };
        let begun = Instant::now();
        let device = format!("device-{}", self.revoked.len());
        let tokens = api.tokens(&alice().device(&device));
        assert!(begun.elapsed() < IN_TIME, "{:?}", begun.elapsed());
        for tokens in [&tokens, &self.alive] {
            timed("check", &|| api.check(&tokens.access).status, 200);
            timed("me", &|| api.me(&tokens.access).status, 200);
            let wants = Request::get("/v1/auth/check?permission=users:view").bearer(&tokens.access);
            timed("permission", &|| api.send(&wants).status, 403);
        }
        timed("logout", &|| api.logout(&tokens.access).status, 204);
        self.revoked.push(tokens);
        for tokens in &self.revoked {
            let answer = api.check(&tokens.access);
            assert_eq!(answer.outcome(), "401 session_revoked");
            assert_eq!(api.refresh(&tokens.refresh).status, 401);
        }
    }

    /// Plays while Redis is ill, and after it has recovered.
    fn survives(&mut self, ill: impl FnOnce(), well: impl FnOnce()) {
        ill();
        self.plays();
        // A look at an idle connection finds what no request has.
        is_down(&self.daemon);
        for _ in 0..3 {
            self.plays();
        }
        assert!(warnings(&self.daemon) <= 1, "{}", self.daemon.log());
        well();
        is_up(&self.daemon);
        for _ in 0..2 {
            self.plays();
        }
        assert!(warnings(&self.daemon) <= 1, "{}", self.daemon.log());
    }

    /// Nothing of it is accepted by a daemon that remembers nothing either.
    fn ends(self, home: &Home) {
        let Self {
            daemon,
            revoked,
            alive,
        } = self;
        daemon.stop();
        let daemon = home.start();
        is_up(&daemon);
        for tokens in &revoked {
            let answer = daemon.api().check(&tokens.access);
            assert_eq!(answer.outcome(), "401 session_revoked");
        }
        assert_eq!(daemon.api().check(&alive.access).status, 200);
    }
}

#[test]
fn r12_redis_is_killed_and_comes_back_empty() {
    let redis = std::cell::RefCell::new(RedisServer::start());
    let home = beside(&redis.borrow());
    let mut cast = Cast::open(&home);
    redis
        .borrow()
        .wait_for_names(|name| name.contains(":t:"), 1);
    cast.survives(|| redis.borrow_mut().kill(), || redis.borrow_mut().go());
    cast.ends(&home);
}

#[test]
fn r12_redis_is_frozen_for_a_minute() {
    let redis = RedisServer::start();
    let home = beside(&redis).with_clock();
    let mut cast = Cast::open(&home);
    cast.survives(
        || redis.freeze(),
        || {
            home.clock().forward(Duration::from_mins(1));
            redis.thaw();
        },
    );
    cast.ends(&home);
}

#[test]
fn r12_redis_is_full() {
    let redis = RedisServer::start();
    let home = beside(&redis);
    let mut cast = Cast::open(&home);
    cast.survives(
        || drop(redis.say("CONFIG SET maxmemory 1")),
        || drop(redis.say("CONFIG SET maxmemory 0")),
    );
    assert!(figure(&cast.daemon, "losses") >= 1);
    cast.ends(&home);
}

#[test]
fn r12_redis_becomes_a_replica_that_takes_no_writes() {
    let redis = RedisServer::start();
    let home = beside(&redis);
    let mut cast = Cast::open(&home);
    cast.survives(
        || drop(redis.say("REPLICAOF 127.0.0.1 1")),
        || drop(redis.say("REPLICAOF NO ONE")),
    );
    cast.ends(&home);
}

#[test]
fn r12_the_password_is_changed_under_the_daemon() {
    let redis = RedisServer::start();
    let home = beside(&redis);
    let mut cast = Cast::open(&home);
    cast.survives(
        || {
            drop(redis.say("ACL SETUSER default resetpass >another"));
            // Connections that are there would stay signed in.
            redis.cut_clients("another");
        },
        || redis.give_up_password("another"),
    );
    cast.ends(&home);
}

#[test]
fn r12_redis_takes_five_seconds_for_each_answer() {
    let redis = RedisServer::start();
    let between = Between::before(redis.address());
    let home = beside_url(&format!("redis://{}", between.address));
    let mut cast = Cast::open(&home);
    cast.survives(|| between.does(SLOW), || between.does(PASS));
    cast.ends(&home);
}

#[test]
fn r12_redis_is_loading() {
    let redis = RedisServer::start();
    let between = Between::before(redis.address());
    let home = beside_url(&format!("redis://{}", between.address));
    let mut cast = Cast::open(&home);
    cast.survives(|| between.does(LOADING), || between.does(PASS));
    cast.ends(&home);
}

#[test]
fn r12_the_way_to_redis_swallows_everything() {
    let redis = RedisServer::start();
    let between = Between::before(redis.address());
    let home = beside_url(&format!("redis://{}", between.address));
    let mut cast = Cast::open(&home);
    cast.survives(|| between.does(SILENT), || between.does(PASS));
    cast.ends(&home);
}

#[test]
fn r12_redis_answers_nonsense() {
    let redis = RedisServer::start();
    let between = Between::before(redis.address());
    let home = beside_url(&format!("redis://{}", between.address));
    let mut cast = Cast::open(&home);
    cast.survives(|| between.does(NONSENSE), || between.does(PASS));
    cast.ends(&home);
}

#[test]
fn r13_a_redis_restored_from_an_old_snapshot_revives_nothing() {
    let mut redis = RedisServer::start();
    let home = beside(&redis);
    let daemon = open(&home);
    is_up(&daemon);
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
    authctl.ok(&["-t", "acme", "user", "grant", crate::scene::ALICE, "waiter"]);
    let tokens = daemon.api().tokens(&alice().device("phone"));
    let wants = Request::get("/v1/auth/check?permission=users:view").bearer(&tokens.access);
    assert_eq!(daemon.api().send(&wants).status, 200);
    redis.wait_for_names(|name| name.contains(":t:"), 1);
    redis.wait_for_names(|name| name.contains(":s:"), 2);
    redis.save();
    redis.copy_snapshot("dump.rdb", "old.rdb");
    let back_in_time = |redis: &mut RedisServer| {
        redis.kill();
        redis.copy_snapshot("old.rdb", "dump.rdb");
        redis.go();
        redis.wait_for_names(|name| name.contains(":t:"), 1);
    };
    // A right that was taken since.
    authctl.ok(&[
        "-t",
        "acme",
        "user",
        "revoke",
        crate::scene::ALICE,
        "waiter",
    ]);
    daemon.stop();
    back_in_time(&mut redis);
    let daemon = home.start();
    is_up(&daemon);
    assert_eq!(daemon.api().send(&wants).status, 403);
    assert_eq!(daemon.api().check(&tokens.access).status, 200);
    assert!(figure(&daemon, "hits") >= 1, "{}", standing(&daemon));
    assert!(figure(&daemon, "refused") >= 1, "{}", standing(&daemon));
    // A session that was ended since.
    assert_eq!(daemon.api().logout(&tokens.access).status, 204);
    daemon.stop();
    back_in_time(&mut redis);
    let daemon = home.start();
    is_up(&daemon);
    let answer = daemon.api().check(&tokens.access);
    assert_eq!(answer.outcome(), "401 session_revoked");
    assert_eq!(daemon.api().refresh(&tokens.refresh).status, 401);
    assert!(figure(&daemon, "hits") >= 1, "{}", standing(&daemon));
}

/// Passes everything on.
const PASS: u8 = 0;
/// Passes each answer on after 5 s.
const SLOW: u8 = 1;
/// Answers every question itself, as a Redis that reads its snapshot.
const LOADING: u8 = 2;
/// Takes everything and answers nothing.
const SILENT: u8 = 3;
/// Answers with bytes that mean nothing.
const NONSENSE: u8 = 4;

/// Stands between the daemon and Redis.
struct Between {
    address: SocketAddr,
    conduct: Arc<AtomicU8>,
}

impl Between {
    fn before(redis: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let conduct = Arc::new(AtomicU8::new(PASS));
        let shared = Arc::clone(&conduct);
        thread::spawn(move || {
            for client in listener.incoming().filter_map(Result::ok) {
                let Ok(server) = TcpStream::connect(redis) else {
                    continue;
                };
                stand_between(client, server, &shared);
            }
        });
        Self { address, conduct }
    }

    fn does(&self, conduct: u8) {
        self.conduct.store(conduct, Ordering::SeqCst);
    }
}

/// Questions are answered here or passed on; answers are passed on, soon or late.
fn stand_between(client: TcpStream, server: TcpStream, conduct: &Arc<AtomicU8>) {
    let (mut from, mut to) = (
        client.try_clone().expect("a copy"),
        server.try_clone().expect("a copy"),
    );
    let mut back = client.try_clone().expect("a copy");
    let now = Arc::clone(conduct);
    thread::spawn(move || {
        copy(&mut from, |bytes| match now.load(Ordering::SeqCst) {
            LOADING => back.write_all(b"-LOADING Redis is loading the dataset in memory\r\n"),
            NONSENSE => back.write_all(b"$7\r\n\xff\xfe?!\r\n*-9\r\nX"),
            SILENT => Ok(()),
            _ => to.write_all(bytes),
        });
        drop(to.shutdown(std::net::Shutdown::Both));
    });
    let (mut from, mut to) = (server, client);
    let now = Arc::clone(conduct);
    thread::spawn(move || {
        copy(&mut from, |bytes| {
            if now.load(Ordering::SeqCst) == SLOW {
                thread::sleep(Duration::from_secs(5));
            }
            to.write_all(bytes)
        });
        drop(to.shutdown(std::net::Shutdown::Both));
    });
}

fn copy(from: &mut TcpStream, mut take: impl FnMut(&[u8]) -> std::io::Result<()>) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        if take(bytes.get(..count).unwrap_or_default()).is_err() {
            return;
        }
    }
}

#[test]
fn r12_a_crowd_waits_for_a_frozen_redis_once() {
    let redis = RedisServer::start();
    let home = beside(&redis).setting("redis.timeout", "\"2s\"");
    let cast = Cast::open(&home);
    let tokens: Vec<Tokens> = (0..8)
        .map(|n| {
            cast.daemon
                .api()
                .tokens(&alice().device(&format!("crowd-{n}")))
        })
        .collect();
    redis.freeze();
    // Whatever was under way waits; all that comes after does not.
    let begun = Instant::now();
    for tokens in &tokens {
        assert_eq!(cast.daemon.api().check(&tokens.access).status, 200);
    }
    for _ in 0..20 {
        assert_eq!(cast.daemon.api().check(&cast.alive.access).status, 200);
    }
    assert!(
        begun.elapsed() < Duration::from_secs(8),
        "{:?}",
        begun.elapsed()
    );
    eventually("it is noticed", NOTICED, || {
        (figure(&cast.daemon, "losses") >= 1).then_some(())
    });
    assert!(
        figure(&cast.daemon, "failed") <= 2,
        "{}",
        standing(&cast.daemon)
    );
    redis.thaw();
}
