//! Places in front of the hash threads: who has one may hash, who gets none is told so at once.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use common::secret::Secret;
use common::tally::Counter;
use domain::password::Password;
use tokio::sync::oneshot;

use super::super::error::CryptoError;
use super::queue::{Job, Queue, Work};

/// Who wants a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Anybody; at most half of the places.
    Common,
    /// Known devices, password change and reset; every place.
    Kept,
    /// What nobody waits for: a few places of its own, and a thread when no other work waits.
    Spare,
}

/// Places of [`Lane::Spare`], beside all others.
const SPARE_LIMIT: usize = 4;

/// There is no place: 503 `overloaded`, nothing was recorded or evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no place in the hash queue")]
pub struct NoPlace;

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// No thread was free in time, or the pool has stopped. Nothing was evaluated.
    #[error("no hash thread was free in time; nothing was evaluated")]
    TooLate,
    /// The stored hash is of another scheme, or asks for more than 64 MiB, 4 passes or 4 lanes.
    /// Nothing was evaluated.
    #[error("the stored password hash is out of bounds")]
    Unusable,
    /// The hash could not be made.
    #[error("hashing failed")]
    Failed(#[from] CryptoError),
}

/// The places of a pool.
pub(super) struct Places {
    taken: Mutex<Taken>,
    refused: Counter,
}

#[derive(Default)]
struct Taken {
    limit: usize,
    all: usize,
    common: usize,
    spare: usize,
}

impl Taken {
    /// Of an odd number of places the middle one is for everybody.
    const fn common_limit(&self) -> usize {
        self.limit.div_ceil(2)
    }
}

impl Places {
    /// So many places.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            taken: Mutex::new(Taken {
                limit,
                ..Taken::default()
            }),
            refused: Counter::default(),
        }
    }

    /// How often none was left.
    pub(super) fn refused(&self) -> u64 {
        self.refused.total()
    }

    /// So many from now on; who holds one keeps it, also above a lower limit.
    pub(super) fn set_limit(&self, limit: usize) {
        self.taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .limit = limit;
    }

    /// Takes one.
    pub(super) fn take(places: &Arc<Self>, lane: Lane) -> Result<Arc<Permit>, NoPlace> {
        let mut taken = places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = match lane {
            Lane::Common => taken.all >= taken.limit || taken.common >= taken.common_limit(),
            Lane::Kept => taken.all >= taken.limit,
            Lane::Spare => taken.spare >= SPARE_LIMIT,
        };
        if is_full {
            places.refused.one();
            return Err(NoPlace);
        }
        taken.all += usize::from(lane != Lane::Spare);
        taken.common += usize::from(lane == Lane::Common);
        taken.spare += usize::from(lane == Lane::Spare);
        Ok(Arc::new(Permit {
            places: Arc::clone(places),
            lane,
        }))
    }

    /// How many spare ones are taken.
    pub(super) fn spare_taken(&self) -> usize {
        self.taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .spare
    }

    /// How many are taken, spare ones apart.
    pub(super) fn taken(&self) -> usize {
        self.taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .all
    }
}

/// A taken place. Its holder and a job of the holder share it, so that a job whose holder is gone
/// still counts until it leaves the queue.
pub(super) struct Permit {
    places: Arc<Places>,
    lane: Lane,
}

impl Permit {
    pub(super) const fn lane(&self) -> Lane {
        self.lane
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut taken = self
            .places
            .taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match self.lane {
            Lane::Common => {
                taken.all = taken.all.saturating_sub(1);
                taken.common = taken.common.saturating_sub(1);
            }
            Lane::Kept => taken.all = taken.all.saturating_sub(1),
            Lane::Spare => taken.spare = taken.spare.saturating_sub(1),
        }
    }
}

/// A place in the queue. Dropping it gives it back.
pub struct Place {
    permit: Arc<Permit>,
    queue: Arc<Queue>,
}

impl Place {
    pub(super) const fn new(permit: Arc<Permit>, queue: Arc<Queue>) -> Self {
        Self { permit, queue }
    }

    /// Whether a password is that of a stored hash. Without one the same work is done against
    /// nobody's, and the answer is no.
    ///
    /// # Errors
    /// [`HashError::TooLate`] and [`HashError::Unusable`] evaluated nothing.
    pub async fn verify(
        &mut self,
        password: &Password,
        stored: Option<Secret<String>>,
    ) -> Result<bool, HashError> {
        let (answer, result) = oneshot::channel();
        self.run(Work::Verify {
            password: password.clone(),
            stored,
            answer,
        })?;
        result.await.unwrap_or(Err(CryptoError::Stopped.into()))
    }

    /// Makes the PHC string of a password under the present parameters.
    ///
    /// # Errors
    /// [`HashError::TooLate`] if no thread was free in time.
    pub async fn hash(&mut self, password: &Password) -> Result<Secret<String>, HashError> {
        let (answer, result) = oneshot::channel();
        self.run(Work::Hash {
            password: password.clone(),
            answer,
        })?;
        result.await.unwrap_or(Err(CryptoError::Stopped.into()))
    }

    fn run(&self, work: Work) -> Result<(), HashError> {
        self.queue.push(Job {
            work,
            queued: Instant::now(),
            permit: Arc::clone(&self.permit),
        })
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Place({:?})", self.permit.lane)
    }
}
