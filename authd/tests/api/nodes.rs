//! Two nodes over one database: what one takes away the other refuses, by the log alone, by a bus that
//! cannot be trusted, without the database, and whatever the clocks do (rule 11). The other node writes
//! nothing: all that it hears comes through the log.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use authd::app::{App, follow, housekeeping, key};
use authd::cache::{Activity, Bus, Cache, Follower, Following, LEASE, Lease, MemoryCache, Notice};
use authd::crypto::KeyRing;
use authd::http::ready::Ready;
use axum::Router;
use common::call::Socket;
use common::time::{Clock, Time};
use serde_json::json;
use store::{
    Backend, Claim, DatabaseInfo, DatabaseWork, Priority, ReadJob, Scope, Store, StoreError,
    WriteJob,
};
use tokio::sync::{broadcast, watch};

use crate::cuts::{Act, two_sessions};
use crate::house::{
    ADA, Answer, GOOD, House, beside, front, get, login, post, router, send, until,
};
use crate::keys::revoking;
use crate::support::{operator, plan};

/// The way to the database, which can be cut.
struct Line {
    store: Store,
    is_cut: AtomicBool,
    reads: Mutex<u64>,
}

fn cut_off(operation: &'static str) -> StoreError {
    StoreError::Unavailable {
        operation,
        source: None,
    }
}

impl Backend for Line {
    fn read(&self, job: Box<dyn ReadJob>) {
        if self.is_cut.load(Ordering::SeqCst) {
            return job.fail(cut_off("read"));
        }
        *self.reads.lock().unwrap() += 1;
        let store = self.store.clone();
        tokio::spawn(async move {
            let read = store.read(move |tx| -> Result<(), StoreError> {
                job.run(tx);
                Ok(())
            });
            read.await.unwrap();
        });
    }

    fn write(&self, job: Box<dyn WriteJob>, _priority: Priority, _claim: Claim) {
        job.finish(Err(cut_off("write")));
    }

    fn info(&self) -> DatabaseInfo {
        self.store.info()
    }

    fn work(&self) -> DatabaseWork {
        self.store.work()
    }

    fn close(&self) {}
}

/// One that carries what it is given, and what was never committed.
struct Rumours(broadcast::Sender<Notice>);

impl Rumours {
    fn new() -> Arc<Self> {
        Arc::new(Self(broadcast::channel(16).0))
    }
}

impl Bus for Rumours {
    fn publish(&self, notices: &[Notice]) {
        for notice in notices {
            drop(self.0.send(*notice));
        }
    }

    fn subscribe(&self) -> broadcast::Receiver<Notice> {
        self.0.subscribe()
    }
}

struct Pair {
    /// Where things are changed.
    house: House,
    line: Arc<Line>,
    other: Arc<App>,
    router: Router,
    front: Arc<Ready>,
}

impl Pair {
    async fn new() -> Self {
        let mut plan = plan();
        let lease = Arc::new(Lease::shared(Arc::clone(&plan.clock) as Arc<dyn Clock>));
        plan.cache = Arc::new(MemoryCache::under(Arc::clone(&lease), 1000));
        plan.lease = lease;
        let house = House::with(plan).await;
        follow::look(&house.app).await.unwrap();
        let line = Arc::new(Line {
            store: house.app.store.clone(),
            is_cut: AtomicBool::new(false),
            reads: Mutex::new(0),
        });
        let other = node(
            &house.app,
            Store::new(Arc::clone(&line) as Arc<dyn Backend>),
        )
        .await;
        follow::look(&other).await.unwrap();
        Self {
            router: router(&other, None),
            front: front(&other),
            house,
            line,
            other,
        }
    }

    fn cut(&self, is_cut: bool) {
        self.line.is_cut.store(is_cut, Ordering::SeqCst);
    }

    fn advance(&self, by: Duration) {
        self.house.clock.advance(by);
    }

    /// Asks the other node, and what stands in front of its router.
    async fn check(&self, token: &str) -> Answer {
        let ask = get("/v1/auth/check").with(token);
        let ready = House::ready_at(&self.front, ask.clone()).await;
        let routed = send(&self.router, ask).await;
        assert!(ready.is_none_or(|ready| ready.status == routed.status));
        routed
    }

