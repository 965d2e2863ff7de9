//! Follows the log of invalidations: applies its entries in their order, notices what is missing, and
//! keeps the lease under which memory answers. It reads nothing itself: `app` hands it pages.
//!
//! What this process commits it hears at once, before anybody is answered; what others commit it finds in
//! the log. Entries that come twice are applied once or twice, which only empties more than needed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use common::tally::Counter;
use common::time::Time;
use store::{CommitListener, Invalidation, Scope};
use tokio::sync::Notify;

use super::Cache;
use super::bus::{Bus, Notice};
use super::lease::{Lease, Moment};
use super::marks::Marks;

/// Own commits beyond an entry that has not been read yet; what is more is read once more.
const OWN_LIMIT: usize = 4096;

/// What is known of the log, for the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Following {
    /// Whether others may change the database, too.
    pub is_shared: bool,
    /// The highest number of the log that was seen.
    pub head: u64,
    /// The number up to which all has been applied.
    pub applied: u64,
    /// When the last entry that was seen was written.
    pub last_at: Option<Time>,
    /// How often entries were missing, and everything was forgotten.
    pub gaps: u64,
    /// Looks at the log that found its end.
    pub looks: u64,
    /// Looks at the log that failed.
    pub failures: u64,
    /// What is left of the lease; none for a node that needs none.
    pub lease_left: Option<Duration>,
}

/// The place up to which the log has been applied: its last entry, or none before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(Option<Invalidation>);

impl Place {
    /// The number to read from, the known entry included: it must be there still.
    pub fn number(self) -> u64 {
        self.0.map_or(0, |entry| entry.number)
    }
}

/// What a page of the log came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It was applied.
    Applied,
    /// Something is missing, or this is another log: [`Follower::begin`] must be next.
    Gap,
}

#[derive(Debug, Default)]
struct State {
    /// None until the log has been read, and again behind a gap.
    place: Option<Place>,
    /// Own commits behind entries that have not been read.
    own: BTreeMap<u64, Invalidation>,
    last: Option<Invalidation>,
}

impl State {
    /// Goes on over own commits that follow.
    fn go_on(&mut self) {
        while let Some(Place(place)) = self.place {
            let next = place.map_or(0, |entry| entry.number).saturating_add(1);
            let Some(entry) = self.own.remove(&next) else {
                break;
            };
            self.place = Some(Place(Some(entry)));
        }
    }

    fn saw(&mut self, entry: Invalidation) {
        if self.last.is_none_or(|last| last.number < entry.number) {
            self.last = Some(entry);
        }
    }
}

/// The reader's half that decides.
pub struct Follower {
    cache: Arc<dyn Cache>,
    lease: Arc<Lease>,
    marks: Marks,
    state: Mutex<State>,
    bus: OnceLock<Arc<dyn Bus>>,
    /// Something of others lies before an own commit: a look is due.
    due: Notify,
    /// One look at a time.
    turn: tokio::sync::Mutex<()>,
    gaps: Counter,
    looks: Counter,
    failures: Counter,
}

impl Follower {
    /// Tells `cache`, which must answer under this lease.
    pub fn new(cache: Arc<dyn Cache>, lease: Arc<Lease>) -> Self {
        Self {
            cache,
            lease,
            marks: Marks::new(),
            state: Mutex::default(),
            bus: OnceLock::new(),
            due: Notify::new(),
            turn: tokio::sync::Mutex::default(),
            gaps: Counter::default(),
            looks: Counter::default(),
            failures: Counter::default(),
        }
    }

    /// Hands on by a bus what is committed from now on. The first one stays.
    pub fn publish_by(&self, bus: Arc<dyn Bus>) {
        drop(self.bus.set(bus));
    }

    /// Whether others may change the database, too.
    pub fn is_shared(&self) -> bool {
        self.lease.is_shared()
    }

    /// Whether memory may answer now.
    pub fn holds_lease(&self) -> bool {
        self.lease.holds()
    }

    /// Waits until nobody else looks at the log.
    pub async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Waits until a look is due because of what this process committed itself.
    pub async fn due(&self) {
        self.due.notified().await;
    }

    /// The present moment, for [`Follower::renew`]; must be taken before the log is read.
    pub fn moment(&self) -> Moment {
        self.lease.moment()
    }

    /// Where to read on; none if [`Follower::begin`] must be first.
    pub fn place(&self) -> Option<Place> {
        self.state().place
    }

    /// Whether a notice tells of something that has not been applied.
    pub fn is_news(&self, notice: &Notice) -> bool {
        self.applied().is_none_or(|applied| applied < notice.number)
    }

    /// Whether the page has entries of others that may have ended signing keys: those must be read again
    /// before the page is taken.
    pub fn ends_keys(&self, page: &[Invalidation]) -> bool {
        let state = self.state();
        let applied = state.place.map_or(0, Place::number);
        page.iter().any(|entry| {
            let may_end = matches!(entry.scope, Scope::Global | Scope::Tokens);
            may_end && entry.number > applied && !state.own.contains_key(&entry.number)
        })
    }

