//! The hash pool: argon2id on threads of its own, behind a bounded queue (decision 6).
//! Password hashes are made and checked here and nowhere else, and never on the I/O runtime.

mod evaluate;
mod memory;
mod phc;
mod place;
mod queue;
mod worker;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use common::secret::Secret;
use common::tally::Spread;

use super::error::CryptoError;
use super::pepper::Pepper;
use super::random::Random;
use evaluate::Evaluator;
use phc::Cost;
use place::Places;
use queue::Queue;

pub use phc::scheme_of;
pub use place::{HashError, Lane, NoPlace, Place};

/// How passwords are hashed, and how much of it may go on at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashSettings {
    /// Memory of one hash, in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
    /// Threads; 0 for as many as there are cores.
    pub threads: usize,
    /// Places; half of them are for [`Lane::Kept`] alone.
    pub queue_length: usize,
    /// Longest wait for a thread.
    pub queue_deadline: Duration,
    /// Idleness after which a thread gives its memory back.
    pub idle_release: Duration,
}

/// What a pool has done since its start, and what waits for it.
#[derive(Debug, Clone, PartialEq)]
pub struct HashWork {
    /// Hashes that wait for a thread.
    pub waiting: usize,
    /// Places that are taken, spare ones apart.
    pub places_taken: usize,
    /// Times that no place was left.
    pub refused: u64,
    /// Hashes that waited too long and were not begun.
    pub late: u64,
    /// How long hashes waited for a thread, in seconds.
    pub waits: Spread,
    /// How long a thread had each, in seconds.
    pub works: Spread,
}

/// Settings that were made ready for [`HashPool::apply`].
pub struct NextHashing {
    settings: HashSettings,
    evaluator: Arc<Evaluator>,
    floor: Duration,
}

impl NextHashing {
    /// The time before which no refused login may answer once they hold; zero where hashes become
    /// no dearer, and the present one is enough.
    pub fn floor(&self) -> Duration {
        self.floor
    }
}

impl fmt::Debug for NextHashing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NextHashing")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

fn cost_of(settings: &HashSettings, pepper: Option<&Pepper>) -> Cost {
    Cost {
        memory_kib: settings.memory_kib,
        iterations: settings.iterations,
        parallelism: settings.parallelism,
        pepper: pepper.map(Pepper::id),
    }
}

const fn terms_of(settings: &HashSettings, evaluator: Arc<Evaluator>) -> worker::Terms {
    worker::Terms {
        evaluator,
        patience: worker::Patience {
            queue_deadline: settings.queue_deadline,
            idle_release: settings.idle_release,
        },
    }
}

/// The time before which no refused login may answer where a hash costs so much.
fn floor_of(cost: Cost) -> Duration {
    evaluate::measure(cost).mul_f64(1.25)
}

/// A measurement of [`HashPool::calibrate`] that has begun before the pool: a start need not wait for
/// three hashes, one after another, where it waits for the disk as well.
#[derive(Debug)]
pub struct Calibration {
    work: u64,
    thread: JoinHandle<Duration>,
}

impl Calibration {
    /// Measures hashes of these settings, on a thread of its own.
    ///
    /// # Errors
    /// No thread to be had.
    pub fn begin(settings: &HashSettings) -> Result<Self, CryptoError> {
        let cost = cost_of(settings, None);
        let thread = std::thread::Builder::new()
            .name("authd-measure".to_owned())
            .spawn(move || floor_of(cost))
            .map_err(CryptoError::Thread)?;
        Ok(Self {
            work: cost.work(),
            thread,
        })
    }
}

/// The pool. Clones share it; it ends with the last of them, or by [`HashPool::stop`].
#[derive(Clone)]
pub struct HashPool {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Mutex<HashSettings>,
    terms: Arc<worker::Current>,
    random: Arc<dyn Random>,
    pepper: Option<Arc<Pepper>>,
    queue: Arc<Queue>,
    places: Arc<Places>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    thread_count: usize,
    priority_lowered: bool,
}

impl HashPool {
    /// Starts the threads.
    ///
    /// # Errors
    /// Parameters that argon2 does not know, no random bytes, or no threads to be had.
    pub fn start(settings: HashSettings, random: Arc<dyn Random>) -> Result<Self, CryptoError> {
        Self::start_with(settings, None, random)
    }

    /// Starts the threads with a pepper, which goes into every new hash.
    ///
    /// # Errors
    /// As [`HashPool::start`].
    pub fn start_with(
        settings: HashSettings,
        pepper: Option<Pepper>,
        random: Arc<dyn Random>,
    ) -> Result<Self, CryptoError> {
        let pepper = pepper.map(Arc::new);
        let cost = cost_of(&settings, pepper.as_deref());
        let evaluator = Evaluator::new(cost, pepper.clone(), Arc::clone(&random))?;
        let terms = Arc::new(worker::Current::new(terms_of(&settings, evaluator.into())));
        let thread_count = match settings.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        let queue = Arc::new(Queue::new());
        let crew = worker::spawn(thread_count, &queue, &terms)?;
        if !crew.priority_lowered {
            tracing::warn!(
                "hash threads could not lower their priority; logins will slow down token checks"
            );
        }
        Ok(Self {
            inner: Arc::new(Inner {
                settings: Mutex::new(settings),
                terms,
                random,
                pepper,
                queue,
                places: Arc::new(Places::new(settings.queue_length)),
                threads: Mutex::new(crew.threads),
                thread_count,
                priority_lowered: crew.priority_lowered,
            }),
        })
    }

