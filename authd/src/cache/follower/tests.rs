//! Two nodes over one log, in every order that a seed draws: what one takes away is served by the other
//! for the length of a lease at most, whatever the bus, the clocks and the log itself do.

use std::sync::atomic::{AtomicU64, Ordering};

use common::id::{SessionId, UserId};
use common::time::{Clock, ManualClock};
use domain::session::Session;
use tokio::sync::broadcast;

use super::*;
use crate::cache::contract::{key, state_of};
use crate::cache::{LEASE, MemoryCache, SessionState, StateKey, Ticket};

const NOW: Time = Time::from_millis(1_790_000_000_000);
const KEYS: u8 = 6;
const PAGE: usize = 4;

/// Keeps what is published; what becomes of it is the test's to say.
#[derive(Default)]
struct Wire(Mutex<Vec<Notice>>);

impl Bus for Wire {
    fn publish(&self, notices: &[Notice]) {
        self.0.lock().unwrap().extend(notices);
    }

    fn subscribe(&self) -> broadcast::Receiver<Notice> {
        broadcast::channel(1).1
    }
}

struct Node {
    cache: Arc<MemoryCache>,
    follower: Follower,
}

impl Node {
    fn new(clock: &Arc<ManualClock>) -> Self {
        let lease = Arc::new(Lease::shared(Arc::clone(clock) as Arc<dyn Clock>));
        let cache = Arc::new(MemoryCache::under(Arc::clone(&lease), 1000));
        let follower = Follower::new(Arc::clone(&cache) as Arc<dyn Cache>, lease);
        Self { cache, follower }
    }

    /// The generation that memory answers with.
    fn served(&self, n: u8) -> Option<u32> {
        let state = self.cache.state(&key(n))?;
        Some(state.session.generation)
    }
}

/// A state of the session, told apart by its generation.
fn state(key: StateKey, generation: u32) -> Arc<SessionState> {
    let of = state_of(key, false);
    let session = Session {
        generation,
        ..of.session.clone()
    };
    Arc::new(SessionState::new(
        session,
        of.user_status,
        of.is_tenant_admin,
        Arc::clone(&of.access),
        of.tenant.clone(),
        of.settings.clone(),
    ))
}

/// A look that has read its page and not taken it.
struct Look {
    moment: Moment,
    place: Option<Place>,
    page: Vec<Invalidation>,
    is_last: bool,
}