    /// The session is in the other node's memory, and answered from there.
    async fn warm(&self, token: &str) {
        assert_eq!(self.check(token).await.status, 200);
        let before = *self.line.reads.lock().unwrap();
        assert_eq!(self.check(token).await.status, 200);
        assert_eq!(*self.line.reads.lock().unwrap(), before, "from memory");
    }

    fn figures(&self) -> Following {
        self.other.follower.figures()
    }

    /// Signs out at the first node.
    async fn sign_out(&self, session: &Answer) {
        let body = json!({"refresh_token": session.refresh()});
        let answer = self.house.ask(post("/v1/auth/logout", body)).await;
        assert_eq!(answer.status, 204);
    }
}

/// Another node: memory and keys of its own.
async fn node(app: &App, store: Store) -> Arc<App> {
    let lease = Arc::new(Lease::shared(Arc::clone(&app.clock)));
    let cache = Arc::new(MemoryCache::under(Arc::clone(&lease), 1000)) as Arc<dyn Cache>;
    let stored = app.store.read(|tx| tx.keys().all()).await;
    let stored: Result<_, StoreError> = stored;
    let keys = KeyRing::open(&stored.unwrap(), app.keys.wrap()).unwrap();
    let shared = Arc::try_unwrap(beside(app, app.pool.clone()));
    Arc::new(App {
        store,
        follower: Arc::new(Follower::new(Arc::clone(&cache), lease)),
        cache,
        activity: Arc::new(Activity::new(Duration::from_mins(1))),
        client_uses: Arc::new(Activity::new(Duration::from_mins(1))),
        keys: Arc::new(keys),
        ..shared.ok().unwrap()
    })
}

#[tokio::test]
async fn rule_11_once_its_lease_is_over_a_node_refuses_what_another_took_away() {
    for act in Act::ALL {
        let pair = Pair::new().await;
        let (cut, other) = two_sessions(&pair.house).await;
        if matches!(act, Act::Reused) {
            let successor = crate::house::refresh(cut.refresh());
            assert_eq!(pair.house.ask(successor).await.status, 200);
            pair.advance(Duration::from_secs(11));
        }
        follow::look(&pair.other).await.unwrap();
        pair.warm(cut.access()).await;
        act.commit(&pair.house, &cut, &other).await;
        // No bus and no look: the database is asked.
        pair.advance(LEASE);
        assert!(!pair.other.follower.holds_lease(), "{act:?}");
        pair.check(cut.access()).await.is(401, "session_revoked");
        // And from memory, when the log has been read.
        follow::look(&pair.other).await.unwrap();
        pair.check(cut.access()).await.is(401, "session_revoked");
    }
}

#[tokio::test]
async fn rule_11_a_look_at_the_log_is_enough_and_forgets_no_more_than_it_says() {
    let pair = Pair::new().await;
    let (cut, other) = two_sessions(&pair.house).await;
    follow::look(&pair.other).await.unwrap();
    pair.warm(cut.access()).await;
    pair.warm(other.access()).await;
    pair.sign_out(&cut).await;
    pair.advance(Duration::from_millis(999));
    follow::look(&pair.other).await.unwrap();
    pair.check(cut.access()).await.is(401, "session_revoked");
    pair.warm(other.access()).await;
    let (here, there) = (pair.house.app.follower.figures(), pair.figures());
    assert_eq!((there.applied, there.head), (here.head, here.head));
    assert_eq!((there.gaps, there.failures), (0, 0));
    assert!(there.last_at.is_some() && there.lease_left == Some(LEASE));
}

#[tokio::test]
async fn rule_11_without_the_database_memory_answers_as_long_as_its_lease() {
    let pair = Pair::new().await;
    let (cut, other) = two_sessions(&pair.house).await;
    follow::look(&pair.other).await.unwrap();
    pair.warm(cut.access()).await;
    pair.warm(other.access()).await;
    pair.cut(true);
    pair.sign_out(&cut).await;
    pair.advance(Duration::from_millis(900));
    assert_eq!(pair.check(other.access()).await.status, 200);
    pair.advance(Duration::from_millis(100));
    for token in [cut.access(), other.access()] {
        pair.check(token).await.is(503, "unavailable");
    }
    assert!(follow::look(&pair.other).await.is_err());
    assert_eq!(pair.figures().failures, 1);
    pair.advance(Duration::from_mins(5));
    for token in [cut.access(), other.access()] {
        pair.check(token).await.is(503, "unavailable");
    }
    pair.cut(false);
    pair.check(cut.access()).await.is(401, "session_revoked");
    follow::look(&pair.other).await.unwrap();
    pair.check(cut.access()).await.is(401, "session_revoked");
    pair.warm(other.access()).await;
}

