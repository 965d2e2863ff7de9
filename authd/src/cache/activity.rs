//! Last uses of sessions, and of service clients, that are not on disk yet (decision 8). They are coalesced here and
//! written in groups; what a crash loses is at most one interval of idle time.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use common::id::{Id, Kind, SessionKind, TenantId};
use common::time::Time;

/// Locks that the sessions are spread over.
const SHARDS: usize = 16;
/// Most sessions of one shard; 262,144 in all, some 20 MiB.
const SHARD_LIMIT: usize = 1 << 14;
/// Fullness of a shard from which uses are due at once.
const SHARD_CROWDED: usize = SHARD_LIMIT / 2;

#[derive(Clone, Copy)]
struct Use {
    tenant: TenantId,
    last: Time,
    /// First use that is not on disk.
    since: Time,
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

type Shard<K> = HashMap<Id<K>, Use>;

/// Uses that are not on disk: of sessions, unless another kind is named.
pub struct Activity<K: Kind = SessionKind> {
    /// In milliseconds.
    touch_interval: AtomicU64,
    shards: Box<[Mutex<Shard<K>>]>,
}

impl<K: Kind> Activity<K> {
    /// Remembers nothing yet; a session's use is written at most once a `touch_interval`.
    pub fn new(touch_interval: Duration) -> Self {
        Self {
            touch_interval: AtomicU64::new(millis(touch_interval)),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }

    /// A session's use is written at most once in this time from now on.
    pub fn set_touch_interval(&self, touch_interval: Duration) {
        self.touch_interval
            .store(millis(touch_interval), Ordering::Relaxed);
    }

    /// The time in which a session's use is written once at most.
    pub fn touch_interval(&self) -> Duration {
        Duration::from_millis(self.touch_interval.load(Ordering::Relaxed))
    }

    /// Remembers a use. Over the limit a session's first use since the last writing is dropped;
    /// all that is remembered is due by then.
    pub fn touch(&self, tenant: TenantId, session: Id<K>, now: Time) {
        let Some(mut shard) = self.shard(session) else {
            return;
        };
        if let Some(known) = shard.get_mut(&session) {
            known.last = known.last.max(now);
        } else if shard.len() < SHARD_LIMIT {
            let first = Use {
                tenant,
                last: now,
                since: now,
            };
            shard.insert(session, first);
        }
    }

    /// The last use of a session, if it is not on disk yet.
    pub fn last_active(&self, session: Id<K>) -> Option<Time> {
        self.shard(session)?.get(&session).map(|known| known.last)
    }

    /// Uses to write at `now`. They stay remembered until [`Activity::flushed`].
    pub fn due(&self, now: Time) -> Vec<(TenantId, Id<K>, Time)> {
        let interval = self.touch_interval();
        self.collect(|known, is_crowded| {
            // A clock that was set back must not hold them for ever.
            is_crowded || now < known.since || now.since(known.since) >= interval
        })
    }

    /// All uses that are not on disk, for the shutdown.
    pub fn all(&self) -> Vec<(TenantId, Id<K>, Time)> {
        self.collect(|_, _| true)
    }

    /// Forgets uses that are on disk now, unless the session was used again since.
    pub fn flushed(&self, written: &[(Id<K>, Time)]) {
        for &(session, at) in written {
            let Some(mut shard) = self.shard(session) else {
                continue;
            };
            match shard.get_mut(&session) {
                Some(known) if known.last > at => known.since = known.last,
                Some(_) => {
                    shard.remove(&session);
                }
                None => {}
            }
            if shard.len() < shard.capacity() / 8 {
                let room = shard.len() * 2;
                shard.shrink_to(room);
            }
        }
    }

    fn collect(&self, wanted: impl Fn(&Use, bool) -> bool) -> Vec<(TenantId, Id<K>, Time)> {
        let mut found = Vec::new();
        for shard in &self.shards {
            let shard = lock(shard);
            let is_crowded = shard.len() >= SHARD_CROWDED;
            found.extend(
                shard
                    .iter()
                    .filter(|(_, known)| wanted(known, is_crowded))
                    .map(|(&session, known)| (known.tenant, session, known.last)),
            );
        }
        found
    }

    fn shard(&self, session: Id<K>) -> Option<MutexGuard<'_, Shard<K>>> {
        let last = session.as_bytes().last().copied().map(usize::from)?;
        let index = last.checked_rem(self.shards.len())?;
        self.shards.get(index).map(lock)
    }
}

fn lock<K: Kind>(shard: &Mutex<Shard<K>>) -> MutexGuard<'_, Shard<K>> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<K: Kind> std::fmt::Debug for Activity<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Activity")
            .field("touch_interval", &self.touch_interval)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::id::SessionId;
    use std::sync::Arc;