/// The database: the log, and which generation of each session is the true one since when.
struct World {
    clock: Arc<ManualClock>,
    log: Vec<Invalidation>,
    truth: Vec<Vec<(Duration, u32)>>,
    random: u64,
    wire: Arc<Wire>,
    served: AtomicU64,
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            clock: Arc::new(ManualClock::at(NOW)),
            log: Vec::new(),
            truth: vec![vec![(Duration::ZERO, 0)]; usize::from(KEYS)],
            random: seed,
            wire: Arc::default(),
            served: AtomicU64::new(0),
        }
    }

    /// `SplitMix64`.
    fn draw(&mut self, below: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }

    fn draw_key(&mut self) -> u8 {
        u8::try_from(self.draw(KEYS.into())).unwrap()
    }

    fn generation(&self, n: u8) -> u32 {
        self.truth[usize::from(n)].last().unwrap().1
    }

    /// Something is taken away from these, and answered.
    fn change(&mut self, by: &Node, scope: Scope, keys: &[u8]) {
        let now = self.clock.steady();
        for &n in keys {
            let next = self.generation(n) + 1;
            self.truth[usize::from(n)].push((now, next));
        }
        let number = self.log.last().map_or(1, |last| last.number + 1);
        let at = self.clock.now();
        let entry = Invalidation { number, scope, at };
        self.log.push(entry);
        by.follower.logged(&[entry]);
    }

    fn change_some(&mut self, by: &Node) {
        let n = self.draw_key();
        let all: Vec<u8> = (0..KEYS).collect();
        match self.draw(8) {
            0 => self.change(by, Scope::Global, &all),
            1 => self.change(by, Scope::Tenant(key(n).tenant), &[n]),
            2 => self.change(by, Scope::User(key(n).user), &[n]),
            _ => self.change(by, Scope::Session(key(n).session), &[n]),
        }
    }

    /// A backup takes the place: nothing that was kept is true any more, and the numbers jump.
    fn restore(&mut self) {
        let kept = self.draw(self.log.len() as u64 + 1);
        self.log.truncate(usize::try_from(kept).unwrap());
        let number = u64::try_from(self.clock.now().millis()).unwrap();
        let number = self
            .log
            .last()
            .map_or(0, |last| last.number + 2)
            .max(number);
        self.log.push(Invalidation {
            number,
            scope: Scope::Global,
            at: self.clock.now(),
        });
        let now = self.clock.steady();
        for generations in &mut self.truth {
            let next = generations.last().unwrap().1 + 1;
            generations.push((now, next));
        }
    }

    fn read(&self, node: &Node) -> Look {
        let moment = node.follower.moment();
        let place = node.follower.place();
        let page: Vec<_> = match place {
            Some(place) => {
                let behind = self.log.iter().filter(|e| e.number >= place.number());
                behind.take(PAGE).copied().collect()
            }
            None => self.log.clone(),
        };
        let is_last = page.last() == self.log.last() || page.len() < PAGE;
        Look {
            moment,
            place,
            page,
            is_last,
        }
    }

    fn take(node: &Node, look: &Look) {
        match look.place {
            None => node.follower.begin(&look.page),
            Some(place) if node.follower.take(place, &look.page) == Taken::Gap => return,
            Some(_) if !look.is_last => return,
            Some(_) => {}
        }
        node.follower.renew(look.moment);
    }

    fn look(&self, node: &Node) {
        for _ in 0..100 {
            Self::take(node, &self.read(node));
            if node.follower.holds_lease() && self.read(node).page.len() <= 1 {
                return;
            }
        }
        panic!("the end of the log is not reached");
    }

    /// Whatever a node answers from memory was true within the length of a lease.
    fn check(&self, node: &Node, own: bool) {
        let now = self.clock.steady();
        for n in 0..KEYS {
            let Some(served) = node.served(n) else {
                continue;
            };
            self.served.fetch_add(1, Ordering::Relaxed);
            let generations = &self.truth[usize::from(n)];
            let next = generations.iter().find(|(_, of)| *of == served + 1);
            if let Some((since, _)) = next {
                let stale = now.checked_sub(*since).unwrap();
                assert!(stale < LEASE, "{served} was replaced {stale:?} ago");
                assert!(!own, "what a node does itself holds at once");
            }
        }
    }
}

/// A load in two steps: what was read may be old when it is kept.
fn begin_load(world: &mut World, node: &Node) -> (Ticket, u32) {
    let n = world.draw_key();
    let ticket = node.cache.ticket(&key(n));
    (ticket, world.generation(n))
}

fn end_load(node: &Node, (ticket, generation): (Ticket, u32)) {
    let state = state(*ticket.key(), generation);
    node.cache.put_state(ticket, state);
}

/// What a schedule may do beside changes, loads and looks.
#[derive(Clone, Copy, Default)]
struct Trouble {
    steps_clock: bool,
    breaks_log: bool,
    has_bus: bool,
}

fn run(seed: u64, trouble: Trouble) -> (u64, u64) {
    let mut world = World::new(seed);
    let (a, b) = (Node::new(&world.clock), Node::new(&world.clock));
    if trouble.has_bus {
        a.follower
            .publish_by(Arc::clone(&world.wire) as Arc<dyn Bus>);
    }
    let (mut looks, mut loads) = (Vec::new(), Vec::new());
    for _ in 0..400 {
        match world.draw(14) {
            0 | 1 => world.change_some(&a),
            2 => world.change_some(&b),
            3 => world.look(&b),
            4 => looks.push(world.read(&b)),
            // Only the latest of several looks may be taken late: they take turns.
            5 => {
                if let Some(look) = looks.pop() {
                    World::take(&b, &look);
                }
                looks.clear();
            }
            6 | 7 => loads.push(begin_load(&mut world, &b)),
            8 | 9 if !loads.is_empty() => {
                let n = world.draw(loads.len() as u64);
                end_load(&b, loads.swap_remove(usize::try_from(n).unwrap()));
            }
            10 => deliver(&mut world, &b),
            11 if trouble.steps_clock => {
                let step = i64::try_from(world.draw(4000)).unwrap() - 2000;
                let stepped = world.clock.now().millis() + step;
                world.clock.set(Time::from_millis(stepped));
            }
            12 if trouble.breaks_log => {
                let keep = usize::try_from(world.draw(3)).unwrap() + 1;
                let gone = world.log.len().saturating_sub(keep);
                world.log.drain(..gone);
            }
            13 if trouble.breaks_log && world.draw(8) == 0 => world.restore(),
            _ => {
                let passed = world.draw(300);
                world.clock.advance(Duration::from_millis(passed));
            }
        }
        world.check(&b, false);
    }
    let served = world.served.load(Ordering::Relaxed);
    (served, b.follower.figures().gaps)
}