    /// Takes a place, which is good for as many hashes as its holder needs, one after another.
    ///
    /// # Errors
    /// [`NoPlace`] at once if the lane is full; nothing waits.
    pub fn place(&self, lane: Lane) -> Result<Place, NoPlace> {
        let permit = Places::take(&self.inner.places, lane)?;
        Ok(Place::new(permit, Arc::clone(&self.inner.queue)))
    }

    /// What new hashes begin with: the PHC string up to its salt.
    pub fn scheme(&self) -> String {
        self.cost().scheme()
    }

    fn cost(&self) -> Cost {
        self.inner.terms.get().evaluator.cost()
    }

    /// Makes other settings ready, all but the number of threads, which stays. Nothing holds yet;
    /// where a hash would become dearer, it blocks for three of them.
    ///
    /// # Errors
    /// Parameters that argon2 does not know, or no random bytes.
    pub fn prepare(&self, settings: HashSettings) -> Result<NextHashing, CryptoError> {
        let pepper = self.inner.pepper.as_ref();
        let now = self.inner.terms.get();
        let next = cost_of(&settings, pepper.map(Arc::as_ref));
        if next == now.evaluator.cost() {
            return Ok(NextHashing {
                settings,
                evaluator: Arc::clone(&now.evaluator),
                floor: Duration::ZERO,
            });
        }
        let evaluator =
            Evaluator::new(next, pepper.cloned(), Arc::clone(&self.inner.random))?.into();
        let is_dearer = next.work() > now.evaluator.cost().work();
        let floor = if is_dearer {
            floor_of(next)
        } else {
            Duration::ZERO
        };
        Ok(NextHashing {
            settings,
            evaluator,
            floor,
        })
    }

    /// Lets what was prepared hold. What a thread evaluates now ends as it began.
    pub fn apply(&self, next: NextHashing) {
        let NextHashing {
            settings,
            evaluator,
            ..
        } = next;
        let mut held = self.lock_settings();
        *held = HashSettings {
            threads: held.threads,
            ..settings
        };
        self.inner.places.set_limit(settings.queue_length);
        self.inner.terms.set(terms_of(&settings, evaluator));
    }

    fn lock_settings(&self) -> MutexGuard<'_, HashSettings> {
        let settings = self.inner.settings.lock();
        settings.unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a stored hash should be made anew: parameters were raised, or there is a pepper now.
    pub fn is_behind(&self, phc: &Secret<String>) -> bool {
        scheme_of(phc.expose())
            .and_then(Cost::of_scheme)
            .is_some_and(|stored| stored.is_behind(&self.cost()))
    }

    /// The time before which no refused login may answer (rule 4): 1.25 times that of the dearest
    /// of the stored schemes and the present one.
    ///
    /// Measures on the calling thread, which it blocks for three hashes. Schemes that are never
    /// evaluated do not count.
    pub fn calibrate(&self, schemes: &[String]) -> Duration {
        floor_of(self.dearest(schemes))
    }

    /// As [`HashPool::calibrate`], with a measurement of the present scheme that has begun: only where
    /// a dearer one is stored does it block for more.
    pub fn calibrate_with(&self, begun: Calibration, schemes: &[String]) -> Duration {
        let dearest = self.dearest(schemes);
        match begun.thread.join() {
            Ok(floor) if dearest.work() <= begun.work => floor,
            _ => floor_of(dearest),
        }
    }

    fn dearest(&self, schemes: &[String]) -> Cost {
        schemes
            .iter()
            .filter_map(|scheme| Cost::of_scheme(scheme))
            .chain(std::iter::once(self.cost()))
            .max_by_key(Cost::work)
            .unwrap_or_else(|| self.cost())
    }

    /// The settings that hold.
    pub fn settings(&self) -> HashSettings {
        *self.lock_settings()
    }

    /// How many threads hash.
    pub fn threads(&self) -> usize {
        self.inner.thread_count
    }

    /// Whether all threads run at the lowest priority.
    pub fn priority_lowered(&self) -> bool {
        self.inner.priority_lowered
    }

    /// Whether there is a hash that waits for each thread, so that the next one waits for a whole hash
    /// at least.
    pub fn is_backed_up(&self) -> bool {
        self.inner.queue.waiting() >= self.inner.thread_count
    }

    /// Places that are taken; tests of the use cases tell by it who waits.
    pub fn places_taken(&self) -> usize {
        self.inner.places.taken()
    }

    /// Spare places that are taken; tests of the use cases tell by it what goes on behind them.
    pub fn spare_places_taken(&self) -> usize {
        self.inner.places.spare_taken()
    }

    /// Bytes that the threads keep for the next hash.
    pub fn memory_bytes(&self) -> usize {
        self.inner.queue.memory_bytes()
    }

    /// What was done since the start, and what waits.
    pub fn work(&self) -> HashWork {
        let Inner { queue, places, .. } = self.inner.as_ref();
        HashWork {
            waiting: queue.waiting(),
            places_taken: places.taken(),
            refused: places.refused(),
            late: queue.hashed.late.total(),
            waits: queue.hashed.waits.spread(),
            works: queue.hashed.works.spread(),
        }
    }

    /// Ends the threads after what they evaluate now; what waits is answered
    /// [`HashError::TooLate`]. Blocks for at most the length of one hash.
    pub fn stop(&self) {
        self.inner.queue.stop();
        let threads = std::mem::take(
            &mut *self
                .inner
                .threads
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a hash thread had panicked");
            }
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.queue.stop();
    }
}

impl fmt::Debug for HashPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashPool")
            .field("settings", &self.settings())
            .field("threads", &self.inner.thread_count)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