    const MINUTE: Duration = Duration::from_mins(1);

    fn tenant() -> TenantId {
        TenantId::from_bytes([1; 16])
    }

    fn session(n: u64) -> SessionId {
        let mut bytes = [0; 16];
        bytes[8..].copy_from_slice(&n.to_be_bytes());
        SessionId::from_bytes(bytes)
    }

    fn at(seconds: u64) -> Time {
        Time::from_millis(1_000_000).plus(Duration::from_secs(seconds))
    }

    #[test]
    fn a33_a_session_is_written_at_most_once_an_interval() {
        let activity = Activity::<SessionKind>::new(MINUTE);
        for second in 0..60 {
            activity.touch(tenant(), session(1), at(second));
            assert!(activity.due(at(second)).is_empty(), "{second}");
        }
        assert_eq!(activity.last_active(session(1)), Some(at(59)));
        let due = activity.due(at(60));
        assert_eq!(due, [(tenant(), session(1), at(59))]);
        assert_eq!(
            activity.due(at(60)),
            due,
            "not forgotten before it is on disk"
        );
        activity.flushed(&[(session(1), at(59))]);
        assert_eq!(activity.last_active(session(1)), None);
        assert!(activity.all().is_empty());
        activity.touch(tenant(), session(1), at(61));
        assert!(activity.due(at(119)).is_empty());
        assert_eq!(activity.due(at(121)).len(), 1);
    }

    #[test]
    fn a33_a_use_during_the_writing_is_kept_for_the_next() {
        let activity = Activity::<SessionKind>::new(MINUTE);
        activity.touch(tenant(), session(1), at(0));
        let due = activity.due(at(60));
        activity.touch(tenant(), session(1), at(61));
        activity.flushed(&[(due[0].1, due[0].2)]);
        assert_eq!(activity.last_active(session(1)), Some(at(61)));
        assert!(activity.due(at(120)).is_empty());
        assert_eq!(activity.due(at(121)), [(tenant(), session(1), at(61))]);
        assert_eq!(activity.all(), [(tenant(), session(1), at(61))]);
    }

    #[test]
    fn uses_only_move_forward_and_a_clock_set_back_holds_nothing() {
        let activity = Activity::<SessionKind>::new(MINUTE);
        activity.touch(tenant(), session(1), at(100));
        activity.touch(tenant(), session(1), at(50));
        assert_eq!(activity.last_active(session(1)), Some(at(100)));
        assert_eq!(activity.due(at(50)).len(), 1);
        activity.flushed(&[(session(2), at(100))]);
        assert_eq!(activity.all().len(), 1);
    }

    #[test]
    fn memory_is_bounded_and_given_back() {
        let activity = Activity::<SessionKind>::new(MINUTE);
        let wanted = (SHARDS * SHARD_LIMIT) as u64 + 1_000;
        for n in 0..wanted {
            activity.touch(tenant(), session(n), at(0));
        }
        let all = activity.due(at(0));
        assert_eq!(all.len(), SHARDS * SHARD_LIMIT);
        let written: Vec<_> = all.iter().map(|&(_, id, last)| (id, last)).collect();
        activity.flushed(&written);
        assert!(activity.all().is_empty());
        for shard in &activity.shards {
            assert!(lock(shard).capacity() < 64);
        }
    }

    #[test]
    fn no_use_is_lost_between_threads() {
        let activity = Arc::new(Activity::<SessionKind>::new(Duration::ZERO));
        let threads: Vec<_> = (0..4_u64)
            .map(|thread| {
                let activity = Arc::clone(&activity);
                std::thread::spawn(move || {
                    for n in 0..500 {
                        activity.touch(tenant(), session(n), at(thread + n));
                        let due = activity.due(at(10_000));
                        assert!(due.iter().any(|&(_, id, _)| id == session(n)));
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(activity.all().len(), 500);
        for n in 0..500 {
            assert_eq!(activity.last_active(session(n)), Some(at(3 + n)));
        }
    }
}