/// The bus loses, doubles and reorders, and tells of what never was.
fn deliver(world: &mut World, to: &Node) {
    let mut waiting = std::mem::take(&mut *world.wire.0.lock().unwrap());
    if waiting.is_empty() {
        return;
    }
    let n = usize::try_from(world.draw(waiting.len() as u64)).unwrap();
    let mut notice = match world.draw(3) {
        0 => waiting.swap_remove(n),
        _ => waiting[n],
    };
    if world.draw(5) == 0 {
        notice.number = world.draw(u64::MAX);
    }
    world.wire.0.lock().unwrap().extend(waiting);
    if to.follower.is_news(&notice) {
        world.look(to);
    }
}

fn all_seeds(trouble: Trouble) -> (u64, u64) {
    (0..150).fold((0, 0), |(served, gaps), seed| {
        let (more, further) = run(seed, trouble);
        (served + more, gaps + further)
    })
}

#[test]
fn rule_11_a_reader_accepts_nothing_a_lease_after_it_was_taken_away() {
    let (served, gaps) = all_seeds(Trouble::default());
    assert!(served > 10_000, "{served}");
    assert_eq!(gaps, 0);
}

#[test]
fn rule_11_whatever_the_bus_and_the_clocks_do() {
    let (served, gaps) = all_seeds(Trouble {
        steps_clock: true,
        has_bus: true,
        ..Trouble::default()
    });
    assert!(served > 5_000, "{served}");
    assert_eq!(gaps, 0);
}

#[test]
fn rule_11_whatever_becomes_of_the_log() {
    let (served, gaps) = all_seeds(Trouble {
        steps_clock: true,
        breaks_log: true,
        has_bus: true,
    });
    assert!(served > 5_000, "{served}");
    assert!(gaps > 100, "{gaps}");
}

/// A house with one entry, which B has in memory and under a lease.
fn house() -> (World, Node, Node) {
    let mut world = World::new(1);
    let (a, b) = (Node::new(&world.clock), Node::new(&world.clock));
    world.look(&a);
    world.look(&b);
    world.change(&a, Scope::Session(key(5).session), &[5]);
    world.look(&b);
    for n in 0..KEYS {
        let ticket = b.cache.ticket(&key(n));
        end_load(&b, (ticket, world.generation(n)));
        assert_eq!(b.served(n), Some(world.generation(n)));
    }
    (world, a, b)
}

#[test]
fn rule_11_only_what_an_entry_names_is_forgotten() {
    let (mut world, a, b) = house();
    world.change(&a, Scope::User(key(1).user), &[1]);
    assert_eq!(
        b.served(1),
        Some(0),
        "not heard of yet, and within the lease"
    );
    world.look(&b);
    assert_eq!((b.served(1), b.served(2)), (None, Some(0)));
    let figures = b.follower.figures();
    assert_eq!((figures.applied, figures.head, figures.gaps), (2, 2, 0));
    assert_eq!(figures.last_at, Some(world.clock.now()));
    assert_eq!(figures.lease_left, Some(LEASE));
}

#[test]
fn rule_11_own_changes_hold_at_once_and_are_not_applied_again() {
    let (mut world, a, b) = house();
    world.change(&b, Scope::User(key(1).user), &[1]);
    assert_eq!(b.served(1), None);
    assert_eq!(b.follower.applied(), Some(2), "there is nothing in between");
    // Behind somebody else's it waits for the log.
    world.change(&a, Scope::User(key(2).user), &[2]);
    world.change(&b, Scope::User(key(3).user), &[3]);
    assert_eq!((b.served(3), b.follower.applied()), (None, Some(2)));
    let ticket = b.cache.ticket(&key(3));
    end_load(&b, (ticket, 1));
    world.look(&b);
    assert_eq!((b.served(2), b.served(3)), (None, Some(1)));
    assert_eq!(b.follower.applied(), Some(4));
    world.check(&b, true);
}