#[tokio::test]
async fn rule_11_a_clock_that_is_stepped_lengthens_no_lease() {
    for step in [-3_600_000, 3_600_000] {
        let pair = Pair::new().await;
        let session = pair.house.sign_in().await;
        follow::look(&pair.other).await.unwrap();
        pair.warm(session.access()).await;
        pair.cut(true);
        let stepped = pair.house.clock.now().millis() + step;
        pair.house.clock.set(Time::from_millis(stepped));
        pair.check(session.access()).await.is(503, "unavailable");
    }
}

#[tokio::test]
async fn rule_11_a_node_that_was_away_for_long_forgets_everything() {
    let pair = Pair::new().await;
    let session = pair.house.sign_in().await;
    follow::look(&pair.other).await.unwrap();
    pair.warm(session.access()).await;
    for _ in 0..3 {
        let another = pair.house.sign_in().await;
        pair.sign_out(&another).await;
    }
    pair.advance(Duration::from_hours(2));
    housekeeping::prune(&pair.house.app).await.unwrap();
    // What was not read is gone, but for the latest entry.
    let fresh = pair.house.sign_in().await;
    follow::look(&pair.other).await.unwrap();
    assert_eq!(pair.figures().gaps, 1);
    assert!(pair.other.follower.holds_lease());
    assert_eq!(pair.other.cache.stats().entries, 0);
    pair.warm(fresh.access()).await;
    let head = pair.house.app.follower.figures().head;
    assert_eq!(pair.figures().applied, head);
}

#[tokio::test]
async fn rule_11_a_signing_key_that_is_revoked_is_good_on_no_node() {
    for looks in [true, false] {
        let pair = Pair::new().await;
        let session = pair.house.sign_in().await;
        follow::look(&pair.other).await.unwrap();
        pair.warm(session.access()).await;
        let kid = pair.house.app.keys.kid();
        let admin = operator(Socket::Admin);
        key::revoke(&pair.house.app, &admin, revoking(&kid))
            .await
            .unwrap();
        assert_eq!(pair.other.keys.kid(), kid, "not heard of yet");
        if looks {
            follow::look(&pair.other).await.unwrap();
        } else {
            pair.advance(LEASE);
        }
        pair.check(session.access()).await.is(401, "invalid_token");
        assert_eq!(pair.other.keys.kid(), pair.house.app.keys.kid());
        let fresh = pair
            .house
            .ask(crate::house::refresh(session.refresh()))
            .await;
        assert_eq!(pair.check(fresh.access()).await.status, 200);
    }
}

/// The loop as the daemon runs it, on real time; the clocks of the leases stand still, so that only what
/// it heard can make the other node refuse.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_11_the_timer_and_the_bus_each_bring_it() {
    for has_bus in [false, true] {
        let pair = Pair::new().await;
        let bus = Rumours::new();
        let (stop, stopping) = watch::channel(false);
        let heard = has_bus.then(|| Arc::clone(&bus) as Arc<dyn Bus>);
        let following = tokio::spawn(follow::run(Arc::clone(&pair.other), heard, stopping));
        until(async || has_bus <= (bus.0.receiver_count() == 1)).await;
        if has_bus {
            pair.house
                .app
                .follower
                .publish_by(Arc::clone(&bus) as Arc<dyn Bus>);
        }
        let session = pair.house.sign_in().await;
        let mut commits = pair.other.cache.commits();
        assert_eq!(pair.check(session.access()).await.status, 200);
        pair.sign_out(&session).await;
        commits.changed().await.unwrap();
        until(async || pair.check(session.access()).await.status == 401).await;
        let applied = pair.figures().applied;
        assert_eq!(applied, pair.house.app.follower.figures().head);
        stop.send_replace(true);
        following.await.unwrap();
    }
}

