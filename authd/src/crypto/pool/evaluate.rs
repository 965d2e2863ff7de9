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
use super::super::pepper::Pepper;
use super::super::random::{Random, bytes};
use super::memory::Memory;
use super::phc::{Cost, StoredHash};
use super::place::HashError;

const SALT_BYTES: usize = 16;
const OUTPUT_BYTES: usize = 32;

/// Knows the present parameters, and a hash of them that no password has.
pub(super) struct Evaluator {
    cost: Cost,
    pepper: Option<Arc<Pepper>>,
    random: Arc<dyn Random>,
    nobody: StoredHash,
}

impl Evaluator {
    /// Checks the parameters and draws nobody's hash.
    pub(super) fn new(
        cost: Cost,
        pepper: Option<Arc<Pepper>>,
        random: Arc<dyn Random>,
    ) -> Result<Self, CryptoError> {
        cost.params(OUTPUT_BYTES)?;
        let nobody = StoredHash {
            cost,
            salt: bytes::<SALT_BYTES>(&*random)?.to_vec(),
            output: bytes::<OUTPUT_BYTES>(&*random)?.to_vec(),
        };
        Ok(Self {
            cost,
            pepper,
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
            self.matches(memory, password, &self.nobody)?;
            return Ok(false);
        };
        self.matches(memory, password, &StoredHash::parse(phc)?)
    }

    /// What goes into hashes of a cost beside the password.
    fn secret(&self, cost: Cost) -> Result<&[u8], HashError> {
        match (cost.pepper, &self.pepper) {
            (None, _) => Ok(&[]),
            (Some(id), Some(pepper)) if id == pepper.id() => Ok(pepper.secret()),
            // Another pepper: without it there is nothing to compare.
            (Some(_), _) => Err(HashError::Unusable),
        }
    }

    fn matches(
        &self,
        memory: &mut Memory,
        password: &Password,
        stored: &StoredHash,
    ) -> Result<bool, HashError> {
        let input = Input {
            secret: self.secret(stored.cost)?,
            password: password.expose().as_bytes(),
            salt: &stored.salt,
        };
        let output = argon2id(memory, stored.cost, &input, stored.output.len())?;
        Ok(output.ct_eq(&stored.output).into())
    }

    /// Makes the PHC string of a password, under the present parameters and a new salt.
    pub(super) fn hash(
        &self,
        memory: &mut Memory,
        password: &Password,
    ) -> Result<Secret<String>, HashError> {
        let salt = bytes::<SALT_BYTES>(&*self.random)?;
        let input = Input {
            secret: self.secret(self.cost)?,
            password: password.expose().as_bytes(),
            salt: &salt,
        };
        let output = argon2id(memory, self.cost, &input, OUTPUT_BYTES)?;
        let output = Zeroizing::new(BASE64_NOPAD.encode(&output));
        Ok(Secret::new(format!(
            "{}${}${}",
            self.cost.scheme(),
            BASE64_NOPAD.encode(&salt),
            output.as_str()
        )))
    }
}

/// What a hash is made of.
struct Input<'a> {
    secret: &'a [u8],
    password: &'a [u8],
    salt: &'a [u8],
}

fn argon2id(
    memory: &mut Memory,
    cost: Cost,
    input: &Input<'_>,
    output_bytes: usize,
) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let params = cost.params(output_bytes)?;
    let blocks = memory.blocks(params.block_count())?;
    let mut output = Zeroizing::new(vec![0; output_bytes]);
    Argon2::new_with_secret(input.secret, Algorithm::Argon2id, Version::V0x13, params)
        .and_then(|argon2| {
            let (password, salt) = (input.password, input.salt);
            argon2.hash_password_into_with_memory(password, salt, &mut output, blocks)
        })
        .map_err(|_| CryptoError::failed("argon2id"))?;
    Ok(output)
}

/// How long a hash takes: the median of three. Nothing if it cannot be made at all.
pub(super) fn measure(cost: Cost) -> Duration {
    let mut memory = Memory::new(Arc::new(AtomicUsize::new(0)));
    let mut times = [Duration::ZERO; 3];
    let input = Input {
        secret: &[],
        password: b"measured",
        salt: &[0; SALT_BYTES],
    };
    for time in &mut times {
        let start = Instant::now();
        if argon2id(&mut memory, cost, &input, OUTPUT_BYTES).is_ok() {
            *time = start.elapsed();
        }
    }
    times.sort_unstable();
    let [_, median, _] = times;
    median
}