#[test]
fn rule_11_a_gap_ends_the_lease_and_empties_the_cache() {
    type Change = fn(&mut World, &Node);
    let changes: [(&str, Change); 4] = [
        ("pruned beyond what was seen", |world, a| {
            world.change(a, Scope::User(key(1).user), &[1]);
            world.change(a, Scope::User(key(2).user), &[2]);
            world.log.drain(..2);
        }),
        ("a number is missing", |world, a| {
            world.change(a, Scope::User(key(1).user), &[1]);
            world.change(a, Scope::User(key(2).user), &[2]);
            world.log.remove(1);
        }),
        ("the numbers went back", |world, _| world.log.clear()),
        ("another entry has the number", |world, _| {
            world.log[0].scope = Scope::User(key(3).user);
        }),
    ];
    for (what, change) in changes {
        let (mut world, a, b) = house();
        change(&mut world, &a);
        let look = world.read(&b);
        assert_eq!(b.follower.take(look.place.unwrap(), &look.page), Taken::Gap);
        assert!(!b.follower.holds_lease(), "{what}");
        assert_eq!(b.follower.place(), None, "{what}");
        world.look(&b);
        assert!(b.follower.holds_lease());
        for n in 0..KEYS {
            assert_eq!(b.served(n), None, "{what}: {n}");
        }
        assert_eq!(b.follower.figures().gaps, 1, "{what}");
        let head = world.log.last().map_or(0, |entry| entry.number);
        assert_eq!(b.follower.applied(), Some(head), "{what}");
    }
}

/// What others keep outside of this process is as good as the number that it was read at.
#[test]
fn rule_11_the_latest_number_of_a_scope_is_known_to_all() {
    let (mut world, a, b) = house();
    let of = |n: u8| {
        let key = key(n);
        let (tenant, user) = (Scope::Tenant(key.tenant), Scope::User(key.user));
        [tenant, user, Scope::Session(key.session)]
    };
    assert_eq!(b.follower.latest_of(&of(1)), 0);
    world.change(&a, Scope::User(key(1).user), &[1]);
    assert_eq!(a.follower.latest_of(&of(1)), 2, "before it is answered");
    world.look(&b);
    assert_eq!(
        (b.follower.latest_of(&of(1)), b.follower.latest_of(&of(2))),
        (2, 0)
    );
    // A node that starts knows what the log still tells, and trusts nothing from before.
    world.log.remove(0);
    let c = Node::new(&world.clock);
    assert_eq!(c.follower.latest_of(&of(2)), u64::MAX);
    world.look(&c);
    assert_eq!(
        (c.follower.latest_of(&of(1)), c.follower.latest_of(&of(2))),
        (2, 1)
    );
    // Where the numbers went back, those from before say nothing.
    world.log.truncate(0);
    world.look(&b);
    assert_eq!(b.follower.latest_of(&of(2)), 2);
}

#[test]
fn who_is_alone_needs_no_look() {
    let cache = Arc::new(MemoryCache::new(10));
    let alone = Arc::new(Lease::alone());
    let follower = Follower::new(Arc::clone(&cache) as Arc<dyn Cache>, alone);
    follower.begin(&[]);
    let ticket = cache.ticket(&key(1));
    cache.put_state(ticket, state(key(1), 0));
    assert!(cache.state(&key(1)).is_some());
    let entry = Invalidation {
        number: 9,
        scope: Scope::User(UserId::from_bytes([1; 16])),
        at: NOW,
    };
    follower.logged(&[entry]);
    assert!(cache.state(&key(1)).is_none());
    let figures = follower.figures();
    assert_eq!((figures.head, figures.applied, figures.gaps), (9, 9, 0));
    assert_eq!((figures.lease_left, figures.is_shared), (None, false));
}

#[test]
fn what_is_committed_is_handed_to_the_bus() {
    let (mut world, a, _) = house();
    let wire = Arc::new(Wire::default());
    a.follower.publish_by(Arc::clone(&wire) as Arc<dyn Bus>);
    let scope = Scope::Session(SessionId::from_bytes([9; 16]));
    world.change(&a, scope, &[]);
    let sent = wire.0.lock().unwrap().clone();
    assert_eq!(sent, [Notice { number: 2, scope }]);
}
