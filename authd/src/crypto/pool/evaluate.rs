//! One hash: argon2id into given memory, compared in constant time.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Version};
use common::secret::Secret;
use data_encoding::BASE64_NOPAD;
use domain::password::Password;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::super::error::CryptoError;
use super::super::random::{Random, bytes};
use super::memory::Memory;
use super::phc::{Cost, StoredHash};
use super::place::HashError;

const SALT_BYTES: usize = 16;
const OUTPUT_BYTES: usize = 32;

/// Knows the present parameters, and a hash of them that no password has.
pub(super) struct Evaluator {
    cost: Cost,
    random: Arc<dyn Random>,
    nobody: StoredHash,
}

impl Evaluator {
    /// Checks the parameters and draws nobody's hash.
    pub(super) fn new(cost: Cost, random: Arc<dyn Random>) -> Result<Self, CryptoError> {
        cost.params(OUTPUT_BYTES)?;
        let nobody = StoredHash {
            cost,
            salt: bytes::<SALT_BYTES>(&*random)?.to_vec(),
            output: bytes::<OUTPUT_BYTES>(&*random)?.to_vec(),
        };
        Ok(Self {
            cost,
            random,
            nobody,
        })
    }

    /// The present parameters.
    pub(super) const fn cost(&self) -> Cost {
        self.cost
    }

    /// Blocks that a hash of the present parameters takes.
    pub(super) const fn usual_blocks(&self) -> usize {
        self.cost.memory_kib as usize
    }

    /// Whether a password is that of a stored hash; the same work and a no for nobody's.
    pub(super) fn verify(
        &self,
        memory: &mut Memory,
        password: &Password,
        stored: Option<&Secret<String>>,
    ) -> Result<bool, HashError> {
        let Some(phc) = stored else {
            matches(memory, password, &self.nobody)?;
            return Ok(false);
        };
        Ok(matches(memory, password, &StoredHash::parse(phc)?)?)
    }

    /// Makes the PHC string of a password, under the present parameters and a new salt.
    pub(super) fn hash(
        &self,
        memory: &mut Memory,
        password: &Password,
    ) -> Result<Secret<String>, HashError> {
        let salt = bytes::<SALT_BYTES>(&*self.random)?;
        let output = argon2id(
            memory,
            self.cost,
            password.expose().as_bytes(),
            &salt,
            OUTPUT_BYTES,
        )?;
        let output = Zeroizing::new(BASE64_NOPAD.encode(&output));
        Ok(Secret::new(format!(
            "{}${}${}",
            self.cost.scheme(),
            BASE64_NOPAD.encode(&salt),
            output.as_str()
        )))
    }
}

fn matches(
    memory: &mut Memory,
    password: &Password,
    stored: &StoredHash,
) -> Result<bool, CryptoError> {
    let output = argon2id(
        memory,
        stored.cost,
        password.expose().as_bytes(),
        &stored.salt,
        stored.output.len(),
    )?;
    Ok(output.ct_eq(&stored.output).into())
}

fn argon2id(
    memory: &mut Memory,
    cost: Cost,
    password: &[u8],
    salt: &[u8],
    output_bytes: usize,
) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let params = cost.params(output_bytes)?;
    let blocks = memory.blocks(params.block_count())?;
    let mut output = Zeroizing::new(vec![0; output_bytes]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(password, salt, &mut output, blocks)
        .map_err(|_| CryptoError::failed("argon2id"))?;
    Ok(output)
}

/// How long a hash takes: the median of three. Nothing if it cannot be made at all.
pub(super) fn measure(cost: Cost) -> Duration {
    let mut memory = Memory::new(Arc::new(AtomicUsize::new(0)));
    let mut times = [Duration::ZERO; 3];
    for time in &mut times {
        let start = Instant::now();
        if argon2id(
            &mut memory,
            cost,
            b"measured",
            &[0; SALT_BYTES],
            OUTPUT_BYTES,
        )
        .is_ok()
        {
            *time = start.elapsed();
        }
    }
    times.sort_unstable();
    let [_, median, _] = times;
    median
}