    /// Applies a page that was read from a place on.
    pub fn take(&self, from: Place, page: &[Invalidation]) -> Taken {
        let Some(news) = follows(from, page) else {
            self.lose();
            return Taken::Gap;
        };
        let mut state = self.state();
        let Some(place) = state.place else {
            return Taken::Gap;
        };
        let foreign: Vec<Scope> = news
            .iter()
            .filter(|entry| entry.number > place.number())
            .filter(|entry| !state.own.contains_key(&entry.number))
            .map(|entry| entry.scope)
            .collect();
        for entry in news {
            self.marks.raise(&entry.scope, entry.number);
        }
        if !foreign.is_empty() {
            self.cache.committed(&foreign);
        }
        for &entry in news.iter().filter(|entry| entry.number > place.number()) {
            state.own.remove(&entry.number);
            state.place = Some(Place(Some(entry)));
            state.saw(entry);
        }
        state.go_on();
        Taken::Applied
    }

    /// Forgets everything that is kept in memory, and follows from the end of `tail` on: the latest entries
    /// of the log, of which the last is its head.
    pub fn begin(&self, tail: &[Invalidation]) {
        let tail = unbroken(tail);
        let head = tail.last().copied();
        let mut state = self.state();
        let before_tail = tail
            .first()
            .map_or(0, |entry| entry.number.saturating_sub(1));
        // Numbers of a log that went back say nothing about what was read before.
        let seen = state.last.map_or(0, |last| last.number);
        let went_back = head.map_or(0, |head| head.number) < seen;
        let floor = if went_back { seen } else { before_tail };
        for entry in tail {
            self.marks.raise(&entry.scope, entry.number);
        }
        self.marks.begin_above(floor);
        self.cache.flush();
        state.own = head.map_or_else(BTreeMap::new, |head| {
            state.own.split_off(&head.number.saturating_add(1))
        });
        state.place = Some(Place(head));
        state.last = head;
        state.go_on();
    }

    /// Memory may answer for a while from the moment on; only once all is applied that was read after it.
    pub fn renew(&self, moment: Moment) {
        self.lease.renew(moment);
        self.looks.one();
    }

    /// A look at the log failed. The lease runs out by itself.
    pub fn failed(&self) {
        self.failures.one();
    }

    /// The number up to which all has been applied: what is read from the database from now on is as good
    /// as that. None until the log has been read.
    pub fn applied(&self) -> Option<u64> {
        self.state().place.map(Place::number)
    }

    /// The highest number that took from one of these scopes, or from everything: what was read when
    /// [`Follower::applied`] was lower may be outdated. It is of use only while the lease holds.
    pub fn latest_of(&self, scopes: &[Scope]) -> u64 {
        self.marks.latest(scopes)
    }

    /// What is known of the log.
    pub fn figures(&self) -> Following {
        let state = self.state();
        let applied = state.place.map_or(0, Place::number);
        Following {
            is_shared: self.is_shared(),
            head: state.last.map_or(applied, |last| last.number.max(applied)),
            applied,
            last_at: state.last.map(|last| last.at),
            gaps: self.gaps.total(),
            looks: self.looks.total(),
            failures: self.failures.total(),
            lease_left: self.lease.left(),
        }
    }

    /// Entries are missing: memory must not answer before everything was forgotten.
    fn lose(&self) {
        let mut state = self.state();
        self.lease.end();
        if state.place.take().is_some() {
            self.gaps.one();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock leaves it half changed in a way that would let anybody in: the place
        // moves on behind what was applied.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what this process committed itself, which the cache has heard.
    fn note(&self, entries: &[Invalidation]) {
        let mut state = self.state();
        for &entry in entries {
            state.saw(entry);
            let applied = state.place.map(Place::number);
            if applied.is_some_and(|applied| entry.number <= applied) {
                continue;
            }
            if self.is_shared() {
                if state.own.len() < OWN_LIMIT {
                    state.own.insert(entry.number, entry);
                }
            } else {
                // Nobody else writes: there is nothing in between.
                state.place = Some(Place(Some(entry)));
            }
        }
        state.go_on();
        if self.is_shared() && !state.own.is_empty() {
            self.due.notify_one();
        }
    }
}

impl CommitListener for Follower {
    fn committed(&self, scopes: &[Scope]) {
        self.cache.committed(scopes);
    }

    fn logged(&self, entries: &[Invalidation]) {
        for entry in entries {
            self.marks.raise(&entry.scope, entry.number);
        }
        let scopes: Vec<Scope> = entries.iter().map(|entry| entry.scope).collect();
        self.cache.committed(&scopes);
        self.note(entries);
        if let Some(bus) = self.bus.get() {
            let notices: Vec<Notice> = entries
                .iter()
                .map(|entry| Notice {
                    number: entry.number,
                    scope: entry.scope,
                })
                .collect();
            bus.publish(&notices);
        }
    }
}

/// What a page has behind a place: none if the place's own entry is not there as it was, or a number is
/// missing.
fn follows(from: Place, page: &[Invalidation]) -> Option<&[Invalidation]> {
    let news = match (from.0, page.split_first()) {
        (None, _) => page,
        (Some(known), Some((first, news))) if *first == known => news,
        (Some(_), _) => return None,
    };
    let expected = from.number().saturating_add(1)..;
    let is_whole = news
        .iter()
        .zip(expected)
        .all(|(entry, number)| entry.number == number);
    is_whole.then_some(news)
}

/// The end of a page, behind the last hole in it.
fn unbroken(page: &[Invalidation]) -> &[Invalidation] {
    let hole = page
        .array_windows()
        .rposition(|[before, after]| before.number.checked_add(1) != Some(after.number));
    let start = hole.map_or(0, |hole| hole.saturating_add(1));
    page.get(start..).unwrap_or_default()
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follower")
            .field("figures", &self.figures())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
