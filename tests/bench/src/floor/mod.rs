//! Floors: what the machine gives without the work that is measured, each a process of its own.
//! None shares state with authd; the one of HTTP shares its accept loop and gate on purpose.

pub(crate) mod hashes;
pub(crate) mod http;
pub(crate) mod rotations;
pub(crate) mod verify;

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Processor time that this process has used.
pub(crate) fn own_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}