/// What is news makes it look at once, what is not does not, and neither forgets anything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_11_rumours_cost_a_look_and_nothing_else() {
    let pair = Pair::new().await;
    let session = pair.house.sign_in().await;
    follow::look(&pair.other).await.unwrap();
    pair.warm(session.access()).await;
    let bus = Rumours::new();
    let (stop, stopping) = watch::channel(false);
    let heard = Arc::clone(&bus) as Arc<dyn Bus>;
    let following = tokio::spawn(follow::run(Arc::clone(&pair.other), Some(heard), stopping));
    until(async || bus.0.receiver_count() == 1).await;
    let scope = Scope::Global;
    let started = Instant::now();
    for _ in 0..25 {
        let looks = pair.figures().looks;
        bus.publish(&[Notice {
            number: u64::MAX,
            scope,
        }]);
        until(async || pair.figures().looks > looks).await;
    }
    let by_timer = follow::LOOK_EVERY * 25;
    assert!(started.elapsed() < by_timer, "{:?}", started.elapsed());
    // More than the channel holds are lost, and that is a reason to look, too.
    for number in 0..1000 {
        bus.publish(&[Notice { number, scope }]);
    }
    stop.send_replace(true);
    following.await.unwrap();
    pair.warm(session.access()).await;
    assert_eq!((pair.figures().gaps, pair.figures().failures), (0, 0));
}

/// Numbers that a seed draws.
struct Dice(u64);

impl Dice {
    fn draw(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

/// A session of a device, and when its end was answered.
struct Known {
    device: String,
    session: Answer,
    ended: Option<Duration>,
}

/// Signs in at the first node; what that device had before is over.
async fn sign_in(pair: &Pair, all: &mut Vec<Known>, device: u64) {
    let device = format!("d-{device}");
    let signing_in = login(ADA, GOOD).device(&device, "mobile", None);
    let session = pair.house.ask(signing_in).await;
    assert_eq!(session.status, 200);
    let now = pair.house.clock.steady();
    let before = all.iter_mut().filter(|known| known.device == device);
    before.for_each(|known| known.ended = known.ended.or(Some(now)));
    all.push(Known {
        device,
        session,
        ended: None,
    });
}

#[tokio::test]
async fn rule_11_in_whatever_order_things_happen() {
    for seed in [3, 7_919, 104_729] {
        let pair = Pair::new().await;
        let mut dice = Dice(seed);
        let mut all: Vec<Known> = Vec::new();
        let (mut accepted, mut refused, mut unavailable) = (0, 0, 0);
        for _ in 0..400 {
            match dice.draw(12) {
                0 => sign_in(&pair, &mut all, dice.draw(4)).await,
                1 if !all.is_empty() => {
                    let n = usize::try_from(dice.draw(all.len() as u64)).unwrap();
                    if all[n].ended.is_none() {
                        pair.sign_out(&all[n].session).await;
                        all[n].ended = Some(pair.house.clock.steady());
                    }
                }
                2 => drop(follow::look(&pair.other).await),
                3 => drop(follow::look(&pair.house.app).await),
                4 => pair.cut(dice.draw(2) == 0),
                5 | 6 => pair.advance(Duration::from_millis(dice.draw(500))),
                _ if all.is_empty() => {}
                _ => {
                    let n = usize::try_from(dice.draw(all.len() as u64)).unwrap();
                    let Known { session, ended, .. } = &all[n];
                    let answer = pair.check(session.access()).await;
                    let is_cut = pair.line.is_cut.load(Ordering::SeqCst);
                    let now = pair.house.clock.steady();
                    let since = ended.map(|at| now.checked_sub(at).unwrap());
                    match answer.status {
                        200 => {
                            assert!(since.is_none_or(|since| since < LEASE), "{since:?}");
                            accepted += 1;
                        }
                        401 => {
                            assert!(since.is_some(), "{seed}: {answer:?}");
                            refused += 1;
                        }
                        503 => {
                            assert!(is_cut);
                            unavailable += 1;
                        }
                        other => panic!("{other}"),
                    }
                }
            }
        }
        let all = (accepted, refused, unavailable);
        assert!(accepted > 10 && refused > 10 && unavailable > 0, "{all:?}");
    }
}
