//! argon2id as the configuration's defaults have it, on so many threads, each with memory of its own
//! that it uses again: what the machine can hash, with nothing around it.

use std::io::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};

use super::own_time;
use crate::Result;

/// Memory of one hash in KiB, as the configuration has it by default.
pub(crate) const MEMORY_KIB: u32 = 19 * 1024;
const ITERATIONS: u32 = 2;

/// Hashes for so long, and prints hashes a second of wall time, and of processor time.
pub(crate) fn run(threads: usize, time: Duration) -> Result<()> {
    let (started, cpu) = (Instant::now(), own_time());
    let workers: Vec<_> = (0..threads)
        .map(|_| thread::spawn(move || work(started, time)))
        .collect();
    let mut hashes = 0;
    for worker in workers {
        hashes += worker
            .join()
            .map_err(|_| "a hash thread panicked")?
            .map_err(|error| error.to_string())?;
    }
    let wall = f64::from(hashes) / started.elapsed().as_secs_f64();
    let cpu = f64::from(hashes) / own_time().saturating_sub(cpu).as_secs_f64();
    let mut out = std::io::stdout().lock();
    Ok(writeln!(out, "{}", serde_json::to_string(&(wall, cpu))?)?)
}

fn work(started: Instant, time: Duration) -> std::result::Result<u32, argon2::Error> {
    let params = Params::new(MEMORY_KIB, ITERATIONS, 1, Some(32))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut blocks = vec![Block::new(); argon2.params().block_count()];
    let mut out = [0; 32];
    let mut count: u32 = 0;
    while started.elapsed() < time {
        let salt = u128::from(count).to_le_bytes();
        argon2.hash_password_into_with_memory(
            b"seven green lanterns drift",
            &salt,
            &mut out,
            &mut blocks,
        )?;
        count += 1;
    }
    Ok(count)
}
